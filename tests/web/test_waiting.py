"""The queue as a person meets it, with the settings that come with the program."""

from __future__ import annotations

from typing import Any

from tests.http_wire import LAST_CHUNK, STREAM_HEAD, chunk, chunked, delta, finish, hello, text


def test_requests_are_served_in_turn_and_none_is_failed_for_waiting_280_seconds(make_proxy: Any) -> None:
    """A title request and a sub-agent queue behind a long turn of the default one request at a time."""
    proxy = make_proxy({"MIMO_PROXY_MAX_CONCURRENT": "", "MIMO_PROXY_MIN_INTERVAL_MS": ""})
    turn, title, subagent = (proxy.post(codex=True) for _ in range(3))
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("Hello")))
    for _ in range(28):
        proxy.advance(10)
        proxy.upstream[0].send(chunk(delta(reasoning_content="hm ")))
    assert title.silent
    assert subagent.silent
    assert proxy.services.limiter.state.waiting == 2
    proxy.upstream[0].send(chunk(finish()) + LAST_CHUNK)
    proxy.settle()
    assert turn.reply.last()["status"] == "completed"
    for waiting in (title, subagent):
        proxy.advance(2)
        proxy.upstream[-1].send(chunked(hello()))
        proxy.settle()
        assert waiting.reply.last()["status"] == "completed"
    proxy.assert_at_rest()
