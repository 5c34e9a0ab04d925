"""The limiter with hundreds of waiters: long random walks, beside a model that judges each start and refusal.

``test_limiter_machine`` goes through every corner with five waiters. Here the queue is long, what a start
sets off calls back into the limiter, and in the end everything is given back.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ccmimolink.core.errors import FailureKind, LocalError
from ccmimolink.limiter import LimiterState, Permit, UpstreamLimiter
from tests.limiter_time import Time

CROWD = 300
MAX_WAIT = 60.0
STEPS = 1500


@dataclass(eq=False)
class _Request:
    """:ivar restart_due: when its restart is due, while one is pending."""

    since: float
    deferred: Deferred[None] | None = None
    permit: Permit | None = None
    restart: Deferred[None] | None = None
    restart_due: float | None = None


class Crowd:
    """A limiter, those who use it, and what the model knows of them.

    :ivar waiting: who has not started, in the order of arrival.
    :ivar held: who has started and not released.
    :ivar broken: what went against the rules. It is collected, as a Deferred would swallow an assertion.
    """

    def __init__(self, seed: int, slots: int, interval: float) -> None:
        self.random = random.Random(seed)
        self.slots, self.interval = slots, interval
        self.time = Time()
        self.waiting: dict[_Request, None] = {}
        self.held: dict[_Request, None] = {}
        self.starts: list[float] = []
        self.blocked_until = -math.inf
        self.stopped = self.winding_down = False
        self.most_waiting = 0
        self.ends: dict[str, int] = {}
        self.broken: list[str] = []
        self._nested = 0
        self.limiter = UpstreamLimiter(
            self.time.clock,
            max_concurrent=slots,
            min_interval=interval,
            max_waiting=CROWD,
            max_wait=MAX_WAIT,
            monotonic=self.time.monotonic,
        )

    # -- what the model knows ------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.time.monotonic()

    def token(self) -> bool:
        last = self.starts[-1] if self.starts else -math.inf
        return self.now >= max(last + self.interval, self.blocked_until)

    def restarts(self) -> list[float]:
        return sorted(each.restart_due for each in self.held if each.restart_due is not None)

    def token_for_fresh(self) -> bool:
        """A fresh start may neither overtake a restart that is due nor take the token of the next one."""
        restarts = self.restarts()
        return self.token() and not (restarts and restarts[0] < self.now + self.interval)

    def restart_is_due(self) -> bool:
        restarts = self.restarts()
        return bool(restarts) and restarts[0] <= self.now

    def note_start(self) -> None:
        self.expect(not self.stopped, "a start after the stop")
        self.expect(self.token(), "a start too close to another, or during a back-off")
        self.starts.append(self.now)

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.broken.append(f"at {self.now}: {otherwise}")

    def count(self, end: str) -> None:
        self.ends[end] = self.ends.get(end, 0) + 1

    # -- what happens --------------------------------------------------------------------------------------

    def arrive(self, then: Callable[[_Request], None]) -> None:
        """:param then: what the request does at the moment when it starts."""
        request = _Request(self.now)
        full = len(self.waiting) >= CROWD
        may_start = len(self.held) < self.slots and self.token_for_fresh() and not self.restart_is_due()
        back_off_left = self.blocked_until - self.now
        turned_away = False
        arriving = True

        def started(permit: Permit) -> None:
            self.expect(next(iter(self.waiting)) is request, "overtook an earlier request")
            self.expect(self.token_for_fresh() and not self.restart_is_due(), "overtook a restart")
            self.expect(len(self.held) < self.slots, "more in flight than allowed")
            self.note_start()
            del self.waiting[request]
            request.permit = permit
            self.held[request] = None
            self.count("started")
            self._nested += 1
            then(request)
            self._nested -= 1

        def failed(reason: Failure) -> None:
            nonlocal turned_away
            turned_away = arriving
            eldest = next(iter(self.waiting)) is request
            del self.waiting[request]
            kind = _kind(reason)
            self.count(kind)
            if kind == FailureKind.QUEUE_FULL.value:
                overdue = eldest and self.now >= request.since + MAX_WAIT
                self.expect(full if arriving else overdue, "refused, though neither full nor overdue")
            elif kind == FailureKind.RATE_LIMITED.value:
                self.expect(back_off_left > MAX_WAIT, "refused for a back-off that it could wait for")
            elif kind == FailureKind.DRAINING.value:
                self.expect(self.stopped, "refused as if stopped")

        self.waiting[request] = None
        request.deferred = self.limiter.acquire().addCallbacks(started, failed)
        request.deferred.addErrback(lambda reason: self.broken.append(str(reason)))
        arriving = False
        if not self._nested:
            should = self.stopped or back_off_left > MAX_WAIT or (full and not may_start)
            self.expect(turned_away == should, f"turned away: {turned_away}, and that is wrong")
        self.most_waiting = max(self.most_waiting, len(self.waiting))

    def cancel_one(self) -> None:
        """Often one of those at the front, who hold a slot and wait for a token."""
        if self.waiting:
            front = list(self.waiting)[: self.random.choice([2, self.slots, CROWD])]
            deferred = self.random.choice(front).deferred
            if deferred is not None:  # None: it is arriving at this very moment
                deferred.cancel()

    def release_one(self) -> None:
        if self.held:
            self.release(self.random.choice(list(self.held)))

    def release(self, request: _Request) -> None:
        assert request.permit is not None
        del self.held[request]
        request.restart_due = None
        request.permit.release()

    def restart_one(self) -> None:
        ready = [each for each in self.held if each.restart_due is None]
        if ready:
            self.restart(self.random.choice(ready), self.random.choice([0.0, 0.5, 2.0, 10.0]))

    def restart(self, request: _Request, delay: float) -> None:
        assert request.permit is not None
        request.restart_due = self.now + delay

        def started(_: None) -> None:
            self.expect(request.restart_due == self.restarts()[0], "overtook an earlier restart")
            self.note_start()
            request.restart_due = None
            self.count("restarted")

        def failed(reason: Failure) -> None:
            request.restart_due = None
            self.count(f"restart {_kind(reason)}")

        request.restart = request.permit.restart(delay).addCallbacks(started, failed)
        request.restart.addErrback(lambda reason: self.broken.append(str(reason)))

    def cancel_a_restart(self) -> None:
        pending = [each.restart for each in self.held if each.restart_due is not None and each.restart]
        if pending:
            self.random.choice(pending).cancel()

    def back_off(self, seconds: float) -> None:
        self.blocked_until = max(self.blocked_until, self.now + seconds)
        self.limiter.back_off(seconds)

    def set_the_wall_clock(self) -> None:
        self.time.set_wall_clock(self.random.choice([-3600.0, -0.5, 0.5, 3600.0]))
        self.limiter.back_off(0.0)  # any call puts a timer right that is late

    def live(self, request: _Request) -> None:
        """What a request does when it starts: run, end at once, meet a 429, or set something else off."""
        if self.winding_down:
            return
        match self.random.randrange(12):
            case 0 | 1:
                self.release(request)
            case 2:
                self.back_off(self.random.choice([0.5, 2.0]))
                self.restart(request, self.random.choice([0.5, 2.0]))
            case 3:
                self.restart(request, 0.0)
            case 4:
                self.cancel_one()
            case 5:
                self.arrive(self.live)
            case 6:
                self.release(request)
                self.release_one()
            case _:
                pass

    def step(self) -> None:
        match self.random.randrange(20):
            case 0 | 1 | 2:
                for _ in range(self.random.choice([1, 5, 60])):
                    self.arrive(self.live)
            case 3 | 4:
                for _ in range(self.random.choice([1, 1, 20])):
                    self.cancel_one()
            case 5 | 6 | 7 | 8 | 9:
                self.release_one()
            case 10:
                self.restart_one()
            case 11:
                self.cancel_a_restart()
            case 12:
                self.back_off(self.random.choice([0.0, 0.25, 2.0, 2.0, MAX_WAIT + 1]))
            case 13:
                self.set_the_wall_clock()
            case _:
                self.time.advance(self.random.choice([0.25, 0.25, 0.5, 1.5, 3.0]))

    # -- what must hold after each step ----------------------------------------------------------------------

    def look(self) -> None:
        assert self.broken == []
        restarting = len(self.restarts())
        assert self.limiter.state == LimiterState(
            in_flight=len(self.held) - restarting,
            waiting=len(self.waiting) + restarting,
            back_off_left=max(0.0, self.blocked_until - self.now),
        )
        if not self.stopped:
            assert not (self.token() and self.restart_is_due()), "a restart was left waiting"
            if self.waiting and self.token_for_fresh():
                assert len(self.held) == self.slots, "a request was left waiting beside a free slot"
        if self.waiting:
            assert self.now < next(iter(self.waiting)).since + MAX_WAIT, "a request was left to wait too long"
        someone_waits = bool(self.waiting) or restarting > 0
        assert len(self.time.clock.getDelayedCalls()) == someone_waits

    def all_can_start_again(self) -> None:
        """No slot was lost and none was doubled: as many start as at first, and one more waits."""
        self.winding_down = True
        for waiter in list(self.waiting):
            assert waiter.deferred is not None
            waiter.deferred.cancel()
        for request in list(self.held):
            self.release(request)
        self.time.advance(max(0.0, self.blocked_until - self.now) + self.interval)
        self.look()
        assert self.limiter.state == LimiterState(0, 0, 0.0)
        for _ in range(self.slots):
            self.arrive(lambda _request: None)
            self.time.advance(self.interval)
        self.arrive(lambda _request: None)
        self.look()
        assert (len(self.held), len(self.waiting)) == (self.slots, 1)


def _kind(reason: Failure) -> str:
    if isinstance(reason.value, LocalError):
        return reason.value.failure.kind.value
    assert reason.type is CancelledError, reason
    return "cancelled"


WALKS = [
    (slots, interval, seed) for slots in (1, 3, 8, 40) for interval in (0.0, 0.25, 1.5) for seed in (1, 2)
]


@pytest.mark.parametrize(("slots", "interval", "seed"), WALKS)
def test_no_slot_is_lost_and_no_start_comes_early_in_a_crowd(slots: int, interval: float, seed: int) -> None:
    crowd = Crowd(seed, slots, interval)
    for _ in range(STEPS):
        crowd.step()
        crowd.look()
    crowd.all_can_start_again()
    # The walk went where it was meant to go.
    assert crowd.most_waiting >= CROWD
    assert {"started", "restarted", "cancelled", "queue full", "rate limited"} <= crowd.ends.keys()


@pytest.mark.parametrize("seed", range(12))
def test_a_stop_amid_a_crowd_refuses_all_who_wait_and_loses_no_slot(seed: int) -> None:
    crowd = Crowd(seed, slots=5, interval=0.25)
    while len(crowd.waiting) < CROWD // 2:
        crowd.step()
    refused_before, waited = crowd.ends.get("draining", 0), len(crowd.waiting)
    restarting = len(crowd.restarts())
    crowd.stopped = True
    crowd.limiter.stop()
    crowd.look()
    assert (len(crowd.waiting), crowd.restarts()) == (0, [])
    assert crowd.ends.get("draining", 0) - refused_before == waited
    assert crowd.ends.get("restart draining", 0) == restarting
    starts = len(crowd.starts)
    for _ in range(100):
        crowd.step()
        crowd.look()
    for request in list(crowd.held):
        crowd.release(request)
    assert crowd.limiter.state.in_flight == crowd.limiter.state.waiting == 0
    assert (len(crowd.starts), crowd.time.clock.getDelayedCalls()) == (starts, [])


@pytest.mark.parametrize("slots", [1, 4, 40])
def test_after_a_back_off_a_crowd_drains_at_the_rate(slots: int) -> None:
    crowd = Crowd(0, slots, interval=0.25)
    for _ in range(200):
        crowd.arrive(crowd.release)
    crowd.time.advance(5.0)
    before = len(crowd.starts)
    crowd.back_off(3.0)
    opens_at = crowd.blocked_until
    crowd.time.advance(3.0 + 200 * 0.25)
    crowd.look()
    after = crowd.starts[before:]
    assert after == [opens_at + place * 0.25 for place in range(200 - before)]
    assert crowd.limiter.state == LimiterState(0, 0, 0.0)


def test_each_of_a_storm_of_429s_holds_the_whole_crowd_back() -> None:
    """Every start is answered 429 with two seconds, and tried once more."""
    crowd = Crowd(0, slots=4, interval=0.25)
    again: list[_Request] = []

    def meets_a_429(request: _Request) -> None:
        again.append(request)
        crowd.back_off(2.0)
        crowd.restart(request, 2.0)

    for _ in range(100):
        crowd.arrive(meets_a_429)
    while crowd.waiting or crowd.restarts():
        crowd.time.advance(0.25)
        crowd.look()
        for request in [each for each in crowd.held if each.restart_due is None]:
            crowd.release(request)
    gaps = [later - earlier for earlier, later in zip(crowd.starts, crowd.starts[1:], strict=False)]
    # Only a restart, which is answered well, is followed by the next start after the interval alone.
    assert all(gap >= 0.25 for gap in gaps)
    assert sum(gap >= 2.0 for gap in gaps) >= len(again) - 1
    assert crowd.ends["restarted"] == len(again)
    assert crowd.limiter.state == LimiterState(0, 0, 0.0)
