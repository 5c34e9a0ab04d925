"""What a setup leaves in each scope, and where a project is."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.mimocode.catalog import CatalogModel
from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KEY, KIMI_REFERENCE, REFERENCE, SCHEMA

CHOICE = {"$schema": SCHEMA, "model": KIMI_REFERENCE, "small_model": KIMI_REFERENCE}


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


@pytest_twisted.ensureDeferred
async def test_the_user_scope_puts_everything_into_the_users_configuration(stage: SettledStage) -> None:
    before = stage.settled()

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert stage.config()["model"] == stage.config()["small_model"] == KIMI_REFERENCE
    written = {path for path, entry in stage.settled().items() if entry != before.get(path)}
    assert written == {
        str(path)
        for path in (
            stage.config_dir / "mimocode.jsonc",
            stage.config_dir / ".gitignore",
            stage.ours.parent,
            stage.ours,
            stage.ours / "lock",
            stage.secret,
            stage.state_file,
        )
    }


@pytest_twisted.ensureDeferred
async def test_the_project_scope_chooses_the_model_in_the_project_and_nothing_else(
    stage: SettledStage,
) -> None:
    result = await stage.set_up("project")

    assert result.ok, result.as_text()
    assert stage.project_config() == CHOICE
    assert set(stage.config()) == {"$schema", "provider"}


@pytest_twisted.ensureDeferred
async def test_the_provider_has_the_documented_shape(stage: SettledStage) -> None:
    await stage.set_up("user")

    assert stage.config()["provider"] == {
        "gonkagate": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "GonkaGate",
            "options": {
                "baseURL": "https://api.gonkagate.com/v1",
                "apiKey": REFERENCE,
                "setCacheKey": False,
            },
            "models": {
                "qwen/qwen3-235b-a22b-instruct-2507-fp8": {
                    "name": "qwen/qwen3-235b-a22b-instruct-2507-fp8",
                    "limit": {"context": 0, "output": 0},
                },
                "moonshotai/kimi-k2.6": {
                    "name": "moonshotai/kimi-k2.6",
                    "limit": {"context": 262_144, "output": 0},
                },
                "minimaxai/minimax-m2.7": {
                    "name": "minimaxai/minimax-m2.7",
                    "limit": {"context": 0, "output": 0},
                },
            },
        }
    }
    assert stage.secret.read_text() == f"{KEY}\n"


@pytest_twisted.ensureDeferred
async def test_every_model_of_the_catalog_is_one_of_mimos_models_in_the_gateways_order(
    stage: SettledStage,
) -> None:
    names = [f"maker-{number % 7}/model-{number}" for number in range(300, 0, -1)]
    stage.catalog.models = tuple(CatalogModel(name, 1000) for name in names)

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert list(stage.config()["provider"]["gonkagate"]["models"]) == names
    assert sorted(stage.models()) == sorted(f"gonkagate/{name}" for name in names)


@pytest_twisted.ensureDeferred
async def test_from_within_a_repository_its_root_is_the_project(stage: SettledStage) -> None:
    deep = stage.project / "src" / "deep"
    deep.mkdir(parents=True)

    assert (await stage.set_up("project", cwd=deep)).ok

    assert stage.project_config() == CHOICE
    for directory in (deep, deep.parent, stage.project):
        assert stage.resolved(directory)["model"] == KIMI_REFERENCE
    assert "model" not in stage.resolved(stage.root)


@pytest_twisted.ensureDeferred
async def test_a_linked_work_tree_is_a_project_of_its_own(stage: SettledStage) -> None:
    stage.write("tree/.git", f"gitdir: {stage.project}/.git/worktrees/tree\n")
    deep = stage.root / "tree" / "deep"
    deep.mkdir()

    result = await stage.set_up(cwd=deep)

    assert (result.ok, result.scope) == (True, "project")
    assert (stage.root / "tree" / ".mimocode" / "mimocode.json").exists()
    assert not stage.project_file.exists()
    assert stage.resolved(deep)["model"] == KIMI_REFERENCE


@pytest_twisted.ensureDeferred
async def test_a_repository_within_another_is_the_project(stage: SettledStage) -> None:
    inner = stage.project / "vendor" / "inner"
    (inner / ".git").mkdir(parents=True)
    stage.write("project/.mimocode/mimocode.json", {"model": "anthropic/claude"})

    result = await stage.set_up("project", cwd=inner)

    assert result.ok, result.as_text()
    assert stage.resolved(inner)["model"] == KIMI_REFERENCE
    assert stage.resolved(stage.project)["model"] == "anthropic/claude"


@pytest_twisted.ensureDeferred
async def test_outside_of_repositories_the_directory_itself_is_the_project(stage: SettledStage) -> None:
    loose = stage.root / "loose" / "deep"
    loose.mkdir(parents=True)

    chosen = await stage.set_up(cwd=loose)
    asked = await stage.set_up("project", cwd=loose)

    assert (chosen.ok, chosen.scope) == (True, "user")
    assert any("in no git repository" in note for note in chosen.notes)
    assert asked.ok, asked.as_text()
    assert (loose / ".mimocode" / "mimocode.json").exists()
    assert stage.resolved(loose)["model"] == KIMI_REFERENCE
    assert "model" not in stage.resolved(loose.parent)


@pytest_twisted.ensureDeferred
async def test_a_project_that_is_reached_through_a_link(stage: SettledStage) -> None:
    link = stage.root / "link"
    link.symlink_to(stage.project)

    assert (await stage.set_up("project", cwd=link)).ok

    assert stage.project_config() == CHOICE
    assert stage.resolved(link)["model"] == KIMI_REFERENCE


@pytest_twisted.ensureDeferred
async def test_the_users_own_model_is_left_alone_in_the_project_scope(stage: SettledStage) -> None:
    stage.write("home/.config/mimocode/config.json", {"$schema": "x", "model": "anthropic/claude"})

    assert (await stage.set_up("project")).ok

    assert stage.config("config.json")["model"] == "anthropic/claude"
    assert stage.resolved(stage.root)["model"] == "anthropic/claude"


@pytest_twisted.ensureDeferred
async def test_odd_names_of_directories(stage: SettledStage) -> None:
    odd = stage.root / "ä b'\"$(x)\n☃" / os.fsdecode(b"\xff")
    (odd / ".git").mkdir(parents=True)

    for scope in ("project", "user"):
        result = await stage.set_up(scope, cwd=odd)
        assert result.ok, result.as_text()

    assert not (odd / ".mimocode" / "mimocode.json").exists()
