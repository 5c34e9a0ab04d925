"""ToolTable: client tools to upstream function tools, and upstream calls back to the client's item shapes.

Owns naming and the bijection for one request. It must not decide which tools are worth offering: that is
the tool filters', whose answers arrive here.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace

from ccmimolink.core.chat import ChatTool, FunctionDefinition, WebSearchTool
from ccmimolink.core.responses import AdditionalTools, Item, ResponsesRequest, Tool, ToolSearchOutput
from ccmimolink.core.tool_choice import chosen, demands_search
from ccmimolink.core.tool_definitions import (
    FREEFORM,
    LOCAL_SHELL,
    LOCAL_SHELL_DESCRIPTION,
    object_schema,
    with_grammar,
    with_namespace,
)

MAX_NAME = 64
_SEPARATOR = "--"
_LEGAL = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_HASH_LENGTH = 8
_NAMES = 1024
"""Names of tools that are remembered. Each request holds the same few, and every call of its history."""


class ToolKind(enum.Enum):
    """What the client's tool is, and so which item a call of it becomes."""

    FUNCTION = "function"
    CUSTOM = "custom"
    TOOL_SEARCH = "tool_search"
    LOCAL_SHELL = "local_shell"
    HOSTED = "hosted"
    """Run by the provider (image_generation, …) or unknown here. Only a search has a counterpart upstream."""


class FlatTool(Struct, frozen=True, kw_only=True):
    """One callable tool, after namespaces were flattened.

    :ivar type: the client's own word for the kind (``web_search``), for messages.
    :ivar parameters: the JSON Schema of the arguments as raw JSON, or None.
    :ivar format: of a custom tool, its grammar: ``{"type": "grammar", "syntax": …, "definition": …}``.
    :ivar namespace_description: what the client says of the namespace as a whole.
    :ivar user_location: of a web search, the place as the client wrote it.
    :ivar search: of a hosted tool, the upstream's search, if a filter lets that stand in for it.
    """

    kind: ToolKind
    name: str
    type: str = "function"
    namespace: str | None = None
    description: str | None = None
    parameters: Raw | None = None
    strict: bool | None = None
    format: dict[str, Any] | None = None
    namespace_description: str | None = None
    user_location: Any = None
    search: WebSearchTool | None = None

    @property
    def upstream_name(self) -> str:
        return upstream_name(self.namespace, self.name)

    @property
    def is_offered(self) -> bool:
        """Whether the upstream can do anything with it."""
        return self.kind is not ToolKind.HOSTED or self.search is not None


class Dropped(Struct, frozen=True):
    """A tool filter's answer: this tool is not offered, for this reason."""

    reason: str


ToolFilter = Callable[[FlatTool], FlatTool | Dropped]


def upstream_name(namespace: str | None, name: str) -> str:
    """The upstream's name for a client tool: a pure and injective function of (namespace, name).

    A plain name passes as it is, ``ns`` and ``name`` become ``ns--name``. Whatever could be read in two ways,
    is too long or holds an illegal character gets a hash of the pair instead of its tail.
    """
    # What no API takes as a name must not fill the memory.
    is_short = len(name) <= MAX_NAME and (namespace is None or len(namespace) <= MAX_NAME)
    return _remembered_name(namespace, name) if is_short else _upstream_name(namespace, name)


def _upstream_name(namespace: str | None, name: str) -> str:
    plain = name if namespace is None else f"{namespace}{_SEPARATOR}{name}"
    if (
        _LEGAL.fullmatch(plain)
        and plain.count(_SEPARATOR) == (namespace is not None)
        and not _ambiguous(plain)
    ):
        return plain
    digest = hashlib.sha256(repr((namespace, name)).encode("utf-8", "surrogatepass")).hexdigest()[
        :_HASH_LENGTH
    ]
    stem = re.sub(r"[^a-zA-Z0-9_]+", "_", plain)[: MAX_NAME - _HASH_LENGTH - len(_SEPARATOR)]
    return f"{stem}{_SEPARATOR}{digest}"


_remembered_name = lru_cache(_NAMES)(_upstream_name)


def _ambiguous(plain: str) -> bool:
    """``a---b`` splits in two ways, an empty half is no name, a tail like a hash could be taken for one."""
    if _SEPARATOR not in plain:
        return False
    head, tail = plain.split(_SEPARATOR, 1)
    return not head or not tail or tail.startswith("-") or re.fullmatch(r"[0-9a-f]{8}", tail) is not None


def flatten(tools: Iterable[Tool], dropped: Counter[str] | None = None) -> Iterator[FlatTool]:
    """The tools, with the members of namespaces in their place. A function without a name is none.

    :param dropped: counts what is left out, by reason.
    """
    return _flattened(tools, None, dropped if dropped is not None else Counter())


def _flattened(tools: Iterable[Tool], namespace: Tool | None, dropped: Counter[str]) -> Iterator[FlatTool]:
    for tool in tools:
        if tool.type == "namespace":
            yield from _flattened(tool.tools or (), tool if tool.name else namespace, dropped)
            continue
        flat = _flat(tool, namespace)
        if flat.name:
            yield flat
        else:
            dropped[f"{tool.type}: it has no name"] += 1


def _flat(tool: Tool, namespace: Tool | None) -> FlatTool:
    kind = _kind(tool)
    if kind in _NAMELESS:
        name, namespace = tool.type, None
    else:
        name = tool.name or (tool.type if kind is not ToolKind.FUNCTION else "")
    return FlatTool(
        kind=kind,
        name=name,
        type=tool.type,
        namespace=namespace.name if namespace is not None else None,
        namespace_description=namespace.description if namespace is not None else None,
        description=tool.description,
        parameters=None if tool.parameters is UNSET else tool.parameters,
        strict=tool.strict,
        format=tool.format,
        user_location=tool.user_location,
    )


def _kind(tool: Tool) -> ToolKind:
    if tool.type == "tool_search" and tool.execution != "client":
        # OpenAI would run it. What it would find is in the request already, and is offered.
        return ToolKind.HOSTED
    return _KINDS.get(tool.type, ToolKind.HOSTED)


_KINDS: Mapping[str, ToolKind] = {
    "function": ToolKind.FUNCTION,
    "custom": ToolKind.CUSTOM,
    "tool_search": ToolKind.TOOL_SEARCH,
    "local_shell": ToolKind.LOCAL_SHELL,
}
_NAMELESS = (ToolKind.TOOL_SEARCH, ToolKind.LOCAL_SHELL)
"""The items of their calls hold neither name nor namespace, so there is one of each."""


def offered_tools(request: ResponsesRequest, dropped: Counter[str] | None = None) -> list[FlatTool]:
    """All tools of a request, flattened: ``tools`` first, then those that its input items bring, in order.

    :param dropped: see :func:`flatten`.
    """
    return list(flatten(_all_tools(request.tools, request.input), dropped=dropped))


def _all_tools(tools: Sequence[Tool], items: Sequence[Item]) -> Iterator[Tool]:
    yield from tools
    # A look at all types at once, since a history is long and rarely brings a tool.
    if _BRINGING_TOOLS.isdisjoint(map(type, items)):
        return
    for item in items:
        if isinstance(item, (AdditionalTools, ToolSearchOutput)):
            yield from item.tools or ()


_BRINGING_TOOLS = frozenset({AdditionalTools, ToolSearchOutput})


class ToolTable:
    """The tools of one request that the model can call, by their upstream names, and the upstream's search.

    :ivar web_search: the upstream's own search, if it stands in for the client's. The upstream runs it, so it
        is no tool that a call could come back for.
    :ivar dropped: how many tools were dropped, by reason.
    """

    def __init__(self, tools: Iterable[FlatTool], dropped: Counter[str] | None = None) -> None:
        self._by_name: dict[str, FlatTool] = {}
        self.web_search: WebSearchTool | None = None
        self.dropped: Counter[str] = dropped if dropped is not None else Counter()
        for tool in tools:
            # The first definition stays: the prompt prefix must not change when a later item repeats it.
            if not tool.is_offered:
                self.dropped[f"{tool.type}: no upstream equivalent"] += 1
            elif tool.kind is ToolKind.HOSTED:
                self.web_search = self.web_search or tool.search
            else:
                known = self._by_name.setdefault(tool.upstream_name, tool)
                if known is not tool and known != tool:
                    self.dropped[f"{tool.type}: another tool has its name"] += 1

    @classmethod
    def build(cls, request: ResponsesRequest, filters: Sequence[ToolFilter] = ()) -> ToolTable:
        """Flatten, filter and normalise against ``tool_choice`` (:mod:`ccmimolink.core.tool_choice`)."""
        dropped: Counter[str] = Counter()
        kept = []
        for tool in offered_tools(request, dropped):
            answer = _filtered(tool, filters)
            if isinstance(answer, Dropped):
                dropped[f"{tool.type}: {answer.reason}"] += 1
            else:
                kept.append(answer)
        table = cls(chosen(kept, request.tool_choice), dropped)
        if table.web_search is not None and len(table) == 0 and demands_search(request.tool_choice):
            table.web_search = replace(table.web_search, force_search=True)
        return table

    @cached_property
    def _aliases(self) -> Mapping[str, FlatTool]:
        """Made for the first call that is misspelled; most answers have none."""
        return _aliases(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[FlatTool]:
        return iter(self._by_name.values())

    def resolve(self, called: str) -> FlatTool | None:
        """The tool that an upstream call means, or None.

        Models at times write another separator (``ns.name``, ``ns__name``) or leave the namespace out; such a
        name is understood where it can mean one tool only.
        """
        return self._by_name.get(called) or self._aliases.get(_canonical(called))

    def chat_tools(self) -> list[ChatTool]:
        """The tools as chat completions wants them, in the client's order.

        The upstream knows no namespaces: what one says of itself stands with the first of its tools.
        """
        told: set[str] = set()
        definitions = []
        for tool in self:
            definition = _definition(tool)
            if tool.namespace and tool.namespace_description and tool.namespace not in told:
                told.add(tool.namespace)
                definition.description = with_namespace(
                    definition.description, tool.namespace, tool.namespace_description
                )
            definitions.append(ChatTool(function=definition))
        return definitions


def _filtered(tool: FlatTool, filters: Sequence[ToolFilter]) -> FlatTool | Dropped:
    for tool_filter in filters:
        answer = tool_filter(tool)
        if isinstance(answer, Dropped):
            return answer
        tool = answer
    return tool


def _canonical(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _aliases(by_name: Mapping[str, FlatTool]) -> dict[str, FlatTool]:
    found: dict[str, list[FlatTool]] = {}
    for tool in by_name.values():
        names = {_canonical(tool.upstream_name), _canonical(tool.name)}
        if tool.namespace is not None:
            names.add(_canonical(f"{tool.namespace}_{tool.name}"))
        for alias in names:
            found.setdefault(alias, []).append(tool)
    return {alias: tools[0] for alias, tools in found.items() if len(tools) == 1}


def _definition(tool: FlatTool) -> FunctionDefinition:
    description, parameters = tool.description, tool.parameters
    if tool.kind is ToolKind.CUSTOM:
        description, parameters = with_grammar(description, tool.format), FREEFORM
    elif tool.kind is ToolKind.LOCAL_SHELL:
        description, parameters = description or LOCAL_SHELL_DESCRIPTION, LOCAL_SHELL
    return FunctionDefinition(
        name=tool.upstream_name,
        description=description,
        parameters=object_schema(parameters),
        # MiMo refuses strict:null; false is the default and need not be said.
        strict=tool.strict or None,
    )
