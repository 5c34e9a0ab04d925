"""One request through the proxy to a faulty upstream, over loopback sockets, and what is left of it.

Owns the walk of a cell: start, ask, strike, read, and the proof that nothing is held any more. It must not
know which outcome is right.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import deferLater

from ccmimolink.graph import build_graph
from ccmimolink.plugins import PluginSet
from ccmimolink.settings import Settings
from tests.faults.catalogue import FIRST_BYTE, Fault
from tests.faults.outcomes import Client
from tests.faults.upstream import FaultyUpstream, Plan
from tests.http_wire import CODEX, Reply, request
from tests.memory_proxy import SETTINGS
from tests.mimocode.gateway_tls import HOST, Pair, Shown, authority, stranger
from tests.scripted_upstream import Wire, connect

PATIENCE = 10.0
"""Seconds after which what is waited for does not come."""

GENEROUS = {
    "MIMO_PROXY_RETRIES": "0",
    "MIMO_PROXY_CONNECT_TIMEOUT_MS": "20000",
    "MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS": "20000",
    "MIMO_PROXY_IDLE_TIMEOUT_MS": "20000",
    "MIMO_PROXY_KEEPALIVE_MS": "20000",
}
"""Limits that no cell runs into unless its fault names another."""

_certificates: Mapping[str, Callable[[], Pair]] = {
    "trusted": functools.cache(lambda: authority().issue(HOST)),
    "unknown authority": functools.cache(lambda: stranger().issue(HOST)),
    "expired": functools.cache(lambda: authority().issue(HOST, expired=True)),
    "other host": functools.cache(lambda: authority().issue("other.invalid")),
}


@functools.cache
def _plugins() -> PluginSet:
    return PluginSet.load(third_party=False)


@functools.cache
def _settings(chosen: tuple[tuple[str, str], ...]) -> Settings:
    return Settings.from_environ({**SETTINGS, **GENEROUS, **dict(chosen)})


class Stage:
    """Start it, and stop it whatever happened.

    :ivar upstream: the faulty one.
    :ivar elsewhere: another server, which nobody may be led to.
    """

    def __init__(self, reactor: Any, fault: Fault) -> None:
        self.reactor, self.fault = reactor, fault
        self.clients: list[Wire] = []
        self.elsewhere = FaultyUpstream.of(reactor, Plan())

    async def start(
        self,
        plan_for: Callable[[int, int], Plan],
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """
        :param plan_for: what is done with the n-th connection; also given the port of the other server.
        """
        fault = self.fault
        elsewhere = await self.elsewhere.listen()
        self.upstream = FaultyUpstream(self.reactor, lambda number: plan_for(number, elsewhere))
        certificate = Shown(_certificates[fault.shown]()) if fault.shown is not None else None
        self.upstream_port = await self.upstream.listen(certificate=certificate)
        if not fault.listens:
            await self.upstream.refuse()
        base = f"http{'s' if fault.https else ''}://127.0.0.1:{self.upstream_port}/v1"
        chosen = replace(_settings(tuple({**settings, **fault.settings}.items())), base_url=base)
        self.graph = build_graph(chosen, _plugins(), self.reactor)
        endpoint = TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")
        self._port: Any = await endpoint.listen(self.graph.site)

    async def stop(self) -> None:
        await self._port.stopListening()
        for client in self.clients:
            if not client.lost:
                client.reset()
        await self.graph.site.close_all(1)
        self.graph.services.limiter.stop()
        for relay in list(self.graph.services.lingering):
            relay.drop()
        await self.graph.pool.closeCachedConnections()
        await self.upstream.stop()
        await self.elsewhere.stop()

    async def until(self, condition: Callable[[], Any]) -> bool:
        """Whether it comes true in time."""
        deadline = self.reactor.seconds() + PATIENCE
        looks = 0
        while not condition():
            if self.reactor.seconds() > deadline:
                return False
            looks += 1
            # Most things happen within some turns of the reactor; for those that take time, it is to rest.
            await deferLater(self.reactor, 0 if looks < 60 else 0.002)
        return True

    async def answer_from_now_on(self) -> None:
        """Listen where nobody did, once the request has been refused there and waits to be tried again."""
        assert await self.until(lambda: self.graph.services.limiter.state.waiting)
        await self.upstream.listen(self.upstream_port)

    async def ask(self, client: Client) -> Wire:
        """Send the request over a connection of its own."""
        wire: Wire = await connect(self.reactor, self._port.getHost().port)
        self.clients.append(wire)
        body = self.fault.request_body(stream=client is not Client.WHOLE)
        headers = CODEX if client is Client.CODEX else {}
        wire.send(request("POST", "/v1/responses", body, headers))
        return wire

    async def reply(self, wire: Wire, shown_by: bytes = b"") -> Reply:
        """The answer, once it is complete.

        :param shown_by: what the client must have received before the upstream goes on.
        """
        assert await self.until(lambda: shown_by in wire.received or answered(wire)), "the phase never came"
        if not shown_by:
            # Nothing shows at the client how far the answer has come.
            await self.until(lambda: self._upstream_waits or answered(wire))
            await self.turns()
        assert await self._until_released(lambda: answered(wire)), f"no end after {wire.received[-300:]!r}"
        return wire.reply

    @property
    def _upstream_waits(self) -> bool:
        """Whether the upstream will do nothing more by itself for the request."""
        connections = self.upstream.connections
        return any(each.player.holding or (each.requests and not each.player.busy) for each in connections)

    async def turns(self) -> None:
        """So many turns of the reactor that what was written has left, arrived and been translated."""
        for _ in range(8):
            await deferLater(self.reactor, 0)

    async def settle(self) -> None:
        """Let what the upstream still has to send leave and arrive, so far as it will."""
        assert await self.until(lambda: not any(each.player.busy for each in self.upstream.connections))
        assert await self.until(lambda: not self.graph.services.lingering)
        await self.turns()

    def requests_fit(self, expected: int) -> bool:
        """Whether the upstream saw so many whole requests.

        Where a limit for the first byte ends the matter, a busy machine may not even have sent one.
        """
        seen = len(self.upstream.requests)
        return seen <= expected if FIRST_BYTE.keys() <= self.fault.settings.keys() else seen == expected

    def at_rest(self) -> bool:
        """Whether nothing is held for a request: no slot, no place in the queue, no exchange."""
        state = self.graph.services.limiter.state
        live = len(self.graph.services.live)
        return (state.in_flight, state.waiting, live) == (0, 0, 0)

    async def _until_released(self, condition: Callable[[], Any]) -> bool:
        """As :meth:`until`, while the upstream goes on wherever it holds."""

        def met() -> bool:
            self.upstream.release()
            return bool(condition())

        return await self.until(met)

    async def assert_connections(self, *, kept: bool | None) -> None:
        """The upstream's connections are in the pool, or closed, and in no case anything else.

        :param kept: which of the two; None where it depends on how the bytes were cut into reads.
        """
        connections = self.upstream.connections
        lingering = self.graph.services.lingering
        assert await self._until_released(lambda: not lingering), "the upstream is still waited for"
        if kept is not False:
            await self.turns()
            assert kept is None or not any(each.lost for each in connections), "a good connection was closed"
            await self.graph.pool.closeCachedConnections()
        assert await self.until(lambda: all(each.lost for each in connections)), "a connection leaked"


def answered(wire: Wire) -> bool:
    """Whether an answer has arrived whole, or none will."""
    return wire.lost or (b"\r\n\r\n" in wire.received and wire.reply.complete)
