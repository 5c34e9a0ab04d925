"""The program is told to end, whatever its requests are doing at that moment."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM, Signals

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults.script import Flood, Script, Send, Stall
from tests.faults.upstream import answers
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, answer, body_of, chunk, hello, request, text
from tests.process.program import KEY, POST, Client, Program, Stage
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, mimo_row

pytestmark = pytest.mark.process

GRACE = {"MIMO_PROXY_DRAIN_MS": "300"}
"""Far below every other limit, so that only the end itself can be what ends a request."""

HELLO: Script = (Send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK),)
BEGUN: Script = (Send(STREAM_HEAD + chunk(text("a"))), Stall())


# -- the phases ----------------------------------------------------------------------------------------------


async def body_arriving(stage: Stage, program: Program) -> Client:
    client = await stage.ask(program, POST[:-5])
    await stage.health(program)  # whose connection is looked at after this one
    return client


async def queued(stage: Stage, program: Program) -> Client:
    await mid_stream(stage, program)
    client = await stage.ask(program)
    await stage.until_health(program, waiting=1)
    return client


async def backing_off(stage: Stage, program: Program) -> Client:
    await stage.serve(answers((Send(answer(429, retry_after="60")),)))
    client = await stage.ask(program)
    await stage.until_health(program, waiting=1)
    return client


async def connecting(stage: Stage, program: Program) -> Client:
    client = await stage.ask(program)
    await stage.until_health(program, in_flight=1)
    return client


async def waiting_for_headers(stage: Stage, program: Program) -> Client:
    upstream = await stage.serve(answers((Stall(),)))
    client = await stage.ask(program)
    await stage.until(lambda: upstream.requests)
    return client


async def whole_answer_wanted(stage: Stage, program: Program) -> Client:
    upstream = await stage.serve(answers(BEGUN))
    client = await stage.ask(program, request("POST", "/v1/responses", body_of(stream=False)))
    await stage.until(lambda: upstream.requests)
    await stage.rest(0.1)  # nothing shows from outside that the first delta has come
    return client


async def mid_stream(stage: Stage, program: Program) -> Client:
    await stage.serve(answers(BEGUN))
    client = await stage.ask(program)
    await stage.until(lambda: b"output_text.delta" in client.head)
    return client


async def client_not_reading(stage: Stage, program: Program) -> Client:
    upstream = await stage.serve(answers((Send(STREAM_HEAD), Flood(chunk(text("x" * 8000))))))
    client = await stage.connect(program)
    client.transport.pauseProducing()
    client.send(POST)
    seen = [-1, -2]
    while seen[-1] != seen[-2] or not seen[-1]:
        await stage.rest(0.2)
        seen.append(sum(connection.player.flooded for connection in upstream.connections))
    return client


async def idle(stage: Stage, program: Program) -> Client:
    client = await stage.ask(program, request("GET", "/health"))
    await stage.until(lambda: client.complete)
    return client


async def lingering(stage: Stage, program: Program) -> Client:
    await stage.serve(answers((Send(STREAM_HEAD + chunk(hello())), Stall())))
    client = await stage.ask(program)
    await stage.until(lambda: client.complete)
    return client


# -- how each of them ends -----------------------------------------------------------------------------------


def told_to_come_back(client: Client) -> None:
    assert client.reply.status == 429
    assert client.reply.error()["code"] == "draining"
    assert int(client.reply.headers["retry-after"]) >= 1
    assert client.reply.headers["connection"] == "close"


def ended_by_an_event(client: Client) -> None:
    assert client.reply.types()[-1] == "failed"
    assert client.reply.last()["status"] == "failed"


def answered(client: Client) -> None:
    assert client.reply.complete
    assert client.reply.status == 200


def closed(_client: Client) -> None:
    """It was looked at already that the connection is over; one who reads nothing is told nothing."""


@dataclass(frozen=True)
class Phase:
    reach: Callable[[Stage, Program], Awaitable[Client]]
    ended: Callable[[Client], None]


PHASES = [
    Phase(body_arriving, told_to_come_back),
    Phase(queued, told_to_come_back),
    Phase(backing_off, told_to_come_back),
    Phase(connecting, told_to_come_back),
    Phase(waiting_for_headers, told_to_come_back),
    Phase(whole_answer_wanted, told_to_come_back),
    Phase(mid_stream, ended_by_an_event),
    Phase(client_not_reading, closed),
    Phase(idle, answered),
    Phase(lingering, answered),
]


def deaf(port: int) -> list[socket.socket]:
    """A listener whose queue is full: further connections are neither made nor refused."""
    listener = socket.create_server(("127.0.0.1", port), backlog=0)
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(("127.0.0.1", port))
    return [listener, *waiting]


@pytest.mark.parametrize("number", [SIGTERM, SIGINT, SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.reach.__name__)
@pytest_twisted.ensureDeferred
async def test_a_signal_ends_the_program_and_every_request(
    stage: Stage, phase: Phase, number: Signals
) -> None:
    program = await stage.start(**GRACE)
    held = deaf(stage.upstream_port) if phase.reach is connecting else []
    try:
        client = await phase.reach(stage, program)
        program.signal(number)
        assert await stage.ends(program) == -number
    finally:
        for each in held:
            each.close()
    if phase.reach is client_not_reading:
        client.transport.resumeProducing()
    await stage.until(lambda: all(each.lost for each in stage.clients))
    phase.ended(client)
    assert "ccmimolink has stopped" in program.log_text()
    program.assert_no_trouble()


@pytest.mark.parametrize("delay", [0.05, 0.2, 0.35, 0.5, 0.65])
@pytest.mark.parametrize("number", [SIGTERM, SIGHUP], ids=lambda number: number.name)
@pytest_twisted.ensureDeferred
async def test_a_signal_while_it_starts_ends_it(stage: Stage, number: Signals, delay: float) -> None:
    program = stage.launch()
    await stage.rest(delay)
    program.signal(number)
    assert await stage.ends(program) == -number
    program.assert_no_trouble()


@pytest.mark.parametrize("said", ["", "listens on"], ids=["log opened", "port opened"])
@pytest.mark.parametrize("number", [SIGTERM, SIGINT, SIGHUP], ids=lambda number: number.name)
@pytest_twisted.ensureDeferred
async def test_a_signal_before_the_reactor_runs_ends_it(stage: Stage, number: Signals, said: str) -> None:
    program = stage.launch()
    await stage.until(lambda: program.log.exists() and said in program.log_text())
    program.signal(number)
    assert await stage.ends(program) == -number
    assert KEY not in program.log_text() + program.said()
    program.assert_no_trouble()


@pytest.mark.parametrize("number", [SIGTERM, SIGINT, SIGHUP], ids=lambda number: number.name)
@pytest_twisted.ensureDeferred
async def test_a_signal_during_the_takeover_ends_it_and_changes_nothing(
    stage: Stage, number: Signals
) -> None:
    app = CcSwitch(stage.directory)
    app.add(mimo_row(key=KEY))
    app.switch(MIMO_ID)
    before = app.config_path.read_bytes()
    with closing(sqlite3.connect(app.database_path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        program = await stage.start(
            **GRACE,
            MIMO_PROXY_SKIP_CC_SWITCH_SYNC="false",
            CC_SWITCH_SETTINGS_PATH=str(app.settings_path),
            CC_SWITCH_DB_PATH=str(app.database_path),
            CODEX_CONFIG_PATH=str(app.config_path),
            MIMO_PROXY_STATE_DIR=str(stage.directory / "state"),
        )
        client = await stage.ask(program)
        await stage.until_health(program, requests=1)
        program.signal(number)
        assert await stage.ends(program) == -number
    await stage.until(lambda: client.lost)
    told_to_come_back(client)
    assert app.config_path.read_bytes() == before
    program.assert_no_trouble()


# -- the port ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("same_pid_file", [False, True], ids=["own pid file", "same pid file"])
@pytest_twisted.ensureDeferred
async def test_a_second_instance_ends_and_the_first_goes_on(stage: Stage, same_pid_file: bool) -> None:
    await stage.serve(answers(HELLO))
    pid_file = stage.directory / "first.pid"
    first = await stage.start(pid_file=str(pid_file))
    await stage.until(lambda: "listens on" in first.log_text())
    log = first.log_text()
    second = stage.launch(
        port=first.port,
        log=first.log,
        pid_file=str(pid_file if same_pid_file else stage.directory / "second.pid"),
    )
    assert await stage.ends(second) == 1
    assert "Traceback" not in second.said()
    if not same_pid_file:
        # With the same file it is twistd's own words, of several lines.
        complaint = [line for line in second.said().splitlines() if line.startswith("ccmimolink: ")]
        assert len(complaint) == 1
        assert f"Cannot listen on 127.0.0.1:{first.port}" in complaint[0]
        assert not (stage.directory / "second.pid").exists()
    assert pid_file.read_text().strip() == str(first.pid)
    # The first may not have said all of its own words yet.
    assert first.log_text().startswith(log)
    assert "listen" not in first.log_text().removeprefix(log)
    assert (await stage.answered(first)).types()[-1] == "completed"
    first.signal(SIGTERM)
    assert await stage.ends(first) == -SIGTERM
    assert not pid_file.exists()


@pytest_twisted.ensureDeferred
async def test_a_port_that_another_program_took_meanwhile_is_named_and_later_used_again(stage: Stage) -> None:
    await stage.serve(answers(HELLO))
    program = await stage.start()
    program.signal(SIGTERM)
    await stage.ends(program)
    with socket.create_server(("127.0.0.1", program.port)):
        refused = stage.launch(port=program.port)
        assert await stage.ends(refused) == 1
        assert f"Cannot listen on 127.0.0.1:{program.port}" in refused.said()
        assert "Traceback" not in refused.said()
    again = await stage.start(port=program.port)
    assert (await stage.answered(again)).types()[-1] == "completed"


def _in_time_wait(port: int) -> bool:
    """Whether the kernel still remembers a connection of this port that its server closed first."""
    local = f":{port:04X}"
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table][1:]
    return any(row[1].endswith(local) and row[3] in ("04", "05", "06") for row in rows)


@pytest_twisted.ensureDeferred
async def test_after_a_kill_the_program_starts_again_at_once_on_the_same_port(stage: Stage) -> None:
    await stage.serve(answers(BEGUN, HELLO))
    pid_file = str(stage.directory / "proxy.pid")
    program = await stage.start(pid_file=pid_file)
    client = await stage.ask(program)
    await stage.until(lambda: b"output_text.delta" in client.head)
    program.signal(SIGKILL)
    await stage.ends(program)
    await stage.until(lambda: client.lost)
    assert _in_time_wait(program.port)
    again = await stage.start(port=program.port, pid_file=pid_file)
    assert (await stage.answered(again)).types()[-1] == "completed"
    again.assert_no_trouble()


@pytest_twisted.ensureDeferred
async def test_after_a_kill_a_unix_socket_is_listened_on_again(stage: Stage) -> None:
    path = stage.directory / "proxy.sock"

    def answers_or_ended() -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return stage.programs[-1].ended() or probe.connect_ex(str(path)) == 0

    for _ in range(2):
        program = stage.launch(f"--listen=unix:{path}")
        await stage.until(answers_or_ended)
        assert not program.ended(), program.said()
        program.signal(SIGKILL)
        await stage.ends(program)
