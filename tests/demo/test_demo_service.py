"""The simulated MiMo on a real loopback port."""

# mypy: allow-untyped-calls, allow-untyped-decorators
# Twisted's web is only partly annotated, pytest-twisted not at all.

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
import treq
from twisted.internet.error import CannotListenError
from twisted.web.client import Agent, ResponseFailed
from twisted.web.http_headers import Headers

from ccmimolink.demo.service import DemoService, demo_service

KEY = Headers({"api-key": ["sk-fake-demo"]})


def service(port: int = 0, delta_delay: float = 0.0) -> DemoService:
    from twisted.internet import reactor

    found: Any = reactor
    return demo_service(found, port, delta_delay)


def one_shot_client() -> treq.client.HTTPClient:
    """A client that keeps no connection."""
    from twisted.internet import reactor

    return treq.client.HTTPClient(Agent(reactor))


def port_of(running: DemoService) -> int:
    return int(running.base_url.removesuffix("/v1").rpartition(":")[2])


@pytest_twisted.ensureDeferred
async def test_it_listens_on_loopback_when_privileged_start_returns() -> None:
    running = service()
    running.privilegedStartService()
    try:
        with socket.create_connection(("127.0.0.1", port_of(running)), timeout=1):
            assert running.base_url == f"http://127.0.0.1:{port_of(running)}/v1"
    finally:
        await running.stopService()


@pytest_twisted.ensureDeferred
async def test_start_service_alone_listens_too_and_answers() -> None:
    running = service()
    running.startService()
    try:
        response = await one_shot_client().post(
            f"{running.base_url}/chat/completions",
            json={"model": "mimo-v2.5", "messages": [{"role": "user", "content": "hi"}]},
            headers=KEY,
        )
        assert "Hello!" in json.loads(await response.content())["choices"][0]["message"]["content"]
    finally:
        await running.stopService()


@pytest_twisted.ensureDeferred
async def test_a_taken_port_raises_at_start() -> None:
    first = service()
    first.privilegedStartService()
    try:
        with pytest.raises(CannotListenError):
            service(port_of(first)).privilegedStartService()
    finally:
        await first.stopService()


@pytest_twisted.ensureDeferred
async def test_stopping_ends_a_running_stream_and_leaves_nothing_behind() -> None:
    running = service(delta_delay=60)
    running.startService()
    response = await one_shot_client().post(
        f"{running.base_url}/chat/completions",
        json={"model": "mimo-v2.5", "stream": True, "messages": [{"role": "user", "content": "hi"}]},
        headers=KEY,
        unbuffered=True,
    )
    received: list[bytes] = []
    ended = treq.collect(response, received.append)
    await running.stopService()
    with pytest.raises(ResponseFailed):
        await ended
    assert b"[DONE]" not in b"".join(received)


def test_it_has_no_address_before_it_runs() -> None:
    with pytest.raises(RuntimeError, match="start"):
        _ = service().base_url
