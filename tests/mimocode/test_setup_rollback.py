"""Setups that fail: everything is put back, but for what somebody else changed meanwhile."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.mimocode.journal import Step
from ccmimolink.mimocode.result import Result
from tests.mimocode.killed_setup import BLOCKED, Ending, Played, Tree, tree_at
from tests.mimocode.mimo_home import Hooks
from tests.mimocode.played_setup import Theatre
from tests.mimocode.stage import KEY, KIMI_REFERENCE, OTHER_KEY, REFERENCE, Stage, codes

SILENT: Hooks = {"commands": {"models": {"stdout": ""}}}
"""A ``mimo`` with which no setup is proved."""
PLAIN = '{"share": "disabled"}\n'
RAISED = ("project scope", "another key", "not proved")


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    theatre = Theatre(tmp_path_factory.mktemp("raised"), "raise", RAISED)
    yield theatre
    theatre.close()


EMPTY = {"/home/.gonkagate", "/home/.gonkagate/mimo-code", "/home/.gonkagate/mimo-code/lock"}
"""What may be left of a setup that could not even remove its lock."""


def what_differs(one: Tree, other: Tree) -> set[str]:
    differing = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    root = os.path.commonpath(list(one)).removesuffix("/home")
    return {path.removeprefix(root) for path in differing}


def check_ending(played: Played, ending: Ending) -> None:
    if ending.point == "step unlock" or (ending.said is not None and ending.said.status == "success"):
        assert ending.left == played.after.tree
    elif ending.left != played.before:
        # The rollback itself was hit. It says so, unless the user ended it, and the next run goes on with it.
        if ending.said is not None and "rollback_failed" not in ending.said.codes:
            assert what_differs(ending.left, played.before) <= EMPTY
        assert ending.later[BLOCKED].tree == played.before
        assert ending.later[BLOCKED].status == "blocked"


@pytest.mark.parametrize("name", RAISED)
def test_whatever_is_refused_or_interrupted_everything_is_put_back_at_once_or_by_the_next_run(
    theatre: Theatre, name: str
) -> None:
    played = theatre.played(name)

    assert len(played.endings) > 60
    assert {"CancelledError()", "KeyboardInterrupt()"} <= {ending.error for ending in played.endings}
    for ending in played.endings:
        try:
            check_ending(played, ending)
        except AssertionError as error:
            error.add_note(f"{ending.error} before: {ending.point}")
            raise


# -- what somebody else changed ------------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.mimo("--version")  # which makes mimo's own directories
    return stage


def at(point: str, act: Callable[[], object]) -> Step:
    """A step that does something once."""
    left = [act]

    def step(name: str) -> None:
        if name == point and left:
            left.pop()()

    return step


def remaining(result: Result) -> dict[str | None, str]:
    """What the result says of files that were not put back."""
    return {one.detail: one.message for one in result.blockers if one.code == "rollback_failed"}


def tree_without(stage: Stage, *paths: Path) -> Tree:
    left_out = tuple(map(str, paths))
    return {path: entry for path, entry in tree_at(stage).items() if not path.startswith(left_out)}


def named_secrets_are_there(stage: Stage) -> Step:
    """A step that finds each configuration on the disk that names the key's file, and the file."""

    def step(_name: str) -> None:
        named = any(
            REFERENCE.encode() in path.read_bytes()
            for path in (*stage.config_dir.glob("*"), stage.project_file)
            if path.is_file()
        )
        assert not named or stage.secret.is_file()

    return step


@pytest_twisted.ensureDeferred
async def test_at_no_step_of_a_rollback_does_the_configuration_name_a_file_that_is_missing(
    stage: Stage,
) -> None:
    seen: list[str] = []
    check = named_secrets_are_there(stage)

    def step(name: str) -> None:
        seen.append(name)
        check(name)

    stage.install(**SILENT)
    before = tree_at(stage)

    result = await stage.set_up("user", step=step)

    assert codes(result) == ["model_visibility_failed"]
    assert seen.index("undo mimocode.jsonc") < seen.index("undo api-key")
    assert tree_at(stage) == before


@dataclass(frozen=True)
class Stranger:
    """What somebody puts in the place of a file."""

    name: str
    act: Callable[[Path], object]

    def __str__(self) -> str:
        return self.name


def _link(path: Path) -> None:
    other = path.with_name(f"{path.name}.theirs")
    other.write_bytes(path.read_bytes() + b"\n")
    path.unlink()
    path.symlink_to(other.name)


def _link_to_the_same(path: Path) -> None:
    other = path.with_name(f"{path.name}.theirs")
    path.rename(other)
    path.symlink_to(other.name)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


STRANGERS = [
    Stranger("edited", lambda path: path.write_bytes(path.read_bytes() + b"\n")),
    Stranger("deleted", Path.unlink),
    Stranger("a link", _link),
    Stranger("a link to the same", _link_to_the_same),
    Stranger("a directory", _directory),
    Stranger("a fifo", _fifo),
]


def refused() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def path_of(stage: Stage, kind: str) -> Path:
    if kind == "backup":
        return stage.ours / "backups" / stage.backups()[0]
    return {
        "configuration": stage.config_dir / "mimocode.jsonc",
        "project": stage.project_file,
        "secret": stage.secret,
        "state": stage.state_file,
    }[kind]


@pytest.mark.parametrize(
    ("kind", "stranger"),
    [("configuration", stranger) for stranger in STRANGERS]
    + [(kind, STRANGERS[which]) for which in (0, 4) for kind in ("project", "secret", "state", "backup")],
    ids=str,
)
@pytest_twisted.ensureDeferred
async def test_a_file_that_somebody_else_changed_is_kept_and_told_and_the_others_are_put_back(
    stage: Stage, kind: str, stranger: Stranger
) -> None:
    await stage.set_up("user", key=OTHER_KEY)
    before = tree_at(stage)
    changed: list[Path] = []
    there: list[tuple[int, ...]] = []

    def change_and_fail() -> None:
        path = path_of(stage, kind)
        stranger.act(path)
        changed.append(path)
        there.append(identity(path))
        refused()

    result = await stage.set_up("project", step=at("end", change_and_fail))

    [path] = changed
    assert codes(result)[0] == "secret_storage_failed"
    assert list(remaining(result)) == [str(path)]
    assert "was changed by something else meanwhile" in remaining(result)[str(path)]
    assert there == [identity(path)]
    kept = [path, path.with_name(f"{path.name}.theirs")]
    if kind in ("project", "backup"):
        kept.append(path.parent)  # which was made for it
    left_out = tuple(map(str, kept))
    assert tree_without(stage, *kept) == {
        name: entry for name, entry in before.items() if not name.startswith(left_out)
    }


def identity(path: Path) -> tuple[int, ...]:
    """Of what is there itself, and of what was done to it; empty where there is nothing."""
    if not os.path.lexists(path):
        return ()
    status = path.lstat()
    return (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns)


@pytest_twisted.ensureDeferred
async def test_a_new_secret_stays_while_a_configuration_that_was_kept_names_it(stage: Stage) -> None:
    config = stage.config_dir / "mimocode.jsonc"

    def change_and_fail() -> None:
        config.write_bytes(config.read_bytes() + b"// mine\n")
        refused()

    result = await stage.set_up("user", step=at("end", change_and_fail))

    assert set(remaining(result)) == {str(config), str(stage.secret)}
    assert "is needed by such a file" in remaining(result)[str(stage.secret)]
    assert stage.secret.read_text() == f"{KEY}\n"
    assert KIMI_REFERENCE in str(stage.resolved())


@pytest_twisted.ensureDeferred
async def test_a_new_secret_goes_where_the_configuration_that_was_kept_does_not_name_it(
    stage: Stage,
) -> None:
    config = stage.config_dir / "mimocode.jsonc"

    def change_and_fail() -> None:
        config.write_bytes(b'{"theme": "mine"}')
        refused()

    result = await stage.set_up("user", step=at("end", change_and_fail))

    assert set(remaining(result)) == {str(config)}
    assert config.read_bytes() == b'{"theme": "mine"}'
    assert not stage.ours.exists()


@pytest_twisted.ensureDeferred
async def test_a_new_secret_goes_once_the_configuration_that_names_it_can_be_put_back(stage: Stage) -> None:
    before = tree_at(stage)
    blocker = stage.config_dir / "mimocode.jsonc.mimo-code-setup.tmp"

    def obstruct_and_fail() -> None:
        blocker.mkdir()
        refused()

    first = await stage.set_up("user", step=at("end", obstruct_and_fail))
    left = stage.config()
    blocker.rmdir()
    stage.uninstall()
    second = await stage.set_up("user")

    assert set(remaining(first)) == {str(stage.config_dir / "mimocode.jsonc"), str(stage.secret)}
    assert "it will be tried once more" in str(remaining(first))
    assert left["provider"]["gonkagate"]["options"]["apiKey"] == REFERENCE
    assert codes(second) == ["mimocode_not_found"]
    assert tree_at(stage) == before


@pytest_twisted.ensureDeferred
async def test_a_recovery_that_cannot_be_made_is_told_and_made_by_a_later_run(stage: Stage) -> None:
    before = tree_at(stage)
    blocker = stage.config_dir / "mimocode.jsonc.mimo-code-setup.tmp"

    def obstruct_and_fail() -> None:
        blocker.mkdir()
        refused()

    await stage.set_up("user", step=at("end", obstruct_and_fail))
    second = await stage.set_up("user")
    blocker.rmdir()
    third = await stage.set_up("user")

    assert second.status == "failed"
    assert codes(second) == ["rollback_failed", "rollback_failed"]
    assert third.ok, third.as_text()
    assert third.notes == ["An earlier run was ended in the middle; what it had written was put back."]
    assert tree_at(stage) != before


@pytest_twisted.ensureDeferred
async def test_a_file_that_changes_in_the_moment_before_it_is_written_is_not_written(stage: Stage) -> None:
    config = stage.write(stage.config_dir / "mimocode.jsonc", PLAIN)

    result = await stage.set_up("user", step=at("write mimocode.jsonc", lambda: config.write_bytes(b"{}")))

    assert codes(result) == ["config_write_failed", "rollback_failed"]
    assert "it was changed at the same moment" in result.blockers[0].message
    assert config.read_bytes() == b"{}"
    assert not stage.ours.exists()


class Killed(BaseException):
    """Ends a setup with nothing put back."""


@pytest_twisted.ensureDeferred
async def test_what_somebody_changed_after_a_kill_is_kept_by_the_recovery_and_told(stage: Stage) -> None:
    config = stage.config_dir / "mimocode.jsonc"

    def step(name: str) -> None:
        if name == "end" or name.startswith("undo"):
            raise Killed

    with pytest.raises(Killed):
        await stage.set_up("user", step=step)
    config.write_bytes(config.read_bytes().replace(b"{", b'{ "share": "disabled",', 1))
    stage.uninstall()

    result = await stage.set_up("user")

    assert codes(result) == ["mimocode_not_found"]
    assert [warning.partition(" ")[0] for warning in result.warnings] == [str(config), str(stage.secret)]
    assert stage.config()["share"] == "disabled"
    assert stage.secret.exists()
    assert not stage.state_file.exists()
    assert not (stage.ours / "journal.json").exists()
