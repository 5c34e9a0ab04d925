"""The streaming core as its callers put it together, for tests: upstream bytes in, Responses events out.

Owns the spelling of upstream chunks and the wiring. Ids are counted and the clock stands still.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from ccmimolink.builtin.xml_tool_call import XmlToolCallParser
from ccmimolink.core.answer_events import AnswerEvents
from ccmimolink.core.errors import Profile
from ccmimolink.core.events import Response, encode_events
from ccmimolink.core.request_body import parse_request
from ccmimolink.core.responses import ResponseOptions
from ccmimolink.core.scan import FallbackParser
from ccmimolink.core.stream import ResponseStream
from ccmimolink.core.template import response_template
from ccmimolink.core.tools import FlatTool, ToolKind, ToolTable
from ccmimolink.core.upstream_events import UpstreamEvent
from tests.checker import Event, check_stream, read_events

Chunk = dict[str, Any]
DONE = b"data: [DONE]\n\n"
NOW = 1_700_000_000
PLAIN = ResponseOptions()


def _schema(properties: dict[str, Any], *required: str) -> msgspec.Raw:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return msgspec.Raw(msgspec.json.encode(schema))


_STRING = {"type": "string"}
TOOLS = (
    FlatTool(kind=ToolKind.FUNCTION, name="shell", parameters=_schema({"cmd": _STRING}, "cmd")),
    FlatTool(kind=ToolKind.FUNCTION, name="list_files", parameters=_schema({})),
    FlatTool(kind=ToolKind.FUNCTION, name="add", namespace="mcp__calc"),
    FlatTool(kind=ToolKind.CUSTOM, name="apply_patch", type="custom"),
    FlatTool(kind=ToolKind.TOOL_SEARCH, name="tool_search", type="tool_search"),
    FlatTool(kind=ToolKind.LOCAL_SHELL, name="local_shell", type="local_shell"),
)
ADD = TOOLS[2].upstream_name


# -- what the upstream says ----------------------------------------------------------------------------------


def delta(**fields: Any) -> Chunk:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def say(*texts: str) -> list[Chunk]:
    return [delta(content=text) for text in texts]


def think(*texts: str) -> list[Chunk]:
    return [delta(reasoning_content=text) for text in texts]


def cite(*urls: str) -> list[Chunk]:
    """Citations as MiMo sends them."""
    page = {"type": "url_citation", "summary": "…", "site_name": "x", "logo_url": "", "publish_time": ""}
    return [delta(annotations=[page | {"url": url, "title": url.upper()} for url in urls])]


def piece(
    index: int | None, arguments: str | None = None, *, call_id: str | None = None, name: str | None = None
) -> Chunk:
    """One piece of a tool call; what is None is not mentioned."""
    function = {"name": name, "arguments": arguments}
    call: Chunk = {"function": {key: value for key, value in function.items() if value is not None}}
    given = {"index": index, "id": call_id}
    return delta(tool_calls=[call | {key: value for key, value in given.items() if value is not None}])


def call(name: str, *arguments: str, index: int = 0, call_id: str | None = None) -> list[Chunk]:
    """A call as MiMo streams it: a head with id and name, then the arguments in pieces."""
    head = piece(index, "", call_id=call_id or f"call_{index:016}", name=name)
    return [head, *(piece(index, text) for text in arguments)]


def finish(reason: str = "stop") -> list[Chunk]:
    return [{"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}]


def usage(prompt: int = 100, completion: int = 20, **more: Any) -> list[Chunk]:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return [{"choices": [], "usage": counts | more}]


def markup(name: str, **parameters: str) -> str:
    """A call as the model writes it into text."""
    inner = "".join(f"<parameter={key}>{value}</parameter>" for key, value in parameters.items())
    return f"<tool_call><function={name}>{inner}</function></tool_call>"


def wire(chunks: Iterable[Chunk]) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


# -- what the client is told ---------------------------------------------------------------------------------


class Translation:
    """One answer on its way: AnswerEvents, ResponseStream and encode_events in a row.

    :param settings: those of :func:`make_stream`.
    """

    def __init__(self, **settings: Any) -> None:
        self._answer = AnswerEvents()
        self.stream = make_stream(**settings)

    def feed(self, data: bytes) -> bytes:
        return self._translated(self._answer.receive_data(data))

    def end(self) -> bytes:
        return self._translated(self._answer.receive_eof()) + encode_events(self.stream.receive_eof())

    def _translated(self, events: Iterable[UpstreamEvent]) -> bytes:
        return b"".join(encode_events(self.stream.receive(event)) for event in events)


def make_stream(
    *,
    tools: Sequence[FlatTool] = TOOLS,
    profile: Profile = Profile.GENERIC,
    carry: Callable[[str], str] | None = None,
    request: bytes = b"{}",
    options: ResponseOptions = PLAIN,
    max_calls: int | None = None,
) -> ResponseStream:
    numbers = itertools.count()
    parser = XmlToolCallParser()
    return ResponseStream(
        make_template(request, profile),
        tools=ToolTable(tools),
        parsers=[FallbackParser(parser.name, parser.markers, partial(parser.begin, tools))],
        new_id=lambda prefix: f"{prefix}_{next(numbers)}",
        now=lambda: NOW + 5.5,
        profile=profile,
        carry=carry,
        options=options,
        max_calls=max_calls,
    )


def make_template(request: bytes = b"{}", profile: Profile = Profile.GENERIC) -> Response:
    return response_template(
        parse_request(request), response_id="resp_1", created_at=NOW, model="mimo-v2.5", profile=profile
    )


def events_of(upstream: bytes, **settings: Any) -> list[Event]:
    """All events of an answer whose connection ends after these bytes."""
    translation = Translation(**settings)
    return read_events(translation.feed(upstream) + translation.end())


def translate(*chunks: Sequence[Chunk], done: bytes = DONE, **settings: Any) -> Event:
    """The final response of an answer; its events pass the checker on the way."""
    upstream = wire(itertools.chain.from_iterable(chunks)) + done
    return check_stream(events_of(upstream, **settings))


def shape(response: Event) -> list[tuple[str, Any]]:
    """The output in short: (kind, text) or (kind, (name, arguments))."""
    return [_short(item) for item in response["output"]]


def _short(item: Event) -> tuple[str, Any]:
    match item["type"]:
        case "message":
            return "message", "".join(part["text"] for part in item["content"])
        case "reasoning":
            return "reasoning", "".join(part["text"] for part in item["summary"])
        case "function_call":
            return "function_call", (item["name"], item["arguments"])
        case "custom_tool_call":
            return "custom_tool_call", (item["name"], item["input"])
        case "tool_search_call":
            return "tool_search_call", item["arguments"]
        case kind:
            return str(kind), item["action"]
