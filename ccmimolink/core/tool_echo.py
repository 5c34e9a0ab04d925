"""Tools and ``tool_choice`` as the response object shows them.

Owns what of a client's words is echoed, and that it has the reference's types: a client may read its own
response into typed models, and one odd member would cost it the whole. It must not decide what is offered.

What is not listed here is not echoed: an unknown member, a kind that the reference does not have, and what
``mcp`` tools hold of keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from ccmimolink.core.calls import json_object
from ccmimolink.core.raw_json import begins_with, string_in
from ccmimolink.core.responses import Tool
from ccmimolink.core.web_search import is_web_search


class _Text(Struct, tag_field="type", tag="text"):
    pass


class _Grammar(Struct, tag_field="type", tag="grammar"):
    definition: str
    syntax: Literal["lark", "regex"]


class _Place(Struct, tag_field="type", tag="approximate", omit_defaults=True):
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class _Domains(Struct):
    allowed_domains: list[str] | None


class _Container(Struct, tag_field="type", tag="auto"):
    file_ids: list[str] = []


_NAMED = {"name": str, "description": str, "strict": bool, "defer_loading": bool}
_CONTEXT_SIZE = Literal["low", "medium", "high"]
_SEARCH = {
    "external_web_access": bool,
    "filters": _Domains,
    "search_context_size": _CONTEXT_SIZE,
    "user_location": _Place,
}
_SEARCH_PREVIEW = {
    "search_content_types": list[Literal["text", "image"]],
    "search_context_size": _CONTEXT_SIZE,
    "user_location": _Place,
}
_SCREEN = Literal["windows", "mac", "linux", "ubuntu", "browser"]

_MEMBERS: dict[str, dict[str, Any]] = {
    "function": _NAMED,
    "custom": {**_NAMED, "format": _Text | _Grammar},
    "namespace": {"name": str, "description": str},
    "tool_search": {"description": str, "execution": Literal["server", "client"], "parameters": Raw},
    "local_shell": {},
    "web_search": _SEARCH,
    "web_search_2025_08_26": _SEARCH,
    "web_search_preview": _SEARCH_PREVIEW,
    "web_search_preview_2025_03_11": _SEARCH_PREVIEW,
    "file_search": {"vector_store_ids": list[str], "max_num_results": int},
    "code_interpreter": {"container": str | _Container},
    "computer_use_preview": {"display_width": int, "display_height": int, "environment": _SCREEN},
    "mcp": {"server_label": str, "server_url": str, "server_description": str},
    "computer": {},
    "shell": {},
    "apply_patch": {},
    "image_generation": {},
}
_DECODERS = {
    kind: {name: msgspec.json.Decoder(member) for name, member in members.items()}
    for kind, members in _MEMBERS.items()
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "function": {"description": None, "parameters": None, "strict": None},
    "namespace": {"description": ""},
    "file_search": {"vector_store_ids": []},
    "code_interpreter": {"container": _Container()},
}
"""What the reference requires, where the client left it out."""

_REQUIRED = {
    "function": ("name",),
    "custom": ("name",),
    "namespace": ("name",),
    "computer_use_preview": ("display_width", "display_height", "environment"),
    "mcp": ("server_label",),
}
_members = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])


MAX_REMEMBERED = 512
"""Echoes that are remembered: a client sends the same tools with every turn."""

_LARGEST_REMEMBERED = 8192
"""Bytes of a tool as it was written."""

_remembered: dict[bytes, Raw | None] = {}


def echoed_tools(tools: Iterable[Tool], raws: Iterable[Raw]) -> list[Raw]:
    """The echo of each tool that the reference has a shape for.

    :param tools: what was read from ``raws``.
    :param raws: the tools as the client wrote them, in the same order.
    """
    echoes = (_echo(tool, raw) for tool, raw in zip(tools, raws, strict=True))
    return [echo for echo in echoes if echo is not None]


def _echo(tool: Tool, raw: Raw) -> Raw | None:
    if len(memoryview(raw)) > _LARGEST_REMEMBERED:
        return _made_echo(tool, raw)
    written = bytes(raw)
    try:
        return _remembered[written]
    except KeyError:
        if len(_remembered) >= MAX_REMEMBERED:
            _remembered.clear()
        # Not of the client's own bytes: what stays raw in it would keep the whole request.
        echo = _remembered[written] = _made_echo(tool, Raw(written))
        return echo


def _made_echo(tool: Tool, raw: Raw) -> Raw | None:
    echo = _echoed(tool, raw)
    return None if echo is None else Raw(msgspec.json.encode(echo))


def _echoed(tool: Tool, raw: Raw) -> dict[str, Any] | None:
    kind = tool.type
    if kind not in _MEMBERS:
        # OpenAI dates its tools.
        kind = "web_search" if is_web_search(kind) else kind
    if kind not in _MEMBERS:
        return None
    written = _members.decode(raw) if begins_with(raw, b"{") else {}
    echo = {"type": kind, **_DEFAULTS.get(kind, {})}
    if tool.name:
        # It may have been given as a mere string.
        echo["name"] = tool.name
    for name, decoder in _DECODERS[kind].items():
        if name in written:
            try:
                echo[name] = decoder.decode(written[name])
            except msgspec.ValidationError:  # of another type than the reference's: as if it were not there
                continue
    if kind == "function":
        echo["parameters"] = echoed_schema(written.get("parameters"))
    elif kind == "namespace":
        echo["tools"] = _echoed_members(tool.tools or (), written.get("tools"))
    return echo if all(name in echo for name in _REQUIRED.get(kind, ())) else None


def _echoed_members(tools: Iterable[Tool], raw: Raw | None) -> list[dict[str, Any]]:
    """A namespace's tools. The reference has functions and custom tools in there."""
    raws = _list.decode(raw) if raw is not None and begins_with(raw, b"[") else []
    echoes = (_echoed(tool, written) for tool, written in zip(tools, raws, strict=False))
    return [echo for echo in echoes if echo is not None and echo["type"] in ("function", "custom")]


def echoed_schema(raw: Raw | None) -> Raw | dict[str, object] | None:
    """The schema, also where it is written as a text; None where it is no object."""
    if raw is None or begins_with(raw, b"{"):
        return raw
    text = string_in(raw)
    return None if text is None else json_object(text)


# -- tool_choice ---------------------------------------------------------------------------------------------


class _Function(Struct, tag_field="type", tag="function"):
    name: str


class _Custom(Struct, tag_field="type", tag="custom"):
    name: str


class _Mcp(Struct, tag_field="type", tag="mcp"):
    server_label: str
    name: str | None = None


class _Allowed(Struct, tag_field="type", tag="allowed_tools"):
    mode: Literal["auto", "required"]
    tools: list[dict[str, Any]]


_Choice = _Function | _Custom | _Mcp | _Allowed
_WORDS = ("none", "auto", "required")
_PROVIDERS = (
    "file_search",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "computer",
    "computer_use",
    "computer_use_preview",
    "image_generation",
    "code_interpreter",
    "apply_patch",
    "shell",
)


def echoed_choice(choice: str | dict[str, Any]) -> str | dict[str, Any]:
    """The choice, or "auto" where the reference has no word for it."""
    if isinstance(choice, str):
        return choice if choice in _WORDS else "auto"
    kind = choice.get("type")
    if kind in _PROVIDERS:
        return {"type": kind}
    if is_web_search(kind):
        return {"type": "web_search_preview"}
    try:
        msgspec.convert(choice, _Choice)
    except msgspec.ValidationError:
        return "none" if kind == "allowed_tools" and choice.get("mode") == "none" else "auto"
    return choice
