"""What is no answer is told as such and as nothing else, with all that came before the damage."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.heads import MAX_HEAD, MAX_INTERIM
from ccmimolink.http1.reader import AnswerReader, Unreadable
from tests.http1.reading import read
from tests.http1.valid_answers import cut, sizes, valid_answers
from tests.http_wire import chunk

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"

_BYTES = st.binary(max_size=3) | st.sampled_from([b"\r", b"\n", b":", b" ", b"\x00", b"-1", b"\r\n\r\n"])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    wire = draw(valid_answers()).wire
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(wire)))
        wire = wire[:place] + draw(_BYTES) + wire[place + draw(st.integers(0, 4)) :]
    return wire


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: OK + data), sizes)
def test_any_bytes_are_an_answer_or_unreadable(data: bytes, sizes: list[int]) -> None:
    read(cut(data, sizes))


@given(damaged(), sizes)
def test_damage_means_the_same_however_it_is_cut(wire: bytes, sizes: list[int]) -> None:
    assert read(cut(wire, sizes)) == read([wire])


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), sizes)
def test_what_came_before_the_damage_is_given(parts: list[bytes], sizes: list[int]) -> None:
    outcome = read(cut(CHUNKED + b"".join(map(chunk, parts)) + b"Z\r\n", sizes))
    assert (outcome.unreadable, outcome.body) == (True, b"".join(parts))


def test_a_part_before_the_damage_is_given_in_the_same_read() -> None:
    reader = AnswerReader()
    with pytest.raises(Unreadable):
        reader.feed(CHUNKED + b"3\r\nabc\r\nzz\r\n")
    assert reader.head is not None
    assert (reader.take(), reader.take()) == (b"abc", b"")
    assert not reader.finish()


@pytest.mark.parametrize(
    "wire",
    [
        OK + b"transfer-encoding: gzip\r\n\r\n",
        OK + b"transfer-encoding: gzip, chunked\r\n\r\n",
        OK + b"transfer-encoding: identity\r\n\r\n",
        OK + b"content-length : 5\r\n\r\n",
        OK + b"(odd): 5\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n \r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding: chunked, gzip\r\n\r\n",
        OK + b"transfer-encoding: xchunked\r\n\r\n",
        b"HTTP/1.1 20000 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
        OK + b"content-length: 5, 6\r\n\r\n",
        OK + b"content-length: -5\r\n\r\n",
        OK + b"content-length: +5\r\n\r\n",
        OK + b"content-length: five\r\n\r\n",
        OK + b"content-length: \r\n\r\n",
        OK + b"content-length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"na me: a\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"0x1\r\n",
        CHUNKED + b"fffffffffffffffff\r\n",
        CHUNKED + b"3\r\nabcd\r\n",
    ],
)
def test_it_is_unreadable(wire: bytes) -> None:
    for pieces in ([wire], cut(wire, [1] * len(wire))):
        outcome = read(pieces)
        assert (outcome.unreadable, outcome.body) == (True, b"abc" if b"abcd" in wire else b"")


def test_the_reason_is_told() -> None:
    with pytest.raises(Unreadable, match="unknown transfer coding"):
        AnswerReader().feed(OK + b"transfer-encoding: gzip\r\n\r\n")
    with pytest.raises(Unreadable, match="status"):
        AnswerReader().feed(b"HTTP/1.1 20000 OK\r\n\r\n")


# -- bounds -----------------------------------------------------------------------------------------------

ENDLESS = {
    "fields": (OK, b"x: y\r\n"),
    "a field": (OK + b"x: ", b"y"),
    "a name": (OK, b"x"),
    "a folded field": (OK + b"x: y\r\n", b" z\r\n"),
    "words of the status": (b"HTTP/1.1 200 ", b"a"),
    "line ends": (b"", b"\r\n"),
    "a head behind interim answers": (INTERIM * 3 + OK, b"x: y\r\n"),
    "a large interim answer": (b"HTTP/1.1 100 Continue\r\n", b"x: y\r\n"),
    "zeros of a chunk size": (CHUNKED, b"0"),
    "zeros behind a chunk": (CHUNKED + b"1\r\na\r\n", b"0"),
    "a chunk extension": (CHUNKED + b"5;a=", b"b"),
    "chunk extensions": (CHUNKED + b"1\r\na\r\n5", b";a"),
    "trailers": (CHUNKED + b"0\r\n", b"x: y\r\n"),
    "a trailer": (CHUNKED + b"1\r\na\r\n0\r\nx: ", b"y"),
}


@pytest.mark.parametrize("size", [1000, 65_536])
@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_is_given_up_within_a_read_of_the_bound(name: str, size: int) -> None:
    begin, unit = ENDLESS[name]
    reader, came = AnswerReader(), 0
    reader.feed(begin)
    piece = (unit * (size // len(unit) + 1))[: size // len(unit) * len(unit)]
    with suppress(Unreadable):
        while came <= 2 * MAX_HEAD:
            came += len(piece)
            reader.feed(piece)
    assert MAX_HEAD - len(begin) <= came <= MAX_HEAD + len(piece)


def test_a_head_may_be_as_large_as_the_bound() -> None:
    head = OK + b"content-length: 1\r\nx: %b\r\n\r\n"
    head %= b"y" * (MAX_HEAD - len(head) + 2)
    assert len(head) == MAX_HEAD
    assert read([*cut(head, [4096] * 64), b"a"]).complete
    assert read([*cut(head.replace(b"x: ", b"x: y"), [4096] * 64), b"a"]).unreadable


def test_interim_answers_are_counted() -> None:
    final = OK + b"content-length: 1\r\n\r\na"
    assert read([INTERIM * MAX_INTERIM + final]).complete
    assert read([INTERIM * (MAX_INTERIM + 1) + final]).unreadable
    assert read([*[INTERIM] * MAX_INTERIM, final]).complete
    assert read([INTERIM] * (MAX_INTERIM + 1)).unreadable


def test_framing_between_parts_of_a_body_is_bounded_for_each_and_not_in_all() -> None:
    extended = b"1;a=" + b"b" * (MAX_HEAD // 2) + b"\r\na\r\n"
    outcome = read([CHUNKED, *cut(extended * 5, [8192] * 80), b"0\r\n\r\n"])
    assert (outcome.complete, outcome.body) == (True, b"aaaaa")


@pytest.mark.parametrize("field", [b"content-length: 1000000\r\n", b"transfer-encoding: chunked\r\n", b""])
def test_a_body_is_not_framing(field: bytes) -> None:
    size = b"f4240\r\n" if b"chunked" in field else b""
    assert read([OK + field + b"\r\n" + size, *[b"x" * 1000] * 1000]).body == b"x" * 1_000_000
