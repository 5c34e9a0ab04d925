"""The faulty upstream: a real server on loopback that does with each connection what a plan says.

Owns reading requests off the wire and playing scripts. It must not decide what is a fault: the plan does.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from tests.faults.script import Script, ScriptPlayer
from tests.scripted_upstream import until


@dataclass(frozen=True)
class Received:
    """One whole request.

    :ivar number: counted from 0 over all connections.
    """

    number: int
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Plan:
    """What happens with one connection.

    :ivar at_connect: played as soon as it is made.
    :ivar at_byte: (n, script): played once n bytes of a request have come; the request is not answered then.
    :ivar answer: what is played for each whole request.
    """

    answer: Callable[[Received], Script] = lambda _received: ()
    at_connect: Script = ()
    at_byte: tuple[int, Script] | None = None


def answers(*scripts: Script) -> Plan:
    """The n-th request over all connections is answered by the n-th script, further ones by the last."""
    return Plan(answer=lambda received: scripts[min(received.number, len(scripts) - 1)])


class FaultyConnection(Protocol):
    """One connection of the proxy's.

    :ivar received: all bytes that have come.
    :ivar requests: the whole requests among them.
    :ivar lost: whether the proxy is gone.
    """

    transport: Any
    player: ScriptPlayer

    def __init__(self, upstream: FaultyUpstream, plan: Plan) -> None:
        self._upstream, self._plan = upstream, plan
        self.received = b""
        self.requests: list[Received] = []
        self.lost = False
        self._read_to = 0
        self._deaf = False

    def connectionMade(self) -> None:
        # Over TLS the wrapper has no such method; nothing is trickled there.
        no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if no_delay is not None:
            no_delay(True)
        self.player = ScriptPlayer(self.transport, self._upstream.reactor)
        self.player.play(self._plan.at_connect)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if self._deaf:
            return
        if self._plan.at_byte is not None:
            count, script = self._plan.at_byte
            if len(self.received) >= count:
                self._deaf = True
                self.player.play(script)
            return
        while (request := self._next_request()) is not None:
            self.requests.append(request)
            self._upstream.requests.append(request)
            self.player.play(self._plan.answer(request))

    def _next_request(self) -> Received | None:
        head, separator, rest = self.received[self._read_to :].partition(b"\r\n\r\n")
        if not separator:
            return None
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in fields)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return None
        self._read_to += len(head) + len(separator) + length
        return Received(len(self._upstream.requests), line, headers, rest[:length])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True
        self.player.stop()


@dataclass(eq=False)
class FaultyUpstream(Factory):
    """:ivar plan_for: the plan of the n-th connection, counted from 0.
    :ivar connections: all that were made, in order.
    :ivar requests: all whole requests, in the order in which they were complete.
    """

    reactor: Any
    plan_for: Callable[[int], Plan]
    connections: list[FaultyConnection] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    noisy = False
    _port: Any = None

    @classmethod
    def of(cls, reactor: Any, plan: Plan | Sequence[Plan]) -> FaultyUpstream:
        """One plan for all connections, or the n-th for the n-th connection and the last for all further."""
        plans = [plan] if isinstance(plan, Plan) else list(plan)
        return cls(reactor, lambda number: plans[min(number, len(plans) - 1)])

    def buildProtocol(self, addr: object) -> FaultyConnection:
        connection = FaultyConnection(self, self.plan_for(len(self.connections)))
        self.connections.append(connection)
        return connection

    async def listen(self, port: int = 0, *, certificate: Any = None) -> int:
        """:param certificate: a connection creator to speak TLS with (see ``tests.mimocode.gateway_tls``)."""
        served = self if certificate is None else TLSMemoryBIOFactory(certificate, False, self)
        self._port = await TCP4ServerEndpoint(self.reactor, port, interface="127.0.0.1").listen(served)
        number: int = self._port.getHost().port
        return number

    async def refuse(self) -> None:
        """Take no connection from now on."""
        await self._port.stopListening()
        self._port = None

    def release(self) -> None:
        """Let every script go on that holds."""
        for connection in self.connections:
            connection.player.release()

    async def stop(self) -> None:
        if self._port is not None:
            await self._port.stopListening()
        for connection in self.connections:
            if not connection.lost:
                connection.transport.abortConnection()
        await until(self.reactor, lambda: all(connection.lost for connection in self.connections))
