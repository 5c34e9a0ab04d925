"""What one request went through: how far it came, when, and how often it was sent.

Owns these marks, for the log's one line about the request. It must not decide anything by them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


class Phase(enum.Enum):
    """How far a request has come. A further try goes back to ``QUEUED``."""

    RECEIVED = "received"
    QUEUED = "queued"
    CONNECTING = "connecting"
    SENT = "sent"
    ANSWERED = "answered"
    STREAMING = "streaming"
    ENDED = "ended"


@dataclass(slots=True)
class Journey:
    """The marks of one request. All times are of the monotonic clock.

    :ivar request_id: as the client knows it.
    :ivar began: when its body had come.
    :ivar queued: when it asked for a slot.
    :ivar started: when it had its slot and its token for the first time.
    :ivar tried: when the last try began.
    :ivar connected: when the last try had its connection, and the request went out.
    :ivar answered: when MiMo's headers for the last try were there.
    :ivar streamed: when the first event of its answer was there.
    :ivar retries: further tries, those of an amended request aside.
    :ivar amendments: how often the request was changed and sent again.
    """

    request_id: str
    monotonic: Callable[[], float]
    began: float
    phase: Phase = Phase.RECEIVED
    queued: float | None = None
    started: float | None = None
    tried: float | None = None
    connected: float | None = None
    answered: float | None = None
    streamed: float | None = None
    retries: int = 0
    amendments: int = 0

    @classmethod
    def begin(cls, request_id: str, monotonic: Callable[[], float]) -> Journey:
        return cls(request_id, monotonic, monotonic())

    def queue(self) -> None:
        """It waits: for its turn, or for a further try."""
        self.phase = Phase.QUEUED
        self.queued = self.monotonic() if self.queued is None else self.queued

    def start(self) -> None:
        """A try begins: it has its slot and its token."""
        self.phase = Phase.CONNECTING
        self.tried = self.monotonic()
        self.started = self.tried if self.started is None else self.started
        self.connected = self.answered = None

    def send(self) -> None:
        self.phase = Phase.SENT
        self.connected = self.monotonic()

    def answer(self) -> None:
        self.phase = Phase.ANSWERED
        self.answered = self.monotonic()

    def stream(self) -> None:
        self.phase = Phase.STREAMING
        self.streamed = self.monotonic()

    def end(self) -> None:
        self.phase = Phase.ENDED

    @property
    def waited(self) -> float | None:
        """Seconds of the wait for the first start, so far if it goes on."""
        if self.queued is None:
            return None
        return (self.monotonic() if self.started is None else self.started) - self.queued

    @property
    def until_streamed(self) -> float | None:
        """Seconds from the arrival to the first event of the answer."""
        return None if self.streamed is None else self.streamed - self.began

    @property
    def elapsed(self) -> float:
        """Seconds since the arrival."""
        return self.monotonic() - self.began

    def times(self) -> str:
        """The durations in seconds, for the log: the wait for the first turn, and those of the last try. Of a
        step that was not taken it is a hyphen."""
        now = self.monotonic()
        steps = {
            "queued": _between(self.queued, now if self.started is None else self.started),
            "connect": _between(self.tried, self.connected),
            "first byte": _between(self.connected, self.answered),
            "total": _between(self.began, now),
        }
        return ", ".join(f"{name} {value}" for name, value in steps.items())


def _between(start: float | None, end: float | None) -> str:
    return "-" if start is None or end is None else f"{end - start:.2f} s"
