"""How many clients there may be, how long a request may take to arrive, and what may come behind it."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from ccmimolink.plugins import PluginSet
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, body_of, chunk, hello, request, text
from tests.memory_proxy import MemoryClient, MemoryProxy

TWO = {"MIMO_PROXY_MAX_CONNECTIONS": "2"}
POST = request("POST", "/v1/responses", body_of())
HEALTH = request("GET", "/health")


def busy(proxy: MemoryProxy) -> MemoryClient:
    """A connection with a request that is not answered yet."""
    client = proxy.connect()
    client.send(POST)
    return client


# -- how many ---------------------------------------------------------------------------------------------


def test_one_more_takes_the_place_of_the_one_that_was_idle_longest(make_proxy: Any) -> None:
    proxy = make_proxy(TWO)
    first, second = proxy.connect(), proxy.connect()
    second.send(HEALTH)
    first.send(HEALTH)
    third = proxy.connect()
    proxy.settle()
    assert (first.closed, second.closed, third.closed) == (False, True, False)
    third.send(HEALTH)
    assert third.reply.status == 200


def test_where_none_is_idle_one_more_is_told_to_come_back(make_proxy: Any) -> None:
    proxy = make_proxy(TWO)
    busy(proxy)
    busy(proxy)
    third = proxy.connect()
    assert (third.reply.status, third.reply.error()["code"]) == (429, "too_many_connections")
    assert int(third.reply.headers["retry-after"]) >= 1
    assert third.reply.headers["connection"] == "close"
    third.send(POST)
    proxy.advance(6)
    assert third.closed
    assert len(proxy.upstream) == 1


def test_a_connection_on_which_a_request_has_begun_is_not_idle(make_proxy: Any) -> None:
    proxy = make_proxy(TWO)
    begun = proxy.connect()
    begun.send(POST[:10])
    busy(proxy)
    assert proxy.connect().reply.status == 429
    begun.send(POST[10:])
    assert not begun.closed


def test_those_that_are_being_told_are_bounded_too(make_proxy: Any) -> None:
    proxy = make_proxy(TWO)
    busy(proxy)
    busy(proxy)
    told = [proxy.connect() for _ in range(5)]
    proxy.settle()
    assert [client.closed for client in told] == [False, False, True, True, True]


def test_a_place_is_free_again_when_a_client_leaves(make_proxy: Any) -> None:
    proxy = make_proxy(TWO)
    busy(proxy).leave()
    busy(proxy)
    client = proxy.connect()
    client.send(HEALTH)
    assert client.reply.status == 200


# -- how long ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 30, len(POST) - 1], ids=["line", "headers", "body"])
def test_a_request_that_does_not_arrive_in_time_is_refused(make_proxy: Any, length: int) -> None:
    proxy = make_proxy({"MIMO_PROXY_REQUEST_TIMEOUT_MS": "10000"})
    client = proxy.connect()
    client.send(POST[:length])
    proxy.advance(9)
    assert client.silent
    proxy.advance(2)
    assert (client.reply.status, client.reply.error()["code"]) == (408, "request_timeout")
    proxy.advance(6)
    assert client.closed
    assert proxy.upstream == []


def test_one_that_trickles_is_served_if_it_is_whole_in_time(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_REQUEST_TIMEOUT_MS": "10000"})
    client = proxy.connect()
    for place in range(0, len(POST), 8):
        client.send(POST[place : place + 8])
        proxy.advance(0.1, step=0.1)
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()))
    proxy.settle()
    assert client.reply.output_text() == "Hello"


def test_one_that_trickles_on_is_refused_all_the_same(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_REQUEST_TIMEOUT_MS": "10000"})
    client = proxy.connect()
    for place in range(22):
        client.send(POST[place : place + 1])
        proxy.advance(0.5)
    assert client.reply.status == 408


def test_the_time_counts_for_each_request_of_a_connection(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_REQUEST_TIMEOUT_MS": "10000"})
    client = proxy.connect()
    for _ in range(3):
        client.send(HEALTH[:20])
        proxy.advance(8)
        client.send(HEALTH[20:])
    assert client.transport.value().count(b"200 OK") == 3


def test_an_answer_may_take_longer(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_REQUEST_TIMEOUT_MS": "10000"})
    client = busy(proxy)
    proxy.advance(60)
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()))
    proxy.settle()
    assert client.reply.complete


# -- what comes behind it ---------------------------------------------------------------------------------


def test_what_is_sent_during_an_answer_is_served_behind_it(proxy: MemoryProxy) -> None:
    client = busy(proxy)
    client.send(HEALTH)
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    proxy.settle()
    assert client.reply.output_text() == "Hello"
    assert client.reply.rest.startswith(b"HTTP/1.1 200 OK")


def test_too_much_of_it_is_thrown_away_and_the_answer_is_the_last(proxy: MemoryProxy) -> None:
    client = busy(proxy)
    client.send(HEALTH + b"x" * 100_000)
    assert client.transport.producerState != "paused", "that the client leaves would not be noticed"
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    proxy.settle()
    assert client.reply.output_text() == "Hello"
    assert client.reply.rest == b""
    assert client.closed


def test_a_client_that_sent_too_much_and_leaves_is_noticed(proxy: MemoryProxy) -> None:
    client = busy(proxy)
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    client.send(b"x" * 100_000)
    client.leave()
    assert proxy.upstream[0].dropped
    proxy.assert_at_rest()


# -- how much at once -------------------------------------------------------------------------------------


def arriving(proxy: MemoryProxy, size: int) -> MemoryClient:
    """A connection on which so many bytes of a larger body have come."""
    client = proxy.connect()
    whole = request("POST", "/v1/responses", body_of(input="x" * 20_000))
    head, _, _ = whole.partition(b"\r\n\r\n")
    client.send(whole[: len(head) + 4 + size])
    return client


def test_bodies_that_arrive_side_by_side_are_bounded_together(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_WAITING_BYTES": "10000"})
    first, second, third = arriving(proxy, 6000), arriving(proxy, 4000), arriving(proxy, 1)
    assert (first.silent, second.silent) == (True, True)
    assert (third.reply.status, third.reply.error()["code"]) == (429, "queue_full")
    assert int(third.reply.headers["retry-after"]) >= 1


def test_one_alone_may_be_as_large_as_any(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_WAITING_BYTES": "10000"})
    client = proxy.post(body_of(input="x" * 20_000))
    assert len(proxy.upstream) == 1
    client.leave()


@pytest.mark.parametrize("how", ["leaves", "too slow", "too large", "arrives"])
def test_the_room_of_a_body_is_free_again_however_it_ends(make_proxy: Any, how: str) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_WAITING_BYTES": "10000", "MIMO_PROXY_MAX_BODY_BYTES": "30000"})
    client = arriving(proxy, 10_000)
    if how == "leaves":
        client.leave()
    elif how == "too slow":
        proxy.advance(125, step=5)
    elif how == "too large":
        client = proxy.connect()
        client.send(request("POST", "/v1/responses", body_of(input="x" * 31_000)))
        proxy.clients[0].leave()
    else:
        client.send(b"x" * 30_000)
        proxy.clients[0].leave()
    proxy.settle()
    assert proxy.graph.site.arriving == 0


# -- what follows a request in the same read --------------------------------------------------------------


def test_what_came_with_a_request_does_not_stop_the_reading(proxy: MemoryProxy) -> None:
    """Twisted stops when enough stands behind a request, and would not notice that the client leaves."""
    busy(proxy)
    client = proxy.connect()
    client.send(POST + b"x" * 60_000)
    client.send(b"x")
    assert client.transport.producerState != "paused"
    client.leave()
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    proxy.settle()
    assert sum(each.received.count(b"POST ") for each in proxy.upstream) == 1


def test_an_answer_to_a_request_that_waited_behind_another_has_all_the_time(proxy: MemoryProxy) -> None:
    client = busy(proxy)
    client.send(request("POST", "/v1/responses", body_of(), {"connection": "close"}))
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    proxy.settle()
    proxy.upstream[0].send(STREAM_HEAD)
    for _ in range(20):
        proxy.advance(10, step=5)
        proxy.upstream[0].send(chunk(text("a")))
        proxy.settle()
    assert not client.closed
    client.leave()


def test_the_beginning_of_a_request_behind_another_has_its_limited_time_too(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.send(HEALTH + POST[:40])
    proxy.advance(125, step=5)
    assert b"HTTP/1.1 408" in client.transport.value()


def test_an_empty_line_behind_a_body_begins_no_request(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.send(HEALTH + b"\r\n")
    proxy.advance(115, step=5)
    client.send(HEALTH[:10])
    proxy.advance(20, step=5)
    client.send(HEALTH[10:])
    assert client.transport.value().count(b"200 OK") == 2


def test_a_body_counts_until_its_request_waits_for_its_turn(make_proxy: Any) -> None:
    waiting: list[Deferred[Any]] = []

    class Slow:
        name, priority = "slow", 1

        def transform(self, request: Any, context: Any) -> Deferred[Any]:
            waiting.append(Deferred())
            return waiting[-1]

    proxy = make_proxy(
        {"MIMO_PROXY_MAX_WAITING_BYTES": "10000"},
        plugins=PluginSet(transforms=(Slow(),)),  # type: ignore[arg-type]
    )
    first, second = (proxy.post(body_of(input="x" * 8000)) for _ in range(2))
    assert first.silent
    assert (second.reply.status, second.reply.error()["code"]) == (429, "queue_full")
    first.leave()
    proxy.settle()
    assert proxy.graph.site.arriving == 0


def test_a_path_of_thousands_of_segments_is_none(proxy: MemoryProxy) -> None:
    assert proxy.ask("GET", "/v1/responses" + "/" * 50_000).reply.status == 404


def test_a_client_that_is_behind_at_the_end_of_an_answer_keeps_its_connection(proxy: MemoryProxy) -> None:
    client = busy(proxy)
    client.transport.fills_up = lambda data: b"response.completed" in data
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    proxy.settle()
    client.send(HEALTH)
    assert client.transport.value().count(b"200 OK") == 1, "its answer would be collected behind the first"
    client.read_again()
    assert client.reply.rest.startswith(b"HTTP/1.1 200 OK")
    assert not client.closed


def test_requests_that_came_together_are_answered_as_fast_as_their_client_reads(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.transport.fills_up = lambda data: b'"status"' in data
    client.send(HEALTH * 10)
    for answered in range(1, 11):
        assert client.transport.value().count(b"200 OK") == answered
        client.read_again()
    assert not client.closed


def test_one_who_reads_none_of_them_is_closed_in_the_end(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.transport.fills_up = lambda data: b'"status"' in data
    client.send(HEALTH * 10)
    proxy.advance(140, step=5)
    assert client.closed
    assert client.transport.value().count(b"200 OK") == 1
