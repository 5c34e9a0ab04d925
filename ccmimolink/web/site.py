"""The HTTP server: what is accepted before any resource sees a request.

Owns the sizes (request heads, bodies while they arrive) and the connections that must close when the proxy
drains. It must not know any endpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from ccmimolink.core.errors import Failure as RequestFailure
from ccmimolink.core.errors import FailureKind, HttpAnswer, http_answer
from ccmimolink.web.client import profile_of

MAX_HEAD = 64 * 1024
"""Bytes of a request line and its headers. Codex sends long metadata headers."""

IDLE_TIMEOUT = 120
"""Seconds that a connection may be idle between requests, or a body may pause while it arrives."""

REFUSAL_LINGER = 5
"""Seconds for a client to notice that its body is refused. Closing at once would reset the connection, and
the answer would be lost with it."""


def _ignore(_data: bytes) -> None:
    """Takes the rest of a body that was refused."""


class ProxyChannel(HTTPChannel):
    """One client connection."""

    site: ProxySite
    """Set by the site before the connection is made."""

    refused = False

    totalHeadersSize = MAX_HEAD
    MAX_LENGTH = MAX_HEAD

    def refuse(self, answer: HttpAnswer) -> None:
        """Answer before the body is complete, read no more of it, and close."""
        phrase = HTTPStatus(answer.status).phrase.encode()
        lines = [b"HTTP/1.1 %d %b" % (answer.status, phrase), b"connection: close"]
        lines += [f"{name}: {value}".encode() for name, value in answer.headers]
        lines += [b"content-length: %d" % len(answer.body), b"", answer.body]
        assert self.transport is not None
        self.transport.write(b"\r\n".join(lines))
        self.dataReceived = _ignore  # type: ignore[method-assign]  # as HTTPChannel itself goes deaf
        self.refused = True
        if ITCPTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()
        self.setTimeout(REFUSAL_LINGER)

    def allContentReceived(self) -> None:
        # The read that broke the limit may complete the request as well, and it was answered already.
        if not self.refused:
            super().allContentReceived()

    def connectionMade(self) -> None:
        super().connectionMade()
        self.site.channels.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.site.forget(self)

    @property
    def idle(self) -> bool:
        """Whether no request is under way on it."""
        return not self.requests


class ProxyRequest(Request):
    """A request whose body is refused as early as can be: by its headers, by its length, or as it arrives."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._size = 0
        self._refused = False

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length == 0:
            return
        refusal = self._channel.site.refusal(self.requestHeaders)
        if refusal is not None:
            self._refuse(refusal)
        elif length is not None:
            self._count(length)
            self._size = 0

    def handleContentChunk(self, data: bytes) -> None:
        self._count(len(data))
        if not self._refused:
            super().handleContentChunk(data)

    def _count(self, size: int) -> None:
        self._size += size
        limit = self._channel.site.max_body_bytes
        if self._size > limit and not self._refused:
            message = f"The request body is larger than {limit} bytes (MIMO_PROXY_MAX_BODY_BYTES)."
            self._refuse(RequestFailure(FailureKind.BODY_TOO_LARGE, message))

    def _refuse(self, failure: RequestFailure) -> None:
        self._refused = True
        # No "100 Continue" after a refusal.
        self.requestHeaders.removeHeader(b"expect")
        self._channel.refuse(http_answer(failure, profile_of(self.requestHeaders)))

    @property
    def _channel(self) -> ProxyChannel:
        return cast(ProxyChannel, self.channel)


class ProxySite(Site):
    """A site that keeps bodies in memory and knows its connections."""

    protocol = ProxyChannel  # type: ignore[assignment]  # HTTP/1.1 only: no channel that negotiates
    noisy = False

    def __init__(
        self,
        root: IResource,
        *,
        max_body_bytes: int,
        reactor: Any,
        refusal: Callable[[Headers], RequestFailure | None],
    ) -> None:
        super().__init__(root, requestFactory=ProxyRequest, timeout=IDLE_TIMEOUT, reactor=reactor)
        self.max_body_bytes = max_body_bytes
        self.refusal = refusal
        """Why a body is not even read, judged by its headers, or None."""
        self.channels: set[ProxyChannel] = set()
        self._reactor = reactor
        self._all_closed: Deferred[None] | None = None

    def getContentFile(self, length: int | None) -> BytesIO:
        """In memory whatever the length: a temporary file costs more than it saves below the limit."""
        return BytesIO()

    def log(self, request: Any) -> None:
        """Nothing: an exchange writes its own line, and an access log would repeat it without the outcome."""

    def forget(self, channel: ProxyChannel) -> None:
        """The connection is gone."""
        self.channels.discard(channel)
        if not self.channels and self._all_closed is not None:
            all_closed, self._all_closed = self._all_closed, None
            all_closed.callback(None)

    def close_idle(self) -> None:
        """Close the connections without a request, and each of the others once its request is answered."""
        for channel in list(self.channels):
            if channel.idle:
                channel.loseConnection()
            else:
                channel.persistent = False

    async def close_all(self, limit: float) -> None:
        """Close every connection, and return when they are closed. What was written still leaves.

        :param limit: seconds after which a connection is aborted whose client does not read it.
        """
        if not self.channels:
            return
        all_closed: Deferred[None] = Deferred()
        self._all_closed = all_closed
        for channel in list(self.channels):
            channel.loseConnection()
        abort = self._reactor.callLater(limit, self._abort_all)
        try:
            await all_closed
        finally:
            if abort.active():
                abort.cancel()

    def _abort_all(self) -> None:
        for channel in list(self.channels):
            channel.forceAbortClient()
