"""``ccmimolink-sync`` at a real terminal: colour over the same words, and what it waits for."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from tests.e2e.processes import clean_environ, free_port
from tests.e2e.terminal import Terminal
from tests.sync.stage import Command, database_of, with_cc_switch

CALL = "import sys; from ccmimolink.sync.command import main; sys.exit(main())"
GREEN, BOLD, RED = "\x1b[32m", "\x1b[1m", "\x1b[31m"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path, free_port())


@contextmanager
def at_a_terminal(command: Command, *arguments: str, **environ: str) -> Iterator[Terminal]:
    terminal = Terminal(
        [sys.executable, "-c", CALL, *arguments],
        cwd=command.home,
        environ=clean_environ(command.home, **command.environ, **environ),
    )
    try:
        yield terminal
    finally:
        terminal.end()


def shown(command: Command, *arguments: str, **environ: str) -> str:
    with at_a_terminal(command, *arguments, **environ) as terminal:
        terminal.wait_for_status()
        return terminal.seen.replace("\r\n", "\n")


def without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9]+m", "", text)


def test_a_terminal_shows_the_same_words_in_colour(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    plain = command("--dry-run").out

    painted = shown(command, "--dry-run")

    assert without_colour(painted) == plain
    assert f"{GREEN}+" in painted
    assert f"{RED}-" in painted


def test_what_was_changed_and_what_is_to_be_done_stand_out(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)

    painted = shown(command)

    assert f"{GREEN}The provider 'Xiaomi MiMo' in cc switch leads to" in painted
    assert f"{BOLD}-> Restart Codex" in painted


def test_a_failure_is_red(command: Command) -> None:
    assert shown(command).startswith(f"{RED}! cc switch is not installed")


@pytest.mark.parametrize("arguments", [["--status"], ["--dry-run"], []])
def test_without_a_terminal_there_is_no_escape_sequence(
    tmp_path: Path, command: Command, arguments: list[str]
) -> None:
    with_cc_switch(tmp_path)

    ended = command(*arguments)

    assert "\x1b" not in ended.out + ended.err


def test_who_wants_no_colour_gets_none(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)

    assert "\x1b" not in shown(command, "--dry-run", NO_COLOR="1")


def test_json_has_no_colour_at_a_terminal_either(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)

    assert json.loads(shown(command, "--json", "--dry-run"))["outcome"] == "would change"


def test_it_shows_that_another_run_is_waited_for(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    command("--status")
    lock = tmp_path / ".state" / "lock"
    lock.parent.mkdir(exist_ok=True)

    with FileLock(lock), at_a_terminal(command) as terminal:
        terminal.wait_for_text("Waiting for another ccmimolink, which is syncing")


def test_it_shows_that_cc_switch_is_waited_for_and_then_only_what_it_did(
    tmp_path: Path, command: Command
) -> None:
    with_cc_switch(tmp_path)

    with at_a_terminal(command) as terminal:
        with closing(sqlite3.connect(database_of(tmp_path), isolation_level=None)) as cc_switch:
            cc_switch.execute("BEGIN EXCLUSIVE")
            terminal.wait_for_text("Waiting for cc switch, which holds its database")
            cc_switch.execute("ROLLBACK")
        status = terminal.wait_for_status()

    *_, last = terminal.seen.split("\r\x1b[K")
    assert status == 0
    assert without_colour(last).startswith("The provider 'Xiaomi MiMo' in cc switch leads to")
