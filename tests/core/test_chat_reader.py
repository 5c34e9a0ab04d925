"""The reader of chat-completion chunks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.chat_reader import read_payload
from ccmimolink.core.errors import FailureKind
from ccmimolink.core.upstream_events import (
    CallDelta,
    Citation,
    Ended,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    UpstreamEvent,
    Usage,
)


def read(value: Any) -> list[UpstreamEvent]:
    return read_payload(json.dumps(value).encode())


def choice(delta: Any, finish_reason: str | None = None, index: int = 0) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}]}


def test_text_thinking_and_finish_in_the_order_in_which_they_are_meant() -> None:
    chunk = choice({"role": "assistant", "content": "b", "reasoning_content": "a"}, "stop")
    assert read(chunk) == [ReasoningDelta("a"), TextDelta("b"), Finished("stop")]


@pytest.mark.parametrize("delta", [{}, None, {"content": ""}, {"content": None, "tool_calls": None}])
def test_a_delta_that_says_nothing_is_no_event(delta: Any) -> None:
    assert read(choice(delta)) == []


def test_calls_in_pieces() -> None:
    calls = [
        {"index": 1, "id": "a", "type": "function", "function": {"name": "f", "arguments": None}},
        {"index": 0},
        {"function": {"arguments": "{"}},
    ]
    assert read(choice({"tool_calls": calls})) == [
        CallDelta(1, "a", "f", ""),
        CallDelta(0, None, None, ""),
        CallDelta(None, None, None, "{"),
    ]


def test_of_several_choices_the_first_is_read() -> None:
    assert read(choice({"content": "no"}, index=1)) == []


def test_what_is_not_known_is_passed_over() -> None:
    assert read({"id": "x", "model": "m", "object": "o", **choice({"content": "a", "audio": [1]})}) == [
        TextDelta("a")
    ]


def test_thinking_by_its_other_name() -> None:
    assert read(choice({"reasoning": "a", "content": None})) == [ReasoningDelta("a")]


def test_thinking_by_both_names_is_thought_once() -> None:
    assert read(choice({"reasoning": "a", "reasoning_content": "a"})) == [ReasoningDelta("a")]


class TestTheCallOfOldServers:
    def test_is_a_call_like_any_other(self) -> None:
        pieces = [{"name": "f", "arguments": ""}, {"arguments": "{}"}]
        assert [read(choice({"function_call": piece})) for piece in pieces] == [
            [CallDelta(0, None, "f", "")],
            [CallDelta(0, None, None, "{}")],
        ]

    def test_does_not_count_beside_the_calls_that_it_repeats(self) -> None:
        function = {"name": "f", "arguments": "{}"}
        call = {"index": 0, "id": "a", "function": function}
        assert read(choice({"tool_calls": [call], "function_call": function})) == [
            CallDelta(0, "a", "f", "{}")
        ]


class TestCitations:
    FLAT = {
        "type": "url_citation",
        "url": "https://a.example",
        "title": "A",
        "summary": "…",
        "site_name": "a",
    }

    def test_follow_the_text_that_came_with_them(self) -> None:
        assert read(choice({"content": "b", "annotations": [self.FLAT] * 2})) == [
            TextDelta("b"),
            *[Citation("https://a.example", "A")] * 2,
        ]

    def test_may_stand_in_a_member_of_their_own(self) -> None:
        nested = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": None}}
        assert read(choice({"annotations": [nested]})) == [Citation("https://a.example", "")]

    @pytest.mark.parametrize(
        "annotations",
        [None, [], {}, "x", [1], [None], [{}], [{"url": 5}], [{"url": ""}], [FLAT | {"type": "file"}]],
    )
    def test_that_cite_nothing_are_passed_over(self, annotations: Any) -> None:
        assert read(choice({"content": "a", "annotations": annotations})) == [TextDelta("a")]


@pytest.mark.parametrize("payload", [b"[DONE]", b" [DONE]\n"])
def test_done_is_the_end(payload: bytes) -> None:
    assert read_payload(payload) == [Ended()]


@pytest.mark.parametrize("payload", [b"", b"  "])
def test_an_event_without_content_only_keeps_the_connection_alive(payload: bytes) -> None:
    assert read_payload(payload) == []


@pytest.mark.parametrize(
    "payload",
    [b"{", b"[]", b"5", b"done", b'{"choices":5}', b"\xff", rb'{"a": "\ud83d', b"[" * 100_000, b"<html>"],
)
def test_what_cannot_be_read_is_a_broken_stream(payload: bytes) -> None:
    (event,) = read_payload(payload)
    assert isinstance(event, Failed)
    assert event.failure.kind is FailureKind.STREAM_BROKEN


def test_a_character_that_was_cut_in_two_is_replaced() -> None:
    payload = rb'{"choices": [{"delta": {"content": "a\ud83d"}}]}'
    assert read_payload(payload) == [TextDelta("a\N{REPLACEMENT CHARACTER}")]


@given(st.binary(max_size=40))
def test_reading_never_raises(payload: bytes) -> None:
    read_payload(payload)


class TestErrors:
    def test_are_all_that_their_chunk_says(self) -> None:
        error = {"code": "429", "message": "Too many requests"}
        (event,) = read({"error": error, **choice({"content": "a"})})
        assert isinstance(event, Failed)
        assert event.failure.kind is FailureKind.RATE_LIMITED

    @pytest.mark.parametrize(
        "said",
        [
            {"error": "backend is gone"},
            {"error": {"code": 500, "message": "backend is gone"}},
            {"error": {"code": 500.0, "message": "backend is gone"}},
            {"error": {"code": {}, "message": "Param Incorrect", "param": "backend is gone"}},
            {"error": {"message": {"detail": "backend is gone"}}},
            {"error": ["backend is gone"]},
            {"object": "error", "message": "backend is gone", "code": 500},
            {"message": "backend is gone"},
            {"message": "backend is gone", "code": [], "choices": []},
        ],
    )
    @pytest.mark.parametrize("prefix", [b"", b"data: ", b" data:data: "])
    def test_of_all_shapes_are_told(self, prefix: bytes, said: Any) -> None:
        (event,) = read_payload(prefix + json.dumps(said).encode())
        assert isinstance(event, Failed)
        assert "backend is gone" in event.failure.message

    @pytest.mark.parametrize("error", [None, "", {}, {"message": None}])
    def test_that_say_nothing_are_none(self, error: Any) -> None:
        assert read({"error": error, "message": "ok", **choice({"content": "a"})}) == [TextDelta("a")]


class TestUsage:
    def test_all_counts(self) -> None:
        usage = {
            "prompt_tokens": 5,
            "completion_tokens": 3,
            "total_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        }
        assert read({"choices": [], "usage": usage}) == [Usage(5, 3, 8, 4, 2)]

    @pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None, "reasoning_tokens": None}])
    def test_details_may_be_missing(self, details: Any) -> None:
        usage = {
            "prompt_tokens": 5,
            "completion_tokens": 3,
            "prompt_tokens_details": details,
            "completion_tokens_details": details,
        }
        assert read({"choices": None, "usage": usage}) == [Usage(5, 3, 8, 0, 0)]

    @pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 5}, {"completion_tokens": 3}])
    def test_a_count_that_is_missing_is_not_zero(self, usage: Any) -> None:
        assert read({"choices": [], "usage": usage}) == []

    def test_it_may_stand_beside_the_finish(self) -> None:
        chunk = choice({}, "stop") | {"usage": {"prompt_tokens": 0, "completion_tokens": 0}}
        assert read(chunk) == [Finished("stop"), Usage(0, 0, 0)]

    def test_it_may_come_with_a_word_for_success(self) -> None:
        usage = {"prompt_tokens": 1, "completion_tokens": 2}
        assert read({"code": 0, "message": "success", "usage": usage}) == [Usage(1, 2, 3)]


def test_a_whole_answer_is_read_like_one_chunk() -> None:
    functions = [{"name": name, "arguments": "{}"} for name in "fg"]
    message = {
        "content": "b",
        "reasoning_content": "a",
        "annotations": [{"type": "url_citation", "url": "https://a.example", "title": "A"}],
        "tool_calls": [{"id": "x", "type": "function", "function": function} for function in functions],
    }
    assert read({"choices": [{"message": message, "finish_reason": "tool_calls"}]}) == [
        ReasoningDelta("a"),
        TextDelta("b"),
        Citation("https://a.example", "A"),
        CallDelta(0, "x", "f", "{}"),
        CallDelta(1, "x", "g", "{}"),
        Finished("tool_calls"),
    ]


def test_bytes_that_are_no_character_cost_themselves_only() -> None:
    payload = b'{"choices": [{"index": 0, "delta": {"content": "caf\xc3 \xff!"}}]}'
    assert read_payload(payload) == [TextDelta("caf\ufffd \ufffd!")]
