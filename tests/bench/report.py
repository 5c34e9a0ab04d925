"""The table of a benchmark, as Markdown.

Owns how figures are shown. It must not measure.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence

from tests.bench import kernel
from tests.bench.results import Figures, Result, figures
from tests.bench.scenarios import SCENARIOS
from tests.bench.sides import DIRECT, OURS
from tests.bench.stored import Stored

_HEAD = (
    "scenario", "side", "deltas/s", "CPU µs per delta", "first delta ms, p50 / p99",
    "over direct ms, p50 / p99", "added µs per delta, p50 / p99", "peak MB over idle", "ours ÷ it: CPU",
    "ours ÷ it: deltas/s", "notes",
)  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """One row for each side of each scenario."""
    by_place = {(result.scenario, result.side): result for result in results}
    rows = []
    for result in results:
        direct, mine = by_place[result.scenario, DIRECT], by_place[result.scenario, OURS]
        rows.append(_row(result, figures(result, direct), figures(mine, direct)))
    return markdown(_HEAD, rows)


def legend(results: Sequence[Result]) -> str:
    """What the scenarios of these results are."""
    names = dict.fromkeys(result.scenario for result in results)
    return "".join(f"* {name}: {SCENARIOS[name].meaning}\n" for name in names)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def about_line(rounds: int, versions: Mapping[str, str], *, quick_ack: bool) -> str:
    """What the figures are."""
    peers = "".join(f", {name} {version}" for name, version in versions.items())
    python = platform.python_version()
    where = f"{kernel.cores()} cores, shared by proxy, client and upstream; Python {python}{peers}"
    client = " The client acknowledged at once (--quick-ack)." if quick_ack else ""
    return f"Medians of {rounds} rounds; {where}.{client}\n"


def stored_lines(stored: Sequence[Stored]) -> str:
    return "".join(
        f"A stored response takes {each.memory:,.0f} bytes of memory, in chains of {each.chain:,}; its JSON, "
        f"with its request's input, is {each.text:,.0f} bytes.\n"
        for each in stored
    )


def _row(result: Result, shown: Figures, mine: Figures) -> list[str]:
    peer = result.side not in (DIRECT, OURS)
    return [
        result.scenario,
        result.side,
        number(shown.rate, 0),
        number(shown.cpu_us, 2),
        _pair(shown.first_ms_p50, shown.first_ms_p99, 2),
        _pair(shown.over_first_ms_p50, shown.over_first_ms_p99, 2),
        _pair(shown.over_latency_us_p50, shown.over_latency_us_p99, 0),
        number(None if shown.peak is None else shown.peak / 1e6, 1),
        number(ratio(mine.cpu_us, shown.cpu_us) if peer else None, 2),
        number(ratio(mine.rate, shown.rate) if peer else None, 2),
        " ".join((result.note() or "").replace("|", "/").split())[:200],
    ]


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _pair(one: float | None, other: float | None, digits: int) -> str:
    return "-" if one is None else f"{number(one, digits)} / {number(other, digits)}"
