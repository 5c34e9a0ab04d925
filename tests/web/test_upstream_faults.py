"""The upstream fails: each fault ends in a terminal event or an HTTP error of the one table.

That the slot is free and nothing is left behind is checked for every test by the fixtures.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.checker import check_stream
from tests.http_wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    UNTIL_CLOSE_HEAD,
    Reply,
    answer,
    body_of,
    call,
    chunk,
    delta,
    event,
    finish,
    text,
    usage,
)
from tests.memory_proxy import MemoryProxy

NO_RETRY = {"MIMO_PROXY_RETRIES": "0"}
KINDS = pytest.mark.parametrize("codex", [False, True], ids=["generic", "codex"])


def told(reply: Reply) -> tuple[int | str, str | None]:
    """How the client learns of a failure: the status and code of an HTTP error, or the terminal event's."""
    if reply.headers["content-type"] == "text/event-stream":
        response = reply.last()
        return reply.types()[-1], (response["error"] or response["incomplete_details"] or {}).get("code")
    if reply.headers["content-type"].startswith("text/plain"):
        return reply.status, "plain"
    return reply.status, reply.error()["code"]


# -- before the stream ------------------------------------------------------------------------------------

DOWN = ((502, "upstream_unavailable"), ("failed", "slow_down"))

REFUSALS: dict[str, tuple[bytes, tuple[Any, Any], tuple[Any, Any]]] = {
    "400 with the reason in param": (
        answer(400, {"error": {"code": "400", "message": "Param Incorrect", "param": "tools is bad"}}),
        (400, None),
        (400, "plain"),
    ),
    "400 behind data:": (
        answer(400, b'data: {"error":{"code":"400","message":"Param Incorrect","param":"tools is bad"}}\n\n'),
        (400, None),
        (400, "plain"),
    ),
    "400 that is about infrastructure": (
        answer(
            400,
            {
                "error": {
                    "code": "400",
                    "message": "finishConnect(..) failed: Connection refused: a.b/10.0.0.1:80",
                }
            },
        ),
        *DOWN,
    ),
    "400 that is about the context": (
        answer(400, {"error": {"message": "x", "param": "maximum context length is 1048576 tokens"}}),
        (400, "context_length_exceeded"),
        (400, "context_length_exceeded"),
    ),
    "401": (answer(401, {"error": {"message": "Invalid API Key"}}), (401, "invalid_api_key"), (400, "plain")),
    "402": (answer(402, {"error": {"message": "no money"}}), (402, "insufficient_balance"), (400, "plain")),
    "403 empty": (answer(403), (401, "invalid_api_key"), (400, "plain")),
    "404 HTML": (answer(404, b"<html>no</html>", content_type="text/html"), (400, None), (400, "plain")),
    "421 moderation": (answer(421, {"error": {"message": "no"}}), (400, "content_filter"), (400, "plain")),
    "429 of a spent plan": (
        answer(429, {"error": {"message": "quota exhausted"}}),
        (429, "insufficient_quota"),
        (400, "plain"),
    ),
    "429": (
        answer(429, {"error": {"message": "slow"}}),
        (429, "rate_limit_exceeded"),
        (429, "rate_limit_exceeded"),
    ),
    "500 HTML": (answer(500, b"<html>oops</html>", content_type="text/html"), *DOWN),
    "502 empty": (answer(502), *DOWN),
    "503 JSON": (answer(503, {"error": "busy"}), *DOWN),
    "504": (answer(504), (504, "upstream_timeout"), ("failed", "slow_down")),
    "redirect": (answer(302, location="https://evil.example/v1"), *DOWN),
    "204": (answer(204), *DOWN),
    "200 HTML": (answer(200, b"<html>welcome</html>", content_type="text/html; charset=utf-8"), *DOWN),
    "200 with an error as JSON": (
        answer(200, {"error": {"code": "401", "message": "Invalid API Key"}}),
        (401, "invalid_api_key"),
        (400, "plain"),
    ),
    "200 empty": (
        answer(200, content_type="text/event-stream"),
        (502, "upstream_stream_broken"),
        ("failed", "server_error"),
    ),
    "200 with its end alone": (
        answer(200, b"data: [DONE]\n\n", content_type="text/event-stream"),
        (502, "upstream_stream_broken"),
        ("failed", "server_error"),
    ),
    "200 in an encoding that was not asked for": (
        answer(200, b"\x0b\x02", content_type="text/event-stream", content_encoding="br"),
        *DOWN,
    ),
    "200 JSON cut": (
        answer(200, b'{"choices":[{"ind', content_type="application/json"),
        (502, "upstream_stream_broken"),
        ("failed", "server_error"),
    ),
    "200 garbage": (
        answer(200, b"\x00\xff\xfe garbage \x80" * 9, content_type="text/event-stream"),
        (502, "upstream_stream_broken"),
        ("failed", "server_error"),
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", *DOWN),
    "half a head": (STREAM_HEAD[:30], *DOWN),
    "nothing": (b"", *DOWN),
}


@KINDS
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_told_by_the_table(make_proxy: Any, case: str, stream: bool, codex: bool) -> None:
    sent, generic, for_codex = REFUSALS[case]
    proxy: MemoryProxy = make_proxy(NO_RETRY)
    client = proxy.post(body_of(stream=stream), codex=codex)
    proxy.upstream[0].send(sent)
    proxy.upstream[0].close()
    proxy.settle()
    assert client.reply.complete
    expected = for_codex if codex else generic
    if not stream and expected[0] == "failed":
        # Only a stream can be told by a terminal event.
        expected = generic
    assert told(client.reply) == expected
    proxy.assert_at_rest()
    assert len(proxy.upstream) == 1


def test_the_reason_is_shown_and_hosts_and_keys_are_not(make_proxy: Any) -> None:
    proxy = make_proxy(NO_RETRY)
    client = proxy.post(codex=True)
    reason = "key sk-fake1234567 refused by gw-7.internal.example:8443/10.1.2.3:80 because of tools[0]"
    proxy.upstream[0].send(answer(400, {"error": {"message": "Param Incorrect", "param": reason}}))
    proxy.settle()
    shown = client.reply.body.decode()
    assert "because of tools[0]" in shown
    assert not [secret for secret in ("sk-fake", "internal.example", "10.1.2.3") if secret in shown]


@pytest.mark.parametrize("status", [429, 502, 504])
def test_what_may_pass_says_when_to_come_back(make_proxy: Any, status: int) -> None:
    proxy = make_proxy(NO_RETRY)
    client = proxy.post()
    proxy.upstream[0].send(answer(status))
    proxy.settle()
    assert int(client.reply.headers["retry-after"]) >= 1


def test_codex_is_told_in_words_that_it_waits_by(make_proxy: Any) -> None:
    proxy = make_proxy(NO_RETRY)
    client = proxy.post(codex=True)
    proxy.upstream[0].send(answer(503))
    proxy.settle()
    assert client.reply.status == 200
    assert client.reply.last()["error"]["message"].endswith("Please try again in 5s.")


@KINDS
def test_a_refused_connection(make_proxy: Any, codex: bool) -> None:
    proxy = make_proxy(NO_RETRY)
    proxy.reactor.refusals = 1
    client = proxy.post(codex=codex)
    proxy.advance(0.5)
    assert told(client.reply) == DOWN[codex]


@KINDS
def test_a_connection_that_is_not_made_in_time(make_proxy: Any, codex: bool) -> None:
    proxy = make_proxy(NO_RETRY | {"MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS": "4000"})
    proxy.reactor.deaf = True
    client = proxy.post(codex=codex)
    proxy.advance(3.5)
    assert client.silent
    proxy.advance(1)
    assert told(client.reply) == (("failed", "slow_down") if codex else (504, "upstream_timeout"))
    assert proxy.upstream[0].dropped


@KINDS
@pytest.mark.parametrize("sent", [b"", STREAM_HEAD[:-2]])
def test_headers_that_do_not_come_in_time(proxy: MemoryProxy, sent: bytes, codex: bool) -> None:
    client = proxy.post(codex=codex)
    proxy.upstream[0].send(sent)
    proxy.advance(299, step=5)
    assert client.silent
    proxy.advance(2)
    assert told(client.reply) == (("failed", "slow_down") if codex else (504, "upstream_timeout"))
    assert proxy.upstream[0].dropped
    assert len(proxy.upstream) == 1, "the model may be at work on the first"


def test_an_error_body_that_does_not_end_is_not_waited_for(make_proxy: Any) -> None:
    proxy = make_proxy(NO_RETRY)
    client = proxy.post()
    proxy.upstream[0].send(answer(400, b'{"error":{"message":"because"}} ' + b" " * 90)[:-50])
    proxy.advance(11)
    assert client.reply.status == 400
    assert "because" in client.reply.error()["message"]
    assert proxy.upstream[0].dropped


def test_of_an_endless_error_body_only_the_beginning_is_read(make_proxy: Any) -> None:
    proxy = make_proxy(NO_RETRY)
    client = proxy.post()
    proxy.upstream[0].send(b"HTTP/1.1 400 Bad\r\n\r\n")
    for _ in range(70):
        proxy.upstream[0].send(b"x" * 1024)
    proxy.settle()
    assert client.reply.status == 400
    assert proxy.upstream[0].dropped


# -- in the stream ----------------------------------------------------------------------------------------

STREAM = (
    delta(reasoning_content="Hm.")
    + text("Let me see.")
    + call("read", '{"path":"a"}')
    + finish("tool_calls")
    + usage()
    + DONE
)
TOOLS = [{"type": "function", "name": "read", "parameters": {"type": "object"}}]
BEGUN = len(delta(reasoning_content="Hm."))
TURN_IS_OVER = STREAM.index(finish("tool_calls")) + len(finish("tool_calls"))
CALL_IS_WHOLE = STREAM.index(call("read", '{"path":"a"}')) + len(call("read", '{"path":"a"}'))


def cut_at(place: int, head: bytes, *, codex: bool, stream: bool = True) -> Reply:
    """The answer when the upstream ends after so many bytes of its stream."""
    proxy = MemoryProxy(NO_RETRY)
    client = proxy.post(body_of(tools=TOOLS, stream=stream), codex=codex)
    upstream = proxy.upstream[0]
    part = STREAM[:place]
    upstream.send(head + (chunk(part) if head is STREAM_HEAD and part else part))
    proxy.settle()
    upstream.close()
    proxy.settle()
    proxy.close()
    proxy.assert_at_rest()
    return client.reply


PLACES = sorted(
    {
        *range(0, len(STREAM), 7),
        *(i + d for i in range(len(STREAM)) if STREAM[i - 1 : i + 1] == b"\n\n" for d in (-1, 0, 1)),
        len(STREAM),
    }
)


@KINDS
@pytest.mark.parametrize("head", [STREAM_HEAD, UNTIL_CLOSE_HEAD], ids=["chunked", "until close"])
def test_a_cut_at_any_place_ends_in_one_terminal_event_or_an_http_error(head: bytes, codex: bool) -> None:
    for place in PLACES:
        reply = cut_at(place, head, codex=codex)
        assert reply.complete, place
        if reply.headers["content-type"] == "text/event-stream":
            check_stream(reply.events())
        else:
            assert (reply.status, reply.error()["code"]) == (502, "upstream_stream_broken"), place


@pytest.mark.parametrize("head", [STREAM_HEAD, UNTIL_CLOSE_HEAD], ids=["chunked", "until close"])
def test_only_an_answer_whose_turn_was_over_is_complete(head: bytes) -> None:
    outcomes = {place: told(cut_at(place, head, codex=False))[0] for place in PLACES if place >= BEGUN}
    assert {outcome for place, outcome in outcomes.items() if place < TURN_IS_OVER - 2} == {"failed"}
    assert {outcome for place, outcome in outcomes.items() if place >= TURN_IS_OVER} == {"completed"}


def test_a_call_that_was_not_whole_is_never_done() -> None:
    """A client runs it at that event."""
    whole = CALL_IS_WHOLE - 2
    for place in PLACES:
        reply = cut_at(place, STREAM_HEAD, codex=True)
        done = [
            each
            for each in reply.events()
            if each["type"] == "response.output_item.done" and each["item"]["type"] == "function_call"
        ]
        assert len(done) == (1 if place >= whole else 0), place


def test_without_streaming_a_cut_is_an_http_error() -> None:
    for place in range(0, TURN_IS_OVER - 2, 40):
        assert told(cut_at(place, STREAM_HEAD, codex=False, stream=False)) == (502, "upstream_stream_broken")


@KINDS
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (chunk(b"data: {not json}\n\n"), "server_error"),
        (chunk(b'data: {"choices": 5}\n\n'), "server_error"),
        (chunk(event({"error": {"message": "engine died"}})), "server_error"),
        (b"zz\r\nno chunk size", "server_error"),
        (LAST_CHUNK, "server_error"),
    ],
    ids=["garbage", "wrong types", "error event", "broken chunk", "early end"],
)
def test_a_fault_after_the_first_delta_is_a_terminal_event(
    proxy: MemoryProxy, fault: bytes, code: str, codex: bool
) -> None:
    client = proxy.post(codex=codex)
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    proxy.upstream[0].send(fault)
    proxy.settle()
    assert told(client.reply) == ("failed", code)
    assert client.reply.complete
    assert client.reply.output_text() == "a"
    proxy.assert_at_rest()
    assert len(proxy.upstream) == 1, "nothing is tried again after the first byte to the client"


def test_a_reset_connection_is_a_terminal_event(proxy: MemoryProxy) -> None:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    proxy.upstream[0].reset()
    assert told(client.reply) == ("failed", "server_error")


@pytest.mark.parametrize("begun", [b"", chunk(text("a"))], ids=["first", "later"])
def test_an_event_without_end_is_not_collected(make_proxy: Any, begun: bytes) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_EVENT_BYTES": "1024"})
    client = proxy.post()
    for upstream in ("first", "again"):
        proxy.upstream[-1].send(STREAM_HEAD + begun)
        proxy.settle()
        for _ in range(3):
            proxy.upstream[-1].send(chunk(b"data: " + b"x" * 600))
            proxy.settle()
        if begun or upstream == "again":
            break
        # Nothing had reached the client, so it is tried once more.
        proxy.advance(1)
    assert told(client.reply) == (("failed", "server_error") if begun else (502, "upstream_stream_broken"))
    assert proxy.upstream[0].dropped


def test_an_upstream_that_failed_is_dropped_at_once(proxy: MemoryProxy) -> None:
    """It may go on to talk, and to bill."""
    proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.upstream[0].send(chunk(event({"error": {"message": "engine died"}})))
    proxy.settle()
    assert proxy.upstream[0].dropped
