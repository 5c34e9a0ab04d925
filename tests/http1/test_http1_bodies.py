"""The body of an answer: how it comes, how it is held back, how it ends."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IPushProducer
from twisted.web.client import ResponseDone, ResponseFailed, ResponseNeverReceived
from zope.interface.verify import verifyObject

from ccmimolink.heads import MAX_HEAD
from ccmimolink.http1.reader import Unreadable
from tests.http1.agent_stage import (
    CHUNKED,
    EMPTY,
    FOUR,
    OK,
    UNTIL_THE_END,
    AgentStage,
    Body,
    agent_stages,
)
from tests.http1.test_http1_reader_damage import damaged
from tests.http1.valid_answers import cut, sizes
from tests.http_wire import LAST_CHUNK, chunk


def test_what_comes_in_one_read_is_given_in_one_piece(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(CHUNKED)
    body = asked.read()
    stage.sends(chunk(b"a") + chunk(b"b") + chunk(b"c") + b"3\r\nd")
    stage.sends(b"ef\r\n" + LAST_CHUNK)
    assert body.pieces == [b"abc" + b"d", b"ef"]
    assert body.ended(ResponseDone)


def test_a_piece_is_given_at_once(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(CHUNKED)
    body = asked.read()
    stage.servers[0].send(chunk(b"a"))
    assert body.pieces == [b"a"]


def test_the_answer_is_there_with_its_head(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(FOUR[:-1])
    assert asked.is_waiting
    stage.sends(FOUR[-1:])
    assert asked.answer.code == 200


def test_a_body_that_nobody_reads_is_held_and_nothing_more_comes(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(CHUNKED + chunk(b"a") + chunk(b"b"))
    assert stage.is_paused()
    stage.sends(chunk(b"c") + LAST_CHUNK)
    body = asked.read()
    assert body.pieces == [b"ab"]
    assert not stage.is_paused()
    stage.turn()
    assert body.pieces == [b"ab", b"c"]
    assert body.ended(ResponseDone)


def test_a_body_that_was_whole_before_it_is_read_is_given_whole(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(CHUNKED + chunk(b"a") + chunk(b"b") + LAST_CHUNK)
    body = asked.read()
    assert body.pieces == [b"ab"]
    assert body.ended(ResponseDone)


def test_what_comes_although_it_is_held_back_is_given_in_one_piece(stage: AgentStage) -> None:
    """As over TLS, where what was read already still comes."""
    asked = stage.ask()
    stage.sends(CHUNKED)
    for part in (b"a", b"b", b"c"):
        stage.servers[0].transport.protocol.dataReceived(chunk(part))
    body = asked.read()
    assert body.pieces == [b"abc"]


def test_a_body_is_read_once(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(FOUR + b"ab")
    body = asked.read()
    with pytest.raises(RuntimeError):
        asked.read()
    stage.sends(b"cd")
    assert body.data == b"abcd"


# -- back-pressure ----------------------------------------------------------------------------------------


def test_the_reader_holds_the_connection_back_and_lets_it_go_on(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(CHUNKED)
    body = asked.read()
    verifyObject(IPushProducer, body.transport)
    body.transport.pauseProducing()
    body.transport.pauseProducing()
    stage.sends(chunk(b"a"))
    assert (body.pieces, stage.is_paused()) == ([], True)
    body.transport.resumeProducing()
    stage.turn()
    assert (body.pieces, stage.is_paused()) == ([b"a"], False)


def test_a_reader_may_hold_back_from_the_start(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(CHUNKED)
    body = Body()
    body.at_start = lambda transport: transport.pauseProducing()
    asked.read(body)
    stage.sends(chunk(b"a"))
    assert (body.pieces, stage.is_paused()) == ([], True)
    body.transport.resumeProducing()
    stage.turn()
    assert body.pieces == [b"a"]


@pytest.mark.parametrize("way", ["stopProducing", "loseConnection", "abortConnection"])
@pytest.mark.parametrize("head", [CHUNKED, FOUR, UNTIL_THE_END])
def test_a_body_that_is_dropped_takes_its_connection_along(stage: AgentStage, way: str, head: bytes) -> None:
    asked = stage.ask()
    stage.sends(head)
    body = asked.read()
    getattr(body.transport, way)()
    assert stage.servers[0].transport.disconnected, "dropped at once: nobody is waited for"
    stage.turn()
    assert body.ended(ResponseFailed)
    stage.ask()
    assert len(stage.servers) == 2


@pytest.mark.parametrize("when", ["at_start", "at_data"])
def test_a_body_can_be_dropped_as_soon_as_it_comes(stage: AgentStage, when: str) -> None:
    asked = stage.ask()
    stage.sends(CHUNKED + chunk(b"a"))
    body = Body()
    setattr(body, when, lambda _: body.transport.loseConnection())
    asked.read(body)
    stage.turn()
    assert stage.is_dropped()
    assert body.ended(ResponseFailed)


WAYS = ["pauseProducing", "resumeProducing", "stopProducing", "loseConnection", "abortConnection"]


@pytest.mark.parametrize("way", WAYS)
def test_behind_its_end_the_transport_of_a_body_does_nothing(stage: AgentStage, way: str) -> None:
    earlier = stage.ask()
    stage.sends(FOUR)
    earlier_body = earlier.read()
    stage.sends(b"abcd")
    assert earlier_body.ended(ResponseDone)
    later = stage.ask()
    stage.sends(CHUNKED)
    body = later.read()
    getattr(earlier_body.transport, way)()
    assert (stage.is_paused(), stage.is_dropped()) == (False, False)
    stage.sends(chunk(b"a"))
    assert body.pieces == [b"a"]
    body.transport.pauseProducing()
    getattr(earlier_body.transport, way)()
    assert stage.is_paused()


@pytest.mark.parametrize("way", WAYS)
def test_with_its_last_piece_the_transport_of_a_body_does_nothing(stage: AgentStage, way: str) -> None:
    asked = stage.ask()
    stage.sends(FOUR + b"ab")
    body = asked.read()
    stage.turn()
    body.at_data = lambda _: getattr(body.transport, way)()
    stage.sends(b"cd")
    assert (body.data, body.ended(ResponseDone)) == (b"abcd", True)
    assert (stage.is_paused(), stage.is_dropped()) == (False, False)


# -- the end ----------------------------------------------------------------------------------------------


def test_a_connection_that_ends_before_the_head(stage: AgentStage) -> None:
    silent, begun = stage.ask(), stage.ask()
    stage.servers[0].close()
    stage.sends(FOUR[:-1], 1)
    stage.servers[1].reset()
    assert silent.failed(ResponseNeverReceived)
    assert begun.failed(ResponseNeverReceived)


@pytest.mark.parametrize("cut_off", [FOUR + b"abc", CHUNKED + chunk(b"abc"), CHUNKED + b"4\r\nabc"])
def test_a_connection_that_ends_within_the_body(stage: AgentStage, cut_off: bytes) -> None:
    asked = stage.ask()
    stage.sends(cut_off)
    body = asked.read()
    stage.servers[0].close()
    assert body.data == b"abc"
    assert body.ended(ResponseFailed)


def test_a_connection_that_ends_before_the_body_is_read(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(FOUR + b"abc")
    stage.servers[0].close()
    body = asked.read()
    assert body.data == b"abc"
    assert body.ended(ResponseFailed)


def test_a_connection_whose_end_is_that_of_the_body(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(UNTIL_THE_END + b"ab")
    body = asked.read()
    stage.sends(b"cd")
    stage.servers[0].close()
    assert (body.data, body.ended(ResponseDone)) == (b"abcd", True)


@pytest.mark.parametrize(
    "pieces", [[b"\x00garbage\r\n\r\n"], [b"HTTP", b"x"], [OK, b"x: y\r\n", b"\x00: y\r\n"]]
)
def test_what_is_no_answer_ends_the_request_and_the_connection(
    stage: AgentStage, pieces: list[bytes]
) -> None:
    asked = stage.ask()
    for piece in pieces:
        stage.sends(piece)
    assert asked.failed(ResponseNeverReceived)
    assert asked.failure is not None
    (reason,) = asked.failure.value.reasons  # type: ignore[union-attr]
    assert reason.check(Unreadable)
    assert stage.is_dropped()


@pytest.mark.parametrize("is_read", [True, False])
def test_damage_ends_the_body_with_all_that_came_before(stage: AgentStage, is_read: bool) -> None:
    asked = stage.ask()
    if is_read:
        stage.sends(CHUNKED)
        body = asked.read()
        stage.sends(chunk(b"a") + b"zz\r\n")
    else:
        stage.sends(CHUNKED + chunk(b"a") + b"zz\r\n")
        body = asked.read()
    assert body.data == b"a"
    assert body.ended(ResponseFailed)
    assert body.reason is not None
    (reason,) = body.reason.value.reasons  # type: ignore[union-attr]
    assert reason.check(Unreadable)
    assert stage.is_dropped()


def test_an_answer_whose_head_is_too_large_is_not_taken_for_whole(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(OK + b"x: " + b"y" * MAX_HEAD + b"\r\n\r\n")
    assert stage.is_dropped()
    assert asked.failure is not None or asked.read().ended(ResponseFailed)


def test_bytes_behind_an_answer_that_closes_do_not_spoil_it(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(OK + b"connection: close\r\ncontent-length: 4\r\n\r\nabcd" + EMPTY)
    body = asked.read()
    assert (body.data, body.ended(ResponseDone)) == (b"abcd", True)


@given(st.binary(max_size=200) | damaged(), sizes, st.booleans())
def test_whatever_comes_the_request_and_the_body_have_an_end(
    wire: bytes, sizes: list[int], is_read_late: bool
) -> None:
    with agent_stages() as make:
        stage = make()
        asked, body = stage.ask(), None
        for piece in cut(wire, sizes):
            stage.sends(piece)
            if asked.answer is not None and body is None and not is_read_late:
                body = asked.read()
        stage.turn()
        stage.servers[0].close()
        assert not asked.is_waiting
        if asked.answer is not None:
            assert (body or asked.read()).reason is not None
