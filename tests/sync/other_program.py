"""Another program that has cc switch's database: it holds it, or it dies in the middle of a change.

Owns that program, and the states in which it leaves a database. It stands for cc switch, so that it must not
import the package under test.
"""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sync.cc_switch_presets import mimo_row, other_vendor_row
from tests.sync.cc_switch_schema import create_database, insert_provider

# Another program with the database: it does as it is told, says so, and then waits for a line before it lets
# go. Where it is to die, it does so by a signal that leaves it no time to tidy up.
OTHER_PROGRAM = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size=2")  # so that a large change goes to the file before its commit
for statement in sys.argv[3:]:
    connection.execute(statement).fetchone()
print("ready", flush=True)
if sys.argv[2] == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.readline()
connection.close()
"""
LARGE_CHANGE = (
    "BEGIN",
    "UPDATE providers SET name = 'never committed', settings_config = 'never committed'",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
    "INSERT INTO settings SELECT 'spilled ' || i, hex(randomblob(500)) FROM n",
)
ROWS = (other_vendor_row(), mimo_row())
"""In the order of their ids, since nothing else orders them."""
COMMITTED = "UPDATE providers SET notes = 'committed in the log'"
HELD: dict[str, tuple[str, ...]] = {
    "exclusively": ("BEGIN EXCLUSIVE",),
    "by a writer that has begun": ("BEGIN IMMEDIATE", "UPDATE providers SET name = 'never committed'"),
    "by a writer that has spilled": LARGE_CHANGE,
    "by a reader": ("BEGIN", "SELECT count(*) FROM providers"),
}


def made(path: Path, *, wal: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    create_database(path, wal=wal)
    for row in ROWS:
        insert_provider(path, row)
    return path


def start(database: Path, *statements: str, dies: bool = False) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OTHER_PROGRAM, str(database), "dies" if dies else "holds", *statements]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], 20)
    assert readable
    assert process.stdout.readline() == "ready\n"
    return process


@contextmanager
def held(database: Path, *statements: str) -> Iterator[subprocess.Popen[str]]:
    """While another program has the database."""
    with start(database, *statements) as process:
        try:
            yield process
        finally:
            let_go(process)
            process.wait(timeout=20)


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()


def die_in(database: Path, *statements: str) -> None:
    process = start(database, *statements, dies=True)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL


def make_hot(database: Path) -> None:
    """A crash of cc switch amid a large change."""
    before = database.read_bytes()
    die_in(database, *LARGE_CHANGE)
    assert database.read_bytes() != before
    assert database.with_name(f"{database.name}-journal").stat().st_size > 0


def leave_log(database: Path) -> None:
    """A crash that leaves committed rows in the log of WAL mode, and the log's index."""
    die_in(database, COMMITTED)
    assert {"cc-switch.db-shm", "cc-switch.db-wal"} <= {path.name for path in database.parent.iterdir()}


def leave_log_without_index(database: Path) -> None:
    leave_log(database)
    database.with_name(f"{database.name}-shm").unlink()


def nothing(_database: Path) -> None:
    pass


LEFT: dict[str, tuple[bool, Callable[[Path], None]]] = {
    "settled": (False, nothing),
    "with a hot journal": (False, make_hot),
    "in WAL mode, settled": (True, nothing),
    "in WAL mode, with a log": (True, leave_log),
    "in WAL mode, with a log and no index": (True, leave_log_without_index),
}
