"""The proxy's log file: private, rotated, and no reason to stop working.

Owns one file and those it was rotated to. It must not decide what is logged. That it cannot be written (its
directory is gone, the disk is full) is told once, and tried again with every line: the proxy serves on.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_APPEND
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that nobody reads is an error, not a wait
    | getattr(os, "O_BINARY", 0)
)
_PRIVATE = 0o600
_OTHERS_MAY_WRITE = 0o022
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
    descriptor = os.open(_target(path)[0], _FLAGS, _PRIVATE)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            if not _is_ours(status):
                raise PermissionError(0, _FOREIGN)
            if hasattr(os, "fchmod") and status.st_mode & 0o077:
                os.fchmod(descriptor, _PRIVATE)
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
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
        if path.is_file() and not _is_ours(os.stat(path)):
            return _FOREIGN
        return "" if os.access(path, os.W_OK) else "it is not writable"
    if not os.path.isdir(path.parent):
        return "its directory does not exist"
    return "" if os.access(path.parent, os.W_OK | os.X_OK) else "its directory is not writable"


def _target(path: Path) -> tuple[Path, str]:
    """Where a path leads through links, and why it is not to be followed there, or nothing."""
    for _ in range(_MOST_LINKS):
        if not os.path.islink(path):
            return path, ""
        if not _is_ours(os.lstat(path)):
            return path, "it is another user's link"
        if os.name == "posix" and os.stat(path.parent).st_mode & _OTHERS_MAY_WRITE:
            return path, "it is a link in a directory where others may write"
        path = path.parent / os.readlink(path)
    return path, "it is a link that leads nowhere"


def _is_ours(status: os.stat_result) -> bool:
    """Root's counts as ours (``/dev/stdout`` is a link of root's), and to root everything does."""
    return not hasattr(os, "geteuid") or os.geteuid() == 0 or status.st_uid in (0, os.geteuid())
