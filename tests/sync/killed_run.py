"""A child program of ``test_kills``: whole runs that end in the middle, and runs at the same time.

    python -m tests.sync.killed_run steps|times|together HOME RESULTS SCENARIO

It works on HOME, and leaves what became of it as RESULTS/<name>: the paths in a home's memory are its own, so
that all runs must have the same one. One process forks for each run, since importing takes longer than a run.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.files import Step, no_step
from ccmimolink.sync.report import Report
from tests.sync.cc_switch_presets import TOKEN_PLAN_ID
from tests.sync.stage import ALONE_KEY, synchroniser, wish

OTHER_PORT = 9999
MOST_POINTS = 200
RANDOM_RUNS = 20
ROUNDS = 10
SEED = 20260131

Run = Callable[[Synchroniser], Report]

RUNS: dict[str, Run] = {
    "take over": lambda synchronising: synchronising.take_over(wish()),
    "take over at another port": lambda synchronising: synchronising.take_over(wish(OTHER_PORT)),
    "take over another": lambda synchronising: synchronising.take_over(wish(provider=TOKEN_PLAN_ID)),
    "take over alone": lambda synchronising: synchronising.take_over(wish(api_key=ALONE_KEY), alone=True),
    "give back": lambda synchronising: synchronising.give_back(),
}

_CALLS = ("open", "mkdir", "fchmod", "fsync", "replace", "unlink")
_STATEMENTS = ("UPDATE", "COMMIT")


class _Points:
    """Counts what a run does to the disk, and ends the process before the n-th of it."""

    def __init__(self, last: int, log: Path) -> None:
        self._left, self._log = last, log

    def __call__(self, name: str) -> None:
        if self._left == 0:
            self._log.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def watch_calls(self) -> None:
        for name in _CALLS:
            setattr(os, name, self._watched(name, getattr(os, name)))
        points = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
                if sql.startswith(_STATEMENTS):
                    points(f"sqlite {sql}")
                return super().execute(sql, *parameters)

        sqlite3.connect = partial(sqlite3.connect, factory=Connection)  # type: ignore[assignment]

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            self(f"os.{name} {arguments[0]}")
            return call(*arguments, **options)

        return watched


def _fork(home: Path, run: Run, before: Callable[[], Step]) -> int:
    """:param before: called in the child, gives its step hook."""
    child = os.fork()
    if child:
        return child
    try:
        run(synchroniser(home, step=before()))
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        os._exit(1)
    os._exit(0)


def _anew(home: Path, template: Path) -> None:
    if home.exists():
        shutil.rmtree(home)
    shutil.copytree(template, home, symlinks=True)


def at_every_step(home: Path, results: Path, run: Run) -> None:
    """Leaves ``after`` of an undisturbed run, and ``000``, ``001``, … of those that were killed."""
    template = results / "before"
    for number in range(MOST_POINTS):
        _anew(home, template)
        points = _Points(number, results / f"{number:03}.point")

        def watched(points: _Points = points) -> Step:
            points.watch_calls()
            return points

        status = os.waitstatus_to_exitcode(os.waitpid(_fork(home, run, watched), 0)[1])
        if status == 0:
            home.rename(results / "after")
            return
        if status != -signal.SIGKILL:
            raise SystemExit(f"a run ended with {status}")
        home.rename(results / f"{number:03}")
    raise SystemExit("a run has no end")


def at_random_times(home: Path, results: Path, run: Run) -> None:
    """The same, but that the time decides. Some runs are over before it has come."""
    times = random.Random(SEED)
    template = results / "before"
    _anew(home, template)
    began = time.monotonic()
    status = os.waitstatus_to_exitcode(os.waitpid(_fork(home, run, lambda: no_step), 0)[1])
    took = time.monotonic() - began
    if status != 0:
        raise SystemExit(f"a run ended with {status}")
    home.rename(results / "after")
    for number in range(RANDOM_RUNS):
        _anew(home, template)
        child = _fork(home, run, lambda: no_step)
        time.sleep(times.uniform(0, took))
        os.kill(child, signal.SIGKILL)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) not in (0, -signal.SIGKILL):
            raise SystemExit("a run failed")
        home.rename(results / f"{number:03}")


def at_the_same_time(home: Path, results: Path, run: Run) -> None:
    """Leaves ``after`` of one run, and ``000``, … of two that began together."""
    template = results / "before"
    for number in range(-1, ROUNDS):
        _anew(home, template)
        reader, writer = os.pipe()

        def wait(reader: int = reader, writer: int = writer) -> Step:
            os.close(writer)
            os.read(reader, 1)  # ends for all when the last writer is closed
            return no_step

        children = [_fork(home, run, wait) for _ in range(1 if number < 0 else 2)]
        os.close(writer)
        os.close(reader)
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        if any(ends):
            raise SystemExit(f"runs at the same time ended with {ends}")
        home.rename(results / ("after" if number < 0 else f"{number:03}"))


WAYS = {"steps": at_every_step, "times": at_random_times, "together": at_the_same_time}

if __name__ == "__main__":
    # The worst that a user can have: whatever is made is open to all, unless its maker says otherwise.
    os.umask(0)
    way, home_directory, results_directory, scenario = sys.argv[1:]
    WAYS[way](Path(home_directory), Path(results_directory), RUNS[scenario])
