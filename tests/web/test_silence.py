"""An upstream that says nothing, nothing to the point, or too much: what fills silence, and what ends it."""

# mypy: disable-error-code="unreachable"
# A property is read anew each time, which the checker cannot know.

from __future__ import annotations

from typing import Any

import pytest

from tests.http_wire import (
    STREAM_HEAD,
    chunk,
    event,
    text,
)
from tests.memory_proxy import MemoryProxy
from tests.web.begun import begin

REFUSED = chunk(event({"error": {"code": "400", "message": "Param Incorrect", "param": "bad tools"}}))


def test_200_waits_for_the_first_event(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy)
    proxy.advance(14)
    assert client.silent
    upstream.send(chunk(text("a")))
    proxy.settle()
    assert client.reply.status == 200


def test_200_is_committed_15_seconds_after_the_upstreams(proxy: MemoryProxy) -> None:
    client = proxy.post()
    proxy.advance(100)
    assert client.silent
    proxy.upstream[0].send(STREAM_HEAD)
    proxy.advance(14.5)
    assert client.silent
    proxy.advance(1)
    assert client.reply.types() == ["created", "in_progress"]


def test_an_error_inside_a_200_is_an_http_error_until_then(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy)
    proxy.advance(10)
    upstream.send(REFUSED)
    proxy.settle()
    assert client.reply.status == 400
    assert "bad tools" in client.reply.error()["message"]


def test_and_a_terminal_event_afterwards(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy)
    proxy.advance(16)
    upstream.send(REFUSED)
    proxy.settle()
    assert client.reply.types()[-1] == "failed"
    assert "bad tools" in client.reply.last()["error"]["message"]
    assert upstream.dropped


def test_silence_is_filled_every_15_seconds_with_data(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    so_far = len(client.reply.events())
    proxy.advance(46)
    assert client.reply.types()[so_far:] == ["in_progress"] * 3
    upstream.send(chunk(text("b")))
    proxy.advance(10)
    assert client.reply.types()[-1] == "output_text.delta"


def test_deltas_put_the_filling_off(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    for _ in range(5):
        proxy.advance(10)
        upstream.send(chunk(text("b")))
        proxy.settle()
    assert client.reply.types().count("in_progress") == 1


def test_comments_of_the_upstream_do_not_count_towards_the_client(proxy: MemoryProxy) -> None:
    """They reset nobody's timer but ours."""
    client, upstream = begin(proxy, text("a"))
    for _ in range(4):
        proxy.advance(5)
        upstream.send(chunk(b": keep-alive\n\n"))
        proxy.settle()
    assert client.reply.types().count("in_progress") == 2


@pytest.mark.parametrize("codex", [False, True])
def test_an_upstream_that_falls_silent_is_given_up(proxy: MemoryProxy, codex: bool) -> None:
    client, upstream = begin(proxy, text("a"), codex=codex)
    proxy.advance(479)
    assert not client.reply.complete
    proxy.advance(2)
    assert client.reply.types()[-1] == "failed"
    assert client.reply.last()["error"]["code"] == "server_error"
    assert "MIMO_PROXY_IDLE_TIMEOUT_MS" in client.reply.last()["error"]["message"]
    assert upstream.dropped
    proxy.assert_at_rest()


def test_any_byte_counts_as_a_sign_of_life(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    for _ in range(4):
        proxy.advance(300, step=20)
        upstream.send(chunk(b": still here\n\n"))
        proxy.settle()
    assert not client.reply.complete
    assert not upstream.dropped


def test_signs_of_life_alone_do_not_count_for_ever(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    for _ in range(7):
        proxy.advance(300, step=20)
        upstream.send(chunk(b": still here\n\n"))
        proxy.settle()
    assert client.reply.last()["error"]["code"] == "server_error"
    assert upstream.dropped


def test_an_event_that_trickles_is_no_silence_for_as_long_as_signs_of_life_count(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_IDLE_TIMEOUT_MS": "2000"})
    client, upstream = begin(proxy)
    for byte in text("a" * 20)[:70]:
        upstream.send(chunk(bytes([byte])))
        proxy.advance(0.1, step=0.1)
    upstream.send(chunk(text("a" * 20)[70:]))
    proxy.settle()
    assert client.reply.output_text() == "a" * 20


@pytest.mark.parametrize(
    "sent", [b"x", b'data: {"choices":[]}\n\n'], ids=["one endless event", "empty events"]
)
def test_what_says_nothing_does_not_keep_a_stream_open_for_ever(make_proxy: Any, sent: bytes) -> None:
    proxy = make_proxy({"MIMO_PROXY_IDLE_TIMEOUT_MS": "2000"})
    client, upstream = begin(proxy, text("a"), *([b"data: "] if sent == b"x" else []))
    for _ in range(12):
        upstream.send(chunk(sent))
        proxy.advance(1)
    assert client.reply.last()["error"]["code"] == "server_error"
    assert upstream.dropped
    proxy.assert_at_rest()


def test_an_answer_beyond_the_limit_is_cut_as_at_a_token_limit(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_ANSWER_BYTES": "2048"})
    client, upstream = begin(proxy, text("a" * 1000))
    assert not client.reply.complete
    upstream.send(chunk(text("b" * 2500)))
    proxy.settle()
    assert client.reply.last()["incomplete_details"] == {"reason": "max_output_tokens"}
    assert client.reply.complete
    assert upstream.dropped
    proxy.assert_at_rest()


def test_an_answer_of_comments_alone_is_bounded_too(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_ANSWER_BYTES": "2048"})
    client, upstream = begin(proxy)
    for _ in range(30):
        upstream.send(chunk(b": " + b"x" * 100 + b"\n\n"))
        proxy.settle()
    assert client.reply.last()["status"] == "incomplete"
    assert upstream.dropped


def test_the_idle_limit_may_be_shorter_than_the_filling(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_IDLE_TIMEOUT_MS": "2000"})
    client, upstream = begin(proxy)
    proxy.advance(3)
    assert client.reply.status == 504
    assert upstream.dropped
