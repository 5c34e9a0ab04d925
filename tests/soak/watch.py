"""What a running proxy takes of the machine, sampled while it works, and whether that stays flat.

Owns the figures and their bounds. The last word on a figure is a comparison of medians: a single sample says
little about a program that is busy.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.http_wire import body_of, request
from tests.soak.client import Connection

PROBE = "soak-probe"
WARM_UP = 0.34
"""The share of a phase whose samples do not count: caches fill, and the heap takes its working size."""


@dataclass(frozen=True)
class Bound:
    """How much higher the second half's median may be than the first's, and what is left at rest.

    :ivar share: of the first half's median.
    :ivar least: in the figure's unit, whatever the share.
    :ivar at_rest: how much more than before the load may be left; None: it says nothing then.
    """

    share: float
    least: float
    at_rest: float | None


BOUNDS = {
    # A heap of 70 MB is not compacted; what leaks with each of some thousand requests is soon more than this.
    "resident MB": Bound(0.05, 4, None),
    # As many connections as there are workers come and go, so it swings with them; a leak goes on rising.
    # The sharp look is the one at rest: there is none, so nothing may be left.
    "descriptors": Bound(0.25, 25, 0),
    # The reactor's pool starts one when all it has are taken (each connection to the upstream asks the
    # resolver in one), up to ten, and keeps them.
    "threads": Bound(0, 10, 10),
    # A handful for each request in progress, and it swings with those too. At rest, those of the listener.
    "delayed calls": Bound(0.25, 25, 0),
    # What is alive, and garbage in cycles until the next full collection. At rest that is done before.
    # Stored responses, remembered calls and parsed tools stay, as many as their limits allow.
    "objects": Bound(0.15, 10_000, 15_000),
}


@dataclass
class Series:
    """:ivar before: the figures before the load; ``after``: at rest behind it."""

    pid: int
    port: int
    samples: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in BOUNDS})
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    async def figures(self, *, collected: bool = False) -> dict[str, float]:
        """All of them, now."""
        model = f"{PROBE}-collected" if collected else PROBE
        answer = await ask(self.port, request("POST", "/v1/responses", body_of(model=model, stream=False)))
        counted: dict[str, float] = json.loads(json.loads(answer)["error"]["message"])
        return _outside(self.pid) | counted

    async def sample(self, until: float, every: float = 1.0) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            for name, value in (await self.figures()).items():
                self.samples[name].append(value)
            await asyncio.sleep(every)

    async def rest(self, patience: float) -> None:
        """Wait until nothing is left that may not be, or until it is clear that it stays."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while True:
            self.after = await self.figures(collected=True)
            if not self._left() or loop.time() > deadline:
                return
            await asyncio.sleep(1)

    def halves(self, name: str) -> tuple[float, float]:
        counted = self.samples[name][int(len(self.samples[name]) * WARM_UP) :]
        middle = len(counted) // 2
        return median(counted[:middle]), median(counted[middle:])

    def problems(self) -> list[str]:
        found = self._left()
        for name, bound in BOUNDS.items():
            first, second = self.halves(name)
            if second - first > max(bound.share * first, bound.least):
                found.append(f"{name} grew from {first:g} to {second:g} under load")
        return found

    def _left(self) -> list[str]:
        return [
            f"{name}: {self.before[name]:g} before the load and {self.after[name]:g} at rest after it"
            for name, bound in BOUNDS.items()
            if bound.at_rest is not None and self.after[name] - self.before[name] > bound.at_rest
        ]

    def rows(self) -> Sequence[tuple[str, ...]]:
        """The table: figure, before, first half, second half, highest, at rest."""
        return [
            (
                name,
                *(
                    f"{value:.1f}"
                    for value in (
                        self.before[name],
                        *self.halves(name),
                        max(self.samples[name]),
                        self.after[name],
                    )
                ),
            )
            for name in BOUNDS
        ]


def _outside(pid: int) -> dict[str, float]:
    """What the kernel tells of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return {
        "resident MB": int(status["VmRSS"].split()[0]) / 1024,
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": int(status["Threads"]),
    }


async def ask(port: int, data: bytes) -> bytes:
    """The body that answers a request, over a connection that is closed by then."""
    connection = await Connection.to(port)
    try:
        connection.writer.write(data)
        _, headers = await connection.head()
        return await connection.body(headers)
    finally:
        connection.close()
        with suppress(OSError):
            await connection.writer.wait_closed()
