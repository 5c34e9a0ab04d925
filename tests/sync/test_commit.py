"""Both stores change together or not at all: when somebody else writes meanwhile, and when a write fails."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.commit import commit
from ccmimolink.sync.database import peek
from ccmimolink.sync.edits import Edit, LiveEdit, RowEdit
from ccmimolink.sync.errors import ChangedMeanwhile, SyncError
from ccmimolink.sync.files import no_step
from ccmimolink.sync.places import find_places
from ccmimolink.sync.world import look
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, MIMO_KEY, OTHER_ID
from tests.sync.stage import (
    STAMP,
    backups,
    local,
    stores_of,
    synchroniser,
    wanted,
    wish,
    with_cc_switch,
    without_cc_switch,
)

ROOT = Path(__file__).resolve().parents[2]
NO_PRIVILEGE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@pytest.fixture
def app(tmp_path: Path) -> CcSwitch:
    return with_cc_switch(tmp_path)


def committing(home: Path, live: bytes | None = b"# ours\n", step: Callable[[str], None] = no_step) -> None:
    """An edit of the row and the live file, made of what is seen now."""
    places = find_places(wanted(home))
    seen = look(places, peek(places.database))
    row = next(row for row in seen.rows if row.id == MIMO_ID)
    edit = Edit(
        RowEdit(MIMO_ID, row.settings, '{"config": "ours"}'),
        LiveEdit(places.codex_config, seen.live, live, 0o600),
    )
    commit(edit, seen, places, step=step, stamp=lambda: STAMP, patience=1)


def at(name: str, do: Callable[[], object]) -> Callable[[str], None]:
    """A step hook."""

    def hook(step: str) -> None:
        if step == name:
            do()

    return hook


def once(do: Callable[[], object]) -> Callable[[], object]:
    done: list[object] = []

    def hook() -> None:
        if not done:
            done.append(do())

    return hook


# -- somebody else writes meanwhile --------------------------------------------------------------------------


def rename_the_row(app: CcSwitch) -> None:
    with closing(sqlite3.connect(app.database_path)) as connection, connection:
        connection.execute("UPDATE providers SET name = 'Renamed' WHERE id = ?", (MIMO_ID,))


def change_another_row(app: CcSwitch) -> None:
    with closing(sqlite3.connect(app.database_path)) as connection, connection:
        connection.execute("UPDATE providers SET settings_config = '{}' WHERE id = ?", (OTHER_ID,))


MEANWHILE: dict[str, Callable[[CcSwitch], object]] = {
    "the row": lambda app: app.edit_in_dialog(MIMO_ID, lambda row: row | {"auth": {}}),
    "the row's name": rename_the_row,
    "another row": change_another_row,
    "the selection": lambda app: app.switch(OTHER_ID),
    "a setting": lambda app: app.set_setting("language", "zh"),
    "the live file": lambda app: app.config_path.write_bytes(app.config_path.read_bytes() + b"# mine\n"),
    "the live file's mode": lambda app: app.config_path.chmod(0o640),
    "the live file, which goes": lambda app: app.config_path.unlink(),
    "the way of routing": lambda app: app.start_local_routing("auth"),
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_where_anything_changed_since_the_look_nothing_is_written(
    tmp_path: Path, app: CcSwitch, what: str
) -> None:
    changed: list[Any] = []

    def meanwhile() -> None:
        MEANWHILE[what](app)
        changed.append(stores_of(tmp_path))

    with pytest.raises(ChangedMeanwhile):
        committing(tmp_path, step=at("begin", meanwhile))

    assert [stores_of(tmp_path)] == changed
    assert not backups(tmp_path)


def test_a_run_looks_anew_and_takes_over_what_is_there_then(tmp_path: Path, app: CcSwitch) -> None:
    def edit() -> None:
        app.edit_in_dialog(MIMO_ID, lambda row: row | {"auth": {"OPENAI_API_KEY": "sk-fake-b"}})

    synchroniser(tmp_path, step=at("begin", once(edit))).take_over(wish())

    assert app.row(MIMO_ID)["auth"] == {"OPENAI_API_KEY": "sk-fake-b"}
    assert '"X-Mimo-Api-Key" = "sk-fake-b"' in app.config_text(MIMO_ID)
    assert '"X-Mimo-Api-Key" = "sk-fake-b"' in app.live_text()


def test_a_switch_at_the_same_moment_gives_no_other_vendor_our_route(tmp_path: Path, app: CcSwitch) -> None:
    def edit() -> None:
        app.switch(OTHER_ID)

    synchroniser(tmp_path, step=at("begin", once(edit))).take_over(wish())

    assert local() not in app.live_text() + app.row_text(OTHER_ID)
    assert local() in app.config_text(MIMO_ID)


def test_a_run_does_not_try_for_ever(tmp_path: Path, app: CcSwitch) -> None:
    languages = iter(["zh", "ja", "en"])  # as often as it tries, and no more

    run = synchroniser(tmp_path, step=at("begin", lambda: app.set_setting("language", next(languages))))
    with pytest.raises(ChangedMeanwhile, match=r"at the same moment. Run ccmimolink-sync again"):
        run.take_over(wish())

    assert next(languages, None) is None
    assert not stores_of(tmp_path).leads_to(local())
    assert not backups(tmp_path)


def test_without_cc_switch_a_change_since_the_look_is_seen_too(tmp_path: Path) -> None:
    config = without_cc_switch(tmp_path)
    run = synchroniser(tmp_path, step=at("write catalog", lambda: config.write_text('model = "mine"\n')))

    run.take_over(wish(api_key=MIMO_KEY), alone=True)

    assert 'model = "mine"' in backups(tmp_path)[0].decode()


# -- a write fails -------------------------------------------------------------------------------------------


class FailingCommit(sqlite3.Connection):
    """The disk fails at the last moment."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *parameters)


class Full(sqlite3.Connection):
    """A database that may not grow."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == "BEGIN EXCLUSIVE":
            super().execute("PRAGMA max_page_count=1")
            [(pages,)] = super().execute("PRAGMA page_count")
            assert super().execute(f"PRAGMA max_page_count={pages}").fetchone() == (pages,)
        return super().execute(sql, *parameters)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[sqlite3.Connection]], None]:
    connect = sqlite3.connect
    return lambda kind: monkeypatch.setattr(
        "ccmimolink.sync.database.sqlite3.connect", partial(connect, factory=kind)
    )


Connections = Callable[[type[sqlite3.Connection]], None]


@pytest.mark.parametrize("live", [b"# ours\n", None], ids=["written", "removed"])
def test_where_the_commit_fails_the_live_file_is_put_back(
    tmp_path: Path, app: CcSwitch, connections: Connections, live: bytes | None
) -> None:
    before = stores_of(tmp_path)
    seen: list[bool] = []

    connections(FailingCommit)

    with pytest.raises(SyncError, match="disk I/O error"):
        committing(tmp_path, live, at("commit", lambda: seen.append(app.config_path.exists())))

    assert seen == [live is not None]
    assert stores_of(tmp_path) == before


def test_a_file_that_was_not_there_goes_again_where_the_commit_fails(
    tmp_path: Path, app: CcSwitch, connections: Connections
) -> None:
    app.config_path.unlink()
    connections(FailingCommit)

    with pytest.raises(SyncError):
        committing(tmp_path)

    assert not app.config_path.exists()


def test_where_somebody_changed_the_live_file_since_it_is_left_to_them(
    tmp_path: Path, app: CcSwitch, connections: Connections
) -> None:
    before = stores_of(tmp_path).tables
    connections(FailingCommit)

    with pytest.raises(SyncError):
        committing(tmp_path, step=at("commit", lambda: app.config_path.write_bytes(b"# theirs\n")))

    assert stores_of(tmp_path).tables == before
    assert app.config_path.read_bytes() == b"# theirs\n"


def test_a_live_file_that_cannot_be_put_back_is_said(
    tmp_path: Path, app: CcSwitch, connections: Connections
) -> None:
    connections(FailingCommit)
    blocked = app.config_path.with_name("config.toml.ccmimolink.tmp")

    with pytest.raises(SyncError, match=r"could not be changed, and .*config.toml could not be put back"):
        committing(tmp_path, step=at("commit", blocked.mkdir))

    assert backups(tmp_path)


def test_an_interruption_before_the_commit_undoes_all(tmp_path: Path) -> None:
    with_cc_switch(tmp_path)
    before = stores_of(tmp_path)

    def interrupt() -> None:
        raise KeyboardInterrupt

    for step in ("begin", "update row", "back up", "write live", "live written", "commit"):
        with pytest.raises(KeyboardInterrupt):
            committing(tmp_path, step=at(step, interrupt))
        assert stores_of(tmp_path) == before


def test_where_the_database_is_full_nothing_is_written(
    tmp_path: Path, app: CcSwitch, connections: Connections
) -> None:
    app.edit_in_dialog(MIMO_ID, lambda row: row | {"padding": "x" * 200_000})
    before = stores_of(tmp_path)
    connections(Full)
    # As long a text again does not fit before the old one's room is free, which it is only after the commit.
    with pytest.raises(SyncError, match=r"could not be written \(database or disk is full\)"):
        synchroniser(tmp_path).take_over(wish())

    assert stores_of(tmp_path) == before


def test_where_the_live_file_cannot_be_written_the_row_stays(tmp_path: Path, app: CcSwitch) -> None:
    app.config_path.with_name("config.toml.ccmimolink.tmp").mkdir()
    before = stores_of(tmp_path)

    with pytest.raises(SyncError, match=r"cannot be written: .* run ccmimolink-sync again"):
        synchroniser(tmp_path).take_over(wish())

    assert stores_of(tmp_path) == before


def test_a_live_file_that_its_owner_protected_is_left_and_the_row_too(tmp_path: Path, app: CcSwitch) -> None:
    app.config_path.chmod(0o444)
    before = stores_of(tmp_path)

    for attempt in (lambda: synchroniser(tmp_path).take_over(wish()), lambda: committing(tmp_path)):
        with pytest.raises(SyncError, match=r"is read-only. Make it writable"):
            attempt()

    assert stores_of(tmp_path) == before
    assert not backups(tmp_path)


def test_in_a_directory_that_is_read_only_neither_store_is_changed(tmp_path: Path, app: CcSwitch) -> None:
    """As a user without privileges, to whom alone a directory can be read-only."""
    before = stores_of(tmp_path)
    app.codex_dir.chmod(0o555)
    program = (
        "import sys; from pathlib import Path; from tests.sync.stage import synchroniser, wish; "
        "synchroniser(Path(sys.argv[1])).take_over(wish())"
    )

    result = subprocess.run(
        [*(NO_PRIVILEGE if os.geteuid() == 0 else ()), sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    app.codex_dir.chmod(0o755)
    assert result.returncode == 1
    assert "is not writable, so that config.toml in it cannot be replaced" in result.stderr
    assert MIMO_KEY not in result.stderr
    assert stores_of(tmp_path) == before


def test_a_file_in_the_place_of_codexs_directory_leaves_the_row_to_be_edited(
    tmp_path: Path, app: CcSwitch
) -> None:
    shutil.rmtree(app.codex_dir)
    app.codex_dir.write_text("no directory")

    report = synchroniser(tmp_path).take_over(wish())

    assert local() in app.config_text(MIMO_ID)
    assert any("There is no" in line for line in report.lines)


def test_a_provider_that_is_deleted_at_the_same_moment_is_said(tmp_path: Path, app: CcSwitch) -> None:
    def delete() -> None:
        with closing(sqlite3.connect(app.database_path)) as connection, connection:
            connection.execute("DELETE FROM providers WHERE id = ?", (MIMO_ID,))

    live = app.config_path.read_bytes()

    with pytest.raises(SyncError, match="Xiaomi MiMo provider not found"):
        synchroniser(tmp_path, step=at("begin", delete)).take_over(wish())

    assert app.config_path.read_bytes() == live
