"""MiMoClient: the way to MiMo, up to the first byte of its answer.

Owns the connection pool, the time limits until the headers, and the loop of tries, amended ones included. All
of treq that the proxy uses is here. It must not read the body of a 200 (the web's relay does), must not try
again once it has handed a response over, and must not know what a body says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure as TwistedFailure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from ccmimolink.core.errors import Failure, FailureKind, UpstreamError
from ccmimolink.core.retry import Fault, parse_retry_after
from ccmimolink.core.upstream_errors import Refusal, classify_response, may_be_a_burst, without_key
from ccmimolink.inflate import deliver_body
from ccmimolink.journey import Journey
from ccmimolink.printable import printable
from ccmimolink.route import Target
from ccmimolink.timers import MonotonicTimer
from ccmimolink.transport import NO_COOKIES, BoundedReader, BytesBody, Dropped, settled_url
from ccmimolink.tries import SharedRetryBudget, Tries, Trouble, UpstreamPolicy
from ccmimolink.troubles import (
    check_content_type,
    check_encoding,
    not_connected,
    timed_out,
    transport_trouble,
)

_T = TypeVar("_T")

MAX_ERROR_BODY = 64 * 1024
"""Bytes of an error answer that are read. MiMo's are some hundred; the rest of a long page tells nothing."""

ERROR_BODY_TIMEOUT = 10.0
"""Seconds for an error answer to arrive once its headers did."""

MAX_MODEL_LIST = 1024 * 1024
"""Bytes of a model list that are read."""

MODELS_TIMEOUT = 10.0
"""Seconds for the model list: someone waits for it with a local list at hand."""


_LONGEST_REASON = 300
"""Characters of MiMo's own words in the log."""

Amend = Callable[[Refusal, bytes], bytes | None]
"""Given a refusal and the body that was refused, the body to send in its place, or None to let it stand."""


class RetryPermit(Protocol):
    """What a request in flight holds: see :class:`ccmimolink.limiter.Permit`."""

    def restart(self, delay: float = 0.0) -> Deferred[None]: ...


class MiMoClient:
    """Requests to MiMo over one pool.

    :param http: a treq client whose agent follows no redirects on its own and asks for no compression.
    :param back_off: told the seconds for which a 429 stops all starts (the limiter's ``back_off``).
    :param epoch: the wall clock, for ``Retry-After`` dates, in seconds since the epoch.
    :param jitter: a number from 0 up to 1, such as ``random.random``.
    """

    _log = Logger()

    def __init__(
        self,
        http: HTTPClient,
        policy: UpstreamPolicy,
        *,
        clock: IReactorTime,
        monotonic: Callable[[], float],
        epoch: Callable[[], float],
        back_off: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        self._http, self._policy = http, policy
        self._clock, self._monotonic, self._epoch = clock, monotonic, epoch
        self._back_off, self._jitter = back_off, jitter
        self._shared_budget = SharedRetryBudget(monotonic)

    def open_stream(
        self,
        body: bytes,
        target: Target,
        permit: RetryPermit,
        read: Callable[[IResponse], Awaitable[_T]],
        journey: Journey,
        amend: Amend | None = None,
    ) -> Deferred[_T]:
        """Send the chat request and let ``read`` take the 200 that answers it; fires with its result.

        ``read`` must deliver the body, or the connection stays taken. If it raises ``UpstreamError``, nothing
        has reached the client, and that counts as a failed try like any before it. Cancelling drops the
        connection.

        :param journey: is marked on the way.
        :param amend: asked about each refusal that another body may avert; what it gives is sent at once.
        :raises UpstreamError: MiMo refused, or failed beyond what the retry budgets allow.
        """
        return Deferred.fromCoroutine(self._open_stream(body, target, permit, read, journey, amend))

    async def _open_stream(
        self,
        body: bytes,
        target: Target,
        permit: RetryPermit,
        read: Callable[[IResponse], Awaitable[_T]],
        journey: Journey,
        amend: Amend | None,
    ) -> _T:
        tries = Tries(self._policy, self._monotonic, self._jitter)
        while True:
            journey.start()
            try:
                return await read(await self._post(body, target, journey))
            except Trouble as error:
                trouble = error
            except UpstreamError as error:
                trouble = self._spoiled(error.failure)
            amended = _amended(trouble, body, tries, amend)
            if amended is not None:
                body = amended
                journey.amendments += 1
                journey.queue()
                await permit.restart(0.0)
                continue
            delay = tries.delay_after(trouble)
            if delay is None or not self._shared_budget.take():
                raise UpstreamError(trouble.failure) from trouble
            self._log.warn(
                "{id}: try {attempt} failed ({fault}: {reason}); next try in {delay:.1f} s{note}",
                id=journey.request_id,
                attempt=tries.made,
                fault=trouble.fault.value,
                reason=printable(trouble.failure.message[:_LONGEST_REASON]),
                delay=delay,
                note="; the failed try may have been billed" if trouble.rule.may_be_billed else "",
            )
            journey.retries += 1
            journey.queue()
            await permit.restart(delay)
            if tries.time_left() < 0:
                # Other requests' back-offs came in between.
                raise UpstreamError(trouble.failure) from trouble

    def _spoiled(self, failure: Failure) -> Trouble:
        """A 200 whose first word was an error, or that ended or fell silent without one."""
        fault = _SPOILED.get(failure.kind)
        return Trouble(self._backed_off(failure), fault or _fault_of(failure))

    def _backed_off(self, failure: Failure) -> Failure:
        """A rate limit with its delay, after telling the limiter of it; any other failure as it is."""
        if failure.kind is not FailureKind.RATE_LIMITED:
            return failure
        policy = self._policy
        wait = failure.retry_after if failure.retry_after is not None else policy.back_off
        # A delay of hours or days is this request's answer; the others may ask again before.
        self._back_off(min(wait, max(policy.retry_budget, policy.back_off)))
        return Failure(failure.kind, failure.message, retry_after=wait)

    async def _post(self, body: bytes, target: Target, journey: Journey) -> IResponse:
        """One try.

        :raises Trouble: anything but a 200 with a body that can be a chat answer.
        """
        request = self._http.post(
            settled_url(f"{target.base_url}/chat/completions"),
            headers=_headers(target.key, accept=b"text/event-stream", content_type=b"application/json"),
            data=BytesBody(body, journey.send),
            allow_redirects=False,
            unbuffered=True,
            cookies=NO_COOKIES,
        )
        response = await self._headers_in_time(
            request, self._policy.first_byte_timeout, lambda: journey.connected is not None
        )
        journey.answer()
        if response.code == 200:
            check_encoding(response)
            check_content_type(response)
            return response
        raise await self._refusal(response, target.key)

    async def _refusal(self, response: IResponse, key: str) -> Trouble:
        body = await self._read_bounded(response, MAX_ERROR_BODY, ERROR_BODY_TIMEOUT)
        failure = classify_response(response.code, without_key(body, key), self._retry_after(response))
        fault = _fault_of(failure) if response.code >= 400 else Fault.MISLED
        return Trouble(self._backed_off(failure), fault)

    def _retry_after(self, response: IResponse) -> float | None:
        values = response.headers.getRawHeaders(b"retry-after")
        return parse_retry_after(values[-1].decode("latin-1"), self._epoch()) if values else None

    async def _headers_in_time(
        self, request: Deferred[Any], limit: float, is_connected: Callable[[], bool] = lambda: True
    ) -> IResponse:
        """The response once its headers are there.

        :raises Trouble: there is none, or it comes too late. Whatever the transport raises is one.
        """
        answer = _Answer(request)
        connecting = self._policy.connecting_timeout

        def look_at_connection() -> None:
            if not is_connected():
                answer.time_out(not_connected(connecting))

        timers = (
            MonotonicTimer(self._clock, self._monotonic, limit, lambda: answer.time_out(timed_out(limit))),
            MonotonicTimer(self._clock, self._monotonic, connecting, look_at_connection),
        )
        try:
            return await answer.deferred
        finally:
            for timer in timers:
                timer.cancel()

    async def _read_bounded(self, response: IResponse, limit: int, seconds: float) -> bytes:
        """The beginning of a body, as much as comes in time."""
        reader = BoundedReader(limit)
        timer = MonotonicTimer(self._clock, self._monotonic, seconds, reader.time_out)
        try:
            deliver_body(response, reader, self._clock)
            return await reader.done
        finally:
            timer.cancel()

    def get_models(self, target: Target) -> Deferred[bytes]:
        """The body of ``GET /models``.

        :raises UpstreamError: there is none to be had now. It is not tried again.
        """
        return Deferred.fromCoroutine(self._get_models(target))

    async def _get_models(self, target: Target) -> bytes:
        try:
            response = await self._headers_in_time(
                self._http.get(
                    settled_url(f"{target.base_url}/models"),
                    headers=_headers(target.key, accept=b"application/json"),
                    allow_redirects=False,
                    unbuffered=True,
                    cookies=NO_COOKIES,
                ),
                MODELS_TIMEOUT,
            )
        except Trouble as trouble:
            raise UpstreamError(trouble.failure) from trouble
        body = await self._read_bounded(response, MAX_MODEL_LIST, MODELS_TIMEOUT)
        if response.code != 200:
            said = without_key(body[:MAX_ERROR_BODY], target.key)
            raise UpstreamError(classify_response(response.code, said))
        return body


_SPOILED = {FailureKind.STREAM_BROKEN: Fault.SPOILED, FailureKind.UPSTREAM_TIMEOUT: Fault.SILENT}
_FAULTS = {
    FailureKind.RATE_LIMITED: Fault.RATE_LIMITED,
    FailureKind.UPSTREAM_DOWN: Fault.SERVER_ERROR,
    FailureKind.UPSTREAM_TIMEOUT: Fault.GATEWAY_TIMEOUT,
}


def _fault_of(failure: Failure) -> Fault:
    """What an error that MiMo answered with means for another try."""
    if isinstance(failure, Refusal) and may_be_a_burst(failure):
        return Fault.NO_FUNDS
    return _FAULTS.get(failure.kind, Fault.REFUSED)


def _amended(trouble: Trouble, body: bytes, tries: Tries, amend: Amend | None) -> bytes | None:
    failure = trouble.failure
    if amend is None or not isinstance(failure, Refusal) or not failure.is_about_form:
        return None
    amended = amend(failure, body) if tries.may_amend() else None
    if amended is not None:
        tries.count_amendment()
    return amended


class _Answer:
    """A request's Deferred, made cancellable in one manner: what a cancelled agent fails with depends on how
    far it came."""

    def __init__(self, request: Deferred[Any]) -> None:
        self._trouble: Trouble | None = None
        self._cancelled = False
        self._request = request
        self.deferred: Deferred[IResponse] = Deferred(self._cancel)
        request.addCallbacks(self._arrived, self._failed)

    def time_out(self, trouble: Trouble) -> None:
        """It comes too late: this is what became of it."""
        self._trouble = trouble
        self._request.cancel()

    def _cancel(self, _deferred: Deferred[IResponse]) -> None:
        self._cancelled = True
        self._request.cancel()

    def _arrived(self, response: IResponse) -> None:
        if self._cancelled:
            # The cancellation came too late for the agent; the connection must not stay taken.
            response.deliverBody(Dropped())
            return
        self.deferred.callback(response)

    def _failed(self, reason: TwistedFailure) -> None:
        if self._cancelled:
            self.deferred.errback(CancelledError())
        else:
            assert reason.value is not None
            trouble = self._trouble or transport_trouble(reason.value)
            trouble.__cause__ = reason.value
            self.deferred.errback(trouble)


def _headers(key: str, *, accept: bytes, content_type: bytes | None = None) -> Headers:
    headers = Headers({b"authorization": [b"Bearer " + key.encode("ascii")], b"accept": [accept]})
    if content_type is not None:
        headers.setRawHeaders(b"content-type", [content_type])
    return headers
