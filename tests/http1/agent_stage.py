"""An agent over connections in memory: what it sends, what it is sent, and a clock that the test moves.

Owns the stand-ins on both sides of the agent. It must not know how the agent works.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from ccmimolink.heads import UpstreamEndpoints
from ccmimolink.http1.agent import ConnectionPool, PooledAgent
from tests.memory_proxy import MemoryReactor, UpstreamConnection

URI = b"http://127.0.0.1:9/v1"
KEEP = 30.0

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"
FOUR = OK + b"content-length: 4\r\n\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
UNTIL_THE_END = OK + b"\r\n"


class Body(Protocol):
    """What comes of a body.

    :ivar pieces: as they came.
    :ivar reason: of its end.
    :ivar at_start: called with the transport when it begins; ``at_data`` with each piece; ``at_end`` at last.
    """

    transport: Any

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.reason: Failure | None = None
        self.at_start: Callable[[Any], object] = lambda _: None
        self.at_data: Callable[[bytes], object] = lambda _: None
        self.at_end: Callable[[], object] = lambda: None

    def connectionMade(self) -> None:
        self.at_start(self.transport)

    def dataReceived(self, data: bytes) -> None:
        assert self.reason is None
        self.pieces.append(data)
        self.at_data(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        assert self.reason is None
        self.reason = reason
        self.at_end()

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    def ended(self, kind: type[Exception]) -> bool:
        return self.reason is not None and type(self.reason.value) is kind


class Asked:
    """A request, and what became of it."""

    def __init__(self, request: Deferred[IResponse]) -> None:
        self.request = request
        self.answer: Any = None
        self.failure: Failure | None = None
        request.addCallbacks(self._arrived, self._failed)

    def _arrived(self, answer: IResponse) -> None:
        self.answer = answer

    def _failed(self, reason: Failure) -> None:
        self.failure = reason

    @property
    def is_waiting(self) -> bool:
        return self.answer is None and self.failure is None

    def failed(self, kind: type[Exception]) -> bool:
        return self.failure is not None and type(self.failure.value) is kind

    def read(self, body: Body | None = None) -> Body:
        body = body or Body()
        self.answer.deliverBody(body)
        return body


@implementer(IBodyProducer)
class SlowBody:
    """A request body that leaves in parts, when the test says so."""

    def __init__(self, length: Any) -> None:
        self.length = length
        self.consumer: Any = None
        self.done: Deferred[None] = Deferred()

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        self.consumer = consumer
        return self.done

    def pauseProducing(self) -> None:
        """It comes by hand."""

    def resumeProducing(self) -> None:
        """It comes by hand."""

    def stopProducing(self) -> None:
        """It comes by hand."""


class _Reactor(MemoryReactor):
    """Over TLS a connection says that it is TCP, whatever is beneath it."""

    def connectTCP(self, *arguments: Any, **named: Any) -> Any:
        connector = super().connectTCP(*arguments, **named)
        self.upstream[-1].transport.setTcpNoDelay = lambda _: None  # type: ignore[attr-defined]
        return connector


class AgentStage:
    """:ivar servers: the other ends of the connections that were made, in order."""

    def __init__(self, size: int = 4) -> None:
        self.reactor = _Reactor()
        self.pool = ConnectionPool(self.reactor, size, KEEP)
        endpoints = UpstreamEndpoints(self.reactor, BrowserLikePolicyForHTTPS(), 4.0)
        self.agent: IAgent = PooledAgent(self.pool, endpoints)

    @property
    def servers(self) -> list[UpstreamConnection]:
        return self.reactor.upstream

    def turn(self) -> None:
        self.reactor.advance(0)

    def ask(
        self,
        method: bytes = b"GET",
        uri: bytes = URI,
        headers: Headers | None = None,
        body: Any = None,
        *,
        connected: bool = True,
    ) -> Asked:
        """:param connected: whether the connection is made at once."""
        self.reactor.deaf = not connected
        asked = Asked(self.agent.request(method, uri, headers, body))
        self.turn()
        return asked

    def sends(self, data: bytes, server: int = -1) -> None:
        """The server sends something: one read of the agent's side."""
        self.servers[server].send(data)
        self.turn()

    def served(self, uri: bytes = URI, answer: bytes = EMPTY) -> Asked:
        """A request with its whole answer, on a connection of its own or a kept one."""
        before = [len(server.received) for server in self.servers]
        asked = self.ask(uri=uri)
        after = [len(server.received) for server in self.servers]
        (used,) = [place for place, size in enumerate(after) if before[place : place + 1] != [size]]
        self.sends(answer, used)
        return asked

    def is_paused(self, server: int = 0) -> bool:
        return self.servers[server].paused

    def is_dropped(self, server: int = 0) -> bool:
        """Whether the agent's side ended the connection, in one manner or another."""
        return self.servers[server].dropped

    def assert_at_rest(self) -> None:
        """Nothing is kept, and nothing waits."""
        assert self.reactor.getDelayedCalls() == []

    def close(self) -> None:
        self.pool.closeCachedConnections()
        for server in self.servers:
            if server.transport.protocol is not None:
                server.transport.end()
        self.turn()
        self.assert_at_rest()


@contextmanager
def agent_stages() -> Iterator[Callable[..., AgentStage]]:
    """Makes stages; each must be at rest when the test is over."""
    made: list[AgentStage] = []

    def make(size: int = 4) -> AgentStage:
        made.append(AgentStage(size))
        return made[-1]

    yield make
    for stage in made:
        stage.close()
