"""A child program of ``played_setup``: setups that end in the middle, and setups at the same time.

    python -m tests.mimocode.killed_setup kill|raise|together RESULTS SCENARIO

It plays the scenario, once for each thing that a setup does to the disk, and leaves what became of them as
RESULTS/outcomes, a pickled :class:`Played`. One process forks for each run, and for each ``mimo`` that a run
starts, since importing takes longer than a run; so no reactor is needed, which no fork would survive.
"""

from __future__ import annotations

import errno
import gc
import os
import pickle
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError

from ccmimolink.mimocode.result import Result, Status
from tests.mimocode.mimo_home import Entry, MimoHome, tree_of
from tests.mimocode.setup_runs import CALLS, NO_MIMO, ORIGINALS, SCENARIOS, USER, Run, Scenario

MOST_POINTS = 400
MINUTE_OF_THE_RUN = 30
"""Of all runs that are compared, so that they differ in nothing that they write."""
OUTCOMES = "outcomes"
AGAIN, BLOCKED = "again", "blocked"
"""The later runs: the one that is to complete, and one that is refused."""

Tree = dict[str, Entry]


def _sync_nothing(fd: Any) -> None:
    """No kill takes away what the kernel was given, and waiting for the disk would take the longest."""


@dataclass(frozen=True)
class Left:
    """What a run left: how it ended, what it said, and the tree."""

    status: str
    codes: tuple[str, ...]
    said: str
    tree: Tree = field(repr=False)

    @classmethod
    def by(cls, result: Result, home: MimoHome | None = None) -> Left:
        """:param home: None where others work in it, so that there is no moment to look at it."""
        return cls(
            result.status,
            tuple(blocker.code for blocker in result.blockers),
            result.as_text() + result.as_json(),
            {} if home is None else tree_at(home),
        )


@dataclass(frozen=True)
class Ending:
    """A run that ended in the middle.

    :ivar point: what it was about to do.
    :ivar left: the tree that it left.
    :ivar error: what was raised there; empty where it was killed.
    :ivar said: how it ended; None where it said nothing.
    :ivar later: what each of the runs that may come next left.
    """

    point: str
    left: Tree = field(repr=False)
    error: str = ""
    said: Left | None = None
    later: dict[str, Left] = field(default_factory=dict)


@dataclass(frozen=True)
class Played:
    """
    :ivar before: the tree before the first of the runs that count here.
    :ivar after: what an undisturbed run left.
    """

    before: Tree
    after: Left
    endings: tuple[Ending, ...]


def tree_at(home: MimoHome) -> Tree:
    """Without what is mimo's own business."""
    own = tuple(str(home.home / name) for name in (".local", ".cache"))
    return {
        path: entry for path, entry in tree_of(home.home, home.project).items() if not path.startswith(own)
    }


class _Points:
    """Does something before the n-th thing that is done to the disk."""

    def __init__(self, last: int, act: Callable[[str], None]) -> None:
        self._left, self._act = last, act

    def __call__(self, name: str) -> None:
        self._left -= 1
        if self._left == -1:
            self._act(name)

    def watch_calls(self) -> None:
        for name in CALLS:
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            # What is only read, or belongs to the machinery, is nothing that a run does.
            if name != "open" or arguments[1] & (os.O_WRONLY | os.O_RDWR):
                self(f"os.{name} {arguments[0]}")
            return call(*arguments, **options)

        return watched


class _Theatre:
    """Where one scenario is played, again and again in the same place."""

    def __init__(self, results: Path, scenario: Scenario) -> None:
        self._results, self._scenario = results, scenario
        self.home = MimoHome(results / "root")
        scenario.prepare(self.home)
        self.played(replace(USER, catalog=False), 0)  # mimo's own directories are there from the beginning
        for minute, run in enumerate(scenario.earlier):
            self.played(run, minute)
        self.before = tree_at(self.home)
        if scenario.killed is not None:
            self._kill(scenario.killed)
        self.keep("before")
        self.after = self.played(scenario.again or scenario.run)

    def _kill(self, run: Run) -> None:
        def point(name: str) -> None:
            if name == "step end":
                os.kill(os.getpid(), signal.SIGKILL)

        run.install(self.home)
        assert self.forked(lambda: run.go(self.home, MINUTE_OF_THE_RUN, point)) is None

    def keep(self, name: str) -> None:
        """Keep a copy of how things are."""
        kept = self._results / name
        if kept.exists():
            shutil.rmtree(kept)
        for part in ("home", "project"):
            shutil.copytree(self.home.root / part, kept / part, symlinks=True)

    def restore(self, name: str) -> None:
        for part in ("home", "project"):
            shutil.rmtree(self.home.root / part)
            shutil.copytree(self._results / name / part, self.home.root / part, symlinks=True)

    def played(self, run: Run, minute: int = MINUTE_OF_THE_RUN) -> Left:
        run.install(self.home)
        left = self.forked(lambda: Left.by(run.go(self.home, minute), self.home))
        assert isinstance(left, Left)
        return left

    def next_after_kill(self, run: Run) -> Left:
        """What a run leaves that finds what was kept as "killed"."""
        self.restore("killed")
        return self.played(run)

    def forked(self, act: Callable[[], Any]) -> Any:
        """What it returns, from a process of its own; None where that was killed."""
        return _ended(*self._started(act, "returned"))

    def _started(self, act: Callable[[], Any], name: str) -> tuple[int, Path]:
        returned = self._results / name
        returned.unlink(missing_ok=True)
        child = os.fork()
        if child:
            return child, returned
        try:
            value = act()
            for call in CALLS:
                setattr(os, call, ORIGINALS[call])
            returned.write_bytes(pickle.dumps(value))
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            raise
        finally:
            os._exit(1)

    def at_once(self, run: Run, number: int) -> dict[str, Left]:
        """What each of several runs left that began together."""
        reader, writer = os.pipe()

        def act() -> Left:
            os.close(writer)
            os.read(reader, 1)  # ends for all when the last writer is closed
            return Left.by(run.go(self.home, MINUTE_OF_THE_RUN))

        started = {str(each): self._started(act, f"returned-{each}") for each in range(number)}
        os.close(writer)
        os.close(reader)
        return {name: _ended(*one) for name, one in started.items()}


def _ended(child: int, returned: Path) -> Any:
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        return pickle.loads(returned.read_bytes())
    if status != -signal.SIGKILL:
        raise SystemExit(f"a run ended with {status}")
    return None


def kill_everywhere(theatre: _Theatre, scenario: Scenario) -> Iterator[Ending]:
    """A run is killed at each point; each kind of run comes next."""
    log = theatre.home.root / "point"
    last: Ending | None = None
    for number in range(MOST_POINTS):
        theatre.restore("before")
        scenario.run.install(theatre.home)

        if theatre.forked(partial(_run, theatre, scenario, number, partial(_die, log))) is not None:
            return
        left = tree_at(theatre.home)
        if last is not None and left == last.left:
            last = Ending(log.read_text(), left, later=last.later)  # what comes next is the same, too
        else:
            theatre.keep("killed")
            last = Ending(log.read_text(), left)
            last.later[AGAIN] = theatre.next_after_kill(scenario.again or scenario.run)
            last.later[BLOCKED] = theatre.next_after_kill(NO_MIMO)
        yield last
    raise SystemExit("a run has no end")


def _die(log: Path, name: str) -> None:
    log.write_text(name)
    os.kill(os.getpid(), signal.SIGKILL)


def _run(theatre: _Theatre, scenario: Scenario, number: int, act: Callable[[str], None]) -> Left:
    points = _Points(number, act)
    points.watch_calls()
    return Left.by(scenario.run.go(theatre.home, MINUTE_OF_THE_RUN, points), theatre.home)


SYSTEM_ERRORS = (errno.ENOSPC, errno.EACCES, errno.EROFS)


def raise_everywhere(theatre: _Theatre, scenario: Scenario) -> Iterator[Ending]:
    """At each point the system refuses, or the user interrupts, or ends what is waited for."""
    for number in range(MOST_POINTS):
        code = SYSTEM_ERRORS[number % len(SYSTEM_ERRORS)]
        ending = _raised(theatre, scenario, number, OSError(code, os.strerror(code)))
        if ending is None:
            return
        yield ending
        other = CancelledError() if ending.point.startswith("await") else KeyboardInterrupt()
        if (ending := _raised(theatre, scenario, number, other)) is not None:
            yield ending
    raise SystemExit("a run has no end")


def _raised(theatre: _Theatre, scenario: Scenario, number: int, error: BaseException) -> Ending | None:
    """None where there is no such point."""
    log = theatre.home.root / "point"
    log.unlink(missing_ok=True)
    theatre.restore("before")
    scenario.run.install(theatre.home)

    def act(name: str) -> None:
        log.write_text(name)
        raise error

    def run() -> Left | None:
        try:
            return _run(theatre, scenario, number, act)
        except KeyboardInterrupt:
            return None

    said = theatre.forked(run)
    if not log.exists():
        return None
    ending = Ending(log.read_text(), tree_at(theatre.home), repr(error), said)
    if ending.left != theatre.before and not (said is not None and said.status == Status.SUCCESS):
        theatre.keep("killed")
        ending.later[BLOCKED] = theatre.next_after_kill(NO_MIMO)
    return ending


ROUNDS, AT_ONCE = 10, 4


def run_at_once(theatre: _Theatre, scenario: Scenario) -> Iterator[Ending]:
    """Several runs begin together; each of them is in ``later``."""
    for number in range(ROUNDS):
        theatre.restore("before")
        scenario.run.install(theatre.home)
        lefts = theatre.at_once(scenario.run, AT_ONCE)
        yield Ending(f"round {number}", tree_at(theatre.home), later=lefts)


WAYS = {"kill": kill_everywhere, "raise": raise_everywhere, "together": run_at_once}


def play(way: str, results: Path, name: str) -> None:
    """Play a scenario, and write down what became of it."""
    os.fsync = _sync_nothing
    gc.freeze()
    gc.disable()  # each process is over before there is anything to collect
    scenario = SCENARIOS[name]
    theatre = _Theatre(results, scenario)
    played = Played(theatre.before, theatre.after, tuple(WAYS[way](theatre, scenario)))
    (results / OUTCOMES).write_bytes(pickle.dumps(played))


if __name__ == "__main__":
    # The worst that a user can have: whatever is made is open to all, unless its maker says otherwise.
    os.umask(0)
    # By its name as a module, which is what the pickles refer to.
    from tests.mimocode.killed_setup import play as play_it

    play_it(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
