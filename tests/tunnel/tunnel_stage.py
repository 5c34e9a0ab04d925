"""An agent with a proxy before it that a test plays, both on real sockets.

Owns their beginning and end, and a resolver that knows what a test tells it. It must not talk to the agent in
the proxy's name: that is the test's, or :mod:`tests.tunnel.relaying_proxy`'s.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IHostnameResolver
from twisted.web.iweb import IAgent
from zope.interface import implementer

from ccmimolink.transport import Pool, make_agent
from ccmimolink.tunnel.choice import Proxies, ProxyServer
from ccmimolink.tunnel.negotiation import TunnelFailed
from tests.http1.agent_stage import Asked, Body
from tests.scripted_upstream import ScriptedUpstream, Wire, until

URI = b"http://mimo.test:443/v1"
LIMIT = 20.0


class TunnelStage:
    """:ivar proxy: where the agent is led; not what a test has put in its place."""

    def __init__(self, reactor: Any, proxy: ScriptedUpstream, agent: IAgent, pool: Pool) -> None:
        self.reactor, self.proxy, self.agent, self.pool = reactor, proxy, agent, pool

    def ask(self, uri: bytes = URI, body: Any = None) -> Asked:
        return Asked(self.agent.request(b"GET" if body is None else b"POST", uri, None, body))

    async def wire(self, place: int = 0) -> Wire:
        """The connection with this number."""
        connections = self.proxy.connections
        await self.until(lambda: len(connections) > place and connections[place].received)
        return connections[place]

    async def until(self, condition: Any) -> None:
        await until(self.reactor, condition)

    async def read(self, asked: Asked) -> Body:
        """The whole body of an answer."""
        await self.until(lambda: not asked.is_waiting)
        assert asked.failure is None, asked.failure
        body = asked.read()
        await self.until(lambda: body.reason is not None)
        return body

    async def refused(self, asked: Asked) -> str:
        """Why there is no way through the proxy."""
        await self.until(lambda: not asked.is_waiting)
        assert asked.failure is not None
        assert isinstance(asked.failure.value, TunnelFailed), asked.failure
        return str(asked.failure.value)


@asynccontextmanager
async def staged(
    server: ProxyServer,
    *,
    twisted: bool,
    port: int | None = None,
    limit: float = LIMIT,
    ca_file: Path | None = None,
) -> AsyncIterator[TunnelStage]:
    """An agent that is led to a proxy like this one, on loopback.

    :param port: where the proxy listens, if it is another one than the stage's own.
    """
    from twisted.internet import reactor

    proxy = ScriptedUpstream(reactor)
    own_port = await proxy.listen()
    server = replace(server, port=own_port if port is None else port)
    agent, pool = make_agent(
        reactor,
        connections=2,
        connect_timeout=limit,
        twisted=twisted,
        proxies=Proxies(fallback=server),
        ca_file=ca_file,
    )
    try:
        yield TunnelStage(reactor, proxy, agent, pool)
    finally:
        await pool.closeCachedConnections()
        await proxy.stop()


@implementer(IHostnameResolver)
class Names:
    """Knows the names that it is given, and leaves addresses to another one.

    :ivar held: those who wait for a name that is known to be nothing yet.
    """

    def __init__(self, others: Any, known: Mapping[str, tuple[str, ...] | None]) -> None:
        self._others, self._known = others, known
        self.held: list[Any] = []

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        receiver = resolutionReceiver
        if hostName not in self._known:
            assert hostName[-1].isdigit(), f"{hostName} would be asked of the network"
            return self._others.resolveHostName(
                receiver, hostName, portNumber, addressTypes, transportSemantics
            )
        receiver.resolutionBegan(self)
        addresses = self._known[hostName]
        if addresses is None:
            self.held.append(receiver)
            return receiver
        for address in addresses:
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, portNumber))
        receiver.resolutionComplete()
        return receiver


@contextmanager
def knowing(**known: tuple[str, ...] | None) -> Iterator[Names]:
    """Names as they stand before ``.test``, with their addresses; with None they are looked up for ever."""
    from twisted.internet import reactor

    pluggable: Any = reactor
    names = Names(pluggable.nameResolver, {f"{name}.test": found for name, found in known.items()})
    former = pluggable.installNameResolver(names)
    try:
        yield names
    finally:
        pluggable.installNameResolver(former)
