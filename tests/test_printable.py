"""A name that somebody chose can neither forge a line of the log nor drive a terminal, nor end a run."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ccmimolink.printable import printable, printable_lines
from ccmimolink.sync.report import Outcome, Report
from tests.sync.cc_switch_presets import MIMO_ID
from tests.sync.stage import Command, config_of, database_of, with_cc_switch

HOSTILE = "Xiaomi MiMo\n! forged\r\x1b]0;title\x07\x9b31m\x85\u2028\u202ereversed\u2066\u2069\udcff"
HARMLESS = "小米 MiMo é ü 👩‍👩‍👧 ✅ עברית « » \xa0\u200d\ufe0f\ufffd"
ANY = st.text(st.characters(), max_size=30) | st.sampled_from([HOSTILE, HARMLESS])
FORBIDDEN = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *"\u2028\u2029\u202a\u202e\u2066\u2069"}


def is_fit(text: str, *, lines: bool = False) -> bool:
    found = set(text) - ({"\n", "\t"} if lines else set())
    return not found & FORBIDDEN and not any(unicodedata.category(one) == "Cs" for one in found)


@given(ANY)
@example(HOSTILE)
def test_what_is_printable_is_one_line_that_does_nothing(text: str) -> None:
    shown = printable(text)

    assert is_fit(shown)
    assert len(shown) == len(text)
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


@pytest.mark.parametrize("number", [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x1B, 0x7F, 0x9B, 0xDCFF])
def test_what_drives_a_terminal_or_turns_the_writing_is_replaced(number: int) -> None:
    assert printable(f"a{chr(number)}b") == "a\ufffdb"


def test_whatever_people_write_stays() -> None:
    assert printable(HARMLESS) == HARMLESS


def test_lines_and_tabs_stay_where_they_are_meant() -> None:
    assert printable_lines("a\n\tb\r\x1b") == "a\n\tb\ufffd\ufffd"


# -- reports ------------------------------------------------------------------------------------------------


def diff_of(text: str) -> list[str]:
    return [f"+{line}" for line in text.split("\n")]


def report_of(text: str) -> Report:
    report = Report()
    report.say(text)
    report.done(text)
    report.warn(text)
    report.then(text)
    report.fail(text)
    report.diff = "\n".join(("-a", *diff_of(text), ""))
    report.facts = {"path": text, "providers": [{"name": text, "id": text}], "none": None, "key": True}
    return report


@given(ANY)
@example(HOSTILE)
def test_a_report_has_a_line_for_each_that_was_said(text: str) -> None:
    report = report_of(text)

    out = report.as_text()

    assert is_fit(out, lines=True)
    assert len([line for line in out.split("\n") if line == f"! {printable(text)}"]) == 2
    assert out.count("\n") == len(["say", "done", "-a", "warn", "fail", "then"]) + len(diff_of(text))
    assert all(map(is_fit, (*report.lines, *report.warnings, *report.next_steps)))
    out.encode()


@given(ANY)
@example(HOSTILE)
def test_a_report_is_json_that_shows_nothing_harmful_and_keeps_the_facts(text: str) -> None:
    out = report_of(text).as_json()

    document = json.loads(out)
    out.encode()
    assert is_fit(out, lines=True)
    assert "\t" not in out
    without_surrogates = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert document["path"] == document["providers"][0]["id"] == without_surrogates == text


def test_a_report_keeps_the_form_of_its_json() -> None:
    report = Report(outcome=Outcome.DONE, lines=["小米"], facts={"a": [], "b": {"c": None}})

    assert report.as_json() == (
        '{\n  "outcome": "done",\n  "lines": [\n    "小米"\n  ],\n  "warnings": [],\n  "next": [],\n'
        '  "a": [],\n  "b": {\n    "c": null\n  }\n}'
    )


# -- whole runs ---------------------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path, 9876)


def rename(home: Path, name: str) -> None:
    with closing(sqlite3.connect(database_of(home))) as connection, connection:
        # As it lies in a damaged database: text that is no UTF-8.
        raw = name.encode("utf-8", "surrogateescape").hex()
        statement = f"UPDATE providers SET name = CAST(x'{raw}' AS TEXT) WHERE id = ?"
        connection.execute(statement, (MIMO_ID,))


@pytest.mark.parametrize(
    "arguments", [("--status",), ("--dry-run",), (), ("--restore",), ("--provider", "nobody")], ids=str
)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "JSON"])
def test_a_run_shows_a_hostile_name_harmlessly(
    tmp_path: Path, command: Command, arguments: tuple[str, ...], form: tuple[str, ...]
) -> None:
    with_cc_switch(tmp_path)
    rename(tmp_path, HOSTILE)
    if arguments == ("--restore",):
        command()

    ended = command(*arguments, *form)

    assert ended.err == ""
    assert is_fit(ended.out, lines=True)
    assert not any(line.startswith("! forged") for line in ended.out.splitlines())
    ended.out.encode()


def test_the_status_names_a_provider_of_a_damaged_database(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    rename(tmp_path, "小米 Mi\udcffMo")

    facts: dict[str, Any] = command("--status", "--json").json["cc_switch"]

    assert facts["provider"] == {"id": MIMO_ID, "name": "小米 Mi\ufffdMo"}


def test_an_id_is_shown_harmlessly_and_the_row_is_found_by_it(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    hostile = "an\nid\x1b"
    with closing(sqlite3.connect(app.database_path)) as connection, connection:
        connection.execute("UPDATE providers SET id = ? WHERE id = ?", (hostile, MIMO_ID))

    dry, text = command("--dry-run").out, command("--json")

    assert "--- cc switch, provider an\ufffdid\ufffd (now)" in dry.splitlines()
    assert text.json["provider"] == hostile
    assert is_fit(text.out, lines=True)


def test_a_path_with_a_newline_is_shown_on_one_line(tmp_path: Path) -> None:
    home = tmp_path / "a\n! forged"
    home.mkdir()
    with_cc_switch(home)

    out = Command(home, 9876)("--status").out

    assert f"Codex: {config_of(home)}".replace("\n", "\ufffd") in out
    assert not any(line.startswith("! forged") for line in out.splitlines())


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "utf-8"])
def test_a_terminal_of_any_encoding_is_written_to(tmp_path: Path, encoding: str) -> None:
    with_cc_switch(tmp_path)
    rename(tmp_path, "小米 MiMo ✅\udcff")
    script = Path(sys.executable).with_name("ccmimolink-sync")
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONIOENCODING": encoding}

    ended = subprocess.run(
        [script, "--status", "--json"], env=environ, capture_output=True, timeout=60, check=False
    )

    assert ended.stderr == b""
    assert "MiMo" in json.loads(ended.stdout.decode(encoding))["cc_switch"]["provider"]["name"]
