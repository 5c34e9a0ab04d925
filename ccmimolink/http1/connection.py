"""A connection to the upstream, with one request on it at a time.

Owns the exchange of a request for an answer, and the end of both when the connection ends. It must not make
connections, and must not decide which one serves a request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IHandshakeListener, IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed, ResponseNeverReceived
from twisted.web.iweb import IBodyProducer, IClientRequest, IResponse
from zope.interface import implementer

from ccmimolink.heads import Handshake
from ccmimolink.http1.answer import Answer
from ccmimolink.http1.reader import AnswerReader, Unreadable
from ccmimolink.prompt_write import AT_ONCE, flush, is_behind, write_promptly


@implementer(IHandshakeListener)
class Connection(Protocol):
    """Serves one request after another.

    :param became_idle: told when another request may follow.
    :param is_gone: told when it ended.
    :ivar is_dropped: whether this side ended it, though it may not be over yet.
    """

    def __init__(
        self, became_idle: Callable[[Connection], None], is_gone: Callable[[Connection], None]
    ) -> None:
        self._became_idle, self._is_gone = became_idle, is_gone
        self._exchange: _Exchange | None = None
        self._is_held = self.is_dropped = self._is_sending = False
        self.handshake = Handshake(self.abort)

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)

    # -- requests -------------------------------------------------------------------------------------------

    def ask(self, head: bytes, body: IBodyProducer | None, request: IClientRequest) -> Deferred[IResponse]:
        """Send a request; fires with the head of its answer. Cancelling drops the connection.

        :raises ResponseNeverReceived: the connection ended before, or what came is no answer.
        """
        exchange = self._exchange = _Exchange(self, request)
        outgoing = _Outgoing(self.transport, head)
        if body is not None:
            self._is_sending = True
            maybeDeferred(body.startProducing, outgoing).addCallbacks(self._body_sent, self._body_failed)
        outgoing.send_head()
        return exchange.answered

    def _body_sent(self, _: object) -> None:
        self._is_sending = False

    def _body_failed(self, reason: Failure) -> None:
        exchange = self._exchange
        self.end_exchange(keep=False)
        if exchange is not None:
            exchange.lose(reason, is_cut=True)

    def dataReceived(self, data: bytes) -> None:
        if self._exchange is not None:
            self._exchange.receive(data)
        else:
            # An upstream that speaks unasked.
            self.abort()

    def end_exchange(self, *, keep: bool) -> None:
        """The answer is complete."""
        self._exchange = None
        # An answer may come before its request has left; the next one would wait behind the rest of it.
        has_asked = not self._is_sending and not is_behind(self.transport)
        if keep and has_asked and not self.is_dropped:
            self.go_on()
            self._became_idle(self)
        else:
            self.abort()

    # -- its end --------------------------------------------------------------------------------------------

    def handshakeCompleted(self) -> None:
        self.handshake.complete(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.handshake.end(reason)
        self._is_gone(self)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.lose(reason, is_cut=self.is_dropped)

    def close(self) -> None:
        """End it while it is idle. A peer that is silent may let that wait."""
        cast(ITCPTransport, self.transport).loseConnection()

    def abort(self) -> None:
        """Drop it: what is left of a request need not leave first, and nobody is waited for."""
        self.is_dropped = True
        cast(ITCPTransport, self.transport).abortConnection()

    # -- back-pressure --------------------------------------------------------------------------------------

    def hold(self) -> None:
        """Let nothing more come."""
        if not self._is_held:
            self._is_held = True
            cast(IPushProducer, self.transport).pauseProducing()

    def go_on(self) -> None:
        if self._is_held:
            self._is_held = False
            cast(IPushProducer, self.transport).resumeProducing()


@implementer(IConsumer)
class _Outgoing:
    """Takes a request's body. What comes of it first leaves with the head, as one write."""

    def __init__(self, transport: Any, head: bytes) -> None:
        self._transport, self._head = transport, head

    def write(self, data: bytes) -> None:
        if self._head and len(data) <= AT_ONCE:
            data, self._head = self._head + data, b""
            write_promptly(self._transport, data)
        else:
            self.send_head()
            self._transport.write(data)
            flush(self._transport)

    def send_head(self) -> None:
        """Let the head leave, if it has not."""
        head, self._head = self._head, b""
        if head:
            write_promptly(self._transport, head)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self._transport.unregisterProducer()


_COMPLETE = Failure(ConnectionDone())
"""No reason of an answer that is whole."""


class _Exchange:
    """One request on a connection, and its answer."""

    def __init__(self, connection: Connection, request: IClientRequest) -> None:
        self._connection, self._request = connection, request
        self._reader = AnswerReader()
        self._answer: Answer | None = None
        self.answered: Deferred[Any] = Deferred(lambda _: connection.abort())

    def receive(self, data: bytes) -> None:
        reader, broken = self._reader, None
        try:
            part = reader.feed(data)
        except Unreadable:
            # What came before is good.
            part, broken = reader.take(), Failure()
        if self._answer is None and reader.head is not None:
            self._answer = Answer(reader.head, self._request, self._connection)
        answer = self._answer
        if broken is not None:
            self._give(part)
            self._connection.end_exchange(keep=False)
            self.lose(broken, is_cut=True)
        elif answer is None:
            return
        elif reader.complete:
            # The connection first: the last words of an answer may bring on the next request.
            answer.detach()
            self._connection.end_exchange(keep=reader.keeps_connection)
            self._give(part)
            self.lose(_COMPLETE, is_cut=False)
        else:
            self._give(part)
            self._show(answer)
            if not answer.is_read:
                self._connection.hold()

    def _give(self, part: bytes) -> None:
        if part and self._answer is not None:
            self._answer.give(part)

    def lose(self, reason: Failure, *, is_cut: bool) -> None:
        """Nothing more comes.

        :param is_cut: whether it is this side that takes no more.
        """
        answer, may_be_whole = self._answer, self._reader.finish()
        if answer is not None:
            whole = may_be_whole and not is_cut
            answer.end(Failure(ResponseDone() if whole else ResponseFailed([reason])))
            self._show(answer)
        elif not self.answered.called:
            self.answered.errback(Failure(ResponseNeverReceived([reason])))

    def _show(self, answer: Answer) -> None:
        if not self.answered.called:
            self.answered.callback(answer)
