"""A database as cc switch leaves it on disk, at any schema version from 1 to 17.

Owns the tables, the rows that go into them, and :func:`dump`, which shows a test every cell. Knows nothing of
what cc switch does with its rows (``cc_switch`` does) and must not import the package under test. The tables
of providers are exact; those that no sync may touch are plausible ones, there to be left alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEWEST = 17
#: Milliseconds: when everything that the tests make was made.
MADE_AT = 1767000000000

_PROVIDERS = """CREATE TABLE providers (
    id TEXT NOT NULL, app_type TEXT NOT NULL, name TEXT NOT NULL, settings_config TEXT NOT NULL,
    website_url TEXT, category TEXT, created_at INTEGER, sort_index INTEGER, notes TEXT, icon TEXT,
    icon_color TEXT, meta TEXT NOT NULL DEFAULT '{}', is_current BOOLEAN NOT NULL DEFAULT 0,
    %sPRIMARY KEY (id, app_type))"""
_QUEUE = "in_failover_queue BOOLEAN NOT NULL DEFAULT 0"
_V1_TO_V2 = (
    "cost_multiplier TEXT NOT NULL DEFAULT '1.0'",
    "limit_daily_usd TEXT",
    "limit_monthly_usd TEXT",
    "provider_type TEXT",
    _QUEUE,
)
_ENDPOINTS = """CREATE TABLE provider_endpoints (
    id INTEGER PRIMARY KEY AUTOINCREMENT, provider_id TEXT NOT NULL, app_type TEXT NOT NULL,
    url TEXT NOT NULL, added_at INTEGER,
    FOREIGN KEY (provider_id, app_type) REFERENCES providers(id, app_type) ON DELETE CASCADE)"""
_HEALTH = """CREATE TABLE provider_health (
    provider_id TEXT NOT NULL, app_type TEXT NOT NULL, is_healthy INTEGER NOT NULL DEFAULT 1,
    consecutive_failures INTEGER NOT NULL DEFAULT 0, last_error TEXT, updated_at TEXT NOT NULL,
    PRIMARY KEY (provider_id, app_type),
    FOREIGN KEY (provider_id, app_type) REFERENCES providers(id, app_type) ON DELETE CASCADE)"""
_PROXY_V1 = """CREATE TABLE proxy_config (
    id INTEGER PRIMARY KEY CHECK (id = 1), enabled INTEGER NOT NULL DEFAULT 0,
    listen_address TEXT NOT NULL DEFAULT '127.0.0.1', listen_port INTEGER NOT NULL DEFAULT 15721,
    max_retries INTEGER NOT NULL DEFAULT 3, request_timeout INTEGER NOT NULL DEFAULT 300,
    enable_logging INTEGER NOT NULL DEFAULT 1)"""
_PROXY_PER_APP = """CREATE TABLE proxy_config (
    app_type TEXT PRIMARY KEY CHECK (app_type IN (%s)),
    proxy_enabled INTEGER NOT NULL DEFAULT 0, listen_address TEXT NOT NULL DEFAULT '127.0.0.1',
    listen_port INTEGER NOT NULL DEFAULT 15721, enable_logging INTEGER NOT NULL DEFAULT 1,
    enabled INTEGER NOT NULL DEFAULT 0, auto_failover_enabled INTEGER NOT NULL DEFAULT 0,
    max_retries INTEGER NOT NULL DEFAULT 3, streaming_first_byte_timeout INTEGER NOT NULL DEFAULT 60,
    streaming_idle_timeout INTEGER NOT NULL DEFAULT 120, non_streaming_timeout INTEGER NOT NULL DEFAULT 600,
    circuit_failure_threshold INTEGER NOT NULL DEFAULT 4,
    circuit_success_threshold INTEGER NOT NULL DEFAULT 2, circuit_timeout_seconds INTEGER NOT NULL DEFAULT 60,
    circuit_error_rate_threshold REAL NOT NULL DEFAULT 0.6, circuit_min_requests INTEGER NOT NULL DEFAULT 10,
    %screated_at TEXT NOT NULL DEFAULT '2026-01-01 00:00:00',
    updated_at TEXT NOT NULL DEFAULT '2026-01-01 00:00:00')"""
_PRICING = """default_cost_multiplier TEXT NOT NULL DEFAULT '1',
    pricing_model_source TEXT NOT NULL DEFAULT 'response',
    """
_LIVE_BACKUP = """CREATE TABLE proxy_live_backup (
    app_type TEXT PRIMARY KEY, original_config TEXT NOT NULL, backed_up_at TEXT NOT NULL)"""

# The first version that has the table (where the facts give none, a plausible one), and the table.
_OTHERS: tuple[tuple[int, str], ...] = (
    (1, "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT)"),
    (
        1,
        "CREATE TABLE mcp_servers (id TEXT PRIMARY KEY, name TEXT NOT NULL, server_config TEXT NOT NULL,"
        " description TEXT, tags TEXT NOT NULL DEFAULT '[]', enabled_claude BOOLEAN NOT NULL DEFAULT 0,"
        " enabled_codex BOOLEAN NOT NULL DEFAULT 0, enabled_gemini BOOLEAN NOT NULL DEFAULT 0)",
    ),
    (
        1,
        "CREATE TABLE prompts (id TEXT NOT NULL, app_type TEXT NOT NULL, name TEXT NOT NULL,"
        " content TEXT NOT NULL, enabled BOOLEAN NOT NULL DEFAULT 1, PRIMARY KEY (id, app_type))",
    ),
    (1, "CREATE TABLE skills (id TEXT PRIMARY KEY, name TEXT NOT NULL, directory TEXT NOT NULL)"),
    (
        1,
        "CREATE TABLE skill_repos (owner TEXT NOT NULL, name TEXT NOT NULL,"
        " branch TEXT NOT NULL DEFAULT 'main', PRIMARY KEY (owner, name))",
    ),
    (1, _HEALTH),
    (2, _LIVE_BACKUP),
    (
        2,
        "CREATE TABLE proxy_request_logs (request_id TEXT PRIMARY KEY, provider_id TEXT NOT NULL,"
        " app_type TEXT NOT NULL, model TEXT NOT NULL, status_code INTEGER NOT NULL,"
        " created_at INTEGER NOT NULL)",
    ),
    (
        2,
        "CREATE TABLE model_pricing (model_id TEXT PRIMARY KEY, display_name TEXT NOT NULL,"
        " input_cost_per_million TEXT NOT NULL, output_cost_per_million TEXT NOT NULL)",
    ),
    (
        3,
        "CREATE TABLE stream_check_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, provider_id TEXT NOT NULL,"
        " app_type TEXT NOT NULL, status TEXT NOT NULL, tested_at INTEGER NOT NULL)",
    ),
    (
        6,
        "CREATE TABLE usage_daily_rollups (date TEXT NOT NULL, app_type TEXT NOT NULL,"
        " request_count INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (date, app_type))",
    ),
    (8, "CREATE TABLE session_log_sync (file_path TEXT PRIMARY KEY, last_modified INTEGER NOT NULL)"),
    (12, "CREATE TABLE session_usage_dedup (dedup_key TEXT PRIMARY KEY, created_at INTEGER NOT NULL)"),
    (16, "CREATE TABLE profiles (id TEXT PRIMARY KEY, name TEXT NOT NULL, payload TEXT NOT NULL)"),
)
# Rows in tables that are none of our business, so that a careless statement has something to damage.
_SEEDS: tuple[tuple[int, str], ...] = (
    (
        1,
        """INSERT INTO mcp_servers (id, name, server_config) VALUES ('echo', 'echo', '{"command":"echo"}')""",
    ),
    (1, "INSERT INTO prompts (id, app_type, name, content) VALUES ('p1', 'codex', '提示', '请用中文回答')"),
    (2, "INSERT INTO model_pricing VALUES ('mimo-v2.5-pro', 'MiMo V2.5 Pro', '1', '3')"),
    (2, "INSERT INTO proxy_request_logs VALUES ('r1', 'gone', 'codex', 'mimo-v2.5-pro', 200, 1767000000)"),
)
# Of a version after every one that we know.
_FUTURE = (
    "ALTER TABLE providers ADD COLUMN future_settings TEXT NOT NULL DEFAULT '{\"v\":18}'",
    "ALTER TABLE providers ADD COLUMN future_rank REAL",
    "ALTER TABLE provider_endpoints ADD COLUMN future_region TEXT DEFAULT 'cn'",
)


@dataclass(frozen=True)
class ProviderRow:
    """A provider as cc switch stores it.

    :ivar settings_config: the raw cell.
    :ivar meta: the raw cell.
    :ivar is_current: the database's mark alone. settings.json has its own.
    :ivar endpoints: what the speed test offers, each in a row of its own.
    """

    id: str
    name: str
    settings_config: str
    category: str | None = None
    website_url: str | None = None
    meta: str = "{}"
    is_current: bool = False
    endpoints: tuple[str, ...] = ()
    app_type: str = "codex"
    icon: str | None = None
    icon_color: str | None = None
    created_at: int | None = MADE_AT


def create_database(
    path: Path,
    *,
    version: int = NEWEST,
    wal: bool = False,
    extra_columns: bool = False,
    upgraded: bool = False,
) -> None:
    """Make a database without providers.

    :param wal: leave it in WAL mode, as one user's was.
    :param extra_columns: with columns of a version that nobody has seen yet.
    :param upgraded: as a database which began at version 1. Its columns differ from a fresh one's.
    """
    if not 1 <= version <= NEWEST or (upgraded and version == 1):
        raise ValueError(f"no such database: version {version}, upgraded {upgraded}")
    with closing(sqlite3.connect(path)) as connection:
        if wal:
            connection.execute("PRAGMA journal_mode=WAL")
        with connection:
            for statement in _statements(version, upgraded):
                connection.execute(statement)
            if extra_columns:
                for statement in _FUTURE:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version={version}")


def _statements(version: int, upgraded: bool) -> Iterator[str]:
    fresh = version >= 2 and not upgraded
    yield _PROVIDERS % (f"{_QUEUE},\n    " if fresh else "")
    yield _ENDPOINTS
    if version >= 2:
        if upgraded:
            for column in _V1_TO_V2:
                yield f"ALTER TABLE providers ADD COLUMN {column}"
        yield "CREATE INDEX idx_providers_failover ON providers(app_type, in_failover_queue, sort_index)"
    for since, table in _OTHERS:
        if version >= since:
            yield table
    yield from _proxy_config(version)
    for since, seed in _SEEDS:
        if version >= since:
            yield seed


def _proxy_config(version: int) -> Iterator[str]:
    if version == 1:
        yield _PROXY_V1
        yield "INSERT INTO proxy_config (id) VALUES (1)"
        return
    apps = ["claude", "codex", "gemini", *(["grokbuild"] if version >= 14 else [])]
    yield _PROXY_PER_APP % (", ".join(f"'{app}'" for app in apps), _PRICING if version >= 5 else "")
    yield "ALTER TABLE proxy_config ADD COLUMN live_takeover_active INTEGER NOT NULL DEFAULT 0"
    for app in apps:
        yield f"INSERT INTO proxy_config (app_type) VALUES ('{app}')"


def insert_provider(target: sqlite3.Connection | Path, row: ProviderRow) -> None:
    """Add a provider and its endpoints, in the columns that this version has."""
    if isinstance(target, Path):
        with closing(sqlite3.connect(target)) as connection, connection:
            insert_provider(connection, row)
        return
    columns: dict[str, Any] = {
        "id": row.id,
        "app_type": row.app_type,
        "name": row.name,
        "settings_config": row.settings_config,
        "website_url": row.website_url,
        "category": row.category,
        "created_at": row.created_at,
        "icon": row.icon,
        "icon_color": row.icon_color,
        "meta": row.meta,
        "is_current": int(row.is_current),
    }
    _insert(target, "providers", columns)
    for url in row.endpoints:
        endpoint = {"provider_id": row.id, "app_type": row.app_type, "url": url, "added_at": MADE_AT}
        _insert(target, "provider_endpoints", endpoint)


def _insert(connection: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    known = {column for (_, column, *_) in connection.execute(f"PRAGMA table_info({table})")}
    there = {column: value for column, value in values.items() if column in known}
    marks = ", ".join("?" * len(there))
    connection.execute(f"INSERT INTO {table} ({', '.join(there)}) VALUES ({marks})", tuple(there.values()))


def dump(path: Path) -> dict[str, Any]:
    """Everything that a database holds, to compare with what it held before.

    ``tables`` has for each table its rows by rowid, each a dictionary. The file and its neighbours stay as
    they are.
    """
    with _read_only(path) as connection:
        schema = {
            name: {"type": kind, "table": table, "sql": sql}
            for kind, name, table, sql in connection.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_master"
            )
        }
        return {
            "user_version": connection.execute("PRAGMA user_version").fetchone()[0],
            "journal_mode": "wal" if _in_wal_mode(path) else "delete",
            "schema": schema,
            "tables": {
                name: _rows(connection, name) for name, entry in schema.items() if entry["type"] == "table"
            },
        }


def _rows(connection: sqlite3.Connection, table: str) -> dict[int, dict[str, Any]]:
    cursor = connection.execute(f'SELECT rowid, * FROM "{table}" ORDER BY rowid')
    names = [column[0] for column in cursor.description][1:]
    return {rowid: dict(zip(names, values, strict=True)) for rowid, *values in cursor}


@contextmanager
def _read_only(path: Path) -> Iterator[sqlite3.Connection]:
    # Merely reading a database in WAL mode makes its -wal and -shm files, unless SQLite is told that nobody
    # writes. That is so where there is no -wal file.
    settled = _in_wal_mode(path) and not Path(f"{path}-wal").exists()
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if settled else ''}"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        yield connection


def _in_wal_mode(path: Path) -> bool:
    """Ask the file's header: a connection that calls the file immutable would say otherwise."""
    with path.open("rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"
