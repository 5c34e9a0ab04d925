"""What the fuzzing starts from: a request with everything in it, and one answer of MiMo of each kind.

Owns these values. It must not change them: that is the generators' work.
"""

from __future__ import annotations

from typing import Any

from tests.http_wire import call, delta, event, finish, hello, text

TOOLS: list[Any] = [
    {"type": "function", "name": "shell", "parameters": {"type": "object"}, "strict": True},
    {"type": "custom", "name": "apply_patch", "format": {"type": "text"}},
    {"type": "tool_search", "execution": "client"},
    {"type": "local_shell"},
    {"type": "namespace", "name": "mcp__a", "tools": [{"type": "function", "name": "b"}]},
    {"type": "web_search", "user_location": {"type": "approximate", "country": "NO"}},
    "code_interpreter",
    {
        "type": "mcp",
        "server_label": "m",
        "server_url": "https://m.example/",
        "headers": {"a": "sk-fake-other"},
    },
    {"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 3},
    {"type": "computer_use_preview", "display_width": 1, "display_height": 1, "environment": "linux"},
]
FULL: dict[str, Any] = {
    "model": "mimo-v2.5-pro",
    "instructions": "Be brief.",
    "input": [
        {"type": "message", "role": "developer", "content": "Be exact."},
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": "{}", "id": None},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "a"}]},
        {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": {"ok": True}},
        {"type": "local_shell_call", "call_id": "c3", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "local_shell_call_output", "call_id": "c3", "output": "a"},
        {"type": "tool_search_call", "call_id": "c4", "arguments": {"query": "q"}, "execution": "client"},
        {"type": "tool_search_output", "call_id": "c4", "tools": [{"type": "function", "name": "found"}]},
        {"type": "web_search_call", "action": {"type": "search", "query": "q"}},
        {"type": "computer_call", "call_id": "c5", "action": {}},
        {"type": "computer_call_output", "call_id": "c5", "output": {"type": "computer_screenshot"}},
        {
            "type": "mcp_call",
            "id": "mcp_1",
            "name": "n",
            "server_label": "m",
            "arguments": "{}",
            "output": "a",
        },
        {"type": "agent_message", "author": "/root", "content": [{"type": "input_text", "text": "Go."}]},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "message", "role": "user", "content": None, "phase": "commentary"},
        {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]},
    ],
    "tools": TOOLS,
    "tool_choice": {"type": "function", "name": "shell"},
    "parallel_tool_calls": True,
    "reasoning": {"effort": "high", "summary": "auto"},
    "text": {
        "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True},
        "verbosity": "low",
    },
    "include": ["reasoning.encrypted_content"],
    "max_output_tokens": 1000,
    "max_tool_calls": 3,
    "temperature": 0.5,
    "top_p": 0.9,
    "presence_penalty": 0.1,
    "frequency_penalty": 0,
    "top_logprobs": 2,
    "truncation": "auto",
    "metadata": {"a": "b"},
    "user": "u",
    "safety_identifier": "s",
    "prompt_cache_key": "k",
    "service_tier": "flex",
    "background": False,
    "conversation": None,
    "prompt": None,
    "store": True,
    "unknown": {"a": 1},
}
CITED = delta(content="x", annotations=[{"type": "url_citation", "url": "https://a.example/", "title": "A"}])
UPSTREAM = {
    "text": hello(),
    "calls": call("shell", "{}", "u1") + finish("tool_calls"),
    "freeform": call("apply_patch", '{"input":"x"}') + finish("tool_calls"),
    "search": call("tool_search", '{"query":"q"}') + finish("tool_calls"),
    "local shell": call("local_shell", '{"command":["ls"]}') + finish("tool_calls"),
    "namespace": call("mcp__a__b", "{}") + finish("tool_calls"),
    "cut": text("a") + finish("length"),
    "filtered": text("a") + finish("content_filter"),
    "cited": CITED + finish(),
    "failed": text("a") + event({"error": {"code": "500", "message": "no"}}),
    "broken": text("a"),
    "nothing": finish(),
}
