"""No key is shown to anybody: in what a run says, to whom it talks, what it leaves, and how it is called.

The environment is the worst that a user can have: a umask that opens all files to everybody.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.errors import SyncError
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import (
    AGGREGATOR_KEY,
    MIMO_ID,
    MIMO_KEY,
    OTHER_ID,
    OTHER_KEY,
    TOKEN_PLAN_ID,
    TOKEN_PLAN_KEY,
    aggregator_row,
    mimo_row,
    other_vendor_row,
    token_plan_row,
)
from tests.sync.fake_codex import FakeCodex
from tests.sync.stage import (
    ALONE_KEY,
    Command,
    Ended,
    Terminal,
    config_of,
    database_of,
    readable_by_others,
    synchroniser,
    wish,
    with_cc_switch,
    without_cc_switch,
)

NEW_KEY = "sk-fake-mimo-key-0002"
PART_OF_ODD_KEY = "fake-key-that-is-odd-0001"
ODD_KEY = f'a"b\\{PART_OF_ODD_KEY}'
KEYS = (MIMO_KEY, TOKEN_PLAN_KEY, OTHER_KEY, AGGREGATOR_KEY, NEW_KEY, ALONE_KEY, PART_OF_ODD_KEY)
CONSOLE_SCRIPT = Path(sys.executable).with_name("ccmimolink-sync")


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    earlier = os.umask(0)
    yield
    os.umask(earlier)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    directory = tmp_path / "home"
    directory.mkdir()
    return directory


@pytest.fixture
def codex(tmp_path: Path) -> FakeCodex:
    return FakeCodex(tmp_path / "codex")


@pytest.fixture
def command(home: Path, codex: FakeCodex) -> Command:
    return Command(home, 9, PATH=str(codex.path))  # nobody listens at the discard port


def keys_in(text: str) -> list[str]:
    return [key for key in KEYS if key in text]


def check(home: Path, codex: FakeCodex, *endings: Ended) -> None:
    for ended in endings:
        assert keys_in(ended.out + ended.err) == []
    assert [keys_in(call.all()) for call in codex.calls()] == [[]] * len(codex.calls())
    assert readable_by_others(home, KEYS) == []


def all_vendors(home: Path, *, catalog: bool = False) -> CcSwitch:
    app = CcSwitch(home)
    for row in (
        mimo_row(catalog=catalog),
        token_plan_row(catalog=catalog),
        other_vendor_row(),
        aggregator_row(),
    ):
        app.add(row)
    app.switch(MIMO_ID)
    return app


# -- what is said, what is left, and what Codex is told ------------------------------------------------------


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "JSON"])
def test_a_whole_story_with_cc_switch_shows_no_key(
    home: Path, codex: FakeCodex, command: Command, form: tuple[str, ...]
) -> None:
    app = all_vendors(home)
    endings = [
        command(*arguments, *form) for arguments in (["--status"], ["--dry-run"], [], [], ["--status"])
    ]
    app.edit_in_dialog(MIMO_ID, lambda row: row | {"auth": {"OPENAI_API_KEY": NEW_KEY}})
    endings += [command(*arguments, *form) for arguments in (["--status"], ["--dry-run"], ["--port", "10"])]
    endings += [
        command("--provider", TOKEN_PLAN_ID, option, *form) for option in ("--dry-run", "--no-catalog")
    ]
    app.switch(TOKEN_PLAN_ID)
    endings += [command(*arguments, *form) for arguments in (["--catalog"], ["--restore", "--dry-run"])]
    app.config_path.write_text(app.live_text() + "# edited since\n")
    endings += [command(*arguments, *form) for arguments in (["--restore"], ["--restore"], ["--status"])]

    assert len(codex.calls()) >= 4
    check(home, codex, *endings)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "JSON"])
def test_a_whole_story_without_cc_switch_shows_no_key(
    home: Path, codex: FakeCodex, command: Command, form: tuple[str, ...]
) -> None:
    without_cc_switch(home)
    alone = ("--codex-only", *form)
    endings = [
        command(*form),
        command(*alone),
        command(*alone, "--api-key-stdin", "--dry-run", stdin=io.StringIO(ALONE_KEY)),
        command(*alone, "--api-key-stdin", stdin=io.StringIO(ALONE_KEY)),
        command(*alone, stdin=Terminal(), answer=MIMO_KEY),
        command(*alone, stdin=Terminal(), answer=f"{NEW_KEY} {NEW_KEY}"),
        command("--status", *form),
    ]
    command.environ["MIMO_API_KEY"] = NEW_KEY
    endings += [
        command(*alone, "--dry-run"),
        command(*alone),
        command("--status", *form),
        command("--restore", *form),
    ]

    assert [ended.status for ended in endings] == [1, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0]
    assert keys_in("".join(command.asked)) == []
    check(home, codex, *endings)


def test_a_key_with_signs_that_toml_escapes_is_not_shown_either(
    home: Path, codex: FakeCodex, command: Command
) -> None:
    app = CcSwitch(home)
    app.add(mimo_row(key=ODD_KEY))
    app.switch(MIMO_ID)

    endings = [command("--dry-run"), command(), command("--restore", "--dry-run"), command("--status")]

    check(home, codex, *endings)


# -- failures ------------------------------------------------------------------------------------------------


def broken_row(home: Path) -> None:
    app = all_vendors(home)
    app.switch(OTHER_ID)
    set_cell(app, f'{{"auth": {{"OPENAI_API_KEY": "{MIMO_KEY}"')


def broken_toml_in_row(home: Path) -> None:
    app = all_vendors(home)
    app.switch(OTHER_ID)
    set_cell(app, f'{{"config": "experimental_bearer_token = \\"{MIMO_KEY}", "auth": {{}}}}')


def set_cell(app: CcSwitch, cell: str) -> None:
    with app._database() as database:
        database.execute("UPDATE providers SET settings_config = ? WHERE name LIKE '%MiMo%'", (cell,))


def broken_live_file(home: Path) -> None:
    all_vendors(home).config_path.write_text(f'token = "{MIMO_KEY}\n')


def live_file_that_is_no_text(home: Path) -> None:
    all_vendors(home).config_path.write_bytes(f'token = "{MIMO_KEY}"'.encode() + b"\xff")


def broken_state(home: Path) -> None:
    all_vendors(home)
    state = home / ".state" / "state.json"
    state.parent.mkdir()
    state.write_text(f'{{"version": "{MIMO_KEY}"')
    state.chmod(0o600)


def no_database(home: Path) -> None:
    database_of(home).parent.mkdir()
    database_of(home).write_text(MIMO_KEY * 20)


def several(home: Path) -> None:
    all_vendors(home).switch(OTHER_ID)


def blocked_live_file(home: Path) -> None:
    all_vendors(home)
    config_of(home).with_name("config.toml.ccmimolink.tmp").mkdir()


def chat_under_local_routing(home: Path) -> None:
    app = CcSwitch(home)
    app.add(mimo_row(era="openai_chat"))
    app.switch(MIMO_ID)
    app.start_local_routing()


FAILURES: list[Callable[[Path], Any]] = [
    broken_row,
    broken_toml_in_row,
    broken_live_file,
    live_file_that_is_no_text,
    broken_state,
    no_database,
    several,
    blocked_live_file,
    chat_under_local_routing,
]


@pytest.mark.parametrize("prepare", FAILURES)
def test_a_failure_shows_no_key_in_its_message_or_its_exception(
    home: Path, command: Command, prepare: Callable[[Path], Any]
) -> None:
    prepare(home)
    theirs = set(readable_by_others(home, KEYS))

    endings = [command(), command("--dry-run"), command("--status"), command("--json"), command("--restore")]
    with pytest.raises(SyncError) as caught:
        synchroniser(home).take_over(wish())

    told = "".join([str(caught.value), repr(caught.value), *traceback.format_exception(caught.value)])
    assert keys_in(told) == []
    assert endings[0].status == 1
    assert keys_in("".join(ended.out + ended.err for ended in endings)) == []
    assert set(readable_by_others(home, KEYS)) <= theirs


# -- processes -----------------------------------------------------------------------------------------------


def command_lines(process: subprocess.Popen[str]) -> str:
    """Those of the process and of all that it started, as ``ps`` shows them to everybody."""
    lines, pids = "", [str(process.pid)]
    while pids:
        pid = pids.pop()
        try:
            lines += Path("/proc", pid, "cmdline").read_text()
            pids += Path("/proc", pid, "task", pid, "children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return lines


@pytest.mark.parametrize("way", ["stdin", "environment", "cc switch"])
def test_while_it_runs_no_key_is_in_any_command_line(home: Path, tmp_path: Path, way: str) -> None:
    codex = FakeCodex(tmp_path / "slow codex", body="time.sleep(0.3)")
    if way == "cc switch":
        with_cc_switch(home, catalog=False)
    else:
        without_cc_switch(home)
    environ = {"HOME": str(home), "PATH": str(codex.path), "MIMO_PROXY_STATE_DIR": str(home / ".state")}
    environ |= {"MIMO_API_KEY": ALONE_KEY} if way == "environment" else {}
    options = {"stdin": ["--codex-only", "--api-key-stdin"], "environment": ["--codex-only"], "cc switch": []}

    process = subprocess.Popen(
        [CONSOLE_SCRIPT, *options[way]],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        process.stdin.write(ALONE_KEY if way == "stdin" else "")
        process.stdin.close()
        samples: list[str] = []
        deadline = time.monotonic() + 30
        while process.poll() is None:
            assert time.monotonic() < deadline
            samples.append(command_lines(process))
            time.sleep(0.02)
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.read() + process.stderr.read()

    assert process.returncode == 0
    assert any("ccmimolink-sync" in sample for sample in samples)
    assert any("model_catalog_json" in sample for sample in samples)
    assert keys_in("".join(samples) + said) == []
    assert [keys_in(call.all()) for call in codex.calls()] == [[], []]
    assert readable_by_others(home, KEYS) == []
