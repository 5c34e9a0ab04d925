"""``ccmimolink-sync`` as a person calls it: what it takes, what it says, and how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ccmimolink.sync.errors import (
    KEY_EMPTY,
    NOT_CURRENT,
    NOT_INSTALLED,
)
from tests.e2e.processes import free_port
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import (
    MIMO_ID,
    MIMO_KEY,
    OTHER_ID,
    TOKEN_PLAN_ID,
    mimo_row,
    token_plan_row,
)
from tests.sync.stage import (
    ALONE_KEY,
    UPSTREAM,
    Command,
    Terminal,
    database_of,
    local,
    stores_of,
    with_cc_switch,
    without_cc_switch,
)

SECRET = "sk-fake-typed-by-mistake-0001"
CONSOLE_SCRIPT = Path(sys.executable).with_name("ccmimolink-sync")


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path, free_port())


# -- what it does, and what it says of it -------------------------------------------------------------------


def test_it_takes_over_and_says_what_it_did_and_what_to_do_next(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)

    ended = command()

    assert (ended.status, ended.err) == (0, "")
    assert f"The provider 'Xiaomi MiMo' in cc switch leads to {local(command.port)} now." in ended.out
    assert f"{app.config_path} leads to {local(command.port)} now." in ended.out
    assert ended.out.splitlines()[-1].startswith("-> Restart Codex")
    assert local(command.port) in app.config_text(MIMO_ID)
    assert local(command.port) in app.live_text()


def test_where_mimo_is_not_selected_the_next_step_is_to_select_it(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path, current=OTHER_ID)

    ended = command()

    assert ended.status == 0
    assert NOT_CURRENT in ended.out
    assert ended.out.splitlines()[-1] == "-> Select 'Xiaomi MiMo' in cc switch."


def test_a_second_run_has_nothing_to_do(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    command()
    before = stores_of(tmp_path)

    ended = command("--json")

    assert (ended.status, ended.json["outcome"]) == (0, "nothing to do")
    assert stores_of(tmp_path) == before


def test_restore_gives_back_and_a_second_one_has_nothing_to_do(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    before = stores_of(tmp_path)
    command()

    first, second = command("--restore"), command("--restore")

    assert (first.status, second.status) == (0, 0)
    assert stores_of(tmp_path) == before
    assert "original" in first.out
    assert "No route is taken over" in second.out


def test_the_json_has_the_outcome_the_lines_the_steps_and_the_facts(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)

    ended = command("--json")

    assert ended.json["outcome"] == "done"
    assert {"lines", "warnings", "next"} < set(ended.json)
    assert (ended.json["provider"], ended.json["upstream"]) == (MIMO_ID, UPSTREAM)


JSON_CASES: dict[str, tuple[list[str], int, str]] = {
    "dry run": (["--dry-run"], 0, "would change"),
    "status": (["--status"], 1, "not done"),
    "restore": (["--restore"], 0, "nothing to do"),
    "restore, dry": (["--restore", "--dry-run"], 0, "nothing to do"),
    "no such provider": (["--provider", "nobody"], 1, "not done"),
    "codex only, beside cc switch": (["--codex-only"], 1, "not done"),
}


@pytest.mark.parametrize("name", JSON_CASES)
def test_whatever_the_outcome_the_json_is_valid_and_alone(
    tmp_path: Path, command: Command, name: str
) -> None:
    arguments, status, outcome = JSON_CASES[name]
    with_cc_switch(tmp_path)

    ended = command(*arguments, "--json")

    assert (ended.status, ended.json["outcome"], ended.err) == (status, outcome, "")


def test_a_run_at_the_upstream_and_provider_that_were_named(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    app.add(token_plan_row())

    ended = command(
        "--provider", TOKEN_PLAN_ID, "--upstream", "https://token-plan-sgp.xiaomimimo.com/v1/", "--json"
    )

    assert ended.json["provider"] == TOKEN_PLAN_ID
    assert ended.json["upstream"] == "https://token-plan-sgp.xiaomimimo.com/v1"


def test_the_port_is_the_one_that_was_named(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)

    command("--port", "4711")

    assert local(4711) in app.live_text()


def test_without_a_port_it_is_the_proxys_default(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    del command.environ["MIMO_PROXY_PORT"]

    command()

    assert local(9876) in app.live_text()


def test_no_catalog_is_remembered_until_it_is_undone(tmp_path: Path, command: Command) -> None:
    """Without Codex, and with MiMo as the only provider, the catalog is made of our models."""
    app = CcSwitch(tmp_path)
    app.add(mimo_row(catalog=False))
    app.switch(MIMO_ID)
    catalog = app.config_path.with_name("ccmimolink-models.json")

    found = [
        command(*arguments) and catalog.exists() for arguments in ((), ("--no-catalog",), (), ("--catalog",))
    ]

    assert found == [True, False, False, True]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--provider", SECRET, "--api-key"),
        ("--provider", SECRET, SECRET),
        (f"--provider={SECRET}", "--port", "0"),
        ("--provider", SECRET, "--status", "--restore"),
        (f"--providers={SECRET}",),
        ("--provider", SECRET, "--provider"),
        ("--provider", SECRET, "--api-key-stdin"),
        ("--provider", SECRET, "--upstream", SECRET),
    ],
)
def test_a_wrong_call_does_not_repeat_a_provider(command: Command, arguments: tuple[str, ...]) -> None:
    """It may be a key in the wrong place."""
    ended = command(*arguments)

    assert (ended.status, ended.out) == (2, "")
    assert SECRET not in ended.err


# -- without cc switch --------------------------------------------------------------------------------------


def test_without_cc_switch_it_says_what_to_run(tmp_path: Path, command: Command) -> None:
    ended = command()

    assert ended.status == 1
    assert ended.out.startswith(f"! {NOT_INSTALLED}: there is no {database_of(tmp_path)}.")
    assert "run ccmimolink-sync --codex-only" in ended.out


def test_the_key_of_codex_only_comes_from_stdin(tmp_path: Path, command: Command) -> None:
    config = without_cc_switch(tmp_path)

    ended = command("--codex-only", "--api-key-stdin", stdin=io.StringIO(f"  {ALONE_KEY}\n"))

    assert ended.status == 0
    assert f'"{ALONE_KEY}"' in config.read_text()
    assert not command.asked


def test_the_key_of_codex_only_is_asked_for_at_a_terminal(tmp_path: Path, command: Command) -> None:
    config = without_cc_switch(tmp_path)

    ended = command("--codex-only", stdin=Terminal(), answer=ALONE_KEY)

    assert ended.status == 0
    assert f'"{ALONE_KEY}"' in config.read_text()
    assert len(command.asked) == 1


def test_the_key_of_codex_only_comes_from_the_environment_without_a_question(tmp_path: Path) -> None:
    config = without_cc_switch(tmp_path)
    command = Command(tmp_path, free_port(), MIMO_API_KEY=ALONE_KEY)

    assert command("--codex-only", stdin=Terminal()).status == 0

    assert f'"{ALONE_KEY}"' in config.read_text()
    assert not command.asked


def test_an_empty_answer_keeps_the_key_that_is_there(tmp_path: Path, command: Command) -> None:
    config = without_cc_switch(tmp_path)
    command("--codex-only", stdin=Terminal(), answer=ALONE_KEY)

    assert command("--codex-only", stdin=Terminal()).status == 0

    assert f'"{ALONE_KEY}"' in config.read_text()


@pytest.mark.parametrize("interruption", [EOFError(), KeyboardInterrupt()], ids=repr)
def test_who_ends_the_question_ends_the_run(
    tmp_path: Path, command: Command, interruption: BaseException
) -> None:
    config = without_cc_switch(tmp_path)
    before = config.read_bytes()

    ended = command("--codex-only", stdin=Terminal(), answer=interruption)

    assert (ended.status, config.read_bytes()) == (1, before)
    assert "No API key was given. Run it again" in ended.out


def test_without_a_key_nothing_is_written_and_the_ways_to_give_one_are_said(
    tmp_path: Path, command: Command
) -> None:
    config = without_cc_switch(tmp_path)
    before = config.read_bytes()

    ended = command("--codex-only")

    assert (ended.status, config.read_bytes()) == (1, before)
    assert ended.out.startswith(f"! {KEY_EMPTY}. Give it with --api-key-stdin, or in MIMO_API_KEY.")


BAD_KEYS = {
    "nothing": (b"", "There was no API key on stdin. Give it there"),
    "a blank line": (b"  \n", "There was no API key on stdin. Give it there"),
    "two words": (f"{SECRET} {SECRET}\n".encode(), "not shown"),
    "a letter": (f"{SECRET}é\n".encode(), "not shown"),
    "no text": (SECRET.encode() + b"\xff\n", "not shown"),
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, command: Command, name: str) -> None:
    given, says = BAD_KEYS[name]
    config = without_cc_switch(tmp_path)
    before = config.read_bytes()

    stdin = io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")
    ended = command("--codex-only", "--api-key-stdin", stdin=stdin)

    assert (ended.status, config.read_bytes()) == (1, before)
    assert says in ended.out
    assert SECRET not in ended.out


# -- as it is installed -------------------------------------------------------------------------------------


def installed(
    home: Path, *arguments: str, given: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CONSOLE_SCRIPT, *arguments],
        env={
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "MIMO_PROXY_STATE_DIR": str(home / ".state"),
            **environ,
        },
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_installed_command_takes_over_shows_and_gives_back(tmp_path: Path) -> None:
    with_cc_switch(tmp_path)
    before = stores_of(tmp_path)

    taken, status, back = (
        installed(tmp_path, *arguments) for arguments in ((), ("--status", "--json"), ("--restore",))
    )

    assert (taken.returncode, status.returncode, back.returncode) == (0, 1, 0)
    assert json.loads(status.stdout)["cc_switch"]["current"] is True
    assert taken.stderr + status.stderr + back.stderr == ""
    assert stores_of(tmp_path) == before


def test_the_installed_command_keeps_its_memory_where_such_belongs(tmp_path: Path) -> None:
    with_cc_switch(tmp_path)

    assert installed(tmp_path, MIMO_PROXY_STATE_DIR="").returncode == 0

    [state] = tmp_path.rglob("state.json")
    assert state.parent.name == "ccmimolink"
    assert state.stat().st_mode & 0o777 == 0o600


def test_the_installed_command_ends_with_2_after_a_wrong_call(tmp_path: Path) -> None:
    ended = installed(tmp_path, "--api-key", SECRET)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert SECRET not in ended.stderr
    assert MIMO_KEY not in ended.stderr


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_end_well(tmp_path: Path, option: str) -> None:
    ended = installed(tmp_path, option)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.match(r"usage: ccmimolink-sync|ccmimolink \d", ended.stdout)
