"""What an endpoint string means: where the proxy listens, and whether that is reachable from elsewhere.

Owns the reading of ``tcp:``, ``tcp6:`` and ``unix:`` descriptions, the look at whether the address is free,
and what is said when it is not. It must not open the port that serves: that is the service's.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from dataclasses import dataclass
from ipaddress import ip_address

from twisted.internet import endpoints
from twisted.internet.protocol import Factory

_KINDS = ("tcp", "tcp6", "unix")
_LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class TCPAddress:
    """A TCP port. An empty ``host`` means every IPv4 address of the machine; port 0 means any free one."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return self.host == _LOCALHOST or (self.host != "" and ip_address(self.host).is_loopback)

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host

    def __str__(self) -> str:
        host = self.host or "0.0.0.0"
        return f"[{host}]:{self.port}" if self.is_ipv6 else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix socket, which only this machine can reach; who may is for its directory's permissions to say."""

    path: str

    @property
    def is_local(self) -> bool:
        return True

    def __str__(self) -> str:
        return self.path


ListenAddress = TCPAddress | UnixAddress


class _Recorder:
    """Stands where a reactor would, and notes what it is asked to listen on. Nothing is opened.

    The rules of endpoint strings (quoting, positional and named arguments, defaults) are Twisted's. A second
    reading of them here could differ, and what differs would decide whether a token is demanded.
    """

    address: ListenAddress | None = None

    def listenTCP(self, port: int, _factory: object, *, interface: str, **_: object) -> None:
        self.address = TCPAddress(interface, port)

    def listenUNIX(self, address: str, _factory: object, **_: object) -> None:
        self.address = UnixAddress(address)


def parse_endpoint(description: str) -> ListenAddress:
    """What Twisted would listen on for this description.

    :raises ValueError: it is none, of another kind, or its port or address is impossible.
    """
    kind = description.partition(":")[0]
    if kind not in _KINDS:
        raise ValueError(
            f"begins with {kind!r}, not with one of {', '.join(f'{known}:' for known in _KINDS)}"
        )
    recorder = _Recorder()
    try:
        endpoint = endpoints.serverFromString(recorder, description)
        endpoint.listen(Factory())
    except (TypeError, ValueError, RuntimeError) as error:
        # A wrong set of arguments; no number where one belongs; a backslash at the end.
        raise ValueError("has arguments that such an endpoint does not take") from error
    if isinstance(recorder.address, TCPAddress):
        _check_tcp(recorder.address)
    elif recorder.address is None or not recorder.address.path or "\0" in recorder.address.path:
        raise ValueError("names no path")
    return recorder.address


def _check_tcp(address: TCPAddress) -> None:
    if not 0 <= address.port <= 65535:
        raise ValueError(f"names port {address.port}, and ports go from 0 to 65535")
    if address.host not in ("", _LOCALHOST):
        # Twisted takes an IP address here. A name could come to mean another address than the one judged.
        try:
            ip_address(address.host)
        except ValueError as error:
            raise ValueError(f"names interface {address.host!r}, which is no IP address") from error


class ListenError(Exception):
    """The address cannot be listened on. The message names it, the reason and the way out."""

    def __init__(self, address: object, reason: object) -> None:
        number = reason.errno if isinstance(reason, OSError) else None
        text = os.strerror(number) if number is not None and number > 0 else str(reason)
        super().__init__(f"Cannot listen on {address}: {text}. {_WAYS_OUT.get(number or 0, _WAY_OUT)}")


_WAY_OUT = "Choose another address with --port or --listen."
_WAYS_OUT = {
    errno.EADDRINUSE: "Another program, perhaps another ccmimolink, is there: stop it, or choose a --port.",
    errno.EACCES: "Choose a --port of 1024 or higher, or a directory that you may write to.",
}


def ensure_free(address: ListenAddress) -> None:
    """Look whether the address can be listened on, before anything is started.

    A daemon learns of a busy port only after it left its terminal, where a message reaches nobody. So the
    question is asked beforehand; between the question and the real listening the answer may change, which
    then is an error like any other at start.

    :raises ListenError: the address is taken, forbidden, or not this machine's.
    """
    try:
        if isinstance(address, TCPAddress):
            _bind_once(address)
        elif not stat.S_ISDIR(os.stat(os.path.dirname(address.path) or ".").st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "")
    except OSError as error:
        raise ListenError(address, error) from error


def _bind_once(address: TCPAddress) -> None:
    with socket.socket(socket.AF_INET6 if address.is_ipv6 else socket.AF_INET) as probe:
        if os.name == "posix":
            # As Twisted does: connections that linger from an earlier run are no obstacle, a listener is.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address.host, address.port))
