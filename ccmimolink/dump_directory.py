"""The directory of the debug dump: private, bounded, and never half of a request under its own name.

Owns the directories of requests in it, each with its files, and which of them goes when there are too many.
It must not know what is in them, and touches nothing there that it did not make.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from ccmimolink.private_files import (
    PRIVATE_DIRECTORY,
    is_ours,
    make_directory,
    open_made,
    others_may_write,
)

UNFINISHED = ".part"
"""The end of a name while its files are being written. One that is left was cut off with the program."""

_OURS = re.compile(rf"[0-9]{{8}}T[0-9]{{6}}\.[0-9]{{3}}Z-\w{{1,80}}(?:{re.escape(UNFINISHED)})?")


def why_not(path: Path) -> str:
    """Why nothing can be dumped there, or nothing. Makes nothing."""
    path = Path(os.path.realpath(path))
    if not os.path.lexists(path):
        above = next(parent for parent in path.parents if os.path.lexists(parent))
        if not above.is_dir():
            return f"{above} is not a directory"
        return "" if os.access(above, os.W_OK | os.X_OK) else f"{above} is not writable"
    if not path.is_dir():
        return "it is not a directory"
    if not is_ours(path.stat()):
        return "it belongs to another user"
    if others_may_write(path):
        return "others may write there"
    return "" if os.access(path, os.W_OK | os.X_OK) else "it is not writable"


_BLOCK = 4096
"""Bytes. What is smaller takes as much on a disk, a directory too."""


class DumpDirectory:
    """:param most: bytes that all files may take together."""

    def __init__(self, path: Path, most: int) -> None:
        self.path, self.most = path, most
        # The sizes of those that are there. Each is looked at once.
        self._sizes: dict[str, int] = {}

    def prepare(self) -> None:
        """Make it, if it is not there.

        :raises OSError: it cannot be used.
        """
        if objection := why_not(self.path):
            raise PermissionError(0, objection)
        make_directory(Path(os.path.realpath(self.path)))

    def write(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write the files of one request, and remove the eldest of others as far as all are too large.

        :raises OSError: they cannot be written; none of them is left.
        """
        self.prepare()
        unfinished = self.path / f"{name}{UNFINISHED}"
        try:
            unfinished.mkdir(mode=PRIVATE_DIRECTORY)
            for file, content in files.items():
                with os.fdopen(open_made(unfinished / file), "wb") as opened:
                    opened.write(content)
            unfinished.rename(self.path / name)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        self._make_room(name)

    def _make_room(self, latest: str) -> None:
        names = sorted(name for name in os.listdir(self.path) if _OURS.fullmatch(name))
        self._sizes = {name: self._sizes.get(name) or _size(self.path / name) for name in names}
        total = sum(self._sizes.values())
        for name in names:
            if total <= self.most or name == latest:
                return
            total -= self._sizes.pop(name)
            shutil.rmtree(self.path / name, ignore_errors=True)


def _size(directory: Path) -> int:
    """Of what is in it, as disks count; nothing if it is gone, or a link."""
    try:
        if not stat.S_ISDIR(directory.lstat().st_mode):
            return 0
        sizes = [entry.stat(follow_symlinks=False).st_size for entry in os.scandir(directory)]
    except OSError:
        return 0
    return sum(-(-size // _BLOCK) * _BLOCK for size in (1, *sizes))
