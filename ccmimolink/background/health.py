"""Whether the proxy answers: one question to ``/health``, over TCP or a Unix socket.

Owns that question. It must not start or end anything.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ccmimolink.listen import ListenAddress, TCPAddress, UnixAddress

_SECONDS = 2.0
_MOST = 65536


class Answer(Enum):
    OURS = "a ccmimolink answers"
    OTHER = "another program answers"
    NOBODY = "nobody answers"


@dataclass(frozen=True, slots=True)
class Health:
    """What came back.

    :ivar body: of a ccmimolink.
    """

    answer: Answer
    body: dict[str, Any] = field(default_factory=dict)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        if sys.platform != "win32":
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._path)
        else:
            raise FileNotFoundError


def ask_health(address: ListenAddress, token: str) -> Health:
    """:param token: what the proxy demands of its clients, or nothing."""
    connection = _connection(address)
    try:
        connection.request("GET", "/health", headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        return _judged(response.status, response.read(_MOST))
    except (ConnectionRefusedError, FileNotFoundError):
        return Health(Answer.NOBODY)
    except (OSError, ValueError, http.client.HTTPException):
        return Health(Answer.OTHER)
    finally:
        connection.close()


def _connection(address: ListenAddress) -> http.client.HTTPConnection:
    if isinstance(address, UnixAddress):
        return _UnixConnection(address.path)
    assert isinstance(address, TCPAddress)
    return http.client.HTTPConnection(_host(address), address.port, timeout=_SECONDS)


def _host(address: TCPAddress) -> str:
    """Where a listener is reached from its own machine."""
    if address.host in ("", "0.0.0.0", "localhost"):
        return "127.0.0.1"
    return "::1" if address.host == "::" else address.host


def _judged(status: int, content: bytes) -> Health:
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if isinstance(body, dict) and "uptime_seconds" in body:
        return Health(Answer.OURS, body)
    # A token that it was started with, and that is not in the file any more.
    if status == http.client.FORBIDDEN and b"MIMO_PROXY_TOKEN" in content:
        return Health(Answer.OURS)
    return Health(Answer.OTHER)
