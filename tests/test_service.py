"""ProxyService: start, drain and stop, in this process."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from ccmimolink.plugins import PluginSet
from ccmimolink.service import ProxyService
from ccmimolink.settings import Settings, SettingsError
from tests.e2e.processes import free_port
from tests.http_wire import CODEX, LAST_CHUNK, STREAM_HEAD, body_of, chunk, hello, request, text
from tests.memory_proxy import KEY, SETTINGS
from tests.scripted_upstream import ScriptedUpstream, Wire, connect, until


class Running:
    """A service in this process, its upstream and its clients."""

    def __init__(self, reactor: Any, directory: Path) -> None:
        self.reactor, self.directory = reactor, directory
        self.upstream = ScriptedUpstream(reactor)
        self.port = free_port()
        self.log = directory / "proxy.log"
        self.clients: list[Wire] = []
        self.stopping: Deferred[None] | None = None

    async def start(self, **settings: str) -> None:
        upstream_port = await self.upstream.listen()
        environ = SETTINGS | {
            "MIMO_BASE_URL": f"http://127.0.0.1:{upstream_port}/v1",
            "MIMO_PROXY_PORT": str(self.port),
            "MIMO_PROXY_LOG": str(self.log),
        }
        self.service = ProxyService(
            Settings.from_environ(environ | settings), PluginSet.load(third_party=False), self.reactor
        )
        self.service.startService()

    def stop(self) -> None:
        self.stopping = self.service.stopService()

    @property
    def stopped(self) -> bool:
        return self.stopping is not None and self.stopping.called

    async def until(self, condition: Any) -> None:
        await until(self.reactor, condition)

    async def connect(self) -> Wire:
        client = await connect(self.reactor, self.port)
        self.clients.append(client)
        return client

    async def ask(self, data: bytes) -> Wire:
        client = await self.connect()
        client.send(data)
        return client

    async def streaming(self, headers: dict[str, str] | None = None) -> tuple[Wire, Wire]:
        """A client in the middle of a stream, and its upstream."""
        place = len(self.upstream.connections)
        client = await self.ask(request("POST", "/v1/responses", body_of(), headers))
        upstream = await self.upstream.request(place)
        upstream.send(STREAM_HEAD + chunk(text("a")))
        await self.until(lambda: client.received)
        return client, upstream

    async def clean_up(self) -> None:
        for client in self.clients:
            if not client.lost:
                client.reset()
        if self.stopping is None:
            self.stop()
        assert self.stopping is not None
        await self.stopping
        await self.upstream.stop()


@pytest_twisted.async_yield_fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    from twisted.internet import reactor

    proxy = Running(reactor, tmp_path)
    yield proxy
    await proxy.clean_up()


POST = request("POST", "/v1/responses", body_of())


@pytest_twisted.ensureDeferred
async def test_an_idle_proxy_stops_at_once_and_leaves_nothing(running: Running) -> None:
    await running.start()
    client = await running.ask(request("GET", "/health"))
    await running.until(lambda: client.received)
    running.stop()
    await running.until(lambda: running.stopped and client.lost)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", running.port))


@pytest_twisted.ensureDeferred
async def test_a_running_stream_is_completed_before_the_end(running: Running) -> None:
    await running.start()
    client, upstream = await running.streaming()
    running.stop()
    upstream.send(chunk(hello()) + LAST_CHUNK)
    await running.until(lambda: running.stopped)
    await running.until(lambda: client.lost)
    assert client.reply.types()[-1] == "completed"
    assert client.reply.complete


@pytest_twisted.ensureDeferred
async def test_while_it_drains_it_waits(running: Running) -> None:
    await running.start()
    client, upstream = await running.streaming()
    running.stop()
    for word in ("b", "c", "d"):
        upstream.send(chunk(text(word)))
        await running.until(lambda word=word: f'"{word}"'.encode() in client.received)
        assert not running.stopped


@pytest.mark.parametrize("headers", [{}, CODEX], ids=["generic", "codex"])
@pytest_twisted.ensureDeferred
async def test_meanwhile_a_request_is_told_to_come_back(running: Running, headers: dict[str, str]) -> None:
    await running.start()
    await running.streaming()
    running.stop()
    late = await running.ask(request("POST", "/v1/responses", body_of(), headers))
    await running.until(lambda: late.lost)
    assert late.reply.status == 429
    assert int(late.reply.headers["retry-after"]) >= 1
    assert late.reply.headers["connection"] == "close"
    assert late.reply.error()["code"] == "draining"
    assert len(running.upstream.connections) == 1


@pytest_twisted.ensureDeferred
async def test_meanwhile_health_says_so(running: Running) -> None:
    await running.start()
    await running.streaming()
    running.stop()
    client = await running.ask(request("GET", "/health"))
    await running.until(lambda: client.received)
    assert client.reply.json()["status"] == "draining"


@pytest_twisted.ensureDeferred
async def test_meanwhile_idle_connections_are_closed(running: Running) -> None:
    await running.start()
    kept = await running.ask(request("GET", "/health"))
    await running.until(lambda: kept.received)
    fresh = await running.connect()
    await running.streaming()
    running.stop()
    await running.until(lambda: kept.lost and fresh.lost)
    assert not running.stopped


@pytest_twisted.ensureDeferred
async def test_a_connection_whose_request_ends_meanwhile_is_closed_then(running: Running) -> None:
    await running.start(MIMO_PROXY_MAX_CONCURRENT="2")
    first, first_upstream = await running.streaming()
    await running.streaming()
    running.stop()
    first_upstream.send(chunk(hello()) + LAST_CHUNK)
    await running.until(lambda: first.lost)
    assert first.reply.complete
    assert not running.stopped


@pytest_twisted.ensureDeferred
async def test_a_request_that_is_queued_is_still_served(running: Running) -> None:
    await running.start()
    _, upstream = await running.streaming()
    queued = await running.ask(POST)
    running_graph = running.service._graph
    assert running_graph is not None
    await running.until(lambda: running_graph.services.limiter.state.waiting == 1)
    running.stop()
    upstream.send(chunk(hello()) + LAST_CHUNK)
    await running.until(lambda: upstream.received.count(b"POST ") == 2)
    upstream.send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    await running.until(lambda: running.stopped and queued.lost)
    assert queued.reply.types()[-1] == "completed"


@pytest_twisted.ensureDeferred
async def test_when_the_grace_is_over_streams_get_a_terminal_event(running: Running) -> None:
    await running.start(MIMO_PROXY_DRAIN_MS="50")
    client, upstream = await running.streaming()
    waiting = await running.ask(POST)
    await running.until(lambda: running.service._graph.services.limiter.state.waiting == 1)  # type: ignore[union-attr]
    running.stop()
    await running.until(lambda: running.stopped and client.lost and waiting.lost and upstream.lost)
    assert client.reply.types()[-1] == "failed"
    assert client.reply.complete
    assert waiting.reply.status == 429
    assert waiting.reply.headers["connection"] == "close"


@pytest_twisted.ensureDeferred
async def test_a_request_that_is_still_arriving_is_told_to_come_back(running: Running) -> None:
    await running.start()
    arriving = await running.ask(POST[:-5])
    started = await running.ask(POST[:10])
    graph = running.service._graph
    assert graph is not None
    await running.until(lambda: graph.site.connections == 2)
    await running.until(lambda: not [each for each in graph.site._channels if each.idle])
    running.stop()
    await running.until(lambda: running.stopped and arriving.lost and started.lost)
    for client in (arriving, started):
        assert (client.reply.status, client.reply.error()["code"]) == (429, "draining")
        assert int(client.reply.headers["retry-after"]) >= 1
    assert running.upstream.connections == []


@pytest_twisted.ensureDeferred
async def test_a_signal_while_it_drains_ends_the_streams_at_once(running: Running) -> None:
    before = signal.getsignal(signal.SIGTERM)
    await running.start()
    client, _ = await running.streaming(CODEX)
    running.stop()
    signal.raise_signal(signal.SIGTERM)
    await running.until(lambda: running.stopped and client.lost)
    assert client.reply.types()[-1] == "failed"
    assert "try again" in client.reply.last()["error"]["message"]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest_twisted.ensureDeferred
async def test_a_client_that_does_not_read_cannot_hold_up_the_end(running: Running) -> None:
    await running.start(MIMO_PROXY_DRAIN_MS="50")
    client, upstream = await running.streaming()
    client.transport.pauseProducing()
    upstream.send(chunk(text("x" * 5_000_000)))
    running.stop()
    started = time.monotonic()
    await running.until(lambda: running.stopped)
    assert time.monotonic() - started < 2


@pytest_twisted.ensureDeferred
async def test_the_end_of_a_lingering_upstream_is_not_waited_for(running: Running) -> None:
    await running.start()
    client, upstream = await running.streaming()
    upstream.send(chunk(hello()))
    await running.until(lambda: client.received.endswith(LAST_CHUNK))
    running.stop()
    started = time.monotonic()
    await running.until(lambda: running.stopped and upstream.lost)
    assert time.monotonic() - started < 1


@pytest_twisted.ensureDeferred
async def test_the_log_tells_of_start_requests_and_end_and_only_the_owner_reads_it(running: Running) -> None:
    await running.start()
    client, upstream = await running.streaming()
    upstream.send(chunk(hello()) + LAST_CHUNK)
    await running.until(lambda: client.received.endswith(LAST_CHUNK))
    running.stop()
    await running.until(lambda: running.stopped)
    lines = running.log.read_text()
    assert "ccmimolink listens on" in lines
    assert "completed" in lines
    assert "ccmimolink has stopped" in lines
    assert KEY not in lines
    assert running.log.stat().st_mode & 0o077 == 0


@pytest_twisted.ensureDeferred
async def test_a_busy_port_is_raised_at_the_start(running: Running) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", running.port))
        other.listen()
        with pytest.raises(CannotListenError):
            await running.start()


@pytest_twisted.ensureDeferred
async def test_a_log_that_cannot_be_written_is_named(running: Running) -> None:
    with pytest.raises(SettingsError, match="MIMO_PROXY_LOG"):
        await running.start(MIMO_PROXY_LOG=str(running.directory / ("long" * 100)))
