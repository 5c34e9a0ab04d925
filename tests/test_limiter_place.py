"""The limiter: where a request stands that waits."""

from __future__ import annotations

from ccmimolink.limiter import Permit, Place
from tests.limiter_bench import Bench


def test_those_that_wait_stand_in_the_order_of_their_arrival() -> None:
    bench = Bench(min_interval=0.0)
    bench.limiter.acquire()
    waiting = [bench.limiter.acquire() for _ in range(3)]
    assert [bench.limiter.place_of(each) for each in waiting] == [Place(1, 0), Place(2, 0), Place(3, 0)]


def test_who_waits_for_the_interval_is_told_how_long() -> None:
    bench = Bench(max_concurrent=2)
    bench.limiter.acquire()
    waiting = bench.limiter.acquire()
    bench.time.advance(0.5)
    assert bench.limiter.place_of(waiting) == Place(1, 1.0)


def test_a_request_that_is_tried_again_stands_before_all_others_and_waits_for_its_own_time() -> None:
    bench = Bench(min_interval=0.0, max_concurrent=2)
    bench.acquire("a")
    permit = bench.permits["a"]
    bench.restart("a", 5.0)
    bench.acquire("b")
    waiting = bench.limiter.acquire()
    bench.time.advance(1.0)
    assert bench.limiter.place_of(permit) == Place(1, 4.0)
    assert bench.limiter.place_of(waiting) == Place(2, 0)


def test_a_back_off_holds_up_everyone() -> None:
    bench = Bench(min_interval=0.0)
    bench.acquire("a")
    bench.limiter.back_off(30.0)
    bench.restart("a", 5.0)
    waiting = bench.limiter.acquire()
    assert bench.limiter.place_of(bench.permits["a"]) == Place(1, 30.0)
    assert bench.limiter.place_of(waiting) == Place(2, 30.0)


def test_who_does_not_wait_has_no_place() -> None:
    bench = Bench(min_interval=0.0)
    started = bench.limiter.acquire()
    permits: list[Permit] = []
    started.addCallback(permits.append)
    waiting = bench.limiter.acquire()
    waiting.addErrback(lambda _: None)
    waiting.cancel()
    assert [bench.limiter.place_of(each) for each in (started, permits[0], waiting)] == [None] * 3
