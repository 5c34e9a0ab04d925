"""The sides of a comparison: the upstream itself, our proxy, and the peers.

Owns their starts. Each is a port that takes one kind of request. It must not measure.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import kernel
from tests.bench.peers import Peer, installed
from tests.bench.processes import free_port, running, wait_for_port
from tests.bench.scenarios import Scenario
from tests.bench.scripts import script
from tests.bench.tools import Tools

CHECKOUT = Path(__file__).resolve().parents[2]
DIRECT = "direct"
OURS = "ccmimolink"


@dataclass(frozen=True)
class Marks:
    """What the load client looks for: in the line of a delta, and in a line of a whole answer."""

    delta: str
    final: str


CHAT = Marks('"delta":{', "[DONE]")
RESPONSES = Marks('.delta"', "response.completed")


@dataclass(frozen=True)
class Side:
    """:ivar pid: whose CPU time and memory count, with its children's; ``None`` for the upstream itself.
    :ivar share: of the requests that it gets.
    """

    name: str
    port: int
    pid: int | None
    marks: Marks
    share: float = 1

    @property
    def pids(self) -> list[int]:
        return [] if self.pid is None else kernel.family(self.pid)


@dataclass(frozen=True)
class Upstream:
    port: int
    folder: Path

    def play(self, scenario: Scenario) -> None:
        """From now on every request is answered so."""
        path = self.folder / "script"
        path.write_text(script(scenario), encoding="utf-8")
        self._get(f"/load{path}")

    def last(self) -> bytes:
        """The events of the stream that was finished last, as they were sent."""
        return self._get("/last")

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            content: bytes = answer.read()
        return content


@contextmanager
def upstream(tools: Tools) -> Iterator[Upstream]:
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([str(tools.upstream)], stdout=subprocess.PIPE) as process,
    ):
        try:
            assert process.stdout is not None
            yield Upstream(int(process.stdout.readline()), Path(folder))
        finally:
            process.terminate()


def direct(port: int) -> Side:
    return Side(DIRECT, port, None, CHAT)


@contextmanager
def ours(
    upstream_port: int, changes: dict[str, str] | None = None, program: str = "twisted"
) -> Iterator[Side]:
    """Our proxy as its users start it, with no pacing.

    :param program: the module that stands for ``twist``.
    """
    port = free_port()
    settings = {
        "PYTHONPATH": str(CHECKOUT),
        "MIMO_API_KEY": "sk-fake-bench",
        "MIMO_BASE_URL": f"http://127.0.0.1:{upstream_port}/v1",
        "MIMO_PROXY_MIN_INTERVAL_MS": "0",
        "MIMO_PROXY_MAX_CONCURRENT": "64",
        **(changes or {}),
    }
    launcher = [sys.executable, "-m", program, "--log-file", "/dev/null"]
    arguments = ["ccmimolink", "--port", str(port), "--log", "proxy.log", "--skip-sync"]
    with _served(OURS, port, [*launcher, *arguments], settings, seconds=20) as side:
        yield side


@contextmanager
def peer_side(peer: Peer, upstream_port: int) -> Iterator[Side]:
    programs, _version = installed(peer)
    port = free_port()
    with tempfile.TemporaryDirectory() as files:
        command = peer.command(programs, Path(files), port, upstream_port)
        seconds, share = peer.start_seconds, peer.share
        ours = {"PYTHONPATH": str(CHECKOUT)} if peer.package is None else {}
        with _served(peer.name, port, command, ours, seconds=seconds, share=share) as side:
            yield side if peer.package is not None else replace(side, marks=CHAT)


@contextmanager
def _served(
    name: str, port: int, command: list[str], changes: dict[str, str], *, seconds: float, share: float = 1
) -> Iterator[Side]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as path:
        folder = Path(path)
        with running(command, folder, changes) as process:
            wait_for_port(process, port, folder, seconds)
            yield Side(name, port, process.pid, RESPONSES, share)
