"""A request that is given up leaves nothing, wherever it was; and what prevents that one leaves."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint, ITCPTransport
from twisted.internet.testing import StringTransport
from twisted.web.client import URI, ResponseDone
from twisted.web.error import SchemeNotSupported
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import directlyProvides, implementer

from ccmimolink.heads import HandshakeFailed
from ccmimolink.http1.agent import PooledAgent
from ccmimolink.http1.connection import Connection
from ccmimolink.transport import BytesBody
from tests.http1.agent_stage import CHUNKED, EMPTY, FOUR, AgentStage, Asked

HTTPS = b"https://127.0.0.1:9/v1"


def assert_nothing_is_left(stage: AgentStage, asked: Asked, reason: type[Exception] = CancelledError) -> None:
    assert asked.failed(reason)
    assert stage.is_dropped()
    stage.turn()
    stage.assert_at_rest()
    stage.served()
    assert len(stage.servers) == 2


def drops_of(stage: AgentStage) -> list[None]:
    """Filled with each drop of the first connection from here on."""
    transport, drops = stage.servers[0].transport, list[None]()
    drop = transport.abortConnection

    def counting() -> None:
        drops.append(None)
        drop()

    transport.abortConnection = counting  # type: ignore[method-assign]
    return drops


def test_while_it_connects(stage: AgentStage) -> None:
    asked = stage.ask(connected=False)
    asked.request.cancel()
    assert_nothing_is_left(stage, asked, ConnectingCancelledError)


def test_within_the_handshake(stage: AgentStage) -> None:
    asked = stage.ask(uri=HTTPS)
    drops = drops_of(stage)
    asked.request.cancel()
    assert len(drops) == 1
    assert_nothing_is_left(stage, asked)


@pytest.mark.parametrize("came", [b"", FOUR[:20], b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_before_the_head(stage: AgentStage, came: bytes) -> None:
    asked = stage.ask(b"POST", body=BytesBody(b"abc"))
    drops = drops_of(stage)
    stage.sends(came)
    asked.request.cancel()
    assert len(drops) == 1
    assert_nothing_is_left(stage, asked)


def test_on_a_connection_that_was_kept(stage: AgentStage) -> None:
    stage.served()
    asked = stage.ask()
    asked.request.cancel()
    assert_nothing_is_left(stage, asked)


def test_what_still_comes_is_not_told(stage: AgentStage) -> None:
    """As over TLS, where what was read already still comes."""
    asked = stage.ask()
    asked.request.cancel()
    stage.servers[0].transport.protocol.dataReceived(FOUR + b"abcd")
    assert_nothing_is_left(stage, asked)


def test_what_still_comes_does_not_bring_its_connection_back(stage: AgentStage) -> None:
    asked = stage.ask()
    asked.request.cancel()
    stage.servers[0].transport.protocol.dataReceived(EMPTY)
    Asked(stage.agent.request(b"GET", b"http://127.0.0.1:9/v1"))
    stage.turn()
    assert [server.received.count(b"GET") for server in stage.servers] == [1, 1]


def test_behind_the_head_it_is_the_body_that_is_given_up(stage: AgentStage) -> None:
    asked = stage.ask()
    stage.sends(CHUNKED)
    asked.request.cancel()
    assert not stage.is_dropped()
    drops = drops_of(stage)
    body = asked.read()
    body.transport.stopProducing()
    assert len(drops) == 1
    stage.turn()
    stage.assert_at_rest()
    assert body.reason is not None


def test_behind_the_answer_nothing_is_given_up(stage: AgentStage) -> None:
    asked = stage.served()
    asked.request.cancel()
    assert not stage.is_dropped()
    assert asked.read().ended(ResponseDone)


# -- what prevents a connection ---------------------------------------------------------------------------


def test_a_connection_that_is_refused(stage: AgentStage) -> None:
    stage.reactor.refusals = 1
    asked = stage.ask()
    # The endpoint looks for its attempts' ends from time to time.
    stage.reactor.advance(1)
    assert asked.failed(ConnectError)
    stage.assert_at_rest()


def test_a_scheme_that_is_none(stage: AgentStage) -> None:
    with pytest.raises(SchemeNotSupported):
        stage.ask(uri=b"ftp://127.0.0.1/")
    assert stage.servers == []


# -- TLS --------------------------------------------------------------------------------------------------


def test_nothing_of_a_request_leaves_before_tls_is_agreed_upon(stage: AgentStage) -> None:
    asked = stage.ask(uri=HTTPS)
    assert stage.servers[0].received[:2] == b"\x16\x03", "a ClientHello"
    assert b"GET" not in stage.servers[0].received
    assert asked.is_waiting
    asked.request.cancel()


@pytest.mark.parametrize("error", [ConnectionDone, ConnectionLost])
def test_a_connection_that_ends_within_the_handshake(stage: AgentStage, error: type[Exception]) -> None:
    asked = stage.ask(uri=HTTPS)
    stage.servers[0].transport.end(error)
    assert asked.failed(HandshakeFailed)
    stage.turn()
    stage.assert_at_rest()


def test_a_server_that_knows_no_tls(stage: AgentStage) -> None:
    asked = stage.ask(uri=HTTPS)
    stage.sends(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    stage.turn()
    assert asked.failed(HandshakeFailed)
    assert stage.is_dropped()


@implementer(IStreamClientEndpoint)
class HandshakeLater:
    """A way over which the test itself says when TLS is agreed upon."""

    def __init__(self) -> None:
        self.protocol: Any = None
        self.transport = StringTransport()

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        self.protocol = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        self.protocol.makeConnection(self.transport)
        connected: Deferred[Any] = Deferred()
        connected.callback(self.protocol)
        return connected


@implementer(IAgentEndpointFactory)
class One:
    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self._endpoint


def test_a_request_leaves_once_tls_is_agreed_upon(stage: AgentStage) -> None:
    way = HandshakeLater()
    asked = Asked(PooledAgent(stage.pool, One(way)).request(b"GET", HTTPS))
    assert way.transport.value() == b""
    way.protocol.handshakeCompleted()
    assert way.transport.value().startswith(b"GET /v1 HTTP/1.1\r\n")
    way.protocol.dataReceived(EMPTY)
    assert asked.answer.code == 200
    again = Asked(PooledAgent(stage.pool, One(way)).request(b"GET", HTTPS))
    assert way.transport.value().count(b"GET") == 2, "there is no second handshake"
    way.protocol.connectionLost()
    assert again.failure is not None


def test_a_connection_over_tls_serves_no_request_without_it(stage: AgentStage) -> None:
    way = HandshakeLater()
    Asked(PooledAgent(stage.pool, One(way)).request(b"GET", HTTPS))
    way.protocol.handshakeCompleted()
    way.protocol.dataReceived(EMPTY)
    stage.ask()
    assert len(stage.servers) == 1
    assert way.transport.value().count(b"GET") == 1
    way.protocol.connectionLost()


def test_a_small_request_is_not_waited_with() -> None:
    transport = StringTransport()
    delays: list[bool] = []
    transport.setTcpNoDelay = delays.append  # type: ignore[attr-defined]
    directlyProvides(transport, ITCPTransport)
    Connection(lambda _: None, lambda _: None).makeConnection(transport)
    assert delays == [True]
