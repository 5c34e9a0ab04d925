"""The kinds of cases, and running many of them.

Owns seeds, and what is kept of a case that fails.
"""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.house import House, watched
from tests.fuzz.life_cases import run_life
from tests.fuzz.request_cases import run_request, run_stored, run_wire
from tests.fuzz.upstream_cases import run_stream, run_whole

Case = Callable[[Random, House], None]

KINDS: dict[str, Case] = {
    "request": run_request,
    "stored": run_stored,
    "wire": run_wire,
    "stream": run_stream,
    "whole": run_whole,
    "life": run_life,
}

LIFE = 200
"""Cases after which a proxy is exchanged for another: what it has learned must not decide too much."""

MOST_PROBLEMS = 25


@dataclass
class Problem:
    """A case that failed.

    :ivar again: how to have it again.
    :ivar story: what was sent, and by whom.
    """

    kind: str
    seed: int
    again: str
    what: str
    story: list[tuple[str, bytes]]

    def __str__(self) -> str:
        sent = "\n".join(f"  {who}: {data[:3000]!r}" for who, data in self.story)
        return f"{self.kind} {self.seed} failed; again: {self.again}\n{self.what}\n{sent}"


@dataclass
class Run:
    """:ivar cases: how many were run.
    :ivar slowest: the seconds that the longest took, and its seed.
    """

    kind: str
    cases: int = 0
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, 0)
    problems: list[Problem] = field(default_factory=list)


def run_kind(kind: str, cases: int, seed: int) -> Run:
    """Run so many cases, whose seeds are this one and those that follow."""
    run = Run(kind)
    began = time.monotonic()
    with watched() as watch:
        house, first = House(watch), seed
        for number in range(seed, seed + cases):
            if number - first >= LIFE:
                house, first = House(watch), number
                gc.collect()  # a Deferred that was lost with its error says so only now
            run.cases += 1
            started = time.monotonic()
            try:
                house.live(KINDS[kind], Random(f"{kind} {number}"))
            except Exception as error:
                story = list(house.story)
                watch.take()
                start = number if _fails(kind, number, House(watch)) else first
                watch.take()
                what = "".join(traceback.format_exception(error))[-3000:]
                run.problems.append(Problem(kind, number, _again(kind, start, number), what, story))
                if len(run.problems) >= MOST_PROBLEMS:
                    break
                house, first = House(watch), number + 1
            run.slowest = max(run.slowest, (time.monotonic() - started, number))
        gc.collect()
        if left := watch.take():
            run.problems.append(Problem(kind, number, _again(kind, first, number), left[0], []))
    run.seconds = time.monotonic() - began
    return run


def _again(kind: str, start: int, number: int) -> str:
    return f"python -m tests.fuzz --kind {kind} --seed {start} --cases {number - start + 1}"


def _fails(kind: str, number: int, house: House) -> bool:
    try:
        house.live(KINDS[kind], Random(f"{kind} {number}"))
    except Exception:  # whatever it is: it was told with its traceback when it came first
        return True
    return False
