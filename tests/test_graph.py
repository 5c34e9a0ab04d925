"""The composition: each setting reaches the part that it is for."""

from __future__ import annotations

from typing import Any

import pytest

from ccmimolink.graph import build_graph, new_id
from ccmimolink.plugins import PluginSet
from ccmimolink.route import Route, UpstreamRoute
from ccmimolink.settings import Settings
from tests.http_wire import DONE, STREAM_HEAD, answer, body_of, chunk, chunked, delta, finish, request, text
from tests.memory_proxy import SETTINGS, MemoryClient, MemoryProxy, MemoryReactor


def test_nothing_is_opened_and_no_timer_set_before_the_first_request() -> None:
    reactor = MemoryReactor()
    build_graph(Settings.from_environ(SETTINGS), PluginSet(), reactor)
    assert reactor.getDelayedCalls() == []
    assert (reactor.tcpClients, reactor.tcpServers) == ([], [])


def test_address_and_key_may_be_those_of_a_simulated_mimo() -> None:
    reactor = MemoryReactor()
    graph = build_graph(
        Settings.from_environ({}),
        PluginSet(),
        reactor,
        route=UpstreamRoute(Route("http://127.0.0.1:7/v1")),
        fallback_key="fake-demo-key",
        monotonic=reactor.seconds,
    )
    client = MemoryClient(graph, reactor)
    client.send(request("POST", "/v1/responses", body_of()))
    assert reactor.tcpClients[0][:2] == ("127.0.0.1", 7)
    assert b"Bearer fake-demo-key" in reactor.upstream[0].received
    client.leave()


@pytest.fixture
def limits() -> MemoryProxy:
    return MemoryProxy(
        {
            "MIMO_PROXY_MAX_CONCURRENT": "2",
            "MIMO_PROXY_MIN_INTERVAL_MS": "1500",
            "MIMO_PROXY_MAX_WAITING": "1",
            "MIMO_PROXY_MAX_WAIT_MS": "5000",
            "MIMO_PROXY_RETRIES": "0",
        }
    )


def test_the_limiter_has_its_settings(limits: MemoryProxy) -> None:
    limits.post()
    limits.post()
    limits.advance(1)
    assert len(limits.upstream) == 1, "the least interval"
    limits.advance(1)
    assert len(limits.upstream) == 2, "two at once"
    waiting = limits.post()
    refused = limits.post()
    assert (refused.reply.status, refused.reply.error()["code"]) == (429, "queue_full")
    limits.advance(4)
    assert waiting.silent
    limits.advance(2)
    assert waiting.reply.status == 429
    limits.close()


@pytest.mark.parametrize("codex", [False, True])
def test_a_full_queue_tells_when_to_come_back(limits: MemoryProxy, codex: bool) -> None:
    for _ in range(4):
        client = limits.post(codex=codex)
    assert client.reply.status == 429
    assert int(client.reply.headers["retry-after"]) >= 1
    limits.close()


def test_the_stream_has_its_time_limits() -> None:
    proxy = MemoryProxy(
        {
            "MIMO_PROXY_IDLE_TIMEOUT_MS": "30000",
            "MIMO_PROXY_KEEPALIVE_MS": "4000",
            "MIMO_PROXY_SLOW_CLIENT_TIMEOUT_MS": "6000",
        }
    )
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.advance(5)
    assert client.reply.types()[-1] == "in_progress"
    client.stop_reading()
    proxy.advance(7)
    assert client.closed
    proxy.close()


def test_the_model_is_the_one_that_was_set() -> None:
    proxy = MemoryProxy({"MIMO_MODEL": "mimo-v2.5-pro"})
    proxy.post()
    assert b'"model":"mimo-v2.5-pro"' in proxy.upstream[0].received
    proxy.close()


def test_only_so_many_calls_of_an_answer_are_kept() -> None:
    proxy = MemoryProxy({"MIMO_PROXY_MAX_CALLS": "1"})
    tools = [{"type": "function", "name": "read", "parameters": {"type": "object"}}]
    client = proxy.post(body_of(tools=tools))
    calls = [
        {"index": at, "id": f"call_{at}", "function": {"name": "read", "arguments": f'{{"n":{at}}}'}}
        for at in range(2)
    ]
    proxy.upstream[0].send(chunked(delta(tool_calls=calls), finish("tool_calls"), DONE))
    proxy.settle()
    kinds = [item["type"] for item in client.reply.last()["output"]]
    assert kinds.count("function_call") == 1
    proxy.close()


def test_a_picture_goes_to_the_vision_model() -> None:
    proxy = MemoryProxy({"MIMO_MODEL": "mimo-v2.5-pro", "MIMO_PROXY_VISION_MODEL": "mimo-v2.5"})
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    proxy.post(body_of(input=[{"role": "user", "content": [picture]}]))
    assert b'"model":"mimo-v2.5"' in proxy.upstream[0].received
    proxy.close()


def test_the_connection_has_its_time_limit() -> None:
    proxy = MemoryProxy({"MIMO_PROXY_CONNECT_TIMEOUT_MS": "3000"})
    proxy.post()
    assert proxy.reactor.tcpClients[0][3] == 3.0
    proxy.close()


def test_a_token_is_asked_for_wherever_it_is_set() -> None:
    token = {"MIMO_PROXY_TOKEN": "fake-listener-token"}
    local = MemoryProxy(token)
    assert local.ask("GET", "/health").reply.status == 403
    assert local.ask("GET", "/health", authorization="Bearer fake-listener-token").reply.status == 200
    local.close()
    open_to_all = MemoryProxy(token | {"MIMO_PROXY_LISTEN": "tcp:9876:interface=0.0.0.0"})
    assert open_to_all.ask("GET", "/health").reply.status == 403
    allowed = open_to_all.ask("GET", "/health", host="mimo.lan", authorization="Bearer fake-listener-token")
    assert allowed.reply.status == 200
    open_to_all.close()


def test_a_back_off_is_shared_by_all_requests() -> None:
    proxy = MemoryProxy({"MIMO_PROXY_429_BACKOFF_MS": "8000", "MIMO_PROXY_RETRIES": "0"})
    proxy.post()
    proxy.upstream[0].send(answer(429))
    proxy.settle()
    proxy.post()
    proxy.advance(7.5)
    assert proxy.upstream[0].received.count(b"POST ") == 1
    proxy.advance(1)
    assert proxy.upstream[0].received.count(b"POST ") == 2
    proxy.close()


def test_ids_have_the_prefix_and_do_not_repeat() -> None:
    made: Any = {new_id("resp") for _ in range(1000)}
    assert len(made) == 1000
    assert all(each.startswith("resp_") and len(each) == 37 for each in made)
