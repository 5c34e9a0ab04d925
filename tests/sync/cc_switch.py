"""cc switch as its user works with it, on a home directory of the test's own.

Owns what the app does: a switch with its backfill, the dialog, local routing. It stands for a program that
others wrote, so that it must not import the package under test, nor be more careful than the app is. Not
modelled are its other apps, what it does of its own accord (updates of its schema and of old rows, backups,
uploads, the counting of usage), and ``unifyCodexSessionHistory``.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from tests.sync import cc_switch_toml as toml
from tests.sync.cc_switch_files import PRESERVE, AppFiles, Row
from tests.sync.cc_switch_presets import compact
from tests.sync.cc_switch_schema import ProviderRow, insert_provider

_ROUTING = "UPDATE proxy_config SET proxy_enabled=?, enabled=?, live_takeover_active=? WHERE app_type='codex'"


@dataclass
class Dialog:
    """An open dialog.

    :ivar settings: the form, to be changed.
    :ivar row: the rest of the provider, as it was when the dialog opened.
    """

    settings: dict[str, Any]
    row: Row


class CcSwitch(AppFiles):
    """The running app. Its rows are read anew for every step, its settings only at the start."""

    def restart(self) -> None:
        """Quit and start again: settings.json is read, and nothing of Codex's is written."""
        self._load_settings()

    def add(self, row: ProviderRow) -> None:
        """Add a provider. It becomes current by :meth:`switch` only."""
        with self._database() as database:
            insert_provider(database, row)

    def set_common_config(self, snippet: str) -> None:
        """Keep a snippet of TOML which rows may share."""
        with self._database() as database:
            statement = "INSERT OR REPLACE INTO settings VALUES ('common_config_codex', ?)"
            database.execute(statement, (snippet,))

    def add_mcp_server(self, name: str, server: dict[str, Any]) -> None:
        """Keep an MCP server that is enabled for Codex, which gets it when the app next writes to it."""
        with self._database() as database:
            columns = "(id, name, server_config, enabled_codex)"
            values = (name, name, compact(server))
            database.execute(f"INSERT INTO mcp_servers {columns} VALUES (?, ?, ?, 1)", values)

    def switch(self, provider_id: str) -> None:
        """Enable a provider."""
        target = self._provider(provider_id)
        current = self._effective_current()
        if self._routing():
            # Codex goes on talking to the app's proxy. What it is given afterwards is the new provider's.
            self._back_up_row(target)
            self._make_current(provider_id)
            return
        backfilled = current not in (None, provider_id) and self._backfill(self._provider(str(current)))
        self._make_current(provider_id)
        self._write_live(target, backfilled=backfilled)

    def _backfill(self, row: Row) -> bool:
        """Save what is live as the outgoing provider's settings."""
        settings = self._read_live()
        if settings is None:
            return False
        stored = json.loads(row["settings_config"])
        if self._shares_snippet(row):
            settings["config"] = toml.without_snippet(settings["config"], self._snippet())
        auth = stored.get("auth") or {}
        key = toml.token(settings["config"])
        if key and row["category"] != "official" and (auth.get("OPENAI_API_KEY") or not _logged_in(auth)):
            settings["config"] = toml.without_token(settings["config"])
            settings["auth"] = {**auth, "OPENAI_API_KEY": key}
        settings["config"] = toml.without_mcp_servers(settings["config"])
        if "modelCatalog" in stored:
            settings["modelCatalog"] = stored["modelCatalog"]
        self._save({**row, "settings_config": compact(settings)})
        return True

    def _write_live(self, row: Row, *, backfilled: bool = False) -> None:
        settings = json.loads(row["settings_config"])
        auth, text = settings["auth"], settings.get("config") or ""
        if self._shares_snippet(row):
            text = toml.with_snippet(text, self._snippet())
        text = self._with_catalog(settings, text, row)
        if row["category"] == "official":
            self._write_official(auth, text, backfilled)
        elif self._settings.get(PRESERVE):
            key = auth.get("OPENAI_API_KEY") or toml.token(text)
            self._write_config(toml.with_token(text, key) if key else text)
        else:
            self._write_auth(auth)
            self._write_config(text)
        self._project_mcp_servers()

    def _write_official(self, auth: dict[str, Any], text: str, backfilled: bool) -> None:
        if auth.get("OPENAI_API_KEY") or _logged_in(auth):
            self._write_auth(auth)
            self._write_config(text)
            return
        self._write_config(text)
        live = self.live_auth() or {}
        if backfilled and live.get("OPENAI_API_KEY") and not live.get("tokens"):
            self.auth_path.unlink()  # only another vendor's key, which Codex would send to OpenAI

    def _with_catalog(self, settings: dict[str, Any], text: str, row: Row) -> str:
        """Write the catalog, if the row has one, and what a text says of it."""
        models = (settings.get("modelCatalog") or {}).get("models") or []
        if models:
            self._write_catalog(models)
        native = json.loads(row["meta"]).get("apiFormat") == "openai_responses"
        # Both keys come with the catalog and go with it.
        return toml.with_catalog(text, bool(models), bool(models) and native and toml.refuses_search(text))

    def _project_mcp_servers(self) -> None:
        with self._database() as database:
            select = "SELECT id, server_config FROM mcp_servers WHERE enabled_codex=1 ORDER BY id"
            servers = database.execute(select).fetchall()
        text = self.live_text()
        for name, server in servers:
            text = toml.with_mcp_server(text, name, json.loads(server))
        if servers:
            self._write_config(text)

    # --- the snippet that rows share ---

    def _snippet(self) -> str:
        with self._database() as database:
            select = "SELECT value FROM settings WHERE key='common_config_codex'"
            found = database.execute(select).fetchone()
        return str(found[0]) if found else ""

    def _shares_snippet(self, row: Row, *, explicitly: bool = False) -> bool:
        """Whether a row has asked for the snippet, or (if that is enough) says the same anyway."""
        snippet = self._snippet()
        wanted = json.loads(row["meta"]).get("commonConfigEnabled")
        if wanted is not None or explicitly:
            return bool(wanted) and bool(snippet.strip())
        return toml.has_snippet(json.loads(row["settings_config"]).get("config") or "", snippet)

    # --- the dialog ---

    def open_dialog(self, provider_id: str) -> Dialog:
        """Begin to edit. The current provider's form shows what is live, any other's what is stored."""
        row = self._provider(provider_id)
        stored: dict[str, Any] = json.loads(row["settings_config"])
        shows_live = provider_id == self._effective_current() and not self._routing()
        live = self._read_live() if shows_live else None
        if live is None:
            return Dialog(stored, row)
        if self._shares_snippet(row, explicitly=True):
            live["config"] = toml.without_snippet(live["config"], self._snippet())
        if "modelCatalog" in stored:
            live.setdefault("modelCatalog", stored["modelCatalog"])
        return Dialog(live, row)

    def save_dialog(self, dialog: Dialog) -> None:
        """Save every column as the dialog knows it, and make it live if the provider is current."""
        settings, row = copy.deepcopy(dialog.settings), dialog.row
        if self._shares_snippet(row, explicitly=True):
            settings["config"] = toml.without_snippet(settings["config"], self._snippet())
        row = {**row, "settings_config": compact(settings)}
        self._save(row)
        if row["id"] != self._effective_current():
            return
        if self._routing():
            self._back_up_row(row)
        else:
            self._write_live(row)

    def edit_in_dialog(self, provider_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Open the dialog, change what it shows, and save."""
        dialog = self.open_dialog(provider_id)
        self.save_dialog(Dialog(change(copy.deepcopy(dialog.settings)), dialog.row))

    # --- local routing ---

    def start_local_routing(self, placeholder: Literal["config", "auth"] = "config") -> None:
        """Send Codex through the app's own proxy.

        :param placeholder: the file that gets the placeholder for the key. Later versions spare auth.json.
        """
        current = self._effective_current()
        live = self._read_live()
        if current is None or live is None:
            raise LookupError("there is nothing to route")
        if not _routed(live):
            self._back_up({"auth": live["auth"], "config": live["config"]})
        with self._database() as database:
            database.execute(_ROUTING, (1, 1, 1))
            select = "SELECT listen_address, listen_port FROM proxy_config WHERE app_type='codex'"
            address, port = database.execute(select).fetchone()
        official = self._provider(current)["category"] == "official"
        text = toml.with_route(live["config"], f"http://{address}:{port}/v1", official=official)
        if not official and placeholder == "auth":
            self._write_auth({**live["auth"], "OPENAI_API_KEY": toml.PLACEHOLDER})
        elif not official:
            text = toml.with_token(text, toml.PLACEHOLDER)
        self._write_config(text)

    def stop_local_routing(self) -> None:
        """Give Codex back what it had. Without a backup it gets the current row, if that is any good."""
        backup, current = self._backup(), self._effective_current()
        self._forget_routing()
        if backup is not None and not _routed(backup):
            text = backup["config"]
            if "modelCatalog" in backup and current is not None:
                text = self._with_catalog(backup, text, self._provider(current))
            if backup["auth"]:
                self._write_auth(backup["auth"])
            else:
                self.auth_path.unlink(missing_ok=True)
            self._write_config(text)
        elif self._routing() and current is not None and not _routed(self.row(current)):
            self._write_live(self._provider(current))
        else:
            self.crash_cleanup()

    def crash_cleanup(self) -> bool:
        """Start after a crash during local routing that left neither a backup nor a good row.

        Where what is live has the app's own marks, they go, and any address of this machine with them.

        :return: whether there were any.
        """
        self._forget_routing()
        live = self._read_live()
        if live is None or not _routed(live):
            return False
        if live["auth"].get("OPENAI_API_KEY") == toml.PLACEHOLDER:
            del live["auth"]["OPENAI_API_KEY"]
            self._write_auth(live["auth"])
        self._write_config(toml.without_route(live["config"]))
        return True

    def _routing(self) -> bool:
        live = self._read_live()
        return self._backup() is not None or (live is not None and _routed(live))

    def _backup(self) -> dict[str, Any] | None:
        with self._database() as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
            if "proxy_live_backup" not in tables:
                return None
            select = "SELECT original_config FROM proxy_live_backup WHERE app_type='codex'"
            found = database.execute(select).fetchone()
        backup: dict[str, Any] | None = json.loads(found[0]) if found else None
        return backup

    def _back_up(self, original: dict[str, Any]) -> None:
        values = (compact(original), datetime.now(UTC).isoformat())
        with self._database() as database:
            database.execute("INSERT OR REPLACE INTO proxy_live_backup VALUES ('codex', ?, ?)", values)

    def _back_up_row(self, row: Row) -> None:
        """What is to be live when routing ends. A login to ChatGPT outlives it."""
        settings = json.loads(row["settings_config"])
        if self._shares_snippet(row):
            settings["config"] = toml.with_snippet(settings["config"], self._snippet())
        login = (self._backup() or {}).get("auth") or {}
        if _logged_in(login):
            key = settings["auth"].get("OPENAI_API_KEY")
            settings["config"] = toml.with_token(settings["config"], key) if key else settings["config"]
            settings["auth"] = login
        self._back_up(settings)

    def _forget_routing(self) -> None:
        with self._database() as database:
            database.execute("DELETE FROM proxy_live_backup WHERE app_type='codex'")
            database.execute(_ROUTING, (0, 0, 0))


def _routed(settings: dict[str, Any]) -> bool:
    auth, text = settings.get("auth") or {}, settings.get("config") or ""
    return auth.get("OPENAI_API_KEY") == toml.PLACEHOLDER or toml.is_routed(text)


def _logged_in(auth: dict[str, Any]) -> bool:
    """Whether there is anything of a login to OpenAI itself."""
    return any(value for key, value in auth.items() if key not in ("auth_mode", "OPENAI_API_KEY"))
