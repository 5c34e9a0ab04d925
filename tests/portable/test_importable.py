"""Every module of the package can be imported, whatever the system has."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def modules() -> list[str]:
    files = [*CHECKOUT.glob("ccmimolink/**/*.py"), *CHECKOUT.glob("twisted/plugins/*.py")]
    return sorted(".".join(file.relative_to(CHECKOUT).with_suffix("").parts) for file in files)


@pytest.mark.parametrize("name", modules())
def test_a_module_is_importable(name: str) -> None:
    importlib.import_module(name)
