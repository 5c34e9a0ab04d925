"""Whatever an upstream sends, its client gets an end and nothing stays behind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http_wire import LAST_CHUNK, STREAM_HEAD, chunk
from tests.memory_proxy import MemoryProxy

NO_RETRY = {"MIMO_PROXY_RETRIES": "0"}


@given(st.lists(st.binary(max_size=60), max_size=5))
@settings(max_examples=60, deadline=None)
def test_whatever_the_bytes_the_client_gets_an_end(reads: list[bytes]) -> None:
    proxy = MemoryProxy(NO_RETRY)
    client = proxy.post()
    for read in reads:
        proxy.upstream[0].send(read)
        proxy.settle()
    proxy.upstream[0].close()
    proxy.settle()
    assert client.reply.complete
    proxy.close()
    proxy.assert_at_rest()


@given(st.lists(st.binary(max_size=60), max_size=5))
@settings(max_examples=60, deadline=None)
def test_whatever_the_body_the_client_gets_an_end(reads: list[bytes]) -> None:
    proxy = MemoryProxy(NO_RETRY)
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD)
    for read in reads:
        if read:
            proxy.upstream[0].send(chunk(b"data: " + read + b"\n\n"))
            proxy.settle()
    proxy.upstream[0].send(LAST_CHUNK)
    proxy.settle()
    assert client.reply.complete
    proxy.close()
    proxy.assert_at_rest()
