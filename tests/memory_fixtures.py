"""Fixtures for proxies in memory. A directory's ``conftest`` takes them over by importing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.memory_proxy import MemoryProxy, made_proxies

MakeProxy = Callable[..., MemoryProxy]


@pytest.fixture
def make_proxy() -> Iterator[MakeProxy]:
    """Makes proxies; each must be at rest when the test is over."""
    with made_proxies() as make:
        yield make


@pytest.fixture
def proxy(make_proxy: MakeProxy) -> MemoryProxy:
    return make_proxy()
