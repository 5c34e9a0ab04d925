"""MiMoClient: what it sends, and over which connection."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed

from ccmimolink.route import Target
from tests.http_wire import LAST_CHUNK, answer, body_of, chunked, hello
from tests.memory_proxy import KEY, SETTINGS, MemoryProxy
from tests.upstream.upstream_steps import assert_answered, journey, respond, starts, unread


def test_the_request_is_a_chat_completion_with_key_and_identity_encoding(proxy: MemoryProxy) -> None:
    proxy.post()
    line, headers, body = proxy.upstream[0].request
    assert line == "POST /v1/chat/completions HTTP/1.1"
    assert headers == {
        "host": "127.0.0.1:9",
        "authorization": f"Bearer {KEY}",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }


def test_the_body_is_exactly_what_was_handed_over(proxy: MemoryProxy) -> None:
    class Permit:
        def restart(self, delay: float = 0.0) -> Deferred[None]:
            return succeed(None)

    body = bytes(range(256)) * 300
    opening = proxy.services.client.open_stream(
        body, Target(SETTINGS["MIMO_BASE_URL"], KEY), Permit(), unread, journey()
    )
    proxy.settle()
    assert proxy.upstream[0].request[2] == body
    opening.addErrback(lambda _: None)
    opening.cancel()


def test_a_redirect_is_not_followed(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_RETRIES="3")
    client = proxy.post()
    respond(proxy, answer(307, location="http://127.0.0.1:8/v1/chat/completions"))
    proxy.advance(30)
    assert client.reply.status == 502
    assert len(proxy.upstream) == 1
    assert starts(proxy) == 1


def test_cookies_of_the_upstream_are_not_carried_to_the_next_request(proxy: MemoryProxy) -> None:
    proxy.post()
    whole = chunked(hello())
    respond(proxy, whole.replace(b"\r\n", b"\r\nset-cookie: session=theirs\r\n", 1))
    proxy.post()
    assert b"theirs" not in proxy.upstream[0].received


def test_a_kept_connection_serves_the_next_request(proxy: MemoryProxy) -> None:
    for _ in range(3):
        client = proxy.post()
        respond(proxy, chunked(hello()))
        assert_answered(client)
    assert len(proxy.upstream) == 1
    assert starts(proxy) == 3


def test_there_is_a_kept_connection_for_each_slot(make_proxy: Any) -> None:
    proxy = make_proxy(MIMO_PROXY_MAX_CONCURRENT="3")
    for _ in range(2):
        for _ in range(3):
            proxy.post()
        for connection in range(3):
            respond(proxy, chunked(hello()), connection)
    assert len(proxy.upstream) == 3
    assert starts(proxy) == 6


def test_the_end_of_a_body_is_waited_for_before_the_connection_is_used_again(proxy: MemoryProxy) -> None:
    proxy.post(body_of())
    whole = chunked(hello())
    respond(proxy, whole[: -len(LAST_CHUNK)])
    proxy.post(body_of())
    assert len(proxy.upstream) == 2
