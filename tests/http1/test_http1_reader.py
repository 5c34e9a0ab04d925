"""An answer means the same however it is cut, and its body is what was framed."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.heads import MAX_HEAD
from ccmimolink.http1.reader import AnswerReader, Head
from tests.http1.agent_stage import CHUNKED
from tests.http1.reading import Outcome, read
from tests.http1.valid_answers import FRAMED, ValidAnswer, cut, sizes, valid_answers
from tests.http_wire import LAST_CHUNK


@given(valid_answers(), sizes)
def test_head_and_body_are_what_was_sent_however_it_is_cut(answer: ValidAnswer, sizes: list[int]) -> None:
    complete = not answer.ends_with_connection
    assert read(cut(answer.wire, sizes)) == Outcome(answer.head, answer.body, complete, True, False)


@given(valid_answers())
def test_each_byte_may_come_alone(answer: ValidAnswer) -> None:
    complete = not answer.ends_with_connection
    assert read(cut(answer.wire, [1] * len(answer.wire))) == Outcome(
        answer.head, answer.body, complete, True, False
    )


@given(valid_answers(), st.data())
def test_an_answer_is_complete_with_its_last_byte_and_not_before(
    answer: ValidAnswer, data: st.DataObject
) -> None:
    came = data.draw(st.integers(0, len(answer.wire) - 1))
    read_so_far = read([answer.wire[:came]])
    assert not read_so_far.complete
    assert answer.body.startswith(read_so_far.body)
    assert (read_so_far.head is not None) == (came >= answer.head_length)


@given(valid_answers(), st.data())
def test_where_a_length_or_chunks_say_so_an_answer_is_cut(answer: ValidAnswer, data: st.DataObject) -> None:
    came = data.draw(st.integers(0, len(answer.wire) - 1))
    may_be_whole = answer.ends_with_connection and came >= answer.head_length
    assert read([answer.wire[:came]]).whole == may_be_whole


@given(valid_answers(), sizes)
def test_a_connection_is_kept_only_for_those_who_keep_it(answer: ValidAnswer, sizes: list[int]) -> None:
    reader = AnswerReader()
    for piece in cut(answer.wire, sizes):
        reader.feed(piece)
    assert (reader.complete and reader.keeps_connection) == answer.keeps


surplus = st.binary(min_size=1, max_size=60) | valid_answers().map(lambda answer: answer.wire)


@given(valid_answers(kinds=FRAMED), surplus, sizes)
def test_what_comes_behind_an_answer_does_not_spoil_it(
    answer: ValidAnswer, surplus: bytes, sizes: list[int]
) -> None:
    for pieces in ([answer.wire + surplus], cut(answer.wire + surplus, sizes)):
        assert read(pieces) == Outcome(answer.head, answer.body, True, True, False)


@given(
    valid_answers(kinds=FRAMED).filter(lambda answer: answer.keeps),
    # Line ends between answers are part of none.
    surplus.filter(lambda data: data.strip(b"\r\n") != b""),
)
def test_behind_what_belongs_to_no_answer_no_request_may_follow(answer: ValidAnswer, surplus: bytes) -> None:
    reader = AnswerReader()
    reader.feed(answer.wire + surplus)
    assert not reader.keeps_connection


def test_however_much_comes_behind_an_answer_it_is_complete() -> None:
    assert read([CHUNKED, LAST_CHUNK + b"z" * (MAX_HEAD + 1)]).complete


def test_an_answer_that_nobody_asked_for_is_no_part_of_the_one_before() -> None:
    one = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"
    assert read([one + b"one" + one + b"two"]).body == b"one"


@pytest.mark.parametrize("code", [204, 304])
@pytest.mark.parametrize("field", [b"", b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n"])
def test_an_answer_without_content_ends_with_its_head(code: int, field: bytes) -> None:
    outcome = read([b"HTTP/1.1 %d X\r\n%b\r\n" % (code, field)])
    assert (outcome.complete, outcome.body) == (True, b"")


@pytest.mark.parametrize("closing", [b"connection: close\r\n", b""])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_an_interim_answer_is_never_the_last_word(version: bytes, closing: bytes) -> None:
    interim = b"HTTP/%b 100 Continue\r\n%b\r\n" % (version, closing)
    outcome = read([interim + b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"])
    assert (outcome.complete, outcome.body) == (True, b"a")


def test_fields_of_interim_answers_and_trailers_are_none_of_the_head() -> None:
    outcome = read(
        [
            b"HTTP/1.1 103 Hints\r\nlink: a\r\n\r\n"
            b"HTTP/1.1 200 Good\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-sum: 1\r\n\r\n"
        ]
    )
    assert outcome.head == Head("1.1", 200, b"Good", ((b"transfer-encoding", b"chunked"),))


def test_all_chunks_of_one_read_are_one_piece() -> None:
    reader = AnswerReader()
    reader.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    assert reader.feed(b"1\r\na\r\n2\r\nbc\r\n3\r\nd") == b"abcd"
    assert reader.feed(b"ef\r\n0\r\n\r\n") == b"ef"
