"""The debug dump over real sockets: what is written of a request, whatever became of it."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from zope.interface import implementer

from tests.http_wire import (
    CODEX,
    LAST_CHUNK,
    STREAM_HEAD,
    answer,
    body_of,
    chunk,
    chunked,
    event,
    hello,
    read_reply,
    request,
    text,
)
from tests.memory_proxy import KEY
from tests.proxy_fixture import LoopbackProxy
from tests.scripted_upstream import Wire
from tests.web.amending import refused

CLIENT_KEY = "gw/fake-client-key=77"


def size(file: Path) -> int:
    """Of a file that may go meanwhile."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


class Dumping:
    """A proxy that dumps, and what it has written."""

    def __init__(self, proxy: LoopbackProxy, directory: Path, agent: str) -> None:
        self.proxy, self.directory, self._agent = proxy, directory, agent

    async def start(self, **settings: str) -> None:
        await self.proxy.start(
            MIMO_DEBUG_DUMP=str(self.directory),
            MIMO_PROXY_TWISTED_AGENT=self._agent,
            MIMO_PROXY_429_BACKOFF_MS="1",
            **settings,
        )

    async def post(self, body: bytes | None = None, **headers: str) -> Wire:
        client = await self.proxy.connect()
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        client.send(request("POST", "/v1/responses", body_of() if body is None else body, fields))
        return client

    async def served(self, body: bytes | None = None, *answers: bytes, **headers: str) -> Wire:
        """A request, and what its client was answered after MiMo had said all this."""
        client = await self.post(body, **headers)
        for place, each in enumerate(answers or (chunked(hello()),)):
            upstream = await self._sent(place)
            upstream.send(each)
        await self.proxy.until(lambda: client.received and client.reply.complete)
        return client

    async def _sent(self, place: int) -> Wire:
        """The connection over which the request with this number came, for the first request of a test."""
        connections = self.proxy.upstream.connections
        await self.proxy.until(lambda: sum(each.received.count(b"POST ") for each in connections) > place)
        await self.proxy.until(lambda: connections[-1].received.endswith(b"}"))
        return connections[-1]

    async def dumps(self, count: int = 1) -> list[Path]:
        await self.proxy.until(lambda: len(self.names()) >= count)
        return [self.directory / name for name in self.names()]

    async def dump_of(self, client: Wire) -> Path:
        """The dump of a request that was answered."""
        request_id = client.reply.headers["x-request-id"]
        await self.proxy.until(lambda: any(name.endswith(request_id) for name in self.names()))
        return self.directory / next(name for name in self.names() if name.endswith(request_id))

    def size(self) -> int:
        return sum(size(Path(top, file)) for top, _, files in os.walk(self.directory) for file in files)

    def names(self) -> list[str]:
        found = self.directory.iterdir() if self.directory.exists() else ()
        return sorted(each.name for each in found if not each.name.endswith(".part"))


@pytest_twisted.async_yield_fixture(params=["false", "true"], ids=["own agent", "twisted's"])
async def dumping(
    loopback: LoopbackProxy, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Dumping]:
    yield Dumping(loopback, tmp_path / "dumps", request.param)


@pytest.fixture
def lines() -> Any:
    """What the log says meanwhile."""
    told: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        told.append(eventAsText(event))

    globalLogPublisher.addObserver(observe)
    yield told
    globalLogPublisher.removeObserver(observe)


def head_and_body(file: Path) -> tuple[str, dict[str, str], bytes]:
    head, _, body = file.read_bytes().partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    return line, {name.lower(): value for name, _, value in (each.partition(": ") for each in fields)}, body


def about(dump: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((dump / "about.json").read_text())
    return found


def content(dump: Path) -> bytes:
    return b"".join(file.read_bytes() for file in dump.iterdir())


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


# -- keys ---------------------------------------------------------------------------------------------------


def splits(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def whole(body: bytes) -> list[bytes]:
    return [body]


def by_bytes(body: bytes) -> list[bytes]:
    return splits(body, 7)


@pytest.mark.parametrize("split", [whole, by_bytes])
@pytest.mark.parametrize(
    "headers", [{"x_mimo_api_key": CLIENT_KEY}, {"authorization": f"Bearer {CLIENT_KEY}"}]
)
@pytest_twisted.ensureDeferred
async def test_no_key_survives_in_a_dump(
    dumping: Dumping, headers: dict[str, str], split: Callable[[bytes], list[bytes]]
) -> None:
    await dumping.start(MIMO_PROXY_TOKEN="")
    other = "tp-another-fake-key"
    words = f"{CLIENT_KEY} {KEY} {other} {CLIENT_KEY.replace('/', '%2F')}"
    said = b"".join(text(each) for each in (words, *CLIENT_KEY, " ", *other, " ")) + hello()
    upstream_answer = STREAM_HEAD.replace(b"\r\n\r\n", f"\r\nset-cookie: a={CLIENT_KEY}\r\n\r\n".encode())
    await dumping.served(
        body_of(input=f"\n{words}", metadata={"key": words}),
        upstream_answer + b"".join(map(chunk, split(said))) + LAST_CHUNK,
        user_agent=f"x {other}",
        cookie=f"session={CLIENT_KEY}",
        **headers,
    )
    (dump,) = await dumping.dumps()
    written = content(dump)
    for key in (CLIENT_KEY, KEY, other, CLIENT_KEY.replace("/", "%2F"), CLIENT_KEY[3:]):
        assert key.encode() not in written
    told = [
        json.loads(line[5:])["choices"][0]["delta"].get("content", "")
        for line in head_and_body(dump / "upstream-1-answer.http")[2].split(b"\n")
        if line.startswith(b'data: {"id"') and b'"delta"' in line
    ]
    assert "".join(told) == "*** *** *** ****** *** Hello"
    assert json.loads(head_and_body(dump / "client-request.http")[2])["input"] == "\n*** *** *** ***"


@pytest_twisted.ensureDeferred
async def test_the_proxys_token_is_masked(dumping: Dumping) -> None:
    await dumping.start(MIMO_PROXY_TOKEN="fakelistenertoken")
    await dumping.served(
        body_of(input="fakelistenertoken"), chunked(hello()), authorization="Bearer fakelistenertoken"
    )
    (dump,) = await dumping.dumps()
    assert b"fakelistenertoken" not in content(dump)


@pytest_twisted.ensureDeferred
async def test_a_key_in_an_error_of_the_upstream_is_masked(dumping: Dumping) -> None:
    await dumping.start(MIMO_API_KEY=CLIENT_KEY)
    await dumping.served(
        body_of(),
        answer(401, {"error": {"message": f"Invalid key {CLIENT_KEY}", "x": event(CLIENT_KEY).decode()}}),
    )
    (dump,) = await dumping.dumps()
    assert CLIENT_KEY.encode() not in content(dump)
    assert b"Invalid key ***" in head_and_body(dump / "upstream-1-answer.http")[2]


# -- bounds and faults --------------------------------------------------------------------------------------


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
