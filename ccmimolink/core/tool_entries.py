"""The entries of ``tools``, from JSON to the vocabulary.

Owns the tools that are given as a word, and the repair of one with an odd field. It must not flatten, name or
judge them.

A tool is refused only for what says which tool it is: its kind, its name and its members. What it says of
itself besides (``description``, ``strict``, ``format``, …) counts as absent where it has a wrong type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec import UNSET, Raw, Struct

from ccmimolink.core.decoding import Notes, decoded, refusal
from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.core.raw_json import begins_with, flag_in, members_in, object_in, string_in
from ccmimolink.core.responses import Tool

_WORDS = re.compile(
    r"(?:web_search(?:_preview)?(?:_\d{4}_\d{2}_\d{2})?|image_generation|code_interpreter|file_search"
    r"|computer_use_preview|mcp|local_shell|tool_search)"
)
"""The kinds that a tool given as a mere string can mean; any other string names a custom tool."""


class _Identity(Struct):
    """Which tool it is. A null is as good as nothing."""

    type: str | None = None
    name: str | None = None
    tools: list[Raw] | None = None


_tool_decoder = msgspec.json.Decoder(Tool)
_tools_decoder = msgspec.json.Decoder(list[Tool])
_identity_decoder = msgspec.json.Decoder(_Identity)
_string_decoder = msgspec.json.Decoder(str)


def parse_tools(written: Raw, raws: Sequence[Raw], notes: Notes) -> list[Tool]:
    """The tools of a request.

    :param written: the whole list.
    :param raws: its members.
    :raises RequestError: see :func:`parse_tool`.
    """
    try:
        return _tools_decoder.decode(written) if raws else []
    except msgspec.ValidationError:
        return [parse_tool(raw, f"tools[{index}]", notes) for index, raw in enumerate(raws)]


def parse_tool(raw: Raw, path: str, notes: Notes) -> Tool:
    """One tool.

    :param path: where it stands in the request.
    :param notes: gets what was repaired in it.
    :raises RequestError: it is neither an object nor a word, or its kind, name or members have a wrong type.
    """
    return _parsed(raw, path, notes, _all_of)


def readable_tools(raws: Iterable[Raw], path: str, notes: Notes) -> list[Tool]:
    """The tools without those that cannot be read: what a conversation brought cannot be taken back.

    :param path: where their list stands in the request.
    :param notes: gets what was repaired or left out.
    """
    tools = []
    for index, raw in enumerate(raws):
        try:
            tools.append(_parsed(raw, f"{path}[{index}]", notes, readable_tools))
        except RequestError as error:
            notes.add(f"{error.failure.message} The tool was left out.")
    return tools


_Members = Callable[[Iterable[Raw], str, Notes], list[Tool]]
"""How the members of a namespace are read."""


def _all_of(raws: Iterable[Raw], path: str, notes: Notes) -> list[Tool]:
    return [parse_tool(raw, f"{path}[{index}]", notes) for index, raw in enumerate(raws)]


def _parsed(raw: Raw, path: str, notes: Notes, read_members: _Members) -> Tool:
    if begins_with(raw, b'"'):
        return _worded(decoded(_string_decoder, raw, path), path)
    try:
        return _tool_decoder.decode(raw)
    except msgspec.ValidationError as error:
        told = len(notes)
        tool = _coerced(raw, path, notes, read_members)
        if len(notes) == told:
            notes.add(f"{refusal(error, path).failure.message} The tool was repaired.")
        return tool


def _worded(word: str, path: str) -> Tool:
    if not word.strip():
        raise RequestError(
            Failure(FailureKind.INVALID_REQUEST, f"{path}: a tool needs a name or a kind.", param=path)
        )
    return Tool(type=word) if _WORDS.fullmatch(word) else Tool(type="custom", name=word)


def _coerced(raw: Raw, path: str, notes: Notes, read_members: _Members) -> Tool:
    identity = decoded(_identity_decoder, raw, path)
    members = members_in(raw)
    return Tool(
        type="function" if identity.type is None else identity.type,
        name=identity.name,
        description=string_in(members.get("description")),
        parameters=members.get("parameters", UNSET),
        strict=flag_in(members.get("strict")),
        format=object_in(members.get("format")),
        tools=None if identity.tools is None else read_members(identity.tools, f"{path}.tools", notes),
        execution=string_in(members.get("execution")),
        user_location=object_in(members.get("user_location")),
        function=members.get("function", UNSET),
    )
