"""What the tests of misbehaving clients share: the proxy on loopback that is attacked, and its log.

Owns the proof that an attack cost nobody else anything: the next client is served at once. It must not know
any attack.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import io

from tests.http_wire import body_of, chunked, hello, request
from tests.memory_proxy import MemoryProxy
from tests.proxy_fixture import LoopbackProxy
from tests.scripted_upstream import Wire

BODY = body_of(stream=False)
GET_HEALTH = request("GET", "/health")


class LogText:
    """:ivar whole: all that was written."""

    def __init__(self, written: io.StringIO) -> None:
        self._written = written

    @property
    def whole(self) -> str:
        return self._written.getvalue()

    @property
    def lines(self) -> list[str]:
        return self.whole.split("\n")[:-1]


class Target(LoopbackProxy):
    """The proxy on loopback sockets, with a scripted upstream behind it."""

    async def send(self, data: bytes) -> Wire:
        """These bytes over a connection of their own."""
        client = await self.connect()
        client.send(data)
        return client

    async def reaction(self, data: bytes) -> bytes:
        """What comes back for these bytes until the proxy ends the connection."""
        client = await self.send(data)
        await self.until(lambda: client.lost)
        return client.received

    def sent_upstream(self) -> bytes:
        """All bytes that reached the upstream."""
        return b"".join(wire.received for wire in self.upstream.connections)

    async def assert_serving(self, *, asked_before: int = 0) -> None:
        """The next client is served at once, and by then nothing is held for those before it.

        :param asked_before: how many requests have reached the upstream until now.
        """
        await self.until(self.at_rest)
        assert self.sent_upstream().count(b"POST ") == asked_before
        client = await self.send(request("POST", "/v1/responses", BODY))
        await self.until(lambda: self.sent_upstream().count(b"POST ") == asked_before + 1)
        wire = next(wire for wire in reversed(self.upstream.connections) if not wire.lost)
        await self.until(lambda: wire.received.endswith(b"}"))
        wire.send(chunked(hello()))
        await self.until(lambda: client.received and client.reply.complete)
        assert client.reply.json()["status"] == "completed"
        await self.until(self.at_rest)


def assert_next_is_served(proxy: MemoryProxy) -> None:
    """As :meth:`Target.assert_serving`, in memory."""
    proxy.assert_at_rest()
    before = len(proxy.upstream)
    for connection in proxy.upstream:
        connection.close()
    client = proxy.post(BODY)
    assert len(proxy.upstream) == before + 1
    proxy.upstream[-1].send(chunked(hello()))
    proxy.settle()
    assert client.reply.json()["status"] == "completed"
    proxy.assert_at_rest()


def sent_upstream(proxy: MemoryProxy) -> list[bytes]:
    """The request lines that reached the upstream."""
    return [
        line
        for connection in proxy.upstream
        for line in connection.received.split(b"\r\n")
        if line.endswith(b" HTTP/1.1")
    ]
