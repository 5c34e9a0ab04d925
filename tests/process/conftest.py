"""A stage for each test: the program as a process, its upstream and raw clients."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted  # type: ignore[import-untyped]

from tests.process.program import Stage


@pytest_twisted.async_yield_fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    from twisted.internet import reactor

    stage = Stage(reactor, tmp_path)
    yield stage
    await stage.clean_up()
