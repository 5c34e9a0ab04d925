"""Real pages in a real browser against the proxy: none of them makes it ask MiMo, and none reads anything.

A page in the user's browser reaches loopback as every program of theirs does. What keeps it out is the guard;
here are the requests that browsers really send, and not those that we think they send.
"""

# mypy: allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.task import deferLater

from ccmimolink.web.guard import Guard
from tests.browser.attacker import REBOUND, Attacker, Seen, Tap, page
from tests.browser.chromium import Chromium
from tests.faults.script import Script, Send
from tests.faults.upstream import FaultyUpstream, Plan, Received
from tests.http_wire import answer, body_of, chunked, hello, request
from tests.proxy_fixture import LoopbackProxy
from tests.scripted_upstream import connect

pytestmark = pytest.mark.browser

PATIENCE = 60.0
"""Seconds for a page to try everything on a busy machine."""

PURPOSES = {
    "audio",
    "document",
    "embed",
    "empty",
    "font",
    "iframe",
    "image",
    "object",
    "report",
    "script",
    "style",
    "track",
    "video",
}
"""What a page without rights can make a browser ask for, as ``Sec-Fetch-Dest`` has it."""

KINDS = {
    "application/csp-report",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/ping",
    "text/plain",
}
"""What a page can make a browser post elsewhere without asking first."""

SECRET = "mimo-of-the-users-account"


def _well(received: Received) -> Script:
    if received.line.startswith("GET "):
        return (Send(answer(200, {"data": [{"id": SECRET}]})),)
    return (Send(chunked(hello())),)


class Scene:
    """The proxy, MiMo behind it, the tap before it, and the attacker's server beside it."""

    def __init__(self, reactor: Any, directory: Path) -> None:
        self._reactor, self._directory = reactor, directory
        self._proxy = LoopbackProxy(reactor)
        self.upstream = FaultyUpstream.of(reactor, Plan(answer=_well))
        self.attacker = Attacker()
        self._chromium: Chromium | None = None

    async def start(self) -> None:
        upstream_port = await self.upstream.listen()
        await self._proxy.start(MIMO_BASE_URL=f"http://127.0.0.1:{upstream_port}/v1")
        self.tap = Tap(self._reactor, self._proxy.port)
        self.port = await self.tap.listen()
        self.attacker_port = await self.attacker.listen(self._reactor)

    async def stop(self) -> None:
        if self._chromium is not None:
            self._chromium.end()
        await self.attacker.stop()
        await self.tap.stop()
        await self._proxy.stop()
        await self.upstream.stop()

    @property
    def home(self) -> str:
        return f"http://evil.example:{self.attacker_port}"

    @property
    def targets(self) -> list[str]:
        return [f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}"]

    def visit(self, address: str) -> None:
        self._chromium = Chromium(self._directory, address)

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        deadline = self._reactor.seconds() + PATIENCE
        while not condition():
            assert self._reactor.seconds() < deadline, f"{what}: not seen within {PATIENCE:g} s"
            await deferLater(self._reactor, 0.05)

    async def reports(self, *labels: str) -> list[dict[str, Any]]:
        """What the pages report, once there is a report with each of these labels."""
        reports = self.attacker.reports
        await self.until(lambda: {each["label"] for each in reports} >= {*labels}, f"reports of {labels}")
        return reports

    async def ask(self, data: bytes) -> bytes:
        """What a program is answered that is no browser."""
        wire = await connect(self._reactor, self.port)
        wire.send(data)
        await self.until(lambda: wire.received and wire.reply.complete, "an answer")
        wire.close()
        await self.until(lambda: wire.lost, "the end of the connection")
        return wire.reply.body


@pytest_twisted.async_yield_fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    from twisted.internet import reactor

    scene = Scene(reactor, tmp_path)
    await scene.start()
    yield scene
    await scene.stop()


def outcome(seen: Seen, status: int) -> None:
    """Each request is refused: as a page's, or for what it brings."""
    # Of the page that was refused its icon is asked for, and that is the same origin's.
    expected = {404, 403} if seen.path == "/favicon.ico" else {403, 415}
    assert status in expected, (status, seen)


def reached(tap: Tap) -> list[Seen]:
    """What came to the proxy, all of which was refused."""
    exchanges = tap.exchanges()
    for seen, status in exchanges:
        outcome(seen, status)
    return [seen for seen, _ in exchanges]


def is_refusal(text: str) -> bool:
    """Whether what a page has read is a refusal; without a body it is one of a HEAD."""
    return text.strip() == "403" or '"forbidden"' in text or '"unsupported_media_type"' in text


def purposes(requests: list[Seen]) -> set[str]:
    """What the browser says its requests are for."""
    return {each.headers.get("sec-fetch-dest", "-") for each in requests}


@pytest_twisted.ensureDeferred
async def test_a_program_that_is_no_browser_is_served_through_the_tap(scene: Scene) -> None:
    """The way is open; it is the browser's requests that end at the proxy."""
    assert SECRET.encode() in await scene.ask(request("GET", "/v1/models"))
    assert b"Hello" in await scene.ask(request("POST", "/v1/responses", body_of()))
    assert len(scene.upstream.requests) == 2
    assert [status for _, status in scene.tap.exchanges()] == [200, 200]


@pytest_twisted.ensureDeferred
async def test_no_page_of_another_site_gets_through_or_reads_anything(scene: Scene) -> None:
    """Nor do its frames without an origin, and workers."""
    # To Chromium this address is none of this machine: it tells nothing of the page with the request.
    mapped = f"http://[::ffff:127.0.0.1]:{scene.port}"
    scene.attacker.page = page("page", [*scene.targets, mapped], scene.home, nest=True)
    scene.visit(f"{scene.home}/page")
    reports = await scene.reports("page", "sandbox", "data", "blob")
    await scene.until(lambda: purposes(scene.tap.requests()) >= PURPOSES, "requests for all purposes")
    assert [report["read"] for report in reports if report["read"]] == []
    assert scene.upstream.connections == []
    seen = reached(scene.tap)
    # All this did come, and was refused.
    assert len(seen) > 200
    assert {each.method for each in seen} >= {"GET", "HEAD", "POST", "OPTIONS"}
    assert {each.headers.get("origin") for each in seen} >= {scene.home, "null", None}
    assert any(each.headers["host"] == f"[::ffff:7f00:1]:{scene.port}" for each in seen)
    assert {each.headers.get("upgrade") for each in seen} >= {"websocket"}
    assert {each.headers.get("content-type", "").partition(";")[0] for each in seen} >= KINDS


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest_twisted.ensureDeferred
async def test_no_page_of_another_port_gets_through_or_reads_anything(scene: Scene, host: str) -> None:
    """It is the same site, which some browser features trust more. It may have service workers."""
    home = f"http://{host}:{scene.attacker_port}"
    scene.attacker.page = page("page", [f"http://{host}:{scene.port}"], home)
    scene.visit(f"{home}/page")
    [report] = await scene.reports("page")
    assert report["read"] == []
    assert scene.upstream.connections == []
    seen = reached(scene.tap)
    assert {each.headers.get("sec-fetch-site") for each in seen} >= {"same-site", "cross-site"}


@pytest_twisted.ensureDeferred
async def test_no_file_that_is_opened_gets_through_or_reads_anything(scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "attack.html"
    file.write_text(page("file", scene.targets[:1], scene.home))
    scene.visit(file.as_uri())
    [report] = await scene.reports("file")
    assert report["read"] == []
    assert scene.upstream.connections == []
    assert len(reached(scene.tap)) > 100


@pytest_twisted.ensureDeferred
async def test_a_name_that_is_rebound_to_loopback_reads_refusals_only(scene: Scene) -> None:
    """The page and the proxy are one origin to the browser, which hides nothing then; the name tells."""
    origin = f"http://rebind.example:{scene.port}"
    scene.tap.rebound = page("rebound", [origin], scene.home)
    scene.visit(origin + REBOUND.decode())
    [report] = await scene.reports("rebound")
    assert report["origin"] == origin
    assert scene.upstream.connections == []
    assert {each.headers["host"] for each in reached(scene.tap)} == {origin.removeprefix("http://")}
    assert len(report["read"]) > 20
    assert [(name, text) for name, text in report["read"] if not is_refusal(text)] == []


@pytest.mark.parametrize("path", ["/v1/models", "/v1/responses/resp_1"])
@pytest_twisted.ensureDeferred
async def test_a_link_from_outside_the_browser_that_leads_to_the_proxy_ends_there(
    scene: Scene, path: str
) -> None:
    """A mail, say. The browser takes its redirect for the user's own wish, and says ``none`` of its site."""
    scene.visit(f"{scene.home}/to?status=302&url={scene.targets[0]}{path}")
    await scene.until(scene.tap.exchanges, "an answer")
    assert scene.tap.exchanges()[0][0].headers["sec-fetch-site"] == "none"
    assert scene.upstream.connections == []
    reached(scene.tap)


@pytest_twisted.ensureDeferred
async def test_without_the_guard_the_same_page_spends_the_key(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other tests see refused does harm where it is not: the attack is one."""
    monkeypatch.setattr(Guard, "check", lambda *_arguments, **_options: None)
    scene.attacker.page = page("page", scene.targets[:1], scene.home)
    scene.visit(f"{scene.home}/page")
    await scene.reports("page")
    asked = [received.line for received in scene.upstream.requests]
    assert asked.count("GET /v1/models HTTP/1.1") > 20
