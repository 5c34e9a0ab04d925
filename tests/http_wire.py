"""HTTP/1.1 and server-sent events as bytes: what the scripted upstream says, and what a raw client reads.

Nothing here opens a connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.checker import check_stream

STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
UNTIL_CLOSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(payload: Any) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def delta(**fields: Any) -> bytes:
    """One chat-completion chunk with this delta."""
    return event({"id": "c1", "choices": [{"index": 0, "delta": fields, "finish_reason": None}]})


def text(content: str) -> bytes:
    return delta(content=content)


def call(name: str, arguments: str, call_id: str = "call_1") -> bytes:
    function = {"name": name, "arguments": arguments}
    return delta(tool_calls=[{"index": 0, "id": call_id, "type": "function", "function": function}])


def finish(reason: str = "stop") -> bytes:
    return event({"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})


def usage(prompt: int = 7, completion: int = 3) -> bytes:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return event({"id": "c1", "choices": [], "usage": counts})


def hello() -> bytes:
    """A short and complete stream: thinking, an answer in two deltas, the end, usage."""
    return delta(reasoning_content="Hm.") + text("Hel") + text("lo") + finish() + usage() + DONE


def chunked(*parts: bytes) -> bytes:
    """A whole chunked answer of these parts, one chunk each."""
    return STREAM_HEAD + b"".join(map(chunk, parts)) + LAST_CHUNK


def answer(status: int, body: bytes | dict[str, Any] = b"", **headers: str) -> bytes:
    """A whole answer with a content-length. Underscores in header names stand for hyphens."""
    if isinstance(body, dict):
        body = json.dumps(body).encode()
        headers.setdefault("content_type", "application/json")
    lines = [f"HTTP/1.1 {status} Status", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def request(
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
) -> bytes:
    """A client's request. A header with the value ``""`` is left out, so that a default can be taken away."""
    fields = {"host": host, "content-length": str(len(body)) if body or method == "POST" else ""}
    if body:
        fields["content-type"] = "application/json"
    fields |= dict(headers or {})
    lines = [f"{name}: {value}" for name, value in fields.items() if value]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Reply:
    """An HTTP answer as far as it has arrived.

    :ivar body: decoded from its chunks.
    :ivar complete: whether the body has its end.
    :ivar rest: the bytes after it.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool
    rest: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json()["error"]
        return found

    def events(self) -> list[dict[str, Any]]:
        """The events of the stream, each of which arrived whole."""
        assert self.headers["content-type"] == "text/event-stream"
        *events, tail = self.body.split(b"\n\n")
        assert tail == b"", "an event is cut"
        return [json.loads(each.partition(b"data: ")[2]) for each in events]

    def types(self) -> list[str]:
        return [each["type"].removeprefix("response.") for each in self.events()]

    def output_text(self) -> str:
        return "".join(
            each["delta"] for each in self.events() if each["type"] == "response.output_text.delta"
        )

    def last(self) -> dict[str, Any]:
        """The response object of the last event. The stream must be whole and keep every rule."""
        assert self.complete
        return check_stream(self.events())


def read_reply(data: bytes, *, closed: bool = False) -> Reply:
    """Read one answer.

    :param closed: whether the connection has ended, which is what ends a body without a length.
    """
    head, separator, rest = data.partition(b"\r\n\r\n")
    assert separator, f"no whole head: {data!r}"
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    status = int(status_line.split()[1])
    if headers.get("transfer-encoding") == "chunked":
        body, complete, rest = _dechunk(rest)
        return Reply(status, headers, body, complete, rest)
    if "content-length" in headers:
        length = int(headers["content-length"])
        return Reply(status, headers, rest[:length], len(rest) >= length, rest[length:])
    return Reply(status, headers, rest, closed, b"")


def _dechunk(data: bytes) -> tuple[bytes, bool, bytes]:
    body: list[bytes] = []
    while True:
        size, found, rest = data.partition(b"\r\n")
        if not found or len(rest) < int(size, 16) + 2:
            return b"".join(body), False, data
        length = int(size, 16)
        if length == 0:
            return b"".join(body), True, rest[2:]
        body.append(rest[:length])
        data = rest[length + 2 :]


def body_of(**fields: Any) -> bytes:
    """The body of a Responses request that streams and is not stored."""
    base = {"model": "gpt-5.5", "input": "hello", "stream": True, "store": False}
    return json.dumps(base | fields).encode()


CODEX = {"originator": "codex_exec"}
"""The header by which a client is taken for Codex."""
