"""The one task that the simulated agent masters: putting text into a file.

Owns how such a wish is read, the command that fulfils it, and the report. It must not touch a file itself.
"""

from __future__ import annotations

import enum
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from .conversation import ToolResult, quote

_FILLER = r"(?P<filler>(?:(?:to|a|an|the|new|text|file|called|named)\s+)*)"
_NAME = r"(?:`(?P<tick>[^`\n]+)`|\"(?P<double>[^\"\n]+)\"|'(?P<single>[^'\n]+)'|(?P<bare>[^\s`\"',:;]+))"
_WITH = (
    r"(?:,?\s+(?:and\s+)?(?:with|containing|saying"
    r"|that\s+(?:says|contains|reads)|to\s+(?:say|contain|read))\b|\s*:)"
)
_LABEL = (
    r"\s*(?:(?:the|this|a)\s+)?(?:(?:following|exact)\s+)?"
    r"(?:(?:text|contents?)\b|(?:words?|lines?)(?=:|\s+[\"'`]))"
)
_FILE_FIRST = re.compile(
    rf"\b(?P<verb>create|write|make|edit|append)\s+{_FILLER}{_NAME}{_WITH}(?P<label>{_LABEL})?\s*(?P<colon>:)?",
    re.IGNORECASE,
)
_CONTENT_FIRST = re.compile(
    rf"\b(?P<verb>write|append|add)\s+(?P<content>`[^`\n]+`|\"[^\"\n]+\"|'[^'\n]+')\s+(?:to|into)\s+{_FILLER}{_NAME}",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[^\n]*\n(.*?)\n?```", re.DOTALL)
# An apostrophe inside a word does not end a quotation.
_QUOTATION = re.compile(r"([\"'`])(.+?)\1(?=$|[\s.,;:!?)])", re.DOTALL)
_NO_NAMES = frozenset({"with", "containing", "that", "to", "saying", "for", "in", "file"})
_EXIT_CODE = re.compile(r"exit(?:ed with)?[ _]code[\"']?\s*[:=]?\s*(-?\d+)", re.IGNORECASE)
_SHELLS = ("exec_command", "shell", "shell_command", "local_shell")


class Manner(enum.Enum):
    """What happens to the file, and how it is told."""

    CREATE = "created"
    WRITE = "wrote"
    MAKE = "made"
    EDIT = "edited"
    APPEND = "appended to"


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file and the text that is to go into it."""

    manner: Manner
    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Shell:
    """An offered tool that runs commands, and how it wants to be given one."""

    name: str
    parameter: str
    as_list: bool

    def arguments(self, command: str) -> str:
        value = ["bash", "-lc", command] if self.as_list else command
        return json.dumps({self.parameter: value}, ensure_ascii=False)


def read_file_task(prompt: str) -> FileTask | None:
    """The wish to create, write, make, edit or append to a file, if the prompt holds one."""
    readings = (_file_first(prompt), _content_first(prompt))
    found = [first for reading in readings if (first := next(reading, None))]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def find_shell(functions: list[dict[str, Any]]) -> Shell | None:
    """The shell tool among the offered functions: well-known names first."""
    shells = [shell for function in functions if (shell := _as_shell(function))]
    ranked = sorted(
        shells, key=lambda shell: _SHELLS.index(shell.name) if shell.name in _SHELLS else len(_SHELLS)
    )
    return ranked[0] if ranked else None


def shell_command(task: FileTask) -> str:
    """A POSIX shell command that fulfils the task, every word of it quoted."""
    lines = " ".join(shlex.quote(line) for line in task.content.split("\n"))
    folder = str(PurePosixPath(task.path).parent)
    prepare = f"mkdir -p -- {_quote_path(folder)} && " if folder not in (".", "/", "~") else ""
    redirect = ">>" if task.manner is Manner.APPEND else ">"
    return f"{prepare}printf '%s\\n' {lines} {redirect} {_quote_path(task.path)}"


def report(task: FileTask, result: ToolResult) -> str:
    """What became of the task, as one sentence that trusts the tool's exit code and nothing else."""
    code = _EXIT_CODE.search(result.output)
    if code is None:
        said = quote(result.output) if result.output.strip() else "nothing"
        return f"I called {result.name} for {task.path}, and it answered: {said}."
    if int(code[1]) != 0:
        return f"The command for {task.path} failed with exit code {code[1]}: {quote(result.output, 400)}"
    return f"Done: I {task.manner.value} {task.path}, and the text is {quote(task.content, 80)}."


def _file_first(prompt: str) -> Iterator[tuple[int, FileTask]]:
    for match in _FILE_FIRST.finditer(prompt):
        path, content = _path(match), _unquote(prompt[match.end() :]) or _label_as_content(match)
        if path and content:
            yield match.start(), FileTask(Manner[match["verb"].upper()], path, content)


def _label_as_content(match: re.Match[str]) -> str:
    """In "create a.txt with text" the word that would announce the content is all of it."""
    label = (match["label"] or "").strip()
    return label if label.isalpha() and not match["colon"] else ""


def _content_first(prompt: str) -> Iterator[tuple[int, FileTask]]:
    for match in _CONTENT_FIRST.finditer(prompt):
        if path := _path(match):
            manner = Manner.WRITE if match["verb"].lower() == "write" else Manner.APPEND
            yield match.start(), FileTask(manner, path, match["content"][1:-1])


def _path(match: re.Match[str]) -> str | None:
    """The file that was named. A bare word is one only if it looks like a file or was called one."""
    quoted = match["tick"] or match["double"] or match["single"]
    if quoted:
        return quoted.strip() or None
    bare = match["bare"].rstrip(".!?)")
    if bare.lower() in _NO_NAMES:
        return None
    looks_like_a_file = "." in bare or "/" in bare or re.search(r"\b(?:file|called|named)\b", match["filler"])
    return bare if bare and looks_like_a_file else None


def _unquote(rest: str) -> str:
    rest = rest.strip()
    if quoted := _FENCE.match(rest):
        return quoted[1]
    if quoted := _QUOTATION.match(rest):
        return quoted[2]
    return rest


def _as_shell(function: dict[str, Any]) -> Shell | None:
    properties = function.get("parameters", {}).get("properties", {})
    for parameter in ("cmd", "command"):
        schema = properties.get(parameter)
        kind = schema.get("type") if isinstance(schema, dict) else None
        if kind in ("string", "array"):
            return Shell(function["name"], parameter, kind == "array")
    return None


def _quote_path(path: str) -> str:
    """A quoted ``~`` would be a file name, so the home directory is spelled out."""
    if path == "~":
        return '"$HOME"'
    if path.startswith("~/"):
        return f'"$HOME"/{shlex.quote(path[2:])}'
    return shlex.quote(path)
