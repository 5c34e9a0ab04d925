"""The proxy's log file: private, rotated, and no reason to stop working.

Owns one file and those it was rotated to. It must not decide what is logged. That it cannot be written (its
directory is gone, the disk is full) is told once, and tried again with every line: the proxy serves on.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from ccmimolink.private_files import (
    PRIVATE,
    is_open_to_others,
    is_ours,
    open_appended,
    others_may_write,
    set_mode,
)

_MOST_LINKS = 8


class LogFile:
    """Writes texts, each whole or not at all as far as the disk allows.

    :param max_bytes: what the file may hold before it is rotated. Devices and pipes are not.
    :param kept: how many rotated files are kept, as ``NAME.1`` (the youngest) and so on.
    :param tell: is told once when writing begins to fail, and once when it works again.
    :raises OSError: from the constructor alone, if the file cannot be opened now.
    """

    def __init__(self, path: Path, *, max_bytes: int, kept: int, tell: Callable[[str], None]) -> None:
        self._path, self._max_bytes, self._kept, self._tell = path, max_bytes, kept, tell
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None
        self._size = 0
        self._rotate_at = max_bytes
        self._lost = self._left = 0
        self._is_cut = False
        self._open()

    def write(self, text: str) -> None:
        """Append a text that ends its own lines."""
        data = text.encode("utf-8", "backslashreplace")
        if self._is_cut:
            data = b"\n" + data
        try:
            self._append(data)
        except OSError as error:
            self._close()
            self._is_cut = self._is_cut or self._left != len(data)
            self._lost += 1
            if self._lost == 1:
                self._tell(
                    f"The log file {self._path} cannot be written: {error.strerror}. The proxy serves on."
                )
            return
        self._is_cut = False
        if self._lost:
            lost, self._lost = self._lost, 0
            self._tell(f"The log file {self._path} is written again; {lost} entries are missing from it.")

    @property
    def closed(self) -> bool:
        """Whether no file is open. The next text opens it."""
        return self._descriptor is None

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self._close()

    def _append(self, data: bytes) -> None:
        self._left = len(data)
        if self._descriptor is None or self._was_moved():
            self._open()
        if self._identity is not None and self._size and self._size + len(data) > self._rotate_at:
            self._rotate()
        assert self._descriptor is not None
        while data:
            written = os.write(self._descriptor, data)
            self._size += written
            data = data[written:]
            self._left = len(data)

    def _was_moved(self) -> bool:
        """Whether the name means another file by now, or none."""
        if self._identity is None:
            return False
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return True
        return (status.st_dev, status.st_ino) != self._identity

    def _open(self) -> None:
        self._close()
        descriptor = _opened(self._path)
        status = os.fstat(descriptor)
        self._descriptor, self._size = descriptor, status.st_size
        self._identity = (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
        self._rotate_at = self._max_bytes

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _rotate(self) -> None:
        """What cannot be renamed is written on, and looked at again after as much more."""
        path = os.path.realpath(self._path)
        try:
            for number in range(self._kept - 1, 0, -1):
                if os.path.lexists(f"{path}.{number}"):
                    os.replace(f"{path}.{number}", f"{path}.{number + 1}")
            if self._kept:
                os.replace(path, f"{path}.1")
            else:
                os.unlink(path)
        except OSError as error:
            self._rotate_at = self._size + self._max_bytes
            self._tell(f"The log file {self._path} cannot be rotated: {error.strerror}. It grows on.")
            return
        self._open()


def _opened(path: Path) -> int:
    """A descriptor to append with.

    A link is followed only if it is the user's own, where nobody else can lay another in its place.

    :raises OSError: it cannot be opened, or is somebody else's.
    """
    objection = why_not(path)
    if objection:
        raise PermissionError(0, objection)
    descriptor = open_appended(_target(path)[0])
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            if not is_ours(status):
                raise PermissionError(0, _FOREIGN)
            if is_open_to_others(status):
                set_mode(descriptor, PRIVATE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


_FOREIGN = "it belongs to another user"


def why_not(path: Path) -> str:
    """Why no log can be written there, or nothing. Opens nothing, so that a daemon can ask beforehand."""
    path, objection = _target(path)
    if objection:
        return objection
    if os.path.isdir(path):
        return "it is a directory"
    if os.path.exists(path):
        if path.is_file() and not is_ours(os.stat(path)):
            return _FOREIGN
        return "" if os.access(path, os.W_OK) else "it is not writable"
    if not os.path.isdir(path.parent):
        return "its directory does not exist"
    return "" if os.access(path.parent, os.W_OK | os.X_OK) else "its directory is not writable"


def meet(one: Path, other: Path) -> bool:
    """Whether two logs would write, or rotate, each other's files."""
    if os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other):
        return True
    paths = sorted((os.path.realpath(one), os.path.realpath(other)), key=len)
    number = paths[1].removeprefix(f"{paths[0]}.")
    return paths[0] == paths[1] or number.isdecimal()


def _target(path: Path) -> tuple[Path, str]:
    """Where a path leads through links, and why it is not to be followed there, or nothing."""
    for _ in range(_MOST_LINKS):
        if not os.path.islink(path):
            return path, ""
        if not is_ours(os.lstat(path)):
            return path, "it is another user's link"
        if others_may_write(path.parent):
            return path, "it is a link in a directory where others may write"
        path = path.parent / os.readlink(path)
    return path, "it is a link that leads nowhere"
