"""MiMoClient over a stand-in for HTTP: how failures below HTTP are told, and an answer that is too late."""

from __future__ import annotations

from typing import Any

import pytest
from OpenSSL.SSL import Error as TLSError
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.task import Clock
from twisted.python.failure import Failure as TwistedFailure
from twisted.web.client import ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer

from ccmimolink.core.errors import FailureKind, UpstreamError
from ccmimolink.heads import HandshakeFailed
from ccmimolink.route import Target
from ccmimolink.tries import UpstreamPolicy
from ccmimolink.upstream import MiMoClient
from tests.memory_proxy import KEY
from tests.upstream.upstream_steps import journey, unread


@implementer(IAgent)
class FailingAgent:
    """Fails every request in one way."""

    def __init__(self, error: Exception) -> None:
        self.error, self.requests = error, 0

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Any:
        self.requests += 1
        return _failed(self.error)


def _failed(error: Exception) -> Deferred[Any]:
    deferred: Deferred[Any] = Deferred()
    deferred.errback(TwistedFailure(error))
    return deferred


TARGET = Target("https://mimo.invalid/v1", KEY)


def client_over(http: Any, clock: Clock) -> MiMoClient:
    return MiMoClient(
        http,
        UpstreamPolicy(connecting_timeout=10, first_byte_timeout=10, retries=3, retry_budget=60, back_off=5),
        clock=clock,
        monotonic=clock.seconds,
        epoch=clock.seconds,
        back_off=lambda _: None,
        jitter=lambda: 0.5,
    )


class NoWait:
    def restart(self, delay: float = 0.0) -> Deferred[None]:
        return succeed(None)


@pytest.mark.parametrize(
    ("error", "tries", "words"),
    [
        (DNSLookupError("no such host"), 4, "host name"),
        (ConnectError(), 4, "Check the network and MiMo's address (MIMO_BASE_URL, or the provider in cc"),
        (ConnectTimeout(), 4, "cannot be reached"),
        (HandshakeFailed("bad certificate"), 4, "TLS"),
        (
            ResponseNeverReceived([TwistedFailure(TLSError([("SSL", "", "bad record")]))]),
            2,
            "broke before it",
        ),
        (ResponseNeverReceived([TwistedFailure(ConnectionResetError())]), 2, "broke before it answered"),
    ],
    ids=["DNS", "connect", "connect time-out", "TLS", "TLS after sending", "broke after sending"],
)
def test_each_has_its_own_words_and_number_of_tries(error: Exception, tries: int, words: str) -> None:
    agent = FailingAgent(error)
    clock = Clock()
    client = client_over(HTTPClient(agent), clock)
    failures: list[Any] = []
    client.open_stream(b"{}", TARGET, NoWait(), unread, journey()).addErrback(failures.append)
    (failure,) = failures
    assert isinstance(failure.value, UpstreamError)
    assert failure.value.failure.kind is FailureKind.UPSTREAM_DOWN
    assert words in failure.value.failure.message
    assert "mimo.invalid" not in failure.value.failure.message
    assert agent.requests == tries
    assert clock.getDelayedCalls() == []


class LateAnswer:
    """Answers with a response although it was cancelled."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.dropped = False
        self.code, self.headers = 200, Headers()

    def post(self, *_: Any, **__: Any) -> Deferred[Any]:
        return Deferred(lambda deferred: deferred.callback(self))

    def deliverBody(self, protocol: Any) -> None:
        self.bodies.append(protocol)
        protocol.makeConnection(self)

    def loseConnection(self) -> None:
        self.dropped = True

    def stopProducing(self) -> None:
        self.dropped = True


def test_a_response_that_comes_although_it_was_cancelled_is_dropped() -> None:
    http, clock = LateAnswer(), Clock()
    outcomes: list[Any] = []
    opening = (
        client_over(http, clock)
        .open_stream(b"{}", TARGET, NoWait(), unread, journey())
        .addBoth(outcomes.append)
    )
    opening.cancel()
    assert outcomes[0].check(CancelledError)
    assert http.dropped
    assert clock.getDelayedCalls() == []


def test_a_response_that_comes_just_as_its_time_is_over_is_used() -> None:
    http, clock = LateAnswer(), Clock()
    outcomes: list[Any] = []
    client_over(http, clock).open_stream(b"{}", TARGET, NoWait(), unread, journey()).addBoth(outcomes.append)
    clock.advance(10)
    assert outcomes == [http]
    assert not http.dropped
