"""How the command speaks to the running proxy: one request, and the answer or what was in its way.

Owns the connection, to a port or a socket, and telling apart who answers there. It goes through no proxy of
the environment's, and must not print.
"""

from __future__ import annotations

import http.client
import socket
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ccmimolink.control.files import UNIX, Found, url_of
from ccmimolink.listen import ListenAddress
from ccmimolink.model_choice import CONTROL_HEADER, CONTROL_PATH, ModelState, Wish

_SECONDS = 30.0
"""The proxy may ask MiMo for its list of models, for which it gives up after ten."""

_LARGEST = 1 << 20


class Nobody(Exception):
    """Nobody listens there."""


class Refused(Exception):
    """The proxy does not do it. The message is its own."""


class NotOurs(Exception):
    """Who answers is not the proxy that left the file."""


class _Error(Struct):
    message: str


class _ErrorBody(Struct):
    error: _Error


def look(found: Found, *, upstream: bool = False) -> ModelState:
    """What is in force.

    :param upstream: with MiMo's own list.
    :raises Nobody: the proxy is gone.
    :raises NotOurs: somebody else is there.
    """
    return _asked(found, "GET", CONTROL_PATH + ("?upstream=1" if upstream else ""), None)


def change(found: Found, wish: Wish) -> ModelState:
    """:raises Refused: the name is not taken.
    :raises Nobody: the proxy is gone.
    :raises NotOurs: somebody else is there.
    """
    return _asked(found, "PUT", CONTROL_PATH, msgspec.json.encode(wish))


def somebody_listens(address: ListenAddress) -> bool:
    connection = _connection(url_of(address))
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _asked(found: Found, method: str, path: str, body: bytes | None) -> ModelState:
    # The token is of that run alone: a stranger who has the port by now can do nothing with it.
    headers = {"Host": "localhost", CONTROL_HEADER: found.token, "Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = _connection(found.url)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        status, answer = response.status, response.read(_LARGEST)
    except (ConnectionRefusedError, FileNotFoundError):
        raise Nobody from None
    except (OSError, http.client.HTTPException):
        raise NotOurs from None
    finally:
        connection.close()
    return _understood(status, answer)


def _understood(status: int, answer: bytes) -> ModelState:
    try:
        if status == 200:
            return msgspec.json.decode(answer, type=ModelState)
        message = msgspec.json.decode(answer, type=_ErrorBody).error.message
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotOurs from None
    if status in (403, 404):
        raise NotOurs
    raise Refused(message)


def _connection(url: str) -> http.client.HTTPConnection:
    if url.startswith(UNIX):
        return _UnixConnection(url.removeprefix(UNIX))
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        family: Any = getattr(socket, "AF_UNIX", None)
        if family is None:
            raise OSError("this Python knows no Unix sockets")
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
