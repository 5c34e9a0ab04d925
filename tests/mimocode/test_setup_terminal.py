"""The command at a real terminal: what is shown there and what is not, and how a person ends it."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.threads import deferToThread

from ccmimolink.mimocode.provider import GONKAGATE
from tests.mimocode.gateway import Gateway
from tests.mimocode.gateway_api import KEY, MODELS, Answer, Rules, catalog
from tests.mimocode.gateway_tls import authority
from tests.mimocode.local_setup import COMMAND, local_setup
from tests.mimocode.mimo_home import needs_stand_in
from tests.mimocode.processes import command_lines
from tests.mimocode.settled import SettledStage
from tests.mimocode.typed_program import CONTROL_C, CONTROL_D, Ended, TypedProgram, at_a_terminal

NEVER = 3600.0
CLEARED = "\r\x1b[K"
ASKS_KEY = "GonkaGate API key (not shown): "
ASKS_MODEL = "Model, by number or id [2]: "
ASKS_SCOPE = "Scope [2]: "
KIMI_REFERENCE = "gonkagate/moonshotai/kimi-k2.6"


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


@asynccontextmanager
async def gateway(*answers: Answer) -> AsyncIterator[int]:
    from twisted.internet import reactor

    gateway = Gateway(reactor, Rules())
    gateway.script(*answers)
    port = await gateway.listen()
    try:
        yield port
    finally:
        await gateway.close()


def run(
    stage: SettledStage,
    command: list[str],
    person: Callable[[TypedProgram], Any],
    key: str | None = None,
    term: str = "dumb",
) -> Ended:
    """:param key: in the environment.
    :param term: what the terminal is; a dumb one shows words alone, however long anything takes.
    """
    environ = stage.environ(TERM=term, **({} if key is None else {GONKAGATE.key_variable: key}))
    with at_a_terminal(command, stage.project, environ) as program:
        person(program)
        ended = program.end()
    assert "Traceback" not in ended.shown
    assert KEY not in ended.out + ended.shown
    return ended


async def set_up(
    stage: SettledStage,
    *arguments: str,
    person: Callable[[TypedProgram], Any],
    answers: tuple[Answer, ...] = (),
    key: str | None = None,
    term: str = "dumb",
) -> Ended:
    """The command with a person at its terminal. Whatever happens, the key is in its one file at most."""
    async with gateway(*answers) as port:
        vouching = stage.write("authority.pem", authority().pem)
        command = local_setup(port, vouching, *arguments)
        ended: Ended = await deferToThread(run, stage, command, person, key, term)
    stage.check_files(KEY)
    return ended


@pytest_twisted.ensureDeferred
async def test_a_person_is_led_through_the_whole_setup(stage: SettledStage) -> None:
    def person(program: TypedProgram) -> None:
        program.answer(ASKS_KEY, KEY)
        program.answer(ASKS_MODEL, "")
        program.answer(ASKS_SCOPE, "user")

    ended = await set_up(stage, person=person)

    assert ended.status == 0, ended
    assert ended.out.startswith("GonkaGate is set up in MiMoCode.\n")
    assert ended.out.endswith("-> Next: mimo\n")
    assert stage.secret.read_text() == f"{KEY}\n"
    assert stage.resolved()["model"] == KIMI_REFERENCE


@pytest_twisted.ensureDeferred
async def test_for_programs_the_questions_stay_out_of_what_is_printed(stage: SettledStage) -> None:
    def person(program: TypedProgram) -> None:
        program.answer(ASKS_KEY, KEY)
        program.answer(ASKS_MODEL, "moonshotai/kimi-k2.6")
        program.answer(ASKS_SCOPE, "")

    ended = await set_up(stage, "--json", person=person)

    result = json.loads(ended.out)
    assert (ended.status, result["ok"], result["scope"]) == (0, True, "project"), ended
    for question in (ASKS_KEY, ASKS_MODEL, ASKS_SCOPE, *(model["id"] for model in MODELS)):
        assert question in ended.shown


@pytest_twisted.ensureDeferred
async def test_with_yes_nothing_but_the_key_is_asked_for(stage: SettledStage) -> None:
    ended = await set_up(stage, "--yes", person=lambda program: program.answer(ASKS_KEY, KEY))

    assert ended.status == 0, ended
    assert ended.shown == f"{ASKS_KEY}\r\n"


def test_the_installed_command_shows_nothing_of_a_key_that_is_typed(stage: SettledStage) -> None:
    typed = "not-a-key-fake-0123456789"
    echoes = []

    def person(program: TypedProgram) -> None:
        program.see(ASKS_KEY)
        echoes.append(program.shows_what_is_typed)
        program.type(f"{typed}\n")

    ended = run(stage, [COMMAND, "--json"], person)

    assert echoes == [False]
    assert (ended.status, json.loads(ended.out)["errorCode"]) == (1, "invalid_api_key")
    assert ended.shown == f"{ASKS_KEY}\r\n"
    assert typed not in ended.out


def test_a_key_that_is_typed_on_stdin_is_not_shown_either(stage: SettledStage) -> None:
    typed = "not-a-key-fake-0123456789"

    ended = run(
        stage,
        [COMMAND, "--json", "--yes", "--api-key-stdin"],
        lambda program: program.answer(ASKS_KEY, typed),
    )

    assert (ended.status, json.loads(ended.out)["errorCode"]) == (1, "invalid_api_key")
    assert typed not in ended.shown + ended.out


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_the_key_is_an_argument_of_no_process(stage: SettledStage) -> None:
    # Each mimo takes a moment, so that none is overlooked.
    stage.install(commands={"*": {"sleep": 0.2}})
    seen: set[bytes] = set()

    def person(program: TypedProgram) -> None:
        while program.process.poll() is None:
            seen.update(command_lines().values())

    ended = await set_up(stage, "--yes", "--json", person=person, key=KEY)

    assert ended.status == 0, ended
    for words in (b"--version", b"debug\0paths", b"--pure\0debug\0config", b"models\0gonkagate"):
        assert any(line.endswith(b"/mimo\0" + words + b"\0") for line in seen)
    assert not any(KEY.encode() in line for line in seen)


def key_prompt(program: TypedProgram) -> None:
    program.see(ASKS_KEY)


def model_prompt(program: TypedProgram) -> None:
    program.answer(ASKS_KEY, KEY)
    program.see(ASKS_MODEL)


def scope_prompt(program: TypedProgram) -> None:
    program.answer(ASKS_KEY, KEY)
    program.answer(ASKS_MODEL, "1")
    program.see(ASKS_SCOPE)


def control_c(program: TypedProgram) -> None:
    program.type(CONTROL_C)


def twice_control_c(program: TypedProgram) -> None:
    program.type(CONTROL_C * 2)


def control_d(program: TypedProgram) -> None:
    program.type(CONTROL_D)


def terminate(program: TypedProgram) -> None:
    program.process.send_signal(signal.SIGTERM)


def hang_up(program: TypedProgram) -> None:
    program.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize(
    ("prompt", "end"),
    [
        *((key_prompt, end) for end in (control_c, twice_control_c, control_d, terminate, hang_up)),
        (model_prompt, terminate),
        (model_prompt, control_d),
        (scope_prompt, twice_control_c),
    ],
)
@pytest_twisted.ensureDeferred
async def test_whoever_ends_it_at_a_question_finds_everything_as_it_was(
    stage: SettledStage, prompt: Callable[[TypedProgram], None], end: Callable[[TypedProgram], None]
) -> None:
    before = stage.settled()
    echoes = []

    def person(program: TypedProgram) -> None:
        prompt(program)
        end(program)
        program.process.wait(timeout=30)
        echoes.append(program.shows_what_is_typed)

    ended = await set_up(stage, "--json", person=person)

    result = json.loads(ended.out)
    assert (ended.status, result["status"], result["errorCode"]) == (1, "failed", "interrupted"), ended
    assert echoes == [True]
    assert stage.settled() == before


@pytest_twisted.ensureDeferred
async def test_an_end_at_a_question_is_told_on_a_line_of_its_own(stage: SettledStage) -> None:
    def person(program: TypedProgram) -> None:
        key_prompt(program)
        control_c(program)

    ended = await set_up(stage, person=person)

    assert (ended.status, ended.out) == (1, "")
    last_question, *words = ended.shown.splitlines()
    assert last_question.startswith(ASKS_KEY)
    assert words[0] == "GonkaGate setup for MiMoCode failed."
    assert words[1].startswith("- interrupted: ")


@pytest_twisted.ensureDeferred
async def test_the_names_of_models_cannot_drive_the_terminal(stage: SettledStage) -> None:
    hostile = "evil/\u00e9\u4e2d\ufb01-\U0001f600"

    def person(program: TypedProgram) -> None:
        program.answer(ASKS_KEY, KEY)
        program.answer("Model, by number or id [1]: ", "1")
        program.answer(ASKS_SCOPE, "1")

    ended = await set_up(stage, "--json", person=person, answers=(catalog({"id": hostile}),))

    assert (ended.status, json.loads(ended.out)["model"]) == (0, hostile), ended
    assert f"   1) {hostile}\r\n" in ended.shown


@pytest_twisted.ensureDeferred
async def test_a_model_whose_name_would_drive_the_terminal_is_never_shown(stage: SettledStage) -> None:
    before = stage.settled()

    ended = await set_up(
        stage,
        "--json",
        person=lambda program: program.answer(ASKS_KEY, KEY),
        answers=(catalog({"id": "evil/\x1b]0;owned\x07"}),),
    )

    assert (ended.status, json.loads(ended.out)["errorCode"]) == (1, "model_catalog_parse_failed"), ended
    assert "owned" not in ended.out + ended.shown
    assert stage.settled() == before


@pytest_twisted.ensureDeferred
async def test_it_shows_that_the_catalog_is_waited_for(stage: SettledStage) -> None:
    def person(program: TypedProgram) -> None:
        program.answer(ASKS_KEY, KEY)
        program.see("Fetching the models of GonkaGate")
        control_c(program)

    ended = await set_up(stage, person=person, answers=(replace(catalog(), delay=NEVER),), term="xterm")

    *_, last = ended.shown.split(CLEARED)
    assert last.startswith("\x1b[31mGonkaGate setup for MiMoCode failed.\x1b[0m\r\n- interrupted: ")


def test_it_shows_that_mimo_is_waited_for(stage: SettledStage) -> None:
    stage.program.write_text("#!/bin/sh\nexec sleep 600\n")

    def person(program: TypedProgram) -> None:
        program.see("Asking mimo which one it is")
        control_c(program)

    ended = run(stage, [COMMAND], person, term="xterm")

    *_, last = ended.shown.split(CLEARED)
    assert last.startswith("\x1b[31mGonkaGate setup for MiMoCode failed.")
