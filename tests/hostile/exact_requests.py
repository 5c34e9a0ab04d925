"""Requests with exactly the header lines that are given, and what every answer to one must be like."""

from __future__ import annotations

from tests.hostile.attacks import BODY
from tests.http_wire import Reply, chunked, hello
from tests.memory_proxy import MemoryProxy

OWN = "127.0.0.1:9876"


def ask(proxy: MemoryProxy, method: str, target: str, *lines: str, body: bytes = BODY) -> Reply:
    """A request with exactly these header lines."""
    head = [f"{method} {target} HTTP/1.1", *lines]
    if method == "POST":
        head.append(f"content-length: {len(body)}")
        if not any(line.startswith("content-type") for line in lines):
            head.append("content-type: application/json")
    client = proxy.connect()
    client.send("\r\n".join([*head, "", ""]).encode("latin-1") + (body if method == "POST" else b""))
    for connection in proxy.upstream:
        if connection.received and not connection.dropped:
            connection.send(chunked(hello()))
    proxy.settle()
    reply = client.reply
    client.leave()
    return reply


def assert_refused(proxy: MemoryProxy, reply: Reply, status: int = 403) -> None:
    assert reply.status == status
    assert_gives_no_leave(reply)
    assert proxy.upstream == []


def assert_gives_no_leave(reply: Reply) -> None:
    assert not [name for name in reply.headers if name.startswith("access-control") or name == "set-cookie"]
    if "content-security-policy" in reply.headers:
        # The status page: what it is made of cannot be made another's.
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        return
    assert not reply.body or reply.headers["content-type"].partition(";")[0] in (
        "application/json",
        "text/plain",
        "text/event-stream",
    )
