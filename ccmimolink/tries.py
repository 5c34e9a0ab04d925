"""When a failed request is tried again.

Owns the limits of trying: those of one request, and those that all requests share. It must not send anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ccmimolink.core.amend import MAX_AMENDMENTS
from ccmimolink.core.errors import Failure
from ccmimolink.core.retry import RETRIES, Again, Fault, Rule, retry_delay

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 8.0
_FUNDS_DELAY = 3.0
"""Seconds after a 402. A token plan answers so to a burst of requests as well, which is over then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamPolicy:
    """All times in seconds.

    :ivar connecting_timeout: until there is a connection, its host name looked up and its TLS agreed upon.
    :ivar first_byte_timeout: until the headers of the answer are there.
    :ivar retries: further tries of one request.
    :ivar retry_budget: from the first start of a request, how long it may go on trying.
    :ivar back_off: the wait after a 429 that names none.
    """

    connecting_timeout: float
    first_byte_timeout: float
    retries: int
    retry_budget: float
    back_off: float


class SharedRetryBudget:
    """The retries that all requests together may make, so that a storm of failures is not multiplied.

    A bucket of tokens: a retry takes one, time gives them back.
    """

    def __init__(
        self, monotonic: Callable[[], float], *, capacity: int = 20, refill_interval: float = 3.0
    ) -> None:
        self._monotonic, self._capacity, self._refill_interval = monotonic, capacity, refill_interval
        self._tokens = float(capacity)
        self._counted_at = monotonic()

    def take(self) -> bool:
        at = self._monotonic()
        self._tokens = min(self._capacity, self._tokens + (at - self._counted_at) / self._refill_interval)
        self._counted_at = at
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Tries:
    """The tries of one request: how many there were, and whether another is due.

    :ivar made: failed tries so far.
    """

    def __init__(
        self, policy: UpstreamPolicy, monotonic: Callable[[], float], jitter: Callable[[], float]
    ) -> None:
        self._policy, self._monotonic, self._jitter = policy, monotonic, jitter
        self._first_start = monotonic()
        self._had: set[Fault] = set()
        self._amendments = 0
        self.made = 0

    def time_left(self) -> float:
        return self._policy.retry_budget - (self._monotonic() - self._first_start)

    def delay_after(self, trouble: Trouble) -> float | None:
        """Seconds until the next try, or None if there is to be none."""
        self.made += 1
        fault, again = trouble.fault, trouble.rule.again
        delay = trouble.failure.retry_after
        if delay is None:
            delay = self._delay(fault)
        if (
            again is Again.NEVER
            or (again is Again.ONCE and fault in self._had)
            or self.made > self._policy.retries
            or delay > self.time_left()
        ):
            return None
        self._had.add(fault)
        return delay

    def _delay(self, fault: Fault) -> float:
        if fault is Fault.NO_FUNDS:
            return _FUNDS_DELAY
        return retry_delay(self.made, base=_FIRST_DELAY, cap=_LONGEST_DELAY, jitter=self._jitter)

    def may_amend(self) -> bool:
        """Whether a refused request may be sent again with another body, which counts as no retry."""
        return self._amendments < MAX_AMENDMENTS

    def count_amendment(self) -> None:
        self._amendments += 1


class Trouble(Exception):
    """One try failed: what the client would be told of it, and what it means for another try."""

    def __init__(self, failure: Failure, fault: Fault) -> None:
        super().__init__(failure.message)
        self.failure, self.fault = failure, fault

    @property
    def rule(self) -> Rule:
        return RETRIES[self.fault]
