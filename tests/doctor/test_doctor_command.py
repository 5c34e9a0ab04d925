"""``ccmimolink-doctor`` as it is called: options, output, exit status, and checks that go wrong."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import chain, repeat

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from jsonschema_rs import validator_for
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from ccmimolink import __version__
from ccmimolink.control.files import is_running
from ccmimolink.doctor.command import parsed
from ccmimolink.doctor.findings import Check, Finding, Status, ok
from ccmimolink.doctor.report import as_lines
from ccmimolink.doctor.runner import examine
from ccmimolink.doctor.scene import Scene
from ccmimolink.doctor.table import CHECKS
from ccmimolink.terminal import Tone
from tests.doctor.doctor_stage import KEY, DoctorStage, other_environ
from tests.doctor.plantings import stranger
from tests.e2e.processes import CHECKOUT, PATIENCE, killed_on_failure, start, wait_until

PROGRAM = (sys.executable, "-c", "from ccmimolink.doctor.command import main; main()")

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "ccmimolink", "outcome", "checks"],
    "properties": {
        "version": {"const": 1},
        "ccmimolink": {"const": __version__},
        "outcome": {"enum": ["ok", "warning", "failed"]},
        "checks": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "title", "status", "found", "fix", "command"],
                "properties": {
                    "id": {"type": "string", "pattern": "^[a-z]+([.][a-z]+)?$"},
                    "title": {"type": "string", "minLength": 1},
                    "status": {"enum": ["ok", "warning", "failed", "not_checked"]},
                    "found": {"type": "string", "minLength": 1},
                    "fix": {"type": ["string", "null"]},
                    "command": {"type": ["string", "null"]},
                },
                "if": {"properties": {"status": {"enum": ["warning", "failed"]}}},
                "then": {"properties": {"fix": {"type": "string", "minLength": 1}}},
            },
        },
    },
}


@pytest_twisted.ensureDeferred
async def test_json_is_one_document_of_a_known_form_with_all_checks_in_their_order(
    stage: DoctorStage,
) -> None:
    stage.environ["MIMO_PROXY_RETRYS"] = "1"
    await stage.stop_proxy()

    ended = await stage.run("--json")

    validator_for(SCHEMA).validate(ended.json)
    assert [check["id"] for check in ended.json["checks"]] == [check.id for check in CHECKS]


@pytest_twisted.ensureDeferred
async def test_without_probe_nothing_that_is_billed_is_asked(stage: DoctorStage) -> None:
    ended = await stage.run("--json")

    not_checked = {name for name, status in ended.statuses.items() if status == "not_checked"}
    assert not_checked == {"upstream.turn", "proxy.turn"}
    assert all("--probe" in ended.checks[name]["found"] for name in not_checked)
    assert ended.status == 0


@pytest_twisted.ensureDeferred
async def test_a_person_gets_a_line_for_each_check_and_the_fix_below_it(stage: DoctorStage) -> None:
    await stage.stop_proxy()

    ended = await stage.run()

    lines = ended.out.splitlines()
    at = next(number for number, line in enumerate(lines) if "proxy.running" in line)
    assert lines[at].startswith("FAILED   proxy.running       Nobody answers at 127.0.0.1:")
    assert lines[at + 1].strip() == "-> Start the proxy, and leave it running."
    assert lines[at + 2].strip() == "$ twistd -n ccmimolink"
    assert sum(1 for line in lines if re.match(r"(ok|-|FAILED|WARNING) ", line)) == len(CHECKS)
    assert lines[-1] == f"{len(CHECKS)} checks: 1 failed, 3 not checked."
    assert "\x1b" not in ended.out


@pytest_twisted.ensureDeferred
async def test_quiet_leaves_out_what_is_well(stage: DoctorStage) -> None:
    stage.environ["MIMO_PROXY_RETRYS"] = "1"

    ended = await stage.run("--quiet", "--probe")

    marked = [line.split()[:2] for line in ended.out.splitlines() if not line.startswith(" ")]
    assert marked[:-1] == [["WARNING", "settings.names"]]
    assert ended.status == 0


@pytest_twisted.ensureDeferred
async def test_only_tells_of_one_check_and_looks_at_what_that_needs(stage: DoctorStage) -> None:
    ended = await stage.run("--json", "--only", "codex.key")

    assert ended.statuses == {"codex.key": "ok"}


@pytest_twisted.ensureDeferred
async def test_with_the_simulated_mimo_there_is_nothing_upstream_to_look_at(stage: DoctorStage) -> None:
    stage.environ["MIMO_PROXY_DEMO"] = "true"

    ended = await stage.run("--json", "--only", "upstream.key", "--only", "upstream.reachable")

    assert set(ended.statuses.values()) == {"not_checked"}


@pytest_twisted.ensureDeferred
async def test_a_clock_that_is_set_while_the_checks_run_is_told_of(stage: DoctorStage) -> None:
    began = time.time()
    times = chain([began], repeat(began + 60))

    ended = await stage.run("--json", "--only", "upstream.clock", now=lambda: next(times))

    assert ended.statuses == {"upstream.clock": "warning"}
    assert "was set by 60 s" in ended.checks["upstream.clock"]["found"]


@pytest.mark.parametrize(
    "arguments", [[KEY], ["--only", KEY], ["--port", KEY], [f"--json={KEY}"], ["--only"]], ids=str
)
def test_a_wrong_call_ends_with_2_and_repeats_no_argument(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(arguments)

    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.err.startswith("ccmimolink-doctor: ")
    assert KEY not in said.err + said.out


def test_the_help_names_every_check_the_exit_statuses_and_examples(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(["--help"])

    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert [check.id for check in CHECKS if check.id not in shown.split("EXAMPLES")[0]] == []
    for part in ("exit status", "examples", "environment", "billed"):
        assert part in shown.lower()


@pytest_twisted.ensureDeferred
async def test_the_program_ends_with_1_where_something_failed_and_shows_no_key(stage: DoctorStage) -> None:
    environ = other_environ(stage) | {"MIMO_API_KEY": KEY, "PYTHONPATH": str(CHECKOUT)}
    await stage.stop_proxy()
    done = await deferToThread(
        subprocess.run,
        [*PROGRAM, "--only", "proxy.running", "--only", "upstream.key"],
        env=environ,
        cwd=stage.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, "")
    assert "FAILED   proxy.running" in done.stdout
    assert KEY not in done.stdout


@pytest_twisted.ensureDeferred
async def test_what_may_not_be_entered_is_told_of_as_such(stage: DoctorStage) -> None:
    closed = stage.directory / "closed"
    closed.mkdir(mode=0o000)
    environ = other_environ(stage) | {
        "PYTHONPATH": str(CHECKOUT),
        "MIMO_PROXY_STATE_DIR": str(closed / "below" / "state"),
        "CODEX_CONFIG_PATH": str(closed / "config.toml"),
    }
    # The superuser enters any directory, unless that privilege is taken away.
    drop = ("--bounding-set=-all", "--inh-caps=-all")
    unprivileged = (str(shutil.which("setpriv")), *drop) if os.geteuid() == 0 else ()

    done = await deferToThread(
        subprocess.run,
        [*unprivileged, *PROGRAM],
        env=environ,
        cwd=stage.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert f"{closed} is not writable for you" in done.stdout
    assert "crashed" not in done.stdout


@pytest_twisted.ensureDeferred
async def test_a_present_directory_that_is_gone_is_said_of_the_log(
    stage: DoctorStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = stage.directory / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    stage.environ["MIMO_PROXY_LOG"] = "proxy.log"

    ended = await stage.run("--json")
    monkeypatch.chdir(stage.directory)

    assert "does not exist any more" in ended.checks["log.file"]["found"]
    assert "crashed" not in ended.out


@pytest_twisted.ensureDeferred
async def test_a_run_that_is_interrupted_ends_with_1_and_leaves_nothing_behind(
    stage: DoctorStage,
) -> None:
    environ = other_environ(stage) | {"PYTHONPATH": str(CHECKOUT), "PATH": str(stage.codex.path)}
    temporary, pid = stage.directory / "temporary", stage.directory / "pid"
    temporary.mkdir()
    environ |= {"TMPDIR": str(temporary)}
    (stage.codex.path / "codex").write_text(f"#!/bin/sh\necho $$ > {pid}\nexec /bin/sleep 60\n")
    process = start([*PROGRAM], output=stage.directory / "output.txt", cwd=stage.directory, environ=environ)

    def interrupted() -> int:
        with killed_on_failure(process):
            wait_until(lambda: (pid.exists() and pid.read_text().strip()) or None, "a Codex that hangs")
            process.send_signal(signal.SIGINT)
            return process.wait(PATIENCE)

    def output() -> str:
        return (stage.directory / "output.txt").read_text()

    assert await deferToThread(interrupted) == 1
    assert "codex.program" not in output()
    assert output().endswith("ccmimolink-doctor: it did not come to its end. Run it again.\n")
    assert "Traceback" not in output()
    assert not is_running(int(pid.read_text()))
    assert [*temporary.iterdir()] == []


@pytest_twisted.ensureDeferred
async def test_lines_that_codex_quotes_are_not_shown(stage: DoctorStage) -> None:
    """Whatever else is secret in them, nobody knows of it."""
    with stage.config.open("a") as config:
        config.write('\n[mcp_servers.mail]\ncommand = "mail"\nargs = ["hunter-two"]\n')
    stage.edit_config('model = "mimo-v2.5-pro"', "model = 5")

    ended = await stage.run("--json", "--only", "codex.accepted")

    assert ended.statuses == {"codex.accepted": "failed"}
    assert "in `model`" in ended.out
    assert "hunter" not in ended.out


# -- checks that misbehave ----------------------------------------------------------------------------------


async def statuses_of(*checks: Check) -> dict[str, Finding]:
    from twisted.internet import reactor

    return {one.check.id: one.finding for one in await examine(Scene(reactor=reactor), checks)}


def crashing(_scene: Scene) -> Finding:
    raise ZeroDivisionError(KEY)


async def crashing_in_the_reactor(_scene: Scene) -> Finding:
    raise ZeroDivisionError(KEY)


@pytest.mark.parametrize("look", [crashing, crashing_in_the_reactor])
@pytest_twisted.ensureDeferred
async def test_a_check_that_crashes_has_failed_and_the_others_go_on(look: object) -> None:
    found = await statuses_of(
        Check("one", "one", look),  # type: ignore[arg-type]
        Check("two", "two", lambda _scene: ok("fine")),
        Check("three", "three", lambda _scene: ok("fine"), needs=("one",)),
    )

    assert found["one"].status is Status.FAILED
    assert "ZeroDivisionError" in found["one"].found
    assert KEY not in found["one"].found + found["one"].fix
    assert found["two"].status is Status.OK
    assert (found["three"].status, found["three"].found) == (Status.NOT_CHECKED, "one failed.")


@pytest_twisted.ensureDeferred
async def test_a_check_that_hangs_has_failed_once_its_time_is_over() -> None:
    released = threading.Event()

    def hanging(_scene: Scene) -> Finding:
        released.wait(30)
        return ok("too late")

    async def hanging_in_the_reactor(_scene: Scene) -> Finding:
        # What is broken off may fail in its own way, as requests do.
        return await Deferred(lambda broken_off: broken_off.errback(ConnectionAbortedError()))

    found = await statuses_of(
        Check("one", "one", hanging, seconds=0.01),
        Check("two", "two", hanging_in_the_reactor, seconds=0.01),
        Check("three", "three", lambda _scene: ok("fine")),
    )
    released.set()

    assert [finding.status for finding in found.values()] == [Status.FAILED, Status.FAILED, Status.OK]
    assert all("within 0.01 s" in found[name].found for name in ("one", "two"))


@pytest_twisted.ensureDeferred
async def test_a_program_that_says_nothing_is_told_from_one_that_speaks_otherwise(stage: DoctorStage) -> None:
    planted = stranger(b"")(stage)
    assert planted is not None
    await planted

    ended = await stage.run("--json", "--only", "proxy.port")

    assert "says nothing" in ended.checks["proxy.port"]["found"]


@pytest_twisted.ensureDeferred
async def test_colour_is_laid_over_the_mark_alone() -> None:
    from twisted.internet import reactor

    [examined] = await examine(Scene(reactor=reactor), [Check("one", "one", lambda _scene: ok("fine"))])

    def paint(tone: Tone, text: str) -> str:
        return f"<{tone.name} {text}>"

    assert as_lines(examined, paint) == "<OK ok     >  one                 fine"
