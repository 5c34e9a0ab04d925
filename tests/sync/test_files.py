"""Files that hold a key: replaced whole, readable by nobody else, kept for a while, and locked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmimolink.private_files import File
from ccmimolink.sync.errors import Busy, SyncError
from ccmimolink.sync.files import (
    BACKUPS_KEPT,
    back_up,
    check_writable,
    locked,
    read_file,
    remove_file,
    write_file,
)
from tests.sync.stage import STAMP

ROOT = Path(__file__).resolve().parents[2]
LOCK_HOLDER = """
import sys
from pathlib import Path
from ccmimolink.sync.files import locked
with locked(Path(sys.argv[1]), 5):
    print("locked", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    earlier = os.umask(request.param)
    yield
    os.umask(earlier)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# -- writing -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("umask")
def test_a_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"

    write_file(path, b"key")

    assert path.read_bytes() == b"key"
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) & 0o077 == 0


@pytest.mark.usefixtures("umask")
def test_a_file_gets_the_mode_that_is_asked_for(tmp_path: Path) -> None:
    write_file(tmp_path / "file", b"", 0o644)

    assert mode_of(tmp_path / "file") == 0o644


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with path.open("rb") as reader:
        write_file(path, b"new")
        assert reader.read() == b"old"

    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["file"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "config.toml"
    target.parent.mkdir()
    target.write_bytes(b"old")
    (tmp_path / "second").symlink_to(target)
    link = tmp_path / "link"
    link.symlink_to("second")

    write_file(link, b"new")

    assert link.readlink() == Path("second")
    assert target.read_bytes() == b"new"
    assert names_in(target.parent) == ["config.toml"]


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path: Path) -> None:
    left = tmp_path / "file.ccmimolink.tmp"
    left.write_bytes(b"half")
    left.chmod(0o666)

    write_file(tmp_path / "file", b"whole")

    assert names_in(tmp_path) == ["file"]
    assert mode_of(tmp_path / "file") == 0o600


def test_a_link_that_was_laid_in_the_temporary_files_place_is_not_followed(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_bytes(b"theirs")
    (tmp_path / "file.ccmimolink.tmp").symlink_to(stranger)

    write_file(tmp_path / "file", b"ours")

    assert stranger.read_bytes() == b"theirs"
    assert not (tmp_path / "file").is_symlink()


def test_a_file_that_cannot_be_written_stays_and_says_why_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    (tmp_path / "file.ccmimolink.tmp").mkdir()

    with pytest.raises(SyncError, match=r"/file cannot be written: .*\.tmp\). See to that, and run"):
        write_file(path, b"new")

    assert path.read_bytes() == b"old"


def test_a_write_that_is_interrupted_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "file", b"new")

    assert names_in(tmp_path) == []


def test_the_content_is_on_the_disk_before_it_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append("directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    def replaced(source: Path, target: Path) -> None:
        done.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)

    write_file(tmp_path / "file", b"new")

    assert done == ["file", "name", "directory"]


# -- reading, removing ---------------------------------------------------------------------------------------


def test_a_file_is_read_with_its_mode_and_its_content_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"sk-fake-key")
    path.chmod(0o640)

    found = read_file(path)

    assert found == File(b"sk-fake-key", 0o640)
    assert "sk-fake" not in repr(found)


@pytest.mark.parametrize("name", ["missing", "missing/file", "file/below"])
def test_a_file_that_is_not_there_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    assert read_file(tmp_path / name).content is None


def test_what_is_there_and_no_file_is_an_error(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)

    for path in (tmp_path, loop):
        with pytest.raises(SyncError, match=r"cannot be read: .* run ccmimolink-sync again"):
            read_file(path)


def test_removing_takes_the_file_and_leaves_the_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.touch()
    link.symlink_to(target)

    remove_file(link)
    remove_file(link)

    assert names_in(tmp_path) == ["link"]


def test_a_file_that_its_owner_protected_is_found_out_beforehand(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    link = tmp_path / "link"
    link.symlink_to(path)
    for writable in (path, link, tmp_path / "missing", tmp_path / "missing" / "file"):
        check_writable(writable)

    path.chmod(0o444)

    for protected in (path, link):
        with pytest.raises(SyncError, match=r"is read-only. Make it writable \(chmod u\+w\)"):
            check_writable(protected)


# -- backups -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("umask")
def test_a_backup_is_private_and_beside_the_file(tmp_path: Path) -> None:
    backup = back_up(tmp_path / "config.toml", b"sk-fake-key", STAMP)

    assert backup == tmp_path / f"config.toml.ccmimolink-{STAMP}.bak"
    assert backup.read_bytes() == b"sk-fake-key"
    assert mode_of(backup) == 0o600


def test_the_newest_backups_are_kept(tmp_path: Path) -> None:
    for day in (*range(10, 20), 1):
        back_up(tmp_path / "config.toml", str(day).encode(), f"202601{day:02}T000000Z")

    kept = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert len(kept) == BACKUPS_KEPT
    assert kept == [b"15", b"16", b"17", b"18", b"19"]


def test_backups_of_one_second_are_all_kept_and_sort_by_age(tmp_path: Path) -> None:
    for number in range(BACKUPS_KEPT):
        back_up(tmp_path / "config.toml", str(number).encode(), STAMP)

    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"0", b"1", b"2", b"3", b"4"]


def test_what_the_newest_backup_holds_is_not_kept_twice(tmp_path: Path) -> None:
    """A proxy that gives the route back whenever it stops replaces the same content at each start."""
    path = tmp_path / "config.toml"
    by_hand = back_up(path, b"by hand", "20260101T000000Z")

    kept = {back_up(path, b"with mimo", f"202601{day}T000000Z") for day in range(10, 20)}

    assert kept == {tmp_path / "config.toml.ccmimolink-20260110T000000Z.bak"}
    assert by_hand.read_bytes() == b"by hand"
    assert len(names_in(tmp_path)) == 2


def test_what_an_older_backup_holds_is_kept_again(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"

    for number, content in enumerate([b"a", b"b", b"a"]):
        back_up(path, content, f"2026010{number + 1}T000000Z")

    assert [backup.read_bytes() for backup in sorted(tmp_path.iterdir())] == [b"a", b"b", b"a"]


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_what_is_no_copy_stands_for_none(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"old")
    newest = tmp_path / "config.toml.ccmimolink-20260101T000000Z.bak"
    if kind == "link":
        newest.symlink_to(path)
    else:
        newest.mkdir()

    backup = back_up(path, b"old", STAMP)
    write_file(path, b"new")

    assert backup != newest
    assert backup.read_bytes() == b"old"


def test_of_many_in_one_second_the_newest_are_kept(tmp_path: Path) -> None:
    # A name that was given back by pruning may be taken again, so what is newest goes by the name alone.
    for number in range(9):
        (tmp_path / f"config.toml.ccmimolink-{STAMP}_{number + 2}.bak").write_text(str(number))

    back_up(tmp_path / "config.toml", b"", "20260201T000000Z")

    kept = {path.name.partition("-")[2] for path in tmp_path.iterdir()}
    assert kept == {f"{STAMP}_{number}.bak" for number in (7, 8, 9, 10)} | {"20260201T000000Z.bak"}


def test_other_peoples_files_are_never_pruned(tmp_path: Path) -> None:
    theirs = [
        "config.toml",
        "config.toml.bak",
        "config.toml.ccmimolink-.bak",
        "config.toml.ccmimolink-mine.bak",
        "config.toml.ccmimolink-20250101T000000Z-before-update.bak",
        "config.toml.ccmimolink-20250101T000000Z.bak.old",
        "my-config.toml.ccmimolink-20250101T000000Z.bak",
        "config.toml2.ccmimolink-20250101T000000Z.bak",
    ]
    for name in theirs:
        (tmp_path / name).touch()
    (tmp_path / "config.toml.ccmimolink-20250102T000000Z.bak").mkdir()

    for day in range(10, 20):
        back_up(tmp_path / "config.toml", bytes([day]), f"202601{day}T000000Z")

    assert set(theirs) < set(names_in(tmp_path))
    assert (tmp_path / "config.toml.ccmimolink-20250102T000000Z.bak").is_dir()


def test_a_name_with_the_letters_of_patterns_means_itself(tmp_path: Path) -> None:
    other = tmp_path / "a.ccmimolink-20250101T000000Z.bak"
    other.touch()

    for day in range(10, 20):
        back_up(tmp_path / "[a]*?", bytes([day]), f"202601{day}T000000Z")

    assert other.exists()
    assert len(names_in(tmp_path)) == BACKUPS_KEPT + 1


def test_a_backup_of_a_link_is_beside_the_link(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "config.toml"
    write_file(target, b"")
    link = tmp_path / "home" / "config.toml"
    link.parent.mkdir()
    link.symlink_to(target)

    back_up(link, b"old", STAMP)

    assert names_in(target.parent) == ["config.toml"]
    assert names_in(link.parent) == ["config.toml", f"config.toml.ccmimolink-{STAMP}.bak"]


# -- the lock ------------------------------------------------------------------------------------------------


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", LOCK_HOLDER, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


def test_while_another_one_syncs_a_run_waits_and_then_gives_up(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as other:
        began = time.monotonic()

        with pytest.raises(Busy, match="Another ccmimolink is syncing"), locked(tmp_path / "lock", 0.2):
            pass

        assert 0.2 <= time.monotonic() - began < 5
        other.communicate("\n", timeout=20)
    with locked(tmp_path / "lock", 0):
        pass


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as other:
        other.kill()
        other.wait(timeout=20)

        with locked(tmp_path / "lock", 1):
            pass


@pytest.mark.usefixtures("umask")
def test_the_locks_directory_is_private(tmp_path: Path) -> None:
    with locked(tmp_path / "state" / "lock", 0):
        assert mode_of(tmp_path / "state") & 0o077 == 0
        assert mode_of(tmp_path / "state" / "lock") & 0o177 == 0


def test_a_place_for_the_state_that_is_no_directory_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SyncError, match="MIMO_PROXY_STATE_DIR"), locked(tmp_path / "file" / "lock", 0):
        pass
