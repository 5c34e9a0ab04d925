"""One client's connection: what is refused before a request is whole.

Owns the sizes and the time of a request that arrives, and what may follow it while it is answered. It must
not know any endpoint, nor how many connections there are: that is the site's.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol, cast

from twisted.internet.interfaces import IDelayedCall, IPushProducer, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers
from twisted.web.server import Request

from ccmimolink.core.errors import Failure as RequestFailure
from ccmimolink.core.errors import FailureKind, http_answer
from ccmimolink.prompt_write import AT_ONCE, flush, write_promptly
from ccmimolink.web.answers import send_failure
from ccmimolink.web.client import profile_of
from ccmimolink.web.guard import NO_PATH, unreadable_type
from ccmimolink.web.record import log_refusal

REFUSAL_LINGER = 5
"""Seconds for a client to notice that its body is refused. Closing at once would reset the connection, and
the answer would be lost with it."""

IDLE_TIMEOUT = 120
"""Seconds that a connection may be idle between requests, a body may pause while it arrives, or the last
answer of a connection may be left unread."""

MAX_PIPELINED = 8 * 1024
"""Bytes that a client may send while a request of its is answered, beside those that came with the request.
Beyond this much they are thrown away, and the connection closes after the answer."""

_NEVER = 1 << 20
"""Bytes behind a request after which Twisted stops reading, and does not notice that the client leaves. More
than one read and what may follow it, so that this does not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """Of a request that arrives.

    :ivar timeout: seconds from its first byte to its last.
    :ivar head: bytes of the request line, and of all headers together.
    :ivar body: bytes as they come over the wire.
    :ivar bodies: bytes of all bodies together that are arriving. One alone may have them all.
    """

    timeout: float
    head: int
    body: int
    bodies: int


class ChannelOwner(Protocol):
    """What a connection needs of its site.

    :ivar arriving: bytes of the bodies that are arriving.
    """

    limits: RequestLimits
    arriving: int

    def refusal(self, headers: Headers) -> RequestFailure | None:
        """Why a body is not even read, judged by its headers, or None."""

    def opened(self, channel: ProxyChannel) -> None: ...

    def became_idle(self, channel: ProxyChannel) -> None: ...

    def closed(self, channel: ProxyChannel) -> None: ...


class ProxyChannel(HTTPChannel):
    """One client connection. Its site sets ``site`` before the connection is made.

    :ivar refused: whether it is closing behind an answer that came early.
    :ivar gives_way: whether what it carries may be ended for the sake of another connection.
    """

    _log = Logger()

    site: ChannelOwner
    refused = False
    gives_way = False

    _optimisticEagerReadSize = _NEVER

    def __init__(self) -> None:
        super().__init__()
        self._answering = self._client_is_behind = False
        self._head_size = self._pipelined = 0
        self._arrival: IDelayedCall | None = None

    @property
    def idle(self) -> bool:
        """Whether no request is under way on it, nor the beginning of one."""
        return not self.requests and self._arrival is None and not self.refused

    # -- its life -----------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        # The whole head is bounded below, and a line of it by that.
        self.totalHeadersSize = self.MAX_LENGTH = 2 * self.site.limits.head
        super().connectionMade()
        self.site.opened(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._has_arrived()
        for request in self.requests:
            request.let_go()
        super().connectionLost(reason)
        self.site.closed(self)

    def close(self, why: RequestFailure) -> None:
        """Close it once what was written has left. A request that is on its way is told why."""
        if self._arrival is not None:
            self.refuse(why)
        elif not self.refused:
            self.loseConnection()

    # -- a request arrives ----------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        self._expect_the_rest()
        self._take(data)

    def _take(self, data: bytes) -> None:
        super().dataReceived(data)
        if self.requests and not self.refused:
            # What was read may have ended one request, been answered, and begun the next.
            self._expect_the_rest()

    def _expect_the_rest(self) -> None:
        """From the first byte of a request on its whole has a limited time."""
        if self._arrival is None and not self._answering:
            self._arrival = self.callLater(self.site.limits.timeout, self._too_slow)

    def lineReceived(self, line: bytes) -> None:
        if self.refused:
            return
        self._head_size += len(line) + 2
        if self._head_size > self.site.limits.head:
            self._head_too_large()
            return
        super().lineReceived(line)
        if not self.requests:
            # An empty line behind a body, as some clients send, begins no request.
            self._has_arrived()
            self._head_size = 0

    def lineLengthExceeded(self, line: bytes) -> None:
        self._head_too_large()

    def headerReceived(self, line: bytes) -> bool:
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # more digits than Python makes a number of
            self.refuse(
                RequestFailure(FailureKind.INVALID_REQUEST, "content-length: the number is too long.")
            )
            return False

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """Twisted splits the header at blanks only."""
        values = request.requestHeaders.getRawHeaders(b"connection") or []
        options = {option.strip().lower() for option in b",".join(values).split(b",")}
        if b"close" in options:
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
            return False
        return bool(super().checkPersistence(request, version))

    def rawDataReceived(self, data: bytes) -> None:
        if self.refused:
            return
        if self._answering:
            self._pipelined += len(data)
            if self._pipelined > MAX_PIPELINED:
                self.persistent = False
                return
        super().rawDataReceived(data)

    def allContentReceived(self) -> None:
        # The read that broke a limit may complete the request as well, and it was answered already.
        if not self.refused:
            self._has_arrived()
            self._head_size = 0
            self._answering = True
            super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        self._answering, self._pipelined = False, 0
        self.gives_way = False
        if self._client_is_behind:
            # Twisted would read the next request, and collect its answer behind this one.
            self.paused = True
            cast(IPushProducer, self.transport).pauseProducing()
        self.site.became_idle(self)
        request.let_go()
        super().requestDone(request)
        # By now the next request, which came with this one, may have begun, or even be answered.
        if self.requests:
            self._expect_the_rest()
        elif not self.persistent:
            # Its last answer still leaves, for as long as somebody reads it.
            self.setTimeout(IDLE_TIMEOUT)

    def pauseProducing(self) -> None:
        self._client_is_behind = True
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self._client_is_behind = False
        super().resumeProducing()
        if self.paused:
            self.paused = False
            self._take(b"")

    def _has_arrived(self) -> None:
        if self._arrival is not None:
            arrival, self._arrival = self._arrival, None
            if arrival.active():
                arrival.cancel()

    # -- refusals -------------------------------------------------------------------------------------------

    def _too_slow(self) -> None:
        seconds = self.site.limits.timeout
        message = f"The request did not arrive within {seconds:g} s (MIMO_PROXY_REQUEST_TIMEOUT_MS)."
        self.refuse(RequestFailure(FailureKind.REQUEST_TIMEOUT, message))

    def _head_too_large(self) -> None:
        limit = self.site.limits.head
        message = f"The headers of the request are larger than {limit} bytes (MIMO_PROXY_MAX_HEAD_BYTES)."
        self.refuse(RequestFailure(FailureKind.HEAD_TOO_LARGE, message))

    def refuse(self, failure: RequestFailure) -> None:
        """Answer before the request is complete, read no more of it, and close."""
        if self.refused:
            return
        self.refused = True
        self._has_arrived()
        for request in self.requests:
            request.let_go()
        headers = self.requests[-1].requestHeaders if self.requests else Headers()
        log_refusal(self._log, headers, failure)
        answer = http_answer(failure, profile_of(headers))
        phrase = HTTPStatus(answer.status).phrase.encode()
        lines = [b"HTTP/1.1 %d %b" % (answer.status, phrase), b"connection: close"]
        lines += [f"{name}: {value}".encode() for name, value in answer.headers]
        lines += [b"content-length: %d" % len(answer.body), b"", answer.body]
        assert self.transport is not None
        self.transport.write(b"\r\n".join(lines))
        self.dataReceived = _ignore  # type: ignore[method-assign, assignment]  # as HTTPChannel goes deaf
        if ITCPTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()
        self.setTimeout(REFUSAL_LINGER)


def _ignore(_data: bytes) -> None:
    """Takes the rest of a request that was refused."""


class ProxyRequest(Request):
    """A request whose body is refused as early as can be: by its headers, by its length, or as it arrives."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._size = self._held = 0
        self._refused = False

    def process(self) -> None:
        if self.path == b"*":
            # Twisted would answer this by itself, whoever asks.
            send_failure(self, NO_PATH)
        else:
            super().process()

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        refusal = unreadable_type(self.requestHeaders)
        if refusal is None and length == 0:
            return
        refusal = refusal or self._channel.site.refusal(self.requestHeaders)
        if refusal is not None:
            self._refuse(refusal)
        elif length is not None:
            self._count(length)
            self._size = 0

    def handleContentChunk(self, data: bytes) -> None:
        self._count(len(data))
        if not self._refused:
            self._hold(len(data))
        if not self._refused:
            super().handleContentChunk(data)

    def _hold(self, size: int) -> None:
        site = self._channel.site
        if site.arriving and site.arriving + size > site.limits.bodies:
            message = (
                f"Request bodies of {site.arriving} bytes are arriving already, and with this one they would "
                "be more than MIMO_PROXY_MAX_WAITING_BYTES allows. Try again later, or raise it."
            )
            self._refuse(RequestFailure(FailureKind.QUEUE_FULL, message))
            return
        site.arriving += size
        self._held += size

    def write_promptly(self, data: bytes) -> None:
        """As ``write``, without waiting for a turn of the reactor where nothing else waits to leave."""
        if not data:
            # In chunks, nothing is the end.
            return
        if len(data) <= AT_ONCE and self.startedWriting and self.chunked and not self.finished:
            write_promptly(self._channel.transport, b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self.write(data)
            flush(self._channel.transport)

    def let_go(self) -> None:
        """Its body is not held any more: it waits for its turn, or it is over."""
        self._channel.site.arriving -= self._held
        self._held = 0

    def _count(self, size: int) -> None:
        self._size += size
        limit = self._channel.site.limits.body
        if self._size > limit and not self._refused:
            message = f"The request body is larger than {limit} bytes (MIMO_PROXY_MAX_BODY_BYTES)."
            self._refuse(RequestFailure(FailureKind.BODY_TOO_LARGE, message))

    def _refuse(self, failure: RequestFailure) -> None:
        self._refused = True
        self.let_go()
        # No "100 Continue" after a refusal.
        self.requestHeaders.removeHeader(b"expect")
        self._channel.refuse(failure)

    @property
    def _channel(self) -> ProxyChannel:
        return cast(ProxyChannel, self.channel)
