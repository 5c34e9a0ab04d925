"""A server of one's own on loopback, over TCP or TLS, that says what a test tells it to say.

Owns the reading of requests. What is answered is the test's.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.mimocode.gateway_tls import HOST, Shown, authority


class Line(Protocol):
    """A connection of a client.

    :ivar bodies: of the requests that have come whole, in order.
    """

    transport: Any

    def __init__(self, server: LoopbackServer) -> None:
        self._server, self._came = server, bytearray()
        self._is_new = True
        self.bodies: list[bytes] = []
        self.gone: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self._server.lines.append(self)

    def dataReceived(self, data: bytes) -> None:
        self._came += data
        head, end, rest = bytes(self._came).partition(b"\r\n\r\n")
        if not end:
            return
        if self._is_new:
            self._is_new = False
            self._server.at_head(self)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
        if len(rest) >= length:
            self.bodies.append(rest[:length])
            self._came = bytearray(rest[length:])
            self._is_new = True
            self._server.at_request(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone.callback(None)


class LoopbackServer:
    """
    :ivar lines: all connections that were made, in order.
    :ivar at_head: called with the first bytes of a request; ``at_request`` when all of it has come.
    """

    def __init__(self, scheme: bytes) -> None:
        self.lines: list[Line] = []
        self.at_head: Callable[[Line], object] = lambda _: None
        self.at_request: Callable[[Line], object] = lambda _: None
        self._scheme = scheme
        self.uri = b""

    @asynccontextmanager
    async def listening(self, reactor: Any) -> AsyncIterator[LoopbackServer]:
        endpoint: Any = TCP4ServerEndpoint(reactor, 0, interface=HOST)
        if self._scheme == b"https":
            endpoint = SSL4ServerEndpoint(reactor, 0, Shown(authority().issue(HOST)), interface=HOST)
        factory = Factory.forProtocol(lambda: Line(self))
        factory.noisy = False
        port = await endpoint.listen(factory)
        self.uri = b"%b://%b:%d/v1" % (self._scheme, HOST.encode(), port.getHost().port)
        try:
            yield self
        finally:
            await port.stopListening()
        for line in self.lines:
            await line.gone
