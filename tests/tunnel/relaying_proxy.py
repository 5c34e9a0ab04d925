"""A proxy of the test's own that really leads somewhere: to one place, whatever it is asked for.

Owns its side of both kinds of talks, and writes down what it was asked for. It refuses nobody.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from math import inf
from typing import Any

from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    connectProtocol,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.mimocode.gateway_tls import HOST, Pair, Shown
from tests.scripted_upstream import until
from tests.tunnel.talks import CONNECTED, FREE, NO_CREDENTIALS


class _Beyond(Protocol):
    """The connection to the place."""

    transport: Any

    def __init__(self, before: _Before) -> None:
        self._before = before

    def connectionMade(self) -> None:
        self._before.go_through(self)

    def dataReceived(self, data: bytes) -> None:
        self._before.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._before.transport.loseConnection()


class _Before(Protocol):
    """The connection of a client. SOCKS is told by its first byte."""

    transport: Any

    def __init__(self, proxy: RelayingProxy) -> None:
        self._proxy, self._came = proxy, b""
        self._beyond: _Beyond | None = None
        self._is_greeted = False
        self.lost = False

    def connectionMade(self) -> None:
        self._proxy.clients.append(self)

    def dataReceived(self, data: bytes) -> None:
        if self._beyond is not None:
            self._proxy.relayed += len(data)
            if self._proxy.relayed > self._proxy.most:
                self.transport.pauseProducing()
            self._beyond.transport.write(data)
            return
        self._came += data
        if self._came.startswith(b"\x05"):
            if not self._is_greeted:
                self._is_greeted = True
                self._came = b""
                self.transport.write(NO_CREDENTIALS)
            else:
                self._connect(self._came, FREE)
        elif self._came.endswith(b"\r\n\r\n"):
            self._connect(self._came, CONNECTED)

    def _connect(self, asked: bytes, answer: bytes) -> None:
        self._proxy.asked.append(asked)
        self._answer = answer
        where = TCP4ClientEndpoint(self._proxy.reactor, HOST, self._proxy.place)
        connectProtocol(where, _Beyond(self))

    def go_through(self, beyond: _Beyond) -> None:
        self._beyond = beyond
        self.transport.write(self._answer)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True
        if self._beyond is not None:
            self._beyond.transport.abortConnection()


class RelayingProxy:
    """
    :param place: the port on loopback to which it leads.
    :param shown: with a certificate, it is a proxy over TLS.
    :ivar asked: the requests for a way, as they came.
    :ivar relayed: bytes of clients that went through.
    :ivar most: how many may be; then it reads no more of whoever sends them.
    """

    def __init__(self, reactor: Any, place: int, shown: Pair | None = None) -> None:
        self.reactor, self.place, self._shown = reactor, place, shown
        self.clients: list[_Before] = []
        self.asked: list[bytes] = []
        self.relayed = 0
        self.most: float = inf
        self._port: Any = None

    async def listen(self) -> int:
        endpoint: Any = TCP4ServerEndpoint(self.reactor, 0, interface=HOST)
        if self._shown is not None:
            endpoint = SSL4ServerEndpoint(self.reactor, 0, Shown(self._shown), interface=HOST)
        factory = Factory.forProtocol(lambda: _Before(self))
        factory.noisy = False
        self._port = await endpoint.listen(factory)
        port: int = self._port.getHost().port
        return port

    async def stop(self) -> None:
        await self._port.stopListening()
        for client in self.clients:
            if not client.lost:
                client.transport.abortConnection()
        await until(self.reactor, lambda: all(client.lost for client in self.clients))
