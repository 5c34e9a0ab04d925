"""More connections than are served: a crowd that dawdles takes a place each, and not for ever."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.hostile.attacks import BODY, GET_HEALTH, Target, assert_next_is_served
from tests.http_wire import chunked, hello, request
from tests.memory_proxy import MemoryClient, MemoryProxy

MakeProxy = Callable[..., MemoryProxy]
FEW = {"MIMO_PROXY_MAX_CONNECTIONS": "4", "MIMO_PROXY_REQUEST_TIMEOUT_MS": "3000"}
HEAD = request("POST", "/v1/responses", BODY)


def crowd(proxy: MemoryProxy, data: bytes, count: int) -> list[MemoryClient]:
    found = []
    for _ in range(count):
        client = proxy.connect()
        client.send(data)
        found.append(client)
    return found


def is_told(client: MemoryClient) -> bool:
    return not client.silent and client.reply.status == 429


@pytest.mark.parametrize("begun", [b"P", HEAD[:50], HEAD[:-1]], ids=["a byte", "half a head", "almost all"])
def test_a_crowd_of_dawdlers_is_bounded_and_gone_after_the_time_of_a_request(
    make_proxy: MakeProxy, begun: bytes
) -> None:
    proxy = make_proxy(FEW)
    dawdlers = crowd(proxy, begun, 4)
    late = proxy.ask("GET", "/health")
    assert (late.reply.status, late.reply.error()["code"]) == (429, "too_many_connections")
    assert int(late.reply.headers["retry-after"]) >= 1
    assert late.reply.headers["connection"] == "close"
    proxy.advance(4)
    assert [each.reply.status for each in dawdlers] == [408] * 4
    proxy.advance(10)
    assert all(each.closed for each in dawdlers)
    assert late.closed
    assert_next_is_served(proxy)


def test_a_crowd_of_idlers_makes_room_at_once(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(FEW)
    idlers = crowd(proxy, GET_HEALTH, 4)
    working = proxy.post(BODY)
    assert len(proxy.upstream) == 1
    assert [each.closed for each in idlers] == [True, False, False, False]
    for _ in range(20):
        proxy.connect()
        proxy.settle()
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert working.reply.json()["status"] == "completed", "one at work is never closed for another"
    assert proxy.graph.site.connections <= 4
    assert_next_is_served(proxy)


def test_however_many_come_those_that_are_refused_do_not_pile_up(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(FEW)
    crowd(proxy, HEAD[:-1], 4)
    refused = crowd(proxy, HEAD, 100)
    assert proxy.graph.site.connections <= 3 * 4
    assert sum(map(is_told, refused)) >= 4
    assert proxy.upstream == []
    proxy.advance(20)
    assert proxy.graph.site.connections == 0
    assert_next_is_served(proxy)


def test_a_refused_one_that_goes_on_sending_costs_nothing(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(FEW)
    crowd(proxy, HEAD[:-1], 4)
    late = proxy.connect()
    for _ in range(50):
        late.send(HEAD * 10)
    assert late.reply.status == 429
    assert late.transport.value().count(b"HTTP/1.1 ") == 1
    assert proxy.upstream == []
    proxy.advance(20)
    assert_next_is_served(proxy)


@pytest_twisted.ensureDeferred
async def test_a_crowd_on_sockets_leaves_and_the_next_is_served(target: Target) -> None:
    await target.start(MIMO_PROXY_MAX_CONNECTIONS="8")
    dawdlers = [await target.send(HEAD[:40]) for _ in range(8)]
    channels = target.graph.site._channels
    await target.until(lambda: len(channels) == 8 and not any(each.idle for each in channels))
    told = await target.reaction(GET_HEALTH)
    assert told.startswith(b"HTTP/1.1 429 ")
    for each in dawdlers:
        each.reset()
    await target.until(lambda: target.graph.site.connections == 0)
    await target.assert_serving()
