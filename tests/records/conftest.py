"""A proxy in memory for each test, and one on a loopback socket."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.memory_proxy import MemoryProxy, made_proxies
from tests.proxy_fixture import LoopbackProxy

MakeProxy = Callable[..., MemoryProxy]


@pytest.fixture
def make_proxy() -> Iterator[MakeProxy]:
    with made_proxies() as make:
        yield make


@pytest.fixture
def proxy(make_proxy: MakeProxy) -> MemoryProxy:
    return make_proxy()


@pytest_twisted.async_yield_fixture
async def loopback() -> AsyncIterator[LoopbackProxy]:
    from twisted.internet import reactor

    proxy = LoopbackProxy(reactor)
    yield proxy
    await proxy.stop()
    assert proxy.at_rest()
