"""Writing a stream at the pace of a model.

Owns the time between two events and the patience with a slow reader. It must not know what it writes.
"""

# mypy: allow-untyped-calls
# Twisted's web and application modules are only partly annotated.

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import implementer


@implementer(IPushProducer)
class PacedWriter:
    """Writes one event after another, ``delay`` seconds apart, and then finishes the request.

    While the reader is behind nothing is written; when the reader leaves it all ends, and nothing is left on
    the clock. Call :meth:`start` once.
    """

    def __init__(self, request: Request, events: Iterator[bytes], clock: IReactorTime, delay: float) -> None:
        self._request = request
        self._events = events
        self._clock = clock
        self._delay = delay
        self._next_write: IDelayedCall | None = None
        self._paused = False
        self._ended = False

    def start(self) -> None:
        self._request.notifyFinish().addErrback(self._reader_left)
        self._request.registerProducer(self, True)
        self._write()

    def pauseProducing(self) -> None:
        self._paused = True
        self._cancel()

    def resumeProducing(self) -> None:
        self._paused = False
        # Only ever from a fresh call: writing from inside the transport's own resume would recurse.
        self._schedule(self._delay)

    def stopProducing(self) -> None:
        self._ended = True
        self._cancel()

    def _reader_left(self, _reason: Failure) -> None:
        self.stopProducing()

    def _write(self) -> None:
        self._next_write = None
        while not (self._paused or self._ended):
            event = next(self._events, None)
            if event is None:
                self._finish()
                return
            self._request.write(event)
            if self._delay > 0:
                self._schedule(self._delay)
                return

    def _finish(self) -> None:
        self._ended = True
        self._request.unregisterProducer()
        self._request.finish()

    def _schedule(self, delay: float) -> None:
        if not (self._paused or self._ended) and self._next_write is None:
            self._next_write = self._clock.callLater(delay, self._write)

    def _cancel(self) -> None:
        if self._next_write is not None:
            self._next_write.cancel()
            self._next_write = None
