"""What a client and the log are told when MiMo is behind a proxy that fails, and what is tried again."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.logger import LogEvent, eventAsText, globalLogPublisher

from tests.e2e.processes import free_port
from tests.http_wire import CODEX, body_of, chunked, hello, request
from tests.proxy_fixture import LoopbackProxy
from tests.scripted_upstream import ScriptedUpstream, Wire
from tests.tunnel.talks import CONNECTED, PASSWORD
from tests.tunnel.tunnel_stage import knowing

REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


class Scene:
    """The program behind a proxy that the test plays."""

    def __init__(self, program: LoopbackProxy) -> None:
        self.program = program
        self.proxy = ScriptedUpstream(program.reactor)

    async def start(self, scheme: str = "http", **environ: str) -> None:
        where = f"{scheme}://fake-user:{PASSWORD}@127.0.0.1:{await self.proxy.listen()}"
        await self.program.start(**{"MIMO_BASE_URL": "http://mimo.test/v1", "ALL_PROXY": where, **environ})

    async def asked(self, place: int) -> Wire:
        wires = self.proxy.connections
        await self.program.until(lambda: len(wires) > place and wires[place].received)
        return wires[place]

    async def answered(self, client: Wire) -> Wire:
        await self.program.until(lambda: client.received and client.reply.complete)
        return client


@pytest_twisted.async_yield_fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    from twisted.internet import reactor

    monkeypatch.setattr("ccmimolink.tries._FIRST_DELAY", 0.002)
    scene = Scene(LoopbackProxy(reactor))
    yield scene
    await scene.program.stop()
    await scene.proxy.stop()


@pytest.fixture
def said() -> Iterator[list[str]]:
    """All that is logged."""
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(f"{eventAsText(event)} {event}")

    observer: Any = observe
    globalLogPublisher.addObserver(observer)
    yield lines
    globalLogPublisher.removeObserver(observer)


@pytest_twisted.ensureDeferred
async def test_a_refusal_is_tried_again_and_then_told_with_the_variable(
    scene: Scene, said: list[str]
) -> None:
    await scene.start(MIMO_PROXY_RETRIES="2")
    client = await scene.program.post()
    for place in range(3):
        (await scene.asked(place)).send(REFUSED)
    reply = (await scene.answered(client)).reply
    assert reply.status == 502
    assert reply.error()["code"] == "upstream_unavailable"
    assert reply.error()["message"] == (
        "The proxy refused user and password (407). Correct user:password in ALL_PROXY."
    )
    log = "\n".join(said)
    assert log.count("(no connection: The proxy refused user and password (407)") == 2
    assert "may have been billed" not in log
    for hidden in (PASSWORD, "fake-user", "Proxy-Authorization"):
        assert hidden not in log


@pytest_twisted.ensureDeferred
async def test_after_a_refusal_that_passes_the_request_is_served(scene: Scene) -> None:
    await scene.start()
    client = await scene.program.post()
    (await scene.asked(0)).send(b"HTTP/1.1 503 Busy\r\n\r\n")
    wire = await scene.asked(1)
    wire.send(CONNECTED)
    await scene.program.until(lambda: b"POST /v1/chat/completions" in wire.received)
    wire.send(chunked(hello()))
    assert (await scene.answered(client)).reply.types()[-1] == "completed"


@pytest_twisted.ensureDeferred
async def test_codex_is_told_in_its_stream_and_asked_to_come_again(scene: Scene) -> None:
    await scene.start(MIMO_PROXY_RETRIES="0", ALL_PROXY=f"socks5h://127.0.0.1:{free_port()}")
    client = await scene.program.connect()
    client.send(request("POST", "/v1/responses", body_of(), CODEX))
    reply = (await scene.answered(client)).reply
    assert reply.status == 200
    error = reply.events()[-1]["response"]["error"]
    assert error["code"] == "slow_down"
    assert error["message"].startswith(
        "The proxy of ALL_PROXY cannot be reached. Check the network and ALL_PROXY"
    )


@pytest_twisted.ensureDeferred
async def test_a_name_that_is_not_found_here_is_told_with_the_way_out(scene: Scene) -> None:
    with knowing(mimo=()):
        await scene.start("socks5", MIMO_PROXY_RETRIES="0")
        reply = (await scene.answered(await scene.program.post())).reply
    assert "write socks5h:// in ALL_PROXY" in reply.error()["message"]


@pytest_twisted.ensureDeferred
async def test_a_client_that_leaves_ends_the_talk_with_the_proxy(scene: Scene) -> None:
    await scene.start()
    client = await scene.program.post()
    wire = await scene.asked(0)
    client.reset()
    await scene.program.until(lambda: wire.lost)
    assert scene.program.at_rest()


@pytest_twisted.ensureDeferred
async def test_what_is_excepted_needs_no_proxy(scene: Scene) -> None:
    with knowing(mimo=("127.0.0.1",)):
        upstream = await scene.program.upstream.listen()
        await scene.program.upstream.stop()
        await scene.start(
            MIMO_BASE_URL=f"http://mimo.test:{upstream}/v1", NO_PROXY=".test", MIMO_PROXY_RETRIES="0"
        )
        reply = (await scene.answered(await scene.program.post())).reply
    assert reply.error()["message"].startswith("MiMo cannot be reached.")
    assert scene.proxy.connections == []
