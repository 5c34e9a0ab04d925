"""A whole set-up for ``ccmimolink-doctor`` to look at: cc switch, Codex, the proxy and a simulated MiMo.

Owns the building of it, the running of the command in this process, and the way back. All of it is real but
MiMo and Codex; it must not know what a check is to find.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from ccmimolink.demo.service import DemoService, demo_service
from ccmimolink.doctor.command import doctor, parsed
from ccmimolink.plugins import PluginSet
from ccmimolink.service import ProxyService
from ccmimolink.settings import Settings
from tests.e2e.processes import free_port
from tests.ended import Ended
from tests.faults.upstream import FaultyUpstream, Plan
from tests.keeper_home import graph_of
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, mimo_row, other_vendor_row
from tests.sync.fake_codex import FakeCodex

KEY = "sk-fake-key-of-the-doctors-patient-0001"

CODEX = """
home = os.environ["CODEX_HOME"]
if sys.argv[1:] == ["--version"]:
    print("codex-cli 0.169.0")
    sys.exit(0)
if sys.argv[1:] == ["features", "list"]:
    import tomllib
    with open(os.path.join(home, "config.toml"), "rb") as file:
        text = file.read().decode()
    config = tomllib.loads(text)
    if not isinstance(config.get("model", ""), str):
        sys.stderr.write("Error: failed to load bootstrap configuration\\n\\nCaused by:\\n"
                         "    invalid type: integer, expected a string\\n    in `model`\\n"
                         "       1 | " + text.replace("\\n", "\\n       1 | ") + "\\nStack backtrace:\\n")
        sys.exit(1)
    sys.exit(0)
"""
"""What the stand-in for Codex does beside what a takeover asks of it."""


class Examination(Ended):
    """How a run ended, and what it printed."""

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        return {check["id"]: check for check in self.json["checks"]}

    @property
    def statuses(self) -> dict[str, str]:
        return {name: check["status"] for name, check in self.checks.items()}


class DoctorStage:
    """:ivar environ: for the command, and for a proxy at its start.
    :ivar app: cc switch.
    """

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        # Not below pytest's own directory, which others cannot enter: then no file in it would be too open.
        self.directory = Path(tempfile.mkdtemp(prefix="doctor-"))
        self.directory.chmod(0o755)
        self.home = self.directory / "home"
        self.home.mkdir()
        self.port = free_port()
        self.demo: DemoService = demo_service(reactor, delta_delay=0.001)
        self.proxy: ProxyService | None = None
        self.upstreams: list[FaultyUpstream] = []
        self.at_the_end: list[Any] = []
        self.codex = FakeCodex(self.directory, body=CODEX)
        self.app = CcSwitch(self.home)
        self.environ: dict[str, str] = {}

    async def start(self) -> None:
        """The set-up as its user would have it: the proxy's start takes the route over."""
        self.app.add(mimo_row(key=KEY))
        self.app.add(other_vendor_row())
        self.app.switch(MIMO_ID)
        for path in (self.app.database_path, self.app.auth_path):
            path.chmod(0o600)
        self.demo.startService()
        self.environ = {
            "PATH": str(self.codex.path),
            "MIMO_BASE_URL": self.demo.base_url,
            "MIMO_PROXY_PORT": str(self.port),
            "MIMO_PROXY_LOG": str(self.directory / "logs" / "mimo_proxy.log"),
            "MIMO_PROXY_STATE_DIR": str(self.state),
            "MIMO_PROXY_MIN_INTERVAL_MS": "0",
            "MIMO_PROXY_RETRIES": "0",
            "CC_SWITCH_SETTINGS_PATH": str(self.app.settings_path),
            "CC_SWITCH_DB_PATH": str(self.app.database_path),
            "CODEX_CONFIG_PATH": str(self.app.config_path),
        }
        self.log.parent.mkdir()
        await self.start_proxy()

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def log(self) -> Path:
        return Path(self.environ["MIMO_PROXY_LOG"])

    async def start_proxy(self, **environ: str) -> None:
        settings = Settings.from_environ(self.environ | environ)
        self.proxy = ProxyService(settings, PluginSet.load(third_party=False), self.reactor)
        self.proxy.startService()
        await graph_of(self.proxy).services.route.current()

    async def stop_proxy(self) -> None:
        if self.proxy is not None:
            proxy, self.proxy = self.proxy, None
            await proxy.stopService()

    async def restart_proxy(self, **environ: str) -> None:
        await self.stop_proxy()
        await self.start_proxy(**environ)

    async def lead_to(self, plan: Plan, certificate: Any = None) -> None:
        """From now on the command finds this in MiMo's place; the proxy was started before."""
        upstream = FaultyUpstream.of(self.reactor, plan)
        self.upstreams.append(upstream)
        scheme, port = "https" if certificate else "http", await upstream.listen(certificate=certificate)
        self.environ["MIMO_BASE_URL"] = f"{scheme}://127.0.0.1:{port}/v1"

    # -- what is there --------------------------------------------------------------------------------------

    @property
    def config(self) -> Path:
        return self.app.config_path

    def edit_config(self, old: str, new: str) -> None:
        text = self.config.read_text()
        assert text.count(old) == 1, text
        self.config.write_text(text.replace(old, new))

    def edit_row(self, change: Any) -> None:
        """Change MiMo's row, as somebody does who knows its columns."""
        settings = json.loads(self.app.row_text(MIMO_ID))
        change(settings)
        self.sql("UPDATE providers SET settings_config = ? WHERE id = ?", json.dumps(settings), MIMO_ID)

    def sql(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.app.database_path)) as connection, connection:
            connection.execute(statement, values)

    def files(self) -> Mapping[str, tuple[int, int, bytes]]:
        """Everything of the user's and ours, without what the stand-ins write."""
        own = {"codex.log", "mimo_proxy.log"}
        return {
            str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns, path.read_bytes())
            for path in self.directory.rglob("*")
            if path.is_file() and path.name not in own
        }

    # -- the command ----------------------------------------------------------------------------------------

    async def run(self, *arguments: str, now: Callable[[], float] = time.time) -> Examination:
        out = io.StringIO()
        status = await doctor(self.reactor, parsed(arguments), self.environ, out, now)
        return Examination(status, out.getvalue())

    async def end(self) -> None:
        await deferLater(self.reactor, 0)  # what was broken off is closed in this turn
        for undo in reversed(self.at_the_end):
            undo()
        await self.stop_proxy()
        for upstream in self.upstreams:
            await upstream.stop()
        await self.demo.stopService()
        await deferLater(self.reactor, 0)  # the last connection tells its protocol in this turn
        shutil.rmtree(self.directory)


def other_environ(stage: DoctorStage) -> dict[str, str]:
    """The same for a process of its own."""
    return {**os.environ, "HOME": str(stage.home), **stage.environ}
