"""The command ended in the middle, by a person or the system: at once, with everything put back."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.mimocode.command_stage import KIMI_REFERENCE, READY, CommandStage, finished
from tests.mimocode.gateway_api import KEY, stalled
from tests.mimocode.mimo_home import needs_stand_in
from tests.mimocode.processes import is_running, running
from tests.scripted_upstream import until


@pytest.fixture
def stage(tmp_path: Path) -> CommandStage:
    return CommandStage(tmp_path)


SIGNALS: dict[str, tuple[int, ...]] = {
    "INT": (signal.SIGINT,),
    "TERM": (signal.SIGTERM,),
    "HUP": (signal.SIGHUP,),
    "INT twice": (signal.SIGINT, signal.SIGINT),
}


async def interrupted(process: subprocess.Popen[str], ending: str) -> Any:
    for number in SIGNALS[ending]:
        process.send_signal(number)
    ended = await finished(process)
    result = ended.result()
    assert (ended.status, result["errorCode"], result["status"]) == (1, "interrupted", "failed"), ended
    return result


@needs_stand_in
@pytest.mark.parametrize(
    ("command", "ending"),
    [
        ("--version", "INT"),
        ("debug paths", "TERM"),
        *(("debug config", ending) for ending in SIGNALS),
        ("models", "INT twice"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_whoever_ends_it_while_mimo_runs_finds_everything_as_it_was(
    stage: CommandStage, command: str, ending: str
) -> None:
    from twisted.internet import reactor

    stage.install(commands={command: {"hang": True, "ignore_sigterm": True}})
    before = stage.settled()
    async with stage.open() as port:
        process = stage.start(port, *READY)
        # The program and the child that it leaves, once it has ignored the signal.
        await until(reactor, lambda: len(running(stage.program)) == 2)
        await interrupted(process, ending)

    assert stage.settled() == before
    assert running(stage.program) == []


@pytest.mark.parametrize("ending", ["INT", "TERM"])
@pytest_twisted.ensureDeferred
async def test_whoever_ends_it_while_the_gateway_is_asked_finds_everything_as_it_was(
    stage: CommandStage, ending: str
) -> None:
    from twisted.internet import reactor

    before = stage.settled()
    async with stage.open(stalled()) as port:
        process = stage.start(port, *READY)
        await until(reactor, lambda: stage.gateway.requests)
        await interrupted(process, ending)

    assert stage.settled() == before


@needs_stand_in
@pytest.mark.parametrize("ending", ["INT", "TERM", "INT twice"])
@pytest_twisted.ensureDeferred
async def test_whoever_ends_it_while_it_waits_for_a_key_on_stdin_finds_everything_as_it_was(
    stage: CommandStage, ending: str
) -> None:
    from twisted.internet import reactor

    before = stage.settled()
    reading, writing = os.pipe()
    try:
        process = stage.start(0, *READY, "--api-key-stdin", key=None, stdin=reading)
        await until(reactor, lambda: "debug paths" in stage.commands() and waits_for_input(process))
        await interrupted(process, ending)
    finally:
        os.close(reading)
        os.close(writing)

    assert stage.settled() == before


def waits_for_input(process: subprocess.Popen[str]) -> bool:
    """Whether the program's own thread is in a read (whose number is the machine's) of its stdin."""
    call = Path(f"/proc/{process.pid}/syscall").read_text().split()
    return call[:2] in (["0", "0x0"], ["63", "0x0"])


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_child_of_mimo_that_escaped_keeps_the_command_from_nothing(stage: CommandStage) -> None:
    from twisted.internet import reactor

    pids = stage.root / "pids"
    stage.program.write_text(
        f"#!/bin/sh\nsetsid sleep 600 &\necho $! > {pids}.part\nmv {pids}.part {pids}\nwait\n"
    )
    async with stage.open() as port:
        process = stage.start(port, *READY)
        await until(reactor, pids.exists)
        escaped = int(pids.read_text())
        try:
            await until(reactor, lambda: os.getsid(escaped) == escaped)
            await interrupted(process, "TERM")
            assert is_running(escaped)
        finally:
            with suppress(ProcessLookupError):
                os.kill(escaped, signal.SIGKILL)


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_whoever_ends_the_check_of_the_session_keeps_the_setup(stage: CommandStage) -> None:
    from twisted.internet import reactor

    proper = stage.program.rename(stage.program.with_name("proper"))
    begun = stage.root / "begun"
    check = f'if [ -n "$MIMOCODE_CONFIG" ]; then touch "{begun}"; sleep 600; fi'
    stage.program.write_text(f'#!/bin/sh\n{check}\nexec "{proper}" "$@"\n')
    stage.program.chmod(0o755)
    async with stage.open() as port:
        process = stage.start(port, *READY, env={"MIMOCODE_CONFIG": "/nonexistent"})
        await until(reactor, begun.exists)
        process.send_signal(signal.SIGINT)
        ended = await finished(process)

    result = ended.result()
    assert (ended.status, result["errorCode"]) == (1, "interrupted")
    assert "The setup is done" in result["message"]
    assert stage.resolved()["model"] == KIMI_REFERENCE
    stage.check_files(KEY)
