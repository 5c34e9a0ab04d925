"""A disk that takes no more: what was written is undone, and what cannot be undone is when it can.

The system's own limit for a file's size stands for a full disk: a write ends in the middle, and is refused.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.mimocode.journal import Step
from tests.mimocode.killed_setup import tree_at
from tests.mimocode.stage import Stage, codes

TOO_SMALL = 20
CONFIG = '// mine, and longer than what the disk takes\n{\n  "share": "disabled",\n}\n'


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.mimo("--version")  # which makes mimo's own directories
    return stage


def fill_disk(*, full: bool = True) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (TOO_SMALL if full else hard, hard))


def full_at(point: str, until: str = "undo") -> Step:
    """A step from which on the disk is full, up to another one."""

    def step(name: str) -> None:
        if name == point:
            fill_disk()
        elif name.startswith(until):
            fill_disk(full=False)

    return step


@pytest.mark.parametrize(
    ("point", "code"),
    [
        ("write down", "secret_storage_failed"),
        ("write api-key", "secret_storage_failed"),
        ("write mimocode.jsonc", "config_write_failed"),
        ("write mimocode.json", "config_write_failed"),
        ("write install-state.json", "secret_storage_failed"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_write_that_the_disk_does_not_take_is_told_and_everything_is_put_back(
    stage: Stage, point: str, code: str
) -> None:
    stage.write(stage.config_dir / "mimocode.jsonc", CONFIG).chmod(0o644)
    before = tree_at(stage)

    result = await stage.set_up("project", step=full_at(point))
    fill_disk(full=False)

    assert result.status == "failed" or point == "write down"
    assert codes(result) == [code]
    assert "cannot be written" in result.blockers[0].message
    assert "File too large" in result.blockers[0].message
    assert tree_at(stage) == before


@pytest_twisted.ensureDeferred
async def test_what_a_full_disk_does_not_let_us_put_back_is_put_back_by_a_later_run(stage: Stage) -> None:
    config = stage.write(stage.config_dir / "mimocode.jsonc", CONFIG)
    before = tree_at(stage)

    result = await stage.set_up("project", step=full_at("write mimocode.json", until="never"))
    named = b"{file:" in config.read_bytes()
    kept = stage.secret.exists()
    fill_disk(full=False)
    stage.uninstall()
    later = await stage.set_up("project")

    assert codes(result)[:2] == ["config_write_failed", "rollback_failed"]
    assert str(config) in [blocker.detail for blocker in result.blockers]
    assert (named, kept) == (True, True)
    assert codes(later) == ["mimocode_not_found"]
    assert tree_at(stage) == before
