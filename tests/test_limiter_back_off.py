"""The limiter's back-off: when it ends, and who starts then; and the state that tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from ccmimolink.core.errors import FailureKind
from ccmimolink.limiter import LimiterState
from tests.limiter_bench import Bench


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


def test_one_that_outlasts_the_longest_wait_is_told_at_once() -> None:
    bench = Bench(max_wait=60.0)
    bench.limiter.back_off(61.0)
    failures: list[Any] = []
    bench.limiter.acquire().addErrback(failures.append)
    (failure,) = failures
    assert failure.value.failure.kind is FailureKind.RATE_LIMITED
    assert failure.value.failure.retry_after == 61.0
