"""How faults are planted in a healthy set-up.

Each is a real one: in a file, a database, a socket, a program or a variable. Which check is to find it stands
in the table of faults.
"""

from __future__ import annotations

import contextlib
import importlib
import socket
import sqlite3
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import twisted.plugins

from tests.doctor.doctor_stage import KEY, DoctorStage
from tests.e2e.processes import free_port
from tests.faults.script import Send
from tests.faults.upstream import Plan, Received
from tests.http_wire import answer
from tests.mimocode.gateway_tls import HOST, Shown, authority
from tests.sync.cc_switch_presets import MIMO_ID, OTHER_ID

OTHER_KEY = "sk-fake-key-of-another-0002"
TOKEN = "fake-token-of-the-doctors-patient"
Planting = Callable[[DoctorStage], Awaitable[None] | None]


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
