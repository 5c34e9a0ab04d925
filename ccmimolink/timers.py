"""A timer that a change of the wall clock does not fire.

Owns the one answer to a trap of the reactor: ``reactor.seconds`` is the wall clock, so a ``callLater`` comes
early when that is set forward. Here the reactor only says *look again*, and a monotonic clock decides.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

LONGEST_CALL = 5.0
"""Seconds. A clock that is set back holds a pending call up by as much, so none is long."""


class MonotonicTimer:
    """Calls ``action`` once, ``seconds`` from now, unless it is cancelled before."""

    def __init__(
        self,
        clock: IReactorTime,
        monotonic: Callable[[], float],
        seconds: float,
        action: Callable[[], None],
    ) -> None:
        self._clock, self._monotonic, self._action = clock, monotonic, action
        self._due = monotonic() + seconds
        self._call = clock.callLater(min(seconds, LONGEST_CALL), self._look)

    def _look(self) -> None:
        left = self._due - self._monotonic()
        if left > 0:
            # Not shorter than a clock's tick, or a rounding error would spin.
            self._call = self._clock.callLater(min(max(left, 0.001), LONGEST_CALL), self._look)
        else:
            self._action()

    def cancel(self) -> None:
        """Do nothing any more. A timer that has fired may be cancelled too."""
        if self._call.active():
            self._call.cancel()
