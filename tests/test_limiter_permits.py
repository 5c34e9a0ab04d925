"""The limiter's permits: how they are released, and how a request restarts on one."""

from __future__ import annotations

import math

import pytest
from twisted.internet.defer import CancelledError

from ccmimolink.core.errors import FailureKind
from ccmimolink.limiter import LimiterState
from tests.limiter_bench import Bench


def test_a_permit_is_released_once_only() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.permits["a"].release()
    with pytest.raises(RuntimeError, match="released before"):
        bench.permits["a"].release()
    assert bench.limiter.state.in_flight == 0


def test_a_restart_keeps_the_slot_and_takes_a_token() -> None:
    bench = Bench()
    bench.acquire("a")
    bench.acquire("b")
    bench.restart("a")
    bench.time.advance(10)
    assert bench.starts == [(0.0, "a"), (1.5, "a")]


def test_a_restart_waits_for_its_delay() -> None:
    bench = Bench()
    bench.acquire("a")
    bench.restart("a", delay=4.0)
    bench.time.advance(10)
    assert bench.starts == [(0.0, "a"), (4.0, "a")]


def test_a_restart_goes_before_every_other_waiter() -> None:
    bench = Bench(max_concurrent=2)
    for name in "abc":
        bench.acquire(name)
    bench.restart("a")
    bench.time.advance(3)
    assert bench.starts == [(0.0, "a"), (1.5, "a"), (3.0, "b")]


def test_others_start_while_a_restart_is_delayed_when_the_token_is_back_in_time() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.acquire("b")
    bench.restart("a", delay=3.0)
    bench.time.advance(3)
    assert bench.starts == [(0.0, "a"), (1.5, "b"), (3.0, "a")]


def test_nobody_takes_the_token_that_a_delayed_restart_will_need() -> None:
    bench = Bench(max_concurrent=3)
    bench.acquire("a")
    bench.acquire("b")
    bench.restart("a", delay=2.75)
    bench.time.advance(5)
    assert bench.starts == [(0.0, "a"), (2.75, "a"), (4.25, "b")]


def test_a_request_that_may_not_wait_is_refused_rather_than_started_ahead_of_a_restart() -> None:
    bench = Bench(max_concurrent=2, max_waiting=0)
    bench.acquire("a")
    bench.restart("a", delay=2.0)
    bench.time.advance(1.75)
    bench.acquire("b")
    assert bench.error("b").failure.kind is FailureKind.QUEUE_FULL


def test_a_restart_delayed_a_little_past_the_end_of_a_back_off_is_still_first() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.acquire("b")
    bench.limiter.back_off(30.0)
    bench.restart("a", delay=30.25)
    bench.time.advance(40)
    assert bench.starts == [(0.0, "a"), (30.25, "a"), (31.75, "b")]


def test_of_two_restarts_the_one_due_first_goes_first() -> None:
    bench = Bench(max_concurrent=2, min_interval=0.0)
    bench.acquire("a")
    bench.acquire("b")
    bench.restart("a", delay=2.0)
    bench.restart("b", delay=1.0)
    bench.limiter.back_off(5.0)
    bench.time.advance(5)
    assert bench.order == ["a", "b", "b", "a"]


def test_a_cancelled_restart_leaves_the_permit_running_and_the_token_to_the_others() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.acquire("b")
    bench.restart("a").cancel()
    assert bench.limiter.state == LimiterState(in_flight=1, waiting=1, back_off_left=0.0)
    bench.time.advance(1.5)
    assert bench.order == ["a", "b"]
    bench.permits["a"].release()
    assert bench.limiter.state.in_flight == 1


def test_a_request_may_restart_again_and_again() -> None:
    bench = Bench()
    bench.acquire("a")
    for _ in range(3):
        bench.restart("a")
        bench.time.advance(1.5)
    assert [when for when, _ in bench.starts] == [0.0, 1.5, 3.0, 4.5]


def test_a_restart_is_not_subject_to_the_limits_of_the_queue() -> None:
    bench = Bench(max_waiting=0, max_wait=1.0)
    bench.acquire("a")
    bench.restart("a", delay=5.0)
    bench.time.advance(5)
    assert bench.order == ["a", "a"]


def test_a_second_restart_while_one_is_pending_is_a_mistake() -> None:
    bench = Bench()
    bench.acquire("a")
    bench.restart("a")
    with pytest.raises(RuntimeError, match="pending"):
        bench.permits["a"].restart()


def test_a_released_permit_cannot_restart() -> None:
    bench = Bench()
    bench.acquire("a", brief=True)
    with pytest.raises(RuntimeError, match="released"):
        bench.permits["a"].restart()


@pytest.mark.parametrize("delay", [-1.0, math.nan, math.inf])
def test_a_senseless_delay_is_refused(delay: float) -> None:
    bench = Bench()
    bench.acquire("a")
    with pytest.raises(ValueError, match="delay"):
        bench.permits["a"].restart(delay)
    with pytest.raises(ValueError, match="seconds"):
        bench.limiter.back_off(delay)


def test_releasing_while_a_restart_is_pending_cancels_it_and_frees_the_slot() -> None:
    bench = Bench(min_interval=0.0)
    bench.acquire("a")
    bench.acquire("b")
    bench.restart("a", delay=5.0)
    bench.permits["a"].release()
    assert bench.refused["a"].type is CancelledError
    assert bench.order == ["a", "b"]
    assert bench.time.clock.getDelayedCalls() == []
