"""The five endpoints and all that is not one: paths, methods, bodies and sizes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ccmimolink import __version__
from ccmimolink.web.services import Totals
from tests.http_wire import LAST_CHUNK, answer, body_of, chunk, chunked, hello, request
from tests.memory_proxy import KEY, MemoryProxy

# -- paths and methods ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/status",
        "/status/",
        "/status/x",
        "/v1",
        "/v1/",
        "/v2/responses",
        "/v1/chat/completions",
        "/health/x",
        "/v1/responses/a/b",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_not_found(proxy: MemoryProxy, path: str, method: str) -> None:
    reply = proxy.ask(method, path).reply
    assert reply.status == 404
    assert "POST /v1/responses" in reply.error()["message"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/responses", "POST"),
        ("/v1/responses/", "POST"),
        ("/v1/responses/compact", "POST"),
        ("/v1/responses/resp_1", "GET, DELETE"),
        ("/v1/responses/resp_1/input_items", "GET"),
        ("/v1/models", "GET"),
        ("/health", "GET"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "BREW"])
def test_a_wrong_method_is_told_the_right_one(
    proxy: MemoryProxy, path: str, allowed: str, method: str
) -> None:
    reply = proxy.ask(method, path).reply
    assert reply.status == 405
    assert reply.headers["allow"] == allowed
    assert reply.error()["code"] == "method_not_allowed"


def test_codex_gets_each_of_these_as_a_400_in_plain_words(proxy: MemoryProxy) -> None:
    replies = [
        proxy.ask("GET", "/v1/responses", originator="codex_exec").reply,
        proxy.ask("POST", "/v1/nothing", originator="codex_exec").reply,
    ]
    assert [reply.status for reply in replies] == [400, 400]
    assert all(reply.headers["content-type"].startswith("text/plain") for reply in replies)


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/v1/responses/resp_1", "/nowhere"])
def test_head_is_get_without_the_body(make_proxy: Any, path: str) -> None:
    proxy = make_proxy({"MIMO_API_KEY": ""})
    got, head = proxy.ask("GET", path), proxy.ask("HEAD", path)
    assert head.reply.status == got.reply.status
    assert head.transport.value().endswith(b"\r\n\r\n")
    if path != "/health":  # its numbers grow
        assert head.reply.headers["content-length"] == got.reply.headers["content-length"]


def test_head_leaves_the_connection_usable(proxy: MemoryProxy) -> None:
    client = proxy.ask("HEAD", "/health")
    client.transport.clear()
    client.send(request("GET", "/health"))
    assert client.reply.json()["status"] == "ok"


def test_a_websocket_upgrade_is_answered_with_426(proxy: MemoryProxy) -> None:
    """The one answer after which Codex goes over to POST at once."""
    reply = proxy.ask("GET", "/v1/responses", upgrade="websocket", connection="Upgrade").reply
    assert (reply.status, reply.complete, reply.body) == (426, True, b"")
    assert proxy.ask("GET", "/v1/responses", upgrade="WebSocket").reply.status == 426


# -- bodies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"{", b"not json", b"[]", b"\xff\xfe", b'{"model":"x","input":[{"type":7}]}', b"null"]
)
def test_a_body_that_is_no_request_is_a_400(proxy: MemoryProxy, body: bytes) -> None:
    assert proxy.post(body).reply.status == 400
    plain = proxy.post(body, codex=True).reply
    assert (plain.status, plain.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert proxy.upstream == []


def test_a_post_without_a_body_is_a_400(proxy: MemoryProxy) -> None:
    assert proxy.ask("POST", "/v1/responses", content_type="application/json").reply.status == 400


def test_a_wrong_field_is_named_by_its_path(proxy: MemoryProxy) -> None:
    reply = proxy.post(body_of(input=[{"type": "message", "role": 5, "content": "x"}])).reply
    assert reply.error()["param"] == "input[0].role"


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_form_is_refused_whatever_its_state(proxy: MemoryProxy, kind: str) -> None:
    client = proxy.ask("POST", "/v1/responses", b"--x\r\nno form", content_type=kind)
    assert client.transport.value().startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 415 "))
    assert proxy.upstream == []


def test_an_old_client_gets_a_stream_that_ends_with_its_connection(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.send(request("POST", "/v1/responses", body_of()).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert "transfer-encoding" not in client.reply.headers
    assert client.closed
    assert client.reply.last()["status"] == "completed"


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_accepted_with_parameters(proxy: MemoryProxy, kind: str) -> None:
    proxy.post(content_type=kind)
    assert len(proxy.upstream) == 1


SMALL = {"MIMO_PROXY_MAX_BODY_BYTES": "300"}


@pytest.mark.parametrize(("codex", "status"), [(False, 413), (True, 400)])
def test_a_body_too_large_by_its_length_is_refused_before_it_is_sent(
    make_proxy: Any, codex: bool, status: int
) -> None:
    proxy = make_proxy(SMALL)
    head = request("POST", "/v1/responses", b"x" * 301, {"originator": "codex"} if codex else {})[:-301]
    client = proxy.connect()
    client.send(head)
    assert client.reply.status == status
    assert b"MIMO_PROXY_MAX_BODY_BYTES" in client.reply.body
    assert client.reply.headers["connection"] == "close"


def test_it_is_refused_instead_of_being_asked_for(make_proxy: Any) -> None:
    client = make_proxy(SMALL).connect()
    client.send(request("POST", "/v1/responses", b"x" * 301, {"expect": "100-continue"})[:-301])
    assert (client.reply.status, client.reply.rest) == (413, b"")


def test_a_body_within_the_limit_is_asked_for(make_proxy: Any) -> None:
    client = make_proxy(SMALL).connect()
    client.send(request("POST", "/v1/responses", b"x" * 300, {"expect": "100-continue"})[:-300])
    assert client.transport.value() == b"HTTP/1.1 100 Continue\r\n\r\n"


CHUNKED = {"transfer-encoding": "chunked", "content-length": "", "content-type": "application/json"}


def test_a_chunked_body_is_read(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.send(request("POST", "/v1/responses", b"", CHUNKED))
    for byte in body_of():
        client.send(chunk(bytes([byte])))
    assert proxy.upstream == []
    client.send(LAST_CHUNK)
    assert len(proxy.upstream) == 1


def test_a_body_too_large_is_refused_while_it_arrives(make_proxy: Any) -> None:
    proxy = make_proxy(SMALL)
    client = proxy.connect()
    client.send(request("POST", "/v1/responses", b"", CHUNKED))
    client.send(chunk(b" " * 300))
    assert client.silent
    client.send(chunk(b" "))
    assert client.reply.status == 413


@pytest.mark.parametrize("headers", [{}, CHUNKED])
def test_a_refused_body_that_is_there_already_gets_one_answer_only(
    make_proxy: Any, headers: dict[str, str]
) -> None:
    proxy = make_proxy(SMALL)
    body = body_of(input="x" * 400)
    whole = request("POST", "/v1/responses", body, headers)
    if headers:
        whole = whole[: -len(body)] + chunk(body) + LAST_CHUNK
    client = proxy.connect()
    client.send(whole + whole)
    assert client.transport.value().count(b"HTTP/1.1") == 1
    assert (client.reply.status, client.reply.rest) == (413, b"")
    assert proxy.upstream == []


def test_a_refused_client_is_not_waited_for_longer_than_it_takes_to_notice(make_proxy: Any) -> None:
    proxy = make_proxy(SMALL)
    client = proxy.connect()
    client.send(request("POST", "/v1/responses", body_of(input="x" * 400)))
    for _ in range(3):
        proxy.advance(1)
        client.send(b"y" * 1000)
    assert not client.closed
    proxy.advance(3)
    assert client.closed


def test_a_head_of_60_kb_is_accepted(proxy: MemoryProxy) -> None:
    proxy.post(x_codex_turn_metadata="m" * 60_000)
    assert len(proxy.upstream) == 1


@pytest.mark.parametrize("headers", [{"x_long": "m" * 66_000}, {f"x_{n}": "m" * 700 for n in range(100)}])
@pytest.mark.parametrize("codex", [False, True])
def test_a_head_beyond_64_kb_is_refused_by_its_name(
    proxy: MemoryProxy, headers: dict[str, Any], codex: bool
) -> None:
    client = proxy.post(codex=codex, **headers)
    assert proxy.upstream == []
    assert client.reply.status in (431, 400)
    assert b"MIMO_PROXY_MAX_HEAD_BYTES" in client.reply.body
    proxy.advance(6)
    assert client.closed


def test_a_head_line_without_end_is_refused_before_it_ends(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.send(b"GET /" + b"x" * 200_000)
    assert client.reply.status == 431


# -- compact ----------------------------------------------------------------------------------------------


def test_compact_is_answered_here(proxy: MemoryProxy) -> None:
    reply = proxy.ask("POST", "/v1/responses/compact", body_of()).reply
    assert (reply.status, reply.error()["code"]) == (501, "compact_not_supported")
    assert proxy.upstream == []


def test_codex_is_told_about_compact_in_plain_words(proxy: MemoryProxy) -> None:
    reply = proxy.ask("POST", "/v1/responses/compact", body_of(), originator="codex_exec").reply
    assert (reply.status, reply.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert b"OpenAI" in reply.body


# -- health -----------------------------------------------------------------------------------------------


def health(proxy: MemoryProxy) -> dict[str, Any]:
    found: dict[str, Any] = proxy.ask("GET", "/health").reply.json()
    return found


def test_health_at_rest(proxy: MemoryProxy) -> None:
    proxy.advance(3)
    assert health(proxy) == {
        "status": "ok",
        "version": __version__,
        "uptime_seconds": 3.0,
        "requests": 0,
        "in_flight": 0,
        "waiting": 0,
        "back_off_seconds": 0.0,
        "stored_responses": 0,
        "tools_not_offered": 0,
    }


def test_health_counts_the_tools_that_were_not_offered_whatever_they_are_called(proxy: MemoryProxy) -> None:
    for turn in range(3):
        made_up = [{"type": f"made_up_{turn}_{number}"} for number in range(5)]
        client = proxy.post(body_of(tools=made_up))
        proxy.upstream[-1].send(chunked(hello()))
        proxy.settle()
        assert client.reply.last()["status"] == "completed"
    assert health(proxy)["tools_not_offered"] == 15
    # The names are clients', who can make up any number of them.
    assert proxy.services.totals == Totals(tools_not_offered=15)


def test_health_counts_what_is_in_flight_and_waiting(proxy: MemoryProxy) -> None:
    proxy.post()
    proxy.post()
    found = health(proxy)
    assert (found["requests"], found["in_flight"], found["waiting"]) == (2, 1, 1)


def test_health_tells_the_back_off_that_is_left(proxy: MemoryProxy) -> None:
    proxy.post()
    proxy.upstream[0].send(answer(429, retry_after="20"))
    proxy.advance(5)
    assert health(proxy)["back_off_seconds"] == pytest.approx(15)


def test_health_holds_no_key_and_asks_nobody(proxy: MemoryProxy) -> None:
    assert KEY not in json.dumps(health(proxy))
    assert proxy.upstream == []


# -- models -----------------------------------------------------------------------------------------------

LISTED = {
    "object": "list",
    "data": [{"id": "mimo-v2.5-pro", "object": "model"}, {"id": "mimo-v3", "object": "model"}],
}


def slugs(body: dict[str, Any]) -> tuple[list[str], list[str]]:
    return [model["id"] for model in body["data"]], [model["slug"] for model in body["models"]]


def test_the_models_are_those_of_the_upstream_in_both_shapes(proxy: MemoryProxy) -> None:
    client = proxy.ask("GET", "/v1/models?client_version=0.169.0")
    line, headers, _ = proxy.upstream[0].request
    assert line == "GET /v1/models HTTP/1.1"
    assert headers["authorization"] == f"Bearer {KEY}"
    proxy.upstream[0].send(answer(200, LISTED))
    proxy.settle()
    body = client.reply.json()
    assert body["object"] == "list"
    assert slugs(body) == (["mimo-v2.5-pro", "mimo-v3"], ["mimo-v2.5-pro", "mimo-v3", "mimo-v2.5"])


@pytest.mark.parametrize(
    "upstream",
    [
        answer(401, {"error": {"message": "no"}}),
        answer(500),
        answer(302, location="https://evil.example/v1/models"),
        answer(200, b"<html></html>", content_type="text/html"),
        answer(200, {"data": []}),
        answer(200, {"data": 5}),
        b"garbage\r\n\r\n",
    ],
)
def test_without_a_usable_list_the_local_one_is_served(proxy: MemoryProxy, upstream: bytes) -> None:
    client = proxy.ask("GET", "/v1/models")
    proxy.upstream[0].send(upstream)
    proxy.settle()
    assert client.reply.status == 200
    assert "mimo-v2.5" in slugs(client.reply.json())[0]
    assert len(proxy.upstream) == 1


def test_without_a_key_the_local_list_is_served_at_once(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_API_KEY": ""})
    assert proxy.ask("GET", "/v1/models").reply.status == 200
    assert proxy.upstream == []


def test_an_upstream_that_is_silent_is_not_waited_for(proxy: MemoryProxy) -> None:
    client = proxy.ask("GET", "/v1/models")
    proxy.advance(9)
    assert client.silent
    proxy.advance(2)
    assert client.reply.status == 200
    assert proxy.upstream[0].dropped


def test_an_upstream_that_stops_in_its_list_is_not_waited_for(proxy: MemoryProxy) -> None:
    client = proxy.ask("GET", "/v1/models")
    proxy.upstream[0].send(answer(200, LISTED)[:-10])
    proxy.advance(11)
    assert client.reply.status == 200
    assert proxy.upstream[0].dropped


@pytest.mark.parametrize("sent", [b"", answer(200, LISTED)[:-10]])
def test_a_client_that_leaves_ends_the_question(proxy: MemoryProxy, sent: bytes) -> None:
    client = proxy.ask("GET", "/v1/models")
    proxy.upstream[0].send(sent)
    client.leave()
    assert proxy.upstream[0].dropped


def test_the_model_list_takes_no_slot(proxy: MemoryProxy) -> None:
    proxy.post()
    client = proxy.ask("GET", "/v1/models")
    proxy.upstream[1].send(answer(200, LISTED))
    proxy.settle()
    assert client.reply.status == 200
