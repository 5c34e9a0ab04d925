"""MiMo's stand-in on a loopback socket: raw bytes for each connection, sent when the test says so."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.http_wire import Reply, read_reply

POLL = 0.004
PATIENCE = 5.0


async def until(clock: IReactorTime, condition: Callable[[], Any]) -> None:
    """Wait for something that happens in another reactor turn.

    :raises AssertionError: it did not happen.
    """
    deadline = clock.seconds() + PATIENCE
    while not condition():
        assert clock.seconds() < deadline, "waited in vain"
        await deferLater(clock, POLL)


class Wire(Protocol):
    """One end of a connection.

    :ivar received: all that has come.
    :ivar lost: whether the other end is gone.
    """

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def close(self) -> None:
        self.transport.loseConnection()

    def reset(self) -> None:
        self.transport.abortConnection()

    @property
    def reply(self) -> Reply:
        return read_reply(self.received, closed=self.lost)


class ScriptedUpstream(Factory):
    """:ivar connections: what was accepted, in order."""

    noisy = False

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.connections: list[Wire] = []
        self._port: Any = None

    def buildProtocol(self, addr: object) -> Wire:
        wire = Wire()
        self.connections.append(wire)
        return wire

    async def listen(self) -> int:
        self._port = await TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1").listen(self)
        number: int = self._port.getHost().port
        return number

    async def stop(self) -> None:
        await self._port.stopListening()
        for wire in self.connections:
            if not wire.lost:
                wire.reset()
        await until(self._reactor, lambda: all(wire.lost for wire in self.connections))

    async def request(self, place: int = 0) -> Wire:
        """The connection with this number, once a whole request came over it."""
        await until(self._reactor, lambda: len(self.connections) > place)
        wire = self.connections[place]
        await until(self._reactor, lambda: wire.received.endswith(b"}") or b"GET " in wire.received)
        return wire


def connect(reactor: Any, port: int) -> Deferred[Wire]:
    """A raw client."""
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    connected: Deferred[Wire] = connectProtocol(endpoint, Wire())
    return connected
