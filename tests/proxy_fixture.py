"""The proxy on a loopback socket, with a scripted upstream behind it."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.web.client import Agent, HTTPConnectionPool

from ccmimolink.control.memory import ModelMemory
from ccmimolink.graph import build_graph
from ccmimolink.plugins import PluginSet
from ccmimolink.settings import Settings
from ccmimolink.web.control import Control
from tests.http_wire import body_of, request
from tests.memory_proxy import SETTINGS
from tests.scripted_upstream import ScriptedUpstream, Wire, connect, until


class LoopbackProxy:
    """Start it, and stop it whatever happened.

    :ivar treq: an ordinary client.
    """

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.upstream = ScriptedUpstream(reactor)
        self.clients: list[Wire] = []
        self._pool = HTTPConnectionPool(reactor)
        self.treq = HTTPClient(Agent(reactor, pool=self._pool))

    async def start(self, **settings: str) -> None:
        upstream_port = await self.upstream.listen()
        environ = SETTINGS | {"MIMO_BASE_URL": f"http://127.0.0.1:{upstream_port}/v1"} | settings
        self.graph = build_graph(
            Settings.from_environ(environ),
            PluginSet.load(third_party=False),
            self.reactor,
            control=Control("fake-control-token-of-a-test", ModelMemory(None)),
        )
        endpoint = TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")
        self._port: Any = await endpoint.listen(self.graph.site)
        self.port: int = self._port.getHost().port
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def stop(self) -> None:
        await self._port.stopListening()
        for client in self.clients:
            if not client.lost:
                client.reset()
        await self._pool.closeCachedConnections()
        await self.graph.site.close_all(1)
        self.graph.services.limiter.stop()
        for relay in list(self.graph.services.lingering):
            relay.drop()
        await self.graph.pool.closeCachedConnections()
        if self.graph.dumps is not None:
            await self.graph.dumps.close()
        await self.upstream.stop()

    async def connect(self) -> Wire:
        client = await connect(self.reactor, self.port)
        self.clients.append(client)
        return client

    async def post(self, body: bytes | None = None) -> Wire:
        """``POST /v1/responses`` over a connection of its own."""
        client = await self.connect()
        client.send(request("POST", "/v1/responses", body_of() if body is None else body))
        return client

    async def until(self, condition: Any) -> None:
        await until(self.reactor, condition)

    def at_rest(self) -> bool:
        state = self.graph.services.limiter.state
        return (state.in_flight, state.waiting, len(self.graph.services.live)) == (0, 0, 0)
