"""parse_request: what a client may send, and what it is told when it may not."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.core.responses import (
    KNOWN_ITEM_TYPES,
    AdditionalTools,
    Compaction,
    ContentPart,
    CustomToolCall,
    CustomToolCallOutput,
    FunctionCall,
    FunctionCallOutput,
    ImageUrl,
    Item,
    ItemReference,
    LocalShellCall,
    LocalShellCallOutput,
    Message,
    Reasoning,
    ToolSearchCall,
    ToolSearchOutput,
    UnknownItem,
    WebSearchCall,
    parse_request,
)


def parsed_item(**fields: Any) -> Item:
    (item,) = parse_request(json.dumps({"input": [fields]}).encode()).input
    return item


def refusal(body: bytes | dict[str, Any]) -> Failure:
    with pytest.raises(RequestError) as caught:
        parse_request(body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value.failure


def test_a_string_as_input_is_one_user_message() -> None:
    request = parse_request(b'{"model": "m", "input":   "hi"}')
    assert request.input == [Message(role="user", content="hi")]


def test_an_empty_object_is_a_request_with_the_documented_defaults() -> None:
    request = parse_request(b"{}")
    assert (request.input, request.tools, request.include) == ([], [], [])
    assert (request.tool_choice, request.stream, request.store) == ("auto", False, True)


def test_null_means_the_same_as_leaving_a_field_out() -> None:
    names = ["input", "tools", "tool_choice", "stream", "store", "include", "text", "reasoning", "metadata"]
    request = parse_request(json.dumps(dict.fromkeys(names)).encode())
    bare = parse_request(b"{}")
    assert all(getattr(request, name) == getattr(bare, name) for name in names)


@pytest.mark.parametrize(
    ("fields", "item"),
    [
        (
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            Message(role="user", content=[ContentPart(type="input_text", text="hi")]),
        ),
        (
            {"type": "message", "id": "msg_1", "role": "assistant", "content": "hi", "phase": "commentary"},
            Message(id="msg_1", role="assistant", content="hi", phase="commentary"),
        ),
        (
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": "x"},
            Reasoning(id="rs_1", summary=[], encrypted_content="x"),
        ),
        (
            {
                "type": "function_call",
                "call_id": "c",
                "name": "add",
                "namespace": "mcp__calc",
                "arguments": "{",
            },
            FunctionCall(call_id="c", name="add", namespace="mcp__calc", arguments="{"),
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": "ok"},
            FunctionCallOutput(call_id="c", output="ok"),
        ),
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin"},
            CustomToolCall(call_id="c", name="apply_patch", input="*** Begin"),
        ),
        (
            {
                "type": "custom_tool_call_output",
                "call_id": "c",
                "output": [{"type": "input_text", "text": "t"}],
            },
            CustomToolCallOutput(call_id="c", output=[ContentPart(type="input_text", text="t")]),
        ),
        (
            {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {"query": "q"}},
            ToolSearchCall(call_id="c", execution="client", arguments={"query": "q"}),
        ),
        ({"type": "tool_search_output", "call_id": None, "tools": None}, ToolSearchOutput()),
        ({"type": "local_shell_call", "call_id": "c", "action": None}, LocalShellCall(call_id="c")),
        (
            {"type": "local_shell_call_output", "id": "c", "output": "o"},
            LocalShellCallOutput(id="c", output="o"),
        ),
        ({"type": "web_search_call", "action": {"query": "q"}}, WebSearchCall(action={"query": "q"})),
        (
            {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": None},
            AdditionalTools(id="at_1"),
        ),
        ({"type": "item_reference", "id": "msg_1"}, ItemReference(id="msg_1")),
        ({"type": "compaction", "encrypted_content": "x"}, Compaction(encrypted_content="x")),
    ],
)
def test_each_kind_of_item_is_read(fields: dict[str, Any], item: Item) -> None:
    assert parsed_item(**fields) == item
    assert fields["type"] in KNOWN_ITEM_TYPES


def test_an_item_without_a_type_but_with_a_role_is_a_message() -> None:
    assert parsed_item(role="developer", content="x") == Message(role="developer", content="x")


def test_an_item_of_an_unknown_kind_is_kept_as_it_came() -> None:
    item = parsed_item(type="hologram", id=7, role=[])
    assert isinstance(item, UnknownItem)
    assert (item.type, json.loads(bytes(item.raw))) == ("hologram", {"type": "hologram", "id": 7, "role": []})


def test_an_unknown_kind_of_content_part_is_kept() -> None:
    item = parsed_item(type="message", role="user", content=[{"type": "smell", "text": "roses"}])
    assert item == Message(role="user", content=[ContentPart(type="smell", text="roses")])


def test_an_image_may_be_given_in_the_spelling_of_chat_completions() -> None:
    item = parsed_item(
        role="user", content=[{"type": "image_url", "image_url": {"url": "http://x/", "detail": "low"}}]
    )
    assert isinstance(item, Message)
    assert item.content == [ContentPart(type="image_url", image_url=ImageUrl("http://x/", "low"))]


def test_a_tools_parameters_stay_the_clients_own_bytes() -> None:
    request = parse_request(
        b'{"tools": [{"type": "function", "name": "f", "parameters": {"b":1,  "a" : 2}}]}'
    )
    assert bytes(request.tools[0].parameters) == b'{"b":1,  "a" : 2}'  # type: ignore[arg-type]


def test_a_schema_stays_the_clients_own_bytes() -> None:
    request = parse_request(b'{"text": {"format": {"type": "json_schema", "schema": {"b":1,  "a" : 2}}}}')
    assert request.text is not None
    assert request.text.format is not None
    assert bytes(request.text.format.schema_) == b'{"b":1,  "a" : 2}'  # type: ignore[arg-type]


def test_tools_are_echoed_as_the_client_wrote_them() -> None:
    tools = b'[ {"type":"web_search", "unheard_of": [1]}, "image_generation" ]'
    request = parse_request(b'{"tools": ' + tools + b"}")
    written = [bytes(raw) for raw in request.raw_tools]
    assert written == [b'{"type":"web_search", "unheard_of": [1]}', b'"image_generation"']
    assert [tool.type for tool in request.tools] == ["web_search", "image_generation"]


def test_members_of_a_namespace_are_read() -> None:
    members = [{"type": "function", "name": "add"}]
    request = parse_request(
        json.dumps({"tools": [{"type": "namespace", "name": "mcp__calc", "tools": members}]}).encode()
    )
    assert request.tools[0].tools is not None
    assert request.tools[0].tools[0].name == "add"


def test_an_option_of_zero_is_a_value() -> None:
    request = parse_request(b'{"temperature": 0, "presence_penalty": 0.0, "store": false}')
    assert (request.temperature, request.presence_penalty, request.store) == (0, 0.0, False)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"temperature": "warm"}, "temperature"),
        ({"metadata": {"a": 5}}, "metadata[...]"),
        ({"input": 5}, "input"),
        ({"input": {}}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [None]}, "input[0]"),
        ({"input": [{"content": "x"}]}, "input[0]"),
        ({"input": [{"type": 5}]}, "input[0].type"),
        ({"input": [{"type": None, "role": "user"}]}, "input[0].type"),
        ({"input": [{"type": "message"}]}, "input[0]"),
        ({"input": ["x", {}]}, "input[0]"),
        ({"input": [{"role": "user"}, {"type": "function_call_output", "call_id": 5}]}, "input[1].call_id"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0]"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": {"url": 5}}]}]},
            "input[0].content[0].image_url.url",
        ),
        ({"input": [{"type": "additional_tools", "tools": [{"name": 1}]}]}, "input[0].tools[0].name"),
        ({"tools": {}}, "tools"),
        ({"tools": "web_search"}, "tools"),
        ({"tools": [{"name": "a"}, {"name": 1}]}, "tools[1].name"),
        ({"tools": [None]}, "tools[0]"),
        ({"tools": [{"type": "namespace", "tools": [{"type": 4}]}]}, "tools[0].tools[0].type"),
    ],
)
def test_a_wrong_type_is_refused_with_the_path_of_the_field(body: dict[str, Any], param: str) -> None:
    failure = refusal(body)
    assert (failure.kind, failure.param) == (FailureKind.INVALID_REQUEST, param)
    assert failure.message.startswith(param)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b"hi", b"{} {}", b'{"model": NaN}', b"\xef\xbb\xbf{}"]
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    failure = refusal(body)
    assert failure.kind is FailureKind.INVALID_REQUEST
    assert failure.message.startswith("the request body: ")
    assert failure.param is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"input": "\xff"}',
        b'{"input": [{"type": "hologram", "a": "\xff"}]}',
        b'{"tools": [{"name": "f", "parameters": {"a": "\xed\xa0\x80"}}]}',
    ],
)
def test_bad_utf8_is_refused_also_where_the_json_stays_raw(body: bytes) -> None:
    assert "not valid UTF-8" in refusal(body).message


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_body_is_called_empty(body: bytes) -> None:
    assert refusal(body) == Failure(FailureKind.INVALID_REQUEST, "the request body is empty.")


@pytest.mark.parametrize(
    "item",
    [
        rb'{"type": "message", "role": "user", "content": "cut \ud83d"}',
        rb'{"role": "user", "content": "cut \uD83D"}',
    ],
)
def test_a_character_that_was_cut_in_two_is_replaced(item: bytes) -> None:
    assert parse_request(b'{"input": [' + item + b"]}").input == [
        Message(role="user", content="cut \N{REPLACEMENT CHARACTER}")
    ]
    whole = parse_request(rb'{"input": "cut \ud83d", "instructions": "\ud83d\ude00"}')
    assert whole.instructions == "\N{GRINNING FACE}"


def test_a_cut_character_does_not_hide_another_mistake() -> None:
    assert refusal(rb'{"input": "\ud800", "temperature": "warm"}').param == "temperature"


@pytest.mark.parametrize(
    ("tools", "place"),
    [
        ([{"type": "function"}], "tools[0]"),
        ([{"type": "function", "name": "f"}, {"name": ""}], "tools[1]"),
        ([{"type": "namespace", "name": "n", "tools": [{"name": "f"}, {}]}], "tools[0].tools[1]"),
    ],
)
def test_a_function_tool_without_a_name_is_refused(tools: list[dict[str, Any]], place: str) -> None:
    failure = refusal({"tools": tools})
    assert (failure.kind, failure.param) == (FailureKind.INVALID_REQUEST, f"{place}.name")
    assert failure.message == f"{place}.name: a function tool needs a name."


@pytest.mark.parametrize("wrap", [lambda tool: tool, lambda tool: {"type": "namespace", "tools": [tool]}])
def test_a_tool_in_the_style_of_chat_completions_is_told_where_the_name_belongs(wrap: Any) -> None:
    failure = refusal({"tools": [wrap({"type": "function", "function": {"name": "f"}})]})
    assert "a function tool needs a name" in failure.message
    assert "top level" in failure.message


@pytest.mark.parametrize("kind", ["custom", "web_search", "tool_search"])
def test_only_function_tools_need_a_name(kind: str) -> None:
    assert parse_request(json.dumps({"tools": [{"type": kind}]}).encode()).tools[0].name is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": -1}, "max_output_tokens"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    failure = refusal(body)
    assert (failure.kind, failure.param) == (FailureKind.INVALID_REQUEST, param)
    assert failure.message.startswith(param)


@pytest.mark.parametrize(
    "body",
    [
        {"max_output_tokens": 1},
        *(
            {"tool_choice": choice}
            for choice in ("none", "auto", "required", {"type": "function", "name": "f"})
        ),
        *({"text": {"format": {"type": kind}}} for kind in ("text", "json_object", "json_schema")),
    ],
)
def test_a_value_within_its_range_is_taken(body: dict[str, Any]) -> None:
    assert parse_request(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"input": ', b"}"),
        (b'{"input": [{"type": "hologram", "a": ', b"}]}"),
        (b'{"input": [{"type": "tool_search_call", "arguments": ', b"}]}"),
        (b'{"tools": [{"name": "f", "parameters": ', b"}]}"),
        (b'{"metadata": ', b"}"),
    ],
)
def test_deep_nesting_is_refused_like_any_other_mistake(before: bytes, after: bytes) -> None:
    failure = refusal(before + b"[" * 100_000 + b"]" * 100_000 + after)
    assert failure.kind is FailureKind.INVALID_REQUEST


@pytest.mark.parametrize("name", ["background", "conversation", "prompt"])
def test_what_cannot_be_honoured_is_refused_by_name(name: str) -> None:
    failure = refusal({name: True})
    assert (failure.kind, failure.param) == (FailureKind.UNSUPPORTED, name)


def test_an_unsupported_feature_that_is_switched_off_is_no_obstacle() -> None:
    assert parse_request(b'{"background": false, "conversation": null, "input": "hi"}').input


def test_a_refusal_does_not_repeat_the_clients_text() -> None:
    secret = "sk-fake-do-not-show"
    assert secret not in refusal({"input": [{"type": "message", "role": {"key": secret}}]}).message
    assert secret not in refusal(f'{{"input": "{secret}" '.encode()).message


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_fields = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(sorted(KNOWN_ITEM_TYPES)) | _json,
        "role": st.sampled_from(["user", "assistant"]) | _json,
        "call_id": st.text(max_size=4) | _json,
        "content": _json,
        "tools": _json,
    },
)


@given(st.lists(_fields | _json, max_size=4) | _json, _json)
def test_any_json_is_read_or_refused_and_nothing_else(items: object, tools: object) -> None:
    body = json.dumps({"input": items, "tools": tools}).encode()
    try:
        request = parse_request(body)
    except RequestError:
        return
    assert not isinstance(items, list) or len(request.input) == len(items)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    with contextlib.suppress(RequestError):
        parse_request(body)
