"""The same on real sockets, where buffers, resets and timing are the kernel's."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.task import deferLater

from tests.http_wire import LAST_CHUNK, STREAM_HEAD, answer, body_of, chunk, chunked, hello, request, text
from tests.proxy_fixture import LoopbackProxy
from tests.scripted_upstream import Wire


@pytest_twisted.async_yield_fixture
async def loopback() -> AsyncIterator[LoopbackProxy]:
    from twisted.internet import reactor

    proxy = LoopbackProxy(reactor)
    yield proxy
    await proxy.stop()
    assert proxy.at_rest()


JSON: dict[bytes | str, bytes | str] = {"content-type": "application/json"}


@pytest_twisted.ensureDeferred
async def test_the_first_delta_arrives_before_the_upstream_sends_its_second(loopback: LoopbackProxy) -> None:
    await loopback.start()
    client = await loopback.post()
    upstream = await loopback.upstream.request()
    upstream.send(STREAM_HEAD + chunk(text("Hel")))
    await loopback.until(lambda: b'"Hel"' in client.received)
    upstream.send(chunk(hello()) + LAST_CHUNK)
    await loopback.until(lambda: client.received.endswith(LAST_CHUNK))
    assert client.reply.output_text() == "HelHello"


@pytest_twisted.ensureDeferred
async def test_an_ordinary_client_is_served_over_connections_that_are_kept(loopback: LoopbackProxy) -> None:
    await loopback.start()
    for _ in range(2):
        answering = loopback.treq.post(f"{loopback.url}/responses", data=body_of(stream=False), headers=JSON)
        upstream = await loopback.upstream.request()
        upstream.received = b""
        upstream.send(chunked(hello()))
        response = await answering
        body = await response.json()
        assert (response.code, body["status"]) == (200, "completed")
    assert len(loopback.upstream.connections) == 1


@pytest_twisted.ensureDeferred
async def test_what_arrives_upstream_is_the_body_and_the_key(loopback: LoopbackProxy) -> None:
    await loopback.start()
    await loopback.post()
    upstream = await loopback.upstream.request()
    head, _, body = upstream.received.partition(b"\r\n\r\n")
    assert b"Authorization: Bearer sk-fake-upstream-key" in head
    assert b"Accept-Encoding: identity" in head
    assert json.loads(body)["messages"] == [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(
    "sent", [b"", STREAM_HEAD, STREAM_HEAD + chunk(text("a"))], ids=["head", "body", "stream"]
)
@pytest_twisted.ensureDeferred
async def test_a_client_that_resets_its_connection_frees_all(loopback: LoopbackProxy, sent: bytes) -> None:
    await loopback.start()
    client = await loopback.post()
    upstream = await loopback.upstream.request()
    upstream.send(sent)
    if b"a" in sent[len(STREAM_HEAD) :]:
        await loopback.until(lambda: client.received)
    client.reset()
    await loopback.until(lambda: upstream.lost and loopback.at_rest())


@pytest_twisted.ensureDeferred
async def test_a_client_that_closes_while_it_is_queued_frees_its_place(loopback: LoopbackProxy) -> None:
    await loopback.start()
    await loopback.post()
    await loopback.upstream.request()
    queued = await loopback.post()
    limiter = loopback.graph.services.limiter
    await loopback.until(lambda: limiter.state.waiting == 1)
    queued.close()
    await loopback.until(lambda: limiter.state.waiting == 0)


@pytest_twisted.ensureDeferred
async def test_a_reset_upstream_is_tried_again_before_the_answer(loopback: LoopbackProxy) -> None:
    await loopback.start()
    client = await loopback.post()
    (await loopback.upstream.request()).reset()
    (await loopback.upstream.request(1)).send(chunked(hello()))
    await loopback.until(lambda: client.received.endswith(LAST_CHUNK))
    assert client.reply.output_text() == "Hello"


@pytest_twisted.ensureDeferred
async def test_a_reset_upstream_in_the_stream_is_a_terminal_event(loopback: LoopbackProxy) -> None:
    await loopback.start()
    client = await loopback.post()
    upstream = await loopback.upstream.request()
    upstream.send(STREAM_HEAD + chunk(text("a")))
    await loopback.until(lambda: client.received)
    upstream.reset()
    await loopback.until(lambda: client.received.endswith(LAST_CHUNK))
    assert client.reply.types()[-1] == "failed"


@pytest_twisted.ensureDeferred
async def test_an_upstream_that_is_not_there(loopback: LoopbackProxy) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]
    await loopback.start(MIMO_BASE_URL=f"http://127.0.0.1:{nobody}/v1", MIMO_PROXY_RETRIES="0")
    client = await loopback.post()
    await loopback.until(lambda: client.received)
    assert (client.reply.status, client.reply.error()["code"]) == (502, "upstream_unavailable")


@pytest_twisted.ensureDeferred
async def test_a_body_too_large_is_refused_though_the_client_goes_on_sending(loopback: LoopbackProxy) -> None:
    await loopback.start(MIMO_PROXY_MAX_BODY_BYTES="1000")
    client = await loopback.post(b" " * 3_000_000)
    await loopback.until(lambda: client.lost or b"body_too_large" in client.received)
    assert client.reply.status == 413


class Flood:
    """Sends as fast as it is read, up to a limit."""

    piece = chunk(text("x" * 60_000))

    def __init__(self, wire: Wire, limit: int) -> None:
        self.sent, self._limit, self._wire, self._going = 0, limit, wire, True
        wire.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        if self.sent < self._limit:
            self.sent += len(self.piece)
            self._wire.send(self.piece)
        else:
            self.stopProducing()

    def stopProducing(self) -> None:
        if self._going:
            self._going = False
            self._wire.transport.unregisterProducer()


async def stalled(loopback: LoopbackProxy, flood: Flood) -> int:
    """How much was sent when nothing more was taken."""
    before = -1
    while before != flood.sent:
        before = flood.sent
        await deferLater(loopback.reactor, 0.1)
    return flood.sent


@pytest_twisted.ensureDeferred
async def test_a_client_that_does_not_read_stops_the_upstream_and_the_memory(loopback: LoopbackProxy) -> None:
    await loopback.start()
    client = await loopback.post()
    client.transport.pauseProducing()
    upstream = await loopback.upstream.request()
    upstream.send(STREAM_HEAD)
    flood = Flood(upstream, 60_000_000)
    sent = await stalled(loopback, flood)
    # The sockets of both hops hold a few megabytes; what is held here is the rest, and that is one read.
    assert sent < 30_000_000
    (channel,) = loopback.graph.site._channels
    transport: Any = channel.transport
    assert len(transport.dataBuffer) + transport._tempDataLen < 1_000_000
    client.transport.resumeProducing()
    await loopback.until(lambda: flood.sent > sent)


@pytest_twisted.ensureDeferred
async def test_a_client_that_never_reads_is_dropped(loopback: LoopbackProxy) -> None:
    await loopback.start(MIMO_PROXY_SLOW_CLIENT_TIMEOUT_MS="100")
    client = await loopback.post()
    client.transport.pauseProducing()
    upstream = await loopback.upstream.request()
    upstream.send(STREAM_HEAD)
    Flood(upstream, 60_000_000)
    await loopback.until(lambda: upstream.lost and loopback.at_rest())
    assert loopback.graph.site.connections == 0


@pytest_twisted.ensureDeferred
async def test_a_time_limit_drops_the_upstream(loopback: LoopbackProxy) -> None:
    await loopback.start(MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS="60")
    client = await loopback.post()
    upstream = await loopback.upstream.request()
    await loopback.until(lambda: client.received and upstream.lost)
    assert client.reply.status == 504


@pytest_twisted.ensureDeferred
async def test_the_models_come_from_the_upstream(loopback: LoopbackProxy) -> None:
    await loopback.start()
    client = await loopback.connect()
    client.send(request("GET", "/v1/models"))
    (await loopback.upstream.request()).send(answer(200, {"data": [{"id": "mimo-v9"}]}))
    await loopback.until(lambda: client.received)
    assert client.reply.json()["data"][0]["id"] == "mimo-v9"


@pytest_twisted.ensureDeferred
async def test_an_upstream_that_does_not_read_its_request_is_dropped_all_the_same(
    loopback: LoopbackProxy,
) -> None:
    await loopback.start()
    client = await loopback.post(body_of(input="x" * 20_000_000))
    await loopback.until(lambda: loopback.upstream.connections)
    (upstream,) = loopback.upstream.connections
    upstream.transport.pauseProducing()
    upstream.send(STREAM_HEAD + chunk(text("a")))
    await loopback.until(lambda: b"output_text.delta" in client.received)
    client.reset()
    await loopback.until(loopback.at_rest)
    upstream.transport.resumeProducing()
    await loopback.until(lambda: upstream.lost)
    assert len(upstream.received) < 20_000_000, "the rest of the request left after it was dropped"
