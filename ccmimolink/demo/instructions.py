"""Lines that make the simulated agent call a tool: ``call TOOL JSON`` and ``text-call TOOL JSON``.

Owns how such lines are read. It must not change the arguments: they go out as they were typed, broken ones
too, which is how a client's handling of broken arguments can be seen.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(r"(?P<verb>call|text-call)[ \t]+(?P<tool>\S+)(?:[ \t]+(?P<arguments>\S.*))?")
_HEREDOC = "<<"


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call. ``arguments`` is meant to be JSON text but may be anything."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a prompt's call lines ask for.

    :ivar calls: to be made as structured calls.
    :ivar written: to be written as markup into the text.
    :ivar complaints: sentences about lines that cannot be followed.
    """

    calls: tuple[Call, ...] = ()
    written: tuple[Call, ...] = ()
    complaints: tuple[str, ...] = ()


def read_instructions(prompt: str, functions: list[dict[str, Any]]) -> Instructions | None:
    """The call lines of a prompt, or None if it has none.

    A line that begins with "call" and neither names a tool nor brings arguments is ordinary prose.
    """
    calls: list[Call] = []
    written: list[Call] = []
    complaints: list[str] = []
    lines = prompt.split("\n")
    for number, line in enumerate(lines):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        arguments = match["arguments"] or "{}"
        if not arguments.startswith(("{", _HEREDOC)):
            continue
        name = _resolve(match["tool"], functions)
        if arguments == _HEREDOC:
            arguments = json.dumps({"input": "\n".join(lines[number + 1 :])}, ensure_ascii=False)
        if name is not None:
            (calls if match["verb"] == "call" else written).append(Call(name, arguments))
        elif match["arguments"] is not None:
            complaints.append(_no_such_tool(match["tool"], functions))
        if match["arguments"] == _HEREDOC:
            break
    if not (calls or written or complaints):
        return None
    return Instructions(tuple(calls), tuple(written), tuple(complaints))


def markup(call: Call) -> str:
    """The call as MiMo writes it when it slips into text; arguments that are no object stand as they are.

    Strings go in verbatim, objects and arrays as JSON, other values as Python prints them: so does the chat
    template of the models.
    """
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = None
    if isinstance(arguments, dict):
        inner = "".join(f"<parameter={key}>{_value(value)}</parameter>" for key, value in arguments.items())
    else:
        inner = call.arguments
    return f"<tool_call><function={call.name}>{inner}</function></tool_call>"


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def _resolve(wanted: str, functions: list[dict[str, Any]]) -> str | None:
    names: list[str] = [function["name"] for function in functions]
    if wanted in names:
        return wanted
    candidates = [name for name in names if wanted in name]
    return candidates[0] if len(candidates) == 1 else None


def _no_such_tool(wanted: str, functions: list[dict[str, Any]]) -> str:
    names = ", ".join(function["name"] for function in functions)
    return f"No tool, or more than one, goes by “{wanted}”; on offer: {names or 'none at all'}."
