"""``ccmimolink-service status`` and ``logs``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ccmimolink import __version__
from ccmimolink.background.health import Answer
from ccmimolink.background.systemd import UNIT
from tests.background.service_stage import KEY, Stage


@pytest.fixture(params=["linux", "darwin"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return Stage(tmp_path, request.param)


def test_a_service_that_runs_is_0(stage: Stage) -> None:
    stage("install")

    ended = stage("status")

    assert ended.status == 0
    assert f"installed: {stage.file} (ours)\n" in ended.out
    assert "running: process 4242, since Sat " in ended.out
    assert "at login: is started\n" in ended.out
    assert f"address: tcp:{stage.port}:interface=127.0.0.1: a ccmimolink answers\n" in ended.out
    assert "!" not in ended.out


def test_one_that_does_not_run_is_3(stage: Stage) -> None:
    stage("install")
    stage.fake.running = False

    ended = stage("status")

    assert ended.status == 3
    assert "not running: " in ended.out


def test_one_that_is_not_installed_is_4(stage: Stage) -> None:
    ended = stage("status")

    assert (ended.status, stage.fake.commands) == (4, [])
    assert f"not installed: {stage.file} does not exist\n" in ended.out


def test_programs_are_told_the_same(stage: Stage) -> None:
    stage("install", "--model", "mimo-v2.5-pro")

    ended = stage("status", "--json")

    assert ended.status == 0
    assert (
        ended.json.items()
        >= {
            "file": str(stage.file),
            "installed": True,
            "running": True,
            "failed": False,
            "pid": 4242,
            "starts_at_login": True,
            "listen": f"tcp:{stage.port}:interface=127.0.0.1",
            "health": "a ccmimolink answers",
            "version": __version__,
            "made_by": __version__,
            "program": str(stage.twistd),
            "log": str(stage.state / "mimo_proxy.log"),
            "environment_file": str(stage.environment_file),
            "warnings": [],
        }.items()
    )


def test_an_environment_that_was_moved_is_told(stage: Stage) -> None:
    stage("install")
    stage.twistd.unlink()

    assert (
        f"! {stage.twistd} is gone, so that it cannot start: run ccmimolink-service install"
        in stage("status").out
    )


def test_another_environment_than_the_services_is_told(stage: Stage) -> None:
    stage("install")
    elsewhere = stage.bin.with_name("elsewhere")
    elsewhere.mkdir()
    stage.python = elsewhere / "python"
    (elsewhere / "twistd").touch()

    assert f"! It runs {stage.twistd}, and this command belongs to {elsewhere}/twistd" in stage("status").out


def test_a_process_of_another_version_is_told(stage: Stage) -> None:
    stage("install")
    stage.health_body = {"version": "0.0.1"}

    assert (
        f"! It still runs version 0.0.1; for {__version__}: {stage.manager.restart}\n" in stage("status").out
    )


@pytest.mark.parametrize(
    "mark",
    ['{"listen": "nowhere"}', '{"listen": "tcp:9877", "log": "x"}', '{"log": 5}', "{" * 9999 + "}", "{}"],
)
def test_nothing_is_believed_of_a_mark_that_was_edited(stage: Stage, mark: str) -> None:
    stage("install")
    text = stage.file.read_text()
    stage.file.write_text(re.sub(r"(?<=ccmimolink-service: )\{.*\}", lambda _: mark, text))
    asked = list(stage.asked)

    ended = stage("status")

    assert f"installed: {stage.file} (ours, and edited since)\n" in ended.out
    assert "log:" not in ended.out
    assert stage.asked == asked
    assert "No service of ccmimolink-service's" in stage("logs", "--journal").out
    assert stage("uninstall").status == 0


def test_a_file_that_was_edited_is_told(stage: Stage) -> None:
    stage("install")
    stage.file.write_text(stage.file.read_text() + "# mine\n")

    assert f"installed: {stage.file} (ours, and edited since)\n" in stage("status").out


def test_another_program_at_its_address_is_told(stage: Stage) -> None:
    stage("install")
    stage.fake.running, stage.answers = False, Answer.OTHER

    assert "! It does not run, and at its address another program answers.\n" in stage("status").out


def test_the_token_of_the_environment_file_is_shown_to_the_service_alone(stage: Stage) -> None:
    stage.write_environment(f"MIMO_PROXY_TOKEN={KEY}\n")
    stage("install")
    stage.asked.clear()

    ended = stage("status")

    assert stage.asked == [(f"127.0.0.1:{stage.port}", KEY)]
    assert KEY not in ended.out


def test_a_manager_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage("install")
    stage.fake.broken = {"systemctl": "Failed to connect to bus"}

    ended = stage("status")

    assert ended.status == 3
    assert "not running: systemd's user manager cannot be reached: Failed to connect to bus\n" in ended.out


# -- logs ---------------------------------------------------------------------------------------------------


def test_logs_show_the_end_of_the_services_log(stage: Stage) -> None:
    log = stage.cwd / "mine.log"
    stage("install", "--log", "mine.log")
    log.touch()

    assert stage("logs").status == 0
    stage("logs", "-n", "7", "--follow")

    assert stage.fake.shown == [f"tail -n 50 {log}", f"tail -n 7 -F {log}"]


def test_the_managers_own_record_can_be_shown(stage: Stage) -> None:
    stage("install")

    stage("logs", "--journal", "--lines=3", "-f")

    journal = f"journalctl --user --unit={UNIT} --no-pager --lines=3 --follow"
    output = f"tail -n 3 -F {stage.state / 'service.out'}"
    assert stage.fake.shown == [journal if stage.platform == "linux" else output]


def test_following_ends_well_with_ctrl_c(stage: Stage) -> None:
    stage("install")
    stage.fake.interrupted = True

    assert stage("logs", "--journal", "-f").status == 0


def test_a_log_that_never_began_says_where_the_reason_stands(stage: Stage) -> None:
    stage("install")

    ended = stage("logs")

    assert ended.status == 1
    assert "ccmimolink-service logs --journal" in ended.out


def test_without_a_service_there_are_no_logs(stage: Stage) -> None:
    ended = stage("logs")

    assert (ended.status, stage.fake.shown) == (1, [])
