"""From one scope, project or model to another: what a setup chose goes, and what the user chose stays."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KIMI_REFERENCE, OTHER_KEY, QWEN_REFERENCE, codes

QWEN_ID = "qwen/qwen3-235b-a22b-instruct-2507-fp8"


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


async def done(
    stage: SettledStage, scope: str, model: str | None = None, cwd: Path | None = None
) -> list[str]:
    """A setup that goes through, and whose outcome ``mimo`` confirms; its notes."""
    result = await stage.set_up(scope, model, cwd=cwd)
    assert result.ok, result.as_text()
    resolved = stage.resolved(cwd)
    expected = KIMI_REFERENCE if model is None else f"gonkagate/{model}"
    assert (resolved["model"], resolved["small_model"]) == (expected, expected)
    return result.notes


def repository(stage: SettledStage, name: str) -> Path:
    path = stage.root / name
    (path / ".git").mkdir(parents=True)
    return path


@pytest.mark.parametrize("scope", ["user", "project"])
@pytest_twisted.ensureDeferred
async def test_a_second_run_changes_nothing_but_its_own_memory(stage: SettledStage, scope: str) -> None:
    await done(stage, scope)
    before, times = stage.configs(), stage.times()

    await done(stage, scope)

    assert stage.configs() == before
    assert stage.times() == times
    assert stage.backups() == []


@pytest_twisted.ensureDeferred
async def test_from_the_user_to_the_project(stage: SettledStage) -> None:
    await done(stage, "user")
    notes = await done(stage, "project")

    assert set(stage.config()) == {"$schema", "provider"}
    assert notes == [f"The model that was chosen in {stage.config_dir / 'mimocode.jsonc'} was taken out."]
    assert stage.resolved(stage.root).get("model") is None


@pytest_twisted.ensureDeferred
async def test_from_the_project_to_the_user(stage: SettledStage) -> None:
    await done(stage, "project")
    notes = await done(stage, "user", QWEN_ID)

    assert not stage.project_file.exists()
    assert notes == [f"The model that was chosen in {stage.project_file} was taken out."]


@pytest_twisted.ensureDeferred
async def test_to_and_fro(stage: SettledStage) -> None:
    await done(stage, "user")
    before = stage.config()
    for scope in ("project", "user", "project", "user"):
        await done(stage, scope)

    assert stage.config() == before
    assert not stage.project_file.exists()


@pytest_twisted.ensureDeferred
async def test_a_project_file_that_was_there_stays_as_it_was(stage: SettledStage) -> None:
    text = '// of the project\n{\n  "$schema": "x",\n  "share": "auto", // never\n}\n'
    stage.write("project/.mimocode/mimocode.json", text)

    await done(stage, "project")
    await done(stage, "user", QWEN_ID)

    assert stage.project_file.read_text() == text


@pytest_twisted.ensureDeferred
async def test_a_project_file_that_somebody_wrote_into_since_stays(stage: SettledStage) -> None:
    await done(stage, "project")
    text = stage.project_file.read_text().replace("{", "{ // kept", 1)
    stage.project_file.write_text(text)

    await done(stage, "user", QWEN_ID)

    assert "// kept" in stage.project_file.read_text()
    assert "model" not in stage.project_file.read_text()


@pytest_twisted.ensureDeferred
async def test_a_model_of_the_users_own_is_never_taken_out(stage: SettledStage) -> None:
    stage.write(
        "home/.config/mimocode/mimocode.jsonc", {"$schema": "x", "model": "anthropic/claude", "share": "auto"}
    )
    await done(stage, "project")
    await done(stage, "project", QWEN_ID)

    assert stage.config()["model"] == "anthropic/claude"
    assert "small_model" not in stage.config()


@pytest_twisted.ensureDeferred
async def test_a_model_that_the_user_has_changed_since_is_the_users(stage: SettledStage) -> None:
    await done(stage, "user")
    changed = {**stage.config(), "model": "anthropic/claude"}
    stage.write("home/.config/mimocode/mimocode.jsonc", changed)

    await done(stage, "project")

    assert stage.config()["model"] == "anthropic/claude"
    assert "small_model" not in stage.config()


@pytest_twisted.ensureDeferred
async def test_a_choice_of_this_model_that_was_there_before_is_the_users(stage: SettledStage) -> None:
    stage.write("home/.config/mimocode/mimocode.jsonc", {"$schema": "x", "model": KIMI_REFERENCE})
    for _ in range(2):
        await done(stage, "user")

    await done(stage, "project", QWEN_ID)

    assert stage.config()["model"] == KIMI_REFERENCE
    assert "small_model" not in stage.config()


@pytest_twisted.ensureDeferred
async def test_another_model_of_the_provider_that_the_user_chose_is_the_users(stage: SettledStage) -> None:
    await done(stage, "user")
    stage.write("home/.config/mimocode/mimocode.jsonc", {**stage.config(), "model": QWEN_REFERENCE})

    await done(stage, "project")

    assert stage.config()["model"] == QWEN_REFERENCE


@pytest_twisted.ensureDeferred
async def test_other_projects_keep_their_choice(stage: SettledStage) -> None:
    one, two = repository(stage, "one"), repository(stage, "two")
    await done(stage, "project", QWEN_ID, one)
    await done(stage, "project", None, two)
    await done(stage, "user", None, stage.project)

    assert stage.resolved(one)["model"] == QWEN_REFERENCE
    assert (two / ".mimocode" / "mimocode.json").exists()

    await done(stage, "user", None, one)

    assert not (one / ".mimocode" / "mimocode.json").exists()
    assert (two / ".mimocode" / "mimocode.json").exists()


@pytest_twisted.ensureDeferred
async def test_a_project_around_this_one_keeps_its_choice(stage: SettledStage) -> None:
    """Outside of repositories the one farther up counts more: it is named, not taken out."""
    outer, inner = stage.root / "outer", stage.root / "outer" / "inner"
    inner.mkdir(parents=True)
    await done(stage, "project", QWEN_ID, outer)
    before = stage.settled()

    result = await stage.set_up("project", cwd=inner)

    assert result.status == "blocked"
    assert str(outer / ".mimocode" / "mimocode.json") in result.blockers[0].message
    assert stage.settled() == before


@pytest.mark.parametrize("lost", [None, b"{"])
@pytest_twisted.ensureDeferred
async def test_without_a_memory_nothing_is_taken_out(stage: SettledStage, lost: bytes | None) -> None:
    await done(stage, "user")
    if lost is None:
        stage.state_file.unlink()
    else:
        stage.state_file.write_bytes(lost)

    await done(stage, "project", QWEN_ID)

    assert stage.config()["model"] == KIMI_REFERENCE


@pytest_twisted.ensureDeferred
async def test_without_a_memory_a_projects_choice_is_named(stage: SettledStage) -> None:
    await done(stage, "project", QWEN_ID)
    stage.state_file.unlink()
    before = stage.settled()

    result = await stage.set_up("user")

    assert result.status == "blocked"
    assert str(stage.project_file) in result.blockers[0].message
    assert stage.settled() == before


@pytest.mark.parametrize("scope", ["user", "project"])
@pytest_twisted.ensureDeferred
async def test_a_new_file_that_counts_more_becomes_the_target(stage: SettledStage, scope: str) -> None:
    old = stage.write("home/.config/mimocode/mimocode.json", '{\n  // old\n  "share": "auto",\n}\n')
    await done(stage, "user")
    assert KIMI_REFERENCE in old.read_text()
    new = stage.write("home/.config/mimocode/mimocode.jsonc", '{\n  // new\n  "theme": "x",\n}\n')

    await done(stage, scope, QWEN_ID)

    assert KIMI_REFERENCE not in old.read_text()
    assert '"share": "auto"' in old.read_text()
    assert "// old" in old.read_text()
    assert '"apiKey": "{file:' in new.read_text()
    assert (QWEN_REFERENCE in new.read_text()) is (scope == "user")
    assert stage.state()["globalConfigTarget"] == str(new)


@pytest_twisted.ensureDeferred
async def test_a_target_that_was_deleted_is_made_again(stage: SettledStage) -> None:
    await done(stage, "user")
    (stage.config_dir / "mimocode.jsonc").unlink()

    await done(stage, "project")

    assert set(stage.config()) == {"$schema", "provider"}


@pytest_twisted.ensureDeferred
async def test_another_model_and_another_key(stage: SettledStage) -> None:
    await done(stage, "user")

    result = await stage.set_up("user", QWEN_ID, key=OTHER_KEY)

    assert result.ok, result.as_text()
    assert stage.config()["model"] == stage.config()["small_model"] == QWEN_REFERENCE
    assert stage.secret.read_text() == f"{OTHER_KEY}\n"
    assert len(stage.backups()) == 1


@pytest_twisted.ensureDeferred
async def test_a_catalog_that_has_changed_replaces_the_models(stage: SettledStage) -> None:
    await done(stage, "user")
    stage.catalog.models = stage.catalog.models[1:]

    await done(stage, "user")

    assert list(stage.config()["provider"]["gonkagate"]["models"]) == [
        "moonshotai/kimi-k2.6",
        "minimaxai/minimax-m2.7",
    ]


@pytest_twisted.ensureDeferred
async def test_a_switch_that_fails_takes_nothing_out(stage: SettledStage) -> None:
    await done(stage, "user")
    stage.write("project/.mimocode/mimocode.jsonc", '{"model": "{env:NOT_SET}x/y"}')
    stage.write("project/.mimocode/.gitignore", "")
    stage.forget_calls()
    before = stage.settled()

    result = await stage.set_up("project")

    stage.check_rolled_back(result, before)
    assert codes(result) == ["effective_config_mismatch"]
    assert json.loads(stage.state_file.read_bytes())["scope"] == "user"
