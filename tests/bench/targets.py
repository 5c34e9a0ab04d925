"""The targets, and whether the figures reach them.

Owns the list. It must not measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.bench.bodies import responses_request
from tests.bench.report import markdown, number, ratio
from tests.bench.results import Figures, Result, figures
from tests.bench.scenarios import SCENARIOS, STORED
from tests.bench.sides import DIRECT, OURS
from tests.bench.stored import Stored

RELAY, BRIDGE = "codex-relay", "codex-bridge-python"
_HEAD = ("target", "limit", "measured", "holds")
_FIRST = ("first-20KB", "first-200KB", "first-2MB")
_LARGEST = "first-2MB"


@dataclass(frozen=True)
class Target:
    """:ivar value: ``None`` where it was not measured. :ivar least: whether the limit is a lower one."""

    name: str
    limit: float
    value: float | None
    least: bool = False

    def row(self) -> list[str]:
        sign = "≥" if self.least else "≤"
        return [self.name, f"{sign} {number(self.limit, 2)}", number(self.value, 2), self._verdict()]

    def _verdict(self) -> str:
        if self.value is None:
            return "not measured"
        holds = self.value >= self.limit if self.least else self.value <= self.limit
        return "yes" if holds else "**no**"


def targets_table(results: Sequence[Result], stored: Sequence[Stored]) -> str:
    return markdown(_HEAD, [target.row() for target in _targets(results, stored)])


def _targets(results: Sequence[Result], stored: Sequence[Stored]) -> Iterator[Target]:
    found = {(result.scenario, result.side): result for result in results}

    def get(scenario: str, side: str) -> Figures | None:
        result, base = found.get((scenario, side)), found.get((scenario, DIRECT))
        return figures(result, base) if result and base else None

    def against(scenario: str, peer: str, field: Callable[[Figures], float | None]) -> float | None:
        mine, other = get(scenario, OURS), get(scenario, peer)
        return ratio(field(mine), field(other)) if mine and other else None

    for scenario, limit in (("burst", 0.45), ("paced", 0.8), ("tool", 0.6), ("reason", 0.6)):
        name = f"{scenario}: CPU per delta against {RELAY}"
        yield Target(name, limit, against(scenario, RELAY, lambda side: side.cpu_us))
    rate = against("burst", RELAY, lambda side: side.rate)
    yield Target(f"burst: deltas/s against {RELAY}", 2.5, rate, least=True)
    long, single = get("long", OURS), get("single", OURS)
    grown = ratio(long.cpu_us, single.cpu_us) if long and single else None
    yield Target("long: CPU per delta at 20,000 deltas against at 500", 1.1, grown)
    for scenario in _FIRST:
        name = f"{scenario}: first delta over direct against {BRIDGE}"
        yield Target(name, 0.35, against(scenario, BRIDGE, lambda side: side.over_first_ms_p50))
    mine, direct = get(_FIRST[0], OURS), get(_FIRST[0], DIRECT)
    limit = max(25 * (direct.first_ms_p50 or 0), 1.2) if direct else 1.2
    yield Target(f"{_FIRST[0]}: first delta over direct, ms", limit, mine.over_first_ms_p50 if mine else None)
    largest = get(_LARGEST, OURS)
    body = len(responses_request(SCENARIOS[_LARGEST]))
    peak = largest.peak / body if largest and largest.peak is not None else None
    yield Target(f"{_LARGEST}: peak memory over idle against the request", 6, peak)
    # Of short chains: in the long one the requests themselves hold up to 2,000 items, and leave holes behind.
    memory = stored[-1].ratio if stored else None
    yield Target(f"{STORED}: memory of a stored response against its JSON", 1.3, memory)
