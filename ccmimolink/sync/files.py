"""The files of a sync: how they are replaced, kept and locked.

Owns what is said where the system refuses, backups and the lock between two of us. It must not know what is
in the files.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ccmimolink import private_files
from ccmimolink.private_files import (
    PRIVATE,
    File,
    give,
    is_root,
    make_directory,
    open_made,
    sync_directory,
)
from ccmimolink.sync.errors import Busy, SyncError

BACKUPS_KEPT = 5
_BACKUP = re.compile(r"\.ccmimolink-([0-9]{8}T[0-9]{6}Z)(?:_([0-9]+))?\.bak")
"""What we append to a file's name for a backup; whatever else is beside the file is somebody else's."""
_AND_AGAIN = "See to that, and run ccmimolink-sync again."


def read_file(path: Path) -> File:
    """:raises SyncError: it is there and cannot be read."""
    try:
        return private_files.read_file(path)
    except OSError as error:
        raise SyncError(f"{path} cannot be read: {error.strerror}. {_AND_AGAIN}") from None


def check_writable(path: Path) -> None:
    """See beforehand that a file can be replaced; nobody's protection is taken off.

    :raises SyncError: its owner made it read-only, or its directory is.
    """
    target = _target(path)
    if target.exists() and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        raise SyncError(f"{path} is read-only. Make it writable (chmod u+w), and run ccmimolink-sync again.")
    directory = target.parent
    if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
        raise SyncError(
            f"{directory} is not writable, so that {path.name} in it cannot be replaced. {_AND_AGAIN}"
        )


def write_file(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Replace a file's content: wholly, or not at all, and on the disk once this returns.

    A link is written through. The bytes of a key are never in a file that others can read.

    :raises SyncError: it cannot be written.
    """
    target = _target(path)
    _write(target, _temporary(target), path, content, mode, owned_like=target)


def _temporary(target: Path) -> Path:
    """One name for all: under the lock, a file of that name was left by a run that was killed."""
    return target.with_name(f"{target.name}.ccmimolink.tmp")


def _write(
    target: Path, temporary: Path, called: Path, content: bytes, mode: int, *, owned_like: Path
) -> None:
    try:
        private_files.replace_file(target, temporary, content, mode, owned_like=owned_like)
    except OSError as error:
        where = "" if error.filename in (None, str(called)) else f" ({error.filename})"
        raise SyncError(f"{called} cannot be written: {error.strerror}{where}. {_AND_AGAIN}") from None


def remove_file(path: Path) -> None:
    """:raises SyncError: it is there and cannot be removed."""
    target = _target(path)
    try:
        target.unlink(missing_ok=True)
        sync_directory(target.parent)
    except OSError as error:
        raise SyncError(f"{path} cannot be removed: {error.strerror}. {_AND_AGAIN}") from None


def back_up(path: Path, content: bytes, stamp: str) -> Path:
    """Keep a copy beside the file, or beside the link to it, and only the newest copies.

    What the newest copy holds is not copied again: a proxy that gives the route back whenever it stops would
    fill the places of all others with one content.

    :param stamp: a time as 20260131T235959Z. Of two backups with one time, the name of the later sorts later.
    :raises SyncError: it cannot be written.
    """
    newest = next(reversed(_backups(path)), None)
    if newest is not None and _holds(newest, content):
        return newest
    backup = path.with_name(f"{path.name}.ccmimolink-{stamp}.bak")
    number = 1
    while os.path.lexists(backup):
        backup = path.with_name(f"{path.name}.ccmimolink-{stamp}_{number}.bak")
        number += 1
    # By way of the file's own temporary name: a backup's would stay for ever after a kill, with a key in it.
    _write(backup, _temporary(path), backup, content, PRIVATE, owned_like=_target(path))
    for old in _backups(path)[:-BACKUPS_KEPT]:
        with contextlib.suppress(OSError):  # one too many is no reason to give up
            old.unlink()
    return backup


def _holds(backup: Path, content: bytes) -> bool:
    try:
        # A link would follow what it leads to, and a copy is kept because that changes.
        return not backup.is_symlink() and backup.read_bytes() == content
    except OSError:
        return False


def backups_of(path: Path) -> Iterator[bytes]:
    """What our backups of a file hold, the newest first; what cannot be read is passed over."""
    if path.parent.is_dir():
        for backup in reversed(_backups(path)):
            with contextlib.suppress(OSError):
                yield backup.read_bytes()


def _backups(path: Path) -> list[Path]:
    """The oldest first."""
    found = []
    for file in path.parent.iterdir():
        if file.name.startswith(path.name):
            named = _BACKUP.fullmatch(file.name, len(path.name))
            if named is not None:
                found.append((named[1], int(named[2] or 0), file))
    return [file for *_, file in sorted(found)]


def _target(path: Path) -> Path:
    """The file that a path means, through links."""
    try:
        return private_files.target_of(path)
    except OSError as error:
        raise SyncError(f"{path} cannot be followed: {error.strerror}. {_AND_AGAIN}") from None


@contextlib.contextmanager
def locked(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock of the state, so that no two of us write at a time. The kernel ends it with the process.

    :param patience: seconds.
    :raises Busy: another one holds it.
    """
    try:
        make_directory(path.parent)
        _make_lock(path)
        lock = FileLock(path, timeout=patience, mode=PRIVATE)
        lock.acquire()
    except Timeout:
        raise Busy(
            "Another ccmimolink is syncing. Wait for it to end, and run ccmimolink-sync again."
        ) from None
    except OSError as error:
        raise SyncError(
            f"{path.parent} cannot be used for ccmimolink's own state: {error.strerror}. Make it writable, "
            "or name another directory in MIMO_PROXY_STATE_DIR."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _make_lock(path: Path) -> None:
    """Beforehand, while it can be given to its user."""
    if is_root():
        with contextlib.suppress(FileExistsError):
            descriptor = open_made(path)
            try:
                give(descriptor, path.parent)
            finally:
                os.close(descriptor)


Step = Callable[[str], None]
"""Told the name of each step before it is made; tests end the process there."""


def no_step(_name: str) -> None:
    """What a step does in ordinary runs: nothing."""
