"""All that a request can hold: one of each field, item and tool, and how to change one place of it.

Owns the full request and the walk over it. It must not know what is accepted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]

_FUNCTION = {
    "type": "function",
    "name": "read",
    "description": "Reads a file.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"path": {"type": "string", "enum": ["a", "b"]}},
        "required": ["path"],
        "additionalProperties": False,
    },
}
_CUSTOM = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Applies a patch.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"},
}

INPUT: list[dict[str, Any]] = [
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
    {"role": "system", "content": "Be kind."},
    {
        "type": "message",
        "id": "msg_1",
        "role": "user",
        "phase": "commentary",
        "status": "completed",
        "content": [
            {"type": "input_text", "text": "Look at these."},
            {
                "type": "input_image",
                "image_url": "data:image/png;base64,AAAA",
                "detail": "low",
                "file_id": None,
            },
            {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,QUJD"},
            {"type": "input_file", "file_url": "https://example.com/a.pdf", "file_id": "file_1"},
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
        ],
    },
    {
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "output_text", "text": "I see.", "annotations": [{"type": "url_citation", "url": "x"}]},
            {"type": "refusal", "refusal": "No."},
        ],
    },
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "content": [{"type": "reasoning_text", "text": "Hm, hm."}],
        "encrypted_content": "abc",
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "read",
        "namespace": "files",
        "arguments": '{"path":"a"}',
        "status": "completed",
    },
    {
        "type": "function_call_output",
        "call_id": "call_1",
        "output": [
            {"type": "input_text", "text": "done"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
        ],
    },
    {"type": "custom_tool_call", "call_id": "call_2", "name": "apply_patch", "input": "*** Begin"},
    {"type": "custom_tool_call_output", "call_id": "call_2", "output": "done"},
    {"type": "tool_search_call", "call_id": "call_3", "arguments": {"query": "x"}, "execution": "client"},
    {"type": "tool_search_output", "call_id": "call_3", "tools": [_FUNCTION], "execution": "client"},
    {
        "type": "local_shell_call",
        "call_id": "call_4",
        "action": {"type": "exec", "command": ["ls", "-l"], "env": {"A": "b"}, "timeout_ms": 5},
    },
    {"type": "local_shell_call_output", "call_id": "call_4", "output": "done"},
    {
        "type": "web_search_call",
        "id": "ws_1",
        "action": {"type": "search", "query": "x"},
        "status": "completed",
    },
    {
        "type": "additional_tools",
        "id": "at_1",
        "role": "developer",
        "tools": [_FUNCTION | {"name": "more"}, _CUSTOM],
    },
    {
        "type": "agent_message",
        "author": "/root",
        "recipient": "/root/a",
        "content": [
            {"type": "input_text", "text": "Do."},
            {"type": "encrypted_content", "encrypted_content": "x"},
        ],
    },
    {"type": "compaction", "encrypted_content": "abc"},
    {
        "type": "computer_call",
        "call_id": "call_5",
        "action": {"type": "click", "x": 1},
        "status": "completed",
    },
    {"type": "computer_call_output", "call_id": "call_5", "output": {"type": "computer_screenshot"}},
    {
        "type": "mcp_call",
        "id": "mcp_1",
        "name": "add",
        "server_label": "calc",
        "arguments": "{}",
        "output": "3",
        "error": None,
    },
    {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "code": "1+1",
        "outputs": [{"type": "logs", "logs": "2"}],
    },
    {"type": "made_up", "anything": {"a": [1]}},
    {"type": "message", "role": "user", "content": "And now?"},
]

TOOLS: list[dict[str, Any]] = [
    _FUNCTION,
    _CUSTOM,
    {
        "type": "namespace",
        "name": "files",
        "description": "Files.",
        "tools": [_FUNCTION, _CUSTOM | {"name": "p"}],
    },
    {"type": "tool_search", "execution": "client", "description": "x", "parameters": {"type": "object"}},
    {
        "type": "web_search",
        "external_web_access": True,
        "user_location": {"type": "approximate", "country": "DE", "city": "Bonn"},
        "search_context_size": "low",
    },
    {"type": "local_shell"},
    {"type": "mcp", "server_label": "calc", "server_url": "https://example.com", "allowed_tools": ["add"]},
    {"type": "made_up", "anything": {"a": [1]}},
]

FULL: dict[str, Any] = {
    "model": "mimo-v2.5-pro",
    "instructions": "Answer.",
    "input": INPUT,
    "tools": TOOLS,
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "read"}]},
    "parallel_tool_calls": True,
    "reasoning": {"effort": "low", "summary": "auto", "context": "all_turns"},
    "text": {
        "verbosity": "low",
        "format": {
            "type": "json_schema",
            "name": "s",
            "description": "d",
            "strict": True,
            "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        },
    },
    "max_output_tokens": 1000,
    "max_tool_calls": 5,
    "temperature": 0.5,
    "top_p": 0.9,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "top_logprobs": 2,
    "truncation": "auto",
    "metadata": {"a": "b"},
    "client_metadata": {"thread_id": "t"},
    "user": "u",
    "safety_identifier": "s",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "service_tier": "auto",
    "include": ["reasoning.encrypted_content"],
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "store": True,
    "background": False,
    "conversation": None,
    "prompt": None,
    "previous_response_id": None,
}

MIXED_UP: tuple[Any, ...] = (None, True, 0, 1.5, "", "x", [], {}, [None], {"type": "x"})


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in the value, the whole of it first."""
    yield path
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, member in members:
        yield from places(member, (*path, name))


def replaced(value: Any, path: Path, other: Any) -> Any:
    """A copy with something else at one place."""
    if not path:
        return other
    # By way of the text: what is shared within the value must not change in several places.
    copy = json.loads(json.dumps(value))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = other
    return copy


def spelled(path: Path) -> str:
    """As error messages spell a path: ``input[3].call_id``."""
    return "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in path).lstrip(".")


def _call(number: int) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"c{number}", "name": "read", "arguments": "{}"}


def _output(number: int) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"c{number}", "output": "x"}


def _said(role: str, *parts: dict[str, Any]) -> Callable[[int], dict[str, Any]]:
    return lambda _number: {"type": "message", "role": role, "content": list(parts)}


Make = Callable[[int], Any]

MANY_ITEMS: Mapping[str, Make] = {
    "user": _said("user", {"type": "input_text", "text": "x"}),
    "assistant": _said("assistant", {"type": "output_text", "text": "x"}),
    "developer": _said("developer", {"type": "input_text", "text": "x"}),
    "image": _said("user", {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}),
    "file": _said(
        "user", {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,QUJD"}
    ),
    "audio": _said("user", {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}),
    "untyped": lambda _: {"role": "user", "content": "x"},
    "reasoning": lambda n: {
        "type": "reasoning",
        "id": f"rs_{n}",
        "summary": [{"type": "summary_text", "text": "t"}],
    },
    "function calls": _call,
    "calls of one id": lambda _: _call(0),
    "outputs": _output,
    "outputs of one id": lambda _: _output(0),
    "calls with outputs": lambda n: _output(n // 2) if n % 2 else _call(n // 2),
    "custom calls": lambda n: {"type": "custom_tool_call", "call_id": f"c{n}", "name": "p", "input": "x"},
    "custom outputs": lambda n: {"type": "custom_tool_call_output", "call_id": f"c{n}", "output": "x"},
    "searches": lambda n: {"type": "tool_search_call", "call_id": f"c{n}", "arguments": {"query": "x"}},
    "found tools": lambda n: {
        "type": "tool_search_output",
        "call_id": f"c{n}",
        "tools": [{"type": "function", "name": f"f{n}", "parameters": {}}],
    },
    "one found tool": lambda n: {
        "type": "tool_search_output",
        "call_id": f"c{n}",
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
    },
    "shell calls": lambda n: {"type": "local_shell_call", "call_id": f"c{n}", "action": {"command": ["ls"]}},
    "shell outputs": lambda n: {"type": "local_shell_call_output", "call_id": f"c{n}", "output": "x"},
    "web searches": lambda n: {"type": "web_search_call", "id": f"ws_{n}", "action": {"query": "x"}},
    "additional tools": lambda n: {
        "type": "additional_tools",
        "tools": [{"type": "function", "name": f"f{n}", "parameters": {}}],
    },
    "agent messages": lambda _: {"type": "agent_message", "content": [{"type": "input_text", "text": "x"}]},
    "references": lambda n: {"type": "item_reference", "id": f"msg_{n}"},
    "compactions": lambda _: {"type": "compaction", "encrypted_content": "x"},
    "unknown kinds": lambda n: {"type": f"made_up_{n}"},
    "foreign calls": lambda n: {"type": "computer_call", "call_id": f"c{n}", "action": {"type": "click"}},
    "foreign outputs": lambda n: {"type": "computer_call_output", "call_id": f"c{n}", "output": {"a": "b"}},
    "finished foreign calls": lambda n: {"type": "mcp_call", "id": f"m{n}", "name": "x", "output": "y"},
    "odd calls": lambda n: {"type": "function_call", "call_id": n, "name": "read", "arguments": {"a": 1}},
    "odd outputs": lambda n: _output(n) | {"output": [{"type": "input_text", "text": 5}]},
    "odd messages": lambda _: {"role": "user", "content": [{"text": "x"}]},
}


def _tool(number: int) -> dict[str, Any]:
    return {"type": "function", "name": f"t{number}", "parameters": {"type": "object"}}


MANY_TOOLS: Mapping[str, Make] = {
    "functions": _tool,
    "functions of one name": lambda _: _tool(0),
    "names that are cut to one": lambda n: _tool(n) | {"name": "x" * 64 + str(n)},
    "names that are cleaned to one": lambda n: _tool(n) | {"name": chr(0x4E00 + n % 20_000)},
    "custom": lambda n: {"type": "custom", "name": f"t{n}", "format": {"type": "text"}},
    "namespaces": lambda n: {"type": "namespace", "name": f"n{n}", "tools": [_tool(n)]},
    "one namespace": lambda n: {"type": "namespace", "name": "n", "tools": [_tool(n)]},
    "unknown kinds": lambda n: {"type": f"made_up_{n}"},
    "web searches": lambda _: {"type": "web_search"},
    "local shells": lambda _: {"type": "local_shell"},
    "tool searches": lambda _: {"type": "tool_search", "execution": "client"},
    "odd": lambda n: _tool(n) | {"strict": "yes", "description": 5},
}
