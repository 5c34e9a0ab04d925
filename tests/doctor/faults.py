"""Faults, one for each row: how it is planted in a healthy set-up, which check finds it, and what it advises.

Owns the table. Each fault is a real one: in a file, a database, a socket, a program or a variable.
"""

from __future__ import annotations

import contextlib
import importlib
import socket
import sqlite3
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import twisted.plugins

from ccmimolink import __version__
from tests.doctor.doctor_stage import KEY, DoctorStage
from tests.e2e.processes import free_port
from tests.faults.script import Send
from tests.faults.upstream import Plan, Received
from tests.http_wire import answer, chunked, hello
from tests.mimocode.gateway_tls import HOST, Shown, authority
from tests.sync.cc_switch_presets import MIMO_ID, OTHER_ID
from tests.test_plugins_discovery import DROP_IN

OTHER_KEY = "sk-fake-key-of-another-0002"
TOKEN = "fake-token-of-the-doctors-patient"
Planting = Callable[[DoctorStage], Awaitable[None] | None]


@dataclass(frozen=True)
class Fault:
    """:ivar found_by: the id of the check.
    :ivar advice: what its fix, or the command for it, has to name.
    :ivar status: of that check.
    :ivar also: further checks that cannot stay as they were, though they need not the one that failed.
    """

    name: str
    plant: Planting
    found_by: str
    advice: str
    status: str = "failed"
    also: frozenset[str] = frozenset()


def variable(name: str, value: str) -> Planting:
    def plant(stage: DoctorStage) -> None:
        stage.environ[name] = value

    return plant


# -- the installation ---------------------------------------------------------------------------------------


def metadata(name: str, *lines: str) -> Planting:
    """A package that claims more than there is, in a place that is looked at first."""

    def plant(stage: DoctorStage) -> None:
        info = stage.directory / "site" / f"{name}-0.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            "\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 0.1", *lines])
        )
        sys.path.insert(0, str(info.parent))
        stage.at_the_end.append(lambda: sys.path.remove(str(info.parent)))
        importlib.invalidate_caches()

    return plant


def hide_the_drop_ins(_stage: DoctorStage) -> None:
    """As an ``__init__.py`` beside them does, or an installation that left them out."""
    twisted.plugins.__path__ = [one for one in twisted.plugins.__path__ if "site-packages" in one]


def drop_in(body: str, name: str) -> Planting:
    def plant(stage: DoctorStage) -> None:
        directory = stage.directory / "plugins"
        directory.mkdir()
        (directory / f"{name}.py").write_text(body)
        stage.environ["MIMO_PROXY_PLUGIN_PATH"] = str(directory)
        importlib.invalidate_caches()

    return plant


# -- our files ----------------------------------------------------------------------------------------------


def log_is_a_directory(stage: DoctorStage) -> None:
    stage.environ["MIMO_PROXY_LOG"] = str(stage.directory / "logs")


def rotated_log_is_a_directory(stage: DoctorStage) -> None:
    (stage.log.with_name(f"{stage.log.name}.1") / "x").mkdir(parents=True)


def state_directory_is_a_file(stage: DoctorStage) -> None:
    (stage.directory / "file").write_text("")
    stage.environ["MIMO_PROXY_STATE_DIR"] = str(stage.directory / "file" / "state")


def garbage_in_the_memory(stage: DoctorStage) -> None:
    (stage.state / "state.json").write_text("{")


def garbage_in_the_choice(stage: DoctorStage) -> None:
    (stage.state / f"model-{stage.port}.json").write_text("{")


def dump_for_all(stage: DoctorStage) -> None:
    directory = stage.directory / "dump"
    directory.mkdir(mode=0o755)
    stage.environ["MIMO_DEBUG_DUMP"] = str(directory)


def database_for_all(stage: DoctorStage) -> None:
    stage.app.database_path.chmod(0o644)


def configuration_for_all(stage: DoctorStage) -> None:
    stage.config.chmod(0o640)


# -- cc switch ----------------------------------------------------------------------------------------------


def no_database(stage: DoctorStage) -> None:
    stage.app.database_path.unlink()


def garbage_in_its_settings(stage: DoctorStage) -> None:
    stage.app.settings_path.write_text("{")


def garbage_in_the_database(stage: DoctorStage) -> None:
    stage.app.database_path.write_bytes(b"no database" * 100)


def column_missing(stage: DoctorStage) -> None:
    stage.sql("ALTER TABLE providers RENAME COLUMN settings_config TO settings")


def database_held(stage: DoctorStage) -> None:
    holder = sqlite3.connect(stage.app.database_path, isolation_level=None)
    stage.at_the_end.append(holder.close)
    holder.execute("BEGIN EXCLUSIVE")


def row_deleted(stage: DoctorStage) -> None:
    stage.sql("DELETE FROM providers WHERE id = ?", MIMO_ID)


def row_without_a_configuration(stage: DoctorStage) -> None:
    stage.edit_row(lambda settings: settings.pop("config"))


def key_emptied(stage: DoctorStage) -> None:
    stage.edit_row(lambda settings: settings["auth"].update(OPENAI_API_KEY=""))


def other_provider(stage: DoctorStage) -> None:
    stage.app.switch(OTHER_ID)


def row_leads_back(stage: DoctorStage) -> None:
    def lead_back(settings: dict[str, str]) -> None:
        local = f"http://127.0.0.1:{stage.port}/v1"
        settings["config"] = settings["config"].replace(local, "https://api.xiaomimimo.com/v1")

    stage.edit_row(lead_back)


# -- Codex --------------------------------------------------------------------------------------------------


def codex_fails(stage: DoctorStage) -> None:
    program = stage.codex.path / "codex"
    program.write_text("#!/bin/sh\nexit 3\n")


def codex_floods(stage: DoctorStage) -> None:
    (stage.codex.path / "codex").write_text("#!/bin/sh\nexec /usr/bin/yes\n")


def config_is_no_toml(stage: DoctorStage) -> None:
    with stage.config.open("a") as config:
        config.write(f'\nhalf = "{KEY}\n')


def config_gone(stage: DoctorStage) -> None:
    stage.config.unlink()


def edited(old: str, new: str) -> Planting:
    return lambda stage: stage.edit_config(old, new)


def codex_leads_elsewhere(stage: DoctorStage) -> None:
    stage.edit_config(f"127.0.0.1:{stage.port}", "127.0.0.1:1")


def catalog_gone(stage: DoctorStage) -> None:
    stage.app.catalog_path.unlink()


# -- MiMo ---------------------------------------------------------------------------------------------------


def nobody_at_mimos_address(stage: DoctorStage) -> None:
    stage.environ["MIMO_BASE_URL"] = f"http://127.0.0.1:{free_port()}/v1"


async def mimo_vouched_for_by_nobody(stage: DoctorStage) -> None:
    """Its certificate is of an authority that is not trusted, as behind a proxy that opens TLS."""
    await stage.lead_to(Plan(), certificate=Shown(authority().issue(HOST)))


def nobody_at_the_proxys_address(stage: DoctorStage) -> None:
    """The one that leads out of a company, not ours."""
    stage.environ["MIMO_BASE_URL"] = "https://mimo.invalid/v1"
    stage.environ["HTTPS_PROXY"] = f"http://user:{OTHER_KEY}@127.0.0.1:{free_port()}"


def request_log_in_the_log(stage: DoctorStage) -> None:
    stage.environ["MIMO_PROXY_REQUEST_LOG"] = str(stage.log)


def without_v1(stage: DoctorStage) -> None:
    stage.environ["MIMO_BASE_URL"] = stage.demo.base_url.removesuffix("/v1")


MODELS = b'{"object":"list","data":[{"id":"mimo-v2.5"},{"id":"mimo-v2.5-pro"}]}'


def mimo(models: bytes, turn: bytes) -> Planting:
    """An upstream of the test's own, which answers the two requests so."""

    def play(received: Received) -> tuple[Send]:
        return (Send(models if received.line.startswith("GET") else turn),)

    return lambda stage: stage.lead_to(Plan(answer=play))


def models_at(when: datetime, status: int = 200, body: bytes = MODELS) -> bytes:
    head = answer(status, body, content_type="application/json")
    return head.replace(b"\r\n", f"\r\ndate: {format_datetime(when, usegmt=True)}\r\n".encode(), 1)


def now() -> datetime:
    return datetime.now(UTC)


NO_FUNDS = {"error": {"code": "402", "message": "Insufficient account funds"}}
REJECTED = b'{"error":{"code":"401","message":"Invalid API Key","type":"invalid_key","param":""}}'


# -- the proxy ----------------------------------------------------------------------------------------------


def stranger(said: bytes, **said_at: bytes) -> Planting:
    """A program of others where the proxy is to be.

    :param said_at: what it answers to requests whose first line has this word.
    """

    async def plant(stage: DoctorStage) -> None:
        await stage.stop_proxy()
        server = socket.create_server(("127.0.0.1", stage.port))

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked = connection.recv(4096).partition(b"\r\n")[0]
                    chosen = [what for word, what in said_at.items() if word.encode() in asked]
                    connection.sendall(chosen[0] if chosen else said)
                    if not said:
                        with contextlib.suppress(ConnectionError):
                            connection.recv(1)  # until the other one leaves

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()

        def close() -> None:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join(20)

        stage.at_the_end.append(close)

    return plant


def health(version: str) -> bytes:
    body = {"uptime_seconds": 1.0, "status": "ok", "version": version}
    return answer(200, body, content_type="application/json", connection="close")


OFFERED = answer(200, {"models": [{"slug": "mimo-v2.5"}]}, connection="close")
CARRIED = answer(200, b"event: response.completed\ndata: {}\n\n", connection="close")


async def proxy_stopped(stage: DoctorStage) -> None:
    await stage.stop_proxy()


async def proxy_with_a_token(stage: DoctorStage) -> None:
    await stage.restart_proxy(MIMO_PROXY_TOKEN=TOKEN, MIMO_PROXY_SKIP_CC_SWITCH_SYNC="true")


async def proxy_with_another_upstream(stage: DoctorStage) -> None:
    await stage.restart_proxy(MIMO_BASE_URL=f"http://127.0.0.1:{free_port()}/v1")


NO_DATE = frozenset({"upstream.clock"})

FAULTS = (
    Fault(
        "an old Python",
        metadata("ccmimolink", "Requires-Python: >=4"),
        "python.version",
        "virtual environment",
    ),
    Fault("an old package", metadata("msgspec"), "python.packages", "pip install -U 'msgspec>="),
    Fault(
        "a package missing",
        metadata("ccmimolink", "Requires-Dist: no-such-package-of-anybody>=2"),
        "python.packages",
        "pip install -U 'no-such-package-of-anybody>=2'",
    ),
    Fault("the command missing", hide_the_drop_ins, "python.twistd", "--force-reinstall"),
    Fault("a port that is none", variable("MIMO_PROXY_PORT", "many"), "settings.values", "from 0 to 65535"),
    Fault(
        "a model file that is missing",
        variable("MIMO_PROXY_MODELS", "/nonexistent/models.toml"),
        "settings.values",
        "MIMO_PROXY_MODELS",
    ),
    Fault(
        "a proxy of no kind", variable("HTTPS_PROXY", "ftp://127.0.0.1:21"), "settings.values", "socks5://"
    ),
    Fault("one file for two logs", request_log_in_the_log, "settings.values", "another file"),
    Fault(
        "no file of authorities",
        variable("MIMO_PROXY_CA_FILE", "/nonexistent.pem"),
        "settings.values",
        "certificates in PEM",
    ),
    Fault(
        "a misspelt variable",
        variable("MIMO_PROXY_RETRYS", "3"),
        "settings.names",
        "MIMO_PROXY_RETRIES in place of MIMO_PROXY_RETRYS",
        "warning",
    ),
    Fault(
        "settings that contradict each other",
        lambda stage: stage.environ.update(
            MIMO_PROXY_REQUIRE_SYNC="true", MIMO_PROXY_SKIP_CC_SWITCH_SYNC="true"
        ),
        "settings.sense",
        "Unset one of them",
        also=frozenset({"ccswitch.route", "codex.key"}),
    ),
    Fault(
        "a token and a takeover",
        variable("MIMO_PROXY_TOKEN", TOKEN),
        "settings.sense",
        "Unset it, or start with --skip-sync",
        "warning",
    ),
    Fault("a plugin that is broken", drop_in("1 / 0", "acme_broken"), "plugins", "Mend them"),
    Fault(
        "two plugins of one name",
        drop_in(DROP_IN + "one = Filter('same', 1)\ntwo = Filter('same', 2)\n", "acme_twins"),
        "plugins",
        "MIMO_PROXY_DISABLE_PLUGINS",
    ),
    Fault(
        "a plugin that there is not",
        variable("MIMO_PROXY_DISABLE_PLUGINS", "nobody"),
        "plugins",
        "There are:",
    ),
    Fault("no plugin directory", variable("MIMO_PROXY_PLUGIN_PATH", "/nonexistent"), "plugins", "Create it"),
    Fault(
        "no directory for the log", variable("MIMO_PROXY_LOG", "/nonexistent/a.log"), "log.file", "mkdir -p"
    ),
    Fault("a directory for a log", log_is_a_directory, "log.file", "MIMO_PROXY_LOG"),
    Fault("a log that cannot be rotated", rotated_log_is_a_directory, "log.rotation", "mv ", "warning"),
    Fault(
        "a state directory that no system takes",
        variable("MIMO_PROXY_STATE_DIR", f"/{'x' * 300}/state"),
        "state.directory",
        "MIMO_PROXY_STATE_DIR",
    ),
    Fault("no state directory", state_directory_is_a_file, "state.directory", "MIMO_PROXY_STATE_DIR"),
    Fault("a memory that cannot be read", garbage_in_the_memory, "state.memory", "move the file away"),
    Fault("a choice that cannot be read", garbage_in_the_choice, "state.model", "rm ", "warning"),
    Fault(
        "a log beyond the disk",
        variable("MIMO_PROXY_LOG_BYTES", str(10**12)),
        "disk.space",
        "MIMO_PROXY_LOG_BYTES",
        "warning",
    ),
    Fault("cc switch without a database", no_database, "ccswitch.found", "CC_SWITCH_DB_PATH"),
    Fault(
        "cc switch's settings broken", garbage_in_its_settings, "ccswitch.settings", "once more", "warning"
    ),
    Fault("no database in the file", garbage_in_the_database, "ccswitch.database", "backups"),
    Fault("a column missing", column_missing, "ccswitch.database", "Start cc switch once"),
    Fault("the database held", database_held, "ccswitch.lock", "quit it", "warning"),
    Fault("MiMo's row deleted", row_deleted, "ccswitch.provider", "Add a Xiaomi MiMo provider"),
    Fault("MiMo's row broken", row_without_a_configuration, "ccswitch.provider", "Edit it in cc switch"),
    Fault("no key in cc switch", key_emptied, "ccswitch.key", "Enter the API key"),
    Fault(
        "another provider selected",
        other_provider,
        "ccswitch.current",
        "Select 'Xiaomi MiMo'",
        "warning",
        frozenset({"codex.route", "codex.key"}),
    ),
    Fault("cc switch's row leads to MiMo", row_leads_back, "ccswitch.route", "ccmimolink-sync"),
    Fault("no Codex", variable("PATH", "/nonexistent"), "codex.program", "npm install -g @openai/codex"),
    Fault("a Codex that does not run", codex_fails, "codex.program", "npm install -g @openai/codex"),
    Fault("a Codex that prints for ever", codex_floods, "codex.program", "npm install -g @openai/codex"),
    Fault("a configuration that is no TOML", config_is_no_toml, "codex.config", "Mend it"),
    Fault("no configuration of Codex", config_gone, "codex.config", "Select MiMo in cc switch"),
    Fault(
        "the former protocol",
        edited('wire_api = "responses"', 'wire_api = "chat"'),
        "codex.provider",
        'wire_api = "responses"',
    ),
    Fault(
        "OpenAI's name", edited('name = "xiaomi_mimo"', 'name = "OpenAI"'), "codex.provider", "another name"
    ),
    Fault("the catalog gone", catalog_gone, "codex.provider", "model_catalog_json"),
    Fault(
        "websockets switched on",
        edited('wire_api = "responses"', 'wire_api = "responses"\nsupports_websockets = true'),
        "codex.features",
        "take supports_websockets out",
        "warning",
    ),
    Fault(
        "an idle time that is too short",
        edited('wire_api = "responses"', 'wire_api = "responses"\nstream_idle_timeout_ms = 5000'),
        "codex.features",
        "raise stream_idle_timeout_ms",
        "warning",
    ),
    Fault(
        "a value that Codex refuses",
        edited('model = "mimo-v2.5-pro"', "model = 5"),
        "codex.accepted",
        "Correct that",
    ),
    Fault("Codex leads elsewhere", codex_leads_elsewhere, "codex.route", "ccmimolink-sync"),
    Fault("another key in Codex", edited(f'= "{KEY}"', f'= "{OTHER_KEY}"'), "codex.key", "ccmimolink-sync"),
    Fault("a database that all can read", database_for_all, "files.modes", "chmod 600", "warning"),
    Fault("a key that a group can read", configuration_for_all, "files.modes", "chmod 600", "warning"),
    Fault("dumps that all can read", dump_for_all, "files.modes", "chmod 700", "warning"),
    Fault(
        "a key of another plan",
        variable("MIMO_BASE_URL", "https://token-plan-cn.xiaomimimo.com/v1"),
        "upstream.key",
        "https://api.xiaomimimo.com/v1",
    ),
    Fault(
        "nobody at MiMo's address",
        nobody_at_mimos_address,
        "upstream.reachable",
        "MIMO_BASE_URL",
        also=NO_DATE,
    ),
    Fault(
        "a name that nobody has",
        variable("MIMO_BASE_URL", "http://mimo.invalid/v1"),
        "upstream.reachable",
        "host name",
        also=NO_DATE,
    ),
    Fault(
        "a certificate that nobody vouches for",
        mimo_vouched_for_by_nobody,
        "upstream.reachable",
        "MIMO_PROXY_CA_FILE",
        also=NO_DATE,
    ),
    Fault(
        "nobody at the proxy's address",
        nobody_at_the_proxys_address,
        "upstream.reachable",
        "HTTPS_PROXY",
        also=NO_DATE,
    ),
    Fault("an address without /v1", without_v1, "upstream.reachable", "ends in /v1"),
    Fault(
        "a key that MiMo rejects",
        mimo(models_at(now(), 401, REJECTED), b""),
        "upstream.reachable",
        "token-plan-sgp",
    ),
    Fault(
        "a page in MiMo's place",
        mimo(answer(200, b"<html>", content_type="text/html", date=format_datetime(now(), usegmt=True)), b""),
        "upstream.reachable",
        "ends in /v1",
    ),
    Fault(
        "a model that there is not",
        variable("MIMO_MODEL", "mimo-v99"),
        "upstream.models",
        "MIMO_MODEL=mimo-v2",
    ),
    Fault(
        "a model that was retired",
        variable("MIMO_PROXY_VISION_MODEL", "mimo-v2-omni"),
        "upstream.models",
        "MIMO_PROXY_VISION_MODEL=mimo-v2.5",
        "warning",
    ),
    Fault(
        "a clock that is wrong",
        mimo(models_at(now() - timedelta(hours=2)), chunked(hello())),
        "upstream.clock",
        "timedatectl",
        "warning",
    ),
    Fault(
        "a turn that is refused",
        mimo(models_at(now()), answer(402, NO_FUNDS)),
        "upstream.turn",
        "balance",
    ),
    Fault(
        "a web server at our port",
        stranger(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"),
        "proxy.port",
        "MIMO_PROXY_PORT",
    ),
    Fault("a silent program at our port", stranger(b""), "proxy.port", "MIMO_PROXY_PORT"),
    Fault("no web server at our port", stranger(b"220 mail\r\n"), "proxy.port", "MIMO_PROXY_PORT"),
    Fault(
        "a proxy of another version",
        stranger(health("0.0.1"), models=OFFERED, responses=CARRIED),
        "proxy.running",
        "Restart the proxy",
        "warning",
    ),
    Fault(
        "a proxy without models",
        stranger(health(__version__), models=answer(500), responses=CARRIED),
        "proxy.models",
        "See the proxy's log",
    ),
    Fault(
        "a proxy that breaks off",
        stranger(health(__version__), models=b"", responses=CARRIED),
        "proxy.models",
        "See the proxy's log",
    ),
    Fault(
        "a program whose health looks like ours",
        stranger(answer(200, {"uptime_seconds": 1.0}, connection="close")),
        "proxy.port",
        "MIMO_PROXY_PORT",
    ),
    Fault("no proxy", proxy_stopped, "proxy.running", "twistd -n ccmimolink"),
    Fault("a proxy with a token", proxy_with_a_token, "proxy.running", "MIMO_PROXY_TOKEN"),
    Fault("a proxy that leads elsewhere", proxy_with_another_upstream, "proxy.turn", "restart it"),
)
