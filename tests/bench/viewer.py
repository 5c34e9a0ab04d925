"""What a window that shows the status page costs: ``python -m tests.bench.viewer`` prints it.

The same work is done in turns without a window and with one, by one proxy. The CPU time is the proxy's own,
by the kernel's accounting; the window reads all it is sent. No test asserts a time.
"""

from __future__ import annotations

import argparse
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench import kernel, sides
from tests.bench.bodies import responses_request
from tests.bench.load import load
from tests.bench.scenarios import SCENARIOS
from tests.bench.sides import Side
from tests.bench.tools import tools

_REQUESTS = {"burst": 500, "paced": 3}
"""On each connection, so that a run takes some ten seconds and the window is told ten times."""

_IDLE_SECONDS = 10.0
_PAUSE = 1.5

Work = Callable[[], tuple[float, float]]
"""Does it, and returns the CPU seconds and the deltas."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.viewer", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds: int = parser.parse_args().rounds
    programs = tools(quick_ack=False)
    with (
        sides.upstream(programs) as upstream,
        sides.ours(upstream.port) as proxy,
        tempfile.TemporaryDirectory() as folder,
    ):
        print("| | without a window | with one | the window's part |\n|---|---|---|---|")
        for name, requests in _REQUESTS.items():
            scenario = SCENARIOS[name]
            upstream.play(scenario)
            body = Path(folder) / name
            body.write_bytes(responses_request(scenario))

            def run(count: int = requests, body: Path = body, name: str = name) -> tuple[float, float]:
                done = load(programs, proxy, SCENARIOS[name], body, requests=count)
                assert done.cpu_us is not None
                return done.cpu_us * done.sent / 1e6, done.sent

            run(1)
            _compare(name, rounds, run, proxy)
        # Last, with as much to be seen as is kept.
        _compare("nothing", rounds, lambda: _idle(proxy), proxy)


def _idle(proxy: Side) -> tuple[float, float]:
    before = kernel.cpu_seconds(proxy.pids)
    time.sleep(_IDLE_SECONDS)
    return kernel.cpu_seconds(proxy.pids) - before, 0


def _compare(name: str, rounds: int, work: Work, proxy: Side) -> None:
    without: list[float] = []
    watched: list[float] = []
    for turn in range(rounds):
        for is_watched in (False, True) if turn % 2 == 0 else (True, False):
            if is_watched:
                with _window(proxy.port):
                    watched.append(_cost(work))
            else:
                without.append(_cost(work))
    parts = [100 * (one / other - 1) for one, other in zip(watched, without, strict=True)]
    if name == "nothing":
        print(f"| {name} | {_percent(without)} of a core | {_percent(watched)} of a core | |", flush=True)
    else:
        spread = f"{median(parts):+.1f} % ({min(parts):+.1f} to {max(parts):+.1f})"
        shown = [f"{1e6 * median(costs):.2f} µs a delta" for costs in (without, watched)]
        print(f"| {name} | {shown[0]} | {shown[1]} | {spread} |", flush=True)


def _cost(work: Work) -> float:
    """CPU seconds per delta, or per second where there are none."""
    # What a window is sent first is not part of the work, and both ways begin alike.
    time.sleep(_PAUSE)
    cpu, deltas = work()
    return cpu / (deltas or _IDLE_SECONDS)


def _percent(costs: list[float]) -> str:
    return f"{100 * median(costs):.2f} %"


@contextmanager
def _window(port: int) -> Iterator[None]:
    """A window that reads all it is sent."""
    with socket.create_connection(("127.0.0.1", port)) as window:
        window.sendall(b"GET /status/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert window.recv(12) == b"HTTP/1.1 200"

        def read() -> None:
            while window.recv(1 << 20):
                pass

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
        finally:
            window.shutdown(socket.SHUT_RDWR)
            reader.join()


if __name__ == "__main__":
    main()
