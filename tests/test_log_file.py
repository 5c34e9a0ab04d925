"""The log file: what is written stays private, bounded and told of, and no trouble with it is an error."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ccmimolink.log_file import LogFile, why_not

Make = Callable[..., LogFile]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def make(tmp_path: Path, told: list[str]) -> Make:
    def made(path: Path = tmp_path / "proxy.log", *, max_bytes: int = 1000, kept: int = 2) -> LogFile:
        return LogFile(path, max_bytes=max_bytes, kept=kept, tell=told.append)

    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_there_is_kept_and_made_private(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "proxy.log"
    path.write_text("before\n")
    path.chmod(0o644)
    make().write("after\n")
    assert path.read_text() == "before\nafter\n"
    assert mode(path) == 0o600


def test_a_full_file_is_rotated_and_so_many_are_kept(tmp_path: Path, make: Make) -> None:
    log = make(max_bytes=20, kept=2)
    for number in range(5):
        log.write(f"line {number} of some\n")
    assert {path.name: path.read_text()[:6] for path in tmp_path.iterdir()} == {
        "proxy.log": "line 4",
        "proxy.log.1": "line 3",
        "proxy.log.2": "line 2",
    }
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}


def test_a_size_of_an_earlier_run_counts(tmp_path: Path, make: Make) -> None:
    (tmp_path / "proxy.log").write_text("x" * 999 + "\n")
    make().write("later\n")
    assert (tmp_path / "proxy.log").read_text() == "later\n"


def test_without_kept_files_it_begins_again(tmp_path: Path, make: Make) -> None:
    log = make(max_bytes=20, kept=0)
    log.write("line 0 of some\n")
    log.write("line 1 of some\n")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["line 1 of some\n"]


def test_one_entry_larger_than_the_limit_is_written_whole(tmp_path: Path, make: Make) -> None:
    log = make(max_bytes=10)
    log.write("x" * 50 + "\n")
    assert (tmp_path / "proxy.log").stat().st_size == 51


def test_a_text_that_is_no_unicode_is_written_all_the_same(tmp_path: Path, make: Make) -> None:
    make().write("half \ud800\n")
    assert (tmp_path / "proxy.log").read_text() == "half \\ud800\n"


def test_a_file_that_was_removed_or_renamed_is_made_anew(tmp_path: Path, make: Make, told: list[str]) -> None:
    log, path = make(), tmp_path / "proxy.log"
    path.rename(tmp_path / "elsewhere")
    log.write("to the second file\n")
    path.unlink()
    log.write("to the third\n")
    assert path.read_text() == "to the third\n"
    assert told == []


def test_a_directory_that_vanished_is_told_once_and_used_again_when_it_is_back(
    tmp_path: Path, make: Make, told: list[str]
) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    log = make(directory / "proxy.log")
    (directory / "proxy.log").unlink()
    directory.rmdir()
    for _ in range(3):
        log.write("lost\n")
    assert len(told) == 1
    assert "cannot be written: its directory does not exist" in told[0]
    directory.mkdir()
    log.write("back\n")
    assert (directory / "proxy.log").read_text() == "back\n"
    assert "3 entries are missing" in told[1]


def test_a_full_disk_is_told_once(make: Make, told: list[str]) -> None:
    log = make(Path("/dev/full"))
    log.write("lost\n")
    log.write("lost\n")
    assert told == ["The log file /dev/full cannot be written: No space left on device. The proxy serves on."]


def test_a_device_is_never_rotated(make: Make) -> None:
    log = make(Path("/dev/null"), max_bytes=10)
    for _ in range(5):
        log.write("a line of some length\n")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_where_rotation_fails_it_is_told_and_writing_goes_on(
    tmp_path: Path, make: Make, told: list[str]
) -> None:
    (tmp_path / "proxy.log.1").mkdir()
    (tmp_path / "proxy.log.1" / "in the way").touch()
    log = make(max_bytes=20, kept=1)
    for number in range(3):
        log.write(f"line {number} of some\n")
    assert (tmp_path / "proxy.log").read_text().count("\n") == 3
    assert told[0].startswith(f"The log file {tmp_path}/proxy.log cannot be rotated")


def test_the_users_own_link_is_followed_and_its_target_rotated(tmp_path: Path, make: Make) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link.log").symlink_to(real / "proxy.log")
    log = make(tmp_path / "link.log", max_bytes=20)
    log.write("line 0 of some\n")
    log.write("line 1 of some\n")
    assert sorted(path.name for path in real.iterdir()) == ["proxy.log", "proxy.log.1"]
    assert (tmp_path / "link.log").is_symlink()


def test_a_link_where_others_may_write_is_refused(tmp_path: Path, make: Make) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "anywhere")
    tmp_path.chmod(0o1777)
    with pytest.raises(PermissionError, match="others may write"):
        make(tmp_path / "link")
    assert not (tmp_path / "anywhere").exists()


def test_each_link_of_a_chain_is_looked_at(tmp_path: Path, make: Make) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "second").symlink_to(tmp_path / "anywhere")
    (tmp_path / "first").symlink_to(shared / "second")
    with pytest.raises(PermissionError, match="others may write"):
        make(tmp_path / "first")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert why_not(tmp_path / "round") == "it is a link that leads nowhere"


def test_behind_half_an_entry_the_next_begins_a_line(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, write = make(), os.write
    room = [4]

    def on_a_full_disk(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        written = write(descriptor, data[: room[0]])
        room[0] = 0
        return written

    monkeypatch.setattr("os.write", on_a_full_disk)
    log.write("first entry\n")
    monkeypatch.undo()
    log.write("second entry\n")
    assert (tmp_path / "proxy.log").read_text() == "firs\nsecond entry\n"


def test_a_link_that_is_laid_there_at_the_last_moment_is_not_followed(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def laid(path: Path) -> str:
        path.symlink_to(tmp_path / "anywhere")
        return ""

    monkeypatch.setattr("ccmimolink.log_file.why_not", laid)
    monkeypatch.setattr("os.path.islink", lambda _path: False)
    with pytest.raises(OSError, match="symbolic links"):
        make(tmp_path / "proxy.log")
    assert not (tmp_path / "anywhere").exists()


@pytest.fixture
def as_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made in this test belongs to somebody else, who is not root."""
    owner = os.geteuid()
    monkeypatch.setattr("ccmimolink.log_file.is_ours", lambda status: status.st_uid != owner)


@pytest.mark.usefixtures("as_another_user")
def test_somebody_elses_file_or_link_is_refused(tmp_path: Path, make: Make) -> None:
    (tmp_path / "theirs").touch()
    (tmp_path / "link").symlink_to(tmp_path / "anywhere")
    for name in ("theirs", "link"):
        with pytest.raises(PermissionError, match="another user"):
            make(tmp_path / name)
    assert not (tmp_path / "anywhere").exists()
    assert why_not(tmp_path / "theirs") == "it belongs to another user"
    assert why_not(tmp_path / "link") == "it is another user's link"
