"""The reader of chat-completion chunks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.chat_reader import WholeAnswer, read_payload
from ccmimolink.core.errors import FailureKind
from ccmimolink.core.sse import EventTooLarge
from ccmimolink.core.upstream_events import (
    CallDelta,
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
    assert read({"id": "x", "model": "m", "object": "o", **choice({"content": "a", "annotations": [1]})}) == [
        TextDelta("a")
    ]


@pytest.mark.parametrize("payload", [b"[DONE]", b" [DONE]\n"])
def test_done_is_the_end(payload: bytes) -> None:
    assert read_payload(payload) == [Ended()]


@pytest.mark.parametrize("payload", [b"", b"  "])
def test_an_event_without_content_only_keeps_the_connection_alive(payload: bytes) -> None:
    assert read_payload(payload) == []


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b"done", b'{"choices":5}', b"\xff", rb'{"a": "\ud83d', b"[" * 100_000]
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


def test_an_error_is_all_that_its_chunk_says() -> None:
    (event,) = read({"error": {"code": "429", "message": "Too many requests"}, **choice({"content": "a"})})
    assert isinstance(event, Failed)
    assert event.failure.kind is FailureKind.RATE_LIMITED


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


class TestAWholeAnswer:
    MESSAGE = {
        "content": "b",
        "reasoning_content": "a",
        "tool_calls": [
            {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "x", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }

    def test_is_read_like_one_chunk_and_its_end(self) -> None:
        body = json.dumps({"choices": [{"message": self.MESSAGE, "finish_reason": "tool_calls"}]}).encode()
        answer = WholeAnswer()
        assert answer.receive_data(body[:10]) == answer.receive_data(body[10:]) == []
        payloads = answer.receive_eof()
        assert [event for payload in payloads for event in read_payload(payload)] == [
            ReasoningDelta("a"),
            TextDelta("b"),
            CallDelta(0, "x", "f", "{}"),
            CallDelta(1, "x", "g", "{}"),
            Finished("tool_calls"),
            Ended(),
        ]

    def test_may_be_empty(self) -> None:
        assert WholeAnswer().receive_eof() == []

    def test_may_not_be_endless(self) -> None:
        answer = WholeAnswer(max_size=10)
        answer.receive_data(b"x" * 10)
        with pytest.raises(EventTooLarge):
            answer.receive_data(b"x")
