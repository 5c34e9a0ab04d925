"""When the request for the catalog is made again, how long it may take, and what is left of it."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer

from ccmimolink.mimocode.catalog_request import CatalogClient
from ccmimolink.mimocode.errors import Blocker, SetupError
from ccmimolink.mimocode.provider import GONKAGATE
from tests.mimocode.gateway_api import KEY
from tests.mimocode.gateway_stage import MARK


@implementer(IAgent)
class WaitingAgent:
    """Answers nothing, or fails as it is told.

    :param late: an answer that comes when the request is cancelled.
    :ivar asked: the addresses, in order.
    """

    def __init__(self, *failures: Exception, late: object = None) -> None:
        self.asked: list[bytes] = []
        self.cancelled = 0
        self._late = late
        self._failures = list(failures)

    def request(
        self, method: bytes, uri: bytes, headers: object = None, bodyProducer: object = None
    ) -> Deferred[IResponse]:
        self.asked.append(uri)
        return fail(self._failures.pop(0)) if self._failures else Deferred(self._cancel)

    def _cancel(self, request: Deferred[Any]) -> None:
        self.cancelled += 1
        if self._late is not None:
            request.callback(self._late)


class Timed:
    """A fetch whose time a test lets pass."""

    def __init__(self, *failures: Exception) -> None:
        self.clock, self.agent = Clock(), WaitingAgent(*failures)
        client = CatalogClient(self.clock, self.agent)
        self.fetched = Deferred.fromCoroutine(client.fetch(GONKAGATE, KEY))

    def blocker(self) -> Blocker:
        """Why it failed by now; nothing is left to be waited for."""
        caught: list[Any] = []
        self.fetched.addErrback(lambda reason: caught.append(reason.value))
        assert len(caught) == 1
        assert self.clock.getDelayedCalls() == []
        error = caught[0]
        assert isinstance(error, SetupError)
        return error.blockers[0]


@pytest.mark.parametrize(
    ("failure", "detail"),
    [(DNSLookupError(MARK), "reason=dns"), (ConnectError(), "reason=connect")],
    ids=["dns", "connect"],
)
def test_there_are_three_tries_with_half_a_second_and_a_second_between(
    failure: Exception, detail: str
) -> None:
    timed = Timed(failure, failure, failure)
    seen = []
    for step in (0.0, 0.4, 0.2, 0.8, 0.3):
        timed.clock.advance(step)
        seen.append(len(timed.agent.asked))

    assert seen == [1, 1, 2, 2, 3]
    assert timed.blocker().detail == detail


def test_a_try_takes_fifteen_seconds_at_most() -> None:
    timed = Timed()
    seen = []
    for step in (14.9, 0.2, 0.5, 15, 1.1, 14.9):
        timed.clock.advance(step)
        seen.append((len(timed.agent.asked), timed.agent.cancelled))

    assert seen == [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 2)]
    timed.clock.advance(1)
    assert timed.blocker().detail == "reason=timeout"
    assert timed.agent.cancelled == 3


@pytest.mark.parametrize("passed", [0.0, 0.2, 0.6], ids=["in a try", "in a pause", "in the second try"])
def test_cancelling_leaves_nothing_behind(passed: float) -> None:
    timed = Timed(*[DNSLookupError()] if passed else [])
    timed.clock.advance(passed)

    timed.fetched.cancel()

    caught: list[Any] = []
    timed.fetched.addErrback(lambda reason: caught.append(reason.value))
    assert [type(error) for error in caught] == [CancelledError]
    assert timed.clock.getDelayedCalls() == []


class LateResponse:
    """An answer that came when it was not waited for any more."""

    code = 200

    def __init__(self) -> None:
        self.headers = Headers()
        self.transport = StringTransport()

    def deliverBody(self, protocol: Protocol) -> None:
        protocol.makeConnection(self.transport)


def test_an_answer_that_comes_although_it_was_cancelled_is_dropped() -> None:
    response, clock = LateResponse(), Clock()
    agent = WaitingAgent(late=response)
    fetched = Deferred.fromCoroutine(CatalogClient(clock, agent).fetch(GONKAGATE, KEY))

    fetched.cancel()

    fetched.addErrback(lambda reason: reason.trap(CancelledError))
    assert response.transport.disconnecting
    assert response.transport.producerState == "stopped"
    assert clock.getDelayedCalls() == []


def test_the_address_is_the_providers() -> None:
    agent = WaitingAgent()
    fetched = Deferred.fromCoroutine(CatalogClient(Clock(), agent).fetch(GONKAGATE, KEY))

    assert agent.asked == [b"https://api.gonkagate.com/v1/models"]
    fetched.addErrback(lambda reason: reason.trap(CancelledError))
    fetched.cancel()
