"""Several requests behind each other on one connection, and what comes while an answer is on its way."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.task import deferLater

from tests.hostile.attacks import BODY, GET_HEALTH, Target, assert_next_is_served
from tests.http_wire import (
    LAST_CHUNK,
    STREAM_HEAD,
    Reply,
    body_of,
    chunk,
    chunked,
    hello,
    read_reply,
    request,
    text,
)
from tests.memory_proxy import MemoryProxy

MakeProxy = Callable[..., MemoryProxy]
POST = request("POST", "/v1/responses", BODY)
UNKNOWN = request("GET", "/nowhere")
BROKEN = request("POST", "/v1/responses", b"no json")


def post(word: str) -> bytes:
    return request("POST", "/v1/responses", body_of(stream=False, input=word))


def replies(data: bytes) -> list[Reply]:
    """All answers of a connection, each of which must be whole."""
    found = []
    while data:
        reply = read_reply(data)
        assert reply.complete
        found.append(reply)
        data = reply.rest
    return found


def asked(proxy: MemoryProxy) -> list[str]:
    """The inputs of the requests that reached the upstream over its first connection."""
    if not proxy.upstream:
        return []
    bodies = [
        each.partition(b"\r\n\r\n")[2] for each in proxy.upstream[0].received.split(b"POST /v1/chat")[1:]
    ]
    return [json.loads(body)["messages"][-1]["content"] for body in bodies]


def test_requests_of_one_write_are_answered_in_their_order(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.send(post("one") + GET_HEALTH + post("two") + UNKNOWN + BROKEN + post("three") + GET_HEALTH)
    for count in (1, 2, 3):
        assert asked(proxy) == ["one", "two", "three"][:count], "one after the other"
        proxy.upstream[0].send(chunked(hello()))
        proxy.settle()
    told = replies(client.transport.value())
    assert [each.status for each in told] == [200, 200, 200, 404, 400, 200, 200]
    assert len(proxy.upstream) == 1
    assert_next_is_served(proxy)


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_the_order_does_not_depend_on_how_the_bytes_are_cut(proxy: MemoryProxy, size: int) -> None:
    client = proxy.connect()
    data = post("one") + post("two") + GET_HEALTH
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
    for _ in range(2):
        proxy.upstream[0].send(chunked(hello()))
        proxy.settle()
    assert [each.status for each in replies(client.transport.value())] == [200, 200, 200]
    assert asked(proxy) == ["one", "two"]


@pytest.mark.parametrize(
    "broken", [b"NO REQUEST\r\n\r\n", b"POST /v1/responses HTTP/1.1\r\ncontent-length: -1\r\n\r\n"]
)
def test_a_broken_one_behind_a_good_one_costs_the_connection_and_not_the_answer(
    proxy: MemoryProxy, broken: bytes
) -> None:
    client = proxy.connect()
    client.send(post("one") + broken + post("two"))
    assert client.silent
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    first = client.reply
    assert (first.status, first.json()["status"]) == (200, "completed")
    assert first.rest.startswith(b"HTTP/1.1 400 ")
    assert client.closed
    assert asked(proxy) == ["one"]
    assert_next_is_served(proxy)


def test_a_request_behind_one_whose_client_leaves_is_never_sent(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.send(post("one") + post("two") + post("three"))
    client.leave()
    proxy.assert_at_rest()
    proxy.advance(200, step=5)
    assert asked(proxy) == ["one"]
    assert len(proxy.upstream) == 1
    assert_next_is_served(proxy)


def test_nor_one_behind_a_queued_one(proxy: MemoryProxy) -> None:
    running = proxy.post(body_of(stream=False, input="running"))
    client = proxy.connect()
    client.send(post("queued") + post("behind it"))
    client.leave()
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert running.reply.status == 200
    assert asked(proxy) == ["running"]
    assert_next_is_served(proxy)


def test_nor_one_that_arrives_with_the_end_of_the_answer_before_it(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.send(post("one"))
    proxy.upstream[0].send(chunked(hello()))
    client.transport.deliver(post("two"))
    client.leave()
    assert asked(proxy) in (["one"], ["one", "two"])
    proxy.assert_at_rest()
    proxy.advance(10)
    assert len(asked(proxy)) <= 2
    assert_next_is_served(proxy)


def test_pipelined_requests_take_one_slot_at_a_time(make_proxy: MakeProxy) -> None:
    """However many one client sends, the others have the rest."""
    proxy = make_proxy({"MIMO_PROXY_MAX_CONCURRENT": "2"})
    greedy = proxy.connect()
    greedy.send(b"".join(post(str(number)) for number in range(20)))
    state = proxy.services.limiter.state
    assert (state.in_flight, state.waiting) == (1, 0)
    client = proxy.post(BODY)
    proxy.upstream[1].send(chunked(hello()))
    proxy.settle()
    assert client.reply.status == 200
    greedy.leave()


@pytest.mark.parametrize("data", [b"x", b"\r\n", b"\0" * 2000, b"GET /he"])
@pytest.mark.parametrize("stream", [True, False])
def test_bytes_that_come_while_the_answer_streams_do_not_touch_it(
    proxy: MemoryProxy, data: bytes, stream: bool
) -> None:
    client = proxy.post(body_of(stream=stream))
    client.send(data)
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("Hel")))
    proxy.settle()
    client.send(data)
    proxy.upstream[0].send(chunk(hello()) + LAST_CHUNK)
    proxy.settle()
    answered = client.reply
    assert answered.complete
    assert answered.status == 200
    if stream:
        assert answered.output_text() == "HelHello"
    assert len(proxy.upstream) == 1
    assert_next_is_served(proxy)


@pytest.mark.parametrize(
    "rubbish", [b"\0" * 300_000, POST * 2000, b"\r\n" * 100_000], ids=["NUL", "POST", "CRLF"]
)
def test_a_flood_behind_a_request_is_not_collected(proxy: MemoryProxy, rubbish: bytes) -> None:
    client = proxy.post(BODY)
    for start in range(0, len(rubbish), 5000):
        client.send(rubbish[start : start + 5000])
    held = sum(map(len, client.transport.protocol._dataBuffer)) + len(client.transport.protocol._buffer)
    assert held < 100_000
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert client.reply.json()["status"] == "completed"
    client.leave()
    assert_next_is_served(proxy)


@pytest.mark.parametrize("end", ["FIN", "RST"])
@pytest.mark.parametrize("flood", [0, 100, 20_000, 1_000_000])
@pytest_twisted.ensureDeferred
async def test_that_a_client_left_is_noticed_whatever_it_had_sent_before(
    target: Target, flood: int, end: str
) -> None:
    """A request whose client left while it was queued is never sent."""
    await target.start()
    running = await target.send(POST)
    upstream = await target.upstream.request()
    queued = await target.send(POST)
    limiter = target.graph.services.limiter
    await target.until(lambda: limiter.state.waiting == 1)
    queued.send(b"x" * flood)
    await deferLater(target.reactor, 0.01)
    if end == "FIN":
        queued.close()
    else:
        queued.reset()
    await target.until(lambda: limiter.state.waiting == 0)
    upstream.send(chunked(hello()))
    await target.until(lambda: running.received and running.reply.complete)
    await target.assert_serving(asked_before=1)


@pytest_twisted.ensureDeferred
async def test_many_small_answers_to_one_who_reads_none_are_not_collected(target: Target) -> None:
    await target.start()
    client = await target.connect()
    client.transport.pauseProducing()
    for _ in range(250):
        client.send(GET_HEALTH * 100)
        # One batch at a time: of a long one most is thrown away.
        await deferLater(target.reactor, 0.002)
    held = 0
    for channel in target.graph.site._channels:
        transport: Any = channel.transport
        held += len(transport.dataBuffer) + transport._tempDataLen + len(channel._buffer)
    assert held < 1_000_000
    client.reset()
    await target.until(lambda: target.graph.site.connections == 0)
    await target.assert_serving()
