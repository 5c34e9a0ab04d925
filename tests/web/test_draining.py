"""The proxy is told to stop: what a request gets in each phase, once the grace is over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.http_wire import DONE, STREAM_HEAD, answer, body_of, chunk, finish, text
from tests.memory_proxy import MemoryClient, MemoryProxy
from tests.phases import PHASES, mid_stream, waiting_for_usage, without_streaming

OVER = [waiting_for_usage]


@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase not in (*OVER, without_streaming)])
def test_a_request_is_ended_in_the_form_that_still_fits(
    proxy: MemoryProxy, phase: Callable[[MemoryProxy], MemoryClient]
) -> None:
    client = phase(proxy)
    begun = not client.silent
    proxy.services.live.abort_all()
    proxy.settle()
    if begun:
        assert client.reply.last()["error"]["code"] == "rate_limit_exceeded"
    else:
        assert (client.reply.status, client.reply.error()["code"]) == (429, "draining")
        assert client.reply.headers["connection"] == "close"
    assert client.reply.complete
    assert proxy.upstream[0].dropped
    proxy.assert_at_rest()


def test_an_answer_that_waits_only_for_its_usage_is_complete(proxy: MemoryProxy) -> None:
    client = waiting_for_usage(proxy)
    proxy.services.live.abort_all()
    proxy.settle()
    assert client.reply.last()["status"] == "completed"
    proxy.assert_at_rest()


def test_without_streaming_it_is_an_http_error(proxy: MemoryProxy) -> None:
    client = without_streaming(proxy)
    proxy.services.live.abort_all()
    proxy.settle()
    assert client.reply.status == 429
    assert client.reply.headers["connection"] == "close"
    assert proxy.upstream[0].dropped


@pytest.mark.parametrize("codex", [False, True])
def test_those_that_wait_are_ended_too(proxy: MemoryProxy, codex: bool) -> None:
    proxy.post()
    queued = proxy.post(codex=codex)
    proxy.services.live.abort_all()
    proxy.settle()
    assert queued.reply.status == 429
    assert int(queued.reply.headers["retry-after"]) >= 1
    proxy.assert_at_rest()


def test_so_is_one_that_waits_for_another_try(proxy: MemoryProxy) -> None:
    client = proxy.post()
    proxy.upstream[0].send(answer(503))
    proxy.settle()
    proxy.services.live.abort_all()
    proxy.settle()
    assert (client.reply.status, client.reply.error()["code"]) == (429, "draining")


def test_codex_is_told_to_come_back(proxy: MemoryProxy) -> None:
    client = proxy.post(codex=True)
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    proxy.services.live.abort_all()
    proxy.settle()
    error = client.reply.last()["error"]
    assert error["code"] == "rate_limit_exceeded"
    assert "try again in" in error["message"]


def test_a_drained_proxy_takes_no_request(proxy: MemoryProxy) -> None:
    idle: list[None] = []
    proxy.services.live.drain().addCallback(idle.append)
    assert idle == [None]
    client = proxy.post(body_of())
    assert client.reply.status == 429
    assert client.closed
    assert proxy.upstream == []


def test_the_drain_is_over_with_its_last_request(proxy: MemoryProxy) -> None:
    first, second = proxy.post(), proxy.post()
    idle: list[None] = []
    proxy.services.live.drain().addCallback(idle.append)
    first.leave()
    assert idle == []
    second.leave()
    assert idle == [None]


def test_a_terminal_event_on_its_way_is_not_overtaken(proxy: MemoryProxy) -> None:
    client = mid_stream(proxy)
    proxy.upstream[0].send(chunk(finish() + DONE))
    proxy.settle()
    proxy.services.live.abort_all()
    proxy.settle()
    assert client.reply.last()["status"] == "completed"
