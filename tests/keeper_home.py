"""A user's home with cc switch and Codex, and proxies that are started in it and take the route over."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ccmimolink.plugins import PluginSet
from ccmimolink.service import ProxyService
from ccmimolink.settings import Settings
from tests.http_wire import CODEX, LAST_CHUNK, STREAM_HEAD, body_of, chunk, hello, request
from tests.scripted_upstream import ScriptedUpstream, Wire, connect, until
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, mimo_row, other_vendor_row

OLD_KEY, NEW_KEY = "sk-fake-mimo-key-0001", "sk-fake-mimo-key-0002"


class Home:
    """A user's home with cc switch and Codex, where a proxy is started.

    :ivar upstream: MiMo's stand-in.
    """

    def __init__(self, reactor: Any, directory: Path) -> None:
        self.reactor, self.directory = reactor, directory
        self.app = CcSwitch(directory)
        self.app.add(mimo_row(key=OLD_KEY))
        self.app.add(other_vendor_row())
        self.app.switch(MIMO_ID)
        self.log = directory / "proxy.log"
        self.upstream = ScriptedUpstream(reactor)
        self.services: list[ProxyService] = []
        self.clients: list[Wire] = []
        self._listening = 0

    def settings(self, **environ: str) -> Settings:
        places = {
            "CC_SWITCH_SETTINGS_PATH": str(self.app.settings_path),
            "CC_SWITCH_DB_PATH": str(self.app.database_path),
            "CODEX_CONFIG_PATH": str(self.app.config_path),
            "MIMO_PROXY_STATE_DIR": str(self.directory / "state"),
            "MIMO_PROXY_LOG": str(self.log),
            "MIMO_PROXY_PORT": "0",
            "MIMO_PROXY_MIN_INTERVAL_MS": "0",
        }
        return Settings.from_environ(places | environ)

    def start(self, **environ: str) -> ProxyService:
        service = ProxyService(self.settings(**environ), PluginSet.load(third_party=False), self.reactor)
        self.services.append(service)
        service.startService()
        return service

    async def started(self, **environ: str) -> ProxyService:
        """A proxy in front of the stand-in, once its route is known."""
        service = self.start(**{"MIMO_BASE_URL": await self.mimo()} | environ)
        await self.route(service)
        return service

    async def mimo(self) -> str:
        """The address of the stand-in, which listens from now on."""
        if not self._listening:
            self._listening = await self.upstream.listen()
        return f"http://127.0.0.1:{self._listening}/v1"

    async def route(self, service: ProxyService) -> Any:
        return await graph_of(service).services.route.current()

    async def post(self, service: ProxyService, key: str = OLD_KEY) -> Wire:
        client = await connect(self.reactor, port_of(service))
        self.clients.append(client)
        client.send(request("POST", "/v1/responses", body_of(), CODEX | {"x-mimo-api-key": key}))
        return client

    async def key_that_arrives(self, service: ProxyService) -> str:
        """The key with which the next request, bearing the old one, reaches MiMo."""
        client = await self.post(service)
        upstream = await self.upstream.request(len(self.upstream.connections))
        upstream.send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
        await until(self.reactor, lambda: b"response.completed" in client.received)
        # Each request over a connection of its own: the last one is then the latest.
        upstream.reset()
        return bearer_of(upstream)

    def change_key(self, key: str) -> None:
        """As someone does who has another provider current and edits this one."""
        settings = json.loads(self.app.row_text(MIMO_ID))
        settings["auth"]["OPENAI_API_KEY"] = key
        with sqlite3.connect(self.app.database_path) as connection:
            connection.execute(
                "UPDATE providers SET settings_config = ? WHERE id = ?", (json.dumps(settings), MIMO_ID)
            )
        connection.close()

    async def clean_up(self) -> None:
        for client in self.clients:
            client.reset()
        for service in self.services:
            if service.running:
                await service.stopService()
        if self._listening:
            await self.upstream.stop()


def graph_of(service: ProxyService) -> Any:
    return service._graph


def port_of(service: ProxyService) -> int:
    port: Any = service._port
    number: int = port.getHost().port
    return number


def bearer_of(upstream: Wire) -> str:
    [line] = [line for line in upstream.received.split(b"\r\n") if line.lower().startswith(b"authorization")]
    return line.decode().rpartition(" ")[2]


@contextmanager
def held(home: Home) -> Iterator[None]:
    """While another program holds cc switch's database for itself."""
    with closing(sqlite3.connect(home.app.database_path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield
