"""What only the shell at hand changes is told, and leaves the setup as it is."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.mimocode.result import Result
from tests.mimocode.mimo_home import needs_stand_in
from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KEY, KIMI_REFERENCE, REFERENCE, codes

VARIABLES = [
    "MIMOCODE_CONFIG",
    "MIMOCODE_CONFIG_CONTENT",
    "MIMOCODE_CONFIG_DIR",
    "MIMOCODE_AUTH_CONTENT",
    "MIMOCODE_DISABLE_PROJECT_CONFIG",
    "MIMOCODE_MIMO_ONLY",
]
OTHER = '{"model": "anthropic/claude"}'
# A mimo that a variable changes in a way that no file shows.
_CHANGED_BY = """#!/bin/sh
if [ -n "${variable}" ] && [ "$*" = "--pure debug config" ]; then
    echo '{{"model": "never/shown"}}'
else
    exec {program} "$@"
fi
"""


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


def changed_by(stage: SettledStage, variable: str) -> None:
    """Let a variable change what ``mimo`` resolves."""
    proper = stage.program.rename(stage.bin_dir / "mimo-proper")
    stage.program.write_text(_CHANGED_BY.format(variable=variable, program=proper))
    stage.program.chmod(0o755)


def check_kept(stage: SettledStage, result: Result, scope: str) -> None:
    """Blocked by the session alone, with the setup in its place and remembered."""
    assert codes(result) == ["runtime_override_conflict"]
    assert (result.status, result.blockers[0].source) == ("blocked", "current_session")
    assert result.verification.as_json() == {
        "durable": "passed",
        "currentSession": "blocked",
        "modelVisibility": "passed",
        "provenance": "passed",
    }
    assert stage.state()["scope"] == scope
    assert stage.resolved()["model"] == KIMI_REFERENCE
    assert result.blockers[0].message.startswith("The setup is done and stays, but in this shell ")


def environ(stage: SettledStage, variable: str, text: str) -> dict[str, str]:
    """A variable by which ``mimo`` reads this text."""
    if variable == "MIMOCODE_CONFIG":
        return {variable: str(stage.write("session/custom.json", text))}
    if variable == "MIMOCODE_CONFIG_DIR":
        return {variable: str(stage.write("session/mimocode.jsonc", text).parent)}
    return {variable: text}


@pytest.mark.parametrize("variable", VARIABLES[:3])
@pytest.mark.parametrize("text", [OTHER, '{"disabled_providers": ["gonkagate"]}', '{"broken": '])
@pytest_twisted.ensureDeferred
async def test_a_configuration_of_the_session_that_hides_the_setup(
    stage: SettledStage, variable: str, text: str
) -> None:
    result = await stage.set_up("user", env=environ(stage, variable, text))

    check_kept(stage, result, "user")
    assert result.blockers[0].detail == variable
    assert f"in this shell {variable} changes" in result.blockers[0].message
    assert "Unset it" in result.blockers[0].message
    assert "anthropic" not in result.as_json()


@pytest.mark.parametrize("variable", VARIABLES[:3])
@pytest_twisted.ensureDeferred
async def test_a_configuration_of_the_session_that_hides_nothing(stage: SettledStage, variable: str) -> None:
    env = environ(stage, variable, '{"$schema": "x", "username": "somebody"}')

    result = await stage.set_up("user", env=env)

    assert result.ok, result.as_text()
    assert result.verification.as_json()["currentSession"] == "passed"


@pytest.mark.parametrize("variable", VARIABLES[:3])
@pytest.mark.parametrize("key", ["{env:OTHER}", REFERENCE, "same"])
@pytest_twisted.ensureDeferred
async def test_a_key_of_the_sessions_own_even_if_it_is_the_same(
    stage: SettledStage, variable: str, key: str
) -> None:
    entry = {"options": {"apiKey": "{file:~/same}" if key == "same" else key}}
    env = environ(stage, variable, json.dumps({"provider": {"gonkagate": entry}}))
    same = stage.write("home/same", KEY)

    result = await stage.set_up("user", env=env, may_hold_key=[same])

    check_kept(stage, result, "user")
    assert "provider.gonkagate.options.apiKey" in result.blockers[0].message


HARMLESS = {
    "MIMOCODE_CONFIG": "/nowhere/at/all.json",
    "MIMOCODE_CONFIG_CONTENT": "{}",
    "MIMOCODE_CONFIG_DIR": "",
    "MIMOCODE_AUTH_CONTENT": json.dumps({"gonkagate": {"type": "api", "key": "gp-fake-other-9876"}}),
    "MIMOCODE_DISABLE_PROJECT_CONFIG": "1",
    "MIMOCODE_MIMO_ONLY": "true",
}


@pytest.mark.parametrize("variable", VARIABLES)
@pytest_twisted.ensureDeferred
async def test_a_variable_that_changes_nothing(stage: SettledStage, variable: str) -> None:
    empty = stage.write("session/.gitignore", "").parent

    result = await stage.set_up("user", env={variable: HARMLESS[variable] or str(empty)})

    assert result.ok, result.as_text()


@needs_stand_in
@pytest.mark.parametrize("variable", VARIABLES)
@pytest_twisted.ensureDeferred
async def test_a_variable_that_changes_what_mimo_resolves(stage: SettledStage, variable: str) -> None:
    changed_by(stage, variable)
    text = "{}" if variable in VARIABLES[1:4:2] else "1"

    result = await stage.set_up("user", env={variable: text})

    check_kept(stage, result, "user")
    assert variable in result.blockers[0].message
    assert "never/shown" not in result.as_json()


@pytest.mark.parametrize("variable", VARIABLES)
@pytest_twisted.ensureDeferred
async def test_the_proof_is_made_without_what_the_session_changes(stage: SettledStage, variable: str) -> None:
    await stage.set_up("user", env={variable: "1", "MIMOCODE_HOME": str(stage.home / "mimo"), "LANG": "C"})

    of_the_proof, *_, of_the_session = (
        call.environ for call in stage.calls() if call.command in ("debug config", "models")
    )
    assert variable not in of_the_proof
    assert of_the_proof["MIMOCODE_HOME"] == str(stage.home / "mimo")
    assert of_the_session[variable] == "1"
    assert not any("GONKAGATE_API_KEY" in call.environ for call in stage.calls())


@pytest.mark.parametrize(
    ("value", "conflicts"), [("1", True), ("TRUE", True), ("0", False), ("yes", False), ("", False)]
)
@pytest_twisted.ensureDeferred
async def test_a_session_that_leaves_projects_out_hides_the_projects_model(
    stage: SettledStage, value: str, conflicts: bool
) -> None:
    result = await stage.set_up("project", env={"MIMOCODE_DISABLE_PROJECT_CONFIG": value})

    if conflicts:
        check_kept(stage, result, "project")
    else:
        assert result.ok, result.as_text()


@pytest_twisted.ensureDeferred
async def test_all_variables_that_are_set_are_named(stage: SettledStage) -> None:
    env = {"MIMOCODE_CONFIG_CONTENT": OTHER, "MIMOCODE_AUTH_CONTENT": "{}"}

    result = await stage.set_up("user", env=env)

    check_kept(stage, result, "user")
    assert "MIMOCODE_CONFIG_CONTENT, MIMOCODE_AUTH_CONTENT change what" in result.blockers[0].message
    assert "Unset them" in result.blockers[0].message


@pytest.mark.parametrize("variable", ["MIMOCODE_CONFIG", "MIMOCODE_CONFIG_DIR"])
@pytest_twisted.ensureDeferred
async def test_the_users_own_configuration_named_once_more_is_no_override(
    stage: SettledStage, variable: str
) -> None:
    target = stage.write("home/.config/mimocode/mimocode.jsonc", "{}")
    value = target if variable == "MIMOCODE_CONFIG" else target.parent

    result = await stage.set_up("user", env={variable: str(value)})

    assert result.ok, result.as_text()


UNREADABLE: dict[str, Any] = {
    "a directory": lambda stage: stage.project,
    "not UTF-8": lambda stage: stage.write("custom.json", b'{"$schema": "x", "username": "\xe9"}'),
    "a device": lambda _: Path("/dev/null"),
}


@pytest.mark.parametrize("made", UNREADABLE.values(), ids=list(UNREADABLE))
@pytest_twisted.ensureDeferred
async def test_a_session_file_that_is_odd_is_judged_by_mimo(stage: SettledStage, made: Any) -> None:
    env = {"MIMOCODE_CONFIG": str(made(stage))}
    accepted = stage.mimo("debug", "config", **env).returncode == 0

    result = await stage.set_up("user", env=env)

    if accepted:
        assert result.ok, result.as_text()
    else:
        check_kept(stage, result, "user")


@pytest_twisted.ensureDeferred
async def test_names_in_a_session_are_relative_to_where_mimo_is_started(stage: SettledStage) -> None:
    stage.write("project/mine.json", OTHER)

    result = await stage.set_up("user", env={"MIMOCODE_CONFIG": "mine.json"})

    check_kept(stage, result, "user")


@pytest.mark.parametrize("name", ["MIMOCODE_CONFIG", "MIMOCODE_CONFIG_DIR"])
@pytest_twisted.ensureDeferred
async def test_the_sessions_files_are_as_they_were(stage: SettledStage, name: str) -> None:
    """``mimo`` would name a schema in a file that names none."""
    text = '\ufeff{\r\n\t// mine\r\n\t"model": "anthropic/claude",\r\n}'
    env = environ(stage, name, text)
    file = next(path for path in (stage.root / "session").iterdir())

    result = await stage.set_up("user", env=env)

    check_kept(stage, result, "user")
    assert file.read_bytes() == text.encode()
