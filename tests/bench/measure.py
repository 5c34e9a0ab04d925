"""The rounds of a scenario: every side in turn, in each round.

Owns the order of the runs. It must not print, and must not judge figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import fidelity, kernel
from tests.bench.bodies import chat_request, responses_request
from tests.bench.load import Failed, load
from tests.bench.peers import Peer
from tests.bench.processes import NotStarted
from tests.bench.results import Result
from tests.bench.scenarios import Scenario
from tests.bench.sides import CHAT, DIRECT, OURS, Side, Upstream, direct, ours, peer_side
from tests.bench.tools import Tools

_WARM_UP_REQUESTS = 2
_SMALL_REQUESTS = 5


@dataclass
class _Entry:
    """A side that takes part. :ivar idle: its memory before the scenario's requests, in bytes."""

    side: Side
    request: Path
    result: Result
    idle: int = 0


class Bench:
    """Measures scenarios, one after another, and keeps the peers that are slow to start."""

    def __init__(self, tools: Tools, upstream: Upstream, peers: Sequence[Peer], stack: ExitStack) -> None:
        self._tools, self._upstream, self._peers, self._stack = tools, upstream, peers, stack
        self._staying: dict[str, Side | str] = {}

    def measure(self, scenario: Scenario, rounds: int) -> list[Result]:
        """:raises SystemExit: our proxy, or the upstream itself, does not answer as it must."""
        self._upstream.play(scenario)
        with ExitStack() as stack:
            results: list[Result] = []
            entries = []
            for name, started in self._sides(stack):
                result = Result(scenario.name, name)
                results.append(result)
                if isinstance(started, str):
                    result.problem = started
                else:
                    entries.append(self._entry(scenario, started, result))
            for entry in entries:
                self._guarded(self._warm_up, entry, scenario)
            for turn in range(rounds):
                for place in range(len(entries)):
                    self._guarded(self._run, entries[(turn + place) % len(entries)], scenario)
        return results

    def _sides(self, stack: ExitStack) -> list[tuple[str, Side | str]]:
        """Each side with its name, or why it is not there."""
        sides: list[tuple[str, Side | str]] = [(DIRECT, direct(self._upstream.port))]
        sides.append((OURS, stack.enter_context(ours(self._upstream.port))))
        return sides + [(peer.name, self._peer(peer, stack)) for peer in self._peers]

    def _peer(self, peer: Peer, stack: ExitStack) -> Side | str:
        if peer.name in self._staying:
            return self._staying[peer.name]
        started: Side | str
        try:
            where = self._stack if peer.stays else stack
            started = where.enter_context(peer_side(peer, self._upstream.port))
        except NotStarted as problem:
            started = str(problem)
        if peer.stays:
            self._staying[peer.name] = started
        return started

    def _entry(self, scenario: Scenario, side: Side, result: Result) -> _Entry:
        request = self._upstream.folder / side.name
        request.write_bytes(_request(scenario, side))
        return _Entry(side, request, result)

    def _guarded(self, act: _Act, entry: _Entry, scenario: Scenario) -> None:
        """Peers may fail; ours may not."""
        if entry.result.problem is not None:
            return
        try:
            act(entry, scenario)
        except Failed as problem:
            if entry.side.name in (DIRECT, OURS):
                raise SystemExit(f"{scenario.name}: {entry.side.name}: {problem}") from problem
            entry.result.problem = str(problem)

    def _warm_up(self, entry: _Entry, scenario: Scenario) -> None:
        """What is loaded on first use is loaded before memory is looked at, but no history is sent."""
        small = self._upstream.folder / "small"
        small.write_bytes(_request(replace(scenario, history=0), entry.side))
        most = _SMALL_REQUESTS if scenario.history else _WARM_UP_REQUESTS
        requests = max(1, round(most * entry.side.share))
        load(self._tools, entry.side, scenario, small, requests=requests)
        entry.idle = kernel.resident(entry.side.pids)
        if entry.side.name == OURS:
            fidelity.check(entry.side, self._upstream, scenario, entry.request.read_bytes())

    def _run(self, entry: _Entry, scenario: Scenario) -> None:
        run = load(self._tools, entry.side, scenario, entry.request, idle=entry.idle)
        if entry.side.name in (DIRECT, OURS) and (problem := run.problem()):
            raise Failed(problem)
        entry.result.runs.append(run)


_Act = Callable[[_Entry, Scenario], None]


def _request(scenario: Scenario, side: Side) -> bytes:
    return chat_request(scenario) if side.marks is CHAT else responses_request(scenario)
