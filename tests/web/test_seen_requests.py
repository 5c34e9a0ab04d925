"""What a person is shown of a request: while it runs, and once it is over."""

from __future__ import annotations

from typing import Any

import pytest

from ccmimolink.activity.values import Finished, Running, Tokens
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, answer, body_of, chunk, delta, event, hello, text
from tests.memory_proxy import MemoryProxy

SECRET_WORDS = "the-users-own-words"


def running(proxy: MemoryProxy) -> list[Running]:
    return proxy.services.live.seen()


def only(proxy: MemoryProxy) -> Finished:
    (finished,) = proxy.services.activity.recent
    return finished


def finish(proxy: MemoryProxy, body: bytes | None = None) -> None:
    proxy.upstream[-1].send(STREAM_HEAD + chunk(hello() if body is None else body) + LAST_CHUNK)
    proxy.settle()


def test_a_running_request_tells_how_far_it_is(proxy: MemoryProxy) -> None:
    proxy.post(body_of(model="gpt-6"), codex=True)
    proxy.advance(2)
    (sent,) = running(proxy)
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a") + text("b")))
    proxy.advance(1)
    (streaming,) = running(proxy)
    assert (sent.phase, sent.elapsed, sent.received) == ("sent", 2.0, 0)
    assert (sent.asked, sent.used, sent.kind) == ("gpt-6", "mimo-v2.5", "turn")
    assert (streaming.phase, streaming.elapsed, streaming.received) == ("streaming", 3.0, 2)
    assert streaming.id == sent.id
    finish(proxy)
    assert running(proxy) == []


def test_requests_that_wait_are_shown_with_their_place(proxy: MemoryProxy) -> None:
    for _ in range(3):
        proxy.post()
        proxy.advance(1)
    assert [(each.phase, each.position) for each in running(proxy)] == [
        ("sent", None),
        ("queued", 1),
        ("queued", 2),
    ]
    for _ in range(3):
        finish(proxy)


def test_a_request_that_backs_off_is_shown_with_the_time_that_is_left(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_429_BACKOFF_MS": "7000"})
    proxy.post()
    proxy.upstream[0].send(answer(429, {"error": {"message": "slow down"}}))
    proxy.advance(2)
    (waiting,) = running(proxy)
    assert (waiting.phase, waiting.position, waiting.retries) == ("queued", 1, 1)
    assert waiting.starts_in == pytest.approx(5.0)
    proxy.advance(6)
    finish(proxy)
    assert only(proxy).retries == 1


def test_a_request_that_is_over_leaves_its_figures(proxy: MemoryProxy) -> None:
    counts = {
        "prompt_tokens": 1000,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 600},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    client = proxy.post(body_of(model="gpt-6"), codex=True)
    proxy.advance(2)
    proxy.upstream[0].send(STREAM_HEAD + chunk(delta(reasoning_content="Hm.")))
    proxy.settle()
    proxy.advance(1)
    proxy.upstream[0].send(
        chunk(text("a") + event({"choices": [{"finish_reason": "stop", "delta": {}}]}))
        + chunk(event({"choices": [], "usage": counts}) + b"data: [DONE]\n\n")
        + LAST_CHUNK
    )
    proxy.settle()
    over = only(proxy)
    assert over.id == client.reply.headers["x-request-id"]
    assert (over.asked, over.used, over.kind, over.client) == ("gpt-6", "mimo-v2.5", "turn", "codex_exec")
    assert (over.status, over.outcome, over.failure) == (200, "completed", None)
    assert (over.queued, over.first_token, over.total) == (0.0, 2.0, 3.0)
    assert over.tokens == Tokens(input=1000, cached=600, output=50, reasoning=20)
    assert over.tokens_per_second == pytest.approx(50.0)
    # 400 fresh, 600 cached and 50 new tokens, at 0.14, 0.0028 and 0.28 dollars for a million.
    assert over.cost["USD"] == pytest.approx((400 * 0.14 + 600 * 0.0028 + 50 * 0.28) / 1e6)
    assert over.cost["CNY"] == pytest.approx((400 * 1 + 600 * 0.02 + 50 * 2) / 1e6)


def test_a_refused_request_tells_the_kind_and_not_the_words_of_its_failure(proxy: MemoryProxy) -> None:
    proxy.post()
    proxy.upstream[0].send(answer(400, {"error": {"message": "Param Incorrect", "param": SECRET_WORDS}}))
    proxy.settle()
    over = only(proxy)
    assert (over.status, over.outcome, over.failure) == (400, "invalid request", "invalid request")
    assert over.tokens is None
    assert over.cost == {}
    assert SECRET_WORDS not in repr(over)


def test_an_answer_that_breaks_off_is_a_response_that_failed(proxy: MemoryProxy) -> None:
    proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    proxy.upstream[0].close()
    proxy.settle()
    over = only(proxy)
    assert (over.status, over.outcome, over.failure) == (200, "failed", "stream broken")


def test_a_client_that_leaves_is_told_as_such(proxy: MemoryProxy) -> None:
    client = proxy.post()
    proxy.settle()
    client.leave()
    over = only(proxy)
    assert (over.status, over.outcome, over.failure) == (None, "client left", None)


def test_a_model_without_a_known_price_costs_nothing_that_is_known(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_MODEL": "somebodys-model"})
    proxy.post()
    finish(proxy)
    assert only(proxy).tokens is not None
    assert only(proxy).cost == {}


def test_nothing_of_a_conversation_is_in_what_is_shown(proxy: MemoryProxy) -> None:
    proxy.post(body_of(input=SECRET_WORDS, instructions=SECRET_WORDS))
    shown = repr(running(proxy))
    finish(proxy, body=text(SECRET_WORDS) + hello())
    shown += repr(proxy.services.activity.recent)
    assert SECRET_WORDS not in shown
