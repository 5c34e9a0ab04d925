"""The program has no file descriptor left: nothing crashes or spins, and what follows is served.

The limit is set far below the number of connections that the program would take, so that the kernel's is the
one that is met.
"""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from functools import partial
from signal import SIGTERM

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults.script import Close, Send
from tests.faults.upstream import answers
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, chunk, finish, hello, text
from tests.process.program import POST, Client, Program, Stage

pytestmark = pytest.mark.process

LIMIT = 48
IDLE_CPU = 0.3
"""Seconds of the processor that a program may use in one second of having nothing to do. A loop that spins on
a listening port uses all of it."""

HELLO = (Send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK), Close())
"""The connection is not kept: the next request needs a descriptor of its own."""

NO_RETRIES = {"MIMO_PROXY_RETRIES": "0"}


async def started(stage: Stage, **environ: str) -> Program:
    return await stage.start(prefix=["prlimit", f"--nofile={LIMIT}"], **environ)


async def settled(stage: Stage, program: Program) -> None:
    """Until the program holds as many descriptors as a moment before."""
    seen = [-1, -2]
    while seen[-1] != seen[-2]:
        await stage.rest(0.1)
        seen.append(program.descriptors())


async def exhaust(stage: Stage, program: Program, beyond: int = 20) -> list[Client]:
    """Idle connections, more than there is room for."""
    clients = [await stage.connect(program) for _ in range(LIMIT + beyond)]
    await settled(stage, program)
    return clients


async def close_all(stage: Stage, program: Program, clients: list[Client]) -> None:
    for client in clients:
        if not client.lost:
            client.transport.abortConnection()
    await stage.until(lambda: all(client.lost for client in clients))
    await stage.until(lambda: program.descriptors() < LIMIT // 2)


async def cpu_of_a_second(stage: Stage, program: Program) -> float:
    before = program.cpu_seconds()
    await stage.rest(1)
    return program.cpu_seconds() - before


@pytest_twisted.ensureDeferred
async def test_with_more_connections_than_descriptors_it_neither_ends_nor_spins(stage: Stage) -> None:
    await stage.serve(answers(HELLO))
    program = await started(stage)
    clients = await exhaust(stage, program)
    assert program.descriptors() <= LIMIT
    assert await cpu_of_a_second(stage, program) < IDLE_CPU
    assert not program.ended()
    await close_all(stage, program, clients)
    assert (await stage.answered(program)).types()[-1] == "completed"
    program.assert_no_trouble()


@pytest_twisted.ensureDeferred
async def test_without_a_descriptor_it_ends_in_order(stage: Stage) -> None:
    program = await started(stage)
    clients = await exhaust(stage, program)
    program.signal(SIGTERM)
    assert await stage.ends(program) == -SIGTERM
    await stage.until(lambda: all(client.lost for client in clients))
    assert "ccmimolink has stopped" in program.log_text()
    program.assert_no_trouble()


@pytest_twisted.ensureDeferred
async def test_the_log_does_not_grow_with_each_connection_that_is_refused(stage: Stage) -> None:
    program = await started(stage)
    clients = await exhaust(stage, program)
    before = len(program.log_text())
    for _ in range(10):
        clients += [await stage.connect(program) for _ in range(20)]
        await stage.rest(0.02)
    await settled(stage, program)
    assert len(program.log_text()) - before < 200 * 100


def _has(client: Client, word: str) -> bool:
    return f'"delta":"{word}"'.encode() in client.head


@pytest_twisted.ensureDeferred
async def test_a_running_stream_goes_on_while_others_are_refused(stage: Stage) -> None:
    upstream = await stage.serve(answers((Send(STREAM_HEAD + chunk(text("a"))),), HELLO))
    program = await started(stage)
    streaming = await stage.ask(program)
    await stage.until(lambda: b"output_text.delta" in streaming.head)
    idle = await exhaust(stage, program)
    for word in ("b", "c", "d"):
        upstream.connections[0].transport.write(chunk(text(word)))
        await stage.until(partial(_has, streaming, word))
    upstream.connections[0].transport.write(chunk(finish()) + LAST_CHUNK)
    await stage.until(lambda: streaming.complete)
    assert streaming.reply.output_text() == "abcd"
    assert streaming.reply.types()[-1] == "completed"
    await close_all(stage, program, idle)
    assert (await stage.answered(program)).types()[-1] == "completed"
    program.assert_no_trouble()


@pytest.mark.parametrize("served", [0, 1], ids=["the first request", "a later request"])
@pytest_twisted.ensureDeferred
async def test_without_a_descriptor_for_the_upstream_the_client_is_told(stage: Stage, served: int) -> None:
    upstream = await stage.serve(answers(HELLO))
    program = await started(stage, **NO_RETRIES)
    for _ in range(served):
        assert (await stage.answered(program)).types()[-1] == "completed"
    waiting = await stage.connect(program)
    await settled(stage, program)
    idle = await exhaust(stage, program)
    waiting.send(POST)
    await stage.until(lambda: waiting.complete or waiting.lost)
    assert waiting.head, program.log_text()
    assert waiting.reply.status == 502
    assert "retry-after" in waiting.reply.headers
    assert len(upstream.requests) == served
    await close_all(stage, program, idle)
    await stage.until_health(program, in_flight=0, waiting=0, requests=0)
    assert (await stage.answered(program)).types()[-1] == "completed"
    program.assert_no_trouble()


@pytest_twisted.ensureDeferred
async def test_a_try_without_a_descriptor_is_followed_by_one_with_it(stage: Stage) -> None:
    upstream = await stage.serve(answers(HELLO))
    program = await started(stage)
    assert (await stage.answered(program)).types()[-1] == "completed"
    waiting = await stage.connect(program)
    await settled(stage, program)
    idle = await exhaust(stage, program)
    waiting.send(POST)
    await stage.until(lambda: ": try 1 failed (" in program.log_text())
    await close_all(stage, program, idle)
    await stage.until(lambda: waiting.complete)
    assert waiting.reply.types()[-1] == "completed"
    assert len(upstream.requests) == 2
    program.assert_no_trouble()
