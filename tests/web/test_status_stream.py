"""``GET /status/events``: what the windows that show the page are told, and what they cost."""

from __future__ import annotations

from typing import Any

import pytest

from ccmimolink.activity.values import Running
from ccmimolink.page.viewers import HEARTBEAT, MOST, PATIENCE, SUMS
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, chunk, hello, text
from tests.memory_proxy import MemoryProxy
from tests.web.page_events import Watcher


def calls(proxy: MemoryProxy) -> int:
    return len(proxy.reactor.getDelayedCalls())


def watched(proxy: MemoryProxy) -> Watcher:
    """A window that has been told what there is."""
    watcher = Watcher(proxy)
    proxy.advance(1)
    watcher.news()
    return watcher


def finish(proxy: MemoryProxy) -> None:
    proxy.upstream[-1].send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    proxy.settle()


# -- what is told -------------------------------------------------------------------------------------------


def test_a_window_is_told_everything_when_it_opens(proxy: MemoryProxy) -> None:
    proxy.post()
    watcher = Watcher(proxy)
    ((name, whole),) = watcher.news()
    assert watcher.client.reply.headers["content-type"] == "text/event-stream"
    assert name == "whole"
    assert whole == proxy.ask("GET", "/status/state").reply.json()


def test_while_a_request_runs_the_state_is_told_every_second(proxy: MemoryProxy) -> None:
    watcher = watched(proxy)
    proxy.post()
    proxy.advance(1)
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a") + text("b")))
    proxy.advance(1)
    told = watcher.news()
    assert [name for name, _ in told] == ["state", "state"]
    assert [one["phase"] for _, state in told for one in state["running"]] == ["sent", "streaming"]
    assert told[1][1]["running"][0]["received"] == 2
    finish(proxy)


def test_a_request_that_is_over_is_told_at_once_and_the_sums_with_the_next_look(proxy: MemoryProxy) -> None:
    watcher = watched(proxy)
    proxy.post()
    finish(proxy)
    ((name, (one,)),) = watcher.news()
    proxy.advance(1)
    assert (name, one["outcome"]) == ("finished", "completed")
    assert dict(watcher.news())["summary"]["requests"] == 1


def test_the_sums_are_told_at_once_and_then_not_again_for_some_seconds(proxy: MemoryProxy) -> None:
    watcher = watched(proxy)
    for _ in range(int(SUMS) + 1):
        proxy.post()
        finish(proxy)
        proxy.advance(1)
    told = [sums["requests"] for name, sums in watcher.news() if name == "summary"]
    assert told == [1, 6]


def test_requests_that_end_close_upon_each_other_are_told_together(proxy: MemoryProxy) -> None:
    watcher = watched(proxy)
    for _ in range(4):
        proxy.post()
        finish(proxy)
    proxy.advance(0.5, step=0.1)
    told = [those for name, those in watcher.news() if name == "finished"]
    assert [len(those) for those in told] == [1, 3]


def test_where_nothing_changes_only_a_heartbeat_is_sent(proxy: MemoryProxy) -> None:
    watcher = watched(proxy)
    proxy.advance(HEARTBEAT - 1)
    assert watcher.names() == []
    proxy.advance(1)
    assert watcher.names() == ["beat"]


# -- what it costs ------------------------------------------------------------------------------------------


def test_while_nobody_looks_there_is_no_timer_and_nobody_listens(proxy: MemoryProxy) -> None:
    before = calls(proxy)
    watcher = Watcher(proxy)
    watcher.client.leave()
    assert calls(proxy) == before
    proxy.post()
    finish(proxy)
    assert proxy.graph.viewers is not None
    assert len(proxy.graph.viewers) == 0


def test_all_windows_share_one_look(proxy: MemoryProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    seen = proxy.services.live.seen

    def counted() -> list[Running]:
        looks.append(proxy.reactor.seconds())
        return seen()

    watchers = [Watcher(proxy) for _ in range(3)]
    proxy.post()
    monkeypatch.setattr(proxy.services.live, "seen", counted)
    proxy.advance(3)
    assert len(looks) == 3
    told = [watcher.all()[1:] for watcher in watchers]
    assert told[0] == told[1] == told[2]
    finish(proxy)


def test_one_window_too_many_is_refused_until_another_leaves(proxy: MemoryProxy) -> None:
    watchers = [Watcher(proxy) for _ in range(MOST)]
    refused = proxy.ask("GET", "/status/events").reply
    watchers[0].client.leave()
    assert (refused.status, refused.error()["code"]) == (429, "too_many_connections")
    assert Watcher(proxy).client.reply.status == 200


# -- a window that does not read ----------------------------------------------------------------------------


def test_a_window_that_is_behind_is_sent_nothing_and_everything_once_it_reads(proxy: MemoryProxy) -> None:
    watcher = watched(proxy)
    watcher.client.stop_reading()
    proxy.post()
    finish(proxy)
    proxy.advance(5)
    meanwhile = watcher.names()
    watcher.client.read_again()
    assert meanwhile == []
    ((name, whole),) = watcher.news()
    assert (name, len(whole["recent"])) == ("whole", 1)


def test_a_window_that_does_not_read_is_dropped(proxy: MemoryProxy) -> None:
    watcher, reader = watched(proxy), watched(proxy)
    watcher.client.stop_reading()
    proxy.advance(PATIENCE + 2)
    assert (watcher.client.closed, reader.client.closed) == (True, False)


# -- who goes first, and the end ----------------------------------------------------------------------------


def test_a_window_gives_its_connection_up_for_one_that_has_none(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_CONNECTIONS": "2"})
    watcher = Watcher(proxy)
    busy = proxy.post()
    proxy.post()
    proxy.settle()
    assert (watcher.client.closed, busy.closed) == (True, False)
    assert len(proxy.services.live) == 2
    finish(proxy)
    proxy.advance(1)
    finish(proxy)


def test_a_window_does_not_keep_the_proxy_from_draining(proxy: MemoryProxy) -> None:
    watcher = watched(proxy)
    drained: list[None] = []
    proxy.services.live.drain().addCallback(drained.append)
    proxy.graph.site.close_idle()
    proxy.advance(1)
    assert drained == [None]
    assert dict(watcher.news())["state"]["status"] == "draining"


def test_when_the_proxy_stops_the_stream_ends_in_order(proxy: MemoryProxy) -> None:
    watcher, other = watched(proxy), watched(proxy)
    other.client.stop_reading()
    viewers = proxy.graph.viewers
    assert viewers is not None
    viewers.end()
    proxy.settle()
    assert watcher.names() == ["end"]
    assert watcher.client.reply.complete
    assert other.client.closed
    assert len(viewers) == 0
