"""Connections to the upstream: there when a request can leave on them, and with bounded heads of answers.

Owns two things that Twisted leaves open. It keeps header fields, and interim answers, for as long as they
come. And it hands a request over before TLS is agreed upon, so that nobody can tell whether one was sent. It
must not read what is in a head.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    ITCPTransport,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI
from twisted.web.error import SchemeNotSupported
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import implementer

from ccmimolink.tunnel.choice import Proxies
from ccmimolink.tunnel.endpoint import TunnelEndpoint

MAX_HEAD = 256 * 1024
"""Bytes from a request to the end of the final head that answers it, interim answers included."""

MAX_INTERIM = 20
"""Interim answers to one request. Twisted logs each."""

_END = re.compile(rb"\r?\n\r?\n")


def _is_interim(head: bytearray) -> bool:
    """Whether Twisted takes the head for one that another follows. It does so by the number alone."""
    try:
        return 100 <= int(head.partition(b"\n")[0].split(b" ", 2)[1]) < 200
    except (IndexError, ValueError):
        return False


class HeadMeter:
    """Counts what comes from a request up to the body of its answer."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._left = self._interim = 0

    def start(self) -> None:
        """A request leaves."""
        self._left, self._interim = MAX_HEAD, 0
        self._head.clear()

    def receive(self, data: bytes) -> bool:
        """Whether what came is still within the bound."""
        if not self._left:
            return True
        head = self._head
        looked_at = max(0, len(head) - 3)
        head += data
        while (end := _END.search(head, looked_at)) is not None:
            if not _is_interim(head):
                self._left = 0
                head.clear()
                return True
            self._interim += 1
            if self._interim > MAX_INTERIM:
                return False
            self._left -= end.end()
            del head[: end.end()]
            looked_at = 0
        return len(head) < self._left


class HandshakeFailed(Exception):
    """The connection ended before TLS was agreed upon. Nothing of a request has left."""


class Handshake:
    """The agreement upon TLS, for whoever waits for it.

    :param drop: drops the connection; called when nobody waits any more.
    :ivar secured: fires with the connection. Without TLS nobody waits for it.
    """

    def __init__(self, drop: Callable[[], None]) -> None:
        self.secured: Deferred[Any] = Deferred(lambda _: drop())

    def complete(self, connection: object) -> None:
        self.secured.callback(connection)

    def end(self, reason: Failure) -> None:
        """The connection has ended, perhaps before."""
        if not self.secured.called:
            self.secured.errback(HandshakeFailed(str(reason.value)))
            # Without TLS, or once cancelled, nobody waits for it.
            self.secured.addErrback(lambda _: None)


@implementer(IHandshakeListener)
class _MeteredConnection(ProtocolWrapper):
    """A connection that is dropped when a head on it is too large."""

    def __init__(self, factory: Any, wrapped: IProtocol) -> None:
        super().__init__(factory, wrapped)
        self._meter = HeadMeter()
        self.handshake = Handshake(self._abort)

    def handshakeCompleted(self) -> None:
        self.handshake.complete(self)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.handshake.end(reason)
        super().connectionLost(reason)

    def stopProducing(self) -> None:
        """A body that is dropped is dropped at once: what is left of a request need not leave first."""
        self._abort()

    def _abort(self) -> None:
        cast(ITCPTransport, self.transport).abortConnection()

    def write(self, data: bytes) -> None:
        self._meter.start()
        super().write(data)

    def writeSequence(self, data: Sequence[bytes]) -> None:
        self._meter.start()
        super().writeSequence(data)

    def dataReceived(self, data: bytes) -> None:
        if self._meter.receive(data):
            super().dataReceived(data)
        else:
            self._abort()


class _MeteringFactory(WrappingFactory):
    protocol = _MeteredConnection
    noisy = False


@implementer(IStreamClientEndpoint)
class _MeteredEndpoint:
    """:param is_secure: whether TLS is to be agreed upon before a connection is there."""

    def __init__(self, endpoint: IStreamClientEndpoint, *, is_secure: bool) -> None:
        self._endpoint, self._is_secure = endpoint, is_secure

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        connected: Deferred[Any] = self._endpoint.connect(_MeteringFactory(protocolFactory))
        if self._is_secure:
            connected.addCallback(lambda connection: connection.handshake.secured)
        return connected.addCallback(_unwrapped)


def _unwrapped(metered: _MeteredConnection) -> IProtocol:
    """Who asked for a connection knows its own protocol, not what stands before it."""
    return metered.wrappedProtocol


@implementer(IAgentEndpointFactory)
class UpstreamEndpoints:
    """Where a server of http or https is, as an agent asks.

    :param connect_timeout: seconds.
    :param proxies: which of them leads to a server, if any. TLS is agreed upon with the server all the same.
    """

    def __init__(
        self,
        reactor: Any,
        policy: IPolicyForHTTPS,
        connect_timeout: float,
        proxies: Proxies = Proxies(),  # noqa: B008  # it is frozen
    ) -> None:
        self._reactor, self._policy, self._connect_timeout = reactor, policy, connect_timeout
        self._proxies = proxies

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        if uri.scheme not in (b"http", b"https"):
            raise SchemeNotSupported(f"Unsupported scheme: {uri.scheme!r}")
        endpoint = self._way_to(uri.scheme.decode("ascii"), uri.host.decode("ascii"), uri.port)
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)
        return endpoint

    def _way_to(self, scheme: str, host: str, port: int) -> IStreamClientEndpoint:
        server = self._proxies.leading_to(scheme, host, port)
        endpoint: Any
        if server is None:
            endpoint = HostnameEndpoint(self._reactor, host, port, timeout=self._connect_timeout)
        else:
            endpoint = TunnelEndpoint(self._reactor, self._policy, server, host, port, self._connect_timeout)
        return cast(IStreamClientEndpoint, endpoint)


class MeteredEndpoints(UpstreamEndpoints):
    """Connections for Twisted's agent: with the heads of all answers bounded, and there when TLS is."""

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        endpoint = super().endpointForURI(uri)
        return cast(IStreamClientEndpoint, _MeteredEndpoint(endpoint, is_secure=uri.scheme == b"https"))
