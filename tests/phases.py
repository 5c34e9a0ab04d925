"""A request in each phase of its life, for whatever may happen to it there."""

from __future__ import annotations

from tests.http_wire import STREAM_HEAD, answer, body_of, chunk, finish, text
from tests.memory_proxy import MemoryClient, MemoryProxy


def connecting(proxy: MemoryProxy) -> MemoryClient:
    proxy.reactor.deaf = True
    return proxy.post()


def before_headers(proxy: MemoryProxy) -> MemoryClient:
    return proxy.post()


def in_the_head(proxy: MemoryProxy) -> MemoryClient:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD[:40])
    return client


def after_headers(proxy: MemoryProxy) -> MemoryClient:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD)
    return client


def mid_stream(proxy: MemoryProxy) -> MemoryClient:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    return client


def behind_several_reads(proxy: MemoryProxy) -> MemoryClient:
    client = mid_stream(proxy)
    proxy.upstream[0].send(chunk(text("b")))
    return client


def paused(proxy: MemoryProxy) -> MemoryClient:
    client = mid_stream(proxy)
    client.stop_reading()
    return client


def waiting_for_usage(proxy: MemoryProxy) -> MemoryClient:
    client = mid_stream(proxy)
    proxy.upstream[0].send(chunk(finish()))
    proxy.settle()
    return client


def in_an_error_body(proxy: MemoryProxy) -> MemoryClient:
    client = proxy.post()
    proxy.upstream[0].send(answer(500, b"x" * 100)[:-50])
    return client


def without_streaming(proxy: MemoryProxy) -> MemoryClient:
    client = proxy.post(body_of(stream=False))
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    return client


PHASES = [
    connecting,
    before_headers,
    in_the_head,
    after_headers,
    mid_stream,
    behind_several_reads,
    paused,
    waiting_for_usage,
    in_an_error_body,
    without_streaming,
]
