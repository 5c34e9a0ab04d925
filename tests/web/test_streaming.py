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
from tests.memory_proxy import MemoryClient, MemoryProxy, UpstreamConnection


def begin(proxy: MemoryProxy, *parts: bytes, codex: bool = False) -> tuple[MemoryClient, UpstreamConnection]:
    """A streaming request whose upstream has sent its head and these chunks."""
    client = proxy.post(codex=codex)
    upstream = proxy.upstream[-1]
    upstream.send(STREAM_HEAD + b"".join(map(chunk, parts)))
    proxy.settle()
    return client, upstream


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


# -- silence ----------------------------------------------------------------------------------------------


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
    upstream.send(
        chunk(event({"error": {"code": "400", "message": "Param Incorrect", "param": "bad tools"}}))
    )
    proxy.settle()
    assert client.reply.status == 400
    assert "bad tools" in client.reply.error()["message"]


def test_and_a_terminal_event_afterwards(proxy: MemoryProxy) -> None:
    client, upstream = begin(proxy)
    proxy.advance(16)
    upstream.send(
        chunk(event({"error": {"code": "400", "message": "Param Incorrect", "param": "bad tools"}}))
    )
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
