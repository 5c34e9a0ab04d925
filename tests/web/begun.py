"""A request whose upstream has begun to answer."""

from __future__ import annotations

from tests.http_wire import STREAM_HEAD, chunk
from tests.memory_proxy import MemoryClient, MemoryProxy, UpstreamConnection


def begin(proxy: MemoryProxy, *parts: bytes, codex: bool = False) -> tuple[MemoryClient, UpstreamConnection]:
    """A streaming request whose upstream has sent its head and these chunks."""
    client = proxy.post(codex=codex)
    upstream = proxy.upstream[-1]
    upstream.send(STREAM_HEAD + b"".join(map(chunk, parts)))
    proxy.settle()
    return client, upstream
