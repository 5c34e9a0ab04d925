"""ResponseStream: what holds for every answer, text and thinking, and how an answer ends."""

from __future__ import annotations

import gc
import itertools
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmimolink.core.errors import Failure, FailureKind, Profile
from ccmimolink.core.events import encode_events
from ccmimolink.core.states import IllegalStep, State
from ccmimolink.core.upstream_events import Finished, TextDelta
from ccmimolink.core.writers import carrier
from tests.checker import Event, check_stream, items_of, read_events
from tests.core.recorded import RECORDED
from tests.core.translation import (
    DONE,
    NOW,
    Chunk,
    Translation,
    call,
    delta,
    events_of,
    finish,
    make_stream,
    say,
    shape,
    think,
    translate,
    usage,
    wire,
)


@pytest.mark.parametrize("name", RECORDED)
class TestEveryAnswer:
    def test_is_a_sound_stream(self, name: str) -> None:
        response = check_stream(events_of(RECORDED[name].upstream))
        assert shape(response) == RECORDED[name].output
        assert response["status"] == RECORDED[name].status

    def test_is_a_sound_stream_for_codex_with_the_same_output(self, name: str) -> None:
        response = check_stream(events_of(RECORDED[name].upstream, profile=Profile.CODEX))
        assert shape(response) == RECORDED[name].output

    def test_is_a_sound_stream_wherever_it_is_cut(self, name: str) -> None:
        """What is done before the cut is what would have been done; nothing is done because of it."""
        upstream = RECORDED[name].upstream
        whole = check_stream(events_of(upstream))
        blocks = [block + b"\n\n" for block in upstream.split(b"\n\n")[:-1]]
        for kept in range(len(blocks)):
            response = check_stream(events_of(b"".join(blocks[:kept])))
            assert response["output"] == whole["output"][: len(response["output"])]
            if not any(is_finish(block) for block in blocks[:kept]):
                assert response["status"] == "failed"

    def test_is_told_in_the_same_events_byte_by_byte(self, name: str) -> None:
        upstream = RECORDED[name].upstream
        whole, split = Translation(), Translation()
        told = b"".join(split.feed(upstream[at : at + 1]) for at in range(len(upstream)))
        assert read_events(told + split.end()) == read_events(whole.feed(upstream) + whole.end())


@settings(max_examples=200)
@given(data=st.data(), name=st.sampled_from(sorted(RECORDED)))
def test_an_answer_is_told_in_the_same_events_however_it_is_split(data: st.DataObject, name: str) -> None:
    upstream = RECORDED[name].upstream
    cuts = data.draw(st.lists(st.integers(0, len(upstream)), max_size=12))
    places = [0, *sorted(cuts), len(upstream)]
    whole, split = Translation(), Translation()
    told = b"".join(split.feed(upstream[start:end]) for start, end in itertools.pairwise(places))
    assert read_events(told + split.end()) == read_events(whole.feed(upstream) + whole.end())


def is_finish(block: bytes) -> bool:
    return b'"finish_reason": "' in block or b"[DONE]" in block


FRAGMENTS = st.one_of(
    st.sampled_from([think("hm"), say("a"), say("\n"), say("<tool_call>"), say("</function>"), usage()]),
    st.builds(
        lambda index, call_id, name, text: [
            {
                "choices": [
                    {
                        "delta": {
                            "tool_calls": [
                                {"index": index, "id": call_id, "function": {"name": name, "arguments": text}}
                            ]
                        }
                    }
                ]
            }
        ],
        st.sampled_from([0, 1, None]),
        st.sampled_from([None, "", "a", "b"]),
        st.sampled_from([None, "", "shell", "apply_patch", "tool_search", "local_shell", "nobody"]),
        st.sampled_from(["", "{", '"cmd":', '"ls"', "}", "{}", None]),
    ),
    st.sampled_from([finish(reason) for reason in ("stop", "tool_calls", "length", "content_filter")]),
)


@settings(max_examples=300)
@given(chunks=st.lists(FRAGMENTS, max_size=12), done=st.sampled_from([DONE, b""]), codex=st.booleans())
def test_no_order_of_chunks_makes_an_unsound_stream(
    chunks: list[list[Chunk]], done: bytes, codex: bool
) -> None:
    translate(*chunks, done=done, profile=Profile.CODEX if codex else Profile.GENERIC)


class TestText:
    def test_each_delta_leaves_as_it_comes(self) -> None:
        translation = Translation()
        translation.feed(wire(say("a")))
        (event,) = read_events(translation.feed(wire(say("b c"))))
        assert (event["type"], event["delta"]) == ("response.output_text.delta", "b c")

    def test_white_space_between_thinking_and_a_call_is_no_message(self) -> None:
        response = translate(think("Hm."), say("\n\n"), call("list_files", "{}"), finish("tool_calls"))
        assert [item["type"] for item in response["output"]] == ["reasoning", "function_call"]

    def test_what_a_marker_held_back_stands_before_the_thinking_that_follows(self) -> None:
        response = translate(say("a <"), think("b"), say("c"), finish())
        assert shape(response) == [("message", "a <"), ("reasoning", "b"), ("message", "c")]

    def test_without_tools_markup_is_text(self) -> None:
        text = "<tool_call><function=shell></function></tool_call>"
        assert shape(translate(say(text), finish(), tools=())) == [("message", text)]


class TestThinking:
    def test_is_carried_where_the_client_asked_for_it(self) -> None:
        carry = carrier(summary_is_complete=False)
        item, _ = translate(think("a", "b"), say("c"), finish(), carry=carry)["output"]
        assert item["encrypted_content"] == carry("ab")

    def test_is_not_carried_where_nobody_asked(self) -> None:
        item, _ = translate(think("a"), say("b"), finish())["output"]
        assert "encrypted_content" not in item

    def test_is_kept_whole_for_the_replay(self) -> None:
        translation = Translation()
        upstream = [*think("a ", "b"), *say("x"), *think("c"), *call("shell", '{"cmd":')]
        translation.feed(wire([*upstream, *think("d ", "e"), *finish("tool_calls")]))
        translation.end()
        assert translation.stream.reasoning == ["a b", "c", "d e"]


class TestTheEnd:
    def test_completed(self) -> None:
        response = translate(say("Hi"), finish(), usage())
        assert (response["status"], response["completed_at"]) == ("completed", NOW + 5)

    @pytest.mark.parametrize("reason", ["length", "max_tokens", "repetition_truncation"])
    def test_an_answer_that_ran_out_of_room_is_incomplete(self, reason: str) -> None:
        response = translate(say("Hi"), finish(reason))
        assert response["incomplete_details"] == {"reason": "max_output_tokens"}
        assert [item["status"] for item in response["output"]] == ["incomplete"]

    def test_a_filtered_answer_is_incomplete_for_a_generic_client(self) -> None:
        response = translate(say("Hi"), finish("content_filter"))
        assert response["incomplete_details"] == {"reason": "content_filter"}

    def test_a_filtered_answer_fails_for_codex_which_would_repeat_it(self) -> None:
        response = translate(say("Hi"), finish("content_filter"), profile=Profile.CODEX)
        assert response["error"]["code"] == "invalid_prompt"
        assert "content filter" in response["error"]["message"]

    @pytest.mark.parametrize("profile", Profile)
    def test_a_cut_is_a_server_error_and_leaves_the_open_item(self, profile: Profile) -> None:
        response = translate(think("a"), say("b"), done=b"", profile=profile)
        assert response["error"]["code"] == "server_error"
        assert shape(response) == [("reasoning", "a")]

    def test_an_error_in_the_stream_says_what_mimo_said(self) -> None:
        error = {"code": "400", "message": "Param Incorrect", "param": "tools is bad"}
        response = translate(say("a"), [{"error": error}])
        assert response["error"] == {
            "code": "invalid_prompt",
            "message": "MiMo refused the request (400): tools is bad",
        }

    def test_an_answer_without_any_word_failed(self) -> None:
        assert translate(usage())["status"] == "failed"

    def test_nothing_follows_the_terminal_event(self) -> None:
        stream = make_stream()
        stream.receive(TextDelta("a"))
        stream.receive_eof()
        assert stream.terminal
        failure = Failure(FailureKind.DRAINING, "stop")
        after = [
            stream.receive(TextDelta("b")),
            stream.receive_eof(),
            stream.fail(failure),
            stream.keep_alive(),
        ]
        assert after == [[], [], [], []]

    def test_a_failure_tells_its_owner_why(self) -> None:
        stream = make_stream()
        failure = Failure(FailureKind.UPSTREAM_DOWN, "gone")
        stream.fail(failure)
        assert (stream.state, stream.failure) == (State.FAILED, failure)

    def test_it_is_begun_once(self) -> None:
        stream = make_stream()
        stream.start()
        with pytest.raises(IllegalStep):
            stream.start()


class TestSilence:
    def test_is_filled_with_the_response_as_it_was(self) -> None:
        stream = make_stream()
        events = [
            *stream.start(),
            *stream.keep_alive(),
            *stream.receive(TextDelta("a")),
            *stream.keep_alive(),
        ]
        events += [*stream.receive(Finished("stop")), *stream.keep_alive(), *stream.receive_eof()]
        told = read_events(encode_events(events))
        check_stream(told)
        assert [event["type"] for event in told].count("response.in_progress") == 4

    def test_before_the_beginning_there_is_nothing_to_fill(self) -> None:
        assert make_stream().keep_alive() == []


class TestUsage:
    WHOLE = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 7},
        "total_tokens": 120,
    }
    DETAILS: dict[str, Any] = {
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }

    def test_after_the_finish(self) -> None:
        assert translate(say("a"), finish(), usage(**self.DETAILS))["usage"] == self.WHOLE

    def test_before_the_finish(self) -> None:
        assert translate(say("a"), usage(**self.DETAILS), finish())["usage"] == self.WHOLE

    def test_the_last_one_counts(self) -> None:
        response = translate(usage(1, 1), say("a"), usage(1, 2), finish(), usage(**self.DETAILS))
        assert response["usage"] == self.WHOLE

    def test_is_null_where_the_upstream_never_told_it(self) -> None:
        assert translate(say("a"), finish())["usage"] is None

    @pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}])
    def test_counts_that_clients_parse_are_numbers(self, details: Any) -> None:
        counted = translate(say("a"), finish(), usage(prompt_tokens_details=details))["usage"]
        assert counted["input_tokens_details"]["cached_tokens"] == 0

    def test_stays_with_an_answer_that_failed(self) -> None:
        assert translate(say("a"), usage(), [{"error": "gone"}])["usage"]["total_tokens"] == 120


def test_the_ids_of_items_say_what_they_are() -> None:
    response = translate(
        think("a"),
        say("b"),
        call("shell", "{}"),
        call("apply_patch", '{"input":""}', index=1),
        call("tool_search", "{}", index=2),
        finish("tool_calls"),
    )
    assert [item["id"].split("_")[0] for item in response["output"]] == ["rs", "msg", "fc", "ctc", "ts"]


def test_a_whole_message_has_one_text_part() -> None:
    event: Event = items_of(translate([delta(content="a")], finish()), "message")[0]
    assert event["content"] == [{"type": "output_text", "text": "a", "annotations": [], "logprobs": []}]


def test_a_stream_is_gone_as_soon_as_nobody_holds_it() -> None:
    """Its text is large, and cycles are collected seldom."""
    gc.collect()
    gc.disable()
    try:
        translation = Translation()
        translation.feed(
            wire([*think("a", "b"), *say(*"abc"), *call("shell", *'{"cmd": "ls"}'), *finish()]) + DONE
        )
        stream, answer = weakref.ref(translation.stream), weakref.ref(translation._answer)
        del translation
        assert (stream(), answer()) == (None, None)
    finally:
        gc.enable()
