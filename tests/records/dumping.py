"""A proxy that dumps its requests, and what it has written of them."""

# mypy: allow-untyped-calls

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.http_wire import (
    body_of,
    chunked,
    hello,
    request,
)
from tests.proxy_fixture import LoopbackProxy
from tests.scripted_upstream import Wire

CLIENT_KEY = "gw/fake-client-key=77"


def size(file: Path) -> int:
    """Of a file that may go meanwhile."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


class Dumping:
    """A proxy that dumps, and what it has written."""

    def __init__(self, proxy: LoopbackProxy, directory: Path, agent: str) -> None:
        self.proxy, self.directory, self._agent = proxy, directory, agent

    async def start(self, **settings: str) -> None:
        await self.proxy.start(
            MIMO_DEBUG_DUMP=str(self.directory),
            MIMO_PROXY_TWISTED_AGENT=self._agent,
            MIMO_PROXY_429_BACKOFF_MS="1",
            **settings,
        )

    async def post(self, body: bytes | None = None, **headers: str) -> Wire:
        client = await self.proxy.connect()
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        client.send(request("POST", "/v1/responses", body_of() if body is None else body, fields))
        return client

    async def served(self, body: bytes | None = None, *answers: bytes, **headers: str) -> Wire:
        """A request, and what its client was answered after MiMo had said all this."""
        client = await self.post(body, **headers)
        for place, each in enumerate(answers or (chunked(hello()),)):
            upstream = await self._sent(place)
            upstream.send(each)
        await self.proxy.until(lambda: client.received and client.reply.complete)
        return client

    async def _sent(self, place: int) -> Wire:
        """The connection over which the request with this number came, for the first request of a test."""
        connections = self.proxy.upstream.connections
        await self.proxy.until(lambda: sum(each.received.count(b"POST ") for each in connections) > place)
        await self.proxy.until(lambda: connections[-1].received.endswith(b"}"))
        return connections[-1]

    async def dumps(self, count: int = 1) -> list[Path]:
        await self.proxy.until(lambda: len(self.names()) >= count)
        return [self.directory / name for name in self.names()]

    async def dump_of(self, client: Wire) -> Path:
        """The dump of a request that was answered."""
        request_id = client.reply.headers["x-request-id"]
        await self.proxy.until(lambda: any(name.endswith(request_id) for name in self.names()))
        return self.directory / next(name for name in self.names() if name.endswith(request_id))

    def size(self) -> int:
        return sum(size(Path(top, file)) for top, _, files in os.walk(self.directory) for file in files)

    def names(self) -> list[str]:
        found = self.directory.iterdir() if self.directory.exists() else ()
        return sorted(each.name for each in found if not each.name.endswith(".part"))


def head_and_body(file: Path) -> tuple[str, dict[str, str], bytes]:
    head, _, body = file.read_bytes().partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    return line, {name.lower(): value for name, _, value in (each.partition(": ") for each in fields)}, body


def about(dump: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((dump / "about.json").read_text())
    return found


def content(dump: Path) -> bytes:
    return b"".join(file.read_bytes() for file in dump.iterdir())
