"""The directory of the debug dump: private, bounded, whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ccmimolink.dump_directory import DumpDirectory, why_not

FILES = {"a.http": b"x" * 4000, "about.json": b"{}" * 50}
SIZE = 3 * 4096
"""With the directory, in the blocks of a disk."""


def name(number: int) -> str:
    return f"20261128T1400{number:02d}.000Z-req_{number:032x}"


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_files_of_a_request_are_private(tmp_path: Path) -> None:
    path = tmp_path / "dumps"
    DumpDirectory(path, 100_000).write(name(1), FILES)
    assert mode(path) == mode(path / name(1)) == 0o700
    assert {file.name: file.read_bytes() for file in (path / name(1)).iterdir()} == FILES
    assert {mode(file) for file in (path / name(1)).iterdir()} == {0o600}


def test_the_eldest_go_where_all_are_too_large(tmp_path: Path) -> None:
    dumps = DumpDirectory(tmp_path, 3 * SIZE)
    for number in range(6):
        dumps.write(name(number), FILES)
    assert names(tmp_path) == [name(3), name(4), name(5)]


def test_those_of_an_earlier_run_count(tmp_path: Path) -> None:
    for number in range(5):
        DumpDirectory(tmp_path, 3 * SIZE).write(name(number), FILES)
    assert names(tmp_path) == [name(2), name(3), name(4)]


def test_the_latest_stays_however_large_it_is(tmp_path: Path) -> None:
    dumps = DumpDirectory(tmp_path, 100)
    dumps.write(name(1), FILES)
    dumps.write(name(2), FILES)
    assert names(tmp_path) == [name(2)]


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "20200101-mine").mkdir()
    (tmp_path / "0-notes.txt").write_text("mine" * 1000)
    outside = tmp_path.parent / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (tmp_path / name(0)).symlink_to(outside)
    dumps = DumpDirectory(tmp_path, 100)
    for number in (1, 2):
        dumps.write(name(number), FILES)
    assert {"20200101-mine", "0-notes.txt", name(2)} <= set(names(tmp_path))
    assert (outside / "kept").read_text() == "kept"


def test_what_was_cut_off_can_be_told_and_goes_in_its_turn(tmp_path: Path) -> None:
    unfinished = tmp_path / f"{name(0)}.part"
    unfinished.mkdir()
    (unfinished / "a.http").write_bytes(b"half")
    dumps = DumpDirectory(tmp_path, 2 * SIZE + 4096)
    dumps.write(name(1), FILES)
    assert names(tmp_path) == [f"{name(0)}.part", name(1)]
    dumps.write(name(2), FILES)
    assert names(tmp_path) == [name(1), name(2)]


def test_nothing_is_left_of_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File name too long"):
        DumpDirectory(tmp_path, 1000).write(name(1), FILES | {"z" * 300: b""})
    assert names(tmp_path) == []


def test_a_directory_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    dumps = DumpDirectory(tmp_path / "dumps", 1000)
    dumps.write(name(1), FILES)
    os.rename(tmp_path / "dumps", tmp_path / "taken")
    dumps.write(name(2), FILES)
    assert names(tmp_path / "dumps") == [name(2)]


def test_why_nothing_can_be_dumped_somewhere(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert why_not(tmp_path / "a" / "b") == ""
    assert why_not(tmp_path) == ""
    assert why_not(file) == "it is not a directory"
    assert why_not(file / "below") == f"{file} is not a directory"
    assert why_not(shared) == "others may write there"
    with pytest.raises(PermissionError, match="others may write there"):
        DumpDirectory(shared, 1000).prepare()
    assert mode(shared) == 0o777
