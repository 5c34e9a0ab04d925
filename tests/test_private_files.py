"""Files that may hold a key: replaced wholly or not at all, and never open to others for a moment."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.private_files import File, make_directory, read_file, replace_file, target_of

CALLS = ("open", "fchmod", "fsync", "replace")


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    earlier = os.umask(request.param)
    yield
    os.umask(earlier)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is to be replaced."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def replace(path: Path, content: bytes = b"new", mode: int = 0o600) -> None:
    replace_file(path, path.with_name("temporary"), content, mode, owned_like=path)


def names_in(directory: Path) -> list[str]:
    return sorted(one.name for one in directory.iterdir())


def before_each_call(monkeypatch: pytest.MonkeyPatch, look: Callable[[str], None]) -> None:
    for name in CALLS:
        call = getattr(os, name)

        def looked(*arguments: Any, _name: str = name, _call: Any = call, **options: Any) -> Any:
            look(_name)
            return _call(*arguments, **options)

        monkeypatch.setattr(os, name, looked)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o666])
def test_a_file_has_its_content_and_the_mode_that_is_asked_for(path: Path, mode: int) -> None:
    replace(path, b"new", mode)

    assert (path.read_bytes(), mode_of(path)) == (b"new", mode)
    assert names_in(path.parent) == ["file"]


@pytest.mark.usefixtures("umask")
def test_nobody_else_can_read_the_new_content_at_any_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []

    def look(_name: str) -> None:
        temporary = path.with_name("temporary")
        if temporary.exists():
            modes.append(mode_of(temporary))

    before_each_call(monkeypatch, look)
    replace(path, b"gp-fake-0123456789abcdef", 0o600)

    assert len(modes) >= 3
    assert not any(mode & 0o077 for mode in modes)


@pytest.mark.parametrize("name", CALLS[:3])
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_left_beside_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException
) -> None:
    def fail(at: str) -> None:
        if at == name:
            raise error

    before_each_call(monkeypatch, fail)
    with pytest.raises(type(error)):
        replace(path)

    assert (path.read_bytes(), mode_of(path)) == (b"old", 0o640)
    assert names_in(path.parent) == ["file"]


@pytest.mark.parametrize("lay", [lambda at: at.write_bytes(b"half"), lambda at: at.symlink_to("other")])
def test_what_is_in_the_temporarys_place_is_neither_written_nor_followed(
    path: Path, lay: Callable[[Path], object]
) -> None:
    (path.parent / "other").write_bytes(b"theirs")
    lay(path.with_name("temporary"))

    replace(path)

    assert path.read_bytes() == b"new"
    assert not path.is_symlink()
    assert (path.parent / "other").read_bytes() == b"theirs"
    assert names_in(path.parent) == ["file", "other"]


def test_a_directory_in_the_temporarys_place_is_an_error(path: Path) -> None:
    path.with_name("temporary").mkdir()

    with pytest.raises(OSError, match="directory"):
        replace(path)

    assert path.read_bytes() == b"old"


@pytest.mark.usefixtures("umask")
def test_directories_that_are_made_are_private_and_named_from_the_outside(tmp_path: Path) -> None:
    inner = tmp_path / "one" / "two"

    assert make_directory(inner) == [tmp_path / "one", inner]
    assert [mode_of(one) for one in (tmp_path / "one", inner)] == [0o700, 0o700]
    assert make_directory(inner) == []


def test_a_directory_that_somebody_else_made_meanwhile_was_not_made_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = os.mkdir

    def made_before(path: Path, mode: int = 0o777) -> None:
        mkdir(path)
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", made_before)

    assert make_directory(tmp_path / "one") == []


@pytest.mark.parametrize("in_the_way", [Path.touch, lambda at: at.symlink_to("nowhere")])
def test_what_is_in_a_directorys_place_is_an_error(
    tmp_path: Path, in_the_way: Callable[[Path], object]
) -> None:
    in_the_way(tmp_path / "one")

    with pytest.raises(OSError, match="exists"):
        make_directory(tmp_path / "one")


def test_a_file_is_read_with_its_mode_through_links(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)

    assert read_file(link) == File(b"old", 0o640)
    assert target_of(link) == path
    assert "old" not in repr(read_file(link))


@pytest.mark.parametrize("name", ["missing", "missing/file", "file/below"])
def test_a_file_that_is_not_there_has_no_content(path: Path, name: str) -> None:
    assert read_file(path.parent / name).content is None
