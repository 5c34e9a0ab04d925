"""parse_request: items of known kinds with wrong types in them, which cost themselves at most."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from ccmimolink.core.decoding import MAX_NOTES, Notes
from ccmimolink.core.errors import RequestError
from ccmimolink.core.odd_items import MAX_REPAIRS, coerced_item
from ccmimolink.core.request_body import parse_request
from ccmimolink.core.responses import (
    AdditionalTools,
    Compaction,
    ContentPart,
    CustomToolCall,
    CustomToolCallOutput,
    FunctionCall,
    FunctionCallOutput,
    Item,
    LocalShellCall,
    LocalShellCallOutput,
    Message,
    Output,
    Reasoning,
    Tool,
    ToolSearchCall,
    ToolSearchOutput,
    UnknownItem,
    WebSearchCall,
)
from tests.core.request_bodies import parsed_item


def text(value: str, kind: str = "input_text") -> ContentPart:
    return ContentPart(type=kind, text=value)


def notes(*items: Any) -> tuple[str, ...]:
    return parse_request(json.dumps({"input": items}).encode()).notes


CALL = {"type": "function_call", "call_id": "c", "name": "f"}
OUTPUT = {"type": "function_call_output", "call_id": "c"}
CUSTOM = {"type": "custom_tool_call", "call_id": "c", "name": "patch"}


@pytest.mark.parametrize(
    ("fields", "item"),
    [
        (CALL | {"arguments": None}, FunctionCall(call_id="c", name="f")),
        (CALL | {"arguments": {"a": [1.50]}}, FunctionCall(call_id="c", name="f", arguments='{"a": [1.5]}')),
        (CALL | {"arguments": [1]}, FunctionCall(call_id="c", name="f", arguments="[1]")),
        (CALL | {"arguments": False}, FunctionCall(call_id="c", name="f", arguments="false")),
        (CALL | {"call_id": None}, FunctionCall(call_id="", name="f")),
        (CALL | {"call_id": 17}, FunctionCall(call_id="17", name="f")),
        (CALL | {"call_id": ["c"]}, FunctionCall(call_id="", name="f")),
        (CALL | {"name": None}, FunctionCall(call_id="c", name="")),
        ({"type": "function_call", "name": "f"}, FunctionCall(call_id="", name="f")),
        (CALL | {"id": 5, "namespace": {}}, FunctionCall(id="5", call_id="c", name="f")),
        (CUSTOM | {"input": None}, CustomToolCall(call_id="c", name="patch")),
        (
            CUSTOM | {"input": {"input": "x"}},
            CustomToolCall(call_id="c", name="patch", input='{"input": "x"}'),
        ),
        (
            {"type": "tool_search_call", "call_id": 5, "arguments": {"query": 1}},
            ToolSearchCall(call_id="5", arguments={"query": 1}),
        ),
        ({"type": "local_shell_call", "id": "l", "call_id": []}, LocalShellCall(id="l")),
        ({"type": "local_shell_call", "action": ["ls"]}, LocalShellCall(action={"command": ["ls"]})),
        ({"type": "local_shell_call", "action": "ls"}, LocalShellCall(action={"command": "ls"})),
        ({"type": "web_search_call", "action": "search"}, WebSearchCall()),
        ({"type": "compaction", "encrypted_content": {"a": 1}}, Compaction()),
    ],
)
def test_a_call_keeps_what_can_be_read_of_it(fields: dict[str, Any], item: Item) -> None:
    assert parsed_item(**fields) == item


@pytest.mark.parametrize(
    ("value", "output"),
    [
        (5, "5"),
        (1.25, "1.25"),
        (True, "true"),
        (["a", "b"], [text("a"), text("b")]),
        ([{"text": "a"}, {"type": None, "text": "b"}], [text("a"), text("b")]),
        (["a", 5, None, [1], {"b": 2}], [text("a"), text("5"), text("[1]"), text('{"b": 2}')]),
        (["a", {"type": "input_text", "text": "b", "detail": 5}], [text("a"), text("b")]),
        (["a", {"type": "smell", "text": "b", "detail": 5}], [text("a"), text("b", "smell")]),
        (
            [{"type": "input_image", "image_url": {"url": "http://x/", "detail": 5}, "detail": "low"}, "a"],
            [ContentPart(type="input_image", image_url="http://x/", detail="low"), text("a")],
        ),
        ([{"type": "input_image", "image_url": 5}], [ContentPart(type="input_image")]),
        (
            [{"type": "input_audio", "input_audio": {"data": "AA"}, "text": 5}],
            [ContentPart(type="input_audio", input_audio={"data": "AA"})],
        ),
    ],
)
def test_an_output_is_text_or_parts_in_whatever_form_it_comes(value: object, output: Output) -> None:
    def read(kind: str) -> Item:
        return parsed_item(type=kind, call_id="c", output=value)

    assert read("function_call_output") == FunctionCallOutput(call_id="c", output=output)
    assert read("custom_tool_call_output") == CustomToolCallOutput(call_id="c", output=output)
    assert read("local_shell_call_output") == LocalShellCallOutput(call_id="c", output=output)


def test_an_output_whose_call_id_is_odd_keeps_what_it_says() -> None:
    assert parsed_item(type="function_call_output", call_id=5, output="done") == FunctionCallOutput(
        call_id="5", output="done"
    )
    assert parsed_item(type="function_call_output", output={"a": 1}, call_id={}) == FunctionCallOutput(
        call_id="", output={"a": msgspec.Raw(b"1")}
    )


@pytest.mark.parametrize(
    ("fields", "item"),
    [
        ({"summary": ["a"]}, Reasoning(summary=[text("a", "summary_text")])),
        ({"summary": "a"}, Reasoning(summary=[text("a", "summary_text")])),
        ({"content": "a", "summary": []}, Reasoning(content=[text("a", "reasoning_text")], summary=[])),
        ({"content": {"type": "text", "text": "a"}}, Reasoning(content=[text("a", "text")])),
        ({"summary": [{"text": "a"}, 5, None]}, Reasoning(summary=[text("a", "summary_text")])),
        ({"summary": 5, "encrypted_content": "x"}, Reasoning(summary=[], encrypted_content="x")),
        ({"encrypted_content": 5, "summary": None}, Reasoning()),
    ],
)
def test_thinking_is_read_as_far_as_it_is_text(fields: dict[str, Any], item: Item) -> None:
    assert parsed_item(type="reasoning", **fields) == item


@pytest.mark.parametrize(
    ("kind", "item"), [("tool_search_output", ToolSearchOutput), ("additional_tools", AdditionalTools)]
)
def test_a_tool_that_was_found_and_cannot_be_read_costs_itself_only(
    kind: str, item: type[ToolSearchOutput | AdditionalTools]
) -> None:
    tools = [
        {"name": "a"},
        {"name": 5},
        None,
        "tool_search",
        {"type": "namespace", "name": "n", "tools": [{"name": "b"}, {"type": []}]},
        {"name": "c", "description": 5},
    ]
    fields = {"type": kind, "tools": tools}
    assert parsed_item(**fields) == item(
        tools=[
            Tool(name="a"),
            Tool(type="tool_search"),
            Tool(type="namespace", name="n", tools=[Tool(name="b")]),
            Tool(name="c"),
        ]
    )
    assert [note.partition(":")[0] for note in notes(fields)] == [
        "input[0].tools[1].name",
        "input[0].tools[2]",
        "input[0].tools[4].tools[1].type",
        "input[0].tools[5].description",
    ]
    assert parsed_item(type=kind, tools={"name": "a"}) == item(tools=[])


@pytest.mark.parametrize("kind", ["function_call", "custom_tool_call"])
def test_a_call_that_says_neither_its_name_nor_its_id_is_passed_over(kind: str) -> None:
    item = parsed_item(type=kind, arguments="{}", name={})
    assert type(item) is UnknownItem
    assert json.loads(bytes(item.raw)) == {"type": kind, "arguments": "{}", "name": {}}


@pytest.mark.parametrize(
    ("fields", "item"),
    [
        ({"role": "user", "content": ["a", "b"]}, Message(role="user", content=[text("a"), text("b")])),
        ({"role": "user", "content": {"text": "a"}}, Message(role="user", content=[text("a")])),
        (
            {"role": "user", "content": {"type": "input_file", "file_id": "f"}},
            Message(role="user", content=[ContentPart(type="input_file", file_id="f")]),
        ),
        (
            {"role": "assistant", "content": ["a"]},
            Message(role="assistant", content=[text("a", "output_text")]),
        ),
        (
            {"role": "user", "content": [{"text": "a"}, {"type": "text", "text": "b", "detail": 5}]},
            Message(role="user", content=[text("a"), text("b", "text")]),
        ),
        ({"role": "user", "content": "a", "id": 5, "phase": []}, Message(id="5", role="user", content="a")),
        ({"type": None, "role": "user", "content": "a"}, Message(role="user", content="a")),
    ],
)
def test_a_message_is_repaired_where_what_it_means_cannot_be_mistaken(
    fields: dict[str, Any], item: Item
) -> None:
    assert parsed_item(**fields) == item
    if fields.get("type", "message") is not None:
        assert parsed_item(type="message", **fields) == item


def test_a_repair_is_noted_by_its_place_without_the_content() -> None:
    assert notes(
        {"role": "user"}, CALL | {"arguments": {"secret": "sk-fake-1"}}, OUTPUT | {"output": "x"}
    ) == ("input[1].arguments: Expected 'str', got 'object'. The item was repaired.",)
    assert notes({"type": "function_call"}) == (
        "input[0]: Object missing required field 'call_id'. The item was passed over.",
    )
    assert notes({"role": "user", "content": ["x"]}) == (
        "input[0].content[0]: Expected 'object', got 'str'. The item was repaired.",
    )


def test_good_items_are_nothing_to_note() -> None:
    assert notes(CALL, OUTPUT, {"role": "user", "content": "x"}, {"type": "hologram"}, {"id": "msg_1"}) == ()


def test_notes_are_bounded() -> None:
    told = notes(*[CALL | {"arguments": None}] * 1000)
    assert len(told) == MAX_NOTES + 1
    assert told[-1] == f"and {1000 - MAX_NOTES} more repairs like these"


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "message", "id": "m", "role": "user", "content": "x", "phase": "commentary"},
        {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": {"url": "u"}}]},
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "a"}],
            "content": [{"type": "reasoning_text", "text": "b"}],
            "encrypted_content": "x",
        },
        CALL | {"id": "fc", "namespace": "n", "arguments": '{"a": 1}'},
        OUTPUT | {"output": [{"type": "input_image", "image_url": "u", "detail": "low", "file_id": None}]},
        OUTPUT | {"output": {"a": [1]}},
        CUSTOM | {"input": "x", "namespace": "n"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "x"},
        {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {"query": "q"}},
        {"type": "tool_search_output", "call_id": "c", "tools": [{"name": "f", "strict": True}]},
        {"type": "local_shell_call", "id": "l", "call_id": "c", "action": {"command": ["ls"]}},
        {"type": "local_shell_call_output", "id": "l", "output": None},
        {"type": "web_search_call", "id": "w", "action": {"query": "q"}},
        {"type": "additional_tools", "tools": [{"type": "namespace", "name": "n", "tools": []}]},
        {"type": "compaction", "id": "c", "encrypted_content": "x"},
    ],
    ids=lambda fields: str(fields["type"]),
)
def test_what_the_typed_decode_reads_would_be_read_alike(fields: dict[str, Any]) -> None:
    raw = msgspec.Raw(json.dumps(fields).encode())
    item = coerced_item(str(fields["type"]), raw, msgspec.ValidationError("unused"), "input[0]", Notes())
    assert item == parsed_item(**fields)


def test_a_request_in_which_everything_is_odd_is_refused_by_the_first_item_too_many() -> None:
    odd = b'{"type": "function_call", "call_id": 5, "name": "f", "arguments": "{}"}'
    body = b'{"input": [' + b",".join([odd] * (MAX_REPAIRS + 1)) + b"]}"
    with pytest.raises(RequestError) as refused:
        parse_request(body)
    assert (refused.value.failure.param or "").startswith(f"input[{MAX_REPAIRS}]")
