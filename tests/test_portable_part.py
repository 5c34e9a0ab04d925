"""The part of the suite that runs everywhere is what the table says, and heavy tests are no part of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.portable_part import PORTABLE, TESTS, holds_portable, is_portable

SETTINGS = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
OTHER_MARKERS = {line.partition(":")[0] for line in SETTINGS["markers"]} - {"portable"}
PORTABLE_FILES = [file for file in sorted(TESTS.rglob("test_*.py")) if is_portable(file)]
POSIX_ONLY = {"fcntl", "pty", "termios", "resource", "pwd"}


@pytest.mark.parametrize("name", PORTABLE)
def test_what_the_table_names_is_there(name: str) -> None:
    assert (TESTS / name).exists()


@pytest.mark.parametrize("file", PORTABLE_FILES, ids=lambda file: file.name)
def test_nothing_portable_has_another_marker_or_imports_what_only_posix_has(file: Path) -> None:
    text = file.read_text()

    assert set(re.findall(r"pytest\.mark\.(\w+)", text)) & OTHER_MARKERS == set()
    assert set(re.findall(r"^\s*import (\w+)", text, re.MULTILINE)) & POSIX_ONLY == set()


def test_without_an_expression_every_other_marker_is_left_out() -> None:
    left_out = set(re.findall(r"not (\w+)", SETTINGS["addopts"]))

    assert left_out == OTHER_MARKERS


def test_a_file_within_a_directory_can_be_portable_alone() -> None:
    assert is_portable(TESTS / "sync" / "test_urls.py")
    assert not is_portable(TESTS / "sync" / "test_kills.py")
    assert holds_portable(TESTS / "sync")
    assert not holds_portable(TESTS / "process")
