"""A window that shows the status page, as the proxy sees it: a client of its stream."""

from __future__ import annotations

import json
from typing import Any

from tests.memory_proxy import MemoryClient, MemoryProxy


class Watcher:
    """A client of ``GET /status/events``."""

    def __init__(self, proxy: MemoryProxy) -> None:
        self.client: MemoryClient = proxy.ask("GET", "/status/events", sec_fetch_site="same-origin")
        self._seen = 0

    def all(self) -> list[tuple[str, Any]]:
        """Every event so far: its name and what it holds."""
        *events, tail = self.client.reply.body.split(b"\n\n")
        assert tail == b"", "an event is cut"
        found = []
        for each in events:
            name, data = each.decode().split("\n")
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        return found

    def news(self) -> list[tuple[str, Any]]:
        """The events since the last time."""
        found = self.all()
        fresh, self._seen = found[self._seen :], len(found)
        return fresh

    def names(self) -> list[str]:
        return [name for name, _ in self.news()]
