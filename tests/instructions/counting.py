"""Counts the instructions of one unit of work in the core, with callgrind.

``python -m tests.instructions.counting`` prints them; with ``--record`` they become the committed figures.

Owns the runs. What a start costs is taken off: a task is run with few units and with many, and the difference
is divided. Unlike time, it is the same however busy the machine is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
FIGURES = Path(__file__).with_name("figures.json")
FEW = 50
_PROGRAM = str(Path(__file__).with_name("program.py"))
MANY = {"text": 2000, "reasoning": 2000, "arguments": 2000, "alternating": 600, "request": 80}
"""Units of each task: deltas, or requests."""

_TOTAL = re.compile(r"^summary: (\d+)$|^totals: (\d+)$", re.MULTILINE)


def version() -> str:
    """The Python that the figures are of: another one does other work."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def counted(task: str) -> int:
    """Instructions for one unit of the task."""
    few, many = _run(task, FEW), _run(task, MANY[task])
    return round((many - few) / (MANY[task] - FEW))


def all_counted() -> dict[str, int]:
    # Whoever comes first compiles what is imported; that is not to be counted.
    subprocess.run([sys.executable, _PROGRAM, "text", "10"], env=_environment(), check=True, timeout=60)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(MANY, pool.map(counted, MANY), strict=True))


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "PYTHONHASHSEED": "0"}


def _run(task: str, units: int) -> int:
    """:raises RuntimeError: valgrind is not there, or the program failed."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/stdout", "-q"]
    try:
        done = subprocess.run(
            [*command, sys.executable, _PROGRAM, task, str(units)],
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except FileNotFoundError:
        raise RuntimeError("valgrind is not installed: apt install valgrind") from None
    found = _TOTAL.search(done.stdout)
    if done.returncode or found is None:
        raise RuntimeError(f"{task} failed: {done.stderr[-500:]}")
    return int(found[1] or found[2])


def main() -> None:
    figures = all_counted()
    for task, count in figures.items():
        print(f"{task}: {count:,}")
    if "--record" in sys.argv[1:]:
        known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        FIGURES.write_text(json.dumps(known | {version(): figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
