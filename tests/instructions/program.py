"""What the core does to an answer and to a request, to be counted: ``program.py TASK TIMES``.

Owns the streams and the request. It imports nothing but the core, since what a start costs is counted too.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from typing import Any

from ccmimolink.core.answer_events import AnswerEvents
from ccmimolink.core.chat import encode_request
from ccmimolink.core.errors import Profile
from ccmimolink.core.events import encode_events
from ccmimolink.core.models import BUILTIN_MODELS
from ccmimolink.core.request import translate_request
from ccmimolink.core.request_body import parse_request
from ccmimolink.core.stream import ResponseStream
from ccmimolink.core.template import response_template
from ccmimolink.core.tools import ToolTable

READ = 4096
"""Bytes of the stream that arrive together."""

_SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
_TOOLS = [
    {"type": "function", "name": f"tool_{number}", "description": "Reads.", "parameters": _SCHEMA}
    for number in range(10)
]


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    outer = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "mimo-v2.5"}
    return b"data: %b\n\n" % json.dumps(outer | {"choices": [choice]}).encode()


def _call(arguments: str) -> bytes:
    return _chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]})


def _ten(chunk_of: Callable[[int], bytes], count: int) -> bytes:
    """So many chunks. Only ten are spelt out: what it costs to make them is not to be counted."""
    return b"".join(map(chunk_of, range(10))) * (count // 10)


def _text(count: int) -> bytes:
    return _ten(lambda number: _chunk({"content": f"word{number} "}), count)


def _reasoning(count: int) -> bytes:
    return _ten(lambda number: _chunk({"reasoning_content": f"word{number} "}), count)


def _arguments(count: int) -> bytes:
    function = {"name": "tool_0", "arguments": '{"path": "'}
    head = {"index": 0, "id": "call_0123456789abcdef", "function": function}
    words = _ten(lambda number: _call(f"word{number} "), count)
    return _chunk({"tool_calls": [head]}) + words + _call('"}')


def _alternating(count: int) -> bytes:
    """No two chunks behind each other are alike, so that each is read by itself."""
    return _ten(lambda number: _chunk({"content" if number % 2 else "reasoning_content": "word "}), count)


def _answer(words: bytes) -> None:
    request = parse_request(json.dumps({"model": "mimo-v2.5", "input": "go", "tools": _TOOLS}).encode())
    tools = ToolTable.build(request, [])
    numbers = itertools.count()
    stream = ResponseStream(
        response_template(
            request, response_id="resp_1", created_at=1, model="mimo-v2.5", profile=Profile.CODEX
        ),
        tools=tools,
        parsers=[],
        new_id=lambda prefix: f"{prefix}_{next(numbers)}",
        now=lambda: 1.0,
        profile=Profile.CODEX,
    )
    answer = AnswerEvents()
    data = words + _chunk({}, "stop") + b"data: [DONE]\n\n"
    for start in range(0, len(data), READ):
        for event in answer.receive_data(data[start : start + READ]):
            encode_events(stream.receive(event))


def _requests(count: int) -> None:
    """Turns of a conversation of some 20 KB."""
    turn = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look at it. " * 20}]},
        {"type": "function_call", "call_id": "call_1", "name": "tool_0", "arguments": '{"path": "a"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "a line of output\n" * 40},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done. " * 30}]},
    ]
    body = json.dumps({"model": "mimo-v2.5", "input": turn * 14, "tools": _TOOLS, "stream": True}).encode()
    for _ in range(count):
        request = parse_request(body)
        plan = translate_request(
            request,
            ToolTable.build(request, []),
            model=BUILTIN_MODELS.get("mimo-v2.5"),
            recall=lambda _: None,
        )
        encode_request(plan.chat)


TASKS: dict[str, Callable[[int], None]] = {
    "text": lambda count: _answer(_text(count)),
    "reasoning": lambda count: _answer(_reasoning(count)),
    "arguments": lambda count: _answer(_arguments(count)),
    "alternating": lambda count: _answer(_alternating(count)),
    "request": _requests,
}

if __name__ == "__main__":
    TASKS[sys.argv[1]](int(sys.argv[2]))
