"""Items and responses as the text that is stored of them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ccmimolink.core.errors import Profile
from ccmimolink.core.events import OutputFunctionCall, OutputMessage, OutputText, Response, encode_response
from ccmimolink.core.request_body import parse_request
from ccmimolink.core.responses import FunctionCall, Message, UnknownItem
from ccmimolink.core.stored_text import ids_in, items_in, items_text, response_text
from tests.core.translation import make_template

ITEMS: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "input_text", "text": 'a "quoted" \\ word 😀'}], "id": "msg_1"},
    {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_image", "image_url": {"url": "http://x"}}],
    },
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "ccmimo1:summary"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1}', "namespace": "n"},
    {"type": "function_call_output", "call_id": "c", "output": {"b": [1e-7, 12345678901234567890123]}},
    {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"},
    {"type": "custom_tool_call_output", "call_id": "d"},
    {"type": "tool_search_call", "call_id": "e", "arguments": {"deep": [[{"n": None}], 2**70]}},
    {
        "type": "tool_search_output",
        "call_id": "e",
        "tools": [{"name": "h", "parameters": {"type": "object"}}],
    },
    {"type": "local_shell_call", "id": "lsh_1", "action": {"command": ["ls"], "timeout_ms": None}},
    {"type": "local_shell_call_output", "id": "lsh_1", "output": "ok"},
    {
        "type": "agent_message",
        "author": "a",
        "content": [{"type": "encrypted_content", "encrypted_content": "t"}],
    },
    {"type": "compaction", "encrypted_content": "sealed"},
    {"type": "shell_call", "call_id": "s", "action": {"commands": ["ls"]}},
    {"type": "shell_call_output", "call_id": "s", "output": [{"stdout": "x"}]},
    {"type": "mcp_call", "id": "mcp_1", "name": "m", "output": "done"},
    {"type": "from_the_future", "shape": [1, {"x": None}], "id": 7},
    {"type": "function_call", "call_id": 7, "name": "shell", "arguments": {"cmd": "ls"}},
    {"type": "message", "role": "assistant", "content": []},
]


def test_items_come_out_as_they_went_in() -> None:
    items = parse_request(json.dumps({"input": ITEMS}).encode()).input
    assert items_in(items_text(items)) == items


@pytest.mark.parametrize("place", range(len(ITEMS)))
def test_an_item_by_itself_comes_out_as_it_went_in(place: int) -> None:
    items = parse_request(json.dumps({"input": [ITEMS[place]]}).encode()).input
    assert items_in(items_text(items)) == items


def test_an_item_of_a_kind_unknown_here_holds_what_no_decoder_takes() -> None:
    written = b'{"type":"odd","n":[-1e999,1E999]}'
    (item,) = items_in(items_text([UnknownItem(type="odd", raw=msgspec.Raw(written))]))
    assert isinstance(item, UnknownItem)
    assert bytes(item.raw) == written


def test_what_is_nested_beyond_reading_is_cut_and_the_rest_stays() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    text = b'[{"type":"message","role":"user","content":"kept"},{"type":"odd","x":%b}]' % deep
    first, second = items_in(text)
    assert first == Message(role="user", content="kept")
    assert isinstance(second, UnknownItem)


def test_the_ids_of_items_are_told_whatever_the_items_are() -> None:
    items = parse_request(json.dumps({"input": ITEMS}).encode()).input
    assert ids_in(items_text(items)) == {"msg_1", "rs_1", "lsh_1", "mcp_1"}


def response(*, output: tuple[Any, ...] = (), **request: Any) -> Response:
    fields = {"input": "x", "tools": [{"type": "function", "name": "f", "parameters": {}}]} | request
    made = make_template(json.dumps(fields).encode(), Profile.GENERIC)
    return structs.replace(made, output=output)


OUTPUT = (
    OutputMessage(id="msg_2", status="completed", content=(OutputText('"output":[] ,"usage":'),)),
    OutputFunctionCall(id="fc_2", call_id="c", name="f", arguments="{}", status="completed"),
)


@given(
    said=st.text(max_size=20),
    instructions=st.none() | st.sampled_from(['"output":[]', ',"prompt_cache_key":', "x"]),
    metadata=st.dictionaries(
        st.sampled_from(["usage", "output", 'a"']), st.sampled_from(["", "v", ',"usage":'])
    ),
    previous=st.none() | st.sampled_from(["resp_1", ',"prompt_cache_key":', '"output":[]']),
    user=st.none() | st.sampled_from([',"usage":', '"output":[]']),
)
def test_the_pieces_of_a_response_are_the_whole(said: str, previous: str | None, **request: Any) -> None:
    request["previous_response_id"] = previous
    output = (OutputMessage(id="m", status="completed", content=(OutputText(said),)), *OUTPUT)
    made = response(output=output, **request)
    text = response_text(made)
    assert text.whole() == encode_response(made)
    assert len(text) == len(encode_response(made))
    assert json.loads(text.output) == json.loads(encode_response(made))["output"]


def test_the_output_of_a_response_is_read_as_input() -> None:
    message, call = items_in(response_text(response(output=OUTPUT)).output)
    assert isinstance(message, Message)
    assert (message.id, message.role) == ("msg_2", "assistant")
    assert call == FunctionCall(id="fc_2", call_id="c", name="f", arguments="{}")


def test_what_responses_to_the_same_client_have_in_common_stands_apart() -> None:
    request: dict[str, Any] = {"instructions": "long " * 100, "metadata": {"a": "b"}}
    one = response_text(response(output=OUTPUT, **request))
    two = response_text(
        structs.replace(response(previous_response_id="r", **request), id="other", created_at=5)
    )
    assert (one.asked, one.offered) == (two.asked, two.offered)
    assert b"long long" in one.asked
    assert b'"tools":[{' in one.offered
    assert len(one) - len(one.asked) - len(one.offered) < 700


def test_ids_are_found_in_a_text_that_is_nested_deeper_than_it_can_be_read() -> None:
    deep = b"[" * 50_000 + b"]" * 50_000
    assert ids_in(b'[{"id": "a", "x": %b}, {"id": "b"}]' % deep) == {"a", "b"}
