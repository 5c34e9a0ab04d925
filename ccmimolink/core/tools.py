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
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from ccmimolink.core.chat import ChatTool, FunctionDefinition
from ccmimolink.core.responses import AdditionalTools, Item, ResponsesRequest, Tool, ToolSearchOutput

MAX_NAME = 64
_SEPARATOR = "--"
_LEGAL = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_HASH_LENGTH = 8


class ToolKind(enum.Enum):
    """What the client's tool is, and so which item a call of it becomes."""

    FUNCTION = "function"
    CUSTOM = "custom"
    TOOL_SEARCH = "tool_search"
    LOCAL_SHELL = "local_shell"
    HOSTED = "hosted"
    """Run by the provider (web_search, image_generation, …) or unknown here: never offered upstream."""


class FlatTool(Struct, frozen=True, kw_only=True):
    """One callable tool, after namespaces were flattened.

    :ivar type: the client's own word for the kind (``web_search``), for messages.
    :ivar parameters: the JSON Schema of the arguments as raw JSON, or None.
    :ivar format: of a custom tool, its grammar: ``{"type": "grammar", "syntax": …, "definition": …}``.
    """

    kind: ToolKind
    name: str
    type: str = "function"
    namespace: str | None = None
    description: str | None = None
    parameters: Raw | None = None
    strict: bool | None = None
    format: dict[str, Any] | None = None

    @property
    def upstream_name(self) -> str:
        return upstream_name(self.namespace, self.name)


class Dropped(Struct, frozen=True):
    """A tool filter's answer: this tool is not offered, for this reason."""

    reason: str


ToolFilter = Callable[[FlatTool], FlatTool | Dropped]


def upstream_name(namespace: str | None, name: str) -> str:
    """The upstream's name for a client tool: a pure and injective function of (namespace, name).

    A plain name passes as it is, ``ns`` and ``name`` become ``ns--name``. Whatever could be read in two ways,
    is too long or holds an illegal character gets a hash of the pair instead of its tail.
    """
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


def _ambiguous(plain: str) -> bool:
    """``a---b`` splits in two ways, an empty half is no name, a tail like a hash could be taken for one."""
    if _SEPARATOR not in plain:
        return False
    head, tail = plain.split(_SEPARATOR, 1)
    return not head or not tail or tail.startswith("-") or re.fullmatch(r"[0-9a-f]{8}", tail) is not None


_FREEFORM = (
    b'{"type":"object","properties":{"input":{"type":"string",'
    b'"description":"The whole input of the tool, verbatim."}},'
    b'"required":["input"],"additionalProperties":false}'
)
_LOCAL_SHELL = (
    b'{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"}},'
    b'"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"}},"required":["command"]}'
)
_NO_PARAMETERS = b'{"type":"object","properties":{}}'


def flatten(
    tools: Iterable[Tool], namespace: str | None = None, dropped: Counter[str] | None = None
) -> Iterator[FlatTool]:
    """The tools, with the members of namespaces in their place. A function without a name is none.

    :param dropped: counts what is left out, by reason.
    """
    for tool in tools:
        if tool.type == "namespace":
            yield from flatten(tool.tools or (), tool.name or namespace, dropped)
            continue
        kind = _KINDS.get(tool.type, ToolKind.HOSTED)
        name = tool.name or (tool.type if kind is not ToolKind.FUNCTION else "")
        if not name:
            if dropped is not None:
                dropped[f"{tool.type}: it has no name"] += 1
            continue
        yield FlatTool(
            kind=kind,
            name=name,
            type=tool.type,
            namespace=namespace,
            description=tool.description,
            parameters=None if tool.parameters is UNSET else tool.parameters,
            strict=tool.strict,
            format=tool.format,
        )


_KINDS: Mapping[str, ToolKind] = {
    "function": ToolKind.FUNCTION,
    "custom": ToolKind.CUSTOM,
    "tool_search": ToolKind.TOOL_SEARCH,
    "local_shell": ToolKind.LOCAL_SHELL,
}


def offered_tools(request: ResponsesRequest, dropped: Counter[str] | None = None) -> list[FlatTool]:
    """All tools of a request, flattened: ``tools`` first, then those that its input items bring, in order.

    :param dropped: see :func:`flatten`.
    """
    return list(flatten(_all_tools(request.tools, request.input), dropped=dropped))


def _all_tools(tools: Sequence[Tool], items: Sequence[Item]) -> Iterator[Tool]:
    yield from tools
    for item in items:
        if isinstance(item, (AdditionalTools, ToolSearchOutput)):
            yield from item.tools or ()


class ToolTable:
    """The tools of one request, by their upstream names.

    :ivar dropped: how many tools were dropped, by reason.
    """

    def __init__(self, tools: Iterable[FlatTool], dropped: Counter[str] | None = None) -> None:
        self._by_name: dict[str, FlatTool] = {}
        self.dropped: Counter[str] = dropped if dropped is not None else Counter()
        for tool in tools:
            if tool.kind is ToolKind.HOSTED:
                self.dropped[f"{tool.type}: no upstream equivalent"] += 1
            else:
                # The first definition stays: the prompt prefix must not change when a later item repeats it.
                first = self._by_name.setdefault(tool.upstream_name, tool)
                if tool != first:
                    self.dropped[f"{tool.type}: another tool has its name"] += 1
        self._aliases = _aliases(self._by_name)

    @classmethod
    def build(cls, request: ResponsesRequest, filters: Sequence[ToolFilter] = ()) -> ToolTable:
        """Flatten, filter and normalise against ``tool_choice``.

        MiMo documents ``tool_choice`` "auto" only. "none" is met by offering nothing, a named choice by
        offering only what it names; "required" cannot be demanded and is asked for as "auto".
        """
        dropped: Counter[str] = Counter()
        kept = []
        for tool in offered_tools(request, dropped):
            answer = _filtered(tool, filters)
            if isinstance(answer, Dropped):
                dropped[f"{tool.type}: {answer.reason}"] += 1
            else:
                kept.append(answer)
        return cls(_chosen(kept, request.tool_choice), dropped)

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
        """The tools as chat completions wants them, in the client's order."""
        return [ChatTool(function=_definition(tool)) for tool in self]


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


def _chosen(tools: list[FlatTool], choice: str | dict[str, Any]) -> list[FlatTool]:
    if isinstance(choice, str):
        return [] if choice == "none" else tools
    if choice.get("type") == "allowed_tools":
        listed = choice.get("tools")
        named = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        if choice.get("mode") == "none":
            return []
    else:
        named = [choice]
    wanted = [tool for tool in tools if any(_names(entry, tool) for entry in named)]
    # A choice that names nothing on offer asks for a hosted tool, say: the rest stays usable.
    return wanted or tools


def _names(choice: Mapping[str, Any], tool: FlatTool) -> bool:
    namespace = choice.get("namespace")
    return choice.get("name", choice.get("type")) == tool.name and namespace in (None, tool.namespace)


def _definition(tool: FlatTool) -> FunctionDefinition:
    description = tool.description
    parameters = tool.parameters
    if tool.kind is ToolKind.CUSTOM:
        parameters = Raw(_FREEFORM)
        description = _with_grammar(tool)
    elif tool.kind is ToolKind.LOCAL_SHELL:
        parameters = Raw(_LOCAL_SHELL)
        description = description or "Runs a command in the user's shell."
    return FunctionDefinition(
        name=tool.upstream_name,
        description=description,
        parameters=_object_schema(parameters),
        # MiMo refuses strict:null; false is the default and need not be said.
        strict=tool.strict or None,
    )


def _with_grammar(tool: FlatTool) -> str | None:
    definition = (tool.format or {}).get("definition")
    if not isinstance(definition, str):
        return tool.description
    syntax = (tool.format or {}).get("syntax", "")
    return f"{tool.description or ''}\n\nThe input must follow this {syntax} grammar:\n{definition}".strip()


class _SchemaHead(Struct):
    type: Any = None
    properties: Any = UNSET


_schema_head = msgspec.json.Decoder(_SchemaHead)
_schema_members = msgspec.json.Decoder(dict[str, Raw])


def _object_schema(parameters: Raw | None) -> Raw:
    """The schema as MiMo wants it, of ``"type": "object"``; one that already is passes byte for byte.

    Some MCP servers leave the type out, widen it (``["object", "null"]``) or send ``"properties": null``, and
    one refused tool would take the whole request with it.
    """
    if parameters is None:
        return Raw(_NO_PARAMETERS)
    try:
        head = _schema_head.decode(parameters)
    except msgspec.ValidationError:  # null, or anything else that is no object
        return Raw(_NO_PARAMETERS)
    has_properties = isinstance(head.properties, dict)
    if head.type == "object" and (has_properties or head.properties is UNSET):
        return parameters
    members = _schema_members.decode(parameters)
    members |= {"type": Raw(b'"object"')} | ({} if has_properties else {"properties": Raw(b"{}")})
    return Raw(msgspec.json.encode(members))
