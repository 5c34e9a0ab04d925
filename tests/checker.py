"""The strict checker of Responses streams: what any client of the API may rely on.

Owns the rules of a whole stream, and asks the official SDK's models about each single event. It shares no
code with the proxy. ``check_stream`` takes events, ``read_events`` makes them of the bytes on the wire.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, get_args

from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter, ValidationError

Event = dict[str, Any]

TERMINAL = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
_CODEX_CODES = {"slow_down", "context_length_exceeded"}
"""Error codes that Codex acts on and the SDK does not list."""

# Of each kind of item: the events that open its content, the delta, and those that close it.
_LIVES: dict[str, tuple[tuple[str, ...], str | None, tuple[str, ...]]] = {
    "message": (
        ("response.content_part.added",),
        "response.output_text.delta",
        ("response.output_text.done", "response.content_part.done"),
    ),
    "reasoning": (
        ("response.reasoning_summary_part.added",),
        "response.reasoning_summary_text.delta",
        ("response.reasoning_summary_text.done", "response.reasoning_summary_part.done"),
    ),
    "function_call": (
        (),
        "response.function_call_arguments.delta",
        ("response.function_call_arguments.done",),
    ),
    "custom_tool_call": (
        (),
        "response.custom_tool_call_input.delta",
        ("response.custom_tool_call_input.done",),
    ),
    "tool_search_call": ((), None, ()),
    "local_shell_call": ((), None, ()),
}


_NOTE = "response.output_text.annotation.added"
_WITH_STATUS = {"message", "function_call", "tool_search_call", "local_shell_call"}


class BrokenStream(AssertionError):
    """The stream breaks a rule."""


def check_stream(events: Sequence[Event]) -> Event:
    """Check all events of one stream, from the first to the last.

    :returns: the response of the terminal event.
    :raises BrokenStream: a rule is broken; the message says which, and by which event.
    """
    _require(bool(events), "there is no event")
    for place, event in enumerate(events):
        _require(event.get("sequence_number") == place, f"sequence number at place {place}: {event}")
        _check_shape(event)
    types = [event["type"] for event in events]
    _require(types[:2] == ["response.created", "response.in_progress"], f"begins with {types[:2]}")
    _require("response.created" not in types[1:], "created twice")
    _require(types[-1] in TERMINAL, f"ends with {types[-1]}")
    _require(not any(kind in TERMINAL for kind in types[:-1]), "goes on after its terminal event")
    first = events[0]["response"]
    _require(first["status"] == "in_progress" and first["output"] == [], f"begins as {first}")
    for place, event in enumerate(events):
        if event["type"] == "response.in_progress":
            # What fills a silence comes without the echo of the request, which may be long.
            echo = {} if place < 2 else {name: first[name] for name in ("tools", "instructions")}
            _require(
                {**event["response"], **echo} == first, f"the response changed while in progress: {event}"
            )
    closed, given_up = _check_items([event for event in events if "response" not in event])
    last: Event = events[-1]["response"]
    _check_end(first, last, TERMINAL[types[-1]], closed, given_up=given_up)
    return last


def read_events(raw: bytes) -> list[Event]:
    """The events of an SSE body, whose framing must be the plainest: one event line, one data line.

    :raises BrokenStream: it is not.
    """
    _require(raw.endswith(b"\n\n"), f"the last event is not ended: {raw[-80:]!r}")
    events = []
    for block in raw[:-2].split(b"\n\n"):
        lines = block.split(b"\n")
        _require(
            len(lines) == 2 and lines[0].startswith(b"event: ") and lines[1].startswith(b"data: "),
            f"framing: {block!r}",
        )
        event = json.loads(lines[1][6:])
        _require(event["type"] == lines[0][7:].decode(), f"the event's name and type differ: {block!r}")
        events.append(event)
    return events


def check_bytes(raw: bytes) -> Event:
    """``check_stream`` for the body of an answer."""
    return check_stream(read_events(raw))


def texts_of(response: Event, kind: str = "message") -> list[str]:
    """The texts of a response's messages, or of its reasoning."""
    field = "content" if kind == "message" else "summary"
    return ["".join(part["text"] for part in item[field]) for item in items_of(response, kind)]


def items_of(response: Event, kind: str) -> list[Event]:
    return [item for item in response["output"] if item["type"] == kind]


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise BrokenStream(problem)


# -- one event -----------------------------------------------------------------------------------------------


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    """By type, so that an event is judged by its own model and not by whichever of sixty takes it."""
    members = get_args(get_args(ResponseStreamEvent)[0])
    return {get_args(member.model_fields["type"].annotation)[0]: TypeAdapter(member) for member in members}


def _check_shape(event: Event) -> None:
    adapter = _adapters().get(event.get("type", ""))
    if adapter is None:
        raise BrokenStream(f"no such event: {event}")
    try:
        adapter.validate_json(json.dumps(_without_codex_codes(event)), strict=True)
    except ValidationError as error:
        raise BrokenStream(f"the SDK refuses {event}: {error}") from error


def _without_codex_codes(event: Event) -> Event:
    error = event.get("response", {}).get("error") if event["type"] == "response.failed" else None
    if not error or error["code"] not in _CODEX_CODES:
        return event
    return event | {"response": event["response"] | {"error": error | {"code": "server_error"}}}


# -- items ---------------------------------------------------------------------------------------------------


def _check_items(events: Sequence[Event]) -> tuple[list[Event], int]:
    """The closed items in their order, and how many more were opened and given up."""
    lives: list[list[Event]] = []
    for event in events:
        if event["type"] == "response.output_item.added":
            _require(event["output_index"] == len(lives), f"output_index of {event}")
            lives.append([])
        _require(bool(lives) and event["output_index"] == len(lives) - 1, f"belongs to no open item: {event}")
        lives[-1].append(event)
    items = [_check_life(life) for life in lives]
    closed = [item for item in items if item is not None]
    ids = [life[0]["item"].get("id") for life in lives]
    _require(all(ids) and len(set(ids)) == len(ids), f"item ids: {ids}")
    calls = [item["call_id"] for item in closed if "call_id" in item]
    _require(all(calls) and len(set(calls)) == len(calls), f"call ids: {calls}")
    return closed, len(items) - len(closed)


def _check_life(life: Sequence[Event]) -> Event | None:
    """The closed item of these events, or None where it was given up."""
    opened: Event = life[0]["item"]
    kind = opened["type"]
    _require(kind in _LIVES, f"an item that nobody asked for: {life[0]}")
    opening, delta, closing = _LIVES[kind]
    _check_notes(life)
    _check_parts(life)
    types = [event["type"] for event in life[1:] if event["type"] != _NOTE]
    deltas = types.count(delta or "")
    expected = [*opening, *[delta] * deltas, *closing, "response.output_item.done"]
    done = types[-1:] == ["response.output_item.done"]
    _require(types == (expected if done else expected[: len(types)]), f"order of {kind}: {types}")
    for event in life[1:]:
        _require(event.get("item_id", opened.get("id")) == opened.get("id"), f"item_id of {event}")
        _require(event.get("name", opened.get("name")) == opened.get("name"), f"name of {event}")
    _require(_text_of(opened) in ("", None), f"opened with content: {opened}")
    in_progress = kind not in ("message", "function_call") or opened.get("status") == "in_progress"
    _require(in_progress, f"opened as if it were done: {opened}")
    text = "".join(event["delta"] for event in life[1:] if event["type"] == delta)
    for event in life[1:]:
        _require(event["type"] not in opening or _said_by(event) == "", f"opened with content: {event}")
        if event["type"] in closing:
            _require(_said_by(event) == text, f"the deltas are {text!r}, not as in {event}")
    if not done:
        return None
    item: Event = life[-1]["item"]
    _require(kind not in _WITH_STATUS or "status" in item, f"closed without a status: {item}")
    same = {"type", "id", "call_id", "name", "namespace", "role"}
    for name in same & (opened.keys() | item.keys()):
        _require(opened.get(name) == item.get(name), f"{name} changed from {opened} to {item}")
    _require(_text_of(item) in (text, None), f"the deltas are {text!r}, not as in {item}")
    _require(item.get("status") != "in_progress", f"closed in progress: {item}")
    return item


def _check_notes(life: Sequence[Event]) -> None:
    """Annotations belong to an open text, are counted, lie within it, and stay with it to the end."""
    notes: list[Event] = []
    length: int | None = None
    for event in life:
        match event["type"]:
            case "response.content_part.added":
                length = 0
                _require(event["part"]["annotations"] == [], f"opened with annotations: {event}")
            case "response.output_text.delta" if length is not None:
                length += len(event["delta"])
            case "response.output_text.done":
                length = None
            case kind if kind == _NOTE:
                _require(length is not None, f"annotates no open text: {event}")
                _require(event["annotation_index"] == len(notes), f"annotation_index of {event}")
                note = event["annotation"]
                within = 0 <= note["start_index"] <= note["end_index"] <= (length or 0)
                _require(within, f"annotates what is not there: {event}")
                notes.append(note)
            case "response.content_part.done":
                said = event["part"]["annotations"]
                _require(said == notes, f"the annotations are {notes}, not as in {event}")
            case "response.output_item.done" if event["item"]["type"] == "message":
                said = [note for part in event["item"]["content"] for note in part["annotations"]]
                _require(said == notes, f"the annotations are {notes}, not as in {event}")


def _check_parts(life: Sequence[Event]) -> None:
    """An item has one part, and nobody asked for probabilities."""
    for event in life:
        for name in ("content_index", "summary_index"):
            _require(event.get(name, 0) == 0, f"{name} of {event}")
        parts = [event, event.get("part", {}), *event.get("item", {}).get("content", [])]
        _require(all(part.get("logprobs", []) == [] for part in parts), f"logprobs of {event}")


def _text_of(item: Event) -> str | None:
    """The text that the deltas of an item make up; None for an item that has none."""
    match item["type"]:
        case "message":
            return "".join(part["text"] for part in item["content"])
        case "reasoning":
            return "".join(part["text"] for part in item["summary"])
        case "function_call":
            return str(item["arguments"])
        case "custom_tool_call":
            return str(item["input"])
    return None


def _said_by(event: Event) -> str | None:
    for name in ("text", "arguments", "input"):
        if name in event:
            return str(event[name])
    return str(event["part"]["text"])


# -- the end -------------------------------------------------------------------------------------------------


def _check_end(first: Event, last: Event, status: str, closed: list[Event], *, given_up: int) -> None:
    _require(last["status"] == status, f"{status} says {last['status']}")
    _require(last["output"] == closed, f"the output is {last['output']}, but closed were {closed}")
    decided = {"status", "output", "usage", "error", "incomplete_details", "completed_at"}
    for name in (first.keys() | last.keys()) - decided:
        _require(first.get(name) == last.get(name), f"{name} changed from {first} to {last}")
    _require((last["error"] is not None) == (status == "failed"), f"error of {last}")
    _require((last["incomplete_details"] is not None) == (status == "incomplete"), f"details of {last}")
    if status == "completed":
        _require(given_up == 0, f"completed, but {given_up} items were given up")
        states = {item.get("status", "completed") for item in closed}
        _require(states <= {"completed"}, f"completed, with items that are {states}")
