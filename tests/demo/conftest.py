"""The simulated MiMo as fixtures: one that answers at once and one that takes its time."""

from __future__ import annotations

import pytest

from tests.demo.demo_client import Mimo


@pytest.fixture
def mimo() -> Mimo:
    return Mimo()


@pytest.fixture
def slow_mimo() -> Mimo:
    """Half a second between two events."""
    return Mimo(delta_delay=0.5)
