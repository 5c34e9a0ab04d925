"""cc switch's database: read as it is, also while it is held, and one cell of it written.

Owns SQLite. It selects columns by name and needs only those that every version has; it never writes the
schema, its version or the journal mode, and of all cells only ``settings_config`` of one row.

Source: the schema of cc switch, whose own update of a row is the statement used here.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ccmimolink.printable import printable
from ccmimolink.private_files import open_made
from ccmimolink.sync.errors import NOT_INSTALLED, Busy, SyncError
from ccmimolink.sync.rows import Row

_NEEDED = ("id", "app_type", "name", "settings_config")
_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NO_DATABASE_CODES = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN)
_COMPLETE_IT = "Start cc switch once, which completes it, or name its database in CC_SWITCH_DB_PATH."
_MEND_IT = (
    "Start cc switch and see whether it works, put one of its backups in its place, or name another database "
    "in CC_SWITCH_DB_PATH."
)
_COPY_ATTEMPTS = 20
_COPY_PAUSE = 0.05
_WAL_FORMAT = 2
_READ_VERSION_AT = 19
_CHANGE_COUNTER = slice(24, 28)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a sync needs of the database.

    :ivar rows: the providers for Codex.
    :ivar routing_backup: cc switch keeps Codex's configuration aside, since its own routing is on.
    """

    rows: tuple[Row, ...]
    routing_backup: bool


def peek(path: Path) -> Contents:
    """Read without writing anything beside the database, whoever holds it, and from a crashed writer too.

    :raises SyncError: there is nothing that can be read.
    """
    with _explained(path):
        # Where the path is a link, the journal is beside the file that it means.
        real = Path(os.path.realpath(path))
        if not _needs_recovery(real):
            try:
                with closing(_connect(real, "ro", 0)) as connection:
                    return read_contents(connection)
            except sqlite3.OperationalError as error:
                # Held; or a writer died just now, and its journal cannot be rolled back without writing.
                if not _is_any(error, (*_BUSY_CODES, sqlite3.SQLITE_READONLY)):
                    raise
        return _peek_at_copy(real)


def _needs_recovery(path: Path) -> bool:
    """A journal to be rolled back, or a log: opening such a database would write beside it."""
    return path.with_name(f"{path.name}-journal").exists() or _is_in_wal_mode(path)


def _is_in_wal_mode(path: Path) -> bool:
    return _head(path)[_READ_VERSION_AT:20] == bytes([_WAL_FORMAT])


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


def _peek_at_copy(path: Path) -> Contents:
    """Recovery happens in a private copy, taken between two writes."""
    for _ in range(_COPY_ATTEMPTS):
        with tempfile.TemporaryDirectory(prefix="ccmimolink-") as directory:
            before = _stamps(path)
            for source in _parts(path):
                _copy(source, Path(directory, source.name))
            if _stamps(path) == before:
                with closing(_connect(Path(directory, path.name), "rw", 0)) as connection:
                    return read_contents(connection)
        time.sleep(_COPY_PAUSE)
    raise Busy(f"cc switch keeps writing {path}. Try again in a moment.")


def _copy(source: Path, target: Path) -> None:
    """The copy is for nobody else's eyes, also if its directory should outlive us."""
    try:
        with source.open("rb") as reader, os.fdopen(open_made(target), "wb") as writer:
            shutil.copyfileobj(reader, writer)
    except FileNotFoundError:
        return  # a journal that is not there, or no longer: the stamps tell


def _parts(path: Path) -> tuple[Path, ...]:
    return path, *(path.with_name(f"{path.name}{ending}") for ending in ("-journal", "-wal"))


def _stamps(path: Path) -> list[object]:
    stamps: list[object] = [_head(path)[_CHANGE_COUNTER]]
    for part in _parts(path):
        try:
            status = part.stat()
        except FileNotFoundError:
            stamps.append(None)
        else:
            stamps.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return stamps


def read_settings_config(path: Path, provider_id: str, patience: float) -> str | None:
    """The present text of one row, or None where it is gone.

    :raises SyncError: it cannot be read now.
    """
    statement = "SELECT settings_config FROM providers WHERE id = ? AND app_type = 'codex'"

    def read(connection: sqlite3.Connection) -> str | None:
        row = connection.execute(statement, (provider_id,)).fetchone()
        return row[0] if row is not None and isinstance(row[0], str) else None

    with _explained(path):
        real = Path(os.path.realpath(path))
        before = _stamps(real)
        if _is_settled(real):
            with closing(_connect(real, "ro&immutable=1", 0)) as connection:
                found = read(connection)
            if _stamps(real) == before:
                return found
        with closing(_connect(real, "ro", patience)) as connection:
            return read(connection)


def _is_settled(path: Path) -> bool:
    """In WAL mode without a log: nobody uses it, and an ordinary look would make a log and leave it there."""
    return _is_in_wal_mode(path) and not path.with_name(f"{path.name}-wal").exists()


@contextmanager
def opened(path: Path, patience: float) -> Iterator[sqlite3.Connection]:
    """A connection that can write; it commits nothing by itself.

    :param patience: seconds to wait for other programs.
    :raises SyncError: in place of every error of SQLite, also of what is done inside.
    """
    with _explained(path), closing(_connect(path, "rw", patience)) as connection:
        yield connection


def begin_exclusive(connection: sqlite3.Connection, patience: float) -> None:
    """Take the database for ourselves, readers included, so that no reader can make the commit fail."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("BEGIN EXCLUSIVE")
            return
        except sqlite3.OperationalError as error:
            # Some kinds of being busy do not wait for the time-out of the connection.
            if not _is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(_COPY_PAUSE)


def read_contents(connection: sqlite3.Connection) -> Contents:
    """All that is needed, from one moment."""
    own_transaction = not connection.in_transaction
    if own_transaction:
        connection.execute("BEGIN")
    try:
        return Contents(tuple(_rows(connection)), _has_backup(connection))
    finally:
        if own_transaction:
            connection.execute("ROLLBACK")


def _rows(connection: sqlite3.Connection) -> Iterator[Row]:
    columns = _columns(connection, "providers")
    missing = [column for column in _NEEDED if column not in columns]
    if missing:
        raise SyncError(
            f"{NOT_INSTALLED}: its database has no {', '.join(f'providers.{name}' for name in missing)}. "
            f"{_COMPLETE_IT}"
        )
    optional = ("category", "meta", "is_current")
    chosen = ", ".join(name if name in columns else f"NULL AS {name}" for name in optional)
    order = "sort_index, created_at, id" if {"sort_index", "created_at"} <= columns else "id"
    endpoints = _endpoints(connection)
    # The names are ours: nothing of the database's own is put into a statement.
    statement = (
        f"SELECT id, name, settings_config, {chosen} FROM providers WHERE app_type = 'codex' ORDER BY {order}"
    )
    for identifier, name, settings, category, meta, is_current in connection.execute(statement):
        yield Row(
            id=_text(identifier),
            name=printable(_text(name)),
            settings=_text(settings),
            category=_text(category),
            meta=_text(meta),
            is_current=bool(is_current),
            endpoints=tuple(url for owner, url in endpoints if owner == identifier),
        )


def _endpoints(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    if not {"provider_id", "app_type", "url"} <= _columns(connection, "provider_endpoints"):
        return []
    statement = "SELECT provider_id, url FROM provider_endpoints WHERE app_type = 'codex' ORDER BY rowid"
    found = [(_text(owner), _text(url)) for owner, url in connection.execute(statement)]
    return [(owner, url) for owner, url in found if url == printable(url)]  # any other is no address


def _has_backup(connection: sqlite3.Connection) -> bool:
    if "app_type" not in _columns(connection, "proxy_live_backup"):
        return False
    statement = "SELECT 1 FROM proxy_live_backup WHERE app_type = 'codex'"
    return connection.execute(statement).fetchone() is not None


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def update(connection: sqlite3.Connection, provider_id: str, settings: str) -> None:
    """Within a transaction of the caller's.

    :raises SyncError: the row is gone.
    """
    cursor = connection.execute(
        "UPDATE providers SET settings_config = ? WHERE id = ? AND app_type = 'codex'",
        (settings, provider_id),
    )
    if cursor.rowcount != 1:
        raise SyncError("The provider was deleted in cc switch. Run ccmimolink-sync again.")


def _connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, timeout=patience, isolation_level=None
    )
    # A cell that is not UTF-8 belongs to somebody else, and must not hide all others.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return connection


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_busy(error: sqlite3.Error) -> bool:
    return _is_any(error, _BUSY_CODES)


def _is_any(error: sqlite3.Error, codes: Collection[int]) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in codes


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if _is_busy(error):
            raise Busy(
                f"cc switch holds its database ({path}), so nothing was changed. Close its windows, or wait, "
                "and run ccmimolink-sync again."
            ) from None
        raise SyncError(_refusal(path, error)) from None
    except OSError as error:
        raise SyncError(f"{NOT_INSTALLED}: {path} cannot be read ({error.strerror}). {_MEND_IT}") from None


def _refusal(path: Path, error: sqlite3.Error) -> str:
    if _is_any(error, (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)):
        return f"{path} cannot be written. Make it and its directory writable for you, and run again."
    if _is_any(error, (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)):
        return f"{path} could not be written ({error}). Nothing was changed: see to the disk, and run again."
    if _is_any(error, _NO_DATABASE_CODES):
        return f"{NOT_INSTALLED}: {path} is not a database that can be read ({error}). {_MEND_IT}"
    return f"{NOT_INSTALLED}: {path} cannot be used ({error}). {_COMPLETE_IT}"
