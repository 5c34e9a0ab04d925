"""parse_request: what a client is told that sends what cannot be read, and what is read all the same."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.core.request_body import parse_request
from ccmimolink.core.responses import KNOWN_ITEM_TYPES, FunctionCall, Message, UnknownItem
from tests.core.request_bodies import refusal


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
        ({"input": [{"type": "message"}]}, "input[0]"),
        ({"input": ["x", {}]}, "input[0]"),
        ({"input": [{"role": "user"}, {"type": "message", "role": 5}]}, "input[1].role"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": ["x", 5]}]}, "input[0].content[1]"),
        ({"input": [{"role": "user", "content": [{"text": 5}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": {"type": "text", "text": 5}}]}, "input[0].content.text"),
        ({"input": [{"type": "item_reference", "id": 5}]}, "input[0].id"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": {"url": 5}}]}]},
            "input[0].content[0].image_url.url",
        ),
        ({"tools": {}}, "tools"),
        ({"tools": "web_search"}, "tools"),
        ({"tools": [{"name": "a"}, {"name": 1}]}, "tools[1].name"),
        ({"tools": [None]}, "tools[0]"),
        ({"tools": [5]}, "tools[0]"),
        ({"tools": ["web_search", " "]}, "tools[1]"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{"role": "user"}, None]}, "input[1]"),
        ({"instructions": [{"role": "user", "content": "x"}]}, "instructions"),
        ({"max_output_tokens": 10.5}, "max_output_tokens"),
        ({"max_output_tokens": 1e300}, "max_output_tokens"),
        ({"max_output_tokens": "100"}, "max_output_tokens"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"include": "reasoning.encrypted_content"}, "include"),
        ({"tools": [{"type": "namespace", "tools": [{"type": 4}]}]}, "tools[0].tools[0].type"),
    ],
)
def test_a_wrong_type_is_refused_with_the_path_of_the_field(body: dict[str, Any], param: str) -> None:
    failure = refusal(body)
    assert (failure.kind, failure.param) == (FailureKind.INVALID_REQUEST, param)
    assert failure.message.startswith(param)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b"hi",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"temperature": NaN}',
        b'{"temperature": -Infinity}',
        b'{"unheard_of": Infinity}',
        b'{"input": [{"type": "hologram", "a": NaN}]}',
        b'{"tools": [{"name": "f", "parameters": {"a": Infinity}}]}',
    ],
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


@pytest.mark.parametrize(
    "body",
    [
        rb'{"input": [{"type": "hologram", "a": "\ud83d"}]}',
        rb'{"tools": [{"name": "f", "parameters": {"description": "\ud83d"}}]}',
        rb'{"input": [{"type": "shell_call", "call_id": "c", "action": "\ud83d"}]}',
    ],
)
def test_a_cut_character_is_replaced_also_where_the_json_stays_raw(body: bytes) -> None:
    request = parse_request(body)
    raws = [*request.raw_tools, *(item.raw for item in request.input if isinstance(item, UnknownItem))]
    assert [bytes(raw).count(rb"\ufffd") for raw in raws] == [1]
    assert not [raw for raw in raws if b"d83d" in bytes(raw)]
    assert request.notes == ("halves of characters were replaced",)


def test_whole_characters_are_nothing_to_note() -> None:
    assert parse_request(rb'{"input": "\ud83d\ude00 \\ud83d"}').notes == ()


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


@pytest.mark.parametrize("name", ["background", "conversation", "prompt"])
def test_what_cannot_be_honoured_is_refused_by_name(name: str) -> None:
    failure = refusal({name: True})
    assert (failure.kind, failure.param) == (FailureKind.UNSUPPORTED, name)


def test_a_provider_s_compaction_is_refused_with_the_way_out() -> None:
    """Codex asks for it of a provider that is called "OpenAI", and wants a sealed history for an answer."""
    failure = refusal({"input": [{"role": "user", "content": "hi"}, {"type": "compaction_trigger"}]})
    assert (failure.kind, failure.param) == (FailureKind.UNSUPPORTED, "input[1]")
    assert "OpenAI" in failure.message
    assert "config.toml" in failure.message


@pytest.mark.parametrize(("written", "read"), [("1000.0", 1000), ("1e3", 1000), ("7", 7), ("null", None)])
def test_a_whole_number_may_be_written_as_a_float(written: str, read: int | None) -> None:
    request = parse_request(b'{"input":"q","max_output_tokens":%s}' % written.encode())
    assert request.max_output_tokens == read
    assert not isinstance(request.max_output_tokens, float)


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
        "type": st.sampled_from([*sorted(KNOWN_ITEM_TYPES), "shell_call", "shell_call_output"]) | _json,
        "id": _json,
        "output": _json,
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


@pytest.mark.parametrize("path", ["input", "tools"])
def test_a_list_that_no_model_can_take_is_refused_before_it_is_read(path: str) -> None:
    elements = b"[" + b",".join([b"{}"] * 100_001) + b"]"
    with pytest.raises(RequestError, match=f"{path}: holds 100001 elements") as refused:
        parse_request(b'{"%s": %s}' % (path.encode(), elements))
    assert refused.value.failure.param == path


def test_a_list_of_items_that_no_model_can_take_is_refused() -> None:
    elements = b",".join([b'{"type":"compaction"}'] * 100_001)
    with pytest.raises(RequestError, match="input: holds 100001 elements"):
        parse_request(b'{"input": [%s]}' % elements)


def test_one_odd_item_leaves_the_others_as_they_are() -> None:
    said = {"type": "message", "role": "user", "content": "a"}
    with pytest.raises(RequestError, match=r"input\[2\]\.role: "):
        parse_request(json.dumps({"input": [said, said, said | {"role": 7}]}).encode())
    odd = {"type": "function_call", "call_id": 7, "name": "f"}
    request = parse_request(json.dumps({"input": [said, odd, said]}).encode())
    assert request.input == [
        Message(role="user", content="a"),
        FunctionCall(call_id="7", name="f"),
        Message(role="user", content="a"),
    ]
    assert request.notes


def test_what_was_read_of_a_request_does_not_keep_its_body() -> None:
    """A body is megabytes, and the tools of a request are echoed when it is long gone."""
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
    body = json.dumps({"input": "x" * 10_000, "tools": tools}).encode()
    before = sys.getrefcount(body)
    request = parse_request(body)
    assert sys.getrefcount(body) == before
    assert bytes(request.raw_tools[0]) == json.dumps(tools[0]).encode()
