"""The limiter: how many requests run at once, and how far apart they start."""

from __future__ import annotations

import math

import pytest
from twisted.internet.task import Clock

from ccmimolink.limiter import UpstreamLimiter
from tests.limiter_bench import Bench


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
