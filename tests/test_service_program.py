"""ProxyService as the program that a person runs: what the signals do to it."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.e2e.processes import free_port
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, body_of, chunk, hello, request, text
from tests.memory_proxy import KEY
from tests.scripted_upstream import ScriptedUpstream, Wire, connect, until

ROOT = Path(__file__).resolve().parent.parent
POST = request("POST", "/v1/responses", body_of())


class Program:
    """``twistd -n ccmimolink`` in a process of its own."""

    def __init__(self, directory: Path, upstream_port: int) -> None:
        self.port = free_port()
        self.log = directory / "proxy.log"
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("MIMO_", "CODEX_"))
        }
        environ |= {"PYTHONPATH": str(ROOT), "HOME": str(directory), "MIMO_API_KEY": KEY}
        environ["MIMO_BASE_URL"] = f"http://127.0.0.1:{upstream_port}/v1"
        launcher = Path(sys.executable).with_name("twistd")
        self.output = directory / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    launcher,
                    "-n",
                    "--pidfile=",
                    "ccmimolink",
                    "--skip-sync",
                    f"--port={self.port}",
                    f"--log={self.log}",
                ],
                cwd=directory,
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def listens(self) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        if program.process.poll() is None:
            program.process.kill()
        program.process.wait()


@pytest_twisted.async_yield_fixture
async def program(tmp_path: Path, programs: list[Program]) -> AsyncIterator[tuple[Any, Program]]:
    from twisted.internet import reactor

    upstream = ScriptedUpstream(reactor)
    programs.append(Program(tmp_path, await upstream.listen()))
    yield upstream, programs[0]
    await upstream.stop()


async def stream_through(upstream: ScriptedUpstream, program: Program, reactor: Any) -> tuple[Wire, Wire]:
    await until(reactor, program.listens)
    client = await connect(reactor, program.port)
    client.send(POST)
    wire = await upstream.request()
    wire.send(STREAM_HEAD + chunk(text("a")))
    await until(reactor, lambda: client.received)
    return client, wire


async def drain(running: Program, reactor: Any) -> None:
    """Tell it to stop, and wait until it waits for what is running."""
    running.process.send_signal(signal.SIGTERM)
    await until(reactor, lambda: "waiting up to" in running.log.read_text())


@pytest_twisted.ensureDeferred
async def test_a_first_sigterm_drains(program: tuple[ScriptedUpstream, Program]) -> None:
    from twisted.internet import reactor

    upstream, running = program
    client, wire = await stream_through(upstream, running, reactor)
    await drain(running, reactor)
    late = await connect(reactor, running.port)
    late.send(POST)
    await until(reactor, lambda: late.lost)
    assert late.reply.status == 429
    wire.send(chunk(hello()) + LAST_CHUNK)
    await until(reactor, lambda: running.process.poll() is not None)
    await until(reactor, lambda: client.lost)
    assert client.reply.types()[-1] == "completed"
    assert running.process.returncode == -signal.SIGTERM
    assert "Traceback" not in running.output.read_text() + running.log.read_text()
    assert KEY not in running.output.read_text() + running.log.read_text()


@pytest_twisted.ensureDeferred
async def test_a_second_sigterm_ends_it_at_once(program: tuple[ScriptedUpstream, Program]) -> None:
    from twisted.internet import reactor

    upstream, running = program
    client, _ = await stream_through(upstream, running, reactor)
    await drain(running, reactor)
    started = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    await until(reactor, lambda: running.process.poll() is not None and client.lost)
    assert time.monotonic() - started < 2
    assert client.reply.types()[-1] == "failed"
    assert client.reply.complete
    assert running.process.returncode == -signal.SIGTERM
    assert "Traceback" not in running.output.read_text() + running.log.read_text()
