"""``python -m tests.soak --clean SECONDS --faulty SECONDS [--streams N] [--seed N]``: the proxy under load.

Starts the program and its upstream, each as a process of its own, once for each phase, and prints a table of
figures. Exit status 1, and a list of problems, where something does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.processes import (
    CHECKOUT,
    clean_environ,
    free_port,
    killed_on_failure,
    listens,
    start,
    stop,
    wait_until,
)
from tests.e2e.proxy import FAKE_KEY, Proxy
from tests.http_wire import request
from tests.soak.client import PATIENCE, Broken, Verdicts, one_of_any_behaviour, well_behaved
from tests.soak.watch import Series, ask

REST = 60.0
"""Seconds for the proxy to let go of everything. Its pool keeps connections for 30."""

COMMON = {
    "MIMO_API_KEY": FAKE_KEY,
    "MIMO_PROXY_STORE_ENTRIES": "20",
    "MIMO_PROXY_REASONING_CACHE_ENTRIES": "20",
    "MIMO_PROXY_LOG_BYTES": "262144",
    "MIMO_PROXY_LOG_FILES": "2",
}
CLEAN = {"MIMO_PROXY_MAX_CONCURRENT": "100"}
FAULTY = {
    # Fewer than there are workers, so that some wait.
    "MIMO_PROXY_MAX_CONCURRENT": "30",
    "MIMO_PROXY_MAX_WAIT_MS": "5000",
    "MIMO_PROXY_RETRIES": "2",
    "MIMO_PROXY_RETRY_BUDGET_MS": "3000",
    "MIMO_PROXY_429_BACKOFF_MS": "100",
    "MIMO_PROXY_CONNECT_TIMEOUT_MS": "1000",
    "MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS": "1500",
    "MIMO_PROXY_IDLE_TIMEOUT_MS": "1500",
    "MIMO_PROXY_SLOW_CLIENT_TIMEOUT_MS": "1500",
    "MIMO_PROXY_REQUEST_TIMEOUT_MS": "3000",
    "MIMO_PROXY_KEEPALIVE_MS": "500",
    "MIMO_PROXY_MAX_ANSWER_BYTES": "262144",
}


LEAST_EACH = 5
"""Requests of each worker, or it was no load."""

LEAST_KINDS = 5
"""Ways in which requests ended where there are faults, or there were none."""


@dataclass
class Phase(ABC):
    """One proxy under one kind of load."""

    name: str
    workers: int
    seconds: float
    proxy: Proxy
    series: Series
    verdicts: Verdicts = field(default_factory=Verdicts)

    async def load(self, rng: random.Random) -> None:
        self.series.before = await self.series.figures(collected=True)
        until = asyncio.get_running_loop().time() + self.seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(self.series.sample(until))
            for _ in range(self.workers):
                group.create_task(self._work(random.Random(rng.random()), until))

    @abstractmethod
    async def _work(self, rng: random.Random, until: float) -> None:
        """Ask until it is over."""

    async def rest(self) -> None:
        await self.series.rest(REST)
        health = json.loads(await ask(self.proxy.port, request("GET", "/health")))
        for name in ("in_flight", "waiting", "requests"):
            if health[name] != 0:
                self.verdicts.problem(f"/health shows {health[name]} {name} at rest")

    def problems(self) -> list[str]:
        hung = [f"{self.verdicts.hung} requests hung"] if self.verdicts.hung else []
        count = self.verdicts.outcomes.total()
        idle = [f"there were {count} requests only"] if count < LEAST_EACH * self.workers else []
        return [*hung, *idle, *self.verdicts.problems, *self.series.problems()]

    def show(self) -> None:
        outcomes = self.verdicts.outcomes
        print(f"\n{self.name}: {self.workers} at a time for {self.seconds:g} s, {outcomes.total()} requests")
        print("  " + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
        print(f"  {'':<14}{'before':>10}{'1st half':>10}{'2nd half':>10}{'highest':>10}{'at rest':>10}")
        for name, *figures in self.series.rows():
            print(f"  {name:<14}" + "".join(f"{figure:>10}" for figure in figures), flush=True)


class CleanPhase(Phase):
    async def _work(self, rng: random.Random, until: float) -> None:
        # Not all at once: a turn of the reactor is no second.
        await asyncio.sleep(rng.uniform(0, 1))
        await well_behaved(self.proxy.port, self.verdicts, rng, until)


class FaultyPhase(Phase):
    def problems(self) -> list[str]:
        kinds = len(self.verdicts.outcomes)
        alike = [f"there were {kinds} kinds of ends only"] if kinds < LEAST_KINDS else []
        return [*alike, *super().problems()]

    async def _work(self, rng: random.Random, until: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            try:
                async with asyncio.timeout(PATIENCE) as limit:
                    outcome = await one_of_any_behaviour(self.proxy.port, self.verdicts, rng)
            except TimeoutError:
                if not limit.expired():
                    raise
                self.verdicts.hung += 1
                outcome = "hung"
            except (Broken, ValueError, KeyError) as error:
                self.verdicts.problem(f"{type(error).__name__}: {error}")
                outcome = "broken"
            self.verdicts.outcomes[outcome] += 1


@contextmanager
def programs(directory: Path, seed: int, *, faulty: bool) -> Iterator[Proxy]:
    """A proxy in front of a soak's upstream. Its log, and how it ends, are looked at behind it."""
    directory.mkdir()
    port = free_port()
    upstream = start(
        [sys.executable, "-m", "tests.soak.upstream", str(port), str(seed), *["--faulty"][: int(faulty)]],
        output=directory / "upstream-output.txt",
        cwd=CHECKOUT,
        environ=clean_environ(directory),
    )
    with killed_on_failure(upstream):
        wait_until(lambda: listens(port) or None, "the upstream")
        proxy = Proxy.start(
            directory,
            "--skip-sync",
            f"--plugin-path={Path(__file__).with_name('plugins')}",
            MIMO_BASE_URL=f"http://127.0.0.1:{port}/v1",
            **COMMON,
            **(FAULTY if faulty else CLEAN),
        )
        with killed_on_failure(proxy.process):
            yield proxy
        proxy.stop()
    stop(upstream)


async def run(phases: list[Phase], seed: int) -> None:
    for phase in phases:
        await phase.load(random.Random(seed))
    # Only now: one proxy comes to rest while the other works.
    for phase in phases:
        await phase.rest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", type=float, default=60, help="seconds without faults")
    parser.add_argument("--faulty", type=float, default=60, help="seconds with them")
    parser.add_argument("--streams", type=int, default=100, help="at a time without faults; half with them")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as directory, ExitStack() as stack:
        phases: list[Phase] = []
        for kind, seconds, workers in (
            (CleanPhase, options.clean, options.streams),
            (FaultyPhase, options.faulty, max(1, options.streams // 2)),
        ):
            if seconds > 0:
                name = kind.__name__.removesuffix("Phase").lower()
                faulty = kind is FaultyPhase
                proxy = stack.enter_context(programs(Path(directory, name), options.seed, faulty=faulty))
                phases.append(kind(name, workers, seconds, proxy, Series(proxy.process.pid, proxy.port)))
        asyncio.run(run(phases, options.seed))
        problems = []
        for phase in phases:
            phase.show()
            problems += [f"{phase.name}: {problem}" for problem in phase.problems()]
    for problem in problems:
        print(f"PROBLEM {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
