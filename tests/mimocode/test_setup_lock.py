"""Two setups at once: one is at work, the other says so and changes nothing."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.mimocode.catalog import CatalogModel
from ccmimolink.mimocode.errors import SetupError
from ccmimolink.mimocode.provider import GONKAGATE, Places, Provider
from ccmimolink.mimocode.storage import locked, new_journal, places_of
from ccmimolink.private_files import make_directory
from tests.mimocode.killed_setup import AT_ONCE, ROUNDS, tree_at
from tests.mimocode.played_setup import Theatre
from tests.mimocode.stage import FakeCatalog, Stage, codes

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from pathlib import Path
from ccmimolink.mimocode.provider import GONKAGATE
from ccmimolink.mimocode.storage import locked, places_of
with locked(places_of(GONKAGATE, Path(sys.argv[1]))):
    print("locked", flush=True)
    sys.stdin.readline()
"""
TOGETHER = ("user scope", "not proved")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.mimo("--version")  # which makes mimo's own directories
    return stage


@pytest.fixture
def holder(stage: Stage) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock, until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(stage.home)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


@pytest_twisted.ensureDeferred
async def test_a_setup_beside_another_one_is_refused_and_changes_nothing(
    stage: Stage, holder: subprocess.Popen[str]
) -> None:
    before = tree_at(stage)

    result = await stage.set_up("user")

    assert result.status == "blocked"
    assert codes(result) == ["already_running"]
    assert (
        result.blockers[0].message
        == "Another mimo-code-setup is at work. Wait for it to end, and run this again."
    )
    assert tree_at(stage) == before
    assert holder.poll() is None


@pytest_twisted.ensureDeferred
async def test_a_setup_in_the_middle_keeps_others_away(stage: Stage) -> None:
    refused: dict[str, str] = {}

    def step(name: str) -> None:
        with (
            pytest.raises(SetupError, match="at work") as raised,
            locked(places_of(GONKAGATE, stage.home)),
        ):
            pass
        refused[name] = raised.value.blockers[0].code

    result = await stage.set_up("user", step=step)

    assert result.ok, result.as_text()
    assert {"write api-key", "write mimocode.jsonc", "write install-state.json", "end"} <= refused.keys()
    assert set(refused.values()) == {"already_running"}


@pytest_twisted.ensureDeferred
async def test_the_lock_of_a_killed_process_is_in_nobodys_way(
    stage: Stage, holder: subprocess.Popen[str]
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    left = (stage.ours / "lock").exists()

    result = await stage.set_up("user")

    assert left
    assert result.ok, result.as_text()


@pytest_twisted.ensureDeferred
async def test_a_refused_setup_takes_away_what_a_killed_one_had_made_before_it_wrote(
    stage: Stage,
) -> None:
    before = tree_at(stage)
    stage.uninstall()
    for name in (".gonkagate", ".gonkagate/mimo-code"):
        (stage.home / name).mkdir()

        result = await stage.set_up("user")

        assert codes(result) == ["mimocode_not_found"]
        assert tree_at(stage) == before
        (stage.home / ".gonkagate").mkdir()


@pytest_twisted.ensureDeferred
async def test_what_others_keep_beside_us_stays(stage: Stage) -> None:
    other = stage.write(stage.home / ".gonkagate" / "another" / "api-key", "theirs")
    stage.uninstall()

    await stage.set_up("user")

    assert other.read_text() == "theirs"
    assert not stage.ours.exists()


@pytest_twisted.ensureDeferred
async def test_nothing_is_left_of_a_setup_that_was_refused_under_the_lock(stage: Stage) -> None:
    stage.write(stage.config_dir / "mimocode.jsonc", '{"provider": []}')
    before = tree_at(stage)

    result = await stage.set_up("user")

    assert codes(result) == ["config_parse_failed"]
    assert tree_at(stage) == before


def check_locked(places: Places) -> None:
    with pytest.raises(SetupError, match="at work"), locked(places):
        pass


def test_a_directory_that_another_run_removes_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = places_of(GONKAGATE, tmp_path)
    removed: list[bool] = []
    mkdir = os.mkdir

    def remove_once(path: Path, *arguments: int, **options: int) -> None:
        if path == places.root and not removed:
            removed.append(True)
            os.rmdir(places.root.parent)  # as another run does at its end
        mkdir(path, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", remove_once)

    with locked(places):
        check_locked(places)

    assert removed == [True]
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_another_run_removes_before_it_is_taken_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = places_of(GONKAGATE, tmp_path)
    removed: list[bool] = []
    flock = fcntl.flock

    def remove_once(descriptor: int, operation: int) -> None:
        if not removed:
            removed.append(True)
            places.lock.unlink()  # as another run does at its end
            places.root.rmdir()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", remove_once)

    with locked(places):
        check_locked(places)

    assert removed == [True]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    theatre = Theatre(tmp_path_factory.mktemp("together"), "together", TOGETHER)
    yield theatre
    theatre.close()


@pytest.mark.parametrize("name", TOGETHER)
def test_of_several_setups_at_once_at_least_one_is_made_and_the_others_change_nothing(
    theatre: Theatre, name: str
) -> None:
    played = theatre.played(name)

    state = next((path for path in played.after.tree if path.endswith("/install-state.json")), "")
    assert len(played.endings) == ROUNDS
    for ending in played.endings:
        ends = [(left.status, *left.codes) for left in ending.later.values()]
        made = ("success",) if name == "user scope" else ("failed", "model_visibility_failed")
        refused = ("blocked", "already_running")
        assert len(ends) == AT_ONCE
        assert made in ends
        assert set(ends) <= {made, refused}
        expected = played.after.tree if name == "user scope" else played.before
        assert {**ending.left, state: None} == {**expected, state: None}


class KilledMeanwhile(FakeCatalog):
    """While one run waits for the catalog, another one is killed behind its first write."""

    def __init__(self, home: Path, file: Path) -> None:
        super().__init__()
        self._places, self._file = places_of(GONKAGATE, home), file

    async def fetch(self, provider: Provider, key: str) -> tuple[CatalogModel, ...]:
        make_directory(self._places.root)
        new_journal(self._places, GONKAGATE).write(self._file, b'{"share": "auto"}', 0o600)
        return await super().fetch(provider, key)


@pytest_twisted.ensureDeferred
async def test_a_run_that_was_killed_while_this_one_waited_is_undone_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    file = stage.write(stage.config_dir / "mimocode.jsonc", '{"share": "disabled"}')
    stage.catalog = KilledMeanwhile(stage.home, file)

    result = await stage.set_up("user")

    assert result.ok
    assert stage.config()["share"] == "disabled"
    assert "An earlier run was ended in the middle; what it had written was put back." in result.notes
