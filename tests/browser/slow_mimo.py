"""A program: the simulated MiMo at the pace of a model, so that its answers can be watched.

Run as ``python -m tests.browser.slow_mimo PORT FILE DELAY FAULT…``; DELAY is in seconds from one event to the
next, all else is as in ``tests.e2e.faulty_mimo``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.faulty_mimo import serve
from tests.e2e.processes import (
    CHECKOUT,
    clean_environ,
    free_port,
    killed_on_failure,
    listens,
    start,
    wait_until,
)
from tests.e2e.proxy import RecordingMimo


@contextmanager
def slow_mimo(directory: Path, delay: float, *faults: str) -> Iterator[RecordingMimo]:
    """The program, running."""
    port, record = free_port(), directory / "record.jsonl"
    record.touch()
    process = start(
        [sys.executable, "-m", "tests.browser.slow_mimo", str(port), str(record), str(delay), *faults],
        output=directory / "mimo-output.txt",
        cwd=CHECKOUT,
        environ=clean_environ(directory),
    )
    mimo = RecordingMimo(port, record, process)
    with killed_on_failure(process):
        wait_until(lambda: listens(port) or None, "the slow MiMo")
        yield mimo
    mimo.stop()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], sys.argv[4:], float(sys.argv[3]))
