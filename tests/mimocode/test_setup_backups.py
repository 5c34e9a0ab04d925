"""Backups: of what is changed, before it is, and of nothing else."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.mimocode.killed_setup import tree_at
from tests.mimocode.stage import KEY, KIMI, OTHER_KEY, QWEN, REFERENCE, START, Stage

STAMP = "2026-01-31T23-59-59-123Z"
CONFIG = '// mine\n{\n  "share": "disabled",\n}\n'


@dataclass
class StoppedStage(Stage):
    """All of its runs are in the same millisecond."""

    def _now(self) -> datetime:
        return START


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = StoppedStage(tmp_path)
    stage.mimo("--version")  # which makes mimo's own directories
    return stage


def backup(stage: Stage, name: str) -> bytes:
    return (stage.ours / "backups" / name).read_bytes()


def times(stage: Stage) -> dict[str, int]:
    """When everything was written that a run does not write each time."""
    return {
        name: os.lstat(name).st_mtime_ns
        for name, entry in tree_at(stage).items()
        if entry.kind == "file" and name != str(stage.state_file)
    }


@pytest_twisted.ensureDeferred
async def test_a_configuration_is_kept_as_it_was(stage: Stage) -> None:
    stage.write(stage.config_dir / "mimocode.jsonc", CONFIG).chmod(0o644)

    await stage.set_up("user")

    assert stage.backups() == [f"mimocode.jsonc.{STAMP}.bak"]
    assert backup(stage, f"mimocode.jsonc.{STAMP}.bak") == CONFIG.encode()
    modes = {
        name: stat.S_IMODE((stage.ours / name).stat().st_mode)
        for name in ("backups", f"backups/mimocode.jsonc.{STAMP}.bak")
    }
    assert modes == {"backups": 0o700, f"backups/mimocode.jsonc.{STAMP}.bak": 0o600}


@pytest.mark.parametrize("name", ["mimocode.jsonc", "mimocode.json", "config.json"])
@pytest_twisted.ensureDeferred
async def test_a_backup_has_the_name_of_the_file_and_the_time(stage: Stage, name: str) -> None:
    stage.write(stage.config_dir / name, "{}")

    await stage.set_up("user")

    assert stage.backups() == [f"{name}.{STAMP}.bak"]


@pytest_twisted.ensureDeferred
async def test_there_is_a_backup_before_the_configuration_is_written(stage: Stage) -> None:
    stage.write(stage.config_dir / "mimocode.jsonc", CONFIG)
    seen: dict[str, list[str]] = {}

    await stage.set_up("user", step=lambda name: seen.update({name: stage.backups()}))

    assert seen["write mimocode.jsonc"] == [f"mimocode.jsonc.{STAMP}.bak"]


@pytest_twisted.ensureDeferred
async def test_there_is_no_backup_of_a_file_that_was_not_there(stage: Stage) -> None:
    await stage.set_up("project")

    assert not (stage.ours / "backups").exists()


@pytest.mark.parametrize("scope", ["user", "project"])
@pytest_twisted.ensureDeferred
async def test_a_second_run_writes_no_configuration_and_keeps_no_backup(stage: Stage, scope: str) -> None:
    await stage.set_up(scope)
    before, written = tree_at(stage), times(stage)

    result = await stage.set_up(scope)

    assert result.ok, result.as_text()
    after = tree_at(stage)
    assert {**after, str(stage.state_file): None} == {**before, str(stage.state_file): None}
    assert times(stage) == written


@pytest_twisted.ensureDeferred
async def test_a_backup_of_a_projects_file_has_the_digest_of_its_path_too(stage: Stage) -> None:
    stage.write(stage.project_file, '{"share": "disabled"}')

    await stage.set_up("project")

    which = hashlib.sha256(str(stage.project_file).encode()).hexdigest()[:12]
    assert stage.backups() == [f"project-config/{which}-mimocode.json.{STAMP}.bak"]
    assert backup(stage, stage.backups()[0]) == b'{"share": "disabled"}'
    assert stat.S_IMODE((stage.ours / "backups" / "project-config").stat().st_mode) == 0o700


@pytest_twisted.ensureDeferred
async def test_a_file_that_is_removed_is_kept(stage: Stage) -> None:
    await stage.set_up("project")
    content = stage.project_file.read_bytes()

    await stage.set_up("user")

    assert not stage.project_file.exists()
    [name] = [name for name in stage.backups() if name.startswith("project-config/")]
    assert backup(stage, name) == content


@pytest_twisted.ensureDeferred
async def test_backups_of_the_same_moment_have_different_names(stage: Stage) -> None:
    await stage.set_up("user", QWEN.id)
    for model in (KIMI.id, QWEN.id, KIMI.id):
        await stage.set_up("user", model)

    names = [f"mimocode.jsonc.{STAMP}{number}.bak" for number in ("", "-1", "-2")]
    assert stage.backups() == sorted(names)
    models = [re.search(rb'"model": "([^"]*)"', backup(stage, name)) for name in names]
    assert [found and found[1].decode().removeprefix("gonkagate/") for found in models] == [
        QWEN.id,
        KIMI.id,
        QWEN.id,
    ]


@pytest_twisted.ensureDeferred
async def test_a_link_in_the_place_of_a_backup_is_not_followed(stage: Stage) -> None:
    stage.write(stage.config_dir / "mimocode.jsonc", CONFIG)
    stage.ours.joinpath("backups").mkdir(parents=True)
    (stage.ours / "backups" / f"mimocode.jsonc.{STAMP}.bak").symlink_to(stage.home / "elsewhere")

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert not (stage.home / "elsewhere").exists()
    assert backup(stage, f"mimocode.jsonc.{STAMP}-1.bak") == CONFIG.encode()


@pytest_twisted.ensureDeferred
async def test_a_configuration_behind_a_link_is_kept_under_the_name_of_the_link(stage: Stage) -> None:
    target = stage.write(stage.home / "dotfiles" / "mimo", CONFIG)
    (stage.config_dir / "mimocode.jsonc").symlink_to(target)

    await stage.set_up("user")

    assert stage.backups() == [f"mimocode.jsonc.{STAMP}.bak"]
    assert (stage.config_dir / "mimocode.jsonc").readlink() == target


@pytest.mark.parametrize("keys", [(KEY,), (OTHER_KEY,), (KEY, OTHER_KEY)], ids=len)
@pytest_twisted.ensureDeferred
async def test_a_key_that_stood_in_a_configuration_is_not_copied_nor_is_the_former_one(
    stage: Stage, keys: tuple[str, ...]
) -> None:
    config = stage.config_dir / "mimocode.jsonc"
    text = '{"provider": {"other": {"options": {"headers": {' + ", ".join(
        f'"x-{number}": "{key}"' for number, key in enumerate(keys)
    )
    await stage.set_up("user", key=OTHER_KEY)
    stage.write(config, text + "}}}}}")

    result = await stage.set_up("user", may_hold_key=[config])

    assert result.ok, result.as_text()
    [name] = stage.backups()
    assert backup(stage, name).count(REFERENCE.encode()) == len(keys)


@pytest_twisted.ensureDeferred
async def test_a_failed_setup_keeps_no_backup(stage: Stage) -> None:
    stage.write(stage.config_dir / "mimocode.jsonc", CONFIG)
    stage.install(commands={"models": {"stdout": ""}})
    before = tree_at(stage)

    result = await stage.set_up("user")

    assert result.status == "failed"
    assert tree_at(stage) == before


@pytest_twisted.ensureDeferred
async def test_a_key_that_stood_in_clear_is_not_copied_whichever_it_was(stage: Stage) -> None:
    by_hand = {"provider": {"gonkagate": {"options": {"apiKey": "gp-fake-by-hand-0123456789"}}}}
    stage.write(stage.config_dir / "mimocode.json", by_hand)

    result = await stage.set_up("user")

    assert result.ok
    kept = backup(stage, f"mimocode.json.{STAMP}.bak")
    assert b"gp-fake-by-hand" not in kept
    assert REFERENCE.encode() in kept
