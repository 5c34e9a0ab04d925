from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from ccmimolink.core.errors import FailureKind, LocalError
from ccmimolink.limiter import LONGEST_TIMER, LimiterState, Permit, UpstreamLimiter
from tests.limiter_time import Time


@dataclass
class Bench:
    """A limiter and a note of everything that started."""

    max_concurrent: int = 1
    min_interval: float = 1.5
    max_waiting: int = 100
    max_wait: float = 280.0
    time: Time = field(default_factory=Time)
    starts: list[tuple[float, str]] = field(default_factory=list)
    permits: dict[str, Permit] = field(default_factory=dict)
    refused: dict[str, Failure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limiter = UpstreamLimiter(
            self.time.clock,
            max_concurrent=self.max_concurrent,
            min_interval=self.min_interval,
            max_waiting=self.max_waiting,
            max_wait=self.max_wait,
            monotonic=self.time.monotonic,
        )

    def acquire(self, name: str, *, brief: bool = False) -> Deferred[None]:
        """Queue a request. A brief one releases its permit at the moment when it starts."""

        def started(permit: Permit) -> None:
            self.starts.append((self.time.monotonic(), name))
            self.permits[name] = permit
            if brief:
                permit.release()

        return self.limiter.acquire().addCallbacks(
            started, lambda reason: self.refused.update({name: reason})
        )

    def restart(self, name: str, delay: float = 0.0) -> Deferred[None]:
        def started(_: None) -> None:
            self.starts.append((self.time.monotonic(), name))

        waiting = self.permits[name].restart(delay)
        return waiting.addCallbacks(started, lambda reason: self.refused.update({name: reason}))

    def error(self, name: str) -> LocalError:
        error = self.refused[name].value
        assert isinstance(error, LocalError)
        return error

    @property
    def order(self) -> list[str]:
        return [name for _, name in self.starts]


def test_the_first_request_starts_at_once() -> None:
    bench = Bench()
    bench.acquire("a")
    assert bench.starts == [(0.0, "a")]
    assert bench.time.clock.getDelayedCalls() == []


def test_no_more_than_max_concurrent_run_at_once() -> None:
    bench = Bench(max_concurrent=2, min_interval=0.0)
    for name in "abc":
        bench.acquire(name)
    assert bench.order == ["a", "b"]
    bench.time.advance(60)
    assert bench.order == ["a", "b"]
    bench.permits["b"].release()
    assert bench.order == ["a", "b", "c"]


def test_starts_are_an_interval_apart_even_when_slots_are_free() -> None:
    bench = Bench(max_concurrent=3)
    for name in "abc":
        bench.acquire(name)
    bench.time.advance(4)
    assert bench.starts == [(0.0, "a"), (1.5, "b"), (3.0, "c")]


def test_the_interval_counts_from_the_actual_start_not_from_a_timetable() -> None:
    bench = Bench()
    bench.acquire("a")
    bench.acquire("b")
    bench.time.advance(10)
    bench.permits["a"].release()
    bench.permits["b"].release()
    bench.acquire("c")
    bench.time.advance(3)
    assert bench.starts == [(0.0, "a"), (10.0, "b"), (11.5, "c")]


def test_an_idle_time_saves_up_one_token_only() -> None:
    bench = Bench(max_concurrent=3)
    bench.time.advance(60)
    for name in "ab":
        bench.acquire(name)
    assert bench.order == ["a"]


def test_without_an_interval_all_free_slots_start_at_once() -> None:
    bench = Bench(max_concurrent=3, min_interval=0.0)
    for name in "abc":
        bench.acquire(name)
    assert bench.starts == [(0.0, "a"), (0.0, "b"), (0.0, "c")]


def test_many_requests_that_end_at_once_do_not_deepen_the_stack() -> None:
    bench = Bench(min_interval=0.0, max_waiting=5000)
    bench.acquire("first")
    for number in range(5000):
        bench.acquire(str(number), brief=True)
    bench.permits["first"].release()
    assert bench.order == ["first", *map(str, range(5000))]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_concurrent": 0}, "max_concurrent"),
        ({"min_interval": -1.0}, "min_interval"),
        ({"min_interval": math.nan}, "min_interval"),
        ({"max_waiting": -1}, "max_waiting"),
        ({"max_wait": math.inf}, "max_wait"),
    ],
)
def test_a_senseless_limit_is_refused_by_name(wrong: dict[str, float], named: str) -> None:
    limits = {"max_concurrent": 1, "min_interval": 0.0, "max_waiting": 1, "max_wait": 1.0} | wrong
    with pytest.raises(ValueError, match=named):
        UpstreamLimiter(Clock(), monotonic=lambda: 0.0, **limits)  # type: ignore[arg-type]


# Leaving the queue.


def test_a_waiter_for_a_slot_that_is_cancelled_leaves_the_queue() -> None:
    bench = Bench(min_interval=0.0)
    bench.acquire("a")
    waiting = bench.acquire("b")
    bench.acquire("c")
    waiting.cancel()
    assert bench.refused["b"].type is CancelledError
    assert bench.limiter.state.waiting == 1
    bench.permits["a"].release()
    assert bench.order == ["a", "c"]


def test_a_waiter_for_a_token_that_is_cancelled_gives_its_slot_to_the_next() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    waiting = bench.acquire("b")
    bench.acquire("c")
    waiting.cancel()
    bench.time.advance(1.5)
    assert bench.starts == [(0.0, "a"), (1.5, "c")]


def test_of_several_waiters_for_a_token_the_cancelled_one_leaves() -> None:
    bench = Bench(max_concurrent=3)
    bench.acquire("a")
    bench.acquire("b")
    bench.acquire("c").cancel()
    bench.acquire("d")
    bench.time.advance(3)
    assert bench.starts == [(0.0, "a"), (1.5, "b"), (3.0, "d")]


def test_the_last_waiter_that_is_cancelled_takes_the_timer_along() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.acquire("b").cancel()
    assert bench.time.clock.getDelayedCalls() == []


def test_a_cancelled_waiter_uses_up_no_token() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    waiting = bench.acquire("b")
    bench.time.advance(1.25)
    waiting.cancel()
    bench.time.advance(0.25)
    bench.acquire("c")
    assert bench.starts == [(0.0, "a"), (1.5, "c")]


def test_one_waiter_too_many_is_refused_at_once() -> None:
    bench = Bench(max_waiting=2)
    for name in "abcd":
        bench.acquire(name)
    failure = bench.error("d").failure
    assert failure.kind is FailureKind.QUEUE_FULL
    assert "2 requests" in failure.message
    assert "MIMO_PROXY_MAX_WAITING" in failure.message
    assert failure.retry_after == 3.0  # two waiters, 1.5 s each
    assert bench.limiter.state.waiting == 2


def test_a_place_that_became_free_is_given_again() -> None:
    bench = Bench(max_waiting=1)
    bench.acquire("a")
    bench.acquire("b").cancel()
    bench.acquire("c")
    assert list(bench.refused) == ["b"]
    assert bench.limiter.state.waiting == 1


def test_with_no_place_to_wait_a_request_that_can_start_starts() -> None:
    bench = Bench(max_waiting=0)
    bench.acquire("a")
    bench.acquire("b")
    bench.permits["a"].release()
    bench.time.advance(1.5)
    bench.acquire("c")
    assert bench.order == ["a", "c"]
    assert bench.error("b").failure.kind is FailureKind.QUEUE_FULL


def test_a_waiter_is_refused_after_max_wait_with_the_time_and_the_setting_named() -> None:
    bench = Bench(max_wait=280.0)
    bench.acquire("a")
    bench.acquire("b")
    bench.time.advance(279.75)
    assert bench.refused == {}
    bench.time.advance(0.25)
    failure = bench.error("b").failure
    assert failure.kind is FailureKind.QUEUE_FULL
    assert "280 s" in failure.message
    assert "MIMO_PROXY_MAX_WAIT_MS" in failure.message
    assert failure.retry_after is not None
    assert failure.retry_after >= 1
    assert bench.time.clock.getDelayedCalls() == []


def test_a_waiter_for_a_token_that_is_refused_gives_its_slot_to_the_next() -> None:
    bench = Bench(max_wait=2.0)
    bench.limiter.back_off(3.0)
    bench.acquire("a")
    bench.time.advance(1.5)
    bench.acquire("b")
    bench.time.advance(1.5)
    assert list(bench.refused) == ["a"]
    assert bench.starts == [(3.0, "b")]


def test_a_full_queue_counts_the_back_off_into_its_advice() -> None:
    bench = Bench(max_waiting=0)
    bench.limiter.back_off(30.0)
    bench.acquire("a")
    assert bench.error("a").failure.retry_after == 30.0


# Permits.


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


# Back-off.


@pytest.mark.parametrize("min_interval", [0.0, 1.5])
def test_nothing_starts_before_the_back_off_ends(min_interval: float) -> None:
    bench = Bench(min_interval=min_interval)
    bench.limiter.back_off(30.0)
    bench.acquire("a")
    bench.time.advance(29.75)
    assert bench.starts == []
    bench.time.advance(0.25)
    assert bench.starts == [(30.0, "a")]


def test_after_a_back_off_the_retried_goes_first_and_the_rest_drain_at_the_rate() -> None:
    bench = Bench(max_concurrent=3)
    for name in "abc":
        bench.acquire(name)
    bench.limiter.back_off(30.0)
    bench.restart("a")
    bench.time.advance(40)
    assert bench.starts == [(0.0, "a"), (30.0, "a"), (31.5, "b"), (33.0, "c")]


def test_without_an_interval_all_free_slots_start_when_the_back_off_ends() -> None:
    bench = Bench(max_concurrent=2, min_interval=0.0)
    bench.limiter.back_off(5.0)
    for name in "abc":
        bench.acquire(name)
    bench.time.advance(10)
    assert bench.starts == [(5.0, "a"), (5.0, "b")]


@pytest.mark.parametrize(("first", "second"), [(10.0, 4.0), (4.0, 10.0)])
def test_of_overlapping_back_offs_the_later_end_counts(first: float, second: float) -> None:
    bench = Bench()
    bench.limiter.back_off(first)
    bench.acquire("a")
    bench.limiter.back_off(second)
    bench.time.advance(20)
    assert bench.starts == [(10.0, "a")]


def test_a_back_off_shorter_than_the_interval_does_not_shorten_it() -> None:
    bench = Bench(max_concurrent=2)
    bench.acquire("a")
    bench.limiter.back_off(0.5)
    bench.acquire("b")
    bench.time.advance(5)
    assert bench.starts == [(0.0, "a"), (1.5, "b")]


def test_the_state_tells_who_runs_who_waits_and_how_long_the_back_off_lasts() -> None:
    bench = Bench(max_concurrent=2)
    for name in "abcd":
        bench.acquire(name)
    assert bench.limiter.state == LimiterState(in_flight=1, waiting=3, back_off_left=0.0)
    bench.limiter.back_off(30.0)
    bench.restart("a")
    bench.time.advance(10)
    assert bench.limiter.state == LimiterState(in_flight=0, waiting=4, back_off_left=20.0)
    bench.time.advance(30)
    assert bench.limiter.state == LimiterState(in_flight=2, waiting=2, back_off_left=0.0)


# Stopping.


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


# The clocks.


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
    bench.limiter.back_off(600.0)
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
