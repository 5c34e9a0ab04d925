"""Root works in a user's home: what it makes there is that user's, and can be read by them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ccmimolink.sync.files import back_up, locked, write_file
from tests.sync.stage import STAMP, synchroniser, wish, without_cc_switch

Owner = tuple[int, int]
ME = os.geteuid(), os.getegid()
# Only root can give a file away. For anybody else these are laws of files that were theirs before.
USER, OTHER = ((12345, 12346), (12347, 12348)) if ME[0] == 0 else (ME, ME)


def owner_of(path: Path) -> Owner:
    status = path.stat()
    return status.st_uid, status.st_gid


def owned(path: Path, owner: Owner) -> Path:
    os.chown(path, *owner)
    return path


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Owner]:
    """To whom files are given. For that, the code under test takes this process to be root."""
    given: list[Owner] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _descriptor, user, group: given.append((user, group)))
    return given


# -- with the real calls ------------------------------------------------------------------------------------


def test_a_file_keeps_its_owner_and_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.touch()
    owned(path, USER)

    write_file(path, b"new", 0o640)

    assert (path.read_bytes(), owner_of(path), path.stat().st_mode & 0o777) == (b"new", USER, 0o640)


def test_a_file_that_is_written_through_a_link_keeps_its_own_owner(tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles" / "config.toml", tmp_path / "config.toml"
    target.parent.mkdir()
    target.touch()
    owned(target, USER)
    link.symlink_to(target)

    write_file(link, b"new")

    assert owner_of(target) == USER


def test_a_new_file_is_its_directorys_and_so_are_new_directories(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    owned(home, USER)

    write_file(home / "file", b"")
    write_file(home / "a" / "b" / "file", b"")

    assert {owner_of(path) for path in home.rglob("*")} == {USER}
    assert len(list(home.rglob("*"))) == 4


def test_a_backup_is_the_files_and_the_lock_its_directorys(tmp_path: Path) -> None:
    owned(tmp_path, USER)
    path = tmp_path / "config.toml"
    path.touch()
    owned(path, OTHER)

    backup = back_up(path, b"old", STAMP)
    with locked(tmp_path / "state" / "lock", 0):
        pass

    assert owner_of(backup) == OTHER
    assert owner_of(tmp_path / "state") == owner_of(tmp_path / "state" / "lock") == USER
    assert (tmp_path / "state" / "lock").stat().st_mode & 0o177 == 0


def test_after_a_whole_run_all_is_the_users(tmp_path: Path) -> None:
    without_cc_switch(tmp_path)
    for path in (tmp_path, *tmp_path.rglob("*")):
        owned(path, USER)

    synchroniser(tmp_path).take_over(wish(api_key="sk-fake-key-0001"), alone=True)

    names = {path.name for path in tmp_path.rglob("*")}
    assert {"config.toml", f"config.toml.ccmimolink-{STAMP}.bak", "state.json", "lock"} < names
    assert {owner_of(path) for path in tmp_path.rglob("*")} == {USER}


# -- as anybody, with the calls recorded --------------------------------------------------------------------


def test_whatever_root_makes_is_given_to_somebody(tmp_path: Path, given: list[Owner]) -> None:
    path = tmp_path / "a" / "config.toml"

    write_file(path, b"")  # the directory, and the file
    write_file(path, b"new")
    back_up(path, b"old", STAMP)
    with locked(tmp_path / "a" / "lock", 0):
        pass
    with locked(tmp_path / "a" / "lock", 0):  # which is there by now
        pass

    assert given == [owner_of(tmp_path)] * 5


def test_where_files_have_no_owners_they_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", refuse)

    write_file(tmp_path / "a" / "file", b"new")

    assert (tmp_path / "a" / "file").read_bytes() == b"new"


def test_who_is_not_root_gives_nothing_away(
    tmp_path: Path, given: list[Owner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    write_file(tmp_path / "a" / "file", b"new")
    with locked(tmp_path / "lock", 0):
        pass

    assert given == []
