"""What is remembered of the last setup that was proved, and what comes of a memory that cannot be read."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.mimocode.state import State, StateError, read_state
from tests.mimocode.mimo_home import needs_stand_in
from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KIMI_REFERENCE, QWEN_REFERENCE, codes

QWEN_ID = "qwen/qwen3-235b-a22b-instruct-2507-fp8"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


@pytest_twisted.ensureDeferred
async def test_the_user_scope_is_remembered(stage: SettledStage) -> None:
    await stage.set_up("user")

    state = stage.state()
    installer = state.pop("installerVersion")
    assert installer
    assert state == {
        "schemaVersion": 1,
        "lastDurableSetupAt": "2026-01-31T23:59:59.123Z",
        "mimoCodeVersion": "0.1.0",
        "auditedMimoCodeBaseline": "0.1.0",
        "providerPackage": "@ai-sdk/openai-compatible",
        "transport": "chat_completions",
        "scope": "user",
        "selectedModelKey": "moonshotai/kimi-k2.6",
        "managedModelRef": KIMI_REFERENCE,
        "globalConfigTarget": str(stage.config_dir / "mimocode.jsonc"),
        "activations": [
            {
                "path": str(stage.config_dir / "mimocode.jsonc"),
                "modelRef": KIMI_REFERENCE,
                "keys": ["model", "small_model"],
                "created": True,
            }
        ],
    }
    assert stage.state_file.stat().st_mode & 0o777 == 0o600


@pytest_twisted.ensureDeferred
async def test_the_project_scope_is_remembered_with_the_model_before(stage: SettledStage) -> None:
    await stage.set_up("project", QWEN_ID)
    await stage.set_up("project")

    state = stage.state()
    assert (state["scope"], state["projectConfigTarget"]) == ("project", str(stage.project_file))
    assert (state["previousManagedModelRef"], state["managedModelRef"]) == (QWEN_REFERENCE, KIMI_REFERENCE)
    assert [one["path"] for one in state["activations"]] == [str(stage.project_file)]


@needs_stand_in
@pytest.mark.parametrize("rerun", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_setup_that_was_not_proved_is_not_remembered(stage: SettledStage, rerun: bool) -> None:
    if rerun:
        await stage.set_up("user", QWEN_ID)
    before = stage.settled()
    stage.install(commands={"models": {"stdout": ""}})

    result = await stage.set_up("project")

    stage.check_rolled_back(result, before)
    assert stage.state_file.exists() is rerun


GARBAGE = {
    "nothing": b"",
    "no JSON": b"{",
    "not UTF-8": b"\xff\xfe",
    "a list": b"[]",
    "an empty object": b"{}",
    "another version": b'{"schemaVersion": 2, "managedModelRef": "x", "activations": []}',
    "odd activations": b'{"schemaVersion": 1, "managedModelRef": "x", "activations": [{"path": 5}]}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=list(GARBAGE))
@pytest_twisted.ensureDeferred
async def test_a_state_that_cannot_be_understood_is_made_anew(stage: SettledStage, content: bytes) -> None:
    assert (await stage.set_up("user")).ok
    before = stage.configs()
    stage.state_file.write_bytes(content)
    stage.state_file.chmod(0o644)

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert [warning for warning in result.warnings if str(stage.state_file) in warning]
    assert stage.state()["managedModelRef"] == KIMI_REFERENCE
    assert stage.state_file.stat().st_mode & 0o777 == 0o600
    assert stage.configs() == before


@pytest_twisted.ensureDeferred
async def test_a_state_that_is_gone_needs_no_words(stage: SettledStage) -> None:
    assert (await stage.set_up("user")).ok
    stage.state_file.unlink()

    result = await stage.set_up("user")

    assert result.ok
    assert not [warning for warning in result.warnings if str(stage.state_file) in warning]


@pytest_twisted.ensureDeferred
async def test_a_directory_in_the_states_place_stops_the_setup(stage: SettledStage) -> None:
    stage.state_file.mkdir(parents=True)
    before = stage.settled()

    result = await stage.set_up("user")

    assert codes(result) == ["secret_storage_failed"]
    assert stage.settled() == before


@given(st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_state_or_none(content: bytes) -> None:
    try:
        state = read_state(content)
    except StateError:
        return
    assert isinstance(state, State)


@given(
    st.fixed_dictionaries(
        {
            "schemaVersion": st.just(1) | VALUES,
            "managedModelRef": st.text() | VALUES,
            "activations": VALUES
            | st.lists(
                st.fixed_dictionaries(
                    {}, optional=dict.fromkeys(("path", "modelRef", "keys", "created"), VALUES)
                ),
                max_size=2,
            ),
        }
    )
)
def test_any_members_are_a_state_or_none(document: dict[str, Any]) -> None:
    try:
        state = read_state(json.dumps(document).encode())
    except StateError:
        return
    assert document["schemaVersion"] == 1
    assert all(isinstance(key, str) for one in state.activations for key in one.keys)
