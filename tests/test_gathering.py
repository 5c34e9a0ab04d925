"""What comes of a body in one turn of the reactor is given in one piece."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ccmimolink.gathering import GatheringAgent

DONE, FAILED = Failure(ResponseDone()), Failure(ResponseFailed([Failure(connectionDone.value)]))


@implementer(IResponse)
class OneAnswer:
    """:ivar given: the protocol that reads the body."""

    version, code, phrase, length = (b"HTTP", 1, 1), 299, b"Fine", 7
    headers, request, previousResponse = Headers({"x-a": ["1"]}), None, None
    given: Any = None

    def setPreviousResponse(self, previousResponse: object) -> None:
        """There is none."""

    def deliverBody(self, protocol: Protocol) -> None:
        self.given = protocol


@implementer(IAgent)
class OneAgent:
    def __init__(self) -> None:
        self.answer, self.asked = OneAnswer(), list[Any]()

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Any:
        self.asked.append((method, uri, headers, bodyProducer))
        return succeed(self.answer)


class Reader(Protocol):
    """:ivar came: pieces, and the reason of the end at last."""

    transport: Any

    def __init__(self) -> None:
        self.came: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        self.came.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.came.append(reason)


class Scene:
    """A body on its way from an agent, through the gathering one, to a reader."""

    def __init__(self) -> None:
        self.clock, self.agent, self.reader = Clock(), OneAgent(), Reader()
        self.transport = StringTransport()
        answers: list[Any] = []
        GatheringAgent(self.agent, self.clock).request(b"GET", b"http://x/").addCallback(answers.append)
        (self.answer,) = answers
        self.answer.deliverBody(self.reader)
        self.agent.answer.given.makeConnection(self.transport)

    @property
    def came(self) -> list[Any]:
        return self.reader.came

    def give(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.agent.answer.given.dataReceived(piece)

    def end(self, reason: Failure = DONE) -> None:
        self.agent.answer.given.connectionLost(reason)

    def turn(self) -> None:
        self.clock.advance(0)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_pieces_of_one_turn_come_joined_and_in_order(scene: Scene) -> None:
    scene.give(b"a", b"b", b"c")
    assert scene.came == []
    scene.turn()
    assert scene.came == [b"abc"]


def test_each_turn_has_a_piece_of_its_own(scene: Scene) -> None:
    for pieces in ([b"a", b"b"], [], [b"c"]):
        scene.give(*pieces)
        scene.turn()
    assert scene.came == [b"ab", b"c"]


@pytest.mark.parametrize("reason", [DONE, FAILED], ids=["whole", "broken off"])
def test_the_end_comes_behind_the_rest_and_keeps_its_reason(scene: Scene, reason: Failure) -> None:
    scene.give(b"a", b"b")
    scene.end(reason)
    assert scene.came == [b"ab", reason]


def test_behind_the_end_nothing_comes_and_nothing_waits(scene: Scene) -> None:
    scene.give(b"a")
    scene.end()
    scene.turn()
    assert scene.came == [b"a", DONE]
    assert scene.clock.getDelayedCalls() == []


def test_an_end_without_a_rest_comes_alone(scene: Scene) -> None:
    scene.give(b"a")
    scene.turn()
    scene.end()
    assert scene.came == [b"a", DONE]


@given(st.lists(st.lists(st.binary(max_size=5), max_size=4), max_size=6), st.booleans())
def test_nothing_is_lost_doubled_or_given_twice_a_turn(turns: list[list[bytes]], is_cut: bool) -> None:
    scene = Scene()
    for place, pieces in enumerate(turns):
        scene.give(*pieces)
        if not (is_cut and place == len(turns) - 1):
            scene.turn()
    scene.end()
    *pieces, reason = scene.came
    assert pieces == [b"".join(turn) for turn in turns if turn]
    assert reason is DONE


def test_the_reader_drives_the_transport_of_the_body(scene: Scene) -> None:
    assert scene.reader.transport is scene.transport
    states = []
    for way in (scene.reader.transport.pauseProducing, scene.reader.transport.resumeProducing):
        way()
        states.append(scene.transport.producerState)
    assert states == ["paused", "producing"]


def test_a_reader_that_drops_the_body_from_within_has_its_end_once(scene: Scene) -> None:
    def drop(data: bytes) -> None:
        scene.came.append(data)
        scene.end()

    scene.reader.dataReceived = drop  # type: ignore[method-assign]
    scene.give(b"a")
    scene.turn()
    scene.turn()
    assert scene.came == [b"a", DONE]


def test_all_else_is_the_agent_s(scene: Scene) -> None:
    headers, body = Headers({"x": ["y"]}), object()
    agent = GatheringAgent(scene.agent, scene.clock)
    verifyObject(IAgent, agent)
    asked = agent.request(b"POST", b"http://x/", headers, body)
    assert isinstance(asked, Deferred)
    assert scene.agent.asked[-1] == (b"POST", b"http://x/", headers, body)
    answer = scene.answer
    verifyObject(IResponse, answer)
    assert (answer.code, answer.phrase, answer.length, answer.version) == (299, b"Fine", 7, (b"HTTP", 1, 1))
    assert answer.headers is OneAnswer.headers
