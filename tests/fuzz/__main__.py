"""The fuzzing by hand: ``python -m tests.fuzz --cases N`` runs N cases of each kind and prints what failed.

Owns the command line. The exit status is 1 if any case failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from twisted.logger import globalLogBeginner

from tests.fuzz.runs import KINDS, Run, run_kind
from tests.fuzz.schema_cases import run_schema


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="of each kind")
    parser.add_argument("--seed", type=int, default=1, help="of the first case; the others follow it")
    parser.add_argument("--kind", choices=[*KINDS, "schema"], action="append", help="may be repeated")
    chosen = parser.parse_args(arguments)
    # Every request is logged; who looks for failures has an observer of its own.
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    runs = []
    for kind in chosen.kind or [*KINDS, "schema"]:
        run = _run(kind, chosen.cases, chosen.seed)
        runs.append(run)
        for problem in run.problems:
            print(problem, end="\n\n", flush=True)
        print(_summary(kind, run), flush=True)
    total = Run("all", cases=sum(run.cases for run in runs), seconds=sum(run.seconds for run in runs))
    total.problems = [problem for run in runs for problem in run.problems]
    print(_summary("all", total))
    return 1 if total.problems else 0


def _run(kind: str, cases: int, seed: int) -> Run:
    return run_schema(cases, seed) if kind == "schema" else run_kind(kind, cases, seed)


def _summary(kind: str, run: Run) -> str:
    slowest = f", the slowest {run.slowest[0]:.2f} s (seed {run.slowest[1]})" if run.slowest[0] else ""
    return f"{kind:8} {run.cases:8} cases {len(run.problems):4} failed {run.seconds:8.1f} s{slowest}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
