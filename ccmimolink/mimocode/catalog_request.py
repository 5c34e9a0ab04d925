"""The request for the provider's models.

Owns the one request that a setup makes, its tries, and what is said when no catalog comes of it. The key goes
to the catalog's address and nowhere else; neither it nor a word of an answer gets into an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, cast

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError, UnknownHostError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer

from ccmimolink import __version__
from ccmimolink.mimocode.catalog import CatalogModel, parsed, read_catalog, unavailable
from ccmimolink.mimocode.errors import Code, SetupError, Source, blocked
from ccmimolink.mimocode.provider import Provider
from ccmimolink.trust import trust_root

if TYPE_CHECKING:
    from twisted.internet._sslverify import IOpenSSLTrustRoot

MAX_BODY = 1024 * 1024
"""Bytes of an answer that are read. A catalog of some hundred models takes a tenth."""

PAUSES = (0.5, 1.0)
"""Seconds before the second try, and before the third and last one."""

CONNECT_TIMEOUT = 10.0
"""Seconds for one connection to come about; shorter than a try, so that its failure has a name."""

_HIDDEN_ENCODING = b"x-hidden-content-encoding"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,100}")


def https_agent(reactor: Any, trusted: IOpenSSLTrustRoot | None = None) -> IAgent:
    """An agent that verifies certificates, keeps no connection, and follows no redirect.

    :param trusted: the certificate authorities; those of :mod:`ccmimolink.trust`, unless others are given.
    """
    policy = BrowserLikePolicyForHTTPS(trust_root() if trusted is None else trusted)
    agent: IAgent = Agent(reactor, policy, connectTimeout=CONNECT_TIMEOUT)
    return agent


@implementer(IAgent)
class _PlainAgent:
    """Asks for an answer as it is, and hides the encoding of one that is not: treq would unpack any size."""

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Deferred[IResponse]:
        headers = headers.copy() if headers is not None else Headers()
        headers.setRawHeaders(b"accept-encoding", [b"identity"])
        answered: Deferred[IResponse] = self._agent.request(method, uri, headers, bodyProducer)
        return answered.addCallback(self._hidden)

    def _hidden(self, response: IResponse) -> IResponse:
        encodings = response.headers.getRawHeaders(b"content-encoding")
        if encodings is not None:
            response.headers.removeHeader(b"content-encoding")
            response.headers.setRawHeaders(_HIDDEN_ENCODING, encodings)
        return response


class CatalogClient:
    """
    :param agent: must follow no redirect on its own: the key would go with it.
    :param seconds: for one try, from the look-up of the name to the last byte.
    :param pauses: seconds before each try but the first one.
    """

    def __init__(
        self,
        reactor: Any,
        agent: IAgent,
        *,
        seconds: float = 15.0,
        pauses: Sequence[float] = PAUSES,
        max_body: int = MAX_BODY,
    ) -> None:
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        self._client = HTTPClient(_PlainAgent(agent), cookiejar=no_cookies)  # type: ignore[arg-type]
        self._reactor = reactor
        self._seconds, self._pauses, self._max_body = seconds, tuple(pauses), max_body

    async def fetch(self, provider: Provider, key: str) -> tuple[CatalogModel, ...]:
        """The catalog. Cancelling drops the connection.

        :param key: matches the provider's pattern.
        :raises SetupError: the key is refused, or there is no catalog to be had.
        """
        outcome = await self._try(provider, key)
        for pause in self._pauses:
            if not outcome.may_pass:
                break
            await deferLater(self._reactor, pause)
            outcome = await self._try(provider, key)
        try:
            return _judged(outcome, provider.name)
        except SetupError as error:
            # Twisted may be handling an error of its own here, whose text quotes what has come.
            raise error from None

    def _try(self, provider: Provider, key: str) -> Deferred[_Answer | _NoAnswer]:
        headers = Headers(
            {
                b"authorization": [b"Bearer " + key.encode("ascii")],
                b"accept": [b"application/json"],
                b"user-agent": [f"mimo-code-setup/{__version__}".encode("ascii")],
            }
        )
        request: Deferred[Any] = self._client.get(
            provider.catalog_url,
            headers=headers,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        return _Exchange(self._reactor, request, self._seconds, self._max_body).outcome


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    is_encoded: bool
    detail: str
    body: bytes

    @classmethod
    def of(cls, response: IResponse, body: bytes) -> _Answer:
        encodings = response.headers.getRawHeaders(_HIDDEN_ENCODING) or []
        request_id = (response.headers.getRawHeaders(b"x-request-id") or [b""])[0]
        detail = f"status={response.code}"
        if _REQUEST_ID.fullmatch(request_id):
            detail += f" x-request-id={request_id.decode('ascii')}"
        is_encoded = any(encoding.strip().lower() != b"identity" for encoding in encodings)
        return cls(response.code, is_encoded, detail, body)

    @property
    def may_pass(self) -> bool:
        """Documented so: the catalog is not ready for a moment."""
        return self.status == HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    """
    :ivar message: with ``{name}`` for the provider's.
    :ivar may_pass: whether another try may do better.
    """

    detail: str
    message: str
    may_pass: bool = False


_UNRESOLVED = _NoAnswer(
    "reason=dns",
    "The address of {name} cannot be resolved. Check the network, then run the setup again.",
    True,
)
_UNREACHABLE = _NoAnswer(
    "reason=connect", "{name} cannot be reached. Check the network, then try again.", True
)
_BROKEN = _NoAnswer("reason=reset", "{name} broke off. Check the network, or try again later.", True)
_SILENT = _NoAnswer("reason=timeout", "{name} takes too long. Check the network, or try again later.", True)
_SLOW = replace(_SILENT, may_pass=False)
_UNVERIFIED = _NoAnswer(
    "reason=certificate",
    "The certificate of {name} could not be verified, so the key was not sent. The usual reason is a proxy "
    "that intercepts TLS: let SSL_CERT_FILE name a file with its certificate authority. Check the clock.",
)
_INSECURE = _NoAnswer(
    "reason=tls",
    "No secure connection to {name} could be made. Check whether a proxy stands between; if it intercepts "
    "TLS, let SSL_CERT_FILE name a file with its certificate authority.",
)
_GARBLED = _NoAnswer(
    "reason=protocol", "What answered for {name} speaks no HTTP. Check the network and its proxies."
)
_HUGE = _NoAnswer(
    "reason=size", "{name} sent a catalog larger than any should be. Run the setup again later."
)

_ENCODED = (
    "{name} sent its catalog compressed, unasked. Check whether a proxy stands between, or try again later."
)
_DEACTIVATED = "The {name} account of this API key is deactivated. Ask its support, or use another key."
_REFUSALS = {
    401: "{name} does not accept this API key. Copy it again or make a new one, then run the setup again.",
    403: "{name} refuses this API key; its account may be deactivated. Look at it, or use another key.",
    429: "{name} takes no more requests with this API key for now. Look at its quota, or try again later.",
    503: "The model catalog of {name} is not ready for now. Run the setup again in a few minutes.",
}
_REFUSALS_BY_CLASS = {
    3: "{name} answered with a redirect ({status}), which was not followed: the key is for {name} only. "
    "Check the network and its proxies.",
    5: "{name} failed to give its model catalog ({status}). Run the setup again later.",
}
_REFUSAL = (
    "{name} did not give its model catalog ({status}). Check the network and its proxies, and whether there "
    "is a newer version of this setup."
)


class _Exchange(Protocol):
    """One request with its answer, as far as that matters, within a time limit.

    :ivar outcome: fires when all is over; never with an exception, unless it is cancelled.
    """

    def __init__(
        self, reactor: IReactorTime, request: Deferred[IResponse], seconds: float, max_body: int
    ) -> None:
        self.outcome: Deferred[_Answer | _NoAnswer] = Deferred(lambda _: self._give_up())
        self._max_body = max_body
        self._parts: list[bytes] = []
        self._size = 0
        self._response: IResponse | None = None
        self._over = False
        self._timer: IDelayedCall = reactor.callLater(seconds, self._time_out)
        self._request = request
        request.addCallbacks(self._head_came, lambda reason: self._end(_cause(reason)))

    def _head_came(self, response: IResponse) -> None:
        self._response = response
        response.deliverBody(self)

    def connectionMade(self) -> None:
        assert self._response is not None
        if self._over:
            self._give_up()  # that came too late for the agent
        elif self._response.code not in (HTTPStatus.OK, HTTPStatus.FORBIDDEN):
            self._body_ended()  # no other body tells anything

    def dataReceived(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > self._max_body:
            self._body_ended(_HUGE)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # A body without an announced end may have been cut: then it is no JSON.
        is_whole = reason.check(ResponseDone, PotentialDataLoss)
        self._body_ended(None if is_whole else _BROKEN)

    def _time_out(self) -> None:
        if self._response is None:
            self._end(_SILENT)
        else:
            self._body_ended(_SLOW)

    def _body_ended(self, fault: _NoAnswer | None = None) -> None:
        assert self._response is not None
        # A refusal is one, whatever comes of its body.
        if fault is None or self._response.code != HTTPStatus.OK:
            self._end(_Answer.of(self._response, b"".join(self._parts)))
        else:
            self._end(fault)

    def _end(self, outcome: _Answer | _NoAnswer) -> None:
        if not self._over:
            self._give_up()
            self.outcome.callback(outcome)

    def _give_up(self) -> None:
        self._over = True
        if self._timer.active():
            self._timer.cancel()
        if self.transport is None:
            self._request.cancel()
            return
        self.transport.loseConnection()
        # Over TLS the former waits for the peer's close alert, which one that hangs never sends.
        cast(IPushProducer, self.transport).stopProducing()


def _cause(failure: Failure) -> _NoAnswer:
    """What it means that no answer came."""
    if failure.check(DNSLookupError, UnknownHostError):
        return _UNRESOLVED
    if failure.check(ConnectError, ConnectTimeout):
        return _UNREACHABLE
    reasons = failure.value.reasons if isinstance(failure.value, ResponseFailed) else [failure]
    for reason in reasons:
        if reason.check(VerificationError):
            return _UNVERIFIED
        if reason.check(TLSError):
            return _UNVERIFIED if "certificate verify failed" in str(reason.value) else _INSECURE
    if all(reason.check(ConnectionClosed) for reason in reasons):
        return _BROKEN
    return _GARBLED


def _judged(outcome: _Answer | _NoAnswer, name: str) -> tuple[CatalogModel, ...]:
    if isinstance(outcome, _NoAnswer):
        raise unavailable(outcome.message.format(name=name), outcome.detail)
    if outcome.status != HTTPStatus.OK:
        raise _refused(outcome, name)
    if outcome.is_encoded:
        raise unavailable(_ENCODED.format(name=name), outcome.detail)
    return read_catalog(outcome.body, outcome.detail)


def _refused(answer: _Answer, name: str) -> SetupError:
    """What a status other than 200 means."""
    status = answer.status
    message = _REFUSALS.get(status) or _REFUSALS_BY_CLASS.get(status // 100, _REFUSAL)
    if status == HTTPStatus.FORBIDDEN and _error_code(answer.body) == "account_deactivated":
        message = _DEACTIVATED
    message = message.format(name=name, status=status)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return blocked(Code.INVALID_API_KEY, Source.SECRET, message, answer.detail)
    return unavailable(message, answer.detail)


def _error_code(body: bytes) -> object:
    document = parsed(body)
    error = document.get("error") if isinstance(document, dict) else None
    return error.get("code") if isinstance(error, dict) else None
