"""An answer as treq and its users see it.

Owns the delivery of a body to the protocol that reads it, and holds what comes before there is one. It must
not read a connection.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IProtocol, IPushProducer
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IClientRequest, IResponse
from zope.interface import implementer

from ccmimolink.http1.reader import Head


class Line(Protocol):
    """The connection as an answer needs it, for as long as the answer comes."""

    def hold(self) -> None: ...

    def go_on(self) -> None: ...

    def abort(self) -> None: ...


@implementer(IPushProducer)
class BodyTransport:
    """The transport of a protocol that reads a body. Behind the end of the body it does nothing."""

    disconnecting = False

    def __init__(self, line: Line) -> None:
        self._line: Line | None = line

    def end(self) -> None:
        """The body is over; the connection may serve another one."""
        self._line = None

    def pauseProducing(self) -> None:
        if self._line is not None:
            self._line.hold()

    def resumeProducing(self) -> None:
        if self._line is not None:
            self._line.go_on()

    def stopProducing(self) -> None:
        if self._line is not None:
            self._line.abort()

    def loseConnection(self) -> None:
        """As ``stopProducing``: there is nothing to say to the upstream before its answer is dropped."""
        self.stopProducing()

    abortConnection = loseConnection


@implementer(IResponse)
class Answer:
    """The final answer to one request.

    :ivar length: of the body in bytes, or ``UNKNOWN_LENGTH``.
    """

    def __init__(self, head: Head, request: IClientRequest, line: Line) -> None:
        major, _, minor = head.version.partition(".")
        self.version = (b"HTTP", int(major), int(minor))
        self.code, self.phrase, self.request = head.code, head.phrase, request
        self.headers = Headers()
        for name, value in head.fields:
            self.headers.addRawHeader(name, value)
        self.length = self._length()
        self.previousResponse: IResponse | None = None
        self._transport = BodyTransport(line)
        self._reader: Any = None
        self._held: list[bytes] = []
        self._ended: Failure | None = None

    def _length(self) -> Any:
        values = self.headers.getRawHeaders(b"content-length")
        chunked = self.headers.hasHeader(b"transfer-encoding")
        return UNKNOWN_LENGTH if values is None or chunked else int(values[0])

    def setPreviousResponse(self, previousResponse: IResponse) -> None:
        self.previousResponse = previousResponse

    # -- the reader's side ----------------------------------------------------------------------------------

    def deliverBody(self, protocol: IProtocol) -> None:
        """Give the body to this protocol, what has come of it at once. Only one may read it."""
        if self._reader is not None:
            raise RuntimeError("the body of this answer is read already")
        self._reader = protocol
        # Before the protocol has a say: it may want to hold the body back.
        self._transport.resumeProducing()
        protocol.makeConnection(self._transport)  # type: ignore[arg-type]  # as Twisted's own, a producer
        if self._held:
            held, self._held = b"".join(self._held), []
            protocol.dataReceived(held)
        if self._ended is not None:
            protocol.connectionLost(self._ended)

    # -- the connection's side ------------------------------------------------------------------------------

    @property
    def is_read(self) -> bool:
        return self._reader is not None

    def detach(self) -> None:
        """All of the body has come: the connection is none of its reader's business any more."""
        self._transport.end()

    def give(self, part: bytes) -> None:
        if self._reader is None:
            self._held.append(part)
        else:
            self._reader.dataReceived(part)

    def end(self, reason: Failure) -> None:
        """The body is over: whole where the reason is ``ResponseDone``, else broken off."""
        self.detach()
        self._ended = reason
        if self._reader is not None:
            self._reader.connectionLost(reason)
