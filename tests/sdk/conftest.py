"""The official SDK against a real proxy on loopback, in front of the simulated MiMo."""

# mypy: allow-untyped-calls, allow-untyped-decorators
# Twisted's endpoints and pytest-twisted's fixtures are only partly annotated.

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_twisted  # type: ignore[import-untyped]

from tests.sdk.sdk_proxy import SdkProxy


@pytest_twisted.async_yield_fixture
async def proxy() -> AsyncIterator[SdkProxy]:
    from twisted.internet import reactor

    running = SdkProxy(reactor)
    await running.start()
    yield running
    await running.stop()
    state = running.graph.services.limiter.state
    assert (state.in_flight, state.waiting, len(running.graph.services.live)) == (0, 0, 0)
