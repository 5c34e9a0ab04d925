"""The limiter's two clocks: a wall clock that is set, and a timer that is late, capped or early."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from ccmimolink.limiter import LONGEST_TIMER, UpstreamLimiter
from tests.limiter_bench import Bench


def test_a_wall_clock_set_forward_starts_nothing_early() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.acquire("b")
    bench.time.set_wall_clock(by=3600.0)
    assert bench.order == ["a"]
    bench.time.advance(1.5)
    assert bench.starts == [(0.0, "a"), (1.5, "b")]


def test_a_wall_clock_set_forward_refuses_nobody_early() -> None:
    bench = Bench(max_wait=10.0)
    bench.acquire("a")
    bench.acquire("b")
    bench.time.set_wall_clock(by=3600.0)
    bench.time.advance(9.75)
    assert bench.refused == {}
    bench.time.advance(0.25)
    assert list(bench.refused) == ["b"]


def _acquire_another(bench: Bench) -> None:
    bench.acquire("c")


def _cancel_another(bench: Bench) -> None:
    bench.acquire("c").cancel()


def _release(bench: Bench) -> None:
    bench.permits["a"].release()


def _restart(bench: Bench) -> None:
    bench.restart("a", delay=60.0)


def _back_off(bench: Bench) -> None:
    bench.limiter.back_off(0.0)


@pytest.mark.parametrize("event", [_acquire_another, _cancel_another, _release, _restart, _back_off])
def test_after_a_wall_clock_was_set_back_any_event_puts_the_timer_right(
    event: Callable[[Bench], None],
) -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.acquire("b")
    bench.time.set_wall_clock(by=-3600.0)
    event(bench)
    bench.time.advance(1.5)
    assert bench.starts[1] == (1.5, "b")


def test_a_waiter_whose_turn_came_while_the_timer_was_late_starts_however_long_it_waited() -> None:
    bench = Bench(max_concurrent=2, max_wait=280.0)
    bench.acquire("a")
    bench.acquire("b")
    bench.time.set_wall_clock(by=-3600.0)
    bench.time.advance(300)
    bench.permits["a"].release()
    assert bench.starts == [(0.0, "a"), (300.0, "b")]


def test_a_wall_clock_that_was_set_back_delays_a_start_by_no_more_than_that() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.acquire("b")
    bench.time.set_wall_clock(by=-2.0)
    bench.time.advance(LONGEST_TIMER + 2.0)
    assert bench.order == ["a", "b"]


@pytest.mark.parametrize("restarting", [False, True])
def test_the_timer_is_as_long_as_the_cap_while_a_back_off_lasts_longer(restarting: bool) -> None:
    bench = Bench()
    if restarting:
        bench.acquire("a")
        bench.restart("a")
    bench.limiter.back_off(30.0)
    bench.acquire("b")
    (timer,) = bench.time.clock.getDelayedCalls()
    assert timer.getTime() == LONGEST_TIMER


def test_the_timer_waits_for_the_restart_that_others_must_not_delay() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.acquire("b")
    bench.restart("a", delay=2.25)
    bench.time.advance(2)
    (timer,) = bench.time.clock.getDelayedCalls()
    assert timer.getTime() == 2.25


def test_a_timer_that_fires_a_hair_early_is_set_again_without_spinning() -> None:
    clock = Clock()
    now = [0.0]
    limiter = UpstreamLimiter(
        clock, max_concurrent=2, min_interval=0.5, max_waiting=5, max_wait=60.0, monotonic=lambda: now[0]
    )
    clock.rightNow = 1.7e9  # so large that a nanosecond added to it is lost
    limiter.acquire()
    second = limiter.acquire()
    now[0] = 0.5 - 1e-12
    clock.advance(0.5)
    assert not second.called
    now[0] = 0.51
    clock.advance(0.01)
    assert second.called
