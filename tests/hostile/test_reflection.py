"""What a client writes does not come back where it could act, and cannot forge a line of the log."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.hostile.attacks import LogText
from tests.http_wire import Reply, answer, body_of, chunked, hello, read_reply, request
from tests.memory_proxy import MemoryClient, MemoryProxy

SCRIPT = "<script>alert(1)</script>"
BREAK = "x\r\nset-cookie: a=b\r\n\r\n<html>"
COLOURS = "\x1b[31mred\x1b]0;title\x07\x1b[2J"
FORGED = "x\n2026-11-28T00:00:00+0000 [ccmimolink#info] forged"
UNICODE = "a\u2028b\u2029c\u0085d\u202ee\ufeff\u0000\x7f\x9b31m"
TRICKS = {
    "script": SCRIPT,
    "line ends": BREAK,
    "colours": COLOURS,
    "a forged line": FORGED,
    "odd characters": UNICODE,
    "a format": "{log_source} {0} %s %n {log_failure}",
    "much": "y" * 5000,
}
EVERY_TRICK = pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
EVERY_CLIENT = pytest.mark.parametrize("codex", [False, True], ids=["generic", "codex"])

INERT = ("application/json", "text/plain", "text/event-stream")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ufeff]")


def assert_inert(client: MemoryClient) -> Reply:
    """The answer has one head of the headers that we make, and a body that no browser takes for a page."""
    data = client.transport.value()
    reply = read_reply(data, closed=client.closed)
    assert not reply.rest
    assert set(reply.headers) <= {
        "server",
        "date",
        "content-type",
        "content-length",
        "connection",
        "transfer-encoding",
        "cache-control",
        "x-request-id",
        "retry-after",
        "allow",
        "x-content-type-options",
    }
    head = data.partition(b"\r\n\r\n")[0]
    assert b"script" not in head
    assert b"\x1b" not in head
    if reply.body:
        assert reply.headers["content-type"].partition(";")[0] in INERT
    return reply


def assert_log_is_lines(log: LogText) -> None:
    """One event, one line, nothing in it that a terminal or a reader of lines acts on."""
    assert log.lines
    for line in log.lines:
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[", line), line
        assert not _CONTROL.search(line), repr(line)
        assert len(line) < 3000
    assert "[ccmimolink#info] forged" not in {line[25:61] for line in log.lines}


def finish(proxy: MemoryProxy) -> None:
    for connection in proxy.upstream:
        connection.send(chunked(hello()))
    proxy.settle()


FIELDS: dict[str, Any] = {
    "model": lambda trick: {"model": trick},
    "previous response": lambda trick: {"previous_response_id": trick},
    "role": lambda trick: {"input": [{"role": trick, "content": "x"}]},
    "item kind": lambda trick: {"input": [{"type": trick}, {"role": "user", "content": "x"}]},
    "item id": lambda trick: {"input": [{"type": "item_reference", "id": trick}]},
    "call id": lambda trick: {
        "input": [
            {"type": "function_call_output", "call_id": trick, "output": "x"},
            {"role": "user", "content": "x"},
        ]
    },
    "call name": lambda trick: {
        "input": [
            {"type": "function_call", "call_id": "c", "name": trick, "arguments": 5},
            {"role": "user", "content": "x"},
        ]
    },
    "part kind": lambda trick: {"input": [{"role": "user", "content": [{"type": trick, "text": "x"}]}]},
    "tool kind": lambda trick: {"tools": [{"type": trick, "name": "x"}]},
    "tool name": lambda trick: {"tools": [{"type": "function", "name": trick, "parameters": {}}]},
    "odd tool name": lambda trick: {"tools": [{"type": "function", "name": trick, "strict": "x"}]},
    "tool as a word": lambda trick: {"tools": [trick]},
    "namespace": lambda trick: {"tools": [{"type": "namespace", "name": trick, "tools": [{"type": trick}]}]},
    "tool choice": lambda trick: {"tool_choice": trick},
    "tool choice by name": lambda trick: {"tool_choice": {"type": "function", "name": trick}},
    "text format": lambda trick: {"text": {"format": {"type": trick}}},
    "schema name": lambda trick: {"text": {"format": {"type": "json_schema", "name": trick, "schema": {}}}},
    "effort": lambda trick: {"reasoning": {"effort": trick, "summary": trick}},
    "metadata": lambda trick: {"metadata": {trick: trick}},
    "metadata of a wrong type": lambda trick: {"metadata": {trick: 5}},
    "user": lambda trick: {"user": trick, "safety_identifier": trick, "prompt_cache_key": trick},
    "service tier": lambda trick: {"service_tier": trick, "truncation": trick},
    "include": lambda trick: {"include": [trick]},
    "conversation": lambda trick: {"conversation": trick},
    "a field's own name": lambda trick: {trick: trick},
    "an image's address": lambda trick: {
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": trick}]}]
    },
    "a file's name": lambda trick: {
        "input": [
            {"role": "user", "content": [{"type": "input_file", "filename": trick, "file_data": trick}]}
        ]
    },
}


@EVERY_CLIENT
@EVERY_TRICK
@pytest.mark.parametrize("stream", [True, False])
def test_a_field_of_the_body(
    proxy: MemoryProxy, log_text: LogText, trick: str, codex: bool, stream: bool
) -> None:
    for fields in FIELDS.values():
        client = proxy.post(body_of(**{"stream": stream, "model": "m"} | fields(trick)), codex=codex)
        finish(proxy)
        reply = assert_inert(client)
        assert reply.status in (200, 400)
        client.leave()
    assert_log_is_lines(log_text)


HEADERS = [
    "user-agent",
    "originator",
    "x-request-id",
    "x-client-request-id",
    "session-id",
    "thread-id",
    "x-codex-turn-metadata",
    "x-codex-window-id",
    "x-openai-subagent",
    "referer",
    "cookie",
    "accept",
    "accept-language",
    "content-language",
    "x-forwarded-for",
    "forwarded",
    "expect",
    "upgrade",
    "te",
    "if-none-match",
    "if-modified-since",
    "range",
    "idempotency-key",
    "traceparent",
    "access-control-request-headers",
]


@EVERY_TRICK
@pytest.mark.parametrize("path", ["/v1/responses", "/health", "/nowhere", "/v1/responses/resp_1"])
def test_a_header(proxy: MemoryProxy, log_text: LogText, trick: str, path: str) -> None:
    """What a header may hold of it: line ends and NUL end the head before any of this."""
    value = re.sub("[\r\n\0]", " ", trick)
    for name in HEADERS:
        client = proxy.connect()
        lines = {name: value} | ({"content-type": "application/json"} if path == "/v1/responses" else {})
        if path == "/v1/responses":
            client.send(request("POST", path, body_of(stream=False), lines))
        else:
            client.send(request("GET", path, b"", lines))
        finish(proxy)
        reply = assert_inert(client)
        assert value[:20] not in str(reply.headers)
        assert SCRIPT not in reply.body.decode()
        client.leave()
    assert log_text.lines or path != "/v1/responses"
    if log_text.lines:
        assert_log_is_lines(log_text)


@EVERY_TRICK
def test_a_header_for_which_a_request_is_refused(proxy: MemoryProxy, log_text: LogText, trick: str) -> None:
    value = re.sub("[\r\n\0]", " ", trick)
    for header in ("content-type", "content-encoding", "host", "origin", "connection"):
        client = proxy.connect()
        client.send(request("POST", "/v1/responses", body_of(stream=False), {header: value}))
        finish(proxy)
        reply = assert_inert(client)
        assert SCRIPT not in reply.body.decode()
    assert_log_is_lines(log_text)


def quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode()[:2000])


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@EVERY_TRICK
def test_a_path(proxy: MemoryProxy, log_text: LogText, trick: str, method: str) -> None:
    as_it_is = "".join(c for c in trick if "!" <= c <= "~")
    for where in ("/{}", "/v1/{}", "/v1/responses/{}", "/v1/responses/{}/input_items", "/health?a={}"):
        for written in (quoted(trick), as_it_is):
            reply = assert_inert(proxy.ask(method, where.format(written)))
            assert SCRIPT not in reply.body.decode()
            assert "alert(1)" not in reply.body.decode()
    if log_text.lines:
        assert_log_is_lines(log_text)


@EVERY_TRICK
def test_a_parameter_of_a_stored_response(proxy: MemoryProxy, log_text: LogText, trick: str) -> None:
    client = proxy.post(body_of(stream=False, store=True))
    finish(proxy)
    stored = client.reply.json()["id"]
    for name in ("after", "before", "limit", "order", "include", "stream"):
        for path in (f"/v1/responses/{stored}", f"/v1/responses/{stored}/input_items"):
            reply = assert_inert(proxy.ask("GET", f"{path}?{name}={quoted(trick)}"))
            assert reply.status in (200, 400, 404)
    assert_log_is_lines(log_text)


def test_a_method_does_not_come_back(proxy: MemoryProxy) -> None:
    for method in ("SCRIPT", "x!#$%&'*+-.^_`|~"):
        reply = assert_inert(proxy.ask(method, "/v1/responses"))
        assert method not in reply.body.decode()


@EVERY_TRICK
def test_what_a_plain_text_answer_repeats_is_no_page(proxy: MemoryProxy, trick: str) -> None:
    """Codex is shown such answers as they are."""
    client = proxy.post(body_of(input=[{"type": "item_reference", "id": trick}]), codex=True)
    reply = assert_inert(client)
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert not _CONTROL.search(reply.body.decode())


@EVERY_TRICK
def test_what_the_upstream_says_of_it_forges_no_line_either(
    proxy: MemoryProxy, log_text: LogText, trick: str
) -> None:
    client = proxy.post(body_of(stream=False))
    proxy.upstream[0].send(answer(400, json.dumps({"error": {"message": trick, "type": trick}}).encode()))
    proxy.settle()
    assert_inert(client)
    assert client.reply.status == 400
    assert_log_is_lines(log_text)
