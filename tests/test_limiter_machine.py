"""Random traffic through the limiter, beside a model that says who may start, who must, and who must not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ccmimolink.core.errors import FailureKind, LocalError
from ccmimolink.limiter import LimiterState, Permit, UpstreamLimiter
from tests.limiter_time import Time


@dataclass(eq=False)
class _Request:
    """What the model knows of one request."""

    since: float
    deferred: Deferred[None] | None = None
    permit: Permit | None = None
    restart_due: float | None = None
    over: bool = False
    error: BaseException | None = None


class LimiterMachine(RuleBasedStateMachine):
    """Each rule is a call or a step of time; the callbacks check the order, the invariants all the rest."""

    MAX_WAITING = 5
    MAX_WAIT = 12.0

    @initialize(slots=st.integers(1, 3), interval=st.sampled_from([0.0, 0.5, 1.5]))
    def build(self, slots: int, interval: float) -> None:
        self.time = Time()
        self.slots = slots
        self.interval = interval
        self.fresh: list[_Request] = []
        self.held: list[_Request] = []
        self.last_start = -math.inf
        self.blocked_until = -math.inf
        self.limiter = UpstreamLimiter(
            self.time.clock,
            max_concurrent=slots,
            min_interval=interval,
            max_waiting=self.MAX_WAITING,
            max_wait=self.MAX_WAIT,
            monotonic=self.time.monotonic,
        )

    def _token(self) -> bool:
        return self.time.monotonic() >= max(self.last_start + self.interval, self.blocked_until)

    def _due_restarts(self) -> list[_Request]:
        now = self.time.monotonic()
        due = [
            request for request in self.held if request.restart_due is not None and request.restart_due <= now
        ]
        return sorted(due, key=lambda request: request.restart_due or 0.0)

    def _token_for_fresh(self) -> bool:
        back = self.time.monotonic() + self.interval
        delayed = [request.restart_due for request in self.held if request.restart_due is not None]
        return self._token() and not self._due_restarts() and all(due >= back for due in delayed)

    def _note_start(self) -> None:
        assert self._token(), "started too close to another, or during a back-off"
        self.last_start = self.time.monotonic()

    @rule(brief=st.booleans())
    def acquire(self, brief: bool) -> None:
        request = _Request(self.time.monotonic())
        can_start = len(self.held) < self.slots and self._token_for_fresh()
        expect_refusal = len(self.fresh) >= self.MAX_WAITING and not can_start
        self.fresh.append(request)

        def started(permit: Permit) -> None:
            assert self.fresh[0] is request, "overtook an earlier request"
            assert self._token_for_fresh(), "overtook a restart"
            assert len(self.held) < self.slots, "more in flight than allowed"
            self._note_start()
            self.fresh.remove(request)
            if brief:
                permit.release()
            else:
                request.permit = permit
                self.held.append(request)

        def failed(reason: Failure) -> None:
            self.fresh.remove(request)
            request.error = reason.value

        request.deferred = self.limiter.acquire().addCallbacks(started, failed)
        request.deferred.addErrback(self._remember)
        assert expect_refusal == _is_queue_full(request.error)

    def _remember(self, reason: Failure) -> None:
        self.broken = reason

    broken: Failure | None = None

    @precondition(lambda self: self.fresh)
    @rule(data=st.data())
    def cancel_a_waiter(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.fresh))
        assert request.deferred is not None
        request.deferred.cancel()
        assert isinstance(request.error, CancelledError)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.held))
        assert request.permit is not None
        self.held.remove(request)
        request.restart_due = None
        request.permit.release()

    @precondition(lambda self: any(request.restart_due is None for request in self.held))
    @rule(data=st.data(), delay=st.sampled_from([0.0, 0.5, 2.0]))
    def restart(self, data: st.DataObject, delay: float) -> None:
        request = data.draw(st.sampled_from([each for each in self.held if each.restart_due is None]))
        assert request.permit is not None
        request.restart_due = self.time.monotonic() + delay

        def started(_: None) -> None:
            assert request.restart_due == self._due_restarts()[0].restart_due, "overtook an earlier restart"
            self._note_start()
            request.restart_due = None

        def failed(reason: Failure) -> None:
            request.restart_due = None
            request.error = reason.value

        request.deferred = request.permit.restart(delay).addCallbacks(started, failed)
        request.deferred.addErrback(self._remember)

    @precondition(lambda self: any(request.restart_due is not None for request in self.held))
    @rule(data=st.data())
    def cancel_a_restart(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from([each for each in self.held if each.restart_due is not None]))
        assert request.deferred is not None
        request.deferred.cancel()
        assert isinstance(request.error, CancelledError)

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.0, 4.0]))
    def back_off(self, seconds: float) -> None:
        self.blocked_until = max(self.blocked_until, self.time.monotonic() + seconds)
        self.limiter.back_off(seconds)

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.5, 5.0]))
    def advance(self, seconds: float) -> None:
        self.time.advance(seconds)

    @rule(by=st.sampled_from([-3600.0, -0.5, 0.5, 3600.0]))
    def set_the_wall_clock(self, by: float) -> None:
        self.time.set_wall_clock(by)
        self.limiter.back_off(0.0)  # any call puts a timer right that is late

    @invariant()
    def whoever_may_start_has_started(self) -> None:
        if self._token():
            assert not self._due_restarts()
        if self._token_for_fresh():
            assert not self.fresh or len(self.held) == self.slots

    @invariant()
    def nobody_waits_too_long(self) -> None:
        assert all(self.time.monotonic() < request.since + self.MAX_WAIT for request in self.fresh)

    @invariant()
    def the_state_is_true(self) -> None:
        restarting = sum(request.restart_due is not None for request in self.held)
        assert self.limiter.state == LimiterState(
            in_flight=len(self.held) - restarting,
            waiting=len(self.fresh) + restarting,
            back_off_left=max(0.0, self.blocked_until - self.time.monotonic()),
        )

    @invariant()
    def there_is_one_timer_and_only_while_someone_waits(self) -> None:
        assert len(self.time.clock.getDelayedCalls()) == (1 if self.limiter.state.waiting else 0)

    @invariant()
    def no_expectation_was_broken_inside_a_callback(self) -> None:
        if self.broken is not None:
            self.broken.raiseException()

    def teardown(self) -> None:
        if not hasattr(self, "limiter"):
            return
        for request in list(self.held):
            assert request.permit is not None
            self.held.remove(request)
            request.restart_due = None
            request.permit.release()
        self.limiter.stop()
        self.no_expectation_was_broken_inside_a_callback()
        assert not self.fresh
        for request in self.held:  # started by the releases above
            assert request.permit is not None
            request.permit.release()
        assert self.limiter.state.in_flight == 0
        assert self.time.clock.getDelayedCalls() == []


def _is_queue_full(error: BaseException | None) -> bool:
    return isinstance(error, LocalError) and error.failure.kind is FailureKind.QUEUE_FULL


TestLimiterMachine = LimiterMachine.TestCase
TestLimiterMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
