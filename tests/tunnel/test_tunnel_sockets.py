"""The way through a proxy over real sockets, with a proxy that does well or does not, for both agents."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.task import deferLater
from twisted.web.client import ResponseDone

from ccmimolink.transport import BytesBody
from ccmimolink.tunnel.connect import MAX_ANSWER
from tests.e2e.processes import free_port
from tests.http1.agent_stage import FOUR
from tests.http1.loopback_server import LoopbackServer
from tests.tunnel.talks import CONNECT, SOCKS, SOCKS_SERVER, TALKS, Talk
from tests.tunnel.tunnel_stage import knowing, staged

both_agents = pytest.mark.parametrize("twisted", [False, True], ids=["own", "twisted"])
every_talk = pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.name)
both_kinds = pytest.mark.parametrize("talk", [CONNECT, SOCKS], ids=lambda talk: talk.name)

REFUSALS = {CONNECT.name: b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", SOCKS.name: b"\x05\x00\x05\x02"}
REQUEST = b"POST /v1 HTTP/1.1\r\n"


@both_agents
@every_talk
@pytest_twisted.ensureDeferred
async def test_requests_follow_the_talk_on_one_connection(talk: Talk, twisted: bool) -> None:
    async with staged(talk.server, twisted=twisted) as stage:
        for number in range(3):
            asked = stage.ask(body=BytesBody(b"body"))
            wire = await stage.wire()
            if number == 0:
                wire.send(talk.said)
            await stage.until(
                lambda wire=wire, count=number + 1: wire.received.count(b"\r\n\r\nbody") == count
            )
            wire.send(FOUR + b"abcd")
            body = await stage.read(asked)
            assert (body.data, body.ended(ResponseDone)) == (b"abcd", True)
        assert len(stage.proxy.connections) == 1
        talked, _, requests = wire.received.partition(REQUEST)
        assert talked == talk.told
        assert requests.count(REQUEST) == 2
        assert b"mimo.test:443" in requests


@both_agents
@every_talk
@pytest_twisted.ensureDeferred
async def test_a_proxy_may_speak_byte_by_byte(talk: Talk, twisted: bool) -> None:
    async with staged(talk.server, twisted=twisted) as stage:
        asked = stage.ask()
        wire = await stage.wire()
        wire.transport.setTcpNoDelay(True)
        for byte in talk.said + FOUR + b"abcd":
            wire.send(bytes((byte,)))
            await deferLater(stage.reactor, 0)
        assert (await stage.read(asked)).data == b"abcd"


@both_agents
@every_talk
@pytest_twisted.ensureDeferred
async def test_bytes_behind_the_proxys_last_word_are_the_upstreams(talk: Talk, twisted: bool) -> None:
    async with staged(talk.server, twisted=twisted) as stage:
        asked = stage.ask()
        wire = await stage.wire()
        wire.send(talk.said + FOUR + b"abcd")
        assert (await stage.read(asked)).data == b"abcd"


@both_agents
@both_kinds
@pytest_twisted.ensureDeferred
async def test_a_proxy_that_refuses_has_nothing_of_a_request(talk: Talk, twisted: bool) -> None:
    async with staged(talk.server, twisted=twisted) as stage:
        asked = stage.ask(body=BytesBody(b"body"))
        wire = await stage.wire()
        wire.send(REFUSALS[talk.name])
        assert "does not allow a connection to MiMo" in await stage.refused(asked)
        await stage.until(lambda: wire.lost)
        assert talk.told.startswith(wire.received)


@both_agents
@both_kinds
@pytest_twisted.ensureDeferred
async def test_what_is_no_proxy_is_left(talk: Talk, twisted: bool) -> None:
    async with staged(talk.server, twisted=twisted) as stage:
        asked = stage.ask()
        wire = await stage.wire()
        wire.send(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n" * 3)
        assert f"What {talk.server.variable} names does not answer as" in await stage.refused(asked)
        await stage.until(lambda: wire.lost)


@both_agents
@pytest_twisted.ensureDeferred
async def test_an_answer_of_the_proxys_without_an_end_is_not_waited_for(twisted: bool) -> None:
    async with staged(CONNECT.server, twisted=twisted) as stage:
        asked = stage.ask()
        wire = await stage.wire()
        wire.send(b"HTTP/1.1 200 OK\r\n" + b"X-Field: y\r\n" * MAX_ANSWER)
        assert "does not answer as an HTTP proxy does" in await stage.refused(asked)
        await stage.until(lambda: wire.lost)


@both_agents
@every_talk
@pytest.mark.parametrize("end", ["close", "reset"])
@pytest_twisted.ensureDeferred
async def test_a_proxy_that_ends_in_the_middle_of_the_talk_is_told_of(
    talk: Talk, twisted: bool, end: str
) -> None:
    async with staged(talk.server, twisted=twisted) as stage:
        for said in (b"", talk.said[: len(talk.said) // 2], talk.said[:-1]):
            asked = stage.ask()
            wire = await stage.wire(len(stage.proxy.connections))
            wire.send(said)
            await deferLater(stage.reactor, 0)
            getattr(wire, end)()
            assert "ended the connection before there was a way to MiMo" in await stage.refused(asked)


@both_agents
@both_kinds
@pytest.mark.parametrize("said", [0, -1])
@pytest_twisted.ensureDeferred
async def test_a_proxy_that_falls_silent_is_left_at_the_limit_for_connecting(
    talk: Talk, twisted: bool, said: int
) -> None:
    async with staged(talk.server, twisted=twisted, limit=0.25) as stage:
        asked = stage.ask(body=BytesBody(b"body"))
        wire = await stage.wire()
        wire.send(talk.said[:said])
        message = await stage.refused(asked)
        assert "within 0.25 s (MIMO_PROXY_CONNECT_TIMEOUT_MS)" in message
        assert talk.server.variable in message
        await stage.until(lambda: wire.lost)
        assert REQUEST not in wire.received


@both_agents
@every_talk
@pytest.mark.parametrize("said", [0, 1, -1])
@pytest_twisted.ensureDeferred
async def test_a_request_that_is_given_up_drops_the_connection(talk: Talk, twisted: bool, said: int) -> None:
    async with staged(talk.server, twisted=twisted) as stage:
        asked = stage.ask()
        wire = await stage.wire()
        wire.send(talk.said[:said])
        await deferLater(stage.reactor, 0.01)
        asked.request.cancel()
        assert asked.failure is not None
        await stage.until(lambda: wire.lost)


@both_agents
@both_kinds
@pytest_twisted.ensureDeferred
async def test_a_proxy_that_is_down_is_told_of_by_its_variable(talk: Talk, twisted: bool) -> None:
    async with staged(talk.server, twisted=twisted, port=free_port()) as stage:
        message = await stage.refused(stage.ask())
        assert message == (
            f"The proxy of {talk.server.variable} cannot be reached. Check the network and "
            f"{talk.server.variable} (NO_PROXY excepts hosts from it)."
        )


@both_agents
@pytest_twisted.ensureDeferred
async def test_a_proxy_whose_name_is_not_known_is_told_of_too(twisted: bool) -> None:
    with knowing(proxy=()):
        async with staged(replace(CONNECT.server, host="proxy.test"), twisted=twisted) as stage:
            assert "The proxy of HTTPS_PROXY cannot be reached" in await stage.refused(stage.ask())


@both_agents
@pytest_twisted.ensureDeferred
async def test_this_machine_is_reached_directly(twisted: bool) -> None:
    async with staged(CONNECT.server, twisted=twisted) as stage:
        async with LoopbackServer(b"http").listening(stage.reactor) as server:
            server.at_request = lambda line: line.transport.write(FOUR + b"abcd")
            assert (await stage.read(stage.ask(server.uri))).data == b"abcd"
            await stage.pool.closeCachedConnections()
        assert stage.proxy.connections == []


# -- who looks the name up -----------------------------------------------------------------------------------

LOCAL = replace(SOCKS_SERVER, scheme="socks5")


@both_agents
@pytest.mark.parametrize(
    ("found", "where"),
    [
        (("192.0.2.7",), b"\x01\xc0\x00\x02\x07"),
        (("2001:db8::1", "192.0.2.7"), b"\x01\xc0\x00\x02\x07"),
        (("2001:db8::1",), b"\x04" + bytes.fromhex("20010db8000000000000000000000001")),
    ],
)
@pytest_twisted.ensureDeferred
async def test_with_socks5_this_machine_looks_it_up(
    found: tuple[str, ...], where: bytes, twisted: bool
) -> None:
    with knowing(mimo=found):
        async with staged(LOCAL, twisted=twisted) as stage:
            asked = stage.ask()
            wire = await stage.wire()
            wire.send(SOCKS.said)
            await stage.until(lambda: wire.received.endswith(b"\r\n\r\n"))
            assert wire.received.startswith(b"\x05\x01\x00" + b"\x05\x01\x00" + where + b"\x01\xbb" + b"GET")
            wire.send(FOUR + b"abcd")
            assert (await stage.read(asked)).data == b"abcd"


@both_agents
@pytest_twisted.ensureDeferred
async def test_a_name_that_this_machine_does_not_know_is_better_asked_of_the_proxy(twisted: bool) -> None:
    with knowing(mimo=()):
        async with staged(LOCAL, twisted=twisted) as stage:
            message = await stage.refused(stage.ask())
            assert "write socks5h:// in ALL_PROXY: then the proxy resolves it" in message
            assert stage.proxy.connections == []


@both_agents
@pytest_twisted.ensureDeferred
async def test_a_look_up_that_does_not_end_is_left_at_the_limit(twisted: bool) -> None:
    with knowing(mimo=None) as names:
        async with staged(LOCAL, twisted=twisted, limit=0.05) as stage:
            assert "opened no way to MiMo within 0.05 s" in await stage.refused(stage.ask())
            (waiting,) = names.held
            waiting.resolutionComplete()
            assert stage.proxy.connections == []
