"""The files of a service, written and set aside.

Owns their modes, and that a file which is not ours is kept under another name rather than overwritten. It
must not know what is in them.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ccmimolink.background.errors import ServiceError
from ccmimolink.private_files import PRIVATE, make_directory, replace_file

READABLE = 0o644
"""Of a file that holds no secret; launchd wants that others cannot write to it."""

_OTHERS = 0o077
_MOST_BACKUPS = 1000


def write(path: Path, text: str, mode: int = READABLE) -> None:
    """:raises ServiceError: it cannot be written."""
    try:
        replace_file(path, path.with_name(f".{path.name}.new"), text.encode(), mode, owned_like=path)
    except OSError as error:
        raise _refused(path, error) from None


def make_private_directory(directory: Path) -> None:
    """:raises ServiceError: it cannot be made."""
    try:
        make_directory(directory)
    except OSError as error:
        raise _refused(directory, error) from None


def set_aside(path: Path) -> Path:
    """Rename a file, a link itself. Returns where it is now.

    :raises ServiceError: it cannot be renamed.
    """
    for number in range(1, _MOST_BACKUPS):
        backup = path.with_name(f"{path.name}.{number}.bak")
        if not os.path.lexists(backup):
            break
    try:
        os.rename(path, backup)
    except OSError as error:
        raise _refused(path, error) from None
    return backup


def remove(path: Path) -> None:
    """:raises ServiceError: it cannot be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error) from None


def make_private(path: Path) -> bool:
    """Take a file that may hold a secret from others. Returns whether that was needed.

    :raises ServiceError: it cannot be done.
    """
    try:
        if not stat.S_IMODE(path.stat().st_mode) & _OTHERS:
            return False
        path.chmod(PRIVATE)
    except OSError as error:
        raise _refused(path, error) from None
    return True


def _refused(path: Path, error: OSError) -> ServiceError:
    return ServiceError(f"{path} cannot be written: {error.strerror}. Make its directory writable to you.")
