"""The simulated MiMo's rules for ``tools`` and the parameters that need them.

It must not look at messages or at any other parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

LEGAL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def tool_faults(request: dict[str, Any]) -> Iterator[str]:
    """Every reason to refuse the tools of a request, most telling first."""
    tools = request.get("tools", [])
    if not isinstance(tools, list):
        yield "tools should be a list"
    names: set[str] = set()
    for tool in tools:
        yield from _definition_faults(tool)
        name = tool["function"]["name"]
        if name in names:
            yield f"tools contains duplicate names: {name}"
        names.add(name)
    for dependent in ("tool_choice", "parallel_tool_calls"):
        if dependent in request and not tools:
            yield f"{dependent} is only allowed when tools are given"
    if request.get("tool_choice", "auto") != "auto":
        yield "tool_choice: Input should be 'auto'"
    if not isinstance(request.get("parallel_tool_calls", True), bool):
        yield "parallel_tool_calls: Input should be a valid boolean"


def _definition_faults(tool: object) -> Iterator[str]:
    if not isinstance(tool, dict):
        yield "a tool should be an object"
        return
    if tool.get("type") == "web_search":
        yield "webSearchEnabled is false"
    if tool.get("type") != "function":
        yield f"Unsupported tool type: {tool.get('type')}"
    function = tool.get("function")
    if not isinstance(function, dict):
        yield "tool.function should be an object"
        return
    name = function.get("name")
    if not isinstance(name, str) or not LEGAL_NAME.fullmatch(name):
        yield f"function.name should match [a-zA-Z0-9_-]{{1,64}}: {name}"
    if not isinstance(function.get("description", ""), str):
        yield "function.description: Input should be a valid string"
    for holder in (tool, function):
        if not isinstance(holder.get("strict", False), bool):
            yield "strict: Input should be a valid boolean"
    yield from _schema_faults(function.get("parameters", {"type": "object"}))


def _schema_faults(schema: object) -> Iterator[str]:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield "function.parameters should be a schema of type 'object'"
        return
    if not isinstance(schema.get("properties", {}), dict):
        yield "function.parameters.properties should be an object"
