"""``tool_choice``, met by what is offered.

Owns the reading of the client's choice. MiMo documents the choice "auto" only: "none" is met by offering
nothing, a named choice by offering only what it names, and "required" cannot be demanded of functions. A
search can be: MiMo has an option for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ccmimolink.core.web_search import is_web_search

if TYPE_CHECKING:
    from ccmimolink.core.tools import FlatTool

ToolChoice = str | dict[str, Any]
_ALLOWED = "allowed_tools"


def chosen(tools: Sequence[FlatTool], choice: ToolChoice) -> Sequence[FlatTool]:
    """The tools that the choice leaves, in their order."""
    if isinstance(choice, str):
        return () if choice == "none" else tools
    named = [choice]
    if choice.get("type") == _ALLOWED:
        if choice.get("mode") == "none":
            return ()
        listed = choice.get("tools")
        named = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    names = _Names(named)
    wanted = [tool for tool in tools if tool.is_offered and tool in names]
    # A choice that names nothing on offer asks for a tool that only OpenAI runs, say: the rest stays usable.
    return wanted or tools


def demands_search(choice: ToolChoice) -> bool:
    """Whether the choice is not met by an answer without a search, where nothing but a search is offered."""
    if isinstance(choice, str):
        return choice == "required"
    if choice.get("type") == _ALLOWED:
        return choice.get("mode") == "required"
    return is_web_search(choice.get("type"))


class _Names:
    """What the entries of a choice name, looked up in constant time."""

    def __init__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        self._anywhere: set[str] = set()
        self._in_namespace: set[tuple[str, str]] = set()
        self._search = False
        for entry in entries:
            kind, namespace = entry.get("type"), entry.get("namespace")
            self._search = self._search or is_web_search(kind)
            name = entry.get("name", kind)
            if isinstance(name, str) and namespace is None:
                self._anywhere.add(name)
            elif isinstance(name, str) and isinstance(namespace, str):
                self._in_namespace.add((namespace, name))

    def __contains__(self, tool: FlatTool) -> bool:
        if tool.search is not None:
            return self._search
        return tool.name in self._anywhere or (tool.namespace, tool.name) in self._in_namespace
