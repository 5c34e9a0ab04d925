"""What the running proxy reads of a takeover, and how it notices that there is something to read."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ccmimolink.sync.errors import Busy
from ccmimolink.sync.watch import Taken, Watch, key_is_known
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, MIMO_KEY, OTHER_ID, mimo_row, other_vendor_row
from tests.sync.stage import snapshot
from tests.sync.takeover_home import MIMO_URL, Home

NEW_KEY = "sk-fake-mimo-key-0002"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).with_current(mimo_row(), other_vendor_row())


def read(home: Home) -> Taken:
    taken = Watch(home.wanted).read()
    assert taken is not None
    return taken


def enter_key(app: CcSwitch, key: str) -> None:
    app.edit_in_dialog(MIMO_ID, lambda row: {**row, "auth": {"OPENAI_API_KEY": key}})


def test_before_a_takeover_there_is_nothing_to_read(home: Home) -> None:
    assert Watch(home.wanted).read() is None


def test_the_true_upstream_and_the_present_key_are_read(home: Home) -> None:
    home.sync()
    taken = read(home)
    assert (taken.upstream, taken.key) == (MIMO_URL, MIMO_KEY)


def test_a_key_that_was_written_is_known_for_it_and_others_are_not(home: Home) -> None:
    home.sync()
    enter_key(home.app, NEW_KEY)
    taken = read(home)
    assert taken.key == NEW_KEY
    assert taken.was_written(MIMO_KEY)
    assert not taken.was_written(NEW_KEY)
    assert not taken.was_written("")


def test_after_a_restore_there_is_nothing_to_read(home: Home) -> None:
    home.sync()
    home.restore()
    assert Watch(home.wanted).read() is None


def test_a_row_that_is_gone_or_broken_has_no_key(home: Home) -> None:
    home.sync()
    with sqlite3.connect(home.app.database_path) as connection:
        connection.execute("UPDATE providers SET settings_config = '{' WHERE id = ?", (MIMO_ID,))
    assert read(home).key == ""
    with connection:
        connection.execute("DELETE FROM providers WHERE id = ?", (MIMO_ID,))
    connection.close()
    assert (read(home).upstream, read(home).key) == (MIMO_URL, "")


@pytest.mark.parametrize("wal", [False, True])
def test_the_stamp_tells_of_a_key_that_was_changed(tmp_path: Path, wal: bool) -> None:
    home = Home(tmp_path, wal=wal).with_current(mimo_row())
    home.sync()
    watch = Watch(home.wanted)
    # A reader keeps the log of a database in WAL mode from being folded into it.
    reader = sqlite3.connect(home.app.database_path)
    reader.execute("SELECT count(*) FROM providers").fetchone()
    before = watch.stamp()
    assert watch.stamp() == before
    enter_key(home.app, NEW_KEY)
    assert watch.stamp() != before
    reader.close()


def test_the_stamp_tells_of_a_takeover(home: Home) -> None:
    watch = Watch(home.wanted)
    before = watch.stamp()
    home.sync()
    assert watch.stamp() != before


@pytest.mark.parametrize("wal", [False, True])
def test_reading_leaves_nothing_behind_while_cc_switch_is_not_running(tmp_path: Path, wal: bool) -> None:
    home = Home(tmp_path, wal=wal).with_current(mimo_row())
    home.sync()
    watch = Watch(home.wanted)
    stamp, before = watch.stamp(), snapshot(home.path)
    assert read(home).key == MIMO_KEY
    assert key_is_known(home.wanted)
    assert snapshot(home.path) == before
    assert watch.stamp() == stamp


def test_a_database_that_is_held_is_no_answer(home: Home) -> None:
    home.sync()
    holder = sqlite3.connect(home.app.database_path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Busy):
        Watch(home.wanted).read()
    holder.close()


def test_a_provider_with_a_key_makes_a_demo_needless_whichever_is_current(home: Home) -> None:
    home.app.switch(OTHER_ID)
    assert key_is_known(home.wanted)


def test_without_a_key_or_without_cc_switch_there_is_none(tmp_path: Path) -> None:
    assert not key_is_known(Home(tmp_path / "nobody").wanted)
    keyless = Home(tmp_path / "keyless").with_current(mimo_row(key=""))
    assert not key_is_known(keyless.wanted)


def test_a_route_that_was_made_without_cc_switch_has_a_key(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.sync(alone=True, api_key=MIMO_KEY)
    assert key_is_known(home.wanted)
