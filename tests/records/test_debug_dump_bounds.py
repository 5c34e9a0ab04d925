"""The debug dump over real sockets: how large it may become, and what fails without harm."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json

import pytest_twisted  # type: ignore[import-untyped]

from tests.http_wire import (
    CODEX,
    STREAM_HEAD,
    body_of,
    chunk,
    chunked,
    hello,
    read_reply,
    text,
)
from tests.proxy_fixture import LoopbackProxy
from tests.records.dumping import Dumping, about, content, head_and_body
from tests.scripted_upstream import Wire


@pytest_twisted.ensureDeferred
async def test_the_eldest_dumps_go_when_all_are_too_large(dumping: Dumping) -> None:
    await dumping.start(MIMO_DEBUG_DUMP_BYTES="262144")
    ids = []
    for _ in range(8):
        client = await _one_after_the_other(dumping, body_of(input="x" * 8000))
        ids.append(client.reply.headers["x-request-id"])
        await dumping.dump_of(client)
    # The eldest go behind the appearance of the latest.
    await dumping.proxy.until(lambda: dumping.size() <= 262144)
    kept = [name.partition("-")[2] for name in dumping.names()]
    assert 1 < len(kept) < 8
    assert kept == ids[-len(kept) :]


async def _one_after_the_other(dumping: Dumping, body: bytes) -> Wire:
    for connection in dumping.proxy.upstream.connections:
        connection.received = b""
    return await dumping.served(body)


@pytest_twisted.ensureDeferred
async def test_a_long_body_is_cut_and_that_is_told(dumping: Dumping) -> None:
    await dumping.start(MIMO_DEBUG_DUMP_BYTES="65536")
    await dumping.served(body_of(input="x" * 30_000))
    (dump,) = await dumping.dumps()
    assert (dump / "client-request.http").stat().st_size <= 65536 // 2 // 5
    assert "MIMO_DEBUG_DUMP_BYTES" in about(dump)["left_out"]["client-request.http"]
    assert head_and_body(dump / "client-answer.http")[2]


@pytest_twisted.ensureDeferred
async def test_a_cut_does_not_leave_half_a_key(dumping: Dumping) -> None:
    key = "gateway/fake+" + "0123456789" * 8
    await dumping.start(MIMO_DEBUG_DUMP_BYTES="65536", MIMO_API_KEY=key)
    for filler in range(4800, 6600, 200):
        client = await _one_after_the_other(dumping, body_of(input="x" * filler + f"{key} " * 20))
        dump = await dumping.dump_of(client)
        assert "client-request.http" in about(dump)["left_out"]
        assert b"gateway" not in content(dump)


@pytest_twisted.ensureDeferred
async def test_pictures_are_told_of_and_what_follows_them_is_there(dumping: Dumping) -> None:
    await dumping.start()
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{'iVBO' * 5000}"}
    words = {"type": "input_text", "text": "what is this?"}
    await dumping.served(body_of(input=[{"role": "user", "content": [picture, words]}]))
    (dump,) = await dumping.dumps()
    for side in ("client", "upstream-1"):
        _, _, body = head_and_body(dump / f"{side}-request.http")
        assert b";base64,(20000 characters left out)" in body
        assert b"what is this?" in body
        json.loads(body)


@pytest_twisted.ensureDeferred
async def test_a_disk_that_fails_ends_the_dumping_and_no_request(dumping: Dumping, lines: list[str]) -> None:
    await dumping.start()
    dumping.directory.write_text("a file is in the way")
    for _ in range(3):
        client = await _one_after_the_other(dumping, body_of())
        assert client.reply.output_text() == "Hello"
        await dumping.proxy.until(lambda: any("cannot be written" in line for line in lines))
    told = [line for line in lines if "debug dump" in line]
    assert len(told) == 1
    assert "it is not a directory" in told[0]


@pytest_twisted.ensureDeferred
async def test_what_runs_when_the_proxy_ends_is_written_as_far_as_it_came(dumping: Dumping) -> None:
    await dumping.start()
    client = await dumping.post(originator=CODEX["originator"])
    upstream = await dumping.proxy.upstream.request()
    upstream.send(STREAM_HEAD + chunk(text("Hel")))
    await dumping.proxy.until(lambda: b"Hel" in client.received)
    dumps = dumping.proxy.graph.dumps
    assert dumps is not None
    await dumps.close()
    (dump,) = await dumping.dumps()
    assert head_and_body(dump / "upstream-1-answer.http")[2] == text("Hel")


@pytest_twisted.ensureDeferred
async def test_what_the_client_gets_is_not_changed(dumping: Dumping) -> None:
    await dumping.start()
    client = await dumping.served(body_of(), chunked(text("a"), text("b" * 100_000), hello()))
    assert read_reply(client.received).output_text() == "a" + "b" * 100_000 + "Hello"
    (dump,) = await dumping.dumps()
    assert head_and_body(dump / "client-answer.http")[2] == client.reply.body


@pytest_twisted.ensureDeferred
async def test_nothing_is_wrapped_where_nothing_is_dumped(loopback: LoopbackProxy) -> None:
    await loopback.start()
    assert loopback.graph.dumps is None
    client = await loopback.post()
    (await loopback.upstream.request()).send(chunked(hello()))
    await loopback.until(lambda: client.received and client.reply.complete)
    assert client.reply.output_text() == "Hello"
