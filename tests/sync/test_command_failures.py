"""``ccmimolink-sync`` where it cannot do what it was asked, for the call or for what is on the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.errors import (
    KEY_EMPTY,
    NOT_FOUND,
    NOT_INSTALLED,
)
from tests.e2e.processes import free_port
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import (
    MIMO_ID,
    OTHER_ID,
    TOKEN_PLAN_ID,
    mimo_row,
    other_vendor_row,
    token_plan_row,
)
from tests.sync.stage import (
    Command,
    config_of,
    database_of,
    stores_of,
    with_cc_switch,
)

SECRET = "sk-fake-typed-by-mistake-0001"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path, free_port())


# -- a wrong call -------------------------------------------------------------------------------------------

WRONG_CALLS: dict[str, tuple[list[str], str]] = {
    "a key as an option": (["--api-key", SECRET], "A key is never given as an argument"),
    "a key as an option, joined": ([f"--api-key={SECRET}"], "A key is never given as an argument"),
    "a key with the option for stdin": (
        ["--codex-only", f"--api-key-stdin={SECRET}"],
        "--api-key-stdin takes no value",
    ),
    "a key alone": ([SECRET], "A key is never given as an argument"),
    "an abbreviation": (["--stat"], "not an option"),
    "a value for a switch": ([f"--status={SECRET}"], "--status takes no value"),
    "no value": (["--provider"], "--provider needs a value"),
    "two things at once": (["--status", "--restore"], "--restore does not go with --status"),
    "with and without": (["--catalog", "--no-catalog"], "--no-catalog does not go with --catalog"),
    "a key from stdin for cc switch": (["--api-key-stdin"], "--api-key-stdin goes with --codex-only"),
    "a port that is a key": (["--port", SECRET], "--port is not a port. Give a whole number from 1 to 65535"),
    "no port": (["--port", "0"], "--port is not a port"),
    "too high a port": (["--port", "65536"], "--port is not a port"),
    "a negative port": (["--port=-1"], "--port is not a port"),
    "a port with other digits": (["--port", "٩٨٧٦"], "--port is not a port"),
    "an upstream that is a key": (["--upstream", SECRET], "--upstream is not"),
    "an upstream with a key": (["--upstream", f"https://{SECRET}@host/v1"], "--upstream holds credentials"),
    "an upstream with a query": (["--upstream", f"https://host/v1?key={SECRET}"], "--upstream has a query"),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_a_wrong_call_names_the_option_repeats_no_value_and_changes_nothing(
    tmp_path: Path, command: Command, name: str
) -> None:
    arguments, says = WRONG_CALLS[name]
    with_cc_switch(tmp_path)
    before = stores_of(tmp_path)

    ended = command(*arguments, "--json")

    assert (ended.status, ended.out) == (2, "")
    assert says in ended.err
    assert ended.err.endswith("See --help.\n")
    assert ended.err.count("\n") == 1
    assert SECRET not in ended.err
    assert stores_of(tmp_path) == before


@pytest.mark.parametrize("token", [{"MIMO_PROXY_TOKEN": SECRET}, {"MIMO_PROXY_LISTEN": "unix:/tmp/socket"}])
def test_where_codex_cannot_reach_the_proxy_the_setting_is_named(
    tmp_path: Path, command: Command, token: dict[str, str]
) -> None:
    with_cc_switch(tmp_path)
    command.environ |= token

    ended = command()

    assert ended.status == 1
    assert next(iter(token)) in ended.out
    assert SECRET not in ended.out


def test_a_setting_that_cannot_be_used_is_a_wrong_call(command: Command) -> None:
    command.environ["MIMO_PROXY_PORT"] = "eighty"

    ended = command("--status")

    assert (ended.status, ended.out) == (2, "")
    assert "MIMO_PROXY_PORT is not a whole number" in ended.err


# -- what cannot be done ------------------------------------------------------------------------------------


def no_provider(home: Path) -> None:
    app = CcSwitch(home)
    app.add(other_vendor_row())
    app.switch(OTHER_ID)


def no_key(home: Path) -> None:
    app = CcSwitch(home)
    app.add(mimo_row(key=""))
    app.switch(MIMO_ID)


def no_database(home: Path) -> None:
    database_of(home).parent.mkdir()
    database_of(home).write_text("no database")


def two_providers(home: Path) -> None:
    app = with_cc_switch(home, current=OTHER_ID)
    app.add(token_plan_row())


def broken_live_file(home: Path) -> None:
    with_cc_switch(home)
    config_of(home).write_text('key = "sk-fake-in-a-broken-file\n')


def broken_row(home: Path) -> None:
    app = CcSwitch(home)
    row = mimo_row()
    app.add(type(row)(**{**vars(row), "settings_config": f'{{"auth": "{SECRET}", '}))


def broken_state(home: Path) -> None:
    with_cc_switch(home)
    (home / ".state").mkdir()
    (home / ".state" / "state.json").write_text(f'{{"version": 1, "{SECRET}')


FAILURES: dict[str, tuple[Any, str, str]] = {
    "no MiMo": (no_provider, NOT_FOUND, "Add a Xiaomi MiMo provider for Codex in cc switch"),
    "no key": (no_key, KEY_EMPTY, "edit the provider 'Xiaomi MiMo' and enter it"),
    "no database": (no_database, NOT_INSTALLED, "CC_SWITCH_DB_PATH"),
    "several": (two_providers, "There are several Xiaomi MiMo providers", f"--provider {TOKEN_PLAN_ID}"),
    "a broken live file": (broken_live_file, "", "mend it, and run again"),
    "a broken row": (broken_row, NOT_FOUND, "Edit it in cc switch"),
    "a broken state": (broken_state, "", "Update ccmimolink, or move the file away"),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("arguments", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_a_failure_begins_with_the_words_of_the_readme_and_names_the_way_out(
    tmp_path: Path, command: Command, name: str, arguments: tuple[str, ...]
) -> None:
    prepare, heading, way_out = FAILURES[name]
    prepare(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    ended = command(*arguments)

    assert ended.status == 1
    assert ended.out.startswith(f"! {heading}")
    assert way_out in ended.out
    assert SECRET not in ended.out
    assert (
        before.items() <= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}.items()
    )
