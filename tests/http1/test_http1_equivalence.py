"""The own agent and Twisted's tell the same of the same answer."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from ccmimolink.transport import make_agent
from tests.http1.agent_stage import URI, Asked
from tests.http1.valid_answers import ValidAnswer, cut, sizes, valid_answers
from tests.memory_proxy import MemoryReactor

_CONNECTION = {b"connection", b"content-length", b"transfer-encoding"}
"""What Twisted keeps from those who ask for the headers: it is about the connection."""


@dataclass(frozen=True)
class Told:
    """All that an agent tells of an answer."""

    version: object
    code: int
    phrase: bytes
    headers: list[tuple[bytes, list[bytes]]]
    body: bytes
    reason: type[BaseException]


def told(pieces: Sequence[bytes], *, closes: bool, is_read_late: bool, twisted: bool) -> Told:
    """What is told of an answer that comes in these pieces."""
    reactor = MemoryReactor()
    agent, pool = make_agent(reactor, connections=2, connect_timeout=4.0, twisted=twisted)
    asked = Asked(agent.request(b"GET", URI))
    reactor.advance(0)
    body = None
    for piece in pieces:
        reactor.upstream[0].send(piece)
        reactor.advance(0)
        if asked.answer is not None and body is None and not is_read_late:
            body = asked.read()
            reactor.advance(0)
    body = body or asked.read()
    reactor.advance(0)
    if closes:
        reactor.upstream[0].close()
        reactor.advance(0)
    assert body.reason is not None
    assert body.reason.value is not None
    reason = type(body.reason.value)
    answer = asked.answer
    outcome = Told(
        answer.version,
        answer.code,
        answer.phrase,
        sorted((n, v) for n, v in answer.headers.getAllRawHeaders() if n.lower() not in _CONNECTION),
        body.data,
        # Twisted has a name of its own for a body whose end is that of the connection.
        ResponseDone if reason is PotentialDataLoss else reason,
    )
    for connection in reactor.upstream:
        connection.close()
    pool.closeCachedConnections()
    reactor.advance(0)
    assert reactor.getDelayedCalls() == []
    return outcome


# Twisted takes no blank behind the size of a chunk.
answers = valid_answers(blanks=False)


@given(answers, sizes, st.booleans())
def test_of_a_whole_answer(answer: ValidAnswer, sizes: list[int], is_read_late: bool) -> None:
    own, twisted = (
        told(
            cut(answer.wire, sizes),
            closes=answer.ends_with_connection,
            is_read_late=is_read_late,
            twisted=twisted,
        )
        for twisted in (False, True)
    )
    assert own == twisted


@given(answers, st.data())
def test_of_an_answer_that_is_cut(answer: ValidAnswer, data: st.DataObject) -> None:
    """Twisted's agent, too, has an answer as soon as there is a head."""
    came = data.draw(st.integers(answer.head_length, len(answer.wire)))
    own, twisted = (
        told([answer.wire[:came]], closes=True, is_read_late=False, twisted=twisted)
        for twisted in (False, True)
    )
    assert own == twisted
