"""The HTTP machinery beneath the upstream client.

Owns the choice and the construction of the agent, its pool and the treq client. It must not know MiMo.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, cast
from typing import Protocol as TypingProtocol

from hyperlink import EncodedURL
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.internet.protocol import Protocol
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from ccmimolink.gathering import GatheringAgent
from ccmimolink.heads import MeteredEndpoints, UpstreamEndpoints
from ccmimolink.http1.agent import ConnectionPool, PooledAgent
from ccmimolink.trust import authorities_in, trust_root
from ccmimolink.tunnel.choice import Proxies


@implementer(IBodyProducer)
class BytesBody:
    """A request body that is in memory and leaves in one write.

    treq's own producer reads it in slices on the global cooperator: turns of the reactor for nothing.

    :param leaving: called when there is a connection, and the body leaves.
    """

    def __init__(self, body: bytes, leaving: Callable[[], None] = lambda: None) -> None:
        self._body, self._leaving = body, leaving
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        self._leaving()
        # It leaves once, and who holds this may live until somebody collects the cycle that he is in.
        body, self._body = self._body, b""
        consumer.write(body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """All was written already."""

    def resumeProducing(self) -> None:
        """All was written already."""

    def stopProducing(self) -> None:
        """All was written already."""


class _NoCookies(CookieJar):
    """Takes none and gives none: a cookie that came for one key would go out with the next one."""

    def add_cookie_header(self, request: object) -> None:
        """None."""

    def extract_cookies(self, response: object, request: object) -> None:
        """None."""


NO_COOKIES = _NoCookies()
"""For each request too: treq makes a jar for one that comes without."""


class _SettledURL(EncodedURL):
    """A URL that is a URI already, so that it need not be made one for each request."""

    def to_uri(self) -> _SettledURL:
        return self


@lru_cache(maxsize=64)
def settled_url(text: str) -> EncodedURL:
    """The URL, parsed for treq. There are few, and each is asked for again and again."""
    return _SettledURL.from_text(EncodedURL.from_text(text).to_uri().to_text())


_ENCODING = b"x-encoding-as-sent"
"""Where the content-encoding of a response stands, out of treq's sight."""


@implementer(IAgent)
class IdentityAgent:
    """Asks for an uncompressed answer: treq asks for gzip, and a compressed stream arrives in lumps.

    What comes compressed all the same is left so: treq would unpack it without a bound.
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Deferred[IResponse]:
        headers = headers.copy() if headers is not None else Headers()
        headers.setRawHeaders(b"accept-encoding", [b"identity"])
        return self._agent.request(method, uri, headers, bodyProducer).addCallback(_hide_encoding)


def _hide_encoding(response: IResponse) -> IResponse:
    values = response.headers.getRawHeaders(b"content-encoding") or []
    response.headers.removeHeader(b"content-encoding")
    response.headers.setRawHeaders(_ENCODING, values)
    return response


def encoding_of(response: IResponse) -> bytes:
    """The content coding of a body, in lower case; empty for none."""
    values = response.headers.getRawHeaders(_ENCODING) or []
    names = [name.strip().lower() for name in b",".join(values).split(b",")]
    return b",".join(name for name in names if name not in (b"", b"identity"))


def drop(transport: ITransport) -> None:
    """Drop the connection beneath the body of a response, now.

    ``loseConnection`` alone waits: for the rest of the request to leave, and over TLS for the peer's close
    alert. A server that is streaming, or hangs, neither reads nor sends one, and would go on generating and
    billing. ``stopProducing`` aborts the connection, with either agent.
    """
    transport.loseConnection()
    cast(IPushProducer, transport).stopProducing()


def make_http_client(agent: IAgent) -> HTTPClient:
    """A treq client over an agent: no compression, bodies that are producers themselves, and no cookies."""
    return HTTPClient(
        IdentityAgent(agent),
        cookiejar=NO_COOKIES,  # type: ignore[arg-type]  # any jar does: treq's own only adds look-ups
        data_to_body_producer=lambda body: body,
    )


KEPT = 30.0
"""Seconds for which an idle connection is kept. Below the idle limit of common gateways, so that a request
rarely meets a connection that is being closed."""


class Pool(TypingProtocol):
    """The connections of an agent."""

    def closeCachedConnections(self) -> Deferred[Any]:
        """Close those that no request is on; fires when they are closed."""
        ...


def make_agent(
    reactor: Any,
    *,
    connections: int,
    connect_timeout: float,
    twisted: bool = False,
    proxies: Proxies = Proxies(),  # noqa: B008  # it is frozen
    ca_file: Path | None = None,
) -> tuple[IAgent, Pool]:
    """An agent, and the pool of its persistent connections.

    What comes of a body in one turn of the reactor is given in one piece, however many chunks it is cut into.
    No request is ever repeated; whether to try again is the client's decision.

    :param connections: how many are kept at most: a place for each request in flight.
    :param connect_timeout: seconds.
    :param twisted: whether it is Twisted's own, which costs more for each event of a stream.
    :param proxies: which of them leads to a server, if any.
    :param ca_file: certificates of the authorities that are trusted in place of the machine's.
    """
    policy = BrowserLikePolicyForHTTPS(trust_root() if ca_file is None else authorities_in(ca_file))
    if not twisted:
        pool = ConnectionPool(reactor, connections, KEPT)
        return PooledAgent(pool, UpstreamEndpoints(reactor, policy, connect_timeout, proxies)), pool
    twisted_pool = HTTPConnectionPool(reactor, persistent=True)
    twisted_pool.maxPersistentPerHost = connections
    twisted_pool.cachedConnectionTimeout = KEPT  # type: ignore[assignment]  # any number of seconds does
    twisted_pool.retryAutomatically = False
    endpoints = MeteredEndpoints(reactor, policy, connect_timeout, proxies)
    agent: IAgent = Agent.usingEndpointFactory(reactor, endpoints, twisted_pool)
    return GatheringAgent(agent, reactor), twisted_pool


class Dropped(Protocol):
    """Takes no body: the connection is dropped."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        drop(self.transport)


class BoundedReader(Protocol):
    """Collects a body up to a limit and then drops the connection. How the body ends does not matter."""

    def __init__(self, limit: int) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._drop())
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size >= self._limit:
            self._drop()

    def _drop(self) -> None:
        assert self.transport is not None
        drop(self.transport)

    def time_out(self) -> None:
        self._drop()
        self.connectionLost()

    def connectionLost(self, reason: object = None) -> None:
        if not self.done.called:
            self.done.callback(b"".join(self._parts)[: self._limit])
