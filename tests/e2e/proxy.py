"""The proxy and the simulated MiMo as running programs, started as a user starts them.

Owns their command lines, logs and records. It must not know what a client asks of them.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.e2e.processes import (
    CHECKOUT,
    clean_environ,
    free_port,
    get,
    killed_on_failure,
    listens,
    start,
    stop,
    wait_until,
)
from tests.e2e.recording_mimo import rejected_beside

FAKE_KEY = "sk-fake-key-for-the-simulated-mimo"


@dataclass(frozen=True)
class RecordingMimo:
    """A simulated MiMo that can be asked what it was asked."""

    port: int
    record: Path
    process: subprocess.Popen[str]

    @classmethod
    def start(cls, directory: Path, *retired: str) -> RecordingMimo:
        """:param retired: models that it serves no more."""
        port, record = free_port(), directory / "record.jsonl"
        record.touch()
        process = start(
            [sys.executable, "-m", "tests.e2e.recording_mimo", str(port), str(record), *retired],
            output=directory / "mimo-output.txt",
            cwd=CHECKOUT,
            environ=clean_environ(directory),
        )
        mimo = cls(port, record, process)
        with killed_on_failure(process):
            wait_until(lambda: listens(port) or None, "the simulated MiMo")
        return mimo

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def requests(self) -> list[dict[str, Any]]:
        """The bodies of all requests for completions, in the order they came."""
        return [line["body"] for line in self._lines()]

    def most_in_flight(self) -> int:
        """How many requests were being answered at once, at the worst."""
        return max(int(line["in_flight"]) for line in self._lines())

    def least_interval(self) -> float:
        """Seconds between two requests that came closest upon each other."""
        times = [float(line["at"]) for line in self._lines()]
        return min(later - earlier for earlier, later in pairwise(times))

    def keys(self) -> list[str]:
        """The keys of all requests for completions, in the order they came."""
        return [str(line["key"]) for line in self._lines()]

    def reject(self, key: str) -> None:
        """From now on, until it forgets, this key is none."""
        with rejected_beside(self.record).open("a") as keys:
            keys.write(f"{key}\n")

    def forget(self) -> None:
        self.record.write_text("")
        rejected_beside(self.record).unlink(missing_ok=True)

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def stop(self) -> None:
        stop(self.process)


@dataclass(frozen=True)
class Proxy:
    """A running ccmimolink.

    :ivar catalog: the body of ``GET /v1/models``, saved as the README tells users to.
    """

    port: int
    log: Path
    output: Path
    catalog: Path
    process: subprocess.Popen[str]

    @staticmethod
    def command(port: int, log: Path, *options: str) -> list[str]:
        """``twistd -n ccmimolink``, as a command line."""
        twistd = Path(sys.executable).with_name("twistd")
        ours = ["--port", str(port), "--log", str(log), *options]
        return [str(twistd), "-n", "--pidfile=", "ccmimolink", *ours]

    @classmethod
    def start(cls, directory: Path, *options: str, **environ: str) -> Proxy:
        """Run ``twistd -n ccmimolink`` and wait until it is healthy."""
        port, log, output = free_port(), directory / "mimo_proxy.log", directory / "proxy-output.txt"
        process = start(
            cls.command(port, log, *options),
            output=output,
            cwd=CHECKOUT,
            environ=clean_environ(directory, **{"MIMO_PROXY_MIN_INTERVAL_MS": "0", **environ}),
        )
        proxy = cls(port, log, output, directory / "mimo-models.json", process)
        with killed_on_failure(process):
            wait_until(proxy._health, f"a healthy proxy ({output})")
            listing = get(f"{proxy.base_url}/models")
            assert listing is not None, "GET /v1/models failed"
        proxy.catalog.write_bytes(listing)
        return proxy

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _health(self) -> bytes | None:
        assert self.process.poll() is None, self.output.read_text()
        return get(f"http://127.0.0.1:{self.port}/health")

    def log_text(self) -> str:
        return self.log.read_text()

    def stop(self) -> None:
        """End the program.

        :raises AssertionError: it did not end well, or something had gone wrong on the way.
        """
        status = stop(self.process)
        log = self.log_text() + self.output.read_text()
        # twistd ends in order, and then by the signal that it was sent.
        assert status == -signal.SIGTERM, f"exit status {status}\n{log}"
        assert "ccmimolink has stopped" in log, log
        for trouble in ("Traceback", "Unhandled", "Fatal", "#error", "#critical", FAKE_KEY):
            assert trouble not in log, log
