"""What ``mimo`` does to files when a setup starts it, and that nothing of it is left in files of others."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.mimocode.journal import Step
from tests.mimocode.killed_setup import tree_at
from tests.mimocode.mimo_home import Hooks
from tests.mimocode.stage import SCHEMA, Stage, codes

SILENT: Hooks = {"commands": {"models": {"stdout": ""}}}
"""A ``mimo`` with which no setup is proved."""
PLAIN = '{"share": "disabled"}\n'


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.mimo("--version")  # which makes mimo's own directories
    return stage


def at_end(act: Callable[[], object]) -> Step:
    """A step that does something when a setup would be done, and ends it."""
    left = [act]

    def step(name: str) -> None:
        if name == "end" and left:
            left.pop()()
            raise OSError

    return step


def with_files_of_others(stage: Stage) -> None:
    """Such as mimo rewrites, each in another place."""
    stage.write(stage.config_dir / "config.json", PLAIN).chmod(0o604)
    stage.write(stage.project / "mimocode.json", "\n" + PLAIN).chmod(0o666)
    stage.write(stage.project / ".mimocode" / "mimocode.jsonc", PLAIN)
    stage.write(stage.home / ".mimocode" / "mimocode.json", "// mine\n{}")
    stage.write(stage.home / ".mimocode" / ".gitignore", "mine\n")


@pytest_twisted.ensureDeferred
async def test_a_failed_setup_leaves_nothing_of_what_mimo_did_to_the_files_of_others(stage: Stage) -> None:
    with_files_of_others(stage)
    stage.install(**SILENT)
    before = tree_at(stage)

    result = await stage.set_up("project")

    assert codes(result) == ["model_visibility_failed"]
    assert tree_at(stage) == before


@pytest_twisted.ensureDeferred
async def test_a_setup_leaves_the_files_of_others_as_they_were(stage: Stage) -> None:
    with_files_of_others(stage)
    before = tree_at(stage)
    stage.write(stage.config_dir / "mimocode.jsonc", "{}")  # the one that is written

    result = await stage.set_up("project")

    assert result.ok, result.as_text()
    after = tree_at(stage)
    assert {path: after[path] for path, entry in before.items() if entry.kind == "file"} == {
        path: entry for path, entry in before.items() if entry.kind == "file"
    }


@pytest_twisted.ensureDeferred
async def test_a_directory_that_was_made_goes_with_what_mimo_put_into_it(stage: Stage) -> None:
    shutil.rmtree(stage.config_dir)
    seen: list[bool] = []
    ignored = stage.project_file.with_name(".gitignore")

    def look_and_fail() -> None:
        seen.append(ignored.exists())

    await stage.set_up("project", step=at_end(look_and_fail))

    assert seen == [True]
    assert not stage.project_file.parent.exists()


@pytest_twisted.ensureDeferred
async def test_a_directory_stays_where_the_user_put_something_into_it(stage: Stage) -> None:
    ignored = stage.project_file.with_name(".gitignore")

    def change_and_fail() -> None:
        ignored.write_text("mine\n")

    result = await stage.set_up("project", step=at_end(change_and_fail))

    assert codes(result) == ["secret_storage_failed"]
    assert ignored.read_text() == "mine\n"
    assert not stage.project_file.exists()


@pytest_twisted.ensureDeferred
async def test_a_file_of_ours_that_mimo_touched_is_put_back_as_well(stage: Stage) -> None:
    await stage.set_up("project")
    content = stage.project_config()
    del content["$schema"]  # which mimo writes into it once more
    stage.write(stage.project_file, {**content, "share": "disabled"})
    stage.install(**SILENT)
    before = tree_at(stage)

    result = await stage.set_up("user")

    assert codes(result) == ["model_visibility_failed"]
    assert tree_at(stage) == before


@pytest_twisted.ensureDeferred
async def test_a_schema_that_was_put_into_a_configuration_of_ours_stays_there(stage: Stage) -> None:
    await stage.set_up("user")
    config = stage.config_dir / "mimocode.jsonc"
    config.write_text(config.read_text().replace(f'  "$schema": "{SCHEMA}",\n', ""))

    await stage.set_up("user")

    assert stage.config()["$schema"] == SCHEMA
