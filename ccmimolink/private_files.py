"""Files that may hold a key: how they are read, replaced and made.

Owns writing them whole or not at all, with the mode that is asked for at each moment, and to whom they
belong. It must not know what is in them, and leaves it to its callers to say what the system refused.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

PRIVATE = 0o600
PRIVATE_DIRECTORY = 0o700


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was found.

    :ivar content: None where there is none.
    :ivar mode: its permission bits, those of the file itself where the path is a link.
    """

    content: bytes | None = field(repr=False)
    mode: int = PRIVATE


def read_file(path: Path) -> File:
    """:raises OSError: it is there and cannot be read."""
    try:
        with path.open("rb") as file:
            return File(file.read(), stat.S_IMODE(os.fstat(file.fileno()).st_mode))
    except (FileNotFoundError, NotADirectoryError):
        return File(None)


def target_of(path: Path) -> Path:
    """The file that a path means, through links.

    :raises OSError: it cannot be followed.
    """
    return Path(os.path.realpath(path, strict=False))


def replace_file(target: Path, temporary: Path, content: bytes, mode: int, *, owned_like: Path) -> None:
    """Replace a file's content: wholly, or not at all, and on the disk once this returns.

    The bytes are never in a file that others can read, unless that is the mode that was asked for.

    :param target: no link; see :func:`target_of`.
    :param temporary: beside it. What is there was left by a run that was killed, and is removed.
    :param owned_like: whose owner the file gets, if root writes it.
    :raises OSError: it cannot be written.
    """
    make_directory(target.parent)
    descriptor = _created(temporary)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            give(file.fileno(), owned_like)
            if hasattr(os, "fchmod"):  # behind the owner, whose change may take bits away
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)


def _created(path: Path) -> int:
    """A file that was not there: no link that somebody laid in its place is followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, PRIVATE)
    except FileExistsError:
        path.unlink()
        return os.open(path, flags, PRIVATE)


def make_directory(directory: Path) -> list[Path]:
    """With those above it, all of them private.

    :returns: those that were made, the outermost first.
    """
    if directory.is_dir():
        return []
    made = make_directory(directory.parent)
    try:
        directory.mkdir(mode=PRIVATE_DIRECTORY)
    except FileExistsError:
        if directory.is_dir():
            return made  # somebody else made it just now
        raise
    if is_root():
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            give(descriptor, directory.parent)
        finally:
            os.close(descriptor)
    return [*made, directory]


def give(descriptor: int, like: Path) -> None:
    """What root makes in another user's home is that user's, who could not read it otherwise.

    :param like: has the owner that is meant; its directory has where it is not there.
    """
    if not is_root():
        return
    status = like.stat() if like.exists() else like.parent.stat()
    with contextlib.suppress(OSError):  # not every file system has owners
        os.fchown(descriptor, status.st_uid, status.st_gid)


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def sync_directory(directory: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
