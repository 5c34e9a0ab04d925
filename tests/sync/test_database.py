"""cc switch's database, in every state in which another program can leave it or hold it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.database import (
    begin_exclusive,
    opened,
    peek,
    read_contents,
    read_settings_config,
    update,
)
from ccmimolink.sync.errors import NOT_INSTALLED, SyncError
from tests.sync.cc_switch_presets import MIMO_ID, mimo_row
from tests.sync.cc_switch_schema import insert_provider
from tests.sync.other_program import HELD, LEFT, ROWS, held, made, make_hot
from tests.sync.stage import (
    local,
    snapshot,
    synchroniser,
    wish,
    with_cc_switch,
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return made(tmp_path / "cc-switch" / "cc-switch.db")


# -- to look at it, and leave no trace ----------------------------------------------------------------------


@pytest.mark.parametrize("left", LEFT)
def test_a_look_finds_what_is_committed_and_writes_nothing(tmp_path: Path, left: str) -> None:
    wal, leave = LEFT[left]
    database = made(tmp_path / "cc-switch" / "cc-switch.db", wal=wal)
    leave(database)
    before = snapshot(database.parent)

    contents = peek(database)

    assert snapshot(database.parent) == before
    assert [row.settings for row in contents.rows] == [row.settings_config for row in ROWS]


@pytest.mark.parametrize("wal", [False, True], ids=["journal", "WAL"])
@pytest.mark.parametrize("how", HELD)
def test_a_look_works_while_another_program_holds_it(tmp_path: Path, how: str, wal: bool) -> None:
    database = made(tmp_path / "cc-switch" / "cc-switch.db", wal=wal)
    with held(database, *HELD[how]):
        before = snapshot(database.parent)

        contents = peek(database)

        assert snapshot(database.parent) == before
    assert [row.name for row in contents.rows] == [row.name for row in ROWS]


def test_a_look_finds_what_is_only_in_the_log(tmp_path: Path) -> None:
    database = made(tmp_path / "cc-switch" / "cc-switch.db", wal=True)
    with held(database, "UPDATE providers SET name = 'renamed'"):
        assert {row.name for row in peek(database).rows} == {"renamed"}


def test_a_look_through_a_link_finds_the_journal_beside_the_file_it_means(
    tmp_path: Path, database: Path
) -> None:
    make_hot(database)
    link = tmp_path / "link.db"
    link.symlink_to(database)
    before = snapshot(tmp_path)

    assert [row.name for row in peek(link).rows] == [row.name for row in ROWS]
    assert snapshot(tmp_path) == before


def test_a_look_leaves_no_copy_behind_and_shows_none_to_others(
    tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_hot(database)
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    modes: list[int] = []

    def remembered(path: Path, *_rest: object) -> sqlite3.Connection:
        modes.extend(copy.stat().st_mode & 0o777 for copy in path.parent.iterdir())
        return connect(path)

    connect = sqlite3.connect
    monkeypatch.setattr("ccmimolink.sync.database._connect", remembered)
    earlier = os.umask(0)
    try:
        peek(database)
    finally:
        os.umask(earlier)

    assert modes == [0o600, 0o600]
    assert not list(copies.iterdir())


# -- to look at one row, as the running proxy does ----------------------------------------------------------


@pytest.mark.parametrize("wal", [False, True], ids=["journal", "WAL"])
def test_a_look_at_one_row_leaves_nothing_beside_a_database_that_nobody_uses(
    tmp_path: Path, wal: bool
) -> None:
    database = made(tmp_path / "cc-switch" / "cc-switch.db", wal=wal)
    link = tmp_path / "link.db"
    link.symlink_to(database)
    before = snapshot(tmp_path)

    for path in (database, link):
        assert read_settings_config(path, MIMO_ID, 1) == mimo_row().settings_config

    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("left", ["in WAL mode, with a log", "in WAL mode, with a log and no index"])
def test_a_look_at_one_row_finds_what_is_in_a_log_that_was_left(tmp_path: Path, left: str) -> None:
    database = made(tmp_path / "cc-switch" / "cc-switch.db", wal=True)
    change = "UPDATE providers SET settings_config = 'in the log'"
    LEFT[left][1](database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute(change)
        connection.commit()

        assert read_settings_config(database, MIMO_ID, 1) == "in the log"


def test_a_look_at_one_row_is_repeated_if_cc_switch_starts_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = made(tmp_path / "cc-switch.db", wal=True)
    connect = sqlite3.connect
    writers: list[sqlite3.Connection] = []

    def late(place: str, **options: Any) -> sqlite3.Connection:
        if not writers:
            writers.append(connect(database))
            writers[0].execute("UPDATE providers SET settings_config = 'just now'")
            writers[0].commit()
        connection: sqlite3.Connection = connect(place, **options)
        return connection

    monkeypatch.setattr(sqlite3, "connect", late)
    try:
        assert read_settings_config(database, MIMO_ID, 1) == "just now"
    finally:
        writers[0].close()


# -- what is there ------------------------------------------------------------------------------------------


def test_what_is_read_is_codex_and_no_other_app(database: Path) -> None:
    insert_provider(database, replace(mimo_row(id="for claude"), app_type="claude"))

    found = peek(database).rows

    assert [(row.id, row.endpoints) for row in found] == [(row.id, row.endpoints) for row in ROWS]


def test_cells_that_are_no_text_do_no_harm_to_the_others(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        statement = (
            "INSERT INTO providers (id, app_type, name, settings_config, meta) VALUES (?, 'codex', ?, ?, ?)"
        )
        connection.execute(statement, ("blob", b"\x00\xff", b"\xff\xfe\x00", b""))
        invalid = (
            "INSERT INTO providers (id, app_type, name, settings_config) VALUES ('bad', 'codex', %s, %s)"
        )
        connection.execute(invalid % (("CAST(x'4d69ff' AS TEXT)",) * 2))
        connection.execute(
            "INSERT INTO provider_endpoints (provider_id, app_type, url) VALUES ('bad', 'codex', x'ff')"
        )

    rows = {row.id: row for row in peek(database).rows}

    assert rows[MIMO_ID].settings == mimo_row().settings_config
    assert rows["blob"].settings == ""
    assert "Mi" in rows["bad"].settings


def test_a_run_leaves_cells_that_are_no_text_as_they_are(tmp_path: Path) -> None:
    app = with_cc_switch(tmp_path)
    with closing(sqlite3.connect(app.database_path)) as connection, connection:
        connection.execute(
            "INSERT INTO providers (id, app_type, name, settings_config) "
            "VALUES ('blob', 'codex', x'00ff', CAST(x'7bff' AS TEXT))"
        )

    synchroniser(tmp_path).take_over(wish())

    with closing(sqlite3.connect(app.database_path)) as connection:
        statement = "SELECT hex(name), hex(settings_config) FROM providers WHERE id = 'blob'"
        assert connection.execute(statement).fetchone() == ("00FF", "7BFF")
    assert local() in app.config_text(MIMO_ID)


@pytest.mark.parametrize("name", ["a b", "a#b", "a?mode=memory", "50%20", "小米 é", "a'b\"c", "a&b=c"])
def test_a_path_may_hold_any_letter(tmp_path: Path, name: str) -> None:
    database = made(tmp_path / name / f"{name}.db")

    with opened(database, 1) as connection:
        begin_exclusive(connection, 1)
        update(connection, MIMO_ID, "{}")
        connection.execute("COMMIT")

    assert peek(database).rows[-1].settings == "{}"
    assert read_settings_config(database, MIMO_ID, 1) == "{}"
    assert [path.name for path in database.parent.iterdir()] == [f"{name}.db"]


def test_a_name_is_fit_to_be_shown_and_an_id_is_exact(database: Path) -> None:
    row = mimo_row(id="an\n\x1bid", name="小米 😀\n! forged\x1b[2J\x9b\u202e\u2066")
    insert_provider(database, row)

    [found] = [one for one in peek(database).rows if one.id == row.id]

    assert found.name == "小米 😀\ufffd! forged\ufffd[2J\ufffd\ufffd\ufffd"
    assert read_settings_config(database, found.id, 1) == row.settings_config


def test_an_endpoint_that_is_no_line_of_text_is_none(database: Path) -> None:
    good = "https://api.xiaomimimo.com/v1"
    insert_provider(database, mimo_row(id="new"))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM provider_endpoints WHERE provider_id = 'new'")
        for url in ("CAST(x'68ff' AS TEXT)", f"'{good}'", "'https://api.xiaomimimo.com/\x1b'"):
            connection.execute(
                "INSERT INTO provider_endpoints (provider_id, app_type, url, added_at) "
                f"VALUES ('new', 'codex', {url}, 1)"
            )

    [found] = [one for one in peek(database).rows if one.id == "new"]

    assert found.endpoints == (good,)


# -- what is no database of cc switch -----------------------------------------------------------------------


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    for read in (peek, writable):
        with pytest.raises(SyncError, match=f"^{NOT_INSTALLED}: .*CC_SWITCH_DB_PATH"):
            read(tmp_path / "cc-switch.db")
    assert not list(tmp_path.iterdir())


def writable(path: Path) -> object:
    with opened(path, 0.2) as connection:
        return read_contents(connection)


def as_text(path: Path) -> None:
    path.write_text("this is no database, but a text that is longer than a hundred bytes: " + "x" * 100)


def as_directory(path: Path) -> None:
    path.mkdir()


def as_empty(path: Path) -> None:
    path.touch()


def with_a_damaged_page(path: Path) -> None:
    made(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)


def without_the_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE something (else_)")


def without_a_column(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE providers (id TEXT, app_type TEXT, name TEXT)")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (as_text, "not a database"),
        (as_directory, "irectory|unable to open"),
        (as_empty, "providers.id"),
        (with_a_damaged_page, "malformed|not a database"),
        (without_the_table, "providers.id"),
        (without_a_column, "has no providers.settings_config"),
    ],
)
def test_what_is_no_database_of_cc_switch_is_said_with_the_way_out_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    path = tmp_path / "cc-switch.db"
    make(path)
    before = snapshot(tmp_path)

    for read in (peek, writable):
        with pytest.raises(SyncError, match=f"(?s)^{NOT_INSTALLED}: .*({says}).*CC_SWITCH_DB_PATH"):
            read(path)
    assert snapshot(tmp_path) == before


def test_a_database_of_the_barest_kind_will_do(tmp_path: Path) -> None:
    path = tmp_path / "cc-switch.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE providers (id, app_type, name, settings_config)")
        connection.execute("INSERT INTO providers VALUES ('one', 'codex', 'One', '{}')")

    [row] = peek(path).rows

    assert (row.id, row.name, row.settings, row.meta, row.is_current) == ("one", "One", "{}", "", False)


def test_a_row_that_is_gone_is_not_made_anew(database: Path) -> None:
    with pytest.raises(SyncError, match="deleted"), opened(database, 1) as connection:
        update(connection, "gone", "{}")
    assert read_settings_config(database, "gone", 1) is None
