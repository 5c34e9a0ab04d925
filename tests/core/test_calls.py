"""The assembly of tool calls from their pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.calls import CallBook, PendingCall, json_object
from ccmimolink.core.upstream_events import CallDelta


def assembled(*deltas: CallDelta) -> list[tuple[str | None, str | None, str]]:
    book = CallBook()
    for delta in deltas:
        book.receive(delta)
    assert len(book) == len([*book])
    return [(call.id, call.name, call.text) for call in book]


def test_pieces_with_one_index_are_one_call() -> None:
    pieces = [CallDelta(0, "a", "f", ""), CallDelta(0, None, None, '{"x"'), CallDelta(0, None, None, ":1}")]
    assert assembled(*pieces) == [("a", "f", '{"x":1}')]


def test_interleaved_pieces_keep_apart_by_their_index() -> None:
    pieces = [CallDelta(0, "a", "f", "1"), CallDelta(1, "b", "g", "2"), CallDelta(0, None, None, "3")]
    assert assembled(*pieces) == [("a", "f", "13"), ("b", "g", "2")]


def test_id_and_name_may_come_late() -> None:
    assert assembled(CallDelta(0, None, None, "{"), CallDelta(0, "a", "f", "}")) == [("a", "f", "{}")]


def test_an_empty_id_or_name_is_a_missing_one() -> None:
    pieces = [CallDelta(0, "", "", ""), CallDelta(0, "a", "f", "{}")]
    assert assembled(pieces[0]) == [(None, None, "")]
    assert assembled(*pieces) == [("a", "f", "{}")]


def test_a_repeated_id_and_name_change_nothing() -> None:
    assert assembled(*[CallDelta(0, "a", "f", "x")] * 3) == [("a", "f", "xxx")]


def test_another_id_with_a_name_is_another_call_under_the_same_index() -> None:
    pieces = [CallDelta(0, "a", "f", "1"), CallDelta(0, "b", "g", "2"), CallDelta(0, None, None, "3")]
    assert assembled(*pieces) == [("a", "f", "1"), ("b", "g", "23")]


def test_another_id_without_a_name_is_a_whim() -> None:
    assert assembled(CallDelta(0, "a", "f", "1"), CallDelta(0, "b", None, "2")) == [("a", "f", "12")]


def test_without_an_index_the_id_decides() -> None:
    pieces = [CallDelta(None, "a", "f", "1"), CallDelta(None, "b", "g", "2"), CallDelta(None, "a", None, "3")]
    assert assembled(*pieces) == [("a", "f", "13"), ("b", "g", "2")]


def test_without_index_and_id_the_latest_call_goes_on() -> None:
    pieces = [CallDelta(None, None, "f", "1"), CallDelta(None, None, None, "2")]
    assert assembled(*pieces) == [(None, "f", "12")]


def test_one_id_under_two_indexes_is_two_calls() -> None:
    assert assembled(CallDelta(0, "a", "f", "1"), CallDelta(1, "a", "f", "2")) == [
        ("a", "f", "1"),
        ("a", "f", "2"),
    ]


@given(st.lists(st.sampled_from(["{", "}", '"a"', ":", "1", " ", "\n", "{}"]), max_size=12))
def test_a_call_is_whole_when_its_arguments_are_an_object(pieces: list[str]) -> None:
    call = PendingCall("f")
    assert not call.is_whole()
    for piece in pieces:
        call.arguments.append(piece)
        assert call.is_whole() == (json_object(call.text) is not None)


@pytest.mark.parametrize("text", ["", "[]", "1", "null", '"{}"', "{", "{} {}", "{'a': 1}", "[" * 100_000])
def test_only_one_whole_object_is_an_object(text: str) -> None:
    assert json_object(text) is None


def test_an_object_may_stand_in_white_space() -> None:
    assert json_object(' {"a": [1]}\n') == {"a": [1]}
