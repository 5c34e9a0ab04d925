"""Both stores changed together: cc switch's row and Codex's configuration.

Owns the order that makes a death at any point harmless: the database is ours alone, the row is changed in an
open transaction, the live file is renamed into place, the transaction is committed. A death in between leaves
each store wholly as it was or wholly as it is to be, and Codex works with any pair of these.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable

from ccmimolink.sync.database import begin_exclusive, opened, read_contents, update
from ccmimolink.sync.edits import Edit, LiveEdit
from ccmimolink.sync.errors import ChangedMeanwhile, SyncError
from ccmimolink.sync.files import Step, back_up, check_writable, read_file, remove_file, write_file
from ccmimolink.sync.places import Places
from ccmimolink.sync.world import World, look

PATIENCE = 15.0
"""Seconds to wait for cc switch, whose own writes take far less."""


def commit(
    edit: Edit,
    seen: World,
    places: Places,
    *,
    step: Step,
    stamp: Callable[[], str],
    patience: float = PATIENCE,
) -> None:
    """Make the edit, if all is still as it was seen.

    :param stamp: the time, as it stands in a backup's name.
    :raises ChangedMeanwhile: it is not; nothing was changed.
    :raises SyncError: it could not be made; nothing was changed.
    """
    if edit.live is not None:
        check_writable(edit.live.path)
    if seen.contents is None:
        if look(places, None) != seen:
            raise ChangedMeanwhile
        _write_live(edit.live, step, stamp)
        return
    with opened(places.database, patience) as connection:
        step("begin")
        begin_exclusive(connection, patience)
        try:
            if look(places, read_contents(connection)) != seen:
                raise ChangedMeanwhile
            if edit.row is not None:
                step("update row")
                update(connection, edit.row.provider_id, edit.row.after)
        except BaseException:
            _roll_back(connection)
            raise
        _finish(connection, edit.live, step, stamp)


def _finish(
    connection: sqlite3.Connection, live: LiveEdit | None, step: Step, stamp: Callable[[], str]
) -> None:
    """The live file, then the commit; if either fails, neither was."""
    try:
        _write_live(live, step, stamp)
        step("commit")
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        _put_back(live)
        raise
    step("committed")


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite rolls back by itself after some errors; and whatever is left ends with the connection.
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _write_live(live: LiveEdit | None, step: Step, stamp: Callable[[], str]) -> None:
    if live is None:
        return
    if live.before.content is not None and live.needs_backup:
        step("back up")
        back_up(live.path, live.before.content, stamp())
    step("write live")
    if live.after is None:
        remove_file(live.path)
    else:
        write_file(live.path, live.after, live.mode)
    step("live written")


def _put_back(live: LiveEdit | None) -> None:
    """Undo the live file's change, unless somebody changed it since."""
    if live is None:
        return
    try:
        if read_file(live.path).content != live.after:
            return
        if live.before.content is None:
            remove_file(live.path)
        else:
            write_file(live.path, live.before.content, live.before.mode)
    except SyncError as error:
        raise SyncError(
            f"cc switch's database could not be changed, and {live.path} could not be put back. {error}"
        ) from None
