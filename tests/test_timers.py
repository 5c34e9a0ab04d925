"""MonotonicTimer: what the wall clock does to it, which is nothing."""

from __future__ import annotations

from twisted.internet.task import Clock

from ccmimolink.timers import LONGEST_CALL, MonotonicTimer
from tests.limiter_time import Time


def make(seconds: float) -> tuple[Time, MonotonicTimer, list[str]]:
    time = Time()
    fired: list[str] = []
    return time, MonotonicTimer(time.clock, time.monotonic, seconds, lambda: fired.append("fired")), fired


def test_it_fires_once_when_its_time_is_over() -> None:
    time, _, fired = make(12)
    time.advance(11.75)
    assert fired == []
    time.advance(0.25)
    assert fired == ["fired"]
    time.advance(100)
    assert fired == ["fired"]


def test_a_wall_clock_that_is_set_forward_does_not_fire_it() -> None:
    time, _, fired = make(60)
    time.set_wall_clock(by=3600)
    time.advance(59)
    assert fired == []
    time.advance(1)
    assert fired == ["fired"]


def test_it_looks_again_before_long() -> None:
    time, _, _ = make(3600)
    (call,) = time.clock.getDelayedCalls()
    assert call.getTime() == LONGEST_CALL


def test_a_cancelled_one_leaves_nothing_behind() -> None:
    clock = Clock()
    timer = MonotonicTimer(clock, clock.seconds, 1, lambda: None)
    timer.cancel()
    assert clock.getDelayedCalls() == []
    timer.cancel()
