"""What the program says at its start about the key and the way in."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.plugins import PluginSet
from ccmimolink.service import ProxyService
from ccmimolink.settings import Settings

BASE = {"MIMO_PROXY_PORT": "0", "MIMO_BASE_URL": "https://token-plan-cn.xiaomimimo.com/v1"}


async def start_and_stop(folder: Path, **environ: str) -> str:
    """The log of a proxy that was started and stopped."""
    from twisted.internet import reactor

    log = folder / "proxy.log"
    settings = Settings.from_environ(BASE | environ | {"MIMO_PROXY_LOG": str(log)})
    service = ProxyService(settings, PluginSet.load(third_party=False), reactor)
    service.startService()
    await service.stopService()
    return log.read_text()


@pytest_twisted.ensureDeferred
async def test_a_key_of_the_wrong_plan_is_told_at_the_start(tmp_path: Path) -> None:
    log = await start_and_stop(tmp_path, MIMO_API_KEY="sk-fake-of-the-wrong-plan")
    assert "Set MIMO_BASE_URL to https://api.xiaomimimo.com/v1" in log
    assert "sk-fake" not in log


@pytest_twisted.ensureDeferred
async def test_without_a_key_the_start_says_that_requests_must_bring_one(tmp_path: Path) -> None:
    assert "each request must bring its key" in await start_and_stop(tmp_path)


@pytest_twisted.ensureDeferred
async def test_a_fitting_key_is_not_spoken_of(tmp_path: Path) -> None:
    assert "MIMO_API_KEY" not in await start_and_stop(tmp_path, MIMO_API_KEY="tp-fake-key")


@pytest_twisted.ensureDeferred
async def test_a_unix_socket_is_named_as_one_and_gets_no_hint_for_tcp(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "proxy.sock"
    log = await start_and_stop(
        tmp_path, MIMO_PROXY_DEMO="true", MIMO_PROXY_PORT="", MIMO_PROXY_LISTEN=f"unix:{path}"
    )
    assert f"listens on unix:{path};" in log
    assert "codex exec" not in capfd.readouterr().out
