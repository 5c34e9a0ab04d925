"""Activity: the last requests that are over, and whoever is told of each.

Owns a bounded memory. It must not know who listens, and costs nothing beside it where nobody does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ccmimolink.activity.values import Finished

KEPT = 1000
"""Requests: some hours of work, and less than a megabyte."""


class Activity:
    """:ivar recent: the last requests, the eldest first."""

    def __init__(self, kept: int = KEPT) -> None:
        self.recent: deque[Finished] = deque(maxlen=kept)
        self._listeners: dict[Callable[[Finished], None], None] = {}

    def add(self, finished: Finished) -> None:
        """A request is over. Each listener is told at once, and must not raise."""
        self.recent.append(finished)
        for listener in list(self._listeners):
            listener(finished)

    def listen(self, listener: Callable[[Finished], None]) -> Callable[[], None]:
        """Have it called with each request that is over; returns what ends that."""
        self._listeners[listener] = None

        def forget() -> None:
            self._listeners.pop(listener, None)

        return forget
