"""The command as programs use it: what it prints where, and its exit status."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink import __version__
from tests.mimocode.command_stage import KIMI_REFERENCE, READY, CommandStage, Ended, finished
from tests.mimocode.gateway_api import KEY, Answer, error
from tests.mimocode.gateway_tls import authority
from tests.mimocode.local_setup import COMMAND, local_setup
from tests.mimocode.mimo_home import Hooks, needs_stand_in


@pytest.fixture
def stage(tmp_path: Path) -> CommandStage:
    return CommandStage(tmp_path)


@pytest.mark.parametrize("name", ["mimo-code-setup", "gonkagate-mimo-code"])
def test_the_command_is_installed_by_both_names(name: str) -> None:
    program = Path(COMMAND).with_name(name)

    printed = subprocess.run([program, "--version"], capture_output=True, check=True, encoding="utf-8")

    assert (printed.stdout, printed.stderr) == (f"mimo-code-setup {__version__} (ccmimolink)\n", "")


@pytest_twisted.ensureDeferred
async def test_the_documented_call_prints_one_object_of_the_documented_shape(stage: CommandStage) -> None:
    ended = await stage.run(
        "--api-key-stdin", "--scope", "project", "--yes", "--json", stdin=f"{KEY}\n", key=None
    )

    assert ended.status == 0, ended
    result = ended.result()
    config = stage.config_dir
    warnings = result.pop("warnings")
    assert result == {
        "ok": True,
        "status": "success",
        "provider": "gonkagate",
        "model": "moonshotai/kimi-k2.6",
        "modelRef": KIMI_REFERENCE,
        "scope": "project",
        "transport": "chat_completions",
        "mimoCode": {
            "installedVersion": "0.1.0",
            "auditedBaseline": "0.1.0",
            "packageName": "@mimo-ai/cli",
            "policy": "audited",
        },
        "configTargets": {
            "globalConfigPath": str(config / "mimocode.jsonc"),
            "globalConfigCandidates": [
                str(config / name) for name in ("config.json", "mimocode.json", "mimocode.jsonc")
            ],
            "managedSecretPath": str(stage.secret),
            "statePath": str(stage.state_file),
            "projectConfigPath": str(stage.project_file),
        },
        "verification": {
            "durable": "passed",
            "currentSession": "passed",
            "modelVisibility": "passed",
            "provenance": "passed",
        },
        "validation": {"workflowValidated": True},
        "proved": [
            "the API key works for GET /v1/models",
            "the gateway returned a list of models",
            "MiMoCode's map of models can be built from it",
        ],
        "nextCommand": "mimo",
        "notes": [],
    }
    assert len(warnings) == 1
    assert "publishes no context length for 2 of 3 models" in warnings[0]
    assert stage.resolved()["model"] == KIMI_REFERENCE


@pytest_twisted.ensureDeferred
async def test_a_person_reads_of_success_on_stdout_and_of_failure_on_stderr(stage: CommandStage) -> None:
    failed = await stage.run("--yes", answers=(error(401, "invalid_api_key"),))
    done = await stage.run("--yes")

    assert (failed.status, failed.out) == (1, "")
    assert failed.err.startswith("GonkaGate setup for MiMoCode is blocked.\n- invalid_api_key: ")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"GonkaGate is set up in MiMoCode.\nModel: {KIMI_REFERENCE}\nScope: project\n")
    assert "(The project scope was chosen because this directory is in a git repository.)\n" in done.out
    assert done.out.endswith("-> Next: mimo\n")


OF_OTHERS = {
    "home/.bashrc": "export PATH\n",
    "home/.profile": "# mine\n",
    "home/.local/share/mimocode/auth.json": '{"other": {"type": "api", "key": "mine"}}',
    "project/.env": "NAME=value\n",
    "project/.gitignore": ".env\n",
}


@pytest_twisted.ensureDeferred
async def test_one_request_is_made_and_nothing_is_written_but_what_is_documented(stage: CommandStage) -> None:
    for name, content in OF_OTHERS.items():
        stage.write(name, content)
    before, programs = stage.settled(), os.listdir(stage.bin_dir)

    ended = await stage.run("--yes", "--json", "--scope", "project")

    assert ended.status == 0, ended
    assert [(one.method, one.path, one.key) for one in stage.gateway.requests] == [("GET", "/v1/models", KEY)]
    after = stage.settled()
    assert {path: after.get(path) for path in before} == before
    made = {path for path, entry in after.items() if path not in before and entry.kind != "dir"}
    ours = {str(stage.secret), str(stage.state_file), str(stage.config_dir / "mimocode.jsonc")}
    # MiMoCode itself leaves these where it finds a configuration; the lock is ours, and empty.
    allowed = {str(stage.ours / "lock"), *(str(Path(path).with_name(".gitignore")) for path in made)}
    assert made - allowed == {*ours, str(stage.project_file)}
    assert os.listdir(stage.bin_dir) == programs


class Refusal(NamedTuple):
    code: str
    source: str
    arguments: tuple[str, ...] = READY
    hooks: Hooks = Hooks()
    answers: tuple[Answer, ...] = ()
    key: str | None = KEY


REFUSALS = [
    Refusal("mimocode_newer_than_audited", "mimocode", hooks={"version": "0.1.13\n"}),
    Refusal("mimocode_version_too_old", "mimocode", hooks={"version": "0.0.9\n"}),
    Refusal("mimocode_version_unparseable", "mimocode", hooks={"version": "?\n"}),
    Refusal("non_interactive_choice_required", "cli", ("--json",)),
    Refusal("non_interactive_secret_required", "cli", key=None),
    Refusal("missing_api_key", "secret", key=""),
    Refusal("missing_api_key", "secret", (*READY, "--api-key-stdin")),
    Refusal("invalid_api_key", "secret", key="sk-fake-0123456789"),
    Refusal("invalid_api_key", "secret", answers=(error(403, "account_deactivated"),)),
    Refusal("model_catalog_fetch_failed", "model_registry", answers=(error(500, "x"),)),
    Refusal("model_catalog_parse_failed", "model_registry", answers=(Answer(body=b"<html>"),)),
    Refusal("unsupported_model", "model_registry", (*READY, "--model", "kimi-k2.6")),
]


@needs_stand_in
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal.code} {refusal.key}")
@pytest_twisted.ensureDeferred
async def test_for_programs_each_failure_is_one_object_too(stage: CommandStage, refusal: Refusal) -> None:
    stage.install(**refusal.hooks)
    before = stage.settled()

    ended = await stage.run(*refusal.arguments, answers=refusal.answers, key=refusal.key)

    assert ended.status == 1
    result = ended.result()
    (blocker,) = result["blockers"]
    assert {"ok", "status", "errorCode", "message", "blockers", "provider", "warnings", "notes"} <= set(
        result
    )
    assert (result["ok"], result["status"], result["provider"]) == (False, "blocked", "gonkagate")
    assert result["errorCode"] == blocker["code"] == refusal.code
    assert result["message"] == blocker["message"]
    assert blocker["source"] == refusal.source
    assert set(blocker) <= {"code", "message", "source", "detail"}
    assert stage.settled() == before


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_failure_behind_the_writes_is_called_one(stage: CommandStage) -> None:
    stage.install(commands={"models": {"stdout": ""}})
    before = stage.settled()

    ended = await stage.run(*READY)

    result = ended.result()
    assert (ended.status, result["ok"], result["status"]) == (1, False, "failed")
    assert result["errorCode"] == "model_visibility_failed"
    assert result["verification"]["modelVisibility"] == "failed"
    assert result["configTargets"]["managedSecretPath"] == str(stage.secret)
    assert stage.settled() == before


@pytest_twisted.ensureDeferred
async def test_a_setup_may_be_made_for_another_directory(stage: CommandStage) -> None:
    elsewhere = stage.root / "elsewhere"
    elsewhere.mkdir()

    ended = await stage.run("--yes", "--json", "--cwd", "../project", cwd=elsewhere)

    assert (ended.status, ended.result()["scope"]) == (0, "project"), ended
    assert stage.project_file.exists()
    assert os.listdir(elsewhere) == []
    assert {call.cwd for call in stage.calls()} <= {str(stage.project)}


@pytest_twisted.ensureDeferred
async def test_paths_that_are_no_text_are_printed_all_the_same(stage: CommandStage) -> None:
    project = stage.root / os.fsdecode(b"latin-\xe9")
    (project / ".git").mkdir(parents=True)

    ended = await stage.run("--yes", cwd=project, env={"LC_ALL": "C"})

    assert ended.status == 0, ended
    assert "latin-\ufffd" in ended.out


@pytest.fixture
def full() -> Iterator[IO[str]]:
    """A file that takes nothing more."""
    with open("/dev/full", "w") as stream:
        yield stream


@pytest_twisted.ensureDeferred
async def test_where_nobody_reads_the_result_the_status_and_stderr_tell_of_it(stage: CommandStage) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = await stage.run(*READY, stdout=writing)
    finally:
        os.close(writing)

    assert ended == Ended(1, "", "The result cannot be printed (Broken pipe). The setup is done.\n")
    assert stage.resolved()["model"] == KIMI_REFERENCE


@pytest.mark.parametrize("arguments", [("--yes",), ("--yes", "--json")])
@pytest_twisted.ensureDeferred
async def test_where_the_result_finds_no_room_the_status_and_stderr_tell_of_it(
    stage: CommandStage, full: IO[str], arguments: tuple[str, ...]
) -> None:
    ended = await stage.run(*arguments, stdout=full)

    assert ended == Ended(
        1, "", "The result cannot be printed (No space left on device). The setup is done.\n"
    )


@pytest_twisted.ensureDeferred
async def test_a_failure_that_finds_no_room_is_one_all_the_same(stage: CommandStage, full: IO[str]) -> None:
    stage.uninstall()

    ended = await stage.run("--yes", stderr=full)

    assert ended == Ended(1, "", "")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16"])
@pytest_twisted.ensureDeferred
async def test_for_programs_it_is_utf_8_whatever_the_terminal_has(stage: CommandStage, encoding: str) -> None:
    project = stage.root / "\u00fcml\u4e2d"
    (project / ".git").mkdir(parents=True)

    ended = await stage.run(
        "--yes", "--json", cwd=project, env={"PYTHONIOENCODING": encoding, "LC_ALL": "C.UTF-8"}
    )

    file = project / ".mimocode" / "mimocode.json"
    assert ended.result()["configTargets"]["projectConfigPath"] == str(file)


CLOSED = {"stdin": 0, "stdout": 1, "stderr": 2}


@pytest.mark.parametrize("stream", CLOSED)
@pytest_twisted.ensureDeferred
async def test_a_closed_stream_is_one_that_leads_nowhere(stage: CommandStage, stream: str) -> None:
    async with stage.open() as port:
        vouching = stage.write("authority.pem", authority().pem)
        code = f"import os, sys; os.close({CLOSED[stream]}); os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-ISc", code, *local_setup(port, vouching, *READY)]
        ended = await finished(stage.start(port, command=command))

    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "" if stream == "stdout" else ended.result()["ok"]
    stage.check_files(KEY)
    assert stage.secret.read_text() == f"{KEY}\n"
    assert stage.resolved()["model"] == KIMI_REFERENCE
