"""The debug dump over real sockets: what is written of a request, whatever became of it."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import gzip
import json
import re
import shutil

import pytest_twisted  # type: ignore[import-untyped]

from tests.http_wire import (
    LAST_CHUNK,
    STREAM_HEAD,
    answer,
    body_of,
    chunk,
    chunked,
    hello,
    request,
    text,
)
from tests.memory_proxy import KEY
from tests.records.dumping import Dumping, about, head_and_body
from tests.web.amending import refused


@pytest_twisted.ensureDeferred
async def test_a_request_leaves_both_pairs(dumping: Dumping) -> None:
    await dumping.start()
    client = await dumping.served(body_of(), chunked(hello()), originator="codex_exec")
    (dump,) = await dumping.dumps()
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}\.\d{{3}}Z-{client.reply.headers['x-request-id']}", dump.name)
    assert {file.name for file in dump.iterdir()} == {
        "about.json",
        "client-request.http",
        "client-answer.http",
        "upstream-1-request.http",
        "upstream-1-answer.http",
    }
    line, headers, body = head_and_body(dump / "client-request.http")
    assert (line, headers["originator"]) == ("POST /v1/responses HTTP/1.1", "codex_exec")
    assert body == body_of()
    line, headers, body = head_and_body(dump / "upstream-1-request.http")
    assert re.fullmatch(r"POST http://127\.0\.0\.1:\d+/v1/chat/completions HTTP/1\.1", line)
    assert headers["authorization"] == "Bearer ***"
    assert body == dumping.proxy.upstream.connections[0].received.partition(b"\r\n\r\n")[2]
    line, headers, body = head_and_body(dump / "upstream-1-answer.http")
    assert (line, headers["content-type"], body) == ("HTTP/1.1 200 OK", "text/event-stream", hello())
    line, headers, body = head_and_body(dump / "client-answer.http")
    assert (line, headers["content-type"]) == ("HTTP/1.1 200 OK", "text/event-stream")
    assert body == client.reply.body
    assert (about(dump)["client_left"], len(about(dump)["tries"])) == (False, 1)
    assert about(dump)["tries"][0]["error"] == ""


@pytest_twisted.ensureDeferred
async def test_a_dump_can_be_replayed(dumping: Dumping) -> None:
    await dumping.start()
    first = await dumping.served(body_of(input="say it again"))
    (dump,) = await dumping.dumps()
    shutil.move(dump, dump.parent.parent / "taken")
    _, _, asked = head_and_body(dump.parent.parent / "taken" / "client-request.http")
    _, _, said = head_and_body(dump.parent.parent / "taken" / "upstream-1-answer.http")
    before = dumping.proxy.upstream.connections[0].received
    dumping.proxy.upstream.connections[0].received = b""
    again = await dumping.served(asked, chunked(said))
    assert dumping.proxy.upstream.connections[0].received == before
    assert again.reply.output_text() == first.reply.output_text() == "Hello"


@pytest_twisted.ensureDeferred
async def test_each_try_has_its_pair(dumping: Dumping) -> None:
    await dumping.start()
    limit = answer(429, {"error": {"message": "too many requests"}}, retry_after="0")
    await dumping.served(body_of(), limit, chunked(hello()))
    (dump,) = await dumping.dumps()
    line, headers, body = head_and_body(dump / "upstream-1-answer.http")
    assert (line, headers["retry-after"]) == ("HTTP/1.1 429 Status", "0")
    assert b"too many requests" in body
    _, _, body = head_and_body(dump / "upstream-2-answer.http")
    assert body == hello()
    first, second = ((dump / f"upstream-{number}-request.http").read_bytes() for number in (1, 2))
    assert first == second


@pytest_twisted.ensureDeferred
async def test_an_amended_body_is_there_beside_the_first(dumping: Dumping) -> None:
    await dumping.start()
    await dumping.served(body_of(top_p=0.5), refused("top_p: not supported"), chunked(hello()))
    (dump,) = await dumping.dumps()
    bodies = [json.loads(head_and_body(dump / f"upstream-{number}-request.http")[2]) for number in (1, 2)]
    assert ["top_p" in body for body in bodies] == [True, False]


@pytest_twisted.ensureDeferred
async def test_a_request_that_failed_is_there(dumping: Dumping) -> None:
    await dumping.start()
    await dumping.served(body_of(), answer(401, {"error": {"message": "no such key"}}))
    (dump,) = await dumping.dumps()
    assert head_and_body(dump / "client-answer.http")[0].startswith("HTTP/1.1 401")
    assert b"no such key" in head_and_body(dump / "upstream-1-answer.http")[2]


@pytest_twisted.ensureDeferred
async def test_one_that_was_refused_here_has_no_other_side(dumping: Dumping) -> None:
    await dumping.start()
    client = await dumping.post(b"{")
    await dumping.proxy.until(lambda: client.received)
    (dump,) = await dumping.dumps()
    assert {file.name for file in dump.iterdir()} == {
        "about.json",
        "client-request.http",
        "client-answer.http",
    }


@pytest_twisted.ensureDeferred
async def test_a_client_that_left_leaves_what_was_said_so_far(dumping: Dumping) -> None:
    await dumping.start()
    client = await dumping.post()
    upstream = await dumping.proxy.upstream.request()
    upstream.send(STREAM_HEAD + chunk(text("Hel")))
    await dumping.proxy.until(lambda: b"Hel" in client.received)
    client.reset()
    (dump,) = await dumping.dumps()
    assert about(dump)["client_left"] is True
    assert head_and_body(dump / "upstream-1-answer.http")[2] == text("Hel")
    assert b"Hel" in head_and_body(dump / "client-answer.http")[2]


@pytest_twisted.ensureDeferred
async def test_a_client_that_left_before_any_answer_has_none(dumping: Dumping) -> None:
    await dumping.start()
    client = await dumping.post()
    await dumping.proxy.upstream.request()
    client.reset()
    (dump,) = await dumping.dumps()
    assert {file.name for file in dump.iterdir()} == {
        "about.json",
        "client-request.http",
        "upstream-1-request.http",
    }
    assert about(dump)["tries"][0]["error"]


@pytest_twisted.ensureDeferred
async def test_a_mimo_that_cannot_be_reached_is_told(dumping: Dumping) -> None:
    await dumping.start(MIMO_BASE_URL="http://127.0.0.1:9/v1", MIMO_PROXY_RETRIES="0")
    client = await dumping.post()
    await dumping.proxy.until(lambda: client.received)
    (dump,) = await dumping.dumps()
    assert "refused" in about(dump)["tries"][0]["error"].lower()


@pytest_twisted.ensureDeferred
async def test_what_comes_behind_the_answer_is_there(dumping: Dumping) -> None:
    await dumping.start()
    client = await dumping.post()
    upstream = await dumping.proxy.upstream.request()
    upstream.send(STREAM_HEAD + chunk(hello()))
    await dumping.proxy.until(lambda: client.received and client.reply.complete)
    assert dumping.names() == []
    upstream.send(chunk(b": bye\n\n") + LAST_CHUNK)
    (dump,) = await dumping.dumps()
    assert head_and_body(dump / "upstream-1-answer.http")[2] == hello() + b": bye\n\n"


@pytest_twisted.ensureDeferred
async def test_bodies_are_written_unpacked(dumping: Dumping) -> None:
    await dumping.start()
    packed = gzip.compress(hello())
    said = answer(200, packed, content_type="text/event-stream", content_encoding="gzip")
    await dumping.served(gzip.compress(body_of()), said, content_encoding="gzip")
    (dump,) = await dumping.dumps()
    assert head_and_body(dump / "client-request.http")[2] == body_of()
    assert head_and_body(dump / "upstream-1-answer.http")[2] == hello()


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_unpacked_is_left_out(dumping: Dumping) -> None:
    await dumping.start()
    client = await dumping.post(b"no gzip " + KEY.encode(), content_encoding="gzip")
    await dumping.proxy.until(lambda: client.received)
    (dump,) = await dumping.dumps()
    assert head_and_body(dump / "client-request.http")[2] == b""
    assert "could not be unpacked (gzip)" in about(dump)["left_out"]["client-request.http"]


@pytest_twisted.ensureDeferred
async def test_other_endpoints_and_what_the_guard_refuses_leave_nothing(dumping: Dumping) -> None:
    await dumping.start()
    for method, path, headers in [
        ("GET", "/health", {}),
        ("GET", "/metrics", {}),
        ("POST", "/v1/responses", {"origin": "http://evil.example"}),
        ("POST", "/v1/responses", {"content-type": "text/plain"}),
    ]:
        client = await dumping.proxy.connect()
        client.send(request(method, path, body_of() if method == "POST" else b"", headers))
        await dumping.proxy.until(lambda client=client: client.received)
    await dumping.served()
    assert len(await dumping.dumps()) == 1
