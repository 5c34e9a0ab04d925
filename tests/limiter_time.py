"""Time for the limiter's tests: a Clock for the timers and a monotonic clock beside it.

All durations are multiples of a quarter second, so that sums are exact.
"""

from __future__ import annotations

from twisted.internet.task import Clock

STEP = 0.25


class Time:
    """A wall clock that drives timers, and a monotonic clock. Both run together until the first is set."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._set_by = 0.0

    def monotonic(self) -> float:
        return self.clock.seconds() - self._set_by

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.clock.advance(STEP)

    def set_wall_clock(self, by: float) -> None:
        self._set_by += by
        self.clock.rightNow += by
        self.clock.advance(0)
