"""Compressed bodies: any split gives the same bytes, a piece is bounded, and the reader sets the pace."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from ccmimolink.inflate import PIECE, Inflater, InflatingBody


def unpacked(pieces: list[bytes], limit: int) -> bytes:
    inflater, out = Inflater(), b""
    for piece in pieces:
        inflater.feed(piece)
        while inflater.pending:
            got = inflater.read(limit)
            assert len(got) <= limit
            out += got
    return out


bodies = st.lists(st.binary(max_size=300) | st.integers(0, 5000).map(lambda n: b"\0" * n), max_size=3)


@given(bodies, st.data(), st.integers(1, 700))
def test_any_split_and_any_bound_give_the_same_bytes(members: list[bytes], data: Any, limit: int) -> None:
    packed = b"".join(map(gzip.compress, members))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(packed)), max_size=5)))
    pieces = [packed[a:b] for a, b in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
    assert unpacked(pieces, limit) == b"".join(members)


@pytest.mark.parametrize("bits", [zlib.MAX_WBITS, -zlib.MAX_WBITS], ids=["zlib", "raw"])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_deflate_is_read_with_and_without_its_header_however_it_is_cut(bits: int, level: int) -> None:
    packer = zlib.compressobj(level, wbits=bits)
    packed = packer.compress(b"hello" * 100) + packer.flush()
    for pieces in ([packed], [bytes([byte]) for byte in packed]):
        assert unpacked(pieces, 99) == b"hello" * 100


def test_padding_behind_the_last_member_is_passed_over() -> None:
    assert unpacked([gzip.compress(b"hello") + b"\0" * 40], 99) == b"hello"


class Body(StringTransport):
    """The transport of a response's body."""

    def __init__(self) -> None:
        super().__init__(lenient=True)
        self.dropped = False

    def stopProducing(self) -> None:
        self.dropped = True


class Reader(Protocol):
    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ends: list[Failure] = []

    def dataReceived(self, data: bytes) -> None:
        self.pieces.append(data)

    def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
        self.ends.append(reason)


class Turns(Clock):
    """A reactor of which each second is one turn."""

    def callLater(self, delay: float, callable: Any, *args: object, **kw: object) -> Any:  # noqa: A002
        return super().callLater(max(delay, 1), callable, *args, **kw)


class Stage:
    def __init__(self) -> None:
        self.clock, self.reader, self.transport = Turns(), Reader(), Body()
        self.body = InflatingBody(self.reader, self.clock)
        self.body.makeConnection(self.transport)

    @property
    def paused(self) -> bool:
        return self.transport.producerState == "paused"

    def turns(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(1)

    def end(self) -> None:
        self.body.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def stage() -> Stage:
    return Stage()


BOMB = gzip.compress(b"\0" * 10 * PIECE)


def test_a_small_read_of_much_comes_in_bounded_pieces_and_the_rest_is_held_back(stage: Stage) -> None:
    stage.body.dataReceived(BOMB)
    stage.turns(3)
    assert [len(piece) for piece in stage.reader.pieces] == [PIECE] * 3
    assert stage.paused
    stage.turns(20)
    assert sum(map(len, stage.reader.pieces)) == 10 * PIECE
    assert not stage.paused


def test_a_reader_that_pauses_gets_nothing_and_goes_on_where_it_was(stage: Stage) -> None:
    stage.body.dataReceived(BOMB)
    stage.turns(2)
    stage.body.pauseProducing()
    stage.turns(5)
    assert len(stage.reader.pieces) == 2
    assert stage.paused
    stage.body.resumeProducing()
    stage.turns(20)
    assert sum(map(len, stage.reader.pieces)) == 10 * PIECE
    assert not stage.paused


def test_the_end_of_the_body_comes_behind_its_last_piece(stage: Stage) -> None:
    stage.body.dataReceived(BOMB)
    stage.end()
    stage.turns(5)
    assert stage.reader.ends == []
    stage.turns(20)
    assert sum(map(len, stage.reader.pieces)) == 10 * PIECE
    assert len(stage.reader.ends) == 1
    assert stage.clock.getDelayedCalls() == []


def test_an_end_while_the_reader_pauses_waits_for_it(stage: Stage) -> None:
    stage.body.dataReceived(gzip.compress(b"hello"))
    stage.body.pauseProducing()
    stage.end()
    stage.turns(5)
    assert stage.reader.ends == []
    stage.body.resumeProducing()
    stage.turns(5)
    assert (stage.reader.pieces, len(stage.reader.ends)) == ([b"hello"], 1)


def test_damage_ends_the_body_and_drops_the_connection(stage: Stage) -> None:
    stage.body.dataReceived(b"this is no gzip")
    stage.turns()
    assert stage.transport.dropped
    assert len(stage.reader.ends) == 1
    stage.end()
    assert len(stage.reader.ends) == 1


@pytest.mark.parametrize("ended", [False, True])
def test_a_reader_that_drops_the_body_gets_nothing_more_and_one_end(stage: Stage, ended: bool) -> None:
    stage.body.dataReceived(BOMB)
    if ended:
        stage.end()
    stage.turns()
    stage.body.loseConnection()
    stage.body.stopProducing()
    if not ended:
        assert stage.transport.dropped
        stage.end()
    stage.turns(5)
    assert len(stage.reader.pieces) == 1
    assert len(stage.reader.ends) == 1
    assert stage.clock.getDelayedCalls() == []
