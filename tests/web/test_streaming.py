"""One stream on its way through: when something leaves, in which pieces, and what the clock does to it."""

# mypy: disable-error-code="unreachable"
# A property is read anew each time, which the checker cannot know.

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.http_wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    answer,
    body_of,
    chunk,
    chunked,
    delta,
    event,
    finish,
    hello,
    request,
    text,
    usage,
)
from tests.memory_proxy import MemoryProxy
from tests.web.begun import begin


def test_a_delta_leaves_before_the_next_chunk_arrives(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("Hel"))
    assert client.reply.output_text() == "Hel"
    upstream.send(chunk(text("lo")))
    proxy.settle()
    assert client.reply.output_text() == "Hello"


def test_all_events_of_one_read_leave_in_one_write(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    before = len(client.transport.writes)
    upstream.send(b"".join(chunk(text(word)) for word in ("b", "c", "d")))
    proxy.settle()
    assert client.reply.output_text() == "abcd"
    written = client.transport.writes[before:]
    # HTTP/1.1 frames a write as a chunk: its size, its data, its end.
    assert len(written) <= 3
    assert sum(piece.count(b"output_text.delta") > 0 for piece in written) == 1


def test_two_reads_leave_in_two_writes(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    before = len(client.transport.writes)
    for word in ("b", "c"):
        upstream.send(chunk(text(word)))
        proxy.settle()
    assert sum(piece.count(b"output_text.delta") > 0 for piece in client.transport.writes[before:]) == 2


def test_the_answer_ends_after_its_terminal_event(proxy: MemoryProxy) -> None:
    client, _upstream = begin(proxy, hello())
    assert client.reply.complete
    assert client.reply.types()[-1] == "completed"
    assert client.reply.last()["usage"]["total_tokens"] == 10
    assert b"[DONE]" not in client.reply.body


def test_what_is_streamed_numbers_its_events_without_a_gap(proxy: MemoryProxy) -> None:
    client, _ = begin(proxy, hello())
    numbers = [each["sequence_number"] for each in client.reply.events()]
    assert numbers == list(range(len(numbers)))


def test_headers_of_the_upstream_are_not_relayed(proxy: MemoryProxy) -> None:
    client = proxy.post()
    head = STREAM_HEAD[:-2] + b"openai-model: other\r\nset-cookie: a=b\r\nx-request-id: theirs\r\n\r\n"
    proxy.upstream[0].send(head + chunk(hello()) + LAST_CHUNK)
    proxy.settle()
    assert "openai-model" not in client.reply.headers
    assert "set-cookie" not in client.reply.headers
    assert client.reply.headers["x-request-id"].startswith("req_")
    assert client.reply.headers["cache-control"] == "no-cache"


def test_a_whole_json_answer_becomes_a_stream(proxy: MemoryProxy) -> None:
    client = proxy.post()
    message = {"role": "assistant", "content": "Hello", "reasoning_content": "Hm."}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    proxy.upstream[0].send(answer(200, whole))
    proxy.settle()
    assert client.reply.types()[-1] == "completed"
    assert [item["type"] for item in client.reply.last()["output"]] == ["reasoning", "message"]


def test_without_stream_the_answer_is_the_final_response_of_the_stream(proxy: MemoryProxy) -> None:
    streamed = proxy.post(body_of(stream=True))
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    whole = proxy.post(body_of(stream=False))
    assert whole.silent
    # The first connection was kept, and serves the second request.
    (upstream,) = proxy.upstream
    upstream.send(chunked(hello()))
    proxy.settle()

    def without_ids(response: dict[str, Any]) -> dict[str, Any]:
        output = [item | {"id": ""} for item in response["output"]]
        return response | {"id": "", "created_at": 0, "completed_at": 0, "output": output}

    assert whole.reply.headers["content-type"] == "application/json"
    assert without_ids(whole.reply.json()) == without_ids(streamed.reply.last())


def test_a_compressed_answer_is_read_all_the_same(proxy: MemoryProxy) -> None:
    client = proxy.post()
    packed = gzip.compress(hello())
    head = STREAM_HEAD[:-2] + b"content-encoding: gzip\r\n\r\n"
    proxy.upstream[0].send(head + chunk(packed[:20]) + chunk(packed[20:]) + LAST_CHUNK)
    proxy.settle()
    assert client.reply.output_text() == "Hello"


# -- a client that does not read --------------------------------------------------------------------------


def test_a_slow_client_pauses_the_upstream(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    client.stop_reading()
    assert upstream.paused
    written = len(client.transport.value())
    for _ in range(100):
        upstream.send(chunk(text("x" * 1000)))
        proxy.settle()
    assert len(client.transport.value()) == written
    client.read_again()
    assert not upstream.paused
    assert len(client.reply.output_text()) == 1 + 100 * 1000


def test_nothing_is_filled_for_a_client_that_does_not_read(proxy: MemoryProxy) -> None:
    client, _ = begin(proxy, text("a"))
    client.stop_reading()
    written = len(client.transport.value())
    proxy.advance(100)
    assert len(client.transport.value()) == written


def test_silence_is_filled_in_time_once_it_reads_again(proxy: MemoryProxy) -> None:
    client, _ = begin(proxy, text("a"))
    client.stop_reading()
    proxy.advance(100)
    client.read_again()
    proxy.advance(1)
    assert client.reply.types()[-1] == "in_progress"


def test_the_upstreams_idle_time_does_not_run_while_it_is_paused(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_IDLE_TIMEOUT_MS": "60000"})
    client, upstream = begin(proxy, text("a"))
    client.stop_reading()
    proxy.advance(110)
    client.read_again()
    proxy.advance(50)
    assert not upstream.dropped
    proxy.advance(11)
    assert upstream.dropped


def test_a_client_that_reads_nothing_for_too_long_is_dropped(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    client.stop_reading()
    proxy.advance(119)
    assert not client.closed
    proxy.advance(2)
    assert client.closed
    assert upstream.dropped
    proxy.assert_at_rest()


def test_a_client_that_reads_a_little_now_and_then_is_kept(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    for _ in range(5):
        client.stop_reading()
        proxy.advance(100)
        client.read_again()
        upstream.send(chunk(text("b")))
        proxy.settle()
    assert not client.closed
    assert not upstream.dropped


# -- after the answer -------------------------------------------------------------------------------------


def test_the_slot_is_free_before_the_upstream_ends_its_body(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, hello())
    assert client.reply.complete
    proxy.assert_at_rest()
    assert not upstream.dropped


def test_an_upstream_that_does_not_end_its_body_is_dropped_soon(proxy: MemoryProxy) -> None:
    _, upstream = begin(proxy, hello())
    proxy.advance(1)
    upstream.send(chunk(text("and more")))
    proxy.advance(1.5)
    assert upstream.dropped


def test_the_connection_of_a_paused_upstream_is_kept_as_well(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"))
    upstream.send(chunk(hello()))
    client.stop_reading()
    proxy.settle()
    upstream.send(LAST_CHUNK)
    proxy.settle()
    proxy.post()
    assert len(proxy.upstream) == 1


def test_what_follows_the_terminal_event_is_not_read(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, hello())
    before = client.transport.value()
    upstream.send(chunk(text("and more")) + chunk(event({"error": {"message": "late"}})))
    proxy.settle()
    assert client.transport.value() == before


def test_usage_may_come_late(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy, text("a"), finish())
    assert client.reply.types()[-1] == "output_text.delta"
    upstream.send(chunk(usage()))
    proxy.settle()
    upstream.send(chunk(DONE))
    proxy.settle()
    assert client.reply.last()["usage"]["input_tokens"] == 7


def test_unknown_usage_is_null(proxy: MemoryProxy) -> None:
    client, _ = begin(proxy, text("a"), finish(), DONE)
    assert client.reply.last()["usage"] is None


@pytest.mark.parametrize(
    ("reason", "codex", "terminal", "why"),
    [
        ("length", False, "incomplete", "max_output_tokens"),
        ("length", True, "incomplete", "max_output_tokens"),
        ("repetition_truncation", False, "incomplete", "max_output_tokens"),
        ("content_filter", False, "incomplete", "content_filter"),
        ("content_filter", True, "failed", "invalid_prompt"),
    ],
)
def test_an_answer_that_was_stopped_says_why(
    proxy: MemoryProxy, reason: str, codex: bool, terminal: str, why: str
) -> None:
    client, _ = begin(proxy, delta(content="a"), finish(reason), DONE, codex=codex)
    assert client.reply.types()[-1] == terminal
    found = client.reply.last()
    assert (found["incomplete_details"] or {}).get("reason", (found["error"] or {}).get("code")) == why


def test_a_keep_alive_connection_serves_one_request_after_the_other(proxy: MemoryProxy) -> None:
    client, _ = begin(proxy, hello())
    proxy.upstream[0].send(LAST_CHUNK)
    client.transport.clear()
    client.send(request("POST", "/v1/responses", body_of()))
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert client.reply.output_text() == "Hello"


def test_a_finished_turn_does_not_wait_long_for_its_token_counts(proxy: MemoryProxy) -> None:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("Hello")) + chunk(finish()))
    proxy.settle()
    assert not client.reply.complete
    proxy.advance(11)
    assert client.reply.last()["status"] == "completed"
    assert proxy.services.limiter.state.in_flight == 0
    assert proxy.upstream[0].dropped
