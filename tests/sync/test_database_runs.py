"""Whole runs on cc switch's database, in every state in which another program can leave it or hold it."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from ccmimolink.sync.errors import Busy, SyncError
from tests.sync.cc_switch_presets import MIMO_ID
from tests.sync.other_program import HELD, LEFT, held, let_go
from tests.sync.stage import (
    config_of,
    local,
    snapshot,
    stores_of,
    synchroniser,
    tables_of,
    wish,
    with_cc_switch,
)


@pytest.mark.parametrize("left", LEFT)
def test_a_run_takes_over_whatever_state_the_database_was_left_in(tmp_path: Path, left: str) -> None:
    wal, leave = LEFT[left]
    app = with_cc_switch(tmp_path, wal=wal)
    leave(app.database_path)
    before = tables_of(app.database_path)

    synchroniser(tmp_path).take_over(wish())

    after = tables_of(app.database_path)
    assert local() in app.config_text(MIMO_ID)
    assert local() in app.live_text()
    for rows in (before, after):
        rows["providers"] = {number: row for number, row in rows["providers"].items() if row["id"] != MIMO_ID}
    assert after == before
    with closing(sqlite3.connect(app.database_path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal" if wal else "delete",)


@pytest.mark.parametrize("wal", [False, True], ids=["journal", "WAL"])
@pytest.mark.parametrize("how", HELD)
def test_a_run_waits_for_a_program_that_lets_go(tmp_path: Path, how: str, wal: bool) -> None:
    app = with_cc_switch(tmp_path, wal=wal)
    with held(app.database_path, *HELD[how]) as program:
        end = threading.Timer(0.5, let_go, [program])
        end.start()
        began = time.monotonic()

        synchroniser(tmp_path, patience=10).take_over(wish())

        waited = time.monotonic() - began
        end.join()
    # In WAL mode a reader is in nobody's way.
    assert (wal and how == "by a reader") or waited > 0.4
    assert local() in app.config_text(MIMO_ID)
    assert local() in app.live_text()


@pytest.mark.parametrize("wal", [False, True], ids=["journal", "WAL"])
@pytest.mark.parametrize("how", HELD)
def test_a_run_gives_up_in_time_where_a_program_holds_it_for_ever(
    tmp_path: Path, how: str, wal: bool
) -> None:
    if wal and how == "by a reader":
        how = "exclusively"  # see above
    app = with_cc_switch(tmp_path, wal=wal)
    with held(app.database_path, *HELD[how]):
        before, live = snapshot(app.database_path.parent), config_of(tmp_path).read_bytes()
        began = time.monotonic()

        with pytest.raises(Busy, match=r"holds its database .*run ccmimolink-sync again"):
            synchroniser(tmp_path, patience=0.4).take_over(wish())

        assert 0.3 < time.monotonic() - began < 10
        assert config_of(tmp_path).read_bytes() == live
        files = snapshot(app.database_path.parent)
        assert {name: bytes_ for name, (*_, bytes_) in files.items() if not name.endswith("-shm")} == {
            name: bytes_ for name, (*_, bytes_) in before.items() if not name.endswith("-shm")
        }


@pytest.mark.parametrize("wal", [False, True], ids=["journal", "WAL"])
def test_a_reader_that_comes_between_does_not_make_the_commit_fail(tmp_path: Path, wal: bool) -> None:
    """It comes while the row is changed and the live file is not."""
    app = with_cc_switch(tmp_path, wal=wal)
    found: list[object] = []

    def come(step: str) -> None:
        if step != "write live":
            return
        with closing(sqlite3.connect(app.database_path, timeout=0)) as reader:
            try:
                found.append(reader.execute("SELECT count(*) FROM providers").fetchone())
            except sqlite3.OperationalError as error:
                found.append(str(error))

    synchroniser(tmp_path, step=come).take_over(wish())

    assert found == ([(2,)] if wal else ["database is locked"])
    assert local() in app.config_text(MIMO_ID)
    assert local() in app.live_text()


def test_a_database_that_is_read_only_is_left_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = with_cc_switch(tmp_path)
    before = stores_of(tmp_path)
    # Nothing is read-only for root, who may run this; but it can be for SQLite.
    connect = partial(sqlite3.connect, f"file:{app.database_path}?mode=ro", uri=True, isolation_level=None)
    monkeypatch.setattr("ccmimolink.sync.database._connect", lambda *_: connect())

    with pytest.raises(SyncError, match=r"cannot be written. Make it and its directory writable"):
        synchroniser(tmp_path).take_over(wish())

    assert stores_of(tmp_path) == before
