"""A home with cc switch, Codex and ccmimolink, all below a directory of the test's own.

Owns the wiring, and the looks before and after by which a test sees that nothing else was changed. Knows how
a preset is to look once it leads to us, and takes no such knowledge from the package under test.
"""

from __future__ import annotations

import json
import os
import stat
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.places import Wanted
from ccmimolink.sync.report import Report
from ccmimolink.sync.state import State, Takeover, load
from ccmimolink.sync.takeover import Wish
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_KEY, compact
from tests.sync.cc_switch_schema import ProviderRow, dump

LOCAL = "http://127.0.0.1:9876/v1"
STAMP = "20260901T120000Z"
BACKUP = f"config.toml.ccmimolink-{STAMP}.bak"
CATALOG = "ccmimolink-models.json"
CATALOG_BYTES = b'{"models":[]}'
MIMO_URL = "https://api.xiaomimimo.com/v1"
HEADER = "X-Mimo-Api-Key"


@dataclass(frozen=True)
class Seen:
    """A file as it lies there.

    :ivar content: its bytes; of a link, where it leads.
    """

    content: bytes
    mode: int
    changed_at: int = field(compare=False)


class Home:
    """:ivar makes_catalog: what the stub in place of the catalog's maker answers.
    :ivar asked_for_catalog: whether MiMo was the only provider, for each time that the stub was asked.
    """

    def __init__(self, root: Path, **database: Any) -> None:
        self.path = root / "home"
        self.path.mkdir(exist_ok=True, parents=True)
        self.state_dir = root / "state"
        self.database_options = database
        self.makes_catalog: bytes | None = None
        self.asked_for_catalog: list[bool] = []
        self._app: CcSwitch | None = None

    @property
    def app(self) -> CcSwitch:
        """cc switch, installed when first asked for."""
        if self._app is None:
            self._app = CcSwitch(self.path, **self.database_options)
        return self._app

    def with_current(self, *rows: ProviderRow) -> Self:
        """Add providers, and select the first."""
        for row in rows:
            self.app.add(row)
        self.app.switch(rows[0].id)
        return self

    # --- what the package under test does ---

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            settings=self.path / ".cc-switch" / "settings.json",
            database=self.path / ".cc-switch" / "cc-switch.db",
            codex_config=None,
            codex_home=None,
            home=self.path,
            state=self.state_dir,
        )

    @property
    def synchroniser(self) -> Synchroniser:
        return Synchroniser(
            wanted=self.wanted,
            make_catalog=self._make_catalog,
            model="mimo-v2.5",
            stamp=lambda: STAMP,
            patience=0.2,
        )

    def _make_catalog(self, only_provider: bool) -> bytes | None:
        self.asked_for_catalog.append(only_provider)
        return self.makes_catalog

    def sync(
        self,
        *,
        url: str = LOCAL,
        provider: str | None = None,
        upstream: str | None = None,
        base_url: str | None = None,
        api_key: str = "",
        alone: bool = False,
        at_start: bool = False,
        catalog: bool | None = None,
    ) -> Report:
        wish = Wish(local_url=url, provider=provider, upstream=upstream, base_url=base_url, api_key=api_key)
        return self.synchroniser.take_over(wish, alone=alone, at_start=at_start, catalog=catalog)

    def restore(self, *, remember: bool = True) -> Report:
        return self.synchroniser.give_back(remember=remember)

    # --- what a test sees ---

    @property
    def state(self) -> State:
        return load(self.state_dir / "state.json")

    @property
    def takeover(self) -> Takeover | None:
        return self.state.memory(self.wanted.database).takeover

    @property
    def known(self) -> Takeover:
        """The takeover that is remembered."""
        assert self.takeover is not None
        return self.takeover

    def lose_state(self) -> None:
        (self.state_dir / "state.json").unlink()

    @property
    def codex(self) -> Path:
        return self.path / ".codex"

    @property
    def live(self) -> Path:
        return self.codex / "config.toml"

    @property
    def catalog(self) -> Path:
        return self.codex / CATALOG

    def files(self) -> dict[str, Seen]:
        """All but the database and ours, by their path in the home."""
        return {
            str(path.relative_to(self.path)): _seen(path)
            for path in sorted(self.path.rglob("*"))
            if (path.is_symlink() or not path.is_dir()) and not path.name.startswith("cc-switch.db")
        }

    def look(self) -> Look:
        return Look(dump(self.wanted.database), self.files())

    def mtimes(self) -> dict[str, int]:
        """Of all files, ours and the database too."""
        folders = (self.path, self.state_dir)
        return {
            str(path): path.lstat().st_mtime_ns
            for folder in folders
            for path in folder.rglob("*")
            if not path.is_dir() and path.name != "lock"
        }


def _seen(path: Path) -> Seen:
    status = path.lstat()
    content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
    return Seen(content, stat.S_IMODE(status.st_mode), status.st_mtime_ns)


@dataclass(frozen=True)
class Look:
    """Everything in the home at one moment.

    :ivar database: all cells.
    :ivar files: all files beside it.
    """

    database: dict[str, Any]
    files: dict[str, Seen]

    def cell(self, provider_id: str) -> str:
        return str(self._row(self.database, provider_id)["settings_config"])

    def live(self) -> bytes:
        return self.files[".codex/config.toml"].content

    def with_cell(self, provider_id: str, text: str) -> Look:
        """The same but for one cell."""
        database = deepcopy(self.database)
        self._row(database, provider_id)["settings_config"] = text
        return Look(database, self.files)

    def with_file(self, name: str, content: bytes, mode: int = 0o600) -> Look:
        """The same but for one file in Codex's directory."""
        return Look(self.database, {**self.files, f".codex/{name}": Seen(content, mode, 0)})

    def with_live(self, content: bytes) -> Look:
        """The same but for Codex's configuration, of which there is a backup then."""
        return self.with_file("config.toml", content).with_file(BACKUP, self.live())

    @staticmethod
    def _row(database: dict[str, Any], provider_id: str) -> dict[str, Any]:
        [row] = [
            row
            for row in database["tables"]["providers"].values()
            if row["id"] == provider_id and row["app_type"] == "codex"
        ]
        found: dict[str, Any] = row
        return found


def config_of(cell: str) -> str:
    return str(json.loads(cell)["config"])


def with_config(cell: str, config: str) -> str:
    """A cell as cc switch writes it, with another config.toml in it."""
    return compact({**json.loads(cell), "config": config})


def leading_to_us(config: str, *, was: str = MIMO_URL, key: str = MIMO_KEY, url: str = LOCAL) -> str:
    """The config.toml of a preset once it was taken over."""
    line = f'base_url = "{was}"\n'
    assert config.count(line) == 1
    return config.replace(line, f'base_url = "{url}"\nhttp_headers = {{ "{HEADER}" = "{key}" }}\n')


def taken_over(before: Look, row: ProviderRow, *, was: str = MIMO_URL, key: str = MIMO_KEY) -> Look:
    """A home in which a preset's row was taken over, and the live configuration as well."""
    cell = before.cell(row.id)
    changed = with_config(cell, leading_to_us(config_of(cell), was=was, key=key))
    live = leading_to_us(before.live().decode(), was=was, key=key).encode()
    return before.with_cell(row.id, changed).with_live(live)


def given_back(before: Look) -> Look:
    """A home in which everything is as before, but for our backup of that."""
    return before.with_file(BACKUP, before.live())
