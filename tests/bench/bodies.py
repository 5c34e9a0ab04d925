"""Requests as bytes: the same conversation as a Responses request and as a chat request.

Owns the conversation. It must not open a connection.
"""

from __future__ import annotations

import json
from typing import Any

from tests.bench.scenarios import Scenario

MODEL = "mimo-v2.5"
KEY = "sk-fake-bench"
CALLED_TOOL = "write_file"
Item = dict[str, Any]

_TOOL_NAMES = [
    CALLED_TOOL, "read_file", "shell", "list_files", "search", "apply_patch", "fetch", "run_tests", "plan",
    "ask",
]  # fmt: skip
_SCHEMA = {
    "type": "object",
    "properties": {
        "content": {"type": "string", "description": "What is to be written, read or run"},
        "timeout_ms": {"type": "integer", "description": "How long it may take"},
        "options": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["content"],
    "additionalProperties": False,
}
_OUTPUT = (
    "total 48\n-rw-r--r-- 1 dev dev  5120 größe.py\n\t\"name\": \"bench\",\n"
    "diff --git a/src/main.c b/src/main.c\n+    printf(\"%d\\n\", count); /* → done */\n"
) * 4  # fmt: skip


def responses_request(scenario: Scenario) -> bytes:
    """As Codex asks."""
    tools = [{"type": "function", "strict": False, **tool} for tool in _tools(scenario.tools)]
    items = [item for turn in range(_turns(scenario)) for item in _turn(turn)]
    body: Item = {
        "model": MODEL,
        "instructions": "You are a coding agent.",
        "input": [*items, _message("user", "input_text", "Go on.")],
        "tools": tools,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "store": False,
        "stream": True,
    }
    return request("POST", "/v1/responses", json.dumps(body, ensure_ascii=False).encode())


def chat_request(scenario: Scenario) -> bytes:
    """The same for the upstream itself."""
    messages: list[Item] = [{"role": "system", "content": "You are a coding agent."}]
    for turn in range(_turns(scenario)):
        messages += map(_chat_message, _turn(turn))
    body: Item = {
        "model": MODEL,
        "messages": [*messages, {"role": "user", "content": "Go on."}],
        "stream": True,
    }
    if scenario.tools:
        body["tools"] = [{"type": "function", "function": tool} for tool in _tools(scenario.tools)]
    return request("POST", "/v1/chat/completions", json.dumps(body, ensure_ascii=False).encode())


def request(method: str, path: str, body: bytes) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"accept: text/event-stream\r\nauthorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _tools(count: int) -> list[Item]:
    described = "Works on the files of the project, in the directory where the session began."
    return [{"name": name, "description": described, "parameters": _SCHEMA} for name in _TOOL_NAMES[:count]]


def _turns(scenario: Scenario) -> int:
    return scenario.history // len(json.dumps(_turn(0), ensure_ascii=False).encode())


def _message(role: str, kind: str, text: str) -> Item:
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def _turn(number: int) -> list[Item]:
    """A question, what is said, and a call with its output."""
    arguments = json.dumps({"content": f"ls -l src/{number}", "timeout_ms": 10_000})
    call = {"type": "function_call", "call_id": f"call_{number:06}", "name": "shell", "arguments": arguments}
    return [
        _message("user", "input_text", f"Question {number:06}: what is in this directory?\nPlease look."),
        _message("assistant", "output_text", f"I look at directory {number:06} with `ls`."),
        call,
        {"type": "function_call_output", "call_id": f"call_{number:06}", "output": f"{number:06}\n{_OUTPUT}"},
    ]


def _chat_message(item: Item) -> Item:
    if item["type"] == "message":
        return {"role": item["role"], "content": item["content"][0]["text"]}
    if item["type"] == "function_call_output":
        return {"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]}
    function = {"name": item["name"], "arguments": item["arguments"]}
    call = {"id": item["call_id"], "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}
