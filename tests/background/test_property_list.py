"""launchd's property list, and the program that begins the service there."""

from __future__ import annotations

import plistlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.background.clock import Clock
from ccmimolink.background.errors import ServiceError
from ccmimolink.background.launchd import LABEL, Launchd
from ccmimolink.background.ownership import Kind, judged
from tests.background.service_stage import KEY, FakeManager, Stage
from tests.background.test_unit_file import PLAN
from tests.e2e.processes import clean_environ

MANAGER = Launchd(FakeManager(), Clock(), Path("/Users/somebody"), 501, Path("/venv/bin/python"))
BEGIN = ["/venv/bin/python", "-P", "-m", "ccmimolink.background.start", str(PLAN.environment_file)]

DOCUMENTED = {
    "Label": str,
    "ProgramArguments": list,
    "EnvironmentVariables": dict,
    "WorkingDirectory": str,
    "RunAtLoad": bool,
    "KeepAlive": dict,
    "ThrottleInterval": int,
    "ExitTimeOut": int,
    "Umask": int,
    "StandardOutPath": str,
    "StandardErrorPath": str,
}
"""Of launchd.plist(5), what a service here may have, with its type."""

VALUE = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


@given(st.lists(VALUE), st.dictionaries(VALUE, VALUE))
def test_command_and_variables_are_read_back(options: list[str], variables: dict[str, str]) -> None:
    text = MANAGER.text(replace(PLAN, command=("/venv/bin/twistd", *options), variables=variables))

    found = plistlib.loads(text.encode())
    assert found["ProgramArguments"] == [*BEGIN, "/venv/bin/twistd", *options]
    assert found["EnvironmentVariables"] == variables
    assert judged(text).kind is Kind.OURS


def test_every_key_is_one_of_launchds_and_has_its_type() -> None:
    found = plistlib.loads(MANAGER.text(PLAN).encode())

    assert {name: type(value) for name, value in found.items()} == DOCUMENTED
    assert found["Label"] == LABEL == MANAGER.file.stem
    assert found["KeepAlive"] == {"SuccessfulExit": False}
    assert found["Umask"] == 0o077
    assert found["ExitTimeOut"] == PLAN.stop_seconds


def test_two_dashes_of_a_path_do_not_end_the_comment() -> None:
    text = MANAGER.text(replace(PLAN, directory=Path("/Users/some--body --> </plist>")))

    assert plistlib.loads(text.encode())["WorkingDirectory"] == "/Users/some--body --> </plist>"
    assert judged(text).facts["directory"] == "/Users/some--body --> </plist>"


def test_a_control_character_is_refused() -> None:
    with pytest.raises(ServiceError, match="holds a control character"):
        MANAGER.text(replace(PLAN, directory=Path("/Users/some\x01body")))


def test_an_old_service_is_gone_before_a_changed_one_begins(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "darwin")
    stage("install")
    stage.fake.commands.clear()

    stage("install", "--model", "mimo-v2.5-pro")

    assert [words.split()[1] for words in stage.fake.changes()] == ["bootout", "enable", "bootstrap"]


def test_a_service_that_does_not_go_away_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "darwin")
    stage("install")
    stage.fake.sticky = True

    ended = stage("uninstall")

    assert ended.status == 1
    assert "launchd did not end the service within 45 s" in ended.out
    assert stage.file.exists()


# -- the beginning ------------------------------------------------------------------------------------------


def begun(tmp_path: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "ccmimolink.background.start", str(tmp_path / "service.env"), *command],
        env=clean_environ(tmp_path, **environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_program_gets_the_variables_of_the_file_which_win(tmp_path: Path) -> None:
    (tmp_path / "service.env").write_text(f"MIMO_API_KEY={KEY}\nMIMO_MODEL='of the file'\n")

    ended = begun(tmp_path, "/usr/bin/env", MIMO_MODEL="of the list", OTHER="left")

    assert {f"MIMO_API_KEY={KEY}", "MIMO_MODEL=of the file", "OTHER=left"} <= set(ended.stdout.splitlines())


def test_without_the_file_it_begins_all_the_same(tmp_path: Path) -> None:
    assert begun(tmp_path, "/bin/echo", "begun").stdout == "begun\n"


@pytest.mark.parametrize(
    ("line", "program", "says"),
    [(f"{KEY}\n", "/bin/true", "line 1: this is not NAME=value"), ("", "/gone", "/gone cannot be started")],
)
def test_a_beginning_that_fails_is_one_line(tmp_path: Path, line: str, program: str, says: str) -> None:
    (tmp_path / "service.env").write_text(line)

    ended = begun(tmp_path, program)

    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert says in ended.stderr
    assert KEY not in ended.stderr
