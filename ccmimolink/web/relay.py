"""Relay: the body of one upstream answer, on its way to one client.

Owns everything between the upstream's 200 and the terminal event: translating what arrived together, writing
it once, back-pressure, and the timers of silence. It must not retry and must not know where the stream came
from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure as TwistedFailure
from zope.interface import implementer

from ccmimolink.core.answer_events import AnswerEvents
from ccmimolink.core.errors import Failure, FailureKind, LocalError, ProxyError, UpstreamError
from ccmimolink.core.events import Emission, encode_events
from ccmimolink.core.scan import ParserFailed
from ccmimolink.core.sse import EventTooLarge
from ccmimolink.core.states import State
from ccmimolink.core.stream import ResponseStream
from ccmimolink.core.upstream_events import Ended, Failed, Finished, UpstreamEvent
from ccmimolink.timers import LONGEST_CALL, MonotonicTimer
from ccmimolink.transport import drop
from ccmimolink.web.services import Limits, Lingering

LINGER = 2.0
"""Seconds that the upstream gets to end its body after a complete answer, so that the connection is kept."""

TAIL_TIMEOUT = 5.0
"""Seconds that the upstream gets for its usage and its end once it has said that the turn is finished."""


EMPTY_LIMITS = 4
"""So many idle limits may pass in which something comes and nothing is said: comments, empty events, an event
without its end. MiMo has been seen to send comments for half an hour; a gateway before a dead server does so
for ever."""


FRAMING = 400
"""Bytes of an event that are no part of the answer. MiMo sends some three hundred with every word."""

MOSTLY_FRAMING = 16
"""The part of what comes that counts for the answer at least."""


class Outlet(Protocol):
    """Where the events go. ``open`` comes once, before the first ``write``."""

    def open(self, producer: Relay) -> None: ...

    def write(self, data: bytes) -> None: ...


_EMPTY = Failure(FailureKind.STREAM_BROKEN, "MiMo's answer was empty.")


def _event_too_large(limits: Limits) -> Failure:
    limit = limits.max_event_bytes
    message = f"MiMo sent an event of more than {limit} bytes (MIMO_PROXY_MAX_EVENT_BYTES)."
    return Failure(FailureKind.STREAM_BROKEN, message)


@implementer(IPushProducer)
class Relay(TwistedProtocol):
    """Deliver a response's body to it, and wait for ``finished``.

    ``finished`` fires with None once the stream has its terminal event. It fails with
    :class:`~ccmimolink.core.errors.UpstreamError` if the upstream failed before anything was sent to the
    client, and with :class:`~ccmimolink.core.errors.LocalError` if the client stopped reading. Cancelling it
    drops the upstream connection.

    :param outlet: None for a client that wants the whole answer at once.
    :param accepted: called once, when the upstream's first event that is no failure shows that it took the
        request.
    :param without_key: an error's payload without the key that was sent.
    :param lingering: holds the relay while it waits for the end of a body whose answer is complete.
    :ivar was_cut: whether the answer was longer than the limit.
    """

    def __init__(
        self,
        stream: ResponseStream,
        outlet: Outlet | None,
        *,
        clock: IReactorTime,
        monotonic: Callable[[], float],
        limits: Limits,
        accepted: Callable[[], None],
        without_key: Callable[[bytes], bytes],
        parser_failed: Callable[[ParserFailed], Failure],
        lingering: set[Lingering],
    ) -> None:
        self.finished: Deferred[None] = Deferred(lambda _: self._give_up())
        self._stream, self._outlet = stream, outlet
        self._clock, self._monotonic, self._limits = clock, monotonic, limits
        # Silence is filled for a client that reads: one that waits for the whole answer would not see it.
        self._keepalive = math.inf if outlet is None else limits.keepalive
        self._accepted = accepted
        self._parser_failed = parser_failed
        self._answer = AnswerEvents(without_key, limits.max_event_bytes)
        self._room = limits.max_answer_bytes
        self.was_cut = False
        self._was_accepted = False
        # Once the answer has begun a failure is part of it; until then the request can be tried again.
        self._committed = False
        self._paused = False
        self._closed = False
        self._read_at = self._event_at = self._wrote_at = monotonic()
        # Since when the answer is whole, but for what may follow it.
        self._ended_at: float | None = None
        self._silence = clock.callLater(self._next_look(), self._guarded, self._look)
        self._slow: MonotonicTimer | None = None
        self._lingering = lingering
        self._linger: IDelayedCall | None = None

    @property
    def received(self) -> int:
        """Events of the upstream's stream so far."""
        return self._answer.count if not self.finished.called else 0

    # -- the upstream's side ------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        if self.finished.called:
            return
        self._guarded(self._translate, data)

    def connectionLost(self, reason: TwistedFailure | None = None) -> None:
        self._closed = True
        self._end_linger()
        if self.finished.called:
            return
        self._guarded(self._translate, b"", True)

    def _guarded(self, step: Callable[..., None], *arguments: object) -> None:
        """Take a step for the reactor. Its failure must reach the exchange, or the slot stays taken."""
        try:
            step(*arguments)
        except Exception:  # a fault of ours, for the exchange to report: it ends the client's answer
            reason = TwistedFailure()
            self.drop()
            if self.finished.called:
                raise
            self._let_go()
            self.finished.errback(reason)

    def _translate(self, data: bytes, at_end: bool = False) -> None:
        self._read_at = self._monotonic()
        events: list[Emission] = []
        try:
            count = self._feed(data, events, at_end=at_end)
            self._room -= max(len(data) - count * FRAMING, len(data) // MOSTLY_FRAMING)
            if events:
                self._event_at = self._read_at
            if at_end:
                events += self._stream.receive_eof()
            elif self._room < 0:
                self._cut(events)
        except EventTooLarge:
            self._fail(_event_too_large(self._limits), events)
            return
        except ParserFailed as error:
            self._fail(self._parser_failed(error), events)
            return
        except UpstreamError as error:
            self._finish(error)
            return
        self._send(events)

    def _feed(self, data: bytes, events: list[Emission], *, at_end: bool) -> int:
        """Translate; returns how many of the upstream's events there were.

        :raises UpstreamError: the upstream's first word is an error, and the client knows of nothing yet.
        """
        answer = self._answer
        before = answer.count
        found = answer.receive_data(data) if data else []
        if at_end:
            found += answer.receive_eof()
        receive = self._stream.receive
        for event in found:
            if not self._was_accepted:
                self._weigh(event)
            events += receive(event)
        if at_end and not self._committed and not events:
            raise UpstreamError(_EMPTY)
        return answer.count - before

    def _cut(self, events: list[Emission]) -> None:
        """The answer is longer than any may be: it ends as if MiMo's own limit had ended it."""
        self.was_cut = True
        events += self._stream.receive(Finished("length"))
        events += self._stream.receive(Ended())

    def _weigh(self, event: UpstreamEvent) -> None:
        """Take the upstream's first word for what it tells of the request.

        :raises UpstreamError: see :meth:`_feed`.
        """
        if self._stream.terminal:
            return
        if isinstance(event, Failed):
            if not self._committed:
                raise UpstreamError(event.failure)
        elif isinstance(event, Ended):
            if not self._committed and self._stream.state is State.IDLE:
                raise UpstreamError(_EMPTY)
        else:
            self._was_accepted = True
            self._accepted()

    # -- the client's side --------------------------------------------------------------------------------

    def _send(self, events: Sequence[Emission]) -> None:
        if events:
            self._commit()
            self._write(events)
        if self._stream.terminal:
            self._finish(None)
        elif self._stream.state is not State.ENDED:
            self._ended_at = None
        elif self._ended_at is None:
            self._ended_at = self._monotonic()
            if self._silence.active():
                self._silence.reset(min(TAIL_TIMEOUT, self._next_look()))

    def _commit(self) -> None:
        if not self._committed:
            self._committed = True
            if self._outlet is not None:
                self._outlet.open(self)

    def _write(self, events: Sequence[Emission]) -> None:
        self._wrote_at = self._monotonic()
        if self._outlet is not None:
            self._outlet.write(encode_events(events))

    def fail(self, failure: Failure) -> None:
        """End the stream with this failure, for a reason that lies outside of it."""
        if not self.finished.called:
            self._guarded(self._fail, failure, [])

    def _fail(self, failure: Failure, events: list[Emission]) -> None:
        if self._committed or events:
            self._send([*events, *self._last_events(failure)])
        else:
            self._finish(UpstreamError(failure))

    def _last_events(self, failure: Failure) -> list[Emission]:
        try:
            return self._stream.fail(failure)
        except ParserFailed as error:
            return self._stream.fail(self._parser_failed(error))

    def _finish(self, error: ProxyError | None) -> None:
        self._stop_timers()
        if error is not None or self._stream.failure is not None or self.was_cut:
            # MiMo may go on talking, and billing.
            self.drop()
        elif not self._closed:
            # The terminal event is out; what follows is the end of the body, which frees the connection.
            self.resumeProducing()
            self._lingering.add(self)
            self._linger = self._clock.callLater(LINGER, self.drop)
        self._let_go()
        if error is None:
            self.finished.callback(None)
        else:
            self.finished.errback(error)

    def _give_up(self) -> None:
        self.drop()
        self._let_go()

    def _let_go(self) -> None:
        """Let go of the answer: what holds this may live until somebody collects the cycle that it is in."""
        self._outlet = None
        del self._stream, self._answer

    def _end_linger(self) -> None:
        self._lingering.discard(self)
        if self._linger is not None and self._linger.active():
            self._linger.cancel()

    def drop(self) -> None:
        """Drop the upstream connection, whatever state the stream is in."""
        self._stop_timers()
        self._end_linger()
        if not self._closed and self.transport is not None:
            self._closed = True
            drop(self.transport)

    def _stop_timers(self) -> None:
        if self._silence.active():
            self._silence.cancel()
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    # -- back-pressure: the client's connection drives the upstream's ---------------------------------------

    def pauseProducing(self) -> None:
        self._paused = True
        if self._slow is None and not self.finished.called:
            self._slow = MonotonicTimer(
                self._clock, self._monotonic, self._limits.slow_client_timeout, self._client_stalled
            )
        if not self._closed and self.transport is not None:
            cast(IPushProducer, self.transport).pauseProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        self._read_at = self._event_at = self._monotonic()
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
        if self._silence.active():
            self._silence.reset(self._until_look(self._wrote_at + self._next_look()))
        if not self._closed and self.transport is not None:
            cast(IPushProducer, self.transport).resumeProducing()

    def stopProducing(self) -> None:
        """The client's connection is going away; its notification ends the exchange."""

    def _client_stalled(self) -> None:
        self._slow = None
        self._finish(LocalError(Failure(FailureKind.STREAM_BROKEN, "The client read nothing for too long.")))

    # -- silence ------------------------------------------------------------------------------------------

    def _next_look(self) -> float:
        return min(self._keepalive, self._limits.idle_timeout, LONGEST_CALL)

    def _until_look(self, due: float) -> float:
        """Seconds until the silence is looked at: when something may be due, never far off (see timers)."""
        return min(max(0.05, due - self._monotonic()), LONGEST_CALL)

    def _look(self) -> None:
        """One timer for both silences: it looks at the times instead of being reset with each read."""
        at = self._monotonic()
        if not self._paused:
            if self._ended_at is not None and at - self._ended_at >= TAIL_TIMEOUT:
                # The answer is whole; only its token counts are missing, and the slot is waited for.
                self.drop()
                self._translate(b"", at_end=True)
                return
            seconds = self._limits.idle_timeout
            if at - self._read_at >= seconds or at - self._event_at >= seconds * EMPTY_LIMITS:
                message = f"MiMo's stream was silent for {seconds:g} s (MIMO_PROXY_IDLE_TIMEOUT_MS)."
                kind = FailureKind.STREAM_BROKEN if self._committed else FailureKind.UPSTREAM_TIMEOUT
                self.drop()
                self._fail(Failure(kind, message), [])
                return
            if at - self._wrote_at >= self._keepalive:
                self._send(self._stream.keep_alive() if self._committed else self._stream.start())
        silent_until = min(self._wrote_at + self._keepalive, self._read_at + self._limits.idle_timeout)
        if self._ended_at is not None:
            silent_until = min(silent_until, self._ended_at + TAIL_TIMEOUT)
        delay = self._next_look() if self._paused else self._until_look(silent_until)
        self._silence = self._clock.callLater(delay, self._guarded, self._look)
