"""What cc switch keeps on disk: settings.json, its database, and Codex's directory.

Owns how the app reads and writes each of them, and what a test reads there. What it does with them is in
``cc_switch``. Must not be more careful than the app is: it saves whole files and whole rows from what it read
earlier, and what it does not know is gone.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sqlite3
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.sync import cc_switch_toml as toml
from tests.sync.cc_switch_presets import compact
from tests.sync.cc_switch_schema import NEWEST, create_database

CURRENT = "currentProviderCodex"
PRESERVE = "preserveCodexOfficialAuthOnSwitch"
DEFAULT_WINDOW = 128_000
Row = dict[str, Any]

# The app's own structures. Whatever else it finds is gone when it next saves.
_APPS = ("claude", "codex", "gemini", "grok", "opencode", "openclaw", "hermes", "pi")
_CURRENT_OF = ("Claude", "ClaudeDesktop", "Codex", "Gemini", "Grokbuild", "Opencode", "Openclaw", "Hermes")
_SETTINGS = {
    *(f"currentProvider{app}" for app in _CURRENT_OF),
    *(f"{app}ConfigDir" for app in _APPS),
    PRESERVE,
    "language",
    "unifyCodexSessionHistory",
    "enableLocalProxy",
    "enableFailoverToggle",
    "localMigrations",
    "backupIntervalHours",
    "backupRetainCount",
    "webdavSync",
    "s3Sync",
}
_FIRST_SETTINGS: dict[str, Any] = {
    "language": "en",
    "unifyCodexSessionHistory": False,
    "backupIntervalHours": 24,
    "backupRetainCount": 10,
}
# What the facts name of it. That custom_endpoints is missing is the app's rule.
_META = {
    "apiFormat",
    "isFullUrl",
    "codexChatReasoning",
    "promptCacheRouting",
    "commonConfigEnabled",
    "customUserAgent",
    "localProxyRequestOverrides",
    "endpointAutoSelect",
    "apiKeyField",
    "maxOutputTokens",
    "providerType",
    "costMultiplier",
    "usage_script",
}
_SAVED = (
    "name",
    "settings_config",
    "website_url",
    "category",
    "created_at",
    "sort_index",
    "notes",
    "icon",
    "icon_color",
    "meta",
)
_numbers = itertools.count()


_CODEX_NEEDS: dict[str, Any] = {
    "supported_reasoning_levels": [],
    "shell_type": "unified_exec",
    "visibility": "list",
    "supported_in_api": True,
    "support_verbosity": False,
    "truncation_policy": {"mode": "tokens", "limit": 10_000},
    "experimental_supported_tools": [],
}
"""What a catalog's entry must have for Codex to start."""


class AppFiles:
    """The files, as a running app has them. Those of an earlier app are taken over."""

    def __init__(
        self,
        home: Path,
        *,
        version: int = NEWEST,
        wal: bool = False,
        extra_columns: bool = False,
        upgraded: bool = False,
        preserve_official_auth: bool = False,
    ) -> None:
        self.home = home
        self.settings_path = home / ".cc-switch" / "settings.json"
        self.database_path = home / ".cc-switch" / "cc-switch.db"
        self.settings_path.parent.mkdir(parents=True, exist_ok=True)
        if not self.database_path.exists():
            create_database(
                self.database_path,
                version=version,
                wal=wal,
                extra_columns=extra_columns,
                upgraded=upgraded,
            )
        self._settings: dict[str, Any] = {}
        self._load_settings()
        if not self.settings_path.exists():
            self._settings = {**_FIRST_SETTINGS, PRESERVE: preserve_official_auth}
            self._save_settings()

    # --- what a test reads ---

    @property
    def codex_dir(self) -> Path:
        """Where Codex's files are. CODEX_HOME is nothing to cc switch."""
        override = str(self._settings.get("codexConfigDir") or "").strip()
        if override == "~" or override.startswith(("~/", "~\\")):
            return self.home / override[2:]
        return Path(override) if override else self.home / ".codex"

    @property
    def config_path(self) -> Path:
        return self.codex_dir / "config.toml"

    @property
    def auth_path(self) -> Path:
        return self.codex_dir / "auth.json"

    @property
    def catalog_path(self) -> Path:
        return self.codex_dir / toml.CATALOG_NAME

    def current(self) -> str | None:
        """The provider that the app takes for the current one."""
        chosen = self._settings.get(CURRENT)
        select = "SELECT id, is_current FROM providers WHERE app_type='codex' ORDER BY rowid"
        with self._database() as database:
            marks: dict[str, int] = dict(database.execute(select).fetchall())
        return chosen if chosen in marks else next((i for i, marked in marks.items() if marked), None)

    def row(self, provider_id: str) -> dict[str, Any]:
        """A provider's settings_config."""
        settings: dict[str, Any] = json.loads(self.row_text(provider_id))
        return settings

    def row_text(self, provider_id: str) -> str:
        """A provider's settings_config, as it is in the cell."""
        return str(self._provider(provider_id)["settings_config"])

    def config_text(self, provider_id: str) -> str:
        """The config.toml in a provider's row."""
        return str(self.row(provider_id)["config"])

    def live_text(self) -> str:
        """The config.toml that Codex reads."""
        return self.config_path.read_bytes().decode()

    def live_auth(self) -> dict[str, Any] | None:
        """What is in auth.json, or None without one."""
        if not self.auth_path.exists():
            return None
        auth: dict[str, Any] = json.loads(self.auth_path.read_bytes())
        return auth

    def upstream(self) -> str | None:
        """Where the app's own proxy sends requests: to the first base_url in the current row's text."""
        current = self.current()
        found = re.search(r'base_url = "([^"]*)"', self.config_text(current)) if current else None
        return found[1] if found else None

    # --- settings.json ---

    def _load_settings(self) -> None:
        try:
            found = json.loads(self.settings_path.read_bytes())
        except (OSError, ValueError):
            found = {}
        known = found if isinstance(found, dict) else {}
        self._settings = {key: known[key] for key in known if key in _SETTINGS}

    def set_setting(self, key: str, value: Any) -> None:
        """Set a key of settings.json, or take it out with None. All of the file is written, from memory.

        :raises KeyError: cc switch has no such setting.
        """
        if key not in _SETTINGS:
            raise KeyError(key)
        self._settings[key] = value
        self._save_settings()

    def _save_settings(self) -> None:
        """Truncate and write in place, as the app does with this file only."""
        text = pretty({key: value for key, value in self._settings.items() if value is not None})
        handle = os.open(self.settings_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())

    # --- the database ---

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.database_path, timeout=5)
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            with connection:
                yield connection
        finally:
            connection.close()

    def _provider(self, provider_id: str) -> Row:
        with self._database() as database:
            database.row_factory = sqlite3.Row
            select = "SELECT * FROM providers WHERE id=? AND app_type='codex'"
            found = database.execute(select, (provider_id,)).fetchone()
        if found is None:
            raise KeyError(provider_id)
        return dict(found)

    def _save(self, row: Row) -> None:
        """Update all columns from what was read earlier, whoever wrote in between."""
        meta = json.loads(row["meta"])
        known = {key: meta[key] for key in meta if key in _META}
        values = {**row, "meta": row["meta"] if known == meta else compact(known)}
        columns = ", ".join(f"{column}=:{column}" for column in _SAVED)
        with self._database() as database:
            database.execute(f"UPDATE providers SET {columns} WHERE id=:id AND app_type=:app_type", values)

    def _effective_current(self) -> str | None:
        """The current provider. A choice of one that is gone is forgotten."""
        current = self.current()
        if self._settings.get(CURRENT) not in (None, current):
            self.set_setting(CURRENT, None)
        return current

    def _make_current(self, provider_id: str) -> None:
        self.set_setting(CURRENT, provider_id)
        with self._database() as database:
            database.execute("UPDATE providers SET is_current=(id=?) WHERE app_type='codex'", (provider_id,))

    # --- Codex's directory ---

    def _read_live(self) -> dict[str, Any] | None:
        """The live settings in the form of a row's, or None if they are missing or broken."""
        if not (self.auth_path.exists() or self.config_path.exists()):
            return None
        try:
            text = self.live_text() if self.config_path.exists() else ""
            tomllib.loads(text)
            live: dict[str, Any] = {"auth": self.live_auth() or {}, "config": text}
        except ValueError:
            return None
        catalog = self._read_catalog(text)
        return {**live, "modelCatalog": catalog} if catalog else live

    def _read_catalog(self, text: str) -> dict[str, Any] | None:
        """Turn the catalog that the app wrote back into a row's, which loses some of it."""
        if toml.get(text, "model_catalog_json") != toml.CATALOG_NAME or not self.catalog_path.exists():
            return None
        models = []
        for entry in json.loads(self.catalog_path.read_bytes())["models"]:
            model: dict[str, Any] = {"model": entry["slug"]}
            if entry["display_name"] != entry["slug"]:
                model["displayName"] = entry["display_name"]
            if entry["context_window"] != DEFAULT_WINDOW:
                model["contextWindow"] = entry["context_window"]
            models.append({**model, "inputModalities": entry["input_modalities"]})
        return {"models": models}

    def _write_catalog(self, models: list[dict[str, Any]]) -> None:
        entries = [
            {
                "slug": model["model"],
                "display_name": model.get("displayName", model["model"]),
                "context_window": model.get("contextWindow", DEFAULT_WINDOW),
                "input_modalities": model.get("inputModalities", ["text", "image"]),
                "base_instructions": model.get("baseInstructions", ""),
                "priority": number,
                **_CODEX_NEEDS,
            }
            for number, model in enumerate(models)
        ]
        self._write_file(self.catalog_path, pretty({"models": entries}))

    def _write_auth(self, auth: dict[str, Any]) -> None:
        self._write_file(self.auth_path, pretty(auth, sort_keys=True))

    def _write_config(self, text: str) -> None:
        tomllib.loads(text)  # the app refuses to write what Codex could not read
        self._write_file(self.config_path, text)

    def _write_file(self, path: Path, text: str) -> None:
        """Replace a file, or the symbolic link that is there, by a new file with the old one's mode."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}.{time.time_ns()}.{next(_numbers)}")
        temporary.write_bytes(text.encode())
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o7777)
        temporary.replace(path)


def pretty(value: Any, *, sort_keys: bool = False) -> str:
    """JSON as ``serde_json::to_string_pretty`` writes it."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=sort_keys)
