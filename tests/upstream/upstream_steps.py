"""What the upstream's tests repeat: answer in its place, count its requests, check what the client got."""

from __future__ import annotations

from twisted.web.iweb import IResponse

from ccmimolink.journey import Journey
from tests.memory_proxy import MemoryClient, MemoryProxy


def respond(proxy: MemoryProxy, data: bytes, connection: int = -1) -> None:
    proxy.upstream[connection].send(data)
    proxy.settle()


def journey() -> Journey:
    """For a request about whose marks the test does not care."""
    return Journey.begin("req_fake", lambda: 0.0)


async def unread(response: IResponse) -> IResponse:
    """Takes a 200 as it is."""
    return response


def starts(proxy: MemoryProxy) -> int:
    """How many requests reached the upstream."""
    return sum(each.received.count(b"POST /v1/chat/completions") for each in proxy.upstream)


def assert_answered(client: MemoryClient) -> None:
    assert client.reply.output_text() == "Hello"
    assert client.reply.complete
