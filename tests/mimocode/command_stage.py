"""A stage where the command runs in a process of its own, with a gateway in this one.

Owns its start and its end. Whatever happens, nothing that it prints holds the key or tells of a crash.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twisted.internet.threads import deferToThread

from ccmimolink.mimocode.provider import GONKAGATE
from tests.mimocode.gateway import Gateway
from tests.mimocode.gateway_api import KEY, Answer
from tests.mimocode.gateway_tls import authority
from tests.mimocode.local_setup import local_setup
from tests.mimocode.processes import interruptible
from tests.mimocode.settled import SettledStage

VARIABLE = GONKAGATE.key_variable
KIMI_REFERENCE = "gonkagate/moonshotai/kimi-k2.6"
READY = ("--yes", "--json", "--scope", "user")
"""A call that has no question left but the key, which is in the environment."""


class Ended(NamedTuple):
    status: int
    out: str
    err: str

    def result(self) -> Any:
        """What was printed for programs: one object, and nothing else anywhere."""
        assert self.err == ""
        assert self.out.endswith("}\n")
        return json.loads(self.out)


@dataclass
class CommandStage(SettledStage):
    """A stage where the command runs in a process of its own.

    :ivar gateway: what answers it.
    """

    gateway: Gateway = field(init=False, repr=False)

    @asynccontextmanager
    async def open(self, *answers: Answer) -> AsyncIterator[int]:
        from twisted.internet import reactor

        self.gateway = Gateway(reactor)
        self.gateway.script(*answers)
        try:
            yield await self.gateway.listen()
        finally:
            await self.gateway.close()

    def start(self, port: int, *arguments: str, key: str | None = KEY, **how: Any) -> subprocess.Popen[str]:
        vouching = self.write("authority.pem", authority().pem)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            how.pop("command", None) or interruptible(local_setup(port, vouching, *arguments)),
            env=self.environ(**how.pop("env", {}), **({} if key is None else {VARIABLE: key})),
            **{"cwd": self.project, "stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, **how},
            encoding="utf-8",
        )

    async def run(
        self, *arguments: str, answers: tuple[Answer, ...] = (), stdin: str = "", **how: Any
    ) -> Ended:
        """The command from beginning to end. Whatever happens, the key is in its one file at most."""
        async with self.open(*answers) as port:
            process = self.start(port, *arguments, **{"stdin": subprocess.PIPE, **how})
            ended = await finished(process, stdin)
        self.check_files(KEY)
        return ended


async def finished(process: subprocess.Popen[str], stdin: str | None = None) -> Ended:
    try:
        out, err = await deferToThread(process.communicate, stdin, timeout=60)
    finally:
        process.kill()
    assert "Traceback" not in (out or "") + (err or "")
    assert KEY not in (out or "") + (err or "")
    return Ended(process.returncode, out or "", err or "")
