"""The whole proxy in memory: raw bytes from clients, raw bytes from MiMo, and a clock that the test moves.

All is real from the client's bytes to the upstream's, the pool and the agent included. Only the transports
and the reactor are stand-ins.
"""

# mypy: allow-untyped-calls, allow-untyped-defs
# Twisted's web and testing modules are only partly annotated.

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorPluggableNameResolver
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from ccmimolink.graph import Graph, build_graph
from ccmimolink.plugins import PluginSet
from ccmimolink.settings import Settings
from ccmimolink.web.control import Control
from ccmimolink.web.services import Plugins
from tests.http_wire import CODEX, Reply, body_of, read_reply, request

KEY = "sk-fake-upstream-key"

SETTINGS = {
    "MIMO_BASE_URL": "http://127.0.0.1:9/v1",
    "MIMO_API_KEY": KEY,
    "MIMO_PROXY_MIN_INTERVAL_MS": "0",
    # The machine's own cc switch and Codex are none of a test's business.
    "MIMO_PROXY_SKIP_CC_SWITCH_SYNC": "true",
    # Where not even root can make a directory.
    "MIMO_PROXY_STATE_DIR": "/dev/null/ccmimolink",
    "CC_SWITCH_DB_PATH": "/nonexistent/cc-switch.db",
    # The suite can be run over either agent.
    "MIMO_PROXY_TWISTED_AGENT": os.environ.get("MIMO_PROXY_TWISTED_AGENT", "false"),
}


class MemoryTransport(StringTransport):
    """One end of a connection. As on a socket, its end is noticed one reactor turn later.

    :ivar writes: the pieces as they were written.
    :ivar fills_up: told each piece that is written, says whether the peer is behind with it.
    """

    def __init__(self, reactor: MemoryReactorClock) -> None:
        super().__init__(lenient=True)
        self.fills_up: Callable[[bytes], bool] = lambda _data: False
        self._reactor = reactor
        self._undelivered: list[bytes] = []
        self.protocol: Any = None
        self.writes: list[bytes] = []
        self.ended = False
        self.producer: Any = None

    def write(self, data: bytes) -> None:
        if not self.ended:
            self.writes.append(data)
            super().write(data)
            if self.producer is not None and self.fills_up(data):
                self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def unregisterProducer(self) -> None:
        self.producer = None

    def stopProducing(self) -> None:
        """As on a socket, where it may be followed by the other producing methods."""
        self.loseConnection()

    def deliver(self, data: bytes) -> None:
        """The peer's bytes, which wait while the transport is paused."""
        self._undelivered.append(data)
        self._deliver()

    def _deliver(self) -> None:
        while self._undelivered and self.producerState == "producing" and not self.disconnecting:
            self.protocol.dataReceived(self._undelivered.pop(0))

    def resumeProducing(self) -> None:
        super().resumeProducing()
        self._reactor.callLater(0, self._deliver)

    def loseConnection(self) -> None:
        if not self.disconnecting:
            super().loseConnection()
            self._reactor.callLater(0, self.end)

    def end(self, error: type[Exception] = ConnectionDone) -> None:
        """The connection is over."""
        if not self.ended:
            self.ended = self.disconnecting = True
            self.protocol.connectionLost(Failure(error()))


class UpstreamConnection:
    """MiMo's end of a connection that the proxy opens."""

    def __init__(self, reactor: MemoryReactorClock, factory: Any, connector: Any) -> None:
        self._factory, self._connector = factory, connector
        self.transport = MemoryTransport(reactor)

    def accept(self) -> None:
        if self._connector.stoppedConnecting:
            return
        protocol = self._factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 9))
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)

    def refuse(self, error: type[Exception] = ConnectError) -> None:
        self._factory.clientConnectionFailed(self._connector, Failure(error()))

    @property
    def received(self) -> bytes:
        found: bytes = self.transport.value()
        return found

    @property
    def request(self) -> tuple[str, dict[str, str], bytes]:
        """Request line, headers and body of the first request."""
        head, _, body = self.received.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        return line, {n.lower(): v for n, _, v in (f.partition(": ") for f in fields)}, body

    def send(self, data: bytes) -> None:
        """One read of the proxy."""
        self.transport.deliver(data)

    def close(self) -> None:
        self.transport.end()

    def reset(self) -> None:
        self.transport.end(ConnectionLost)

    @property
    def dropped(self) -> bool:
        """Whether the proxy ended the connection, or gave up making it."""
        return self.transport.disconnecting or self._connector.stoppedConnecting

    @property
    def paused(self) -> bool:
        return self.transport.producerState == "paused"


@implementer(IReactorPluggableNameResolver)
class MemoryReactor(MemoryReactorClock):
    """A reactor whose connections go to a scripted upstream.

    :ivar upstream: what was opened, in order.
    :ivar refusals: how many of the next connections are refused.
    :ivar deaf: whether connections are left waiting.
    """

    def __init__(self) -> None:
        super().__init__()
        self.upstream: list[UpstreamConnection] = []
        self.refusals = 0
        self.deaf = False

    def connectTCP(self, host, port, factory, timeout=30, bindAddress=None):
        connector = super().connectTCP(host, port, factory, timeout, bindAddress)
        connection = UpstreamConnection(self, factory, connector)
        self.upstream.append(connection)
        if self.refusals:
            self.refusals -= 1
            self.callLater(0, connection.refuse)
        elif not self.deaf:
            self.callLater(0, connection.accept)
        return connector


class MemoryClient:
    """One client connection."""

    def __init__(self, graph: Graph, reactor: MemoryReactor) -> None:
        self._reactor = reactor
        self.transport = MemoryTransport(reactor)
        self.transport.protocol = graph.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50_000))
        self.transport.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.transport.deliver(data)
        self._reactor.advance(0)

    def leave(self) -> None:
        self.transport.end(ConnectionLost)
        self._reactor.advance(0)

    def stop_reading(self) -> None:
        """The proxy's write buffer is full."""
        self.transport.producer.pauseProducing()

    def read_again(self) -> None:
        self.transport.producer.resumeProducing()
        self._reactor.advance(0)

    @property
    def silent(self) -> bool:
        """Whether nothing was answered."""
        return not self.transport.value()

    @property
    def reply(self) -> Reply:
        return read_reply(self.transport.value(), closed=self.transport.ended)

    @property
    def closed(self) -> bool:
        return self.transport.ended


class MemoryProxy:
    """A proxy, its clients and its upstream. Durations are those of ``reactor``."""

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        plugins: Plugins | None = None,
        control: Control | None = None,
    ) -> None:
        self.reactor = MemoryReactor()
        # Far from 0, where nothing is ever found to be long ago.
        self.reactor.advance(1000)
        self.graph = build_graph(
            Settings.from_environ(SETTINGS | dict(settings or {})),
            plugins or PluginSet.load(third_party=False),  # type: ignore[arg-type]
            self.reactor,
            control=control,
            monotonic=self.reactor.seconds,
        )
        self.services = self.graph.services
        self.clients: list[MemoryClient] = []

    @property
    def upstream(self) -> list[UpstreamConnection]:
        return self.reactor.upstream

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        self.reactor.advance(0)

    def advance(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass, as a reactor would see it."""
        target = self.reactor.seconds() + seconds
        while (left := target - self.reactor.seconds()) > 1e-9:
            self.reactor.advance(min(step, left))

    def connect(self) -> MemoryClient:
        client = MemoryClient(self.graph, self.reactor)
        self.clients.append(client)
        return client

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> MemoryClient:
        """Send a request over a connection of its own. Underscores in header names stand for hyphens."""
        client = self.connect()
        client.send(request(method, path, body, {n.replace("_", "-"): v for n, v in headers.items()}))
        return client

    def post(self, body: bytes | None = None, *, codex: bool = False, **headers: str) -> MemoryClient:
        """``POST /v1/responses``."""
        chosen = (CODEX if codex else {}) | headers
        return self.ask("POST", "/v1/responses", body_of() if body is None else body, **chosen)

    def assert_at_rest(self) -> None:
        """Nothing is held for a request any more: no slot, no place in the queue, no exchange."""
        state = self.services.limiter.state
        assert (state.in_flight, state.waiting) == (0, 0)
        assert len(self.services.live) == 0

    def close(self) -> None:
        """End all connections, and see that no timer is left."""
        for client in self.clients:
            client.transport.end()
        self.services.limiter.stop()
        for connection in self.upstream:
            if connection.transport.protocol is not None:
                connection.transport.end()
        self.graph.pool.closeCachedConnections()
        self.settle()
        assert self.reactor.getDelayedCalls() == []


@contextmanager
def made_proxies() -> Iterator[Callable[..., MemoryProxy]]:
    """Makes proxies; each must be at rest and leave no timer when the test is over."""
    made: list[MemoryProxy] = []

    def make(
        settings: Mapping[str, str] | None = None, plugins: Any = None, control: Control | None = None
    ) -> MemoryProxy:
        made.append(MemoryProxy(settings, plugins, control))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()
        proxy.assert_at_rest()
