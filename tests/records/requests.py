"""Requests with every kind of end, served by a proxy in memory."""

from __future__ import annotations

from collections.abc import Callable

from tests.http_wire import STREAM_HEAD, answer, body_of, chunk, chunked, finish, hello, text, usage
from tests.memory_proxy import MemoryProxy
from tests.web.amending import refused, respond

TOOLS = [{"type": "function", "name": "read", "parameters": {"type": "object"}}]
WRITTEN_CALL = "<tool_call>\n<function=read>\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>"


def completed(proxy: MemoryProxy) -> None:
    proxy.post(codex=True)
    respond(proxy, chunked(hello()))


def failed(proxy: MemoryProxy) -> None:
    proxy.post()
    respond(proxy, answer(401))


def retried(proxy: MemoryProxy) -> None:
    proxy.post()
    respond(proxy, answer(429, retry_after="2"))
    proxy.advance(3)
    respond(proxy, chunked(hello()))


def amended(proxy: MemoryProxy) -> None:
    proxy.post(body_of(top_p=0.5))
    respond(proxy, refused("top_p: not supported"), chunked(hello()))


def client_left(proxy: MemoryProxy) -> None:
    client = proxy.post()
    respond(proxy, STREAM_HEAD + chunk(text("Hel")))
    client.leave()


def recovered(proxy: MemoryProxy) -> None:
    proxy.post(body_of(tools=TOOLS))
    respond(proxy, chunked(text(WRITTEN_CALL), finish(), usage()))


def unreadable(proxy: MemoryProxy) -> None:
    proxy.post(b"{")


ENDS: dict[str, Callable[[MemoryProxy], None]] = {
    "completed": completed,
    "key_rejected": failed,
    "retried": retried,
    "amended": amended,
    "client_left": client_left,
    "recovered": recovered,
    "unreadable": unreadable,
}
"""By what is remarkable of each."""
