"""TLS to MiMo through a proxy: MiMo is to be proven by its own name, and so is a proxy over TLS."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.heads import HandshakeFailed
from ccmimolink.transport import BytesBody
from ccmimolink.tunnel.choice import ProxyServer
from tests.faults.script import Send
from tests.faults.upstream import FaultyUpstream, Plan, answers
from tests.http_wire import answer
from tests.mimocode.gateway_tls import HOST, Pair, Shown, authority, stranger
from tests.tunnel.relaying_proxy import RelayingProxy
from tests.tunnel.talks import CREDENTIALS, HTTP_SERVER, PASSWORD, SOCKS_SERVER
from tests.tunnel.tunnel_stage import TunnelStage, staged

URI = b"https://mimo.test/v1"
GOOD = (Send(answer(200, b"abcd")),)
ANSWERED = answers(GOOD)
LARGE = bytes(range(256)) * 4000

both_agents = pytest.mark.parametrize("twisted", [False, True], ids=["own", "twisted"])
SERVERS = [HTTP_SERVER, replace(HTTP_SERVER, scheme="https"), SOCKS_SERVER]
every_kind = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.scheme)


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    (tmp_path / "authority.pem").write_bytes(authority().pem)
    return tmp_path / "authority.pem"


@dataclass(frozen=True)
class Scene:
    stage: TunnelStage
    proxy: RelayingProxy
    mimo: FaultyUpstream


@asynccontextmanager
async def played(
    server: ProxyServer,
    ca_file: Path,
    *,
    twisted: bool,
    mimo: Pair | None = None,
    proxy: Pair | None = None,
    speaks_tls: bool = True,
    plan: Plan = ANSWERED,
) -> AsyncIterator[Scene]:
    """
    :param mimo: what MiMo shows; without it a good certificate.
    :param proxy: what a proxy over TLS shows.
    :param speaks_tls: whether MiMo does; else it listens and says nothing.
    :param plan: of the first connection to MiMo.
    """
    from twisted.internet import reactor

    upstream = FaultyUpstream.of(reactor, [plan, ANSWERED])
    shown = Shown(mimo or authority().issue("mimo.test")) if speaks_tls else None
    port = await upstream.listen(certificate=shown)
    if server.scheme == "https" and proxy is None:
        proxy = authority().issue(HOST)
    relaying = RelayingProxy(reactor, port, proxy)
    try:
        async with staged(server, twisted=twisted, port=await relaying.listen(), ca_file=ca_file) as stage:
            yield Scene(stage, relaying, upstream)
    finally:
        await relaying.stop()
        await upstream.stop()


@both_agents
@every_kind
@pytest_twisted.ensureDeferred
async def test_requests_travel_within_one_tunnel(server: ProxyServer, ca_file: Path, twisted: bool) -> None:
    async with played(server, ca_file, twisted=twisted) as scene:
        for body in (b"first", LARGE, b"last"):
            asked = scene.stage.ask(URI, BytesBody(body))
            assert (await scene.stage.read(asked)).data == b"abcd"
        assert [request.body for request in scene.mimo.requests] == [b"first", LARGE, b"last"]
        (request,) = scene.proxy.asked
        assert b"mimo.test" in request
        assert scene.proxy.relayed > len(LARGE)


@every_kind
@pytest_twisted.ensureDeferred
async def test_behind_an_answer_that_comes_before_its_request_has_left_nothing_waits(
    server: ProxyServer, ca_file: Path
) -> None:
    early = Plan(at_byte=(1, GOOD))
    async with played(server, ca_file, twisted=False, plan=early) as scene:
        scene.proxy.most = len(LARGE)
        assert (await scene.stage.read(scene.stage.ask(URI, BytesBody(LARGE * 12)))).data == b"abcd"
        scene.proxy.most = inf
        assert (await scene.stage.read(scene.stage.ask(URI, BytesBody(b"next")))).data == b"abcd"
        assert len(scene.proxy.asked) == 2


@both_agents
@every_kind
@pytest.mark.parametrize(
    "shown", [authority().issue("other.test"), stranger().issue("mimo.test")], ids=["name", "authority"]
)
@pytest_twisted.ensureDeferred
async def test_mimo_is_to_be_proven_behind_a_proxy_too(
    server: ProxyServer, ca_file: Path, shown: Pair, twisted: bool
) -> None:
    async with played(server, ca_file, twisted=twisted, mimo=shown) as scene:
        asked = scene.stage.ask(URI, BytesBody(b"body"))
        await scene.stage.until(lambda: not asked.is_waiting)
        assert asked.failed(HandshakeFailed), asked.failure
        assert scene.mimo.requests == []
        await scene.stage.until(lambda: scene.proxy.clients[0].lost)


@both_agents
@pytest.mark.parametrize(
    "shown", [authority().issue("proxy.test"), stranger().issue(HOST)], ids=["name", "authority"]
)
@pytest_twisted.ensureDeferred
async def test_a_proxy_over_tls_that_is_not_proven_is_told_nothing(
    ca_file: Path, shown: Pair, twisted: bool
) -> None:
    server = replace(HTTP_SERVER, scheme="https", **CREDENTIALS)
    async with played(server, ca_file, twisted=twisted, proxy=shown) as scene:
        message = await scene.stage.refused(scene.stage.ask(URI))
        assert message.startswith("No secure connection to the proxy of HTTPS_PROXY: TLS failed.")
        assert PASSWORD not in message
        assert scene.proxy.asked == []


@both_agents
@pytest_twisted.ensureDeferred
async def test_a_proxy_that_speaks_no_tls_after_all_is_told_of(ca_file: Path, twisted: bool) -> None:
    server = replace(HTTP_SERVER, scheme="https")
    async with staged(server, twisted=twisted, ca_file=ca_file) as stage:
        asked = stage.ask(URI)
        (await stage.wire()).send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert "whether HTTPS_PROXY is to begin with http:// instead" in await stage.refused(asked)


@both_agents
@every_kind
@pytest_twisted.ensureDeferred
async def test_a_request_given_up_before_tls_is_agreed_upon_drops_the_tunnel(
    server: ProxyServer, ca_file: Path, twisted: bool
) -> None:
    async with played(server, ca_file, twisted=twisted, speaks_tls=False) as scene:
        asked = scene.stage.ask(URI)
        await scene.stage.until(lambda: scene.proxy.relayed)
        assert asked.is_waiting
        asked.request.cancel()
        await scene.stage.until(lambda: scene.proxy.clients[0].lost)
        assert asked.failure is not None
