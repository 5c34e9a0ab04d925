"""The key's file: nobody else can read it at any moment, and no link leads it elsewhere."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.mimocode.killed_setup import tree_at
from tests.mimocode.stage import KEY, OTHER_KEY, Stage, codes

ME = os.geteuid(), os.getegid()
# Only root can give a file away. For anybody else this is a law of files that are theirs.
USER = (12345, 12346) if ME[0] == 0 else ME


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.mimo("--version")  # which makes mimo's own directories
    return stage


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    earlier = os.umask(request.param)
    yield
    os.umask(earlier)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def check_private(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        assert mode_of(path) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.usefixtures("umask")
@pytest_twisted.ensureDeferred
async def test_whatever_is_ours_is_private_at_each_step_whatever_the_umask(stage: Stage) -> None:
    steps: list[str] = []

    def look(name: str) -> None:
        steps.append(name)
        check_private(stage.home / ".gonkagate")

    await stage.set_up("user", step=look)
    result = await stage.set_up("project", key=OTHER_KEY, step=look)

    assert result.ok, result.as_text()
    assert steps.count("write api-key") == 2
    assert stage.secret.read_text() == f"{OTHER_KEY}\n"
    check_private(stage.home / ".gonkagate")


@pytest_twisted.ensureDeferred
async def test_a_key_that_is_there_is_not_written_again(stage: Stage) -> None:
    await stage.set_up("user")
    before = stage.secret.stat()

    await stage.set_up("user")

    after = stage.secret.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest_twisted.ensureDeferred
async def test_modes_that_were_opened_are_closed_again_without_writing(stage: Stage) -> None:
    await stage.set_up("user")
    await stage.set_up("project")
    before = stage.secret.stat()
    stage.secret.chmod(0o644)
    for directory in (stage.ours, stage.ours / "backups"):
        directory.chmod(0o755)

    await stage.set_up("project")

    after = stage.secret.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    check_private(stage.ours)


@pytest_twisted.ensureDeferred
async def test_the_directory_is_closed_before_anything_is_written_into_it(stage: Stage) -> None:
    stage.ours.mkdir(parents=True)
    stage.ours.parent.chmod(0o700)
    stage.ours.chmod(0o777)
    (stage.ours / "install-state.json").write_text("{}")
    modes: list[tuple[str, int]] = []

    await stage.set_up("user", step=lambda name: modes.append((name, mode_of(stage.ours))))

    assert modes[0] == ("write down", 0o700)


@pytest_twisted.ensureDeferred
async def test_a_failed_setup_does_not_open_the_former_key_again(stage: Stage) -> None:
    await stage.set_up("user", key=OTHER_KEY)
    stage.secret.chmod(0o644)
    stage.install(commands={"models": {"stdout": ""}})

    await stage.set_up("user")

    assert stage.secret.read_text() == f"{OTHER_KEY}\n"
    assert mode_of(stage.secret) == 0o600


def _link_to_a_directory(path: Path) -> None:
    (path.parent / "elsewhere").mkdir()
    path.symlink_to("elsewhere")


def _link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def _link_to_a_file(path: Path) -> None:
    (path.parent / "elsewhere").write_text("theirs")
    path.symlink_to("elsewhere")


def _file(path: Path) -> None:
    path.write_text("theirs")


@pytest.mark.parametrize(
    ("name", "put", "why"),
    [
        ("", _link_to_a_directory, "is a link"),
        ("", _link_to_nothing, "is a link"),
        ("", _file, "is not a directory"),
        ("mimo-code", _link_to_a_directory, "is a link"),
        ("mimo-code", _file, "is not a directory"),
        ("mimo-code", os.mkfifo, "is not a directory"),
        ("mimo-code/api-key", _link_to_a_file, "is a link"),
        ("mimo-code/api-key", _link_to_nothing, "is a link"),
        ("mimo-code/api-key", Path.mkdir, "is not a file"),
        ("mimo-code/api-key", os.mkfifo, "is not a file"),
        ("mimo-code/lock", _link_to_a_file, "is a link"),
        ("mimo-code/journal.json", _link_to_nothing, "is a link"),
        ("mimo-code/journal.json", Path.mkdir, "is not a file"),
        ("mimo-code/install-state.json", _link_to_a_file, "is a link"),
        ("mimo-code/backups", _link_to_a_directory, "is a link"),
        ("mimo-code/backups/project-config", _link_to_a_directory, "is a link"),
        ("mimo-code/backups/project-config", _file, "is not a directory"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_in_the_way_is_named_before_anything_is_done(
    stage: Stage, name: str, put: Callable[[Path], object], why: str
) -> None:
    path = stage.home / ".gonkagate" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path)
    before = tree_at(stage)
    stage.forget_calls()

    result = await stage.set_up("user")

    assert result.status == "blocked"
    assert codes(result) == ["secret_storage_failed"]
    assert result.blockers[0].detail == str(path)
    assert result.blockers[0].message.startswith(f"{path} {why}")
    assert result.blockers[0].message.endswith("See to that, and run this again.")
    assert tree_at(stage) == before
    assert stage.catalog.keys == []
    assert stage.calls() == []


@pytest.mark.parametrize("name", [".gonkagate", "mimo-code"])
@pytest_twisted.ensureDeferred
async def test_a_home_that_cannot_be_written_is_told_and_left_alone(
    stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree_at(stage)
    mkdir = os.mkdir

    def refuse(path: str, *arguments: int, **options: int) -> None:
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", path)
        mkdir(path, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", refuse)

    result = await stage.set_up("user")

    assert result.status == "blocked"
    assert codes(result) == ["secret_storage_failed"]
    assert result.blockers[0].message == (
        f"{stage.ours} cannot be used (Permission denied). See to that, and run this again."
    )
    assert tree_at(stage) == before


@pytest_twisted.ensureDeferred
async def test_what_root_makes_in_a_users_home_is_the_users(stage: Stage) -> None:
    for path in (stage.home, *stage.home.rglob("*"), stage.project, *stage.project.rglob("*")):
        os.chown(path, *USER)

    await stage.set_up("user", key=KEY)
    result = await stage.set_up("project", key=OTHER_KEY)

    assert result.ok, result.as_text()
    project = (stage.project_file, stage.project_file.parent)
    ours = [stage.ours.parent, *stage.ours.parent.rglob("*"), *stage.config_dir.glob("mimocode*"), *project]
    assert len(ours) > 8
    assert {(path.stat().st_uid, path.stat().st_gid) for path in ours} == {USER}
