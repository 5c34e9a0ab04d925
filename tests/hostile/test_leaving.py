"""Clients that leave, by FIN, by RST or by half: in every phase of a request, on real sockets.

Each time the upstream is let go, the slot is free, and what was not sent yet never is.
"""

# mypy: allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.task import deferLater

from tests.hostile.attacks import BODY, Target
from tests.http_wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    answer,
    body_of,
    call,
    chunk,
    chunked,
    finish,
    hello,
    request,
    text,
    usage,
)
from tests.scripted_upstream import Wire

STREAMING = request("POST", "/v1/responses", body_of())
WHOLE = request("POST", "/v1/responses", BODY)

Leave = Callable[[Wire], None]


def half_close(client: Wire) -> None:
    client.transport.loseWriteConnection()


LEAVES: dict[str, Leave] = {"FIN": Wire.close, "RST": Wire.reset, "half": half_close}
EVERY_LEAVE = pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES)


def said(data: bytes, *, stream: bool = True) -> Callable[[Target], Awaitable[Wire]]:
    """A request whose upstream has said this much when the client leaves."""

    async def phase(target: Target) -> Wire:
        client = await target.send(STREAMING if stream else WHOLE)
        upstream = await target.upstream.request()
        upstream.send(data)
        if stream and b"\n\n" in data and data.startswith(STREAM_HEAD):
            await target.until(lambda: client.received)
        else:
            await deferLater(target.reactor, 0.01)
        return client

    return phase


async def backing_off(target: Target) -> Wire:
    """Others' rate limit holds it back."""
    target.graph.services.limiter.back_off(60)
    client = await target.send(STREAMING)
    await target.until(lambda: target.graph.services.limiter.state.waiting == 1)
    return client


async def waiting_for_another_try(target: Target) -> Wire:
    client = await target.send(STREAMING)
    (await target.upstream.request()).send(answer(500))
    await target.until(lambda: target.graph.services.limiter.state.waiting == 1)
    return client


PHASES: dict[str, Callable[[Target], Awaitable[Wire]]] = {
    "backing off": backing_off,
    "waiting for another try": waiting_for_another_try,
    "before the headers": said(b""),
    "in the head": said(STREAM_HEAD[:50]),
    "after the head": said(STREAM_HEAD),
    "in an error's body": said(answer(500, b"x" * 100)[:-50]),
    "mid stream": said(STREAM_HEAD + chunk(text("a"))),
    "in an event": said(STREAM_HEAD + chunk(text("a") + text("b")[:20])),
    "in a call": said(STREAM_HEAD + chunk(call("read", '{"a":'))),
    "between the last delta and the terminal event": said(STREAM_HEAD + chunk(text("a") + finish())),
    "in a whole answer": said(STREAM_HEAD + chunk(text("a")), stream=False),
}


@EVERY_LEAVE
@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
@pytest_twisted.ensureDeferred
async def test_the_upstream_is_let_go_and_the_next_is_served(
    target: Target, phase: Callable[[Target], Awaitable[Wire]], leave: Leave
) -> None:
    await target.start()
    client = await phase(target)
    before = target.sent_upstream().count(b"POST ")
    leave(client)
    await target.until(lambda: target.graph.site.connections == 0)
    await target.until(target.at_rest)
    if phase not in (backing_off, waiting_for_another_try):
        await target.until(lambda: all(wire.lost for wire in target.upstream.connections))
    assert target.sent_upstream().count(b"POST ") == before
    if phase is not backing_off:
        await target.assert_serving(asked_before=before)


@EVERY_LEAVE
@pytest_twisted.ensureDeferred
async def test_one_that_leaves_while_queued_is_never_sent(target: Target, leave: Leave) -> None:
    await target.start()
    running = await target.send(WHOLE)
    upstream = await target.upstream.request()
    queued = await target.send(STREAMING)
    limiter = target.graph.services.limiter
    await target.until(lambda: limiter.state.waiting == 1)
    leave(queued)
    await target.until(lambda: limiter.state.waiting == 0)
    upstream.send(chunked(hello()))
    await target.until(lambda: running.received and running.reply.complete)
    await target.assert_serving(asked_before=1)


@EVERY_LEAVE
@pytest_twisted.ensureDeferred
async def test_one_that_leaves_in_the_same_moment_as_its_request_is_sent_at_most_once(
    target: Target, leave: Leave
) -> None:
    await target.start()
    client = await target.send(STREAMING)
    leave(client)
    await target.until(lambda: target.graph.site.connections == 0)
    await target.until(target.at_rest)
    await target.until(lambda: all(wire.lost for wire in target.upstream.connections))
    assert target.sent_upstream().count(b"POST ") <= 1


@EVERY_LEAVE
@pytest.mark.parametrize("tail", [usage() + DONE, DONE, b""], ids=["usage", "done", "nothing"])
@pytest.mark.parametrize("stream", [True, False])
@pytest_twisted.ensureDeferred
async def test_one_that_leaves_right_at_the_end_frees_all(
    target: Target, leave: Leave, tail: bytes, stream: bool
) -> None:
    await target.start()
    client = await target.send(STREAMING if stream else WHOLE)
    upstream = await target.upstream.request()
    upstream.send(STREAM_HEAD + chunk(text("a")))
    await deferLater(target.reactor, 0.01)
    upstream.send(chunk(finish() + tail) + LAST_CHUNK)
    leave(client)
    await target.until(lambda: target.graph.site.connections == 0)
    await target.until(target.at_rest)
    await target.assert_serving(asked_before=1)


@EVERY_LEAVE
@pytest_twisted.ensureDeferred
async def test_one_that_leaves_while_a_large_answer_is_written_frees_all(
    target: Target, leave: Leave
) -> None:
    await target.start()
    client = await target.send(WHOLE)
    client.transport.pauseProducing()
    upstream = await target.upstream.request()
    upstream.send(STREAM_HEAD + chunk(text("x" * 8_000_000)) + chunk(finish() + DONE) + LAST_CHUNK)
    await target.until(target.at_rest)
    leave(client)
    if leave is Wire.close:
        # With bytes unread a close is a reset.
        client.transport.abortConnection()
    elif leave is half_close:
        client.transport.resumeProducing()
    await target.until(lambda: target.graph.site.connections == 0)
    await target.assert_serving(asked_before=1)


@EVERY_LEAVE
@pytest_twisted.ensureDeferred
async def test_one_that_leaves_while_its_connection_is_made(target: Target, leave: Leave) -> None:
    """Nobody answers there: a listener whose queue is full takes no connection."""
    import socket

    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(address)
        await target.start(MIMO_BASE_URL=f"http://127.0.0.1:{address[1]}/v1")
        client = await target.send(STREAMING)
        await target.until(lambda: target.graph.services.limiter.state.in_flight == 1)
        leave(client)
        await target.until(lambda: target.graph.site.connections == 0)
        await target.until(target.at_rest)
        for each in fillers:
            each.close()


@EVERY_LEAVE
@pytest_twisted.ensureDeferred
async def test_one_that_leaves_while_it_is_told_of_a_refusal(target: Target, leave: Leave) -> None:
    await target.start(MIMO_PROXY_MAX_BODY_BYTES="100")
    client = await target.send(request("POST", "/v1/responses", b" " * 200_000)[:100_000])
    leave(client)
    await target.until(lambda: target.graph.site.connections == 0)


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/v1/responses/resp_1"])
@EVERY_LEAVE
@pytest_twisted.ensureDeferred
async def test_one_that_leaves_a_question(target: Target, leave: Leave, path: str) -> None:
    await target.start()
    client = await target.send(request("GET", path))
    if path == "/v1/models":
        await target.upstream.request()
    leave(client)
    await target.until(lambda: target.graph.site.connections == 0)
    await target.until(lambda: all(wire.lost for wire in target.upstream.connections))
