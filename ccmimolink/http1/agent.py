"""The agent: requests over a pool of connections.

Owns which connection serves a request, how one is made, and how long one is kept. It must not read answers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory
from twisted.web.client import URI
from twisted.web.http_headers import Headers
from twisted.web.iweb import (
    UNKNOWN_LENGTH,
    IAgent,
    IAgentEndpointFactory,
    IBodyProducer,
    IClientRequest,
    IResponse,
)
from zope.interface import implementer

from ccmimolink.http1.connection import Connection

_Place = tuple[bytes, bytes, int]
"""Scheme, host and port."""

_PORTS = {b"http": 80, b"https": 443}
_TARGET = re.compile(rb"[!-~]+")
_METHOD = re.compile(rb"[A-Z]+")


@implementer(IClientRequest)
class _Request:
    def __init__(self, method: bytes, uri: bytes, headers: Headers) -> None:
        self.method, self.absoluteURI, self.headers = method, uri, headers


_PATIENCE = 2.0
"""Seconds for which a peer may let an idle connection that we close wait. Over TLS it is asked to agree."""


class ConnectionPool:
    """Connections without a request, the one that was used last first.

    :param size: how many are kept for one place.
    :param keep: seconds for which one is kept.
    """

    def __init__(self, reactor: IReactorTime, size: int, keep: float) -> None:
        self._reactor, self._size, self._keep = reactor, size, keep
        self._idle: dict[_Place, dict[Connection, IDelayedCall]] = {}
        self._ending: dict[Connection, tuple[Deferred[None], IDelayedCall]] = {}
        self._is_closed = False

    def take(self, place: _Place) -> Connection | None:
        idle = self._idle.get(place)
        while idle:
            connection, timeout = idle.popitem()
            timeout.cancel()
            if not connection.is_dropped:
                return connection
        return None

    def put(self, place: _Place, connection: Connection) -> None:
        idle = self._idle.setdefault(place, {})
        if self._is_closed or len(idle) >= self._size:
            self._end(connection)
        else:
            idle[connection] = self._reactor.callLater(self._keep, self._outlived, place, connection)

    def _outlived(self, place: _Place, connection: Connection) -> None:
        del self._idle[place][connection]
        self._end(connection)

    def _end(self, connection: Connection) -> None:
        self._ending[connection] = Deferred(), self._reactor.callLater(_PATIENCE, connection.abort)
        connection.close()

    def forget(self, place: _Place, connection: Connection) -> None:
        """The connection has ended."""
        timeout = self._idle.get(place, {}).pop(connection, None)
        if timeout is not None:
            timeout.cancel()
        ended, patience = self._ending.pop(connection, (None, None))
        if ended is not None and patience is not None:
            if patience.active():
                patience.cancel()
            ended.callback(None)

    def closeCachedConnections(self) -> Deferred[Any]:
        """Close those that are idle, and in future each that becomes so. Fires when they have ended."""
        self._is_closed = True
        for idle in self._idle.values():
            while idle:
                connection, timeout = idle.popitem()
                timeout.cancel()
                self._end(connection)
        return DeferredList([ended for ended, _ in self._ending.values()])


@implementer(IAgent)
class PooledAgent:
    """Sends requests whose body, if there is one, knows its length. Redirects are not followed.

    :param endpoints: makes the way to a server, TLS included.
    """

    def __init__(self, pool: ConnectionPool, endpoints: IAgentEndpointFactory) -> None:
        self._pool, self._endpoints = pool, endpoints

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """
        :raises ValueError: the method or the URI has characters that none has, or the body no length.
        """
        if _METHOD.fullmatch(method) is None or _TARGET.fullmatch(uri) is None:
            raise ValueError("the method or the URI of a request is not valid")
        where = _parsed(uri)
        headers = Headers() if headers is None else headers
        request = _Request(method, uri, headers)
        head = _head(method, where, headers, bodyProducer)
        place = (where.scheme, where.host, where.port)
        connection = self._pool.take(place)
        if connection is not None:
            return connection.ask(head, bodyProducer, request)
        connected = self._connect(place, where)
        answered: Deferred[IResponse] = connected.addCallback(
            lambda connection: connection.ask(head, bodyProducer, request)
        )
        return answered

    def _connect(self, place: _Place, where: URI) -> Deferred[Any]:
        pool = self._pool

        def is_idle(connection: Connection) -> None:
            pool.put(place, connection)

        def is_gone(connection: Connection) -> None:
            pool.forget(place, connection)

        factory = Factory.forProtocol(lambda: Connection(is_idle, is_gone))
        factory.noisy = False
        connected: Deferred[Any] = self._endpoints.endpointForURI(where).connect(factory)
        if where.scheme == b"https":
            connected.addCallback(lambda connection: connection.handshake.secured)
        return connected


@lru_cache(maxsize=64)
def _parsed(uri: bytes) -> URI:
    parsed: URI = URI.fromBytes(uri)
    return parsed


def _head(method: bytes, where: URI, headers: Headers, body: IBodyProducer | None) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (method, where.originForm)]
    if not headers.hasHeader(b"host"):
        lines.append(b"Host: " + _host(where))
    for name, values in headers.getAllRawHeaders():
        lines += [b"%b: %b" % (name, value) for value in values]
    if body is not None:
        if body.length is UNKNOWN_LENGTH:
            raise ValueError("a body needs a length")
        lines.append(b"Content-Length: %d" % body.length)
    lines += [b"", b""]
    return b"\r\n".join(lines)


def _host(where: URI) -> bytes:
    host = b"[%b]" % where.host if b":" in where.host else where.host
    return host if where.port == _PORTS.get(where.scheme) else b"%b:%d" % (host, where.port)
