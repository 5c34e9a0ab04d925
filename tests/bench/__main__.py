"""The benchmark: ``python -m tests.bench`` prints a table.

Owns the command line. The same load runs against the fake upstream itself (direct), through our proxy and
through others, in turns, and medians are shown. No test asserts a time.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from tests.bench import sides
from tests.bench.measure import Bench
from tests.bench.peers import PEERS, Peer, installed
from tests.bench.plot import plot
from tests.bench.report import about_line, legend, stored_lines, table
from tests.bench.results import Result
from tests.bench.scenarios import SCENARIOS, STORED
from tests.bench.stored import COUNT, SHORT_CHAIN, Stored
from tests.bench.stored import measure as measure_stored
from tests.bench.targets import targets_table
from tests.bench.tools import tools

_NAMES = [*SCENARIOS, STORED]


def main() -> None:
    options = _options()
    peers = _peers(options.peers)
    versions = {peer.name: installed(peer)[1] for peer in peers}
    programs = tools(quick_ack=options.quick_ack)
    # What was started is ended however this ends.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    results: list[Result] = []
    stored: list[Stored] = []
    with sides.upstream(programs) as upstream, ExitStack() as stack:
        bench = Bench(programs, upstream, peers, stack)
        for name in options.scenarios:
            print(f"{name}…", file=sys.stderr, flush=True)
            if name == STORED:
                stored = [measure_stored(upstream, chain) for chain in (COUNT, SHORT_CHAIN)]
                continue
            found = bench.measure(SCENARIOS[name], options.rounds)
            results += found
            print(table(found), flush=True)
    _report(options, results, stored, versions)


def _report(
    options: argparse.Namespace, results: list[Result], stored: list[Stored], versions: Mapping[str, str]
) -> None:
    about = about_line(options.rounds, versions, quick_ack=options.quick_ack)
    summary = [stored_lines(stored), targets_table(results, stored), about]
    print("\n".join(part for part in summary if part))
    if options.table is not None:
        options.table.write_text(
            "\n".join(part for part in [table(results), legend(results), *summary] if part)
        )
    if options.plot is not None:
        plot(results, options.plot, about)
    if options.json is not None:
        figures = {"about": about, "stored": [*map(asdict, stored)], "results": [*map(asdict, results)]}
        options.json.write_text(json.dumps(figures, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(_NAMES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default=",".join(PEERS), help="others to compare with, or none")
    parser.add_argument(
        "--quick-ack",
        action="store_true",
        help="the client acknowledges at once what arrives; otherwise a side that leaves Nagle's algorithm "
        "on waits for that up to 40 ms, as it does with usual clients",
    )
    parser.add_argument("--table", type=Path, metavar="FILE.md", help="the tables")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="a chart")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all runs")
    options = parser.parse_args()
    options.scenarios = options.scenarios or _NAMES
    for name in options.scenarios:
        if name not in _NAMES:
            parser.error(f"there is no scenario {name!r}: {', '.join(_NAMES)}")
    return options


def _peers(names: str) -> list[Peer]:
    if names == "none":
        return []
    for name in names.split(","):
        if name not in PEERS:
            raise SystemExit(f"there is no peer {name!r}: {', '.join(PEERS)}, or none")
    return [PEERS[name] for name in names.split(",")]


if __name__ == "__main__":
    main()
