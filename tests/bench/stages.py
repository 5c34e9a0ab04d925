"""Where the time to the first delta goes: ``python -m tests.bench.stages [scenario]`` prints the stages.

Owns the run. The marks cost something too, so that the sum is a little more than what the benchmark measures.
"""

from __future__ import annotations

import sys

from tests.bench.bodies import responses_request
from tests.bench.load import load
from tests.bench.scenarios import SCENARIOS
from tests.bench.sides import ours, upstream
from tests.bench.tools import tools

_RUNS = 3


def main() -> None:
    scenario = SCENARIOS[sys.argv[1] if len(sys.argv) > 1 else "first-20KB"]
    programs = tools()
    with upstream(programs) as server:
        server.play(scenario)
        report = server.folder / "stages"
        with ours(server.port, {"STAGES": str(report)}, program="tests.bench.staged_proxy") as side:
            request = server.folder / "request"
            request.write_bytes(responses_request(scenario))
            for _ in range(_RUNS):
                load(programs, side, scenario, request)
        print(f"| {scenario.name}: stage | µs | µs from the first byte |\n|---|---|---|")
        print(report.read_text(), end="")


if __name__ == "__main__":
    main()
