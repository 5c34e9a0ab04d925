"""Stopping the limiter: everyone who waits is refused, and nothing starts any more."""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from ccmimolink.core.errors import FailureKind
from ccmimolink.limiter import LimiterState
from tests.limiter_bench import Bench


def test_stop_refuses_everyone_who_waits_and_leaves_no_call() -> None:
    bench = Bench(max_concurrent=2)
    for name in "abc":
        bench.acquire(name)
    bench.restart("a")
    bench.limiter.stop()
    assert {name: bench.error(name).failure.kind for name in bench.refused} == dict.fromkeys(
        "abc", FailureKind.DRAINING
    )
    assert bench.time.clock.getDelayedCalls() == []
    assert bench.limiter.state == LimiterState(in_flight=1, waiting=0, back_off_left=0.0)


def test_after_stop_permits_are_released_as_ever_and_nothing_starts() -> None:
    bench = Bench()
    bench.acquire("a")
    bench.limiter.stop()
    bench.acquire("b")
    bench.restart("a")
    bench.limiter.back_off(5.0)
    bench.permits["a"].release()
    assert bench.error("a").failure.kind is FailureKind.DRAINING
    assert bench.error("b").failure.kind is FailureKind.DRAINING
    assert bench.limiter.state.in_flight == 0
    assert bench.order == ["a"]
    assert bench.time.clock.getDelayedCalls() == []


def test_stop_starts_nobody_for_whom_the_timer_is_late() -> None:
    bench = Bench(max_concurrent=2)
    for name in "abc":
        bench.acquire(name)
    bench.time.set_wall_clock(by=-3600.0)
    bench.time.advance(5)
    bench.limiter.stop()
    assert bench.order == ["a"]
    assert sorted(bench.refused) == ["b", "c"]


def test_stop_stands_a_refused_waiter_that_cancels_the_next() -> None:
    bench = Bench()
    bench.acquire("a")
    b, c = bench.acquire("b"), bench.acquire("c")
    b.addCallback(lambda _: c.cancel())
    bench.limiter.stop()
    assert bench.refused["c"].type is CancelledError
    assert bench.limiter.state.waiting == 0


def test_stop_stands_a_refused_restart_that_gives_up_another() -> None:
    bench = Bench(max_concurrent=2, min_interval=0.0)
    bench.acquire("a")
    bench.acquire("b")
    a, b = bench.restart("a", delay=1.0), bench.restart("b", delay=1.0)
    a.addCallback(lambda _: b.cancel())
    bench.limiter.stop()
    assert bench.refused["b"].type is CancelledError
    assert bench.limiter.state == LimiterState(in_flight=2, waiting=0, back_off_left=0.0)


def test_stop_may_be_called_by_a_request_that_starts() -> None:
    bench = Bench(max_concurrent=2, min_interval=0.0)
    bench.limiter.back_off(1.0)
    bench.acquire("a").addCallback(lambda _: bench.limiter.stop())
    bench.acquire("b")
    bench.time.advance(2)
    assert bench.order == ["a"]
    assert bench.error("b").failure.kind is FailureKind.DRAINING
    assert bench.time.clock.getDelayedCalls() == []
