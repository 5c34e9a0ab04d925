"""What the log says of the way to MiMo, where the upstream is told."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.keeper_home import Home

UPSTREAM = "upstream https://api.xiaomimimo.com/v1 (the provider in cc switch)"
WHERE = "http://fake-user:fake-password@proxy.test:3128"


@pytest_twisted.async_yield_fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    from twisted.internet import reactor

    made = Home(reactor, tmp_path)
    yield made
    await made.clean_up()


@pytest_twisted.ensureDeferred
async def test_a_proxy_is_told_once_without_its_credentials(home: Home) -> None:
    service = home.start(HTTPS_PROXY=WHERE)
    for _ in range(2):
        await home.route(service)
    log = home.log.read_text()
    assert log.count(f"{UPSTREAM}, through the proxy proxy.test:3128 (HTTPS_PROXY)") == 1
    assert log.count("proxy.test") == 1
    assert "fake-user" not in log
    assert "fake-password" not in log


@pytest.mark.parametrize(
    "environ", [{}, {"HTTPS_PROXY": WHERE, "NO_PROXY": ".xiaomimimo.com"}, {"HTTP_PROXY": WHERE}]
)
@pytest_twisted.ensureDeferred
async def test_a_direct_way_is_not_spoken_of(home: Home, environ: dict[str, str]) -> None:
    await home.route(home.start(**environ))
    assert f"{UPSTREAM}\n" in home.log.read_text()
