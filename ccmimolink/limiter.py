"""The pace of the upstream: how many requests run at once, and how close together they start.

Owns the slots (a :class:`DeferredSemaphore`), the token bucket of capacity 1, the back-off after a 429 and
the queue before them. It must not know what a request is, decide about a retry, or read settings.

A request takes a slot first and a token then, at the moment of its start. The clock of timers may follow
the wall clock, so the timer here only says *look again*; what time it is, the monotonic clock decides. There
is at most one timer, and none while nobody waits.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, DeferredSemaphore, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ccmimolink.core.errors import Failure, FailureKind, LocalError

LONGEST_TIMER = 1.0
"""Seconds. A clock that is set back holds the timer up by as much, so every call here renews it as well."""

SHORTEST_TIMER = 0.001
"""Seconds. A timer that fired a rounding error too early must not spin."""


@dataclass(frozen=True, slots=True)
class LimiterState:
    """What ``/health`` shows. A request is either in flight or waiting, never both.

    :ivar in_flight: requests that started and were not released.
    :ivar waiting: requests that want to start, those that want to start again included.
    :ivar back_off_left: seconds until the back-off ends; 0 without one.
    """

    in_flight: int
    waiting: int
    back_off_left: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request stands that waits.

    :ivar position: in the order of the starts, from 1.
    :ivar starts_in: seconds that it waits at least, whoever else leaves.
    """

    position: int
    starts_in: float


class Permit:
    """A started request's slot. Its holder must release it exactly once, whatever happens."""

    def __init__(self, limiter: UpstreamLimiter) -> None:
        self._limiter = limiter
        self._released = False
        self._pending: Deferred[None] | None = None

    def release(self) -> None:
        """Give the slot back. A restart that is still pending is cancelled.

        :raises RuntimeError: when it was released before.
        """
        if self._released:
            raise RuntimeError("this permit was released before")
        self._released = True
        if self._pending is not None:
            self._pending.cancel()
        self._limiter._release_slot()

    def restart(self, delay: float = 0.0) -> Deferred[None]:
        """Fire when the same request may start again: after ``delay`` seconds at least, and with a token.

        The slot stays taken. It goes before every request that has not started yet: while the delay lasts,
        such a request starts only where the token it takes is back in time. Cancelling the Deferred withdraws
        the wish; the permit must still be released.

        :raises RuntimeError: when the permit was released, or a restart is pending.
        """
        _check("delay", delay)
        if self._released:
            raise RuntimeError("a released permit cannot restart")
        if self._pending is not None:
            raise RuntimeError("a restart is pending")
        return self._limiter._restart(self, delay)


@dataclass(eq=False, slots=True)
class _Waiter:
    """A request that has not started yet. ``slot`` is the wish for a slot; None once it is granted."""

    since: float
    size: int
    deferred: Deferred[Permit] = field(init=False)
    slot: Deferred[DeferredSemaphore] | None = None


@dataclass(eq=False, slots=True)
class _Restart:
    """A request that keeps its slot and wants to start again, not before ``due``."""

    permit: Permit
    due: float
    deferred: Deferred[None] = field(init=False)


class UpstreamLimiter:
    """At most ``max_concurrent`` requests in flight, and ``min_interval`` seconds between their starts.

    :param clock: carries the timer.
    :param max_waiting: requests that may wait for their first start; one more is refused at once.
    :param max_waiting_bytes: what those that wait may hold together; one more that is too much is refused.
    :param max_wait: seconds after which a request that has not started is refused.
    :param monotonic: seconds on a clock that nobody sets, such as ``time.monotonic``.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        max_concurrent: int,
        min_interval: float,
        max_waiting: int,
        max_wait: float,
        monotonic: Callable[[], float],
        max_waiting_bytes: float = math.inf,
    ) -> None:
        if max_concurrent < 1:
            raise ValueError(f"max_concurrent must be at least 1, not {max_concurrent}")
        _check("min_interval", min_interval)
        _check("max_waiting", max_waiting)
        _check("max_wait", max_wait)
        self._clock = clock
        self._monotonic = monotonic
        self._max_concurrent = max_concurrent
        self._min_interval = min_interval
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._max_wait = max_wait
        self._slots = DeferredSemaphore(max_concurrent)
        self._waiting_bytes = 0
        self._waiters: dict[_Waiter, None] = {}  # all that have not started, in the order of their arrival
        self._at_token: deque[_Waiter] = deque()  # those of them that hold a slot
        self._restarts: list[_Restart] = []  # by the time that they are due
        self._refilled_at = -math.inf
        self._blocked_until = -math.inf
        self._timer: IDelayedCall | None = None
        self._running = False
        self._stopped = False

    @property
    def state(self) -> LimiterState:
        """The present numbers, in constant time."""
        holding = self._max_concurrent - self._slots.tokens
        restarting = len(self._restarts)
        return LimiterState(
            in_flight=holding - len(self._at_token) - restarting,
            waiting=len(self._waiters) + restarting,
            back_off_left=self._back_off_left(),
        )

    def place_of(self, waiting: Deferred[Permit] | Permit) -> Place | None:
        """The place of who waits for a permit, or with one for a restart; None for others."""
        now = self._monotonic()
        opens_in = max(0.0, self._opens_at() - now)
        for position, restart in enumerate(self._restarts, 1):
            if restart.permit is waiting:
                return Place(position, max(opens_in, restart.due - now))
        for position, waiter in enumerate(self._waiters, len(self._restarts) + 1):
            if waiter.deferred is waiting:
                return Place(position, opens_in)
        return None

    def acquire(self, size: int = 0) -> Deferred[Permit]:
        """Fire with a :class:`Permit` at the moment when the request may start, first come, first served.

        Cancelling the Deferred leaves the queue. It fails with :class:`LocalError`: ``QUEUE_FULL`` when too
        many or too much wait, or it waited too long, ``RATE_LIMITED`` when a back-off outlasts the longest
        wait, ``DRAINING`` after :meth:`stop`. A permit that it has fired with must be released, cancelled or
        not.

        :param size: bytes that are held for the request while it waits.
        """
        if self._stopped:
            return fail(_draining())
        self._run()
        if (left := self._back_off_left()) > self._max_wait:
            return fail(_backing_off(left))
        if (objection := self._objection(size)) and not self._can_start_now():
            return fail(self._queue_full(objection))
        waiter = _Waiter(self._monotonic(), size)
        waiter.deferred = Deferred(lambda _: self._leave(waiter))
        self._waiters[waiter] = None
        self._waiting_bytes += size
        waiter.slot = self._slots.acquire()
        # It fails only when _leave cancels it, and then the waiter's own Deferred tells of it.
        waiter.slot.addCallbacks(lambda _: self._at_slot(waiter), lambda _: None)
        self._run()
        return waiter.deferred

    def back_off(self, seconds: float) -> None:
        """Empty the bucket, and let nothing start for ``seconds``. Of two back-offs the later end counts."""
        _check("seconds", seconds)
        self._blocked_until = max(self._blocked_until, self._monotonic() + seconds)
        self._run()

    def stop(self) -> None:
        """Refuse everyone who waits, and everyone to come. Permits may still be released."""
        self._stopped = True
        self._set_timer()
        # One by one: whoever is refused may cancel or release others in turn.
        while self._restarts:
            restart = self._restarts[0]
            self._withdraw(restart)
            restart.deferred.errback(_draining())
        while self._waiters:
            self._refuse(next(iter(self._waiters)), _draining())

    # What the permits call.

    def _release_slot(self) -> None:
        self._slots.release()
        self._run()

    def _restart(self, permit: Permit, delay: float) -> Deferred[None]:
        if self._stopped:
            return fail(_draining())
        restart = _Restart(permit, self._monotonic() + delay)
        restart.deferred = permit._pending = Deferred(lambda _: self._withdraw(restart))
        insort(self._restarts, restart, key=lambda entry: entry.due)
        self._run()
        return restart.deferred

    # The queue.

    def _at_slot(self, waiter: _Waiter) -> None:
        waiter.slot = None
        self._at_token.append(waiter)

    def _leave(self, waiter: _Waiter) -> None:
        """Take a waiter out of the queue, wherever it stands, and let the others move up."""
        self._forget(waiter)
        if waiter.slot is not None:
            waiter.slot.cancel()
        else:
            self._at_token.remove(waiter)
            self._slots.release()
        self._run()

    def _forget(self, waiter: _Waiter) -> None:
        del self._waiters[waiter]
        self._waiting_bytes -= waiter.size

    def _objection(self, size: int) -> str:
        """Why the queue has no room for one more, or nothing."""
        if len(self._waiters) >= self._max_waiting:
            return _too_many(len(self._waiters))
        if self._waiting_bytes + size > self._max_waiting_bytes:
            return _too_much(self._waiting_bytes)
        return ""

    def _withdraw(self, restart: _Restart) -> None:
        self._restarts.remove(restart)
        restart.permit._pending = None
        self._run()

    def _refuse(self, waiter: _Waiter, error: LocalError) -> None:
        self._leave(waiter)
        waiter.deferred.errback(error)

    # Time.

    def _opens_at(self) -> float:
        return max(self._refilled_at, self._blocked_until)

    def _back_off_left(self) -> float:
        return max(0.0, self._blocked_until - self._monotonic())

    def _can_start_now(self) -> bool:
        now = self._monotonic()
        return self._slots.tokens > 0 and now >= self._opens_at() and not self._would_delay_restart(now)

    def _would_delay_restart(self, start: float) -> bool:
        """Whether a token taken at ``start`` would be missing when the next restart is due."""
        return bool(self._restarts) and self._restarts[0].due < start + self._min_interval

    def _run(self) -> None:
        """Do all that is due, and set the timer for the rest.

        What a start or a refusal sets off may call back in here; the outermost call does the work, so the
        stack stays flat however many requests fail at once.
        """
        if self._running or self._stopped:
            return
        self._running = True
        try:
            while self._start_next() or self._refuse_overdue():
                pass
        finally:
            self._running = False
        self._set_timer()

    def _start_next(self) -> bool:
        now = self._monotonic()
        if now < self._opens_at():
            return False
        if self._restarts and self._restarts[0].due <= now:
            self._refilled_at = now + self._min_interval
            restart = self._restarts.pop(0)
            restart.permit._pending = None
            restart.deferred.callback(None)
        elif self._at_token and not self._would_delay_restart(now):
            self._refilled_at = now + self._min_interval
            waiter = self._at_token.popleft()
            self._forget(waiter)
            waiter.deferred.callback(Permit(self))
        else:
            return False
        return True

    def _refuse_overdue(self) -> bool:
        eldest = next(iter(self._waiters), None)
        if eldest is None or self._monotonic() < eldest.since + self._max_wait:
            return False
        self._refuse(eldest, self._queue_full(_too_long(self._max_wait)))
        return True

    def _set_timer(self) -> None:
        due = math.inf if self._stopped else self._next_due()
        if due == math.inf:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        delay = min(LONGEST_TIMER, max(SHORTEST_TIMER, due - self._monotonic()))
        if self._timer is None:
            self._timer = self._clock.callLater(delay, self._timer_fired)
        else:
            self._timer.reset(delay)

    def _next_due(self) -> float:
        opens_at = max(self._opens_at(), self._monotonic())
        start = opens_at if self._at_token and not self._would_delay_restart(opens_at) else math.inf
        restart = max(opens_at, self._restarts[0].due) if self._restarts else math.inf
        eldest = next(iter(self._waiters), None)
        refusal = math.inf if eldest is None else eldest.since + self._max_wait
        return min(start, restart, refusal)

    def _timer_fired(self) -> None:
        self._timer = None
        self._run()

    def _queue_full(self, message: str) -> LocalError:
        drained_in = self._back_off_left() + len(self._waiters) * self._min_interval
        return LocalError(Failure(FailureKind.QUEUE_FULL, message, retry_after=max(1.0, drained_in)))


def _too_many(waiting: int) -> str:
    return (
        f"{waiting} requests are waiting for the upstream already, as many as MIMO_PROXY_MAX_WAITING allows. "
        "Try again later, or raise it."
    )


def _too_much(size: int) -> str:
    return (
        f"Requests of {size} bytes are waiting for the upstream already, and with this one they would be "
        "more than MIMO_PROXY_MAX_WAITING_BYTES allows. Try again later, or raise it."
    )


def _too_long(seconds: float) -> str:
    return (
        f"The request waited {seconds:g} s for its turn at the upstream, as long as MIMO_PROXY_MAX_WAIT_MS "
        "allows. Try again later, or raise it."
    )


def _backing_off(seconds: float) -> LocalError:
    message = f"MiMo's rate limit is reached; {math.ceil(seconds)} s of its back-off are left."
    return LocalError(Failure(FailureKind.RATE_LIMITED, message, retry_after=seconds))


def _draining() -> LocalError:
    return LocalError(Failure(FailureKind.DRAINING, "The proxy is shutting down."))


def _check(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a finite number and at least 0, not {value}")
