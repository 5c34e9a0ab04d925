"""What the program's memory does when somebody sends too much, or reads too little.

Measured from outside: the highest resident size since the test began to look, against that before. The bound
is for all that lies between the two sockets; what the kernel keeps in its own buffers is not the program's.
"""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from signal import SIGTERM
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.protocol import Factory, Protocol

from tests.faults.script import Flood, Script, Send, Stall
from tests.faults.upstream import answers
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, body_of, chunk, finish, hello, request, text
from tests.process.program import MEGABYTE, POST, Client, Program, Stage

pytestmark = pytest.mark.process

BOUND = 10
"""Megabytes."""

HELLO: Script = (Send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK),)
WHOLE = request("POST", "/v1/responses", body_of(stream=False))
SHORT = {"MIMO_PROXY_SLOW_CLIENT_TIMEOUT_MS": "2000", "MIMO_PROXY_RETRIES": "0"}
GZIP_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


async def warmed_up(stage: Stage, script: Script, **environ: str) -> tuple[Program, float]:
    """A program that has served once, what it holds then, and an upstream that plays a script next."""
    await stage.serve(answers(HELLO, HELLO, script))
    program = await stage.start(**(SHORT | environ))
    for data in (POST, WHOLE):
        await stage.answered(program, data)
    program.forget_peak()
    return program, program.resident()


def sent(stage: Stage) -> int:
    """Bytes that the upstream got rid of."""
    return sum(connection.player.flooded for connection in stage.upstream.connections)


async def one_that_does_not_read(stage: Stage, program: Program, data: bytes = POST) -> Client:
    client = await stage.connect(program)
    client.transport.pauseProducing()
    client.send(data)
    await stage.until(lambda: len(stage.upstream.requests) == 3)
    return client


async def given_up(stage: Stage, program: Program) -> None:
    """The slot is free, and the upstream is not heard any more."""
    await stage.until_health(program, in_flight=0, waiting=0, requests=0)
    await stage.until(lambda: stage.upstream.connections[-1].lost)


# -- a client that does not read -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [100, 10_000, 1_000_000], ids=lambda size: f"deltas of {size}")
@pytest_twisted.ensureDeferred
async def test_100_megabytes_for_a_client_that_does_not_read_stay_with_the_upstream(
    stage: Stage, size: int
) -> None:
    delta = chunk(text("x" * size))
    flood = Flood(delta, 100 * MEGABYTE // len(delta))
    program, before = await warmed_up(stage, (Send(STREAM_HEAD), flood, Send(LAST_CHUNK)))
    client = await one_that_does_not_read(stage, program)
    await given_up(stage, program)
    assert 0 < sent(stage) < 90 * MEGABYTE
    assert program.peak() - before < BOUND
    client.transport.resumeProducing()
    await stage.until(lambda: client.lost)
    assert "read nothing for too long" in program.log_text()
    program.assert_no_trouble()


# -- compressed answers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bomb:
    """A gzip stream that unpacks to about a gigabyte.

    :ivar unit: what it repeats; ``first`` stands before.
    :ivar limit: what ends it.
    """

    name: str
    unit: bytes
    limit: str = "MIMO_PROXY_MAX_ANSWER_BYTES"
    first: bytes = b""
    size: int = 1 << 30

    @cache  # noqa: B019  # three of them live as long as the module
    def packed(self) -> bytes:
        """Packed once: deflate's blocks after a full flush do not look back, so they may be repeated."""
        packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
        block = self.unit * (MEGABYTE // len(self.unit))
        times = self.size // len(block)
        head = packer.compress(self.first) + packer.flush(zlib.Z_FULL_FLUSH)
        once = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
        checksum = zlib.crc32(self.first)
        for _ in range(times):
            checksum = zlib.crc32(block, checksum)
        length = (len(self.first) + times * len(block)) & 0xFFFFFFFF
        trailer = checksum.to_bytes(4, "little") + length.to_bytes(4, "little")
        gzip_head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
        return gzip_head + head + once * times + packer.flush() + trailer


ONE_EVENT = "MIMO_PROXY_MAX_EVENT_BYTES"
DELTAS = Bomb("deltas", text("x" * 1000))
TINY_DELTAS = Bomb("tiny deltas", text("x"))
NOTHINGS = Bomb("deltas without content", b'data: {"choices":[]}\n\n')
COMMENTS = Bomb("comments", b": still here\n\n")
ENDLESS_EVENT = Bomb("one endless event", b"x", ONE_EVENT, b"data: ")
ENDLESS_JSON = Bomb("one endless JSON text", b"x", ONE_EVENT, b'{"error": "')
BOMBS = [DELTAS, TINY_DELTAS, NOTHINGS, COMMENTS, ENDLESS_EVENT, ENDLESS_JSON]


def exploding(bomb: Bomb) -> Script:
    packed = bomb.packed()
    pieces = [packed[at : at + 65536] for at in range(0, len(packed), 65536)]
    return (Send(GZIP_HEAD), *(Send(chunk(piece)) for piece in pieces), Send(LAST_CHUNK), Stall())


SMALL_LIMITS = {"MIMO_PROXY_MAX_ANSWER_BYTES": "262144", "MIMO_PROXY_MAX_EVENT_BYTES": "131072"}
"""An answer that is read is kept until its end, which tells it whole: the limit is the memory that it may
take, several times over (the text, the events that repeat it, their bytes)."""


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
@pytest_twisted.ensureDeferred
async def test_a_gigabyte_in_gzip_for_a_client_that_reads_ends_at_the_limit(stage: Stage, bomb: Bomb) -> None:
    program, before = await warmed_up(stage, exploding(bomb), **SMALL_LIMITS)
    client = await stage.ask(program)
    await stage.finished(client)
    assert client.complete
    await given_up(stage, program)
    assert program.peak() - before < BOUND
    assert bomb.limit in program.log_text()
    program.assert_no_trouble()


KEPT = 24
"""Megabytes that may stay resident when all is over: the C library keeps some freed blocks for reuse, and
what an answer or a body arrived in is small enough to be among them. What the program holds shows as more."""

AT_THE_DEFAULT_LIMIT = 20 * 16
"""Megabytes: an answer of the largest size, once as text and in each of the events that repeat it."""


@pytest_twisted.ensureDeferred
async def test_with_the_default_limits_it_takes_a_few_times_the_largest_answer(stage: Stage) -> None:
    program, before = await warmed_up(stage, exploding(DELTAS))
    client = await stage.ask(program)
    await stage.finished(client)
    assert client.complete
    await given_up(stage, program)
    peak, kept = program.peak() - before, program.resident() - before
    print(f"grew by {peak} MB at the worst, {kept} MB of them are kept")
    assert peak < AT_THE_DEFAULT_LIMIT
    assert kept < 2 * KEPT  # of a peak that is ten times that of the others
    program.assert_no_trouble()


@pytest_twisted.ensureDeferred
async def test_a_cut_answer_ends_as_at_a_token_limit(stage: Stage) -> None:
    program, _ = await warmed_up(stage, exploding(DELTAS), MIMO_PROXY_MAX_ANSWER_BYTES="65536")
    client = await stage.ask(program)
    await stage.until(lambda: client.complete)
    assert client.reply.types()[-1] == "incomplete"
    assert client.reply.last()["incomplete_details"] == {"reason": "max_output_tokens"}
    # What was unpacked at once is translated at once.
    assert 30_000 < len(client.reply.output_text()) < 65_536 + 262_144
    whole = await stage.answered(program, WHOLE)
    assert whole.status == 200
    assert whole.json()["status"] == "incomplete"


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
@pytest_twisted.ensureDeferred
async def test_a_gigabyte_in_gzip_for_a_client_that_wants_the_whole_answer(stage: Stage, bomb: Bomb) -> None:
    program, before = await warmed_up(stage, exploding(bomb), **SMALL_LIMITS)
    client = await stage.ask(program, WHOLE)
    await stage.finished(client)
    assert client.complete
    await given_up(stage, program)
    assert program.peak() - before < BOUND
    assert bomb.limit in program.log_text()
    program.assert_no_trouble()


@pytest.mark.parametrize("bomb", [DELTAS, TINY_DELTAS], ids=lambda bomb: bomb.name)
@pytest_twisted.ensureDeferred
async def test_a_gigabyte_in_gzip_for_a_client_that_does_not_read_is_unpacked_no_further(
    stage: Stage, bomb: Bomb
) -> None:
    program, before = await warmed_up(stage, exploding(bomb))
    client = await one_that_does_not_read(stage, program)
    await given_up(stage, program)
    assert program.peak() - before < BOUND
    client.transport.resumeProducing()
    await stage.until(lambda: client.lost)
    assert "read nothing for too long" in program.log_text()
    program.assert_no_trouble()


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
@pytest_twisted.ensureDeferred
async def test_a_gigabyte_in_gzip_for_a_client_that_wants_it_whole_and_does_not_read(
    stage: Stage, bomb: Bomb
) -> None:
    program, before = await warmed_up(stage, exploding(bomb), **SMALL_LIMITS)
    client = await one_that_does_not_read(stage, program, WHOLE)
    await given_up(stage, program)
    assert program.peak() - before < BOUND
    client.transport.resumeProducing()
    await stage.finished(client)
    assert client.complete
    assert bomb.limit in program.log_text()
    program.assert_no_trouble()


@pytest.mark.parametrize("bomb", [NOTHINGS, COMMENTS], ids=lambda bomb: bomb.name)
@pytest_twisted.ensureDeferred
async def test_a_gigabyte_that_says_nothing_ends_at_the_default_limit(stage: Stage, bomb: Bomb) -> None:
    program, before = await warmed_up(stage, exploding(bomb))
    client = await one_that_does_not_read(stage, program)
    await given_up(stage, program)
    assert program.peak() - before < BOUND
    client.transport.resumeProducing()
    await stage.finished(client)
    assert bomb.limit in program.log_text()
    program.assert_no_trouble()


# -- what is over --------------------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_an_event_without_an_end_takes_its_limit_and_gives_it_back(stage: Stage) -> None:
    flood = Flood(chunk(b"x" * 65536))
    program, before = await warmed_up(stage, (Send(STREAM_HEAD + chunk(b"data: ")), flood))
    for _ in range(3):
        client = await stage.ask(program)
        await stage.finished(client)
        await given_up(stage, program)
    # The event itself, and what arrives while it is found to be too large.
    assert program.peak() - before < 16 + KEPT
    assert program.resident() - before < KEPT
    assert sent(stage) > 3 * 15 * MEGABYTE
    assert ONE_EVENT in program.log_text()
    program.assert_no_trouble()


@pytest.mark.parametrize("data", [POST, WHOLE], ids=["streaming", "whole"])
@pytest_twisted.ensureDeferred
async def test_answers_that_are_over_do_not_stay_in_memory(stage: Stage, data: bytes) -> None:
    size = 12 * MEGABYTE
    answer = (
        Send(STREAM_HEAD),
        Flood(chunk(text("x" * 100_000)), size // 100_000),
        Send(chunk(finish()) + LAST_CHUNK),
    )
    program, before = await warmed_up(stage, answer)
    for _ in range(5):
        client = await stage.ask(program, data)
        await stage.finished(client)
        assert client.count > 0.99 * size
        client.transport.abortConnection()
    await stage.until_health(program, requests=0)
    assert program.resident() - before < KEPT
    program.assert_no_trouble()


# -- request bodies ------------------------------------------------------------------------------------------


class Sink(Protocol):
    """An upstream that reads a body without keeping it, and answers."""

    transport: Any

    def __init__(self) -> None:
        self._head = b""
        self._left: int | None = None

    def dataReceived(self, data: bytes) -> None:
        if self._left is None:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            self._left = int(length.partition(b":")[2])
        self._left -= len(data)
        if self._left <= 0:
            self._head, self._left = b"", None
            self.transport.write(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)


@pytest_twisted.ensureDeferred
async def test_two_bodies_of_the_largest_size_do_not_stay_in_memory(stage: Stage) -> None:
    factory = Factory.forProtocol(Sink)
    factory.noisy = False
    port = stage.reactor.listenTCP(stage.upstream_port, factory, interface="127.0.0.1")
    try:
        program = await stage.start()
        assert (await stage.answered(program)).types()[-1] == "completed"
        before = program.resident()
        largest = 64 * MEGABYTE
        data = request("POST", "/v1/responses", body_of(input="x" * (largest - 100)))
        for _ in range(2):
            assert (await stage.answered(program, data)).types()[-1] == "completed"
        await stage.until_health(program, requests=0)
        assert program.resident() - before < KEPT
        program.assert_no_trouble()
    finally:
        program.signal(SIGTERM)
        await stage.ends(program)
        await port.stopListening()
