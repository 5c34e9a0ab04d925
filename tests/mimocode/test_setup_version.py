"""Which ``mimo`` is set up: the one that is found, if it is the audited one; else nothing is begun."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.mimocode.errors import Code, SetupError
from ccmimolink.mimocode.mimo import Mimo, find_mimo
from ccmimolink.mimocode.provider import AUDITED, GONKAGATE
from ccmimolink.mimocode.result import Result
from ccmimolink.mimocode.settings import Settings
from tests.mimocode.mimo_home import REAL_MIMO, SYSTEM_PATH, Entry, install_mimo, needs_stand_in
from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import Person, codes

INSTALL = "npm install -g @mimo-ai/cli@0.1.0"


class Untouchable(Person):
    """A person who must not be asked."""

    def _hidden(self, question: str, stream: Any) -> str:
        raise AssertionError("asked for the key")


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


async def refused(stage: SettledStage, before: dict[str, Entry], code: str, **how: Any) -> Result:
    """The setup is blocked by ``mimo``, before a key was asked for, the network touched or a file changed."""
    result = await stage.set_up("user", key=None, person=Untouchable(), **how)

    assert codes(result) == [code]
    assert (result.status, result.blockers[0].source) == ("blocked", "mimocode")
    assert stage.catalog.keys == []
    assert stage.settled() == before
    return result


ACCEPTED = {
    "as it is printed": "0.1.0\n",
    "with a v": "v0.1.0\n",
    "with a build": "0.1.0+linux.5\n",
    "in a sentence": "mimo version 0.1.0 (linux-x64)\n",
    "with an address": "@mimo-ai/cli@0.1.0",
    "before another one": "0.1.0 (bun 1.3.0)\n",
    "below a word": "Welcome\r\n0.1.0\r\n",
}


@needs_stand_in
@pytest.mark.parametrize("printed", ACCEPTED.values(), ids=list(ACCEPTED))
@pytest_twisted.ensureDeferred
async def test_the_audited_version_is_accepted(stage: SettledStage, printed: str) -> None:
    stage.install(version=printed)

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert result.version == "0.1.0"


@needs_stand_in
@pytest.mark.parametrize("version", ["0.0.9", "0.0.99", "0.0.0", "0.1.0-rc.1", "0.1.0-0", "0.1.0-rc.1+build"])
@pytest_twisted.ensureDeferred
async def test_an_older_version_ends_the_setup_before_it_begins(stage: SettledStage, version: str) -> None:
    stage.install(version=f"{version}\n")
    before = stage.settled()

    result = await refused(stage, before, Code.MIMOCODE_VERSION_TOO_OLD)

    assert f"MiMoCode {version} is older than 0.1.0" in result.blockers[0].message
    assert INSTALL in result.blockers[0].message
    assert result.blockers[0].detail == version


@needs_stand_in
@pytest.mark.parametrize(
    "version", ["0.1.1", "0.1.13", "0.2.0", "0.10.0", "1.0.0", "0.1.1-rc.1", "999999999.0.0"]
)
@pytest_twisted.ensureDeferred
async def test_a_newer_version_ends_the_setup_before_it_begins(stage: SettledStage, version: str) -> None:
    stage.install(version=f"{version}\n")
    before = stage.settled()

    result = await refused(stage, before, Code.MIMOCODE_NEWER_THAN_AUDITED)

    assert f"MiMoCode {version} is newer than 0.1.0" in result.blockers[0].message
    assert INSTALL in result.blockers[0].message
    assert result.blockers[0].detail == version


NO_VERSIONS = {
    "nothing": "",
    "words": "error: no idea\n",
    "two numbers": "0.1\n",
    "four numbers": "0.1.0.5\n",
    "a part of a word": "x0.1.0\n",
    "a hyphen too many": "0.1.0-\n",
    "a leading zero": "0.01.0\n",
    "a number beyond all": "0.1.9999999999\n",
    "other digits": "\u0660.\u0661.\u0660\n",
}


@needs_stand_in
@pytest.mark.parametrize("printed", NO_VERSIONS.values(), ids=list(NO_VERSIONS))
@pytest_twisted.ensureDeferred
async def test_what_names_no_version_ends_the_setup_before_it_begins(
    stage: SettledStage, printed: str
) -> None:
    stage.install(version=printed)
    before = stage.settled()

    result = await refused(stage, before, Code.MIMOCODE_VERSION_UNPARSEABLE)

    assert INSTALL in result.blockers[0].message
    assert "no idea" not in result.as_text()


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_the_first_version_that_is_printed_counts(stage: SettledStage) -> None:
    stage.install(version="launcher 1.3.0, mimo 0.1.0\n")

    await refused(stage, stage.settled(), Code.MIMOCODE_NEWER_THAN_AUDITED)


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_version_on_stderr_is_none(stage: SettledStage) -> None:
    stage.install(commands={"--version": {"stderr": "0.1.0\n", "stdout": ""}})

    await refused(stage, stage.settled(), Code.MIMOCODE_VERSION_UNPARSEABLE)


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_mimo_that_fails_is_told_from_one_that_is_missing(stage: SettledStage) -> None:
    stage.install(commands={"--version": {"stdout": "0.1.0\n", "rc": 3}})

    result = await refused(stage, stage.settled(), Code.MIMOCODE_NOT_FOUND)

    assert result.blockers[0].detail == "exit status 3"
    assert f"{stage.program} --version ends with exit status 3" in result.blockers[0].message
    assert INSTALL in result.blockers[0].message


@pytest_twisted.ensureDeferred
async def test_a_relative_home_of_mimocode_is_named_as_the_reason(stage: SettledStage) -> None:
    result = await refused(
        stage, stage.settled(), Code.MIMOCODE_NOT_FOUND, env={"MIMOCODE_HOME": "relative/home"}
    )

    assert "MIMOCODE_HOME is not an absolute path" in result.blockers[0].message
    assert result.blockers[0].detail == "exit status 1"


@pytest_twisted.ensureDeferred
async def test_an_empty_home_of_mimocode_is_none(stage: SettledStage) -> None:
    result = await stage.set_up("user", env={"MIMOCODE_HOME": ""})

    assert result.ok, result.as_text()


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_mimo_that_floods_is_not_read_to_its_end(stage: SettledStage) -> None:
    stage.install(commands={"--version": {"huge": 40 * 1024 * 1024}})

    result = await refused(stage, stage.settled(), Code.MIMOCODE_NOT_FOUND)

    assert "printed more than could be meant" in result.blockers[0].message


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_mimo_that_hangs_is_given_up(stage: SettledStage) -> None:
    from twisted.internet import reactor

    stage.install(commands={"--version": {"hang": True, "ignore_sigterm": True}})
    mimo = Mimo(reactor, stage.program, stage.project, seconds=0.1)

    with pytest.raises(SetupError, match=r"did not end within 0\.1 seconds") as caught:
        await mimo.version(AUDITED, settings_for(str(stage.bin_dir)))
    assert [blocker.code for blocker in caught.value.blockers] == [Code.MIMOCODE_NOT_FOUND]


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_mimo_that_cannot_be_started_is_named(stage: SettledStage) -> None:
    stage.program.write_bytes(b"\x00 is no program")

    result = await refused(stage, stage.settled(), Code.MIMOCODE_NOT_FOUND)

    assert f"{stage.program} does not work: it cannot be started" in result.blockers[0].message
    assert INSTALL in result.blockers[0].message


@pytest_twisted.ensureDeferred
async def test_a_missing_mimo_ends_the_setup_with_the_way_to_install_it(stage: SettledStage) -> None:
    stage.uninstall()

    result = await refused(stage, stage.settled(), Code.MIMOCODE_NOT_FOUND, env={"PATH": str(stage.bin_dir)})

    assert "There is no mimo on your PATH" in result.blockers[0].message
    assert INSTALL in result.blockers[0].message


def settings_for(path: str) -> Settings:
    return Settings.from_environ(GONKAGATE, {"HOME": "/", "PATH": path})


def found(*entries: str | Path) -> Path | None:
    try:
        return find_mimo(settings_for(os.pathsep.join(map(str, entries))), AUDITED)
    except SetupError:
        return None


@pytest.fixture
def bins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two directories with a ``mimo``; the first one is the present directory."""
    monkeypatch.chdir(tmp_path)
    made = [tmp_path / "one", tmp_path / "two"]
    for directory in made:
        install_mimo(directory, version="0.1.0\n")
    monkeypatch.chdir(made[0])
    return made


def test_the_first_mimo_on_the_path_is_found(bins: list[Path]) -> None:
    assert found("/nonexistent", bins[1], bins[0]) == bins[1] / "mimo"


@pytest.mark.parametrize("entry", ["", ".", "../one", "~"])
def test_a_mimo_that_lies_where_one_stands_is_none(bins: list[Path], entry: str) -> None:
    assert found(entry) is None
    assert found(entry, bins[1]) == bins[1] / "mimo"


def test_an_empty_path_finds_none(bins: list[Path]) -> None:
    assert bins
    assert found("") is None


def test_a_directory_called_mimo_is_none(bins: list[Path]) -> None:
    (bins[0] / "mimo").unlink()
    (bins[0] / "mimo").mkdir()

    assert found(bins[0], bins[1]) == bins[1] / "mimo"


def test_a_file_that_is_not_executable_is_none(bins: list[Path]) -> None:
    (bins[0] / "mimo").chmod(0o644)

    assert found(bins[0], bins[1]) == bins[1] / "mimo"


def test_a_link_that_leads_nowhere_is_none(bins: list[Path]) -> None:
    (bins[0] / "mimo").unlink()
    (bins[0] / "mimo").symlink_to("gone")

    assert found(bins[0], bins[1]) == bins[1] / "mimo"


def test_a_directory_may_be_written_in_more_than_one_way(bins: list[Path]) -> None:
    assert found(f"{bins[0]}/../two/") == bins[0] / ".." / "two" / "mimo"


@pytest_twisted.ensureDeferred
async def test_the_mimo_that_is_found_is_the_one_that_is_set_up(stage: SettledStage, tmp_path: Path) -> None:
    install_mimo(tmp_path / "later", version="9.9.9\n")

    result = await stage.set_up(
        "user", env={"PATH": f".::{stage.bin_dir}:{tmp_path / 'later'}:{SYSTEM_PATH}"}
    )

    assert result.ok, result.as_text()
    assert REAL_MIMO or stage.calls()
