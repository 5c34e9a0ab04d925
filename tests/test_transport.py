"""The machinery beneath the upstream client: bodies, compression, the pool and the time to connect."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.testing import StringTransport
from twisted.web.client import HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ccmimolink import transport
from ccmimolink.transport import BytesBody, IdentityAgent, make_agent, make_http_client
from tests.memory_proxy import MemoryReactor
from tests.mimocode.gateway import Gateway
from tests.mimocode.gateway_tls import HOST, authority


@implementer(IAgent)
class RecordingAgent:
    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes, Headers, Any]] = []

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Any:
        assert headers is not None
        self.asked.append((method, uri, headers, bodyProducer))
        return Deferred()


@given(st.binary(max_size=2000))
def test_a_body_leaves_whole_and_in_one_write(body: bytes) -> None:
    producer = BytesBody(body)
    verifyObject(IBodyProducer, producer)
    writes: list[bytes] = []
    transport = StringTransport()
    transport.write = writes.append  # type: ignore[method-assign]
    done: list[None] = []
    producer.startProducing(transport).addCallback(done.append)
    assert (writes, producer.length, done) == ([body], len(body), [None])


def test_a_body_can_be_given_up() -> None:
    """The agent does so when a request is cancelled while it is written."""
    producer = BytesBody(b"x")
    producer.pauseProducing()
    producer.resumeProducing()
    producer.stopProducing()


def test_compression_is_not_asked_for_whatever_was_set_above() -> None:
    agent = RecordingAgent()
    given_headers = Headers({"accept-encoding": ["gzip"], "accept": ["x"]})
    IdentityAgent(agent).request(b"GET", b"http://x/", given_headers)
    IdentityAgent(agent).request(b"GET", b"http://x/")
    assert [headers.getRawHeaders("accept-encoding") for _, _, headers, _ in agent.asked] == [
        ["identity"]
    ] * 2
    assert agent.asked[0][2].getRawHeaders("accept") == ["x"]
    assert given_headers.getRawHeaders("accept-encoding") == ["gzip"], "the caller's headers are its own"


def test_treq_above_it_sends_the_body_as_it_is() -> None:
    agent = RecordingAgent()
    make_http_client(agent).post("http://127.0.0.1/x", data=BytesBody(b"{}"), unbuffered=True)
    ((method, uri, headers, producer),) = agent.asked
    assert (method, uri) == (b"POST", b"http://127.0.0.1/x")
    assert headers.getRawHeaders("accept-encoding") == ["identity"]
    assert isinstance(producer, BytesBody)


def test_twisted_keeps_a_connection_for_each_slot_and_repeats_nothing() -> None:
    _, pool = make_agent(MemoryReactor(), connections=7, connect_timeout=4.0, twisted=True)
    assert isinstance(pool, HTTPConnectionPool)
    assert pool.maxPersistentPerHost == 7
    assert pool.persistent
    assert pool.retryAutomatically is False


both_agents = pytest.mark.parametrize("twisted", [False, True], ids=["own", "twisted"])


@both_agents
def test_connecting_takes_no_longer_than_it_may(twisted: bool) -> None:
    reactor = MemoryReactor()
    reactor.deaf = True
    agent, _ = make_agent(reactor, connections=1, connect_timeout=4.0, twisted=twisted)
    failures: list[Any] = []
    agent.request(b"GET", b"http://127.0.0.1:9/").addErrback(failures.append)
    # The socket itself keeps the limit that it is given.
    (_, _, _, limit, _) = reactor.tcpClients[0]
    assert limit == 4.0
    reactor.upstream[0].refuse(ConnectTimeout)
    reactor.advance(1)
    assert failures[0].check(ConnectTimeout)


@both_agents
@pytest_twisted.ensureDeferred
async def test_the_authorities_are_those_that_are_chosen_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, twisted: bool
) -> None:
    from twisted.internet import reactor

    monkeypatch.setattr(transport, "trust_root", authority().trusted)
    gateway = Gateway(reactor)
    port = await gateway.listen(authority().issue(HOST))
    agent, pool = make_agent(reactor, connections=1, connect_timeout=4.0, twisted=twisted)
    client = make_http_client(agent)

    response = await client.get(f"https://{HOST}:{port}/v1/models")
    await response.content()

    assert response.code == 401
    await pool.closeCachedConnections()
    await gateway.close()
