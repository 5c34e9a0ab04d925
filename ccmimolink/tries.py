"""When a failed request is tried again.

Owns the limits of trying: those of one request, and those that all requests share. It must not send anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ccmimolink.core.errors import Failure
from ccmimolink.core.retry import retry_delay

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamPolicy:
    """All times in seconds.

    :ivar retries: further tries of one request.
    :ivar retry_budget: from the first start of a request, how long it may go on trying.
    :ivar back_off: the wait after a 429 that names none.
    """

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
        self._broke_after_sending = False
        self.made = 0

    def time_left(self) -> float:
        return self._policy.retry_budget - (self._monotonic() - self._first_start)

    def delay_after(self, trouble: Trouble) -> float | None:
        """Seconds until the next try, or None if there is to be none."""
        self.made += 1
        delay = trouble.failure.retry_after
        if delay is None:
            delay = retry_delay(self.made, base=_FIRST_DELAY, cap=_LONGEST_DELAY, jitter=self._jitter)
        if (
            not trouble.retryable
            or (trouble.sent and self._broke_after_sending)
            or self.made > self._policy.retries
            or delay > self.time_left()
        ):
            return None
        self._broke_after_sending = self._broke_after_sending or trouble.sent
        return delay


class Trouble(Exception):
    """One try failed.

    :ivar retryable: another try may help, and cannot do what this one may have done already.
    :ivar sent: the request may have reached MiMo, and may be billed.
    """

    def __init__(self, failure: Failure, *, retryable: bool, sent: bool = False) -> None:
        super().__init__(failure.message)
        self.failure, self.retryable, self.sent = failure, retryable, sent
