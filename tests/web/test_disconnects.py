"""The client leaves: the upstream is dropped, the slot is free, and nothing is logged as a failure.

That nothing is left (slots, exchanges, timers, logged failures) is checked for every test by the fixtures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from ccmimolink.plugins import PluginSet
from tests.http_wire import STREAM_HEAD, answer, body_of, chunk, hello, request, text
from tests.memory_proxy import MemoryClient, MemoryProxy
from tests.phases import PHASES, mid_stream


@pytest.mark.parametrize("phase", PHASES)
def test_the_upstream_is_dropped_and_the_slot_free_at_once(
    proxy: MemoryProxy, phase: Callable[[MemoryProxy], MemoryClient]
) -> None:
    client = phase(proxy)
    assert proxy.services.limiter.state.in_flight == 1
    client.leave()
    assert proxy.upstream[0].dropped
    proxy.assert_at_rest()
    assert len(proxy.upstream) == 1


@pytest.mark.parametrize("phase", PHASES)
def test_the_next_request_is_served(proxy: MemoryProxy, phase: Callable[[MemoryProxy], MemoryClient]) -> None:
    phase(proxy).leave()
    proxy.reactor.deaf = False
    client = proxy.post()
    proxy.upstream[1].send(STREAM_HEAD + chunk(hello()))
    proxy.settle()
    assert client.reply.output_text() == "Hello"


def test_while_queued_only_the_place_in_the_queue_is_given_up(proxy: MemoryProxy) -> None:
    running, queued, last = proxy.post(), proxy.post(), proxy.post()
    queued.leave()
    assert proxy.services.limiter.state.waiting == 1
    for _ in range(2):
        proxy.upstream[0].send(STREAM_HEAD + chunk(hello()) + b"0\r\n\r\n")
        proxy.settle()
    assert running.reply.output_text() == last.reply.output_text() == "Hello"
    assert len(proxy.upstream) == 1
    assert proxy.upstream[0].received.count(b"POST ") == 2


@pytest.mark.parametrize(
    "refusal", [answer(500), answer(429, retry_after="5"), b""], ids=["500", "429", "connection broken"]
)
def test_while_waiting_for_another_try(proxy: MemoryProxy, refusal: bytes) -> None:
    client = proxy.post()
    if refusal:
        proxy.upstream[0].send(refusal)
    else:
        proxy.upstream[0].close()
    proxy.settle()
    assert proxy.services.limiter.state.waiting == 1
    client.leave()
    proxy.assert_at_rest()
    proxy.advance(20)
    assert proxy.upstream[0].received.count(b"POST ") == 1
    assert len(proxy.upstream) == 1


def test_while_the_queue_is_held_by_a_back_off(proxy: MemoryProxy) -> None:
    proxy.services.limiter.back_off(60)
    client = proxy.post()
    client.leave()
    proxy.assert_at_rest()
    assert proxy.upstream == []


def test_while_a_transform_is_waited_for(make_proxy: Any) -> None:
    cancelled: list[Deferred[Any]] = []

    class Slow:
        name, priority = "slow", 1

        def transform(self, request: Any, context: Any) -> Deferred[Any]:
            return Deferred(cancelled.append)

    proxy = make_proxy(plugins=PluginSet(transforms=(Slow(),)))  # type: ignore[arg-type]
    client = proxy.post()
    assert len(proxy.services.live) == 1
    client.leave()
    proxy.assert_at_rest()
    assert len(cancelled) == 1


def test_while_its_body_is_on_the_way(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.send(request("POST", "/v1/responses", body_of())[:-5])
    client.leave()
    assert proxy.upstream == []


def test_right_after_the_terminal_event_the_upstreams_connection_is_kept(proxy: MemoryProxy) -> None:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()))
    proxy.settle()
    assert client.reply.complete
    client.leave()
    proxy.upstream[0].send(b"0\r\n\r\n")
    proxy.post()
    assert len(proxy.upstream) == 1


def test_nothing_is_stored_for_a_client_that_left(proxy: MemoryProxy) -> None:
    client = proxy.post(body_of(store=True))
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    client.leave()
    assert len(proxy.services.store) == 0


def test_the_log_calls_it_by_its_name(proxy: MemoryProxy, logged: list[str]) -> None:
    mid_stream(proxy).leave()
    assert [line for line in logged if "client left" in line]
