"""The stream events on the wire."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from openai.types.responses import ResponseStreamEvent
from openai.types.responses import response as sdk

from ccmimolink.core import events as ev
from tests.core.translation import make_template

SDK_EVENTS = {
    get_args(member.model_fields["type"].annotation)[0]: member
    for member in get_args(get_args(ResponseStreamEvent)[0])
}


def test_an_event_is_a_name_line_and_a_data_line() -> None:
    event = ev.TextDelta(sequence_number=7, item_id="msg_1", output_index=0, delta="a\nb\r \u2028🙂")
    encoded = ev.encode_events([event])
    name, data, *rest = encoded.split(b"\n")
    assert (name, rest) == (b"event: response.output_text.delta", [b"", b""])
    assert b"\r" not in data
    assert json.loads(data.removeprefix(b"data: "))["delta"] == "a\nb\r \u2028🙂"


def test_events_leave_joined() -> None:
    one = ev.ArgumentsDelta(sequence_number=0, item_id="fc_1", output_index=0, delta="{")
    assert ev.encode_events([one, one]) == ev.encode_events([one]) * 2
    assert ev.encode_events([]) == b""


@pytest.mark.parametrize("kind", get_args(ev.StreamEvent))
def test_every_event_has_the_fields_that_the_sdk_requires(kind: type) -> None:
    config = kind.__struct_config__  # type: ignore[attr-defined]  # every event is a Struct
    fields = {*kind.__struct_fields__, "type"}  # type: ignore[attr-defined]
    model = SDK_EVENTS[config.tag]
    assert {name for name, field in model.model_fields.items() if field.is_required()} <= fields


def test_the_response_has_every_field_that_the_sdk_requires_and_null_where_nothing_is_known() -> None:
    response = json.loads(ev.encode_response(make_template()))
    required = {name for name, field in sdk.Response.model_fields.items() if field.is_required()}
    assert required <= response.keys()
    assert {"usage", "error", "incomplete_details", "completed_at", "instructions"} <= response.keys()


def test_an_item_leaves_out_what_it_does_not_have() -> None:
    call = ev.OutputFunctionCall(id="fc_1", call_id="call_1", name="f", arguments="{}", status="completed")
    event = ev.ItemDone(sequence_number=0, output_index=0, item=call)
    item = json.loads(ev.encode_events([event]).split(b"data: ")[1])["item"]
    assert item == {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "f",
        "arguments": "{}",
        "status": "completed",
    }
