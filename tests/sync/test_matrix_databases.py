"""Taking over and giving back, over every database that cc switch leaves: one cell changes, and no other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.report import Outcome
from tests.sync.cc_switch_presets import MIMO_ID, mimo_row, official_row, other_vendor_row, token_plan_row
from tests.sync.cc_switch_schema import ProviderRow
from tests.sync.takeover_home import Home, given_back, taken_over

EVERY_VERSION = [pytest.param({"version": version}, id=f"v{version}") for version in range(1, 18)]
ODD_ONES = [
    pytest.param({"version": 2, "upgraded": True}, id="v2-upgraded"),
    pytest.param({"upgraded": True}, id="v17-upgraded"),
    pytest.param({"extra_columns": True}, id="v17-extra-columns"),
    pytest.param({"version": 1, "extra_columns": True}, id="v1-extra-columns"),
    pytest.param({"upgraded": True, "extra_columns": True, "wal": True}, id="v17-everything-wal"),
    pytest.param({"wal": True}, id="v17-wal"),
    pytest.param({"version": 9, "wal": True}, id="v9-wal"),
]

NAMESAKE = ProviderRow(
    id=MIMO_ID,
    app_type="claude",
    name="Xiaomi MiMo",
    settings_config='{"env":{"ANTHROPIC_BASE_URL":"https://api.xiaomimimo.com/anthropic"}}',
    endpoints=("https://api.xiaomimimo.com/anthropic",),
)


@pytest.fixture
def home(tmp_path: Path, database: dict[str, Any]) -> Home:
    """MiMo is current among others, one of which has its id in another app of cc switch."""
    home = Home(tmp_path, **database)
    return home.with_current(mimo_row(), other_vendor_row(), official_row(), token_plan_row(), NAMESAKE)


@pytest.mark.parametrize("database", EVERY_VERSION + ODD_ONES)
def test_one_cell_and_the_live_configuration_change_and_come_back(home: Home) -> None:
    before = home.look()

    assert home.sync().outcome is Outcome.DONE
    taken = home.look()
    assert taken == taken_over(before, mimo_row())

    assert home.restore().outcome is Outcome.DONE
    assert home.look() == given_back(before)


@pytest.mark.parametrize("database", ODD_ONES)
def test_a_second_run_writes_nothing(home: Home) -> None:
    home.sync()
    mtimes = home.mtimes()

    assert home.sync().outcome is Outcome.NOTHING
    assert home.mtimes() == mtimes


@pytest.mark.parametrize("database", [pytest.param({"wal": True}, id="wal")])
def test_the_log_of_a_reader_that_is_there_stays_the_databases_own(home: Home) -> None:
    before = home.look()
    with closing(sqlite3.connect(home.wanted.database)) as reader:
        reader.execute("SELECT * FROM providers").fetchall()
        home.sync()

    assert home.look() == taken_over(before, mimo_row())


@pytest.mark.parametrize("database", [pytest.param({}, id="rollback-journal")])
def test_a_row_whose_text_is_no_text_does_not_hide_the_others(home: Home) -> None:
    with closing(sqlite3.connect(home.wanted.database)) as connection, connection:
        statement = (
            "INSERT INTO providers (id, app_type, name, settings_config) VALUES ('x', 'codex', 'x', ?)"
        )
        connection.execute(statement, (b"\xff\xfe\x00",))
    before = home.look()

    home.sync()

    assert home.look() == taken_over(before, mimo_row())
