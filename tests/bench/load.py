"""One run of the load client against one side, and what the kernel says of that side meanwhile.

Owns the figures of a run. It must not compare sides.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench import kernel
from tests.bench.scenarios import Scenario
from tests.bench.sides import CHAT, Side
from tests.bench.tools import Tools

_SETTLE_SECONDS = 0.05
_LIMIT_SECONDS = 300


class Failed(Exception):
    """The side did not answer as it must; the message says how."""


@dataclass(frozen=True)
class Run:
    """:ivar sent: deltas that the upstream sent; all else per delta is by these.
    :ivar deltas: of those, how many arrived as deltas.
    :ivar events: in how many events.
    :ivar bare: further events of deltas, with no stamp in them; not looked at in chat, where the role is one.
    :ivar cpu_us: the side's CPU time per delta.
    :ivar peak: the side's memory, in bytes, above what it had when idle.
    """

    sent: int
    deltas: int
    events: int
    bare: int
    seconds: float
    first_ms_p50: float | None
    first_ms_p99: float | None
    latency_us_p50: float | None
    latency_us_p99: float | None
    cpu_us: float | None
    peak: int | None

    @property
    def rate(self) -> float:
        return self.sent / self.seconds

    def problem(self) -> str | None:
        """What is wrong with the deltas, if anything is."""
        if self.bare:
            return f"{self.sent:,} deltas came as {self.events + self.bare:,} events, cut at other places"
        if self.deltas != self.sent:
            return f"{self.deltas:,} of {self.sent:,} deltas arrived"
        if self.events != self.sent:
            return f"{self.sent:,} deltas arrived in {self.events:,} events"
        return None


def load(
    tools: Tools, side: Side, scenario: Scenario, request: Path, *, idle: int = 0, requests: int | None = None
) -> Run:
    """:param idle: bytes of memory that the side has when it is idle.
    :raises Failed: an answer is cut or has another status than 200, or nothing arrives.
    """
    requests = requests or max(1, round(scenario.requests * side.share))
    pids = side.pids
    kernel.reset_peak(pids)
    before = kernel.cpu_seconds(pids)
    found = _run(tools, side, scenario, request, requests)
    # What the side does behind the end of its last answer is its work too.
    time.sleep(_SETTLE_SECONDS)
    try:
        cpu = kernel.cpu_seconds(pids) - before
        peak = kernel.peak(pids) - idle
    except (OSError, ValueError):
        raise Failed("the program has ended") from None
    sent = scenario.deltas_sent * scenario.connections * requests
    return Run(
        sent=sent,
        deltas=int(found["deltas"]),
        events=int(found["events"]),
        bare=0 if side.marks is CHAT else int(found["bare"]),
        seconds=found["seconds"],
        first_ms_p50=found.get("first_ms_p50"),
        first_ms_p99=found.get("first_ms_p99"),
        latency_us_p50=found.get("latency_us_p50"),
        latency_us_p99=found.get("latency_us_p99"),
        cpu_us=1e6 * cpu / sent if pids else None,
        peak=peak if pids else None,
    )


def _run(tools: Tools, side: Side, scenario: Scenario, request: Path, requests: int) -> dict[str, float]:
    command = [str(tools.load), str(side.port), str(request), str(scenario.connections), str(requests)]
    command += [side.marks.delta, side.marks.final, *(["quick-ack"] if tools.quick_ack else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"it took more than {_LIMIT_SECONDS} s") from None
    if done.returncode:
        raise Failed(" ".join(done.stderr.split())[:300])
    found: dict[str, float] = json.loads(done.stdout)
    return found
