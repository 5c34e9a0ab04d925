"""What a faulty upstream does with one connection or one request, as values, and the one player of them.

Owns the steps. It must not know HTTP: bytes are made by ``tests.http_wire`` and by the catalogue of faults.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer


@dataclass(frozen=True, slots=True)
class Send:
    """These bytes in one write."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Trickle:
    """These bytes, one at a time."""

    data: bytes
    interval: float = 0.0


@dataclass(frozen=True, slots=True)
class Flood:
    """The same bytes over and over, as fast as the peer reads them. None: without an end."""

    data: bytes
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """An orderly end, after what was sent before has left."""


@dataclass(frozen=True, slots=True)
class Reset:
    """A TCP reset, now."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing more, ever; the connection stays open."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing until the player is told to go on: the test has seen what came before take effect."""


Step = Send | Wait | Trickle | Flood | Close | Reset | Stall | Hold
Script = tuple[Step, ...]
"""Played in order. After the last step the connection is open, and the next request on it may come."""


@implementer(IPushProducer)
class ScriptPlayer:
    """Plays scripts on one connection, one after the other.

    :ivar flooded: bytes that floods have written so far.
    :ivar holding: whether it waits at a :class:`Hold`.
    """

    def __init__(self, transport: Any, clock: IReactorTime) -> None:
        self._transport, self._clock = transport, clock
        self._steps: list[Step] = []
        self._call: IDelayedCall | None = None
        self._flood: Flood | None = None
        self._paused = self._stalled = self._over = False
        self.flooded = 0
        self.holding = False

    def play(self, script: Script) -> None:
        self._steps += script
        if self._call is None and self._flood is None and not self.holding:
            self._go_on()

    @property
    def busy(self) -> bool:
        """Whether it will do something more by itself."""
        return self._call is not None or self._flood is not None

    def release(self) -> None:
        """Go on after a hold. Without one this does nothing."""
        if self.holding:
            self.holding = False
            self._go_on()

    def stop(self) -> None:
        """The connection is gone, or the test is over. Nothing is left in the reactor."""
        self._over = True
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        if self._flood is not None:
            self._end_flood()

    def _go_on(self) -> None:
        self._call = None
        while self._steps and not self._over and not self._stalled:
            step = self._steps.pop(0)
            match step:
                case Send(data):
                    self._transport.write(data)
                case Close():
                    self._transport.loseConnection()
                case Reset():
                    self._transport.abortConnection()
                case Stall():
                    self._stalled = True
                case Hold():
                    self.holding = True
                    return
                case Wait(seconds):
                    self._call = self._clock.callLater(seconds, self._go_on)
                    return
                case Trickle(data, interval):
                    self._transport.write(data[:1])
                    if len(data) > 1:
                        self._steps.insert(0, Trickle(data[1:], interval))
                    self._call = self._clock.callLater(interval, self._go_on)
                    return
                case Flood():
                    self._flood, self._left = step, step.times
                    self._paused = False
                    self._transport.registerProducer(self, True)
                    self._pour()
                    return

    # -- a flood, as a producer ------------------------------------------------------------------------------

    def _pour(self) -> None:
        """A handful of writes, then a turn of the reactor for everyone else."""
        self._call = None
        flood = self._flood
        for _ in range(16):
            if flood is None or self._paused or self._over:
                return
            if self._left == 0:
                self._end_flood()
                self._go_on()
                return
            self._transport.write(flood.data)
            self.flooded += len(flood.data)
            if self._left is not None:
                self._left -= 1
        self._call = self._clock.callLater(0, self._pour)

    def _end_flood(self) -> None:
        self._flood = None
        self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        if self._call is None and not self._over:
            self._call = self._clock.callLater(0, self._pour)

    def stopProducing(self) -> None:
        self._over = True
