"""Which connection serves a request, and how long one is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.error import ConnectionLost
from twisted.web.client import ResponseDone

from tests.http1.agent_stage import CHUNKED, EMPTY, FOUR, KEEP, OK, AgentStage, Body
from tests.http_wire import LAST_CHUNK

OTHER = b"http://127.0.0.1:10/v1"
MakeStage = Callable[..., AgentStage]


def both_at_once(stage: AgentStage) -> None:
    """Two connections become idle, the second one last."""
    stage.ask()
    stage.ask()
    stage.sends(EMPTY, 0)
    stage.sends(EMPTY, 1)


@pytest.mark.parametrize("answer", [EMPTY, FOUR + b"abcd", CHUNKED + LAST_CHUNK, b"HTTP/1.1 204 X\r\n\r\n"])
def test_a_connection_serves_one_request_after_another(stage: AgentStage, answer: bytes) -> None:
    for count in range(1, 4):
        asked = stage.served(answer=answer)
        assert asked.read().ended(ResponseDone)
        assert stage.servers[0].received.count(b"GET") == count
    assert len(stage.servers) == 1


def test_a_connection_serves_no_two_requests_at_once(stage: AgentStage) -> None:
    stage.ask()
    stage.ask()
    assert [server.received.count(b"GET") for server in stage.servers] == [1, 1]


def test_a_body_that_nobody_has_read_yet_does_not_take_its_connection(stage: AgentStage) -> None:
    earlier = stage.served(answer=FOUR + b"abcd")
    later = stage.served(answer=FOUR + b"efgh")
    assert len(stage.servers) == 1
    assert (later.read().data, earlier.read().data) == (b"efgh", b"abcd")


def test_a_connection_that_was_held_for_an_unread_body_hears_the_next_answer(stage: AgentStage) -> None:
    earlier = stage.ask()
    stage.sends(FOUR + b"ab")
    assert stage.is_paused()
    body = earlier.read()
    stage.sends(b"cd")
    body.transport.pauseProducing()
    assert stage.served(answer=FOUR + b"efgh").read().data == b"efgh"


def test_a_connection_that_was_held_when_its_answer_ended_goes_on(stage: AgentStage) -> None:
    """As over TLS, where what was read already still comes."""
    asked = stage.ask()
    stage.sends(CHUNKED)
    asked.read().transport.pauseProducing()
    stage.servers[0].transport.protocol.dataReceived(LAST_CHUNK)
    assert not stage.is_paused()


def test_the_connection_used_last_is_used_first(stage: AgentStage) -> None:
    both_at_once(stage)
    stage.ask()
    assert [server.received.count(b"GET") for server in stage.servers] == [1, 2]
    stage.ask()
    assert [server.received.count(b"GET") for server in stage.servers] == [2, 2]
    stage.ask()
    assert len(stage.servers) == 3


def test_a_connection_serves_its_own_place(stage: AgentStage) -> None:
    stage.served()
    stage.served(OTHER)
    stage.served(b"http://127.0.0.2:9/v1")
    assert len(stage.servers) == 3
    stage.served(OTHER)
    stage.served(b"http://127.0.0.1:9/another?path")
    assert [server.received.count(b"GET") for server in stage.servers] == [2, 2, 1]


def test_so_many_are_kept_for_a_place_and_no_more(make_stage: MakeStage) -> None:
    stage = make_stage(1)
    both_at_once(stage)
    stage.served(OTHER)
    assert [server.dropped for server in stage.servers] == [False, True, False]


@pytest.mark.parametrize("used", [1, 2])
def test_a_connection_is_kept_for_a_while_from_its_last_use(stage: AgentStage, used: int) -> None:
    for _ in range(used):
        stage.reactor.advance(KEEP - 1)
        stage.served()
    stage.reactor.advance(KEEP - 0.5)
    assert not stage.is_dropped()
    stage.reactor.advance(0.5)
    assert stage.is_dropped()
    stage.turn()
    stage.assert_at_rest()
    stage.served()
    assert len(stage.servers) == 2


def test_a_connection_with_a_request_on_it_is_kept_however_long(stage: AgentStage) -> None:
    stage.served()
    asked = stage.ask()
    stage.reactor.advance(KEEP * 10)
    assert not stage.is_dropped()
    stage.sends(EMPTY)
    assert asked.read().ended(ResponseDone)


@pytest.mark.parametrize("error", [None, ConnectionLost])
def test_a_connection_that_ended_while_idle_is_forgotten(
    stage: AgentStage, error: type[Exception] | None
) -> None:
    stage.served()
    stage.servers[0].transport.end(*([error] if error else []))
    stage.assert_at_rest()
    stage.served()
    assert len(stage.servers) == 2


@pytest.mark.parametrize("unasked", [EMPTY, b"x", b"\r\n"])
def test_an_upstream_that_speaks_unasked_loses_its_connection(stage: AgentStage, unasked: bytes) -> None:
    stage.served()
    stage.sends(unasked)
    assert stage.servers[0].transport.disconnected
    stage.assert_at_rest()
    stage.served()
    assert len(stage.servers) == 2


def test_an_upstream_that_answers_twice_loses_its_connection(stage: AgentStage) -> None:
    asked = stage.served(answer=FOUR + b"abcd" + FOUR + b"efgh")
    assert asked.read().data == b"abcd"
    assert stage.is_dropped()


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"connection: close\r\ncontent-length: 0\r\n\r\n",
        OK + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n" + LAST_CHUNK,
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_a_connection_that_is_not_to_be_kept_is_dropped(stage: AgentStage, answer: bytes) -> None:
    asked = stage.served(answer=answer)
    assert stage.is_dropped()
    assert asked.read().ended(ResponseDone)
    stage.served()
    assert len(stage.servers) == 2


def test_a_connection_over_http_1_0_is_kept_where_the_server_says_so(stage: AgentStage) -> None:
    stage.served(answer=b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n")
    stage.served()
    assert len(stage.servers) == 1


@pytest.mark.parametrize("when", ["at_data", "at_end"])
def test_the_end_of_an_answer_may_bring_on_the_next_request(stage: AgentStage, when: str) -> None:
    asked = stage.ask()
    stage.sends(FOUR)
    body = Body()
    others = []
    setattr(body, when, lambda *_: others.append(stage.ask()))
    asked.read(body)
    stage.sends(b"abcd")
    assert body.ended(ResponseDone)
    assert len(stage.servers) == 1
    stage.sends(FOUR + b"efgh")
    assert others[0].read().data == b"efgh"


def test_an_answer_that_comes_whole_may_bring_on_the_next_request(stage: AgentStage) -> None:
    asked, others = stage.ask(), []
    asked.request.addCallback(lambda _: others.append(stage.ask()))
    stage.sends(EMPTY)
    assert len(stage.servers) == 1
    stage.sends(EMPTY)
    assert others[0].answer.code == 200


# -- a pool that is closed --------------------------------------------------------------------------------


def test_all_that_are_idle_are_closed_and_waited_for(stage: AgentStage) -> None:
    both_at_once(stage)
    stage.served(OTHER)
    done: list[object] = []
    stage.pool.closeCachedConnections().addCallback(done.append)
    assert [server.dropped for server in stage.servers] == [True] * 3
    assert not any(server.transport.disconnected for server in stage.servers), "closed, not dropped"
    stage.servers[0].close()
    stage.servers[1].close()
    assert done == []
    stage.servers[2].close()
    assert len(done) == 1
    stage.turn()
    stage.assert_at_rest()


def test_a_pool_without_connections_is_closed_at_once(stage: AgentStage) -> None:
    done: list[object] = []
    stage.pool.closeCachedConnections().addCallback(done.append)
    assert len(done) == 1


def test_who_closes_it_twice_waits_for_what_is_left(stage: AgentStage) -> None:
    both_at_once(stage)
    done: list[object] = []
    stage.pool.closeCachedConnections()
    stage.servers[0].close()
    stage.pool.closeCachedConnections().addCallback(done.append)
    assert done == []
    stage.turn()
    assert len(done) == 1


def test_a_request_on_its_way_is_served_and_its_connection_closed_behind_it(stage: AgentStage) -> None:
    asked = stage.ask()
    done: list[object] = []
    stage.pool.closeCachedConnections().addCallback(done.append)
    assert len(done) == 1
    assert not stage.is_dropped()
    stage.sends(FOUR + b"abcd")
    assert asked.read().data == b"abcd"
    assert stage.is_dropped()
    assert not stage.servers[0].transport.disconnected
    stage.turn()
    stage.assert_at_rest()


@pytest.mark.parametrize("closing", ["outlived", "closed"])
def test_a_peer_that_lets_the_close_wait_is_dropped_after_a_while(stage: AgentStage, closing: str) -> None:
    """As one that does not answer the closing alert of TLS."""
    stage.served()
    transport = stage.servers[0].transport
    transport.abortConnection = transport.loseConnection  # type: ignore[method-assign]
    transport.loseConnection = lambda: None  # type: ignore[method-assign]
    done: list[object] = []
    if closing == "outlived":
        stage.reactor.advance(KEEP)
    stage.pool.closeCachedConnections().addCallback(done.append)
    stage.reactor.advance(1.9)
    assert done == []
    assert not stage.is_dropped()
    stage.reactor.advance(0.1)
    stage.turn()
    assert len(done) == 1
    stage.assert_at_rest()


def test_a_connection_that_spoke_unasked_serves_nobody_though_it_is_not_over_yet(stage: AgentStage) -> None:
    stage.served()
    stage.servers[0].transport.protocol.dataReceived(b"unasked")
    stage.ask()
    assert len(stage.servers) == 2
