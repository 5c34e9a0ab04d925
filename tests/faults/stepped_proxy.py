"""The proxy in memory with two clocks: one that nobody sets, and a wall clock that the test sets.

Owns the clocks and the way a reactor follows them. What is timed in the proxy is the tests'.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ccmimolink.graph import build_graph
from ccmimolink.plugins import PluginSet
from ccmimolink.settings import Settings
from ccmimolink.timers import keep_steady
from tests.memory_proxy import SETTINGS, MemoryProxy, MemoryReactor

EPOCH = 1_800_000_000.0
"""What the wall clock shows at the beginning, in seconds since the epoch."""


class SteppedProxy(MemoryProxy):
    """:param steady: whether the reactor's timers go by the clock that nobody sets, as the program's do."""

    def __init__(
        self, patch: pytest.MonkeyPatch, settings: Mapping[str, str] | None = None, *, steady: bool = True
    ) -> None:
        self.reactor = MemoryReactor()
        self._set_by = 0.0
        if steady:
            assert keep_steady(self.reactor, self.monotonic)
        self.reactor.rightNow += 1000.0
        patch.setattr("time.time", self.wall)
        self.settings = Settings.from_environ(SETTINGS | dict(settings or {}))
        self.graph = build_graph(
            self.settings, PluginSet.load(third_party=False), self.reactor, monotonic=self.monotonic
        )
        self.services = self.graph.services
        self.clients = []

    def monotonic(self) -> float:
        return float(self.reactor.rightNow) - self._set_by

    def wall(self) -> float:
        return EPOCH + float(self.reactor.rightNow)

    def set_wall_clock(self, by: float) -> None:
        """Somebody sets the clock. No time passes."""
        self._set_by += by
        self.reactor.rightNow += by
        self.settle()

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps as small as a reactor's."""
        target = self.monotonic() + seconds
        while (left := target - self.monotonic()) > 1e-6:
            self.reactor.advance(min(0.25, left))
