"""Chunks that are read together say what they say one by one, however they are spelt and cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ccmimolink.core.answer_body import AnswerDecoder
from ccmimolink.core.answer_events import MISSES, AnswerEvents
from ccmimolink.core.chat_reader import read_payload
from ccmimolink.core.events import encode_events
from ccmimolink.core.sse import EventTooLarge
from ccmimolink.core.stream import ResponseStream
from ccmimolink.core.upstream_events import Run, TextDelta, UpstreamEvent
from tests.checker import check_stream, read_events
from tests.core.translation import DONE, call, finish, make_stream, markup, piece, say, think, usage

Event = dict[str, Any]
_DELTAS = {
    "response.output_text.delta",
    "response.reasoning_summary_text.delta",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
}

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=0, max_size=6) | st.sampled_from(
    ['"', "\\", '\\"', "\n", "```\n", "`", "<", "<tool_", "call>", markup("shell", cmd="ls"), " ", "%d", "%b"]
)
several = st.lists(texts, max_size=8)
prose = st.one_of(several.map(lambda found: say(*found)), several.map(lambda found: think(*found)))
calls = st.one_of(
    several.map(lambda found: call("shell", '{"cmd": "', *map(_inside, found), '"}')),
    several.map(lambda found: call("apply_patch", '{"input": "', *map(_inside, found), '"}')),
    st.lists(st.integers(0, 2), max_size=8).map(lambda places: [piece(place, " ") for place in places]),
)
answers = st.lists(prose | calls, max_size=4).map(lambda parts: [chunk for part in parts for chunk in part])
spellings = st.fixed_dictionaries(
    {"ensure_ascii": st.booleans(), "separators": st.sampled_from([(",", ":"), (", ", ": ")])}
)
cuts = st.lists(st.integers(1, 400), max_size=30)


def _inside(text: str) -> str:
    """The text within a JSON string."""
    return json.dumps(text)[1:-1]


def spelt(chunks: list[Any], spelling: dict[str, Any], created: int | None = 1) -> bytes:
    """The stream. With no ``created``, each chunk names another time."""
    outer = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "mimo-v2.5"}
    return b"".join(
        b"data: %b\n\n"
        % json.dumps(outer | {"created": place if created is None else created} | chunk, **spelling).encode()
        for place, chunk in enumerate(chunks)
    )


def pieces(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    place = 0
    for size in [*sizes, len(data)]:
        if place < len(data):
            yield data[place : place + size]
            place += size


def translated(data: bytes, sizes: list[int], stream: ResponseStream) -> list[Event]:
    """As the proxy reads it."""
    answer = AnswerEvents()
    found = b""
    for part in pieces(data, sizes):
        for event in answer.receive_data(part):
            found += encode_events(stream.receive(event))
    for event in answer.receive_eof():
        found += encode_events(stream.receive(event))
    return read_events(found + encode_events(stream.receive_eof()))


def one_by_one(data: bytes, stream: ResponseStream) -> list[Event]:
    decoder = AnswerDecoder()
    found = b""
    for payload in [*decoder.receive_data(data), *decoder.receive_eof()]:
        for event in read_payload(payload):
            found += encode_events(stream.receive(event))
    return read_events(found + encode_events(stream.receive_eof()))


def merged(events: list[Event]) -> list[Event]:
    """The events, without their numbers and with one delta for all that follow each other."""
    found: list[Event] = []
    for event in events:
        event = {name: value for name, value in event.items() if name != "sequence_number"}
        last = found[-1] if found else {}
        if event["type"] in _DELTAS and (last.get("type"), last.get("item_id")) == (
            event["type"],
            event["item_id"],
        ):
            found[-1] = last | {"delta": last["delta"] + event["delta"]}
        else:
            found.append(event)
    return found


@settings(deadline=None)
@given(answers, spellings, cuts, st.sampled_from([1, None]))
@example(say("a", "b\\", '","', "c"), {}, [], 1)
@example(think("a", "b") + say("a", "<", "b", "c"), {}, [], 1)
def test_without_parsers_every_delta_is_an_event_of_its_own(
    chunks: list[Any], spelling: dict[str, Any], sizes: list[int], created: int | None
) -> None:
    data = spelt(chunks + finish() + usage(), spelling, created) + DONE
    expected = one_by_one(data, make_stream(tools=()))
    assert translated(data, sizes, make_stream(tools=())) == expected


@settings(deadline=None)
@given(answers, spellings, cuts)
@example(say("a", "b", "<tool_call>", "<function=shell>", "c"), {}, [])
@example(think("a", "b", markup("shell", cmd="ls"), " ") + say("x"), {}, [])
def test_with_parsers_the_answer_is_the_same(
    chunks: list[Any], spelling: dict[str, Any], sizes: list[int]
) -> None:
    data = spelt(chunks + finish() + usage(), spelling) + DONE
    found = translated(data, sizes, make_stream())
    check_stream(found)
    assert merged(found) == merged(one_by_one(data, make_stream()))


@pytest.mark.parametrize("word", ["<b>a</b> `c` ", "if (a < b) {", "```\ncode", "ends with <"])
def test_markup_that_is_no_call_leaves_every_delta_an_event_of_its_own(word: str) -> None:
    data = spelt([*say("start", *[word] * 20), *finish()], {}) + DONE
    events = translated(data, [], make_stream())
    assert merged(events) == merged(one_by_one(data, make_stream()))
    assert sum(event["type"] == "response.output_text.delta" for event in events) >= 20


def runs_of(data: bytes) -> list[UpstreamEvent]:
    return AnswerEvents().receive_data(data)


@pytest.mark.parametrize("chunks", [say(*"abcdef"), think(*"abcdef"), call("shell", *"abcdef")])
def test_the_ordinary_stream_is_read_at_once(chunks: list[Any]) -> None:
    *_, run = runs_of(spelt(chunks, {}))
    assert isinstance(run, Run)
    assert run.texts == list("bcdef")


def test_what_stands_in_the_upstream_s_json_goes_out_as_it_is() -> None:
    data = spelt(say("first", "é", "\n"), {"ensure_ascii": True})
    *_, run = runs_of(data)
    assert isinstance(run, Run)
    assert (run.raws, run.texts) == ([rb"\u00e9", rb"\n"], ["é", "\n"])


odd_words = [
    rb'a","b',
    rb'a"},"x":{"content":"b',
    rb"\ud83d",
    rb"\x",
    b"\xff",
    b"a\tb",
    b"a\x00b",
    rb'a\\"',
    rb"a\\",
    rb"a\"",
    b"",
]


@pytest.mark.parametrize("before", [b"b", *odd_words])
@pytest.mark.parametrize("odd", odd_words)
def test_words_that_are_no_string_are_read_as_if_they_came_alone(odd: bytes, before: bytes) -> None:
    whole = spelt(say("first", "second", "MARK", "MORE", "last"), {})
    data = whole.replace(b"MARK", before).replace(b"MORE", odd)
    assert translated(data, [], make_stream(tools=())) == one_by_one(data, make_stream(tools=()))


def test_a_name_that_stands_in_another_string_is_not_taken_for_the_place() -> None:
    outer = {"id": '"content":"x"', "choices": [{"index": 0, "delta": {"content": "a"}}]}
    data = b"data: %b\n\n" % json.dumps(outer).encode()
    assert [type(event) for event in runs_of(data * 3)][-1] is Run
    assert translated(data * 3, [], make_stream(tools=())) == one_by_one(data * 3, make_stream(tools=()))


@pytest.mark.parametrize(
    "framing", [b"data:%b\n\n", b"data: %b\r\n\r\n", b"event: x\ndata: %b\n\n", b"data: %b\n:\n\n"]
)
def test_another_framing_is_read_too(framing: bytes) -> None:
    chunks = [json.dumps(chunk).encode() for chunk in [*say("a", "b", "c"), *finish()]]
    data = b"".join(framing % chunk for chunk in chunks)
    assert translated(data, [], make_stream(tools=())) == one_by_one(data, make_stream(tools=()))


@pytest.mark.parametrize("word", ["pro\u00f6f", "another", "x"])
def test_another_string_by_the_same_name_is_not_taken_for_the_words(word: str) -> None:
    junk = {"content": "not this"}
    chunks = [{"before": junk} | chunk | {"behind": junk} for chunk in say(word, "b", "c")]
    *_, run = runs_of(spelt(chunks, {}))
    assert isinstance(run, Run)
    assert run.texts == ["b", "c"]


def test_a_long_chunk_is_not_studied() -> None:
    junk = [{"content": "x"}] * 1000
    data = spelt([say("a")[0] | {"junk": junk}] * 3, {})
    assert runs_of(data) == [TextDelta("a")] * 3


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize(
    "chunks",
    [say("a", "b", "c", "d"), [piece(0, "a"), piece(0, "b"), piece(7, ""), piece(1, "c"), piece(0, "d")]],
)
def test_an_event_that_is_whole_is_not_kept_waiting(chunks: list[Any], end: bytes) -> None:
    answer = AnswerEvents()
    for chunk in chunks:
        data = json.dumps(chunk).encode()
        found = answer.receive_data(b"data: " + data[:-9])
        assert found == []
        found = answer.receive_data(data[-9:] + end)
        found = [each for event in found for each in (event.deltas() if isinstance(event, Run) else [event])]
        assert found == read_payload(data)


def test_an_event_that_is_cut_is_read_as_one_of_the_run() -> None:
    answer = AnswerEvents()
    data = spelt(say("first", "second", "third"), {})
    place = data.rindex(b"third")
    for cut in range(place - 120, len(data) - 1):
        answer = AnswerEvents()
        *_, run = answer.receive_data(data[:cut])
        (rest,) = answer.receive_data(data[cut:])
        assert isinstance(run, Run)
        assert isinstance(rest, Run)
        assert (run.texts, rest.texts) == (["second"], ["third"])


def test_what_has_begun_is_read_at_the_end_of_the_stream() -> None:
    answer = AnswerEvents()
    answer.receive_data(spelt(say("a", "b"), {}) + spelt(say("c"), {})[:-2])
    assert answer.receive_eof() == [TextDelta("c")]


def test_an_event_that_is_too_large_is_refused_within_a_run() -> None:
    answer = AnswerEvents(max_event=1000)
    answer.receive_data(spelt(say("a", "b"), {}))
    with pytest.raises(EventTooLarge):
        answer.receive_data(spelt(say("c", "x" * 1001, "d"), {}))


def test_every_event_is_counted() -> None:
    answer = AnswerEvents()
    answer.receive_data(spelt(say(*"abcdef") + think(*"ab") + finish(), {}) + DONE)
    assert answer.count == 10


def test_a_stream_in_which_no_chunk_is_like_another_is_not_studied_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    studied: list[bytes] = []

    def learn(payload: bytes, _event: object) -> None:
        studied.append(payload)

    monkeypatch.setattr("ccmimolink.core.answer_events.learn", learn)
    answer = AnswerEvents()
    for number in range(5 * MISSES):
        assert answer.receive_data(spelt(say("a"), {}, number)) == [TextDelta("a")]
    assert len(studied) == MISSES
