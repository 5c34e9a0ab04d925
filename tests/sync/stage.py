"""A home directory with cc switch, Codex and our memory in it, and whole runs on it.

Owns what tests of runs share: the home as a user has it, a synchroniser for it, and a look at all stores that
leaves them as they are, also when a journal has to be rolled back for it.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from unittest import mock

from ccmimolink.sync.command import run
from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.files import Step, no_step
from ccmimolink.sync.places import Wanted
from ccmimolink.sync.rows import Row
from ccmimolink.sync.takeover import Wish
from tests.ended import Ended as Ended
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, OTHER_ID, mimo_row, other_vendor_row
from tests.sync.cc_switch_schema import ProviderRow, dump

UPSTREAM = "https://api.xiaomimimo.com/v1"
PORT = 9876
STAMP = "20260131T120000Z"
CATALOG = b'{"models":[{"slug":"mimo-v2.5-pro"}]}'
ALONE_KEY = "tp-fake-alone-key-0001"
ALONE_CONFIG = '# mine\nmodel = "gpt-5.5"\n\n[tools]\nview_image = true\n'


def local(port: int = PORT) -> str:
    return f"http://127.0.0.1:{port}/v1"


def wish(port: int = PORT, *, api_key: str = "", provider: str | None = None) -> Wish:
    return Wish(local_url=local(port), api_key=api_key, provider=provider)


def wanted(home: Path) -> Wanted:
    return Wanted(
        settings=home / ".cc-switch" / "settings.json",
        database=home / ".cc-switch" / "cc-switch.db",
        codex_config=None,
        codex_home=None,
        home=home,
        state=home / ".state",
    )


def synchroniser(
    home: Path, *, step: Step = no_step, patience: float = 5.0, catalog: bytes | None = CATALOG
) -> Synchroniser:
    """:param catalog: what the model catalog is to be, where there may be one."""
    return Synchroniser(
        wanted=wanted(home),
        make_catalog=lambda _only: catalog,
        model="mimo-v2.5-pro",
        stamp=lambda: STAMP,
        step=step,
        patience=patience,
    )


def with_cc_switch(
    home: Path, *, wal: bool = False, catalog: bool = True, current: str = MIMO_ID, mode: int = 0o644
) -> CcSwitch:
    """MiMo beside another vendor, and one of them selected.

    :param catalog: the row has a model catalog, so that we make none.
    :param mode: of Codex's configuration.
    """
    app = CcSwitch(home, wal=wal)
    app.add(mimo_row(catalog=catalog))
    app.add(other_vendor_row())
    for provider in (OTHER_ID if current != OTHER_ID else MIMO_ID, current):
        app.switch(provider)
    app.config_path.chmod(mode)
    return app


def without_cc_switch(home: Path) -> Path:
    """Codex alone, configured by hand."""
    config = home / ".codex" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(ALONE_CONFIG)
    config.chmod(0o644)
    return config


def database_of(home: Path) -> Path:
    return home / ".cc-switch" / "cc-switch.db"


def row_of(preset: ProviderRow) -> Row:
    """As a look at the database gives it."""
    return Row(
        id=preset.id,
        name=preset.name,
        settings=preset.settings_config,
        category=preset.category or "",
        meta=preset.meta,
        is_current=preset.is_current,
        endpoints=preset.endpoints,
    )


def backups(home: Path) -> list[bytes]:
    """Of Codex's configuration, the oldest first."""
    return [path.read_bytes() for path in sorted(config_of(home).parent.glob("*.bak"))]


def config_of(home: Path) -> Path:
    return home / ".codex" / "config.toml"


@contextmanager
def settled_copy(database: Path) -> Iterator[Path]:
    """The database as the next program finds it, in a place where finding it changes nothing."""
    with tempfile.TemporaryDirectory() as directory:
        for ending in ("", "-journal", "-wal"):
            part = Path(f"{database}{ending}")
            if part.exists():
                shutil.copy(part, Path(directory, part.name))
        copy = Path(directory, database.name)
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield copy


def tables_of(database: Path) -> dict[str, Any]:
    with settled_copy(database) as copy:
        return dict(dump(copy)["tables"])


@dataclass(frozen=True)
class Stores:
    """What belongs to others.

    :ivar tables: None without cc switch.
    """

    tables: dict[str, Any] | None = field(repr=False)
    live: bytes | None
    mode: int | None

    def leads_to(self, url: str) -> bool:
        """Whether anything in them does."""
        return url in str(self.tables) or url.encode() in (self.live or b"")


def stores_of(home: Path) -> Stores:
    database, config = database_of(home), config_of(home)
    return Stores(
        tables_of(database) if database.exists() else None,
        config.read_bytes() if config.exists() else None,
        config.stat().st_mode & 0o777 if config.exists() else None,
    )


def snapshot(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below with its mode, its time of change and its bytes; directories have no bytes."""
    return {
        str(path.relative_to(directory)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (directory, *directory.rglob("*"))
    }


def readable_by_others(home: Path, keys: tuple[str, ...]) -> list[str]:
    """The files with a key in them that others could read, cc switch's own ones aside."""
    own = {home / ".codex" / "auth.json"}
    return [
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.is_file()
        and path not in own
        and ".cc-switch" not in path.parts
        and path.stat().st_mode & 0o077
        and any(key.encode() in path.read_bytes() for key in keys)
    ]


class Terminal(io.StringIO):
    """A stdin that a person types into."""

    def isatty(self) -> bool:
        return True


class Command:
    """``ccmimolink-sync`` in this process, on a home of the test's.

    :ivar environ: what is set for it.
    :ivar asked: the prompts that it showed.
    """

    def __init__(self, home: Path, port: int, **environ: str) -> None:
        self.home, self.port, self.asked = home, port, list[str]()
        self.environ = {
            "HOME": str(home),
            "PATH": "/nonexistent",
            "MIMO_PROXY_PORT": str(port),
            "MIMO_PROXY_STATE_DIR": str(home / ".state"),
            **environ,
        }

    def __call__(
        self, *arguments: str, stdin: IO[str] | None = None, answer: str | BaseException = ""
    ) -> Ended:
        """:param answer: what is typed at a prompt, or happens there."""

        def ask(prompt: str) -> str:
            self.asked.append(prompt)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        out, err = io.StringIO(), io.StringIO()
        with mock.patch.dict(os.environ, self.environ), contextlib.redirect_stderr(err):
            status = run(arguments, self.environ, stdin or io.StringIO(), out, ask)
        return Ended(status, out.getvalue(), err.getvalue())
