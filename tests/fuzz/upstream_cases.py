"""Cases of the upstream: streams that are valid, nearly valid, or bytes of no form.

Owns their making, and what a client must get in any case. The client's requests are plain ones.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.fuzz.house import House, replies
from tests.fuzz.mutation import mutated, pieces, random_bytes, spoiled, text_of
from tests.fuzz.request_cases import described, read_by_the_sdk
from tests.fuzz.seeds import TOOLS
from tests.http_wire import CODEX, answer, chunk, request
from tests.memory_proxy import UpstreamConnection

WORDS = (
    "Hello",
    " ",
    "\n",
    "\n\n",
    "🙂",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_call>\n<function=shell>\n<parameter=cmd>\nls\n</parameter>\n</function>\n</tool_call>",
    "<function=shell>",
    "<parameter=cmd>",
    "</parameter>",
    "</function>",
    '<tool_call>{"name": "shell", "arguments": {"cmd": "ls"}}</tool_call>',
    '{"name": "shell", "arguments": {',
    "<tool_call>shell\n<arg_key>cmd</arg_key>\n<arg_value>ls</arg_value>\n</tool_call>",
    "<arg_key>",
    '<invoke name="shell">',
    '<parameter name="cmd">',
    "</invoke>",
    "<｜DSML｜function_calls>",
    "<｜tool▁calls▁begin｜>",
    "<|tool_calls_section_begin|>",
    "<|tool_call_begin|>functions.shell:0<|tool_call_argument_begin|>{}<|tool_call_end|>",
    "```json\n",
    "```",
    "`",
    "<",
    "</",
    "x" * 200,
)
NAMES = ("shell", "apply_patch", "tool_search", "local_shell", "mcp__a__b", "nobody", "", None)
ARGUMENTS = (
    "{}",
    '{"cmd":"ls"}',
    '{"cmd":',
    '"ls"}',
    "",
    '{"input":"x"}',
    '{"command":["ls"]}',
    "null",
    "[",
    "ls",
)
REASONS = (
    "stop",
    "tool_calls",
    "length",
    "content_filter",
    "function_call",
    "repetition_truncation",
    "",
    "odd",
    None,
)


def _chunk(random: Random) -> dict[str, Any]:
    """One chunk of an answer, valid by itself."""
    what = random.random()
    delta: dict[str, Any] = {}
    reason = None
    if what < 0.003:
        delta = {"content": random.choice(("y" * 8000, "z" * 25_000, "</think>" * 500, "<tool_call>" * 500))}
    elif what < 0.35:
        delta = {"content": random.choice(WORDS)}
    elif what < 0.5:
        delta = {"reasoning_content": random.choice(WORDS)}
    elif what < 0.75:
        function = {"name": random.choice(NAMES), "arguments": random.choice(ARGUMENTS)}
        call = {
            "index": random.choice((0, 0, 1, 2, None)),
            "id": random.choice(("a", "b", "", None)),
            "function": function,
        }
        delta = {"tool_calls": [call] * random.choice((1, 1, 1, 2))}
    elif what < 0.8:
        cited = {"type": "url_citation", "url": "https://a.example/", "title": "A"}
        delta = {"content": "x", "annotations": [cited]}
    elif what < 0.85:
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": random.choice((7, 0, None))}
        return {"id": "c", "choices": [], "usage": usage}
    elif what < 0.87:
        return {"error": {"code": random.choice(("500", "429", 401, None)), "message": "no", "param": "p"}}
    else:
        reason = random.choice(REASONS)
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def _payloads(random: Random) -> list[bytes]:
    found = []
    broken = random.random()
    for _ in range(random.choice((0, 1, 2, 3, 5, 8, 12))):
        value: Any = _chunk(random)
        if broken < 0.4 and random.random() < 0.3:
            value = mutated(random, value, random.choice((1, 1, 3)))
        payload = text_of(value).encode()
        if broken < 0.15 and random.random() < 0.2:
            payload = spoiled(random, payload) if random.random() < 0.8 else random_bytes(random)
        found.append(payload)
    if random.random() < 0.6:
        found.append(text_of({"choices": [{"delta": {}, "finish_reason": "stop"}]}).encode())
    return found


def _events(random: Random) -> list[bytes]:
    frame = random.choice(
        (
            b"data: %b\n\n",
            b"data: %b\n\n",
            b"data:%b\r\n\r\n",
            b"id: 1\nevent: m\ndata: %b\n\n",
            b"data: %b\r\r",
        )
    )
    events = [frame % payload for payload in _payloads(random)]
    if random.random() < 0.1:
        events.insert(
            random.randrange(len(events) + 1),
            random.choice((b": ping\n\n", b"\n", b"retry: 5\n\n", b"\xef\xbb\xbf")),
        )
    if random.random() < 0.7:
        events.append(b"data: [DONE]\n\n")
    if random.random() < 0.1:
        return [spoiled(random, b"".join(events), random.choice((1, 3)))]
    return events


STATUSES = (
    201,
    204,
    301,
    302,
    304,
    400,
    401,
    402,
    403,
    404,
    408,
    409,
    413,
    421,
    422,
    429,
    500,
    502,
    503,
    504,
    599,
)
ERRORS = (
    b"",
    b"<html>no</html>",
    b"data: [DONE]\n\n",
    b'{"detail":[{"loc":["body","tools"],"msg":"no","input":{}}]}',
    b'{"message":"quota exhausted","code":429}',
    b'{"error":{"message":["a"],"code":{}}}',
    b"\xff\xfe",
)
REASONED = (
    "image_url",
    "images are",
    "audio",
    "not supported",
    "does not support",
    "text only",
    "unknown model",
    "mimo-v2.5",
    "is retired",
    "model",
    "tools",
    "tools.0.function.parameters",
    "strict",
    "response_format",
    "json_schema",
    "reasoning_effort",
    "max_completion_tokens",
    "must be at most 1000",
    "temperature",
    "messages.1.content",
    "too many requests",
    "context length exceeded",
    "sk-fake-upstream-key",
    "http://internal.host.local:8080/a",
    "input_value='",
    "'",
    "aaaaaaaa " * 300,
    "image " * 300,
)
"""What the words of an upstream's refusal are made of: some are acted on."""


def _error(random: Random) -> bytes:
    if random.random() < 0.4:
        return random.choice(ERRORS)
    said = " ".join(random.choice(REASONED) for _ in range(random.randrange(1, 6)))
    form = random.choice(
        (
            {
                "error": {
                    "code": random.choice(("400", 404, None)),
                    "message": "Param Incorrect",
                    "param": said,
                }
            },
            {"error": {"message": said, "type": "invalid_request_error"}},
            {"error": said},
            {"message": said, "code": 400},
            {"detail": said},
            {"detail": [{"loc": ["body", said, 0], "msg": said, "input": said}]},
        )
    )
    body = text_of(mutated(random, form, random.choice((0, 0, 0, 1)))).encode()
    return b"data: " + body + b"\n\n" if random.random() < 0.2 else body


def upstream_answer(random: Random) -> bytes:
    """What MiMo sends on one connection for one request."""
    how = random.random()
    if how < 0.1:
        retry = random.choice(("", "", "3", "0", "-1", "1e9", "Fri, 01 Jan 2100 00:00:00 GMT", "soon"))
        return answer(random.choice(STATUSES), _error(random), retry_after=retry)
    events = _events(random)
    if how < 0.15:
        body = _whole(random)
        data = answer(
            200, body, content_type=random.choice(("application/json", "text/plain", "text/html", ""))
        )
    elif how < 0.25:
        data = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + b"".join(
            events
        )
    elif how < 0.32:
        coding = random.choice(("gzip", "deflate", "br", "identity", "gzip, gzip"))
        body = b"".join(events)
        body = zlib.compress(body, 1) if coding == "deflate" else gzip.compress(body, 1)
        if random.random() < 0.4:
            body = spoiled(random, body)
        data = answer(200, body, content_type="text/event-stream", content_encoding=coding)
    else:
        data = _CHUNKED_HEAD + b"".join(map(chunk, filter(None, events))) + b"0\r\n\r\n"
    if how > 0.85:
        data = spoiled(random, data, random.choice((1, 1, 2, 5)))
    elif how > 0.82:
        data = random_bytes(random, 200)
    elif how > 0.8:
        data = b"HTTP/1.1 100 Continue\r\n\r\n" + data
    return data


_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _whole(random: Random) -> bytes:
    message = {
        "content": random.choice(WORDS),
        "reasoning_content": random.choice((*WORDS, None)),
        "tool_calls": random.choice((None, [{"id": "a", "function": {"name": "shell", "arguments": "{}"}}])),
    }
    value: Any = {"choices": [{"index": 0, "message": message, "finish_reason": random.choice(REASONS)}]}
    if random.random() < 0.5:
        value = mutated(random, value, random.choice((1, 3)))
    return text_of(value).encode()


# -- running ------------------------------------------------------------------------------------------------

_FORMS: tuple[dict[str, Any], ...] = ({}, {"text": {"format": {"type": "json_object"}}}, {"tools": []})
BODIES = [
    json.dumps(
        {
            "model": "gpt-5.5",
            "input": "hello",
            "stream": stream,
            "store": False,
            "tools": TOOLS,
            "include": ["reasoning.encrypted_content"],
            **fields,
        }
    ).encode()
    for stream in (False, True)
    for fields in _FORMS
]
_WHOLE, _STREAMED = BODIES[:3], BODIES[3:]


def run_stream(random: Random, house: House) -> None:
    """An upstream's answer for a client that streams."""
    _run(random, house, _STREAMED)


def run_whole(random: Random, house: House) -> None:
    """An upstream's answer for a client that wants it whole."""
    _run(random, house, _WHOLE)


def _run(random: Random, house: House, bodies: Sequence[bytes]) -> None:
    """:raises AssertionError: the client's answer does not end, or breaks a rule, or something is left."""
    client = house.connect()
    headers = CODEX if random.random() < 0.5 else {}
    house.client_sends(client, [request("POST", "/v1/responses", random.choice(bodies), headers)])
    leaves = random.random() < 0.04
    pauses = random.random() < 0.04

    def give(connection: UpstreamConnection) -> None:
        parts = list(pieces(random, upstream_answer(random)))
        if leaves and random.random() < 0.5:
            house.upstream_sends(connection, parts[:-1], random)
            client.leave()
            return
        house.upstream_sends(connection, parts, random)
        if pauses and client.transport.producer is not None:
            client.stop_reading()
        end = random.random()
        if end < 0.4:
            house.proxy.settle()
            connection.close() if end < 0.3 else connection.reset()

    house.until(lambda: client.closed or _is_whole(client), give)
    found = replies(client)
    closed = client.closed
    if not (leaves or (pauses and closed)):
        (reply,) = found
        assert reply.complete, f"cut: {reply}"
        assert reply.status != 500, reply.body
        described().check("POST", "/v1/responses", reply)
        if reply.headers["content-type"] == "text/event-stream":
            reply.last()
        elif reply.status == 200:
            read_by_the_sdk(reply)
    house.leave()


def _is_whole(client: Any) -> bool:
    return bool(client.transport.value()) and all(reply.complete for reply in replies(client))
