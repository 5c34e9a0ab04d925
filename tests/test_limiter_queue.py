"""The limiter's queue: who leaves it without a start, cancelled or refused."""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from ccmimolink.core.errors import FailureKind
from tests.limiter_bench import Bench


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


def test_one_byte_too_many_is_refused_at_once() -> None:
    bench = Bench(max_waiting_bytes=100)
    bench.acquire("running", size=5000)  # what can start at once does not wait
    bench.acquire("a", size=60)
    bench.acquire("b", size=41)
    bench.acquire("c", size=40)
    failure = bench.error("b").failure
    assert failure.kind is FailureKind.QUEUE_FULL
    assert "60 bytes" in failure.message
    assert "MIMO_PROXY_MAX_WAITING_BYTES" in failure.message
    assert list(bench.refused) == ["b"]


def test_the_room_of_one_who_left_or_started_is_given_again() -> None:
    bench = Bench(max_waiting_bytes=100)
    bench.acquire("running")
    bench.acquire("a", size=100).cancel()
    bench.acquire("b", size=100)
    bench.permits["running"].release()
    bench.time.advance(1.5)
    bench.acquire("c", size=100)
    assert bench.order == ["running", "b"]
    assert list(bench.refused) == ["a"]


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
