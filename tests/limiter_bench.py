"""A limiter on a bench: requests by name, and a note of what became of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ccmimolink.core.errors import LocalError
from ccmimolink.limiter import Permit, UpstreamLimiter
from tests.limiter_time import Time


@dataclass
class Bench:
    """A limiter and a note of everything that started."""

    max_concurrent: int = 1
    min_interval: float = 1.5
    max_waiting: int = 100
    max_waiting_bytes: float = math.inf
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
            max_waiting_bytes=self.max_waiting_bytes,
            max_wait=self.max_wait,
            monotonic=self.time.monotonic,
        )

    def acquire(self, name: str, *, brief: bool = False, size: int = 0) -> Deferred[None]:
        """Queue a request. A brief one releases its permit at the moment when it starts."""

        def started(permit: Permit) -> None:
            self.starts.append((self.time.monotonic(), name))
            self.permits[name] = permit
            if brief:
                permit.release()

        return self.limiter.acquire(size).addCallbacks(
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
