"""The checker of streams refuses what is broken: each rule is shown to be able to fail."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.checker import BrokenStream, Event, check_bytes, check_stream, read_events
from tests.core.translation import call, events_of, finish, say, think, usage, wire

SOUND = events_of(
    wire([*think("a", "b"), *say("c", "d"), *call("shell", '{"cmd":', '"ls"}'), *finish(), *usage()])
)
PLACE = {event["type"]: place for place, event in enumerate(SOUND)}


def edited(kind: str, change: Callable[[Event], object]) -> list[Event]:
    """The sound stream with its last event of this type changed."""
    events = copy.deepcopy(SOUND)
    change(events[PLACE[kind]])
    return events


def without(kind: str) -> list[Event]:
    return renumbered([event for event in SOUND if event["type"] != kind])


def renumbered(events: list[Event]) -> list[Event]:
    return [event | {"sequence_number": place} for place, event in enumerate(copy.deepcopy(events))]


def swapped(first: int, second: int) -> list[Event]:
    events = [*SOUND]
    events[first], events[second] = events[second], events[first]
    return renumbered(events)


ADDED, DONE = "response.output_item.added", "response.output_item.done"
END = "response.completed"
ARGUMENTS = "response.function_call_arguments.done"

BROKEN: dict[str, list[Event]] = {
    "no event": [],
    "a gap in the numbers": edited(END, lambda event: event.update(sequence_number=99)),
    "an unknown event": edited(DONE, lambda event: event.update(type="response.output_item.finished")),
    "no created": renumbered(SOUND[1:]),
    "created twice": renumbered([SOUND[0], SOUND[1], SOUND[0], *SOUND[2:]]),
    "no in_progress": without("response.in_progress"),
    "no terminal event": SOUND[:-1],
    "two terminal events": renumbered([*SOUND, SOUND[-1]]),
    "an event after the end": renumbered([*SOUND, SOUND[1]]),
    "a response that changes on its way": edited(END, lambda event: event["response"].update(id="resp_2")),
    "a required field of an event is missing": edited(DONE, lambda event: event.pop("output_index")),
    "a required field of an item is missing": edited(DONE, lambda event: event["item"].pop("call_id")),
    "a required field of a part is missing": edited(
        "response.content_part.done", lambda event: event["part"].pop("annotations")
    ),
    "a required field of the response is missing": edited(
        END, lambda event: event["response"].pop("parallel_tool_calls")
    ),
    "a count that is null": edited(
        END, lambda event: event["response"]["usage"]["input_tokens_details"].update(cached_tokens=None)
    ),
    "arguments that are no string": edited(DONE, lambda event: event["item"].update(arguments={})),
    "a status that does not exist": edited(DONE, lambda event: event["item"].update(status="done")),
    "an item without a status": edited(DONE, lambda event: event["item"].pop("status")),
    "an item that is closed in progress": edited(
        DONE, lambda event: event["item"].update(status="in_progress")
    ),
    "another item's id": edited(ARGUMENTS, lambda event: event.update(item_id="fc_9")),
    "another item's index": edited(ARGUMENTS, lambda event: event.update(output_index=0)),
    "an index that skips one": edited(ADDED, lambda event: event.update(output_index=3)),
    "the id changes on closing": edited(DONE, lambda event: event["item"].update(id="fc_9")),
    "the name changes on closing": edited(DONE, lambda event: event["item"].update(name="rm")),
    "arguments that were not streamed": edited(ARGUMENTS, lambda event: event.update(arguments="{}")),
    "an item that differs from its deltas": edited(DONE, lambda event: event["item"].update(arguments="{}")),
    "a text that differs from its deltas": edited(
        "response.output_text.done", lambda event: event.update(text="cD")
    ),
    "a summary that differs from its deltas": edited(
        "response.reasoning_summary_part.done", lambda event: event["part"].update(text="")
    ),
    "a delta that is lost": renumbered(
        [event for place, event in enumerate(SOUND) if place != PLACE["response.output_text.delta"]]
    ),
    "no content part": without("response.content_part.added"),
    "a part that is not ended": without("response.reasoning_summary_part.done"),
    "an item that is never opened": without(ADDED),
    "an item that is never closed": renumbered([e for place, e in enumerate(SOUND) if place != PLACE[DONE]]),
    "a text that ends after its part": swapped(
        PLACE["response.output_text.done"], PLACE["response.content_part.done"]
    ),
    "an output that lacks an item": edited(END, lambda event: event["response"]["output"].pop()),
    "an output in another order": edited(END, lambda event: event["response"]["output"].reverse()),
    "a status that is not the event's": edited(
        END, lambda event: event["response"].update(status="incomplete")
    ),
    "a completed response with an error": edited(
        END, lambda event: event["response"].update(error={"code": "server_error", "message": "x"})
    ),
    "a completed response with an incomplete item": edited(
        END, lambda event: event["response"]["output"][1].update(status="incomplete")
    ),
}


def test_a_sound_stream_passes_and_its_response_is_returned() -> None:
    assert check_stream(SOUND) == SOUND[-1]["response"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_stream_does_not(name: str) -> None:
    with pytest.raises(BrokenStream):
        check_stream(BROKEN[name])


def test_two_calls_with_one_id_do_not() -> None:
    upstream = wire([*call("shell", "{}"), *call("list_files", "{}", index=1), *finish("tool_calls")])
    events = events_of(upstream)
    for event in events:
        for item in [event.get("item", {}), *event.get("response", {}).get("output", [])]:
            if "call_id" in item:
                item["call_id"] = "call_same"
    with pytest.raises(BrokenStream, match="call ids"):
        check_stream(events)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'event: a\ndata: {"type":"a"}\n',
        b'data: {"type":"a"}\n\n',
        b'event: b\ndata: {"type":"a"}\n\n',
        b'event: a\ndata: {"type":"a"}\n\n: ping\n\n',
    ],
)
def test_frames_that_are_not_the_plainest_do_not_pass(raw: bytes) -> None:
    with pytest.raises(BrokenStream):
        read_events(raw)


def test_bytes_are_read_and_checked_in_one() -> None:
    with pytest.raises(BrokenStream, match="begins with"):
        check_bytes(
            b'event: error\ndata: {"type":"error","sequence_number":0,"message":"x","code":null,'
            b'"param":null}\n\n'
        )
