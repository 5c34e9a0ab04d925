"""Clients that do not read: the upstream is paused, and after a while the slot is free again."""

# mypy: allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults.script import Flood, Script, Send, Stall
from tests.faults.upstream import FaultyUpstream, answers
from tests.hostile.attacks import Target, assert_next_is_served
from tests.http_wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    body_of,
    call,
    chunk,
    delta,
    finish,
    text,
)
from tests.memory_proxy import MemoryClient, MemoryProxy
from tests.scripted_upstream import Wire

MakeProxy = Callable[..., MemoryProxy]
TOOLS = [{"type": "function", "name": "read", "parameters": {"type": "object"}}]
LIMIT = {"MIMO_PROXY_SLOW_CLIENT_TIMEOUT_MS": "7000", "MIMO_PROXY_IDLE_TIMEOUT_MS": "60000"}

BEGUN = {
    "after the head": b"",
    "in thinking": delta(reasoning_content="Hm."),
    "in text": text("Hello"),
    "in a call": call("read", '{"path":'),
    "between two items": delta(reasoning_content="Hm.") + text("Hello"),
    "with the turn finished": text("Hello") + finish(),
    "in the middle of an event": text("Hello") + b'data: {"choi',
}
EVERY_PHASE = pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)


def begin(proxy: MemoryProxy, begun: bytes) -> MemoryClient:
    client = proxy.post(body_of(tools=TOOLS))
    proxy.upstream[0].send(STREAM_HEAD + (chunk(begun) if begun else b""))
    # Something is written in any case: where there is nothing yet, the filling of silence.
    proxy.settle()
    proxy.advance(0 if begun else 20)
    assert not client.silent
    return client


@EVERY_PHASE
def test_its_upstream_is_paused_and_its_slot_free_after_the_limit(
    make_proxy: MakeProxy, begun: bytes
) -> None:
    proxy = make_proxy(LIMIT)
    client = begin(proxy, begun)
    client.stop_reading()
    assert proxy.upstream[0].paused
    proxy.advance(6)
    assert proxy.services.limiter.state.in_flight == 1
    proxy.advance(2)
    proxy.assert_at_rest()
    assert client.closed
    assert proxy.upstream[0].dropped
    assert_next_is_served(proxy)


@EVERY_PHASE
def test_one_that_reads_again_within_the_limit_gets_the_rest(make_proxy: MakeProxy, begun: bytes) -> None:
    proxy = make_proxy(LIMIT)
    client = begin(proxy, begun)
    for _ in range(3):
        client.stop_reading()
        proxy.advance(6)
        client.read_again()
        assert not proxy.upstream[0].paused
        proxy.advance(1)
    closing = b'ces":[]}\n\n' if begun.endswith(b'"choi') else b""
    rest = b"" if begun.endswith(finish()) else finish()
    proxy.upstream[0].send(chunk(closing + rest + DONE) + LAST_CHUNK)
    proxy.settle()
    assert client.reply.complete
    assert client.reply.types()[-1] in ("completed", "failed")
    proxy.assert_at_rest()


def test_one_that_leaves_instead_is_forgotten_at_once(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(LIMIT)
    client = begin(proxy, BEGUN["in text"])
    client.stop_reading()
    proxy.advance(3)
    client.leave()
    proxy.assert_at_rest()
    assert proxy.upstream[0].dropped
    assert_next_is_served(proxy)


def test_the_upstreams_own_silence_is_not_counted_while_it_is_paused(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(LIMIT | {"MIMO_PROXY_IDLE_TIMEOUT_MS": "5000"})
    client = begin(proxy, BEGUN["in text"])
    client.stop_reading()
    proxy.advance(6)
    client.read_again()
    proxy.advance(1)
    proxy.upstream[0].send(chunk(finish() + DONE) + LAST_CHUNK)
    proxy.settle()
    assert client.reply.last()["status"] == "completed"


@pytest.mark.parametrize("stream", [True, False])
def test_one_that_does_not_read_what_is_whole_loses_its_connection_alone(
    make_proxy: MakeProxy, stream: bool
) -> None:
    """The slot is free as soon as the upstream is done; the rest waits for the client, and not for ever."""
    proxy = make_proxy()
    client = proxy.post(body_of(stream=stream))
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")) + chunk(finish() + DONE) + LAST_CHUNK)
    client.stop_reading()
    proxy.settle()
    proxy.assert_at_rest()
    assert_next_is_served(proxy)
    proxy.advance(180, step=5)
    assert client.closed


# -- on sockets -------------------------------------------------------------------------------------------

PIECE = chunk(text("x" * 30_000))


async def stalled_client(target: Target, upstream: FaultyUpstream, limit: str = "150") -> Wire:
    """A client that reads nothing of its answer.

    :param limit: for how long it may do so, in milliseconds.
    """
    port = await upstream.listen()
    await target.start(MIMO_BASE_URL=f"http://127.0.0.1:{port}/v1", MIMO_PROXY_SLOW_CLIENT_TIMEOUT_MS=limit)
    client = await target.post()
    client.transport.pauseProducing()
    return client


FLOODS: dict[str, Script] = {
    "text": (Send(STREAM_HEAD), Flood(PIECE)),
    "thinking": (Send(STREAM_HEAD), Flood(chunk(delta(reasoning_content="x" * 30_000)))),
    "until close": (
        Send(STREAM_HEAD.replace(b"transfer-encoding: chunked", b"x: y")),
        Flood(text("x" * 30_000)),
    ),
    "and then silence": (Send(STREAM_HEAD), Flood(PIECE, 1000), Stall()),
}


@pytest.mark.parametrize("script", FLOODS.values(), ids=FLOODS)
@pytest_twisted.ensureDeferred
async def test_on_a_socket_the_flood_stops_and_the_slot_is_free(target: Target, script: Script) -> None:
    upstream = FaultyUpstream.of(target.reactor, answers(script))
    try:
        client = await stalled_client(target, upstream)
        await target.until(lambda: upstream.requests)
        await target.until(lambda: upstream.connections[0].lost)
        await target.until(target.at_rest)
        await target.until(lambda: target.graph.site.connections == 0)
        assert upstream.connections[0].player.flooded < 60_000_000
        assert len(upstream.requests) == 1
        client.reset()
    finally:
        await upstream.stop()


@pytest_twisted.ensureDeferred
async def test_one_that_reads_its_answer_slowly_gets_all_of_it(target: Target) -> None:
    script = (Send(STREAM_HEAD), Flood(PIECE, 100), Send(chunk(finish() + DONE) + LAST_CHUNK))
    upstream = FaultyUpstream.of(target.reactor, answers(script))
    try:
        client = await stalled_client(target, upstream, "60000")
        while not client.received.endswith(LAST_CHUNK):
            before = len(client.received)
            client.transport.resumeProducing()
            await target.until(lambda: len(client.received) > before)  # noqa: B023
            client.transport.pauseProducing()
        assert len(client.reply.output_text()) == 3_000_000
    finally:
        await upstream.stop()
