"""MiMoClient: a refusal that another body may avert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.web.iweb import IResponse

from ccmimolink.core.amend import MAX_AMENDMENTS
from ccmimolink.core.errors import FailureKind, UpstreamError
from ccmimolink.core.upstream_errors import Refusal
from ccmimolink.route import Target
from tests.http_wire import answer
from tests.memory_proxy import KEY, SETTINGS, MemoryProxy
from tests.upstream.upstream_steps import journey, respond, starts

REFUSED = answer(400, {"error": {"code": "400", "message": "Param Incorrect", "param": "top_p"}})


class Permit:
    """Lets a request start again when the test says so.

    :ivar delays: what was asked for.
    """

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.pending: Deferred[None] | None = None
        self.at_once = True

    def restart(self, delay: float = 0.0) -> Deferred[None]:
        self.delays.append(delay)
        self.pending = succeed(None) if self.at_once else Deferred()
        return self.pending


class Request:
    """One request of the client under test.

    :ivar outcomes: its result or failure.
    :ivar refusals: what the amender was asked about, with the body.
    """

    def __init__(self, proxy: MemoryProxy, bodies: Iterator[bytes | None]) -> None:
        self.outcomes: list[Any] = []
        self.refusals: list[tuple[Refusal, bytes]] = []
        self.permit, self._bodies = Permit(), bodies
        target = Target(SETTINGS["MIMO_BASE_URL"], KEY)
        self.deferred = proxy.services.client.open_stream(
            b"first", target, self.permit, self._read, journey(), self._amend
        )
        self.deferred.addBoth(self.outcomes.append)
        proxy.settle()

    async def _read(self, response: IResponse) -> IResponse:
        return response

    def _amend(self, refusal: Refusal, body: bytes) -> bytes | None:
        self.refusals.append((refusal, body))
        return next(self._bodies)

    @property
    def accepted(self) -> bool:
        (outcome,) = self.outcomes
        return bool(outcome.code == 200)

    @property
    def failure(self) -> Any:
        (outcome,) = self.outcomes
        assert isinstance(outcome.value, UpstreamError)
        return outcome.value.failure


Make = Callable[..., Request]


@pytest.fixture
def ask(proxy: MemoryProxy) -> Iterator[Make]:
    made: list[Request] = []

    def make(*bodies: bytes | None) -> Request:
        made.append(Request(proxy, iter(bodies)))
        return made[-1]

    yield make
    for request in made:
        request.deferred.addErrback(lambda _: None)
        request.deferred.cancel()


def bodies(proxy: MemoryProxy) -> list[bytes]:
    """The bodies that reached the upstream."""
    wire = b"".join(each.received for each in proxy.upstream)
    return [each.partition(b"\r\n\r\n")[2] for each in wire.split(b"POST ")[1:]]


def test_the_body_that_comes_back_is_sent_in_place_of_the_refused_one(proxy: MemoryProxy, ask: Make) -> None:
    request = ask(b"second")
    respond(proxy, REFUSED)
    assert bodies(proxy) == [b"first", b"second"]
    ((refusal, body),) = request.refusals
    assert (refusal.status, refusal.reason, body) == (400, "top_p", b"first")
    respond(proxy, answer(200, b"{}", content_type="application/json"))
    assert request.accepted


def test_each_refusal_is_asked_about_with_the_body_that_it_refused(proxy: MemoryProxy, ask: Make) -> None:
    request = ask(b"second", b"third")
    for _ in range(2):
        respond(proxy, REFUSED)
    assert [body for _, body in request.refusals] == [b"first", b"second"]
    assert bodies(proxy) == [b"first", b"second", b"third"]


def test_it_starts_when_the_permit_says_so_and_without_a_delay_of_its_own(
    proxy: MemoryProxy, ask: Make
) -> None:
    request = ask(b"second")
    request.permit.at_once = False
    respond(proxy, REFUSED)
    assert (starts(proxy), request.permit.delays) == (1, [0.0])
    assert request.permit.pending is not None
    request.permit.pending.callback(None)
    proxy.settle()
    assert starts(proxy) == 2


def test_a_refusal_that_is_let_stand_is_final(proxy: MemoryProxy, ask: Make) -> None:
    request = ask(None)
    respond(proxy, REFUSED)
    assert request.failure.kind is FailureKind.INVALID_REQUEST
    assert starts(proxy) == 1


def test_there_is_an_end_to_it(proxy: MemoryProxy, ask: Make) -> None:
    request = ask(*[b"another"] * 10)
    for _ in range(MAX_AMENDMENTS + 1):
        assert request.outcomes == []
        respond(proxy, REFUSED)
    assert request.failure.kind is FailureKind.INVALID_REQUEST
    assert len(request.refusals) == MAX_AMENDMENTS


def test_it_takes_nothing_from_the_retries(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_RETRIES="1")
    request = Request(proxy, iter([b"second"]))
    respond(proxy, REFUSED)
    respond(proxy, answer(503))
    proxy.advance(1)
    respond(proxy, answer(503))
    assert bodies(proxy) == [b"first", b"second", b"second"]
    assert request.failure.kind is FailureKind.UPSTREAM_DOWN


def test_without_retries_a_refused_request_is_still_amended(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_RETRIES="0", MIMO_PROXY_RETRY_BUDGET_MS="0")
    request = Request(proxy, iter([b"second"]))
    respond(proxy, REFUSED)
    respond(proxy, answer(200, b"{}", content_type="application/json"))
    assert request.accepted


def test_what_came_without_the_upstreams_words_is_not_asked_about(proxy: MemoryProxy, ask: Make) -> None:
    request = ask(b"second")
    proxy.upstream[0].reset()
    proxy.advance(2)
    assert (starts(proxy), request.refusals) == (2, [])
