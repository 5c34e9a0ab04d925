"""Proxies to be attacked, in memory and on loopback, and what their log file would hold."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.logger import globalLogPublisher, textFileLogObserver

from tests.hostile.attacks import LogText, Target
from tests.memory_fixtures import make_proxy as make_proxy
from tests.memory_fixtures import proxy as proxy
from tests.memory_proxy import KEY


@pytest.fixture(autouse=True)
def log_text() -> Iterator[LogText]:
    """What is logged, as the log file gets it. No key may ever stand there."""
    written = io.StringIO()
    observer = textFileLogObserver(written)
    globalLogPublisher.addObserver(observer)
    text = LogText(written)
    yield text
    globalLogPublisher.removeObserver(observer)
    assert KEY not in text.whole
    assert "sk-fake" not in text.whole


@pytest_twisted.async_yield_fixture
async def target() -> AsyncIterator[Target]:
    from twisted.internet import reactor

    proxy = Target(reactor)
    yield proxy
    await proxy.stop()
    assert proxy.at_rest()
