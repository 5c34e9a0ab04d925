"""Timers that a change of the wall clock neither fires nor holds up.

Owns the answers to a trap of the reactor: ``reactor.seconds`` is the wall clock, so a ``callLater`` comes
early when that is set forward, and late by as much when it is set back. The program makes its reactor steady.
Who runs the service on another reactor is spared the early ones: there a timer only says *look again*, and a
monotonic clock decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime


def keep_steady(reactor: Any, monotonic: Callable[[], float] = time.monotonic) -> bool:
    """Let all timers of a reactor go by a clock that nobody sets: ours, and those of Twisted itself.

    To be called before anything is timed: a call that is pending is due by the former clock. Then nothing is
    done.

    :returns: whether the reactor is steady now.
    """
    if reactor.getDelayedCalls():
        return False
    reactor.seconds = monotonic
    return True


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
