"""A proxy in memory for each test, in front of an upstream that the test plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.memory_proxy import MemoryProxy, made_proxies


@pytest.fixture
def make_proxy() -> Iterator[Callable[..., MemoryProxy]]:
    """Makes proxies by their settings; each must be at rest when the test is over."""
    with made_proxies() as make:
        yield lambda **settings: make(settings)


@pytest.fixture
def proxy(make_proxy: Callable[..., MemoryProxy]) -> MemoryProxy:
    return make_proxy()
