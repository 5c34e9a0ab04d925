"""Clients that send slowly, or stop in the middle: they hold a connection for a while, and nothing else."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.task import deferLater

from tests.hostile.attacks import BODY, GET_HEALTH, Target, assert_next_is_served
from tests.http_wire import CODEX, LAST_CHUNK, chunk, chunked, hello, request
from tests.memory_proxy import MemoryProxy

HEAD = request("POST", "/v1/responses", BODY)[: -len(BODY)]
CHUNKED_HEAD = request(
    "POST", "/v1/responses", b"", {"transfer-encoding": "chunked", "content-type": "application/json"}
).replace(b"content-length: 0\r\n", b"")

TLS_HELLO = b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03" + b"\x5a" * 180

STOPS = {
    "in a TLS hello": TLS_HELLO,
    "before the first byte's line ends": b"POST /v1/resp",
    "in the head": HEAD[:60],
    "between head and body": HEAD,
    "in the body": HEAD + BODY[:-5],
    "in a chunk size": CHUNKED_HEAD + b"1",
    "in a chunk": CHUNKED_HEAD + chunk(BODY)[:20],
    "behind a chunk": CHUNKED_HEAD + chunk(BODY),
    "in the last chunk": CHUNKED_HEAD + chunk(BODY) + LAST_CHUNK[:-2],
    "in the trailers": CHUNKED_HEAD + chunk(BODY) + b"0\r\nx: y\r\n",
}
EVERY_STOP = pytest.mark.parametrize("sent", STOPS.values(), ids=STOPS)
WHOLE = [HEAD + BODY, CHUNKED_HEAD + chunk(BODY) + LAST_CHUNK]
SHORT = {"MIMO_PROXY_REQUEST_TIMEOUT_MS": "3000"}

MakeProxy = Callable[..., MemoryProxy]


@pytest.mark.parametrize("whole", WHOLE, ids=["with a length", "chunked"])
def test_a_request_that_comes_a_byte_at_a_time_is_served_once(proxy: MemoryProxy, whole: bytes) -> None:
    client = proxy.connect()
    for place in range(len(whole)):
        client.send(whole[place : place + 1])
        assert len(proxy.upstream) == (place == len(whole) - 1)
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert client.reply.json()["status"] == "completed"
    assert_next_is_served(proxy)


@pytest.mark.parametrize("whole", WHOLE, ids=["with a length", "chunked"])
def test_a_slow_request_that_is_whole_within_the_time_is_served(make_proxy: MakeProxy, whole: bytes) -> None:
    proxy = make_proxy(SHORT)
    client = proxy.connect()
    for place in range(0, len(whole), 10):
        client.send(whole[place : place + 10])
        proxy.advance(2.5 / (len(whole) / 10 + 1), step=0.05)
    assert len(proxy.upstream) == 1
    # The limit is on the request; its answer may take longer.
    proxy.advance(20)
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert client.reply.json()["status"] == "completed"


@EVERY_STOP
def test_one_that_stops_is_told_and_closed(make_proxy: MakeProxy, sent: bytes) -> None:
    proxy = make_proxy(SHORT)
    client = proxy.connect()
    client.send(sent)
    proxy.advance(2.5)
    assert client.silent
    proxy.advance(1)
    assert client.reply.status == 408
    assert client.reply.error()["code"] == "request_timeout"
    assert client.reply.headers["connection"] == "close"
    proxy.advance(10)
    assert client.closed
    assert client.transport.value().count(b"HTTP/1.1 ") == 1
    assert proxy.upstream == []
    assert_next_is_served(proxy)


@EVERY_STOP
def test_a_byte_now_and_then_does_not_buy_time(make_proxy: MakeProxy, sent: bytes) -> None:
    proxy = make_proxy(SHORT)
    client = proxy.connect()
    for _ in range(8):
        client.send(sent[:1])
        sent = sent[1:]
        proxy.advance(0.5)
        if not client.silent:
            break
    assert client.reply.status == 408
    proxy.advance(10)
    assert client.closed


def test_codex_is_told_in_plain_words(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(SHORT)
    client = proxy.connect()
    client.send(request("POST", "/v1/responses", BODY, CODEX)[:-1])
    proxy.advance(4)
    assert client.reply.status == 400
    assert client.reply.headers["content-type"].startswith("text/plain")


def test_the_time_runs_anew_for_each_request_of_a_connection(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(SHORT)
    client = proxy.connect()
    for _ in range(3):
        proxy.advance(2)
        client.send(GET_HEALTH[:20])
        proxy.advance(2)
        client.transport.clear()
        client.send(GET_HEALTH[20:])
        assert client.reply.json()["status"] == "ok"
    client.transport.clear()
    client.send(GET_HEALTH[:20])
    proxy.advance(4)
    assert client.reply.status == 408


def test_a_pipelined_beginning_is_given_its_time_after_the_answer_before_it(make_proxy: MakeProxy) -> None:
    """What waits behind a long answer is not late by its own fault."""
    proxy = make_proxy(SHORT)
    client = proxy.connect()
    client.send(HEAD + BODY + GET_HEALTH[:20])
    proxy.advance(5)
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    first = client.reply
    assert first.json()["status"] == "completed"
    proxy.advance(1)
    client.transport.clear()
    client.send(GET_HEALTH[20:])
    assert client.reply.status == 200


@EVERY_STOP
@pytest.mark.parametrize("end", ["FIN", "RST"])
@pytest_twisted.ensureDeferred
async def test_one_that_stops_and_leaves_is_forgotten_at_once(target: Target, sent: bytes, end: str) -> None:
    await target.start()
    client = await target.send(sent)
    await deferLater(target.reactor, 0.005)
    if end == "FIN":
        client.close()
    else:
        client.reset()
    await target.until(lambda: target.graph.site.connections == 0)
    await target.assert_serving()


@EVERY_STOP
@pytest_twisted.ensureDeferred
async def test_others_are_served_while_it_dawdles(target: Target, sent: bytes) -> None:
    await target.start(MIMO_PROXY_MAX_CONCURRENT="1")
    dawdling = await target.send(sent)
    await target.assert_serving()
    assert not dawdling.received


@pytest_twisted.ensureDeferred
async def test_the_time_limit_holds_on_a_socket(target: Target) -> None:
    await target.start(MIMO_PROXY_REQUEST_TIMEOUT_MS="100")
    told = await target.reaction(HEAD + BODY[:-1])
    assert told.startswith(b"HTTP/1.1 408 ")
    await target.assert_serving()
