"""What counts less, or says the same, does not stand in a setup's way: no alarm without a cause."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KEY, KIMI_REFERENCE, Stage, codes

KIMI_ID = "moonshotai/kimi-k2.6"
OTHER = {"model": "anthropic/claude", "small_model": "anthropic/claude"}
OURS = {"model": KIMI_REFERENCE, "small_model": KIMI_REFERENCE}
TARGET = "home/.config/mimocode/mimocode.jsonc"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def check_resolved(stage: Stage, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """That ``mimo`` itself says what was asked for."""
    resolved = stage.resolved(cwd, **(env or {}))
    assert {name: resolved[name] for name in OURS} == OURS
    provider = resolved["provider"]["gonkagate"]
    assert provider["options"] == {
        "baseURL": "https://api.gonkagate.com/v1",
        "apiKey": KEY,
        "setCacheKey": False,
    }


HARMLESS = {
    "a nested directory, which counts less": ("project", "project/deep/.mimocode/mimocode.json", OTHER),
    "a project's file, which counts less": ("project", "project/mimocode.jsonc", OTHER),
    "a nested project file, which counts less": ("project", "project/deep/mimocode.json", OTHER),
    "the user's own model": ("project", TARGET, OTHER),
    "a lower file of the user": ("user", "home/.config/mimocode/config.json", OTHER),
    "a directory beside the repository": ("user", ".mimocode/mimocode.json", OTHER),
    "a config.json where none is read": ("user", "project/.mimocode/config.json", OTHER),
    "the same choice in the project": ("user", "project/mimocode.json", OURS),
    "the same choice in the home": ("user", "home/.mimocode/mimocode.json", OURS),
    "another provider": ("user", "project/mimocode.json", {"provider": {"x": {"npm": "y"}}}),
    "another provider disabled": ("user", "project/mimocode.json", {"disabled_providers": ["x"]}),
    "this provider enabled": ("user", "project/mimocode.json", {"enabled_providers": ["gonkagate"]}),
    "an agent": ("user", "project/mimocode.json", {"agent": {"build": {"model": "anthropic/claude"}}}),
    "an own timeout": (
        "user",
        "project/mimocode.json",
        {"provider": {"gonkagate": {"options": {"timeout": 1000, "headers": {"x-team": "a"}}}}},
    ),
    "an own limit": (
        "user",
        "project/mimocode.json",
        {"provider": {"gonkagate": {"models": {KIMI_ID: {"limit": {"context": 9, "output": 9}}}}}},
    ),
}


@pytest.mark.parametrize(("scope", "file", "content"), HARMLESS.values(), ids=list(HARMLESS))
@pytest_twisted.ensureDeferred
async def test_what_hides_nothing(stage: Stage, scope: str, file: str, content: dict[str, Any]) -> None:
    (stage.project / "deep").mkdir()
    stage.write(file, content)

    result = await stage.set_up(scope, cwd=stage.project / "deep")

    assert result.ok, result.as_text()
    resolved = stage.resolved(stage.project / "deep")
    assert {name: resolved[name] for name in OURS} == OURS


PLACEHOLDERS = {
    "a model": '{"model": "{env:MY_MODEL}", "small_model": "gonkagate/{env:MY_ID}"}',
    "a model from a file": '{"model": "{file:model}"}',
    "an enabled provider": '{"enabled_providers": ["{env:MY_PROVIDER}"]}',
    "a whitelist": '{"provider": {"gonkagate": {"whitelist": ["{env:MY_ID}"]}}}',
    "the base URL": '{"provider": {"gonkagate": {"options": {"baseURL": "{env:MY_URL}"}}}}',
    "a whole value": '{"provider": {"gonkagate": {"options": {"setCacheKey": {env:MY_NO}}}}}',
    "all of it": "{env:MY_NO_NEWS}",
}
VALUES = {
    "MY_MODEL": KIMI_REFERENCE,
    "MY_ID": KIMI_ID,
    "MY_PROVIDER": "gonkagate",
    "MY_URL": "https://api.gonkagate.com/v1",
    "MY_NO": "false",
    "MY_NO_NEWS": '{"$schema": "x"}',
}


@pytest.mark.parametrize("text", PLACEHOLDERS.values(), ids=list(PLACEHOLDERS))
@pytest_twisted.ensureDeferred
async def test_a_placeholder_that_leads_to_the_right_value(stage: Stage, text: str) -> None:
    stage.write("project/.mimocode/model", KIMI_REFERENCE)
    stage.write("project/.mimocode/mimocode.jsonc", text)

    result = await stage.set_up("user", env=VALUES)

    assert result.ok, result.as_text()
    check_resolved(stage, env=VALUES)


@pytest_twisted.ensureDeferred
async def test_a_file_that_only_mimo_can_read_may_mend_what_lower_ones_spoil(stage: Stage) -> None:
    stage.write("project/mimocode.json", OTHER)
    stage.write(
        "project/.mimocode/mimocode.jsonc",
        '{"snapshot": {env:MY_NO}, "model": "gonkagate/{env:MY_ID}", "small_model": "gonkagate/{env:MY_ID}"}',
    )

    result = await stage.set_up("user", env=VALUES)

    assert result.ok, result.as_text()


@pytest_twisted.ensureDeferred
async def test_letters_that_are_no_utf8_in_a_neighbour(stage: Stage) -> None:
    latin = '{"$schema": "x", "instructions": ["caf\xe9.md"]}'.encode("latin-1")
    path = stage.write("project/.mimocode/mimocode.jsonc", latin)

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert path.read_bytes() == latin


@pytest_twisted.ensureDeferred
async def test_the_directory_of_the_configuration_itself_is_no_project(stage: Stage) -> None:
    stage.config_dir.mkdir(parents=True)

    for _ in range(2):
        result = await stage.set_up("user", cwd=stage.config_dir)
        assert result.ok, result.as_text()

    assert stage.config_dir.joinpath("mimocode.jsonc").stat().st_mode & 0o777 == 0o600
    check_resolved(stage, stage.config_dir)


DIRECTORIES = {
    "MIMOCODE_HOME": "home/elsewhere/config",
    "XDG_CONFIG_HOME": "home/elsewhere/mimocode",
}


@pytest.mark.parametrize("variable", DIRECTORIES)
@pytest_twisted.ensureDeferred
async def test_the_directory_that_the_environment_names(stage: Stage, variable: str) -> None:
    env = {variable: str(stage.home / "elsewhere")}
    file = stage.write(f"{DIRECTORIES[variable]}/mimocode.json", '{\n  // mine\n  "model": "x/y"\n}\n')

    result = await stage.set_up("user", env=env)

    assert result.ok, result.as_text()
    assert "// mine" in file.read_text()
    assert not (stage.config_dir / "mimocode.jsonc").exists()
    check_resolved(stage, env=env)


@pytest_twisted.ensureDeferred
async def test_a_link_to_the_home_directory(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    link = stage.root / "link"
    link.symlink_to(stage.home)
    (stage.home / ".git").mkdir()

    blocked = await stage.set_up("project", cwd=stage.home, env={"HOME": str(link)})
    result = await stage.set_up("user", cwd=stage.home, env={"HOME": str(link)})

    assert codes(blocked) == ["project_secret_binding_forbidden"]
    assert result.ok, result.as_text()
    check_resolved(stage, stage.home, {"HOME": str(link)})
    assert not (stage.home / ".mimocode").exists()


@pytest_twisted.ensureDeferred
async def test_a_linked_configuration_counts_like_any_other(tmp_path: Path) -> None:
    stage = SettledStage(tmp_path)
    stage.write("dotfiles/mimo.json", OTHER)
    (stage.project / ".mimocode").mkdir()
    link = stage.project / ".mimocode" / "mimocode.jsonc"
    link.symlink_to("../../dotfiles/mimo.json")
    before = stage.settled()

    result = await stage.set_up("project")

    stage.check_named_before_writing(result, before, link)
