"""Files that are for one user alone: how they are read, replaced and made.

The one door to what systems do differently there: modes, owners, links, locks, and a directory's way to the
disk. Owns writing files whole or not at all, with the mode that is asked for at each moment, and to whom they
belong. It must not know what is in them, and leaves it to its callers to say what the system refused.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PRIVATE = 0o600
PRIVATE_DIRECTORY = 0o700
_OTHERS = 0o077
_OTHERS_MAY_WRITE = 0o022
_HAS_MODES = sys.platform != "win32"

# No link that somebody laid in a file's place is followed, no child inherits it, and no byte is another one.
_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_MADE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFELY
_APPENDED = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_APPEND
    | _SAFELY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that nobody reads is an error, not a wait
)
_HELD = os.O_RDWR | os.O_CREAT | _SAFELY


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
            set_mode(file.fileno(), mode)  # behind the owner, whose change may take bits away
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)


def _created(path: Path) -> int:
    try:
        return open_made(path)
    except FileExistsError:
        path.unlink()
        return open_made(path)


def open_made(path: Path) -> int:
    """A descriptor to write to a private file that was not there.

    :raises FileExistsError: there is something, were it a link that leads nowhere.
    """
    return os.open(path, _MADE, PRIVATE)


def open_appended(path: Path) -> int:
    """A descriptor to append with, to a private file if it was not there; a pipe must have a reader."""
    descriptor = os.open(path, _APPENDED, PRIVATE)
    if hasattr(os, "set_blocking"):
        os.set_blocking(descriptor, True)
    return descriptor


def open_lock(path: Path) -> int:
    """A descriptor to lock with, see :func:`try_lock`."""
    return os.open(path, _HELD, PRIVATE)


def try_lock(descriptor: int) -> bool:
    """Take a file for ourselves, until it is closed or the process ends; not, if another one has it."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def set_mode(descriptor: int, mode: int) -> None:
    """Where the system has modes."""
    if sys.platform != "win32":
        os.fchmod(descriptor, mode)


def close_to_others(path: Path, mode: int) -> None:
    """Give a path this mode, which takes it from others, where the system has modes."""
    if _HAS_MODES and stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def is_open_to_others(status: os.stat_result) -> bool:
    return _HAS_MODES and bool(status.st_mode & _OTHERS)


def others_may_write(directory: Path) -> bool:
    """Whether somebody else may lay a file of theirs there."""
    return _HAS_MODES and bool(directory.stat().st_mode & _OTHERS_MAY_WRITE)


def is_ours(status: os.stat_result) -> bool:
    """Root's counts as ours (``/dev/stdout`` is a link of root's), and to root everything does."""
    return sys.platform == "win32" or os.geteuid() == 0 or status.st_uid in (0, os.geteuid())


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
        _give_directory(directory)
    return [*made, directory]


def give(descriptor: int, like: Path) -> None:
    """What root makes in another user's home is that user's, who could not read it otherwise.

    :param like: has the owner that is meant; its directory has where it is not there.
    """
    if sys.platform != "win32" and is_root():
        status = like.stat() if like.exists() else like.parent.stat()
        with contextlib.suppress(OSError):  # not every file system has owners
            os.fchown(descriptor, status.st_uid, status.st_gid)


def _give_directory(directory: Path) -> None:
    if sys.platform != "win32":
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            give(descriptor, directory.parent)
        finally:
            os.close(descriptor)


def is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def sync_directory(directory: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
