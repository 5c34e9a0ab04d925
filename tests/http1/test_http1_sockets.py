"""The agent over real sockets."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.iweb import IAgent

from ccmimolink import transport
from ccmimolink.heads import HandshakeFailed
from ccmimolink.transport import BytesBody, make_agent
from tests.http1.agent_stage import CHUNKED, FOUR, Body
from tests.http1.loopback_server import Line, LoopbackServer
from tests.http_wire import LAST_CHUNK, chunk
from tests.mimocode.gateway_tls import authority, stranger

LARGE = bytes(range(256)) * 12_000
"""More than any socket takes at once: 3 MB."""

both = pytest.mark.parametrize("scheme", [b"http", b"https"])
Scene = Callable[[LoopbackServer, IAgent], Awaitable[None]]


@pytest.fixture(autouse=True)
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "trust_root", authority().trusted)


async def play(scheme: bytes, scene: Scene) -> None:
    from twisted.internet import reactor

    agent, pool = make_agent(reactor, connections=2, connect_timeout=10.0)
    async with LoopbackServer(scheme).listening(reactor) as server:
        try:
            await scene(server, agent)
        finally:
            await pool.closeCachedConnections()


async def whole(answer: Any, body: Body | None = None) -> Body:
    body = body or Body()
    ended: Deferred[None] = Deferred()
    body.at_end = lambda: ended.callback(None)
    answer.deliverBody(body)
    await ended
    return body


@both
@pytest_twisted.ensureDeferred
async def test_requests_in_a_row_are_served_on_one_connection(scheme: bytes) -> None:
    async def scene(server: LoopbackServer, agent: IAgent) -> None:
        server.at_request = lambda line: line.transport.write(
            CHUNKED + chunk(b"%d:" % len(line.bodies[-1])) + chunk(line.bodies[-1][-7:] + b".") + LAST_CHUNK
        )
        for body in (b"first", b"", LARGE, b"last"):
            answer = await agent.request(b"POST", server.uri, None, BytesBody(body))
            read = await whole(answer)
            assert read.ended(ResponseDone)
            assert read.data == b"%d:%b." % (len(body), body[-7:])
        (line,) = server.lines
        assert line.bodies == [b"first", b"", LARGE, b"last"]

    await play(scheme, scene)


@both
@pytest_twisted.ensureDeferred
async def test_behind_an_answer_that_comes_before_its_request_has_left_nothing_waits(scheme: bytes) -> None:
    def answer_at_once(line: Line) -> None:
        line.transport.pauseProducing()
        line.transport.write(FOUR + b"abcd")

    async def scene(server: LoopbackServer, agent: IAgent) -> None:
        server.at_head = answer_at_once
        answer = await agent.request(b"POST", server.uri, None, BytesBody(LARGE))
        assert (await whole(answer)).data == b"abcd"
        (line,) = server.lines
        server.at_head = lambda _: None
        server.at_request = lambda line: line.transport.write(FOUR + b"efgh")
        answer = await agent.request(b"POST", server.uri, None, BytesBody(b"next"))
        assert (await whole(answer)).data == b"efgh"
        assert line.bodies == []
        line.transport.resumeProducing()
        await line.gone

    await play(scheme, scene)


@both
@pytest_twisted.ensureDeferred
async def test_a_large_body_comes_whole_to_one_who_holds_it_back(scheme: bytes) -> None:
    async def scene(server: LoopbackServer, agent: IAgent) -> None:
        from twisted.internet import reactor

        clock: Any = reactor
        server.at_request = lambda line: line.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(LARGE) + LARGE
        )
        answer = await agent.request(b"GET", server.uri)
        body = Body()

        def hold_back(_: bytes) -> None:
            body.transport.pauseProducing()
            clock.callLater(0, body.transport.resumeProducing)

        body.at_data = hold_back
        read = await whole(answer, body)
        assert len(read.pieces) > 1
        assert (read.data == LARGE, read.ended(ResponseDone)) == (True, True)

    await play(scheme, scene)


@both
@pytest_twisted.ensureDeferred
async def test_a_stream_that_is_dropped_ends_for_the_server(scheme: bytes) -> None:
    async def scene(server: LoopbackServer, agent: IAgent) -> None:
        # It neither ends nor reads: it would not hear a polite end.
        server.at_request = lambda line: line.transport.write(CHUNKED + chunk(b"a"))
        answer = await agent.request(b"GET", server.uri)
        body = Body()
        body.at_data = lambda _: body.transport.loseConnection()
        assert (await whole(answer, body)).ended(ResponseFailed)
        await server.lines[0].gone

    await play(scheme, scene)


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_not_trusted_has_nothing_of_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "trust_root", stranger().trusted)

    async def scene(server: LoopbackServer, agent: IAgent) -> None:
        asked: list[Line] = []
        server.at_head = asked.append
        with pytest.raises(HandshakeFailed):
            await agent.request(b"POST", server.uri, None, BytesBody(b"a"))
        assert asked == []

    await play(b"https", scene)
