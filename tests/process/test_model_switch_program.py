"""``ccmimolink-model`` as a program, and ``twistd -n ccmimolink``, switched by it, restarted and killed."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.threads import deferToThread

from tests.e2e.processes import CHECKOUT, PATIENCE, clean_environ, free_port
from tests.faults.script import Script, Send
from tests.faults.upstream import Plan, Received
from tests.http_wire import chunked, hello
from tests.process.program import Program, Stage

pytestmark = pytest.mark.process

CONSOLE_SCRIPT = Path(sys.executable).with_name("ccmimolink-model")


class Switched:
    """A port, its state directory, and the model that each request was sent to."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.port, self.state = stage, free_port(), stage.directory / "state"
        self.asked: list[str] = []

    async def serve(self) -> None:
        def well(received: Received) -> Script:
            self.asked.append(json.loads(received.body)["model"])
            return (Send(chunked(hello())),)

        await self.stage.serve(Plan(answer=well))

    async def start(self, *options: str, **environ: str) -> Program:
        program = await self.stage.start(
            *options, port=self.port, MIMO_PROXY_STATE_DIR=str(self.state), **environ
        )
        await self.stage.until((self.state / f"control-{self.port}.json").exists)
        return program

    async def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        ended: subprocess.CompletedProcess[str] = await deferToThread(self._command, *arguments)
        return ended

    def _command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = clean_environ(self.stage.directory, MIMO_PROXY_STATE_DIR=str(self.state))
        return subprocess.run(
            [CONSOLE_SCRIPT, *arguments, "--port", str(self.port)],
            cwd=CHECKOUT,
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    async def model(self, program: Program) -> str:
        assert (await self.stage.answered(program)).status == 200
        return self.asked[-1]

    async def end(self, program: Program, number: signal.Signals = signal.SIGTERM) -> None:
        program.signal(number)
        await self.stage.ends(program)
        if number is signal.SIGTERM:
            program.assert_no_trouble()


@pytest.fixture
def switched(stage: Stage) -> Switched:
    return Switched(stage)


@pytest_twisted.ensureDeferred
async def test_a_choice_outlasts_a_restart_until_it_is_reset(switched: Switched) -> None:
    await switched.serve()
    program = await switched.start()
    assert await switched.model(program) == "mimo-v2.5"
    ended = await switched.command("set", "mimo-v2.5-pro")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert await switched.model(program) == "mimo-v2.5-pro"
    assert "ccmimolink-model: text requests go to mimo-v2.5-pro" in program.log_text()
    await switched.end(program)
    assert [path.name for path in switched.state.iterdir()] == [f"model-{switched.port}.json"]
    program = await switched.start()
    assert await switched.model(program) == "mimo-v2.5-pro"
    assert (await switched.command("reset")).returncode == 0
    assert await switched.model(program) == "mimo-v2.5"


@pytest_twisted.ensureDeferred
async def test_an_option_of_the_start_wins_over_the_choice(switched: Switched) -> None:
    await switched.serve()
    assert (await switched.command("set", "mimo-v2.6-pro")).returncode == 0
    program = await switched.start("--v2.5-pro")
    assert await switched.model(program) == "mimo-v2.5-pro"
    assert "mimo-v2.5-pro (--model); ccmimolink-model had chosen mimo-v2.6-pro" in program.log_text()
    status = await switched.command("status")
    assert "mimo-v2.5-pro answers every text request (chosen by --model)." in status.stdout


@pytest_twisted.ensureDeferred
async def test_what_a_killed_proxy_left_is_told_of_and_replaced(switched: Switched) -> None:
    await switched.serve()
    program = await switched.start()
    await switched.end(program, signal.SIGKILL)
    ended = await switched.command("set", "mimo-v2.5-pro")
    assert ended.returncode == 0
    assert f"was left by a proxy that was killed (process {program.pid})" in ended.stdout
    program = await switched.start()
    await switched.stage.until(lambda: str(program.pid) in control_of(switched))
    assert await switched.model(program) == "mimo-v2.5-pro"
    assert (await switched.command("status")).returncode == 0


def control_of(switched: Switched) -> str:
    return (switched.state / f"control-{switched.port}.json").read_text()


@pytest_twisted.ensureDeferred
async def test_a_broken_choice_does_not_keep_the_program_from_starting(switched: Switched) -> None:
    await switched.serve()
    switched.state.mkdir()
    (switched.state / f"model-{switched.port}.json").write_bytes(b"\xff{")
    program = await switched.start()
    assert await switched.model(program) == "mimo-v2.5"
    assert "The model that was chosen before is not known" in program.log_text()


@pytest_twisted.ensureDeferred
async def test_the_token_is_in_no_log_and_no_output(switched: Switched) -> None:
    await switched.serve()
    program = await switched.start()
    token: Any = json.loads(control_of(switched))["token"]
    ended = [await switched.command(*each) for each in (["list"], ["status", "--json"], ["set", "mimo-v9"])]
    said = program.log_text() + program.said() + "".join(each.stdout + each.stderr for each in ended)
    assert len(token) >= 43
    assert token not in said
