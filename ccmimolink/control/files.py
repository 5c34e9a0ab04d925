"""The file by which ``ccmimolink-model`` finds a running proxy, and may speak to it.

Owns its name, its form and its end. A proxy writes it once it listens, with a token that was made for this
run, and takes it away before it stops listening; whoever can read it is the proxy's user. It must not open a
connection.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from ccmimolink.listen import ListenAddress, TCPAddress
from ccmimolink.private_files import PRIVATE, read_file, replace_file, target_of

_T = TypeVar("_T", bound=Struct)

UNIX = "unix:"
_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}
"""Where this machine reaches a proxy that listens on all of its addresses."""


class Found(Struct, frozen=True):
    """What a proxy leaves for the command.

    :ivar url: where it listens; ``unix:`` and a path for a socket.
    :ivar token: good for this run only.
    """

    url: str
    token: str
    pid: int
    version: int = 1

    def __repr__(self) -> str:
        return f"Found({self.url!r}, pid={self.pid})"


class BrokenFile(Exception):
    """A file of ours cannot be read or understood. The message names it, the reason and the way out."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one listener: two proxies on two ports do not know of each other.

    :ivar name: the port, or what stands for a socket's path.
    """

    directory: Path
    name: str

    @property
    def control(self) -> Path:
        return self.directory / f"control-{self.name}.json"

    @property
    def memory(self) -> Path:
        return self.directory / f"model-{self.name}.json"

    def others(self) -> list[str]:
        """The ports for which there is a control file, this one left out."""
        found = (path.stem.removeprefix("control-") for path in self.directory.glob("control-*.json"))
        return sorted(name for name in found if name != self.name and name.isdigit())


def places_of(directory: Path, address: ListenAddress, port: int | None = None) -> Places:
    """:param port: the one that was really taken."""
    if isinstance(address, TCPAddress):
        return Places(directory, str(address.port if port is None else port))
    path = os.path.abspath(address.path)
    return Places(directory, f"unix-{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}")


def url_of(address: ListenAddress, port: int | None = None) -> str:
    """Where the command reaches the listener."""
    if not isinstance(address, TCPAddress):
        return f"{UNIX}{os.path.abspath(address.path)}"
    host = _ANY.get(address.host, address.host)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{address.port if port is None else port}"


def fresh_token() -> str:
    return secrets.token_urlsafe(32)


def announce(path: Path, found: Found) -> None:
    """:raises OSError: it cannot be written."""
    write_json(path, found)


def withdraw(path: Path, token: str) -> None:
    """Take the file away, if it is still the one of this run. What cannot be read stays, and is stale."""
    with contextlib.suppress(BrokenFile, OSError):
        found = read_found(path)
        if found is not None and secrets.compare_digest(found.token.encode(), token.encode()):
            path.unlink(missing_ok=True)


def read_found(path: Path) -> Found | None:
    """:raises BrokenFile: it is there, and says nothing that can be used."""
    found = read_json(path, Found)
    if found is not None and not (found.url.startswith((UNIX, "http://")) and found.pid > 0):
        raise BrokenFile(_broken(path))
    return found


def read_json(path: Path, kind: type[_T]) -> _T | None:
    """:raises BrokenFile: it is there, and holds no such value."""
    try:
        content = read_file(path).content
    except OSError as error:
        raise BrokenFile(
            f"{path} cannot be read: {error.strerror}. Make it readable, or delete it."
        ) from None
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BrokenFile(_broken(path)) from None


def write_json(path: Path, value: Struct) -> None:
    """Whole or not at all, for this user alone.

    :raises OSError: it cannot be written.
    """
    target = target_of(path)
    # Two processes may write at a time, and the later one is to win.
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    content = msgspec.json.encode(value) + b"\n"
    replace_file(target, temporary, content, PRIVATE, owned_like=target)


def _broken(path: Path) -> str:
    return f"{path} is not a file that this version of ccmimolink can read. Delete it."


def is_running(pid: int) -> bool:
    """Whether there is such a process. Where that cannot be asked without harm, it is taken for there."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
