"""MiMoClient: what it sends, what it tries again, and what a try costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from OpenSSL.SSL import Error as TLSError
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from twisted.python.failure import Failure as TwistedFailure
from twisted.web.client import ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer

from ccmimolink.core.errors import FailureKind, UpstreamError
from ccmimolink.upstream import MiMoClient, SharedRetryBudget, UpstreamPolicy
from tests.http_wire import LAST_CHUNK, answer, body_of, chunked, hello
from tests.memory_proxy import KEY, MemoryClient, MemoryProxy, UpstreamConnection


@pytest.fixture
def make_proxy() -> Iterator[Callable[..., MemoryProxy]]:
    made: list[MemoryProxy] = []

    def make(**settings: str) -> MemoryProxy:
        made.append(MemoryProxy(settings))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()
        proxy.assert_at_rest()


@pytest.fixture
def proxy(make_proxy: Callable[..., MemoryProxy]) -> MemoryProxy:
    return make_proxy()


def respond(proxy: MemoryProxy, data: bytes, connection: int = -1) -> None:
    proxy.upstream[connection].send(data)
    proxy.settle()


def starts(proxy: MemoryProxy) -> int:
    """How many requests reached the upstream."""
    return sum(each.received.count(b"POST /v1/chat/completions") for each in proxy.upstream)


def assert_answered(client: MemoryClient) -> None:
    assert client.reply.output_text() == "Hello"
    assert client.reply.complete


# -- what is sent -----------------------------------------------------------------------------------------


def test_the_request_is_a_chat_completion_with_key_and_identity_encoding(proxy: MemoryProxy) -> None:
    proxy.post()
    line, headers, body = proxy.upstream[0].request
    assert line == "POST /v1/chat/completions HTTP/1.1"
    assert headers == {
        "host": "127.0.0.1:9",
        "authorization": f"Bearer {KEY}",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }


def test_the_body_is_exactly_what_was_handed_over(proxy: MemoryProxy) -> None:
    class Permit:
        def restart(self, delay: float = 0.0) -> Deferred[None]:
            return succeed(None)

    body = bytes(range(256)) * 300
    opening = proxy.services.client.open_stream(body, KEY, Permit())
    proxy.settle()
    assert proxy.upstream[0].request[2] == body
    opening.addErrback(lambda _: None)
    opening.cancel()


def test_a_redirect_is_not_followed(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_RETRIES="3")
    client = proxy.post()
    respond(proxy, answer(307, location="http://127.0.0.1:8/v1/chat/completions"))
    proxy.advance(30)
    assert client.reply.status == 502
    assert len(proxy.upstream) == 1
    assert starts(proxy) == 1


def test_cookies_of_the_upstream_are_not_carried_to_the_next_request(proxy: MemoryProxy) -> None:
    proxy.post()
    whole = chunked(hello())
    respond(proxy, whole.replace(b"\r\n", b"\r\nset-cookie: session=theirs\r\n", 1))
    proxy.post()
    assert b"theirs" not in proxy.upstream[0].received


def test_a_kept_connection_serves_the_next_request(proxy: MemoryProxy) -> None:
    for _ in range(3):
        client = proxy.post()
        respond(proxy, chunked(hello()))
        assert_answered(client)
    assert len(proxy.upstream) == 1
    assert starts(proxy) == 3


def test_there_is_a_kept_connection_for_each_slot(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_MAX_CONCURRENT="3")
    for _ in range(2):
        for _ in range(3):
            proxy.post()
        for connection in range(3):
            respond(proxy, chunked(hello()), connection)
    assert len(proxy.upstream) == 3
    assert starts(proxy) == 6


# -- what is tried again ----------------------------------------------------------------------------------


def refuse(proxy: MemoryProxy) -> None:
    proxy.reactor.refusals = 1


def test_a_refused_connection_is_tried_again(proxy: MemoryProxy) -> None:
    refuse(proxy)
    client = proxy.post()
    proxy.advance(2)
    assert len(proxy.upstream) == 2
    respond(proxy, chunked(hello()))
    assert_answered(client)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_is_tried_again(proxy: MemoryProxy, status: int) -> None:
    client = proxy.post()
    respond(proxy, answer(status))
    assert client.silent
    proxy.advance(1)
    respond(proxy, chunked(hello()))
    assert_answered(client)
    assert starts(proxy) == 2


def test_a_400_about_mimos_own_infrastructure_is_tried_again(proxy: MemoryProxy) -> None:
    client = proxy.post()
    respond(proxy, answer(400, {"error": {"message": "finishConnect(..) failed: Connection refused"}}))
    proxy.advance(1)
    respond(proxy, chunked(hello()))
    assert_answered(client)


def test_a_429_waits_as_long_as_it_says(proxy: MemoryProxy) -> None:
    client = proxy.post()
    respond(proxy, answer(429, retry_after="7"))
    proxy.advance(6.5)
    assert starts(proxy) == 1
    proxy.advance(1)
    assert starts(proxy) == 2
    respond(proxy, chunked(hello()))
    assert_answered(client)


def test_a_retry_after_may_be_a_date(make_proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmimolink.graph.time.time", lambda: 1_800_000_000.0)
    proxy = make_proxy()
    proxy.post()
    respond(proxy, answer(429, retry_after="Fri, 15 Jan 2027 08:00:20 GMT"))
    assert proxy.services.limiter.state.back_off_left == pytest.approx(20)


def test_a_429_that_names_no_time_waits_as_long_as_is_set(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_429_BACKOFF_MS="9000")
    proxy.post()
    respond(proxy, answer(429))
    assert proxy.services.limiter.state.back_off_left == pytest.approx(9)
    proxy.advance(8.5)
    assert starts(proxy) == 1
    proxy.advance(1)
    assert starts(proxy) == 2


def test_the_retried_request_goes_before_those_that_wait(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_MAX_CONCURRENT="2")
    first, second = proxy.post(), proxy.post()
    respond(proxy, answer(429, retry_after="5"), 0)
    third = proxy.post()
    respond(proxy, chunked(hello()), 1)
    assert_answered(second)
    proxy.advance(4.5)
    assert starts(proxy) == 2
    proxy.advance(1)
    respond(proxy, chunked(hello()), 0)
    respond(proxy, chunked(hello()), 1)
    assert_answered(first)
    assert_answered(third)


def test_a_429_beyond_the_budget_is_returned_at_once(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_RETRY_BUDGET_MS="60000")
    client = proxy.post()
    respond(proxy, answer(429, {"error": {"message": "slow down"}}, retry_after="61"))
    assert (client.reply.status, client.reply.headers["retry-after"]) == (429, "61")
    assert starts(proxy) == 1


def test_the_budget_counts_from_the_first_start(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_RETRY_BUDGET_MS="60000")
    client = proxy.post()
    respond(proxy, answer(429, retry_after="40"))
    proxy.advance(41)
    respond(proxy, answer(429, retry_after="40"))
    assert client.reply.status == 429
    assert starts(proxy) == 2


def test_the_time_in_the_queue_is_not_taken_from_the_budget(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_RETRY_BUDGET_MS="60000")
    proxy.post()
    client = proxy.post()
    proxy.advance(100)
    respond(proxy, chunked(hello()))
    respond(proxy, answer(429, retry_after="40"))
    assert client.silent
    proxy.advance(41)
    respond(proxy, chunked(hello()))
    assert_answered(client)


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_tries_are_counted(make_proxy: Any, retries: int) -> None:
    proxy = make_proxy(MIMO_PROXY_RETRIES=str(retries))
    client = proxy.post()
    for _ in range(5):
        if client.silent:
            respond(proxy, answer(503))
            proxy.advance(10)
    assert starts(proxy) == retries + 1
    assert client.reply.status == 502


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 421, 422, 504])
def test_what_another_try_cannot_help_is_not_tried_again(proxy: MemoryProxy, status: int) -> None:
    client = proxy.post()
    respond(proxy, answer(status))
    assert client.reply.status >= 400
    proxy.advance(60)
    assert starts(proxy) == 1


def test_a_connection_that_broke_after_sending_is_tried_once_more_and_said_so(
    proxy: MemoryProxy,
) -> None:
    client = proxy.post()
    proxy.upstream[0].reset()
    proxy.advance(2)
    assert len(proxy.upstream) == 2
    proxy.upstream[1].reset()
    proxy.advance(60)
    assert client.reply.status == 502
    assert len(proxy.upstream) == 2


def test_it_is_logged_that_the_broken_try_may_have_been_billed(proxy: MemoryProxy) -> None:
    lines: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        lines.append(eventAsText(event))

    globalLogPublisher.addObserver(observe)
    try:
        proxy.post()
        proxy.upstream[0].reset()
        proxy.settle()
    finally:
        globalLogPublisher.removeObserver(observe)
    assert [line for line in lines if "may have been billed" in line]


def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing(proxy: MemoryProxy) -> None:
    proxy.post()
    respond(proxy, chunked(hello()))
    proxy.upstream[0].close()
    client = proxy.post()
    respond(proxy, chunked(hello()))
    assert_answered(client)
    assert len(proxy.upstream) == 2


def test_nothing_is_tried_again_once_a_200_was_handed_over(proxy: MemoryProxy) -> None:
    client = proxy.post()
    head, _, _ = chunked(hello()).partition(b"\r\n\r\n")
    respond(proxy, head + b"\r\n\r\n")
    proxy.upstream[0].reset()
    proxy.advance(60)
    assert client.reply.status == 502
    assert starts(proxy) == 1


def test_all_requests_together_have_a_budget_of_retries() -> None:
    clock = Clock()
    budget = SharedRetryBudget(clock.seconds, capacity=2, refill_interval=10)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    clock.advance(10)
    assert [budget.take() for _ in range(2)] == [True, False]
    clock.advance(1000)
    assert [budget.take() for _ in range(3)] == [True, True, False]


def test_a_storm_of_failures_is_not_multiplied(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_MAX_CONCURRENT="40", MIMO_PROXY_RETRIES="5")
    clients = [proxy.post() for _ in range(40)]
    answered: set[UpstreamConnection] = set()
    for _ in range(6):
        for connection in proxy.upstream:
            if connection not in answered:
                answered.add(connection)
                connection.send(answer(503, connection="close"))
        proxy.advance(1)
    assert all(client.reply.status == 502 for client in clients)
    assert starts(proxy) <= 40 + 20 + 2


# -- how failures below HTTP are told ---------------------------------------------------------------------


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


def client_over(http: Any, clock: Clock) -> MiMoClient:
    return MiMoClient(
        http,
        "https://mimo.invalid/v1",
        UpstreamPolicy(first_byte_timeout=10, retries=3, retry_budget=60, back_off=5),
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
        (ConnectError(), 4, "cannot be reached"),
        (ConnectTimeout(), 4, "cannot be reached"),
        (ResponseNeverReceived([TwistedFailure(TLSError([("SSL", "", "bad certificate")]))]), 4, "TLS"),
        (ResponseNeverReceived([TwistedFailure(ConnectionResetError())]), 2, "broke before it answered"),
    ],
    ids=["DNS", "connect", "connect time-out", "TLS", "broke after sending"],
)
def test_each_has_its_own_words_and_number_of_tries(error: Exception, tries: int, words: str) -> None:
    agent = FailingAgent(error)
    clock = Clock()
    client = client_over(HTTPClient(agent), clock)
    failures: list[Any] = []
    client.open_stream(b"{}", KEY, NoWait()).addErrback(failures.append)
    (failure,) = failures
    assert isinstance(failure.value, UpstreamError)
    assert failure.value.failure.kind is FailureKind.UPSTREAM_DOWN
    assert words in failure.value.failure.message
    assert "mimo.invalid" not in failure.value.failure.message
    assert agent.requests == tries
    assert clock.getDelayedCalls() == []


def test_the_end_of_a_body_is_waited_for_before_the_connection_is_used_again(proxy: MemoryProxy) -> None:
    proxy.post(body_of())
    whole = chunked(hello())
    respond(proxy, whole[: -len(LAST_CHUNK)])
    proxy.post(body_of())
    assert len(proxy.upstream) == 2


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


def test_a_response_that_comes_although_it_was_cancelled_is_dropped() -> None:
    http, clock = LateAnswer(), Clock()
    outcomes: list[Any] = []
    opening = client_over(http, clock).open_stream(b"{}", KEY, NoWait()).addBoth(outcomes.append)
    opening.cancel()
    assert outcomes[0].check(CancelledError)
    assert http.dropped
    assert clock.getDelayedCalls() == []


def test_a_response_that_comes_just_as_its_time_is_over_is_used() -> None:
    http, clock = LateAnswer(), Clock()
    outcomes: list[Any] = []
    client_over(http, clock).open_stream(b"{}", KEY, NoWait()).addBoth(outcomes.append)
    clock.advance(10)
    assert outcomes == [http]
    assert not http.dropped
