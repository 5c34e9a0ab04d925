"""MiMo's own grammar read by its parser, for tests: some tools, and what an answer becomes with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from ccmimolink.builtin.xml_tool_call import XmlToolCallParser
from ccmimolink.core.scan import Channel, FallbackParser, Scanner, Text, ToolCall
from ccmimolink.core.tools import FlatTool, ToolKind
from tests.core.scan_parts import scanned, source_of


def function(name: str, properties: dict[str, Any], *required: str, namespace: str | None = None) -> FlatTool:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    raw = msgspec.Raw(msgspec.json.encode(schema))
    return FlatTool(kind=ToolKind.FUNCTION, name=name, namespace=namespace, parameters=raw)


STRING = {"type": "string"}
TOOLS = (
    function("shell", {"cmd": STRING, "timeout": {"type": "integer"}, "login": {"type": "boolean"}}, "cmd"),
    function("write", {"content": STRING, "path": STRING}, "content", "path"),
    function("update_plan", {"plan": {"type": "array"}, "explanation": STRING}, "plan"),
    function("configure", {"options": {"type": "object"}}, "options"),
    function("list_files", {}),
    function("look", {"where": STRING}),
    function("find", {"q": STRING}, "q", namespace="docs"),
    FlatTool(kind=ToolKind.CUSTOM, name="exec"),
    FlatTool(kind=ToolKind.LOCAL_SHELL, name="local_shell"),
)


def scan(pieces: Sequence[str]) -> list[Text | ToolCall]:
    """All parts, texts merged across pieces."""
    parser = XmlToolCallParser()
    bound = FallbackParser(parser.name, parser.markers, partial(parser.begin, TOOLS))
    return scanned(Scanner([bound], Channel.TEXT), pieces)


def found(text: str) -> list[str | tuple[str, Any]]:
    """Texts as they are, calls as (name, arguments)."""
    parts = scan([text])
    assert scan(list(text)) == parts
    assert source_of(parts) == text
    return [
        part.text if isinstance(part, Text) else (part.name, json.loads(part.arguments)) for part in parts
    ]
