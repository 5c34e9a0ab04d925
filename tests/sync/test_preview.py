"""``--dry-run``: just what a run would change, as a diff without a key, and not one byte written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from ccmimolink.sync.errors import NOT_CURRENT
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, MIMO_KEY, OTHER_ID, TOKEN_PLAN_ID, mimo_row, token_plan_row
from tests.sync.stage import (
    ALONE_KEY,
    UPSTREAM,
    Command,
    config_of,
    database_of,
    local,
    snapshot,
    with_cc_switch,
    without_cc_switch,
)

PORT = 9876


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path, PORT)


def signed(diff: str, sign: str) -> list[str]:
    return [line[1:] for line in diff.splitlines() if line[:1] == sign and line[:3] not in ("---", "+++")]


def added_lines(before: Iterable[str], after: Iterable[str]) -> list[str]:
    known = list(before)
    return [line for line in after if line not in known]


def test_the_diff_shows_both_stores_with_the_keys_masked(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)

    diff = command("--dry-run", "--json").json["diff"]

    assert signed(diff, "+").count(f'base_url = "{local()}"') == 2
    assert sum('"X-Mimo-Api-Key" = "***"' in line for line in signed(diff, "+")) == 2
    assert signed(diff, "-").count(f'base_url = "{UPSTREAM}"') == 2
    assert f"--- cc switch, provider {MIMO_ID} (now)" in diff
    assert f"+++ {app.config_path} (then)" in diff
    assert MIMO_KEY not in diff


def test_it_shows_what_the_run_then_does_and_nothing_else(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path, catalog=False)
    before = app.config_text(MIMO_ID).splitlines() + app.live_text().splitlines()

    diff = command("--dry-run", "--json").json["diff"]
    command()

    after = app.config_text(MIMO_ID).splitlines() + app.live_text().splitlines()
    shown = [line.replace("***", MIMO_KEY) for line in signed(diff, "+") if line in after or "***" in line]
    assert sorted(shown) == sorted(added_lines(before, after))


def test_a_catalog_is_shown_only_if_the_run_would_make_one(tmp_path: Path, command: Command) -> None:
    """Without Codex there is one where MiMo is the only provider."""
    app = CcSwitch(tmp_path)
    app.add(mimo_row(catalog=False))
    app.switch(MIMO_ID)
    alone = command("--dry-run").out
    app.add(token_plan_row(host="example.com", name="Example"))

    assert "+model_catalog_json" in alone
    assert "model_catalog_json" not in command("--dry-run").out


def test_it_says_that_nothing_was_changed_and_writes_nothing(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    before = snapshot(tmp_path)

    ended = command("--dry-run")

    assert snapshot(tmp_path) == before
    assert ended.status == 0
    assert "Nothing to do" not in ended.out
    assert ended.out.splitlines()[-1].startswith("-> Nothing was changed. Run it without --dry-run")


def test_after_the_run_there_is_nothing_to_show(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    command()

    ended = command("--dry-run", "--json")

    assert ended.json["outcome"] == "nothing to do"
    assert "diff" not in ended.json


def test_it_shows_what_restoring_would_do(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    command()
    before = snapshot(tmp_path)

    ended = command("--restore", "--dry-run")

    assert snapshot(tmp_path) == before
    assert signed(ended.out, "+").count(f'base_url = "{UPSTREAM}"') == 2
    assert MIMO_KEY not in ended.out


def test_where_mimo_is_not_selected_only_the_row_is_shown(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path, current=OTHER_ID)

    ended = command("--dry-run")

    assert NOT_CURRENT in ended.out
    assert f"+++ {app.config_path}" not in ended.out


def test_another_provider_shows_that_the_first_is_given_back(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    app.add(token_plan_row())
    command()
    before = snapshot(tmp_path)

    ended = command("--provider", TOKEN_PLAN_ID, "--dry-run")

    assert snapshot(tmp_path) == before
    assert "The provider 'Xiaomi MiMo' would be given back first." in ended.out
    assert signed(ended.out, "+").count(f'base_url = "{UPSTREAM}"') == 2
    assert signed(ended.out, "+").count(f'base_url = "{local()}"') == 1


def test_codex_alone_shows_its_file_and_no_key_that_was_just_given(tmp_path: Path, command: Command) -> None:
    config = without_cc_switch(tmp_path)
    command.environ["MIMO_API_KEY"] = ALONE_KEY
    before = snapshot(tmp_path)

    ended = command("--codex-only", "--dry-run")

    assert snapshot(tmp_path) == before
    assert f"+++ {config} (then)" in ended.out
    assert '+model_provider = "mimo"' in ended.out
    assert ALONE_KEY not in ended.out


def test_what_the_run_would_refuse_is_refused(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    command.environ["MIMO_API_KEY"] = ALONE_KEY

    ended = command("--codex-only", "--dry-run")

    assert ended.status == 1
    assert "cc switch is here" in ended.out
    assert command("--codex-only").status == 1


def test_secrets_of_others_in_the_file_are_masked_too(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    own = '\n[mcp_servers.a.env]\nPASSWORD = "hunter2"\n\n[mcp_servers.b]\nbearer_token = "swordfish"\n'
    beside = app.live_text().replace("base_url =", 'experimental_bearer_token = "opensesame"\nbase_url =')
    app.config_path.write_text(beside + own)

    out = command("--dry-run").out

    assert not {word for word in ("hunter2", "swordfish", "opensesame") if word in out}


@pytest.mark.parametrize("wal", [False, True], ids=["journal", "WAL"])
def test_it_works_while_cc_switch_holds_the_database_and_writes_nothing(
    tmp_path: Path, command: Command, wal: bool
) -> None:
    with_cc_switch(tmp_path, wal=wal)
    with closing(sqlite3.connect(database_of(tmp_path), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE providers SET settings_config = ''")
        before = snapshot(tmp_path)

        ended = command("--dry-run")

        assert snapshot(tmp_path) == before
    assert signed(ended.out, "+").count(f'base_url = "{local()}"') == 2


def test_it_makes_nothing_where_nothing_is(tmp_path: Path, command: Command) -> None:
    ended = command("--dry-run")

    assert ended.status == 1
    assert not config_of(tmp_path).parent.exists()
    assert not list(tmp_path.iterdir())
