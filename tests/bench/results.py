"""What the runs of a side come to: medians, and what lies over the direct run of the same round.

It must not measure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.bench.load import Run


@dataclass
class Result:
    """Of one side in one scenario. :ivar problem: why there are no figures."""

    scenario: str
    side: str
    runs: list[Run] = field(default_factory=list)
    problem: str | None = None

    def note(self) -> str | None:
        """What is wrong: there are no figures, or the deltas are not those that were sent."""
        return self.problem or next((problem for run in self.runs if (problem := run.problem())), None)


@dataclass(frozen=True)
class Figures:
    """Medians of the rounds, and ``over`` the direct run of the same round.

    :ivar peak: the largest, in bytes.
    """

    rate: float | None
    cpu_us: float | None
    first_ms_p50: float | None
    first_ms_p99: float | None
    over_first_ms_p50: float | None
    over_first_ms_p99: float | None
    latency_us_p50: float | None
    latency_us_p99: float | None
    over_latency_us_p50: float | None
    over_latency_us_p99: float | None
    peak: int | None


def figures(result: Result, direct: Result) -> Figures:
    runs = result.runs
    over = {
        name: None if result is direct else _median(_over(runs, direct.runs, name))
        for name in ("first_ms_p50", "first_ms_p99", "latency_us_p50", "latency_us_p99")
    }
    return Figures(
        rate=_median(run.rate for run in runs),
        cpu_us=_median(run.cpu_us for run in runs),
        first_ms_p50=_median(run.first_ms_p50 for run in runs),
        first_ms_p99=_median(run.first_ms_p99 for run in runs),
        latency_us_p50=_median(run.latency_us_p50 for run in runs),
        latency_us_p99=_median(run.latency_us_p99 for run in runs),
        peak=max((run.peak for run in runs if run.peak is not None), default=None),
        **{f"over_{name}": value for name, value in over.items()},
    )


def _over(runs: list[Run], direct: list[Run], name: str) -> Iterable[float | None]:
    for run, base in zip(runs, direct, strict=False):
        mine, theirs = getattr(run, name), getattr(base, name)
        yield None if mine is None or theirs is None else mine - theirs


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
