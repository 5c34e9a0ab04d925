"""A proxy in memory for each test, one on a loopback socket, one that dumps, and what the log says."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from zope.interface import implementer

from tests.memory_fixtures import make_proxy as make_proxy
from tests.memory_fixtures import proxy as proxy
from tests.proxy_fixture import LoopbackProxy
from tests.records.dumping import Dumping


@pytest_twisted.async_yield_fixture
async def loopback() -> AsyncIterator[LoopbackProxy]:
    from twisted.internet import reactor

    proxy = LoopbackProxy(reactor)
    yield proxy
    await proxy.stop()
    assert proxy.at_rest()


@pytest_twisted.async_yield_fixture(params=["false", "true"], ids=["own agent", "twisted's"])
async def dumping(
    loopback: LoopbackProxy, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Dumping]:
    yield Dumping(loopback, tmp_path / "dumps", request.param)


@pytest.fixture
def lines() -> Any:
    """What the log says meanwhile."""
    told: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        told.append(eventAsText(event))

    globalLogPublisher.addObserver(observe)
    yield told
    globalLogPublisher.removeObserver(observe)
