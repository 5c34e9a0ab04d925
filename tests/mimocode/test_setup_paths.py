"""Which of MiMoCode's files is written: the one that counts most, where ``mimo`` itself says it looks."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
from itertools import chain, combinations
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.mimocode.mimo_home import CommandHooks, needs_stand_in
from tests.mimocode.stage import KIMI_REFERENCE, Stage

NAMES = ("mimocode.jsonc", "mimocode.json", "config.json")
"""The most telling first."""
SETS = list(chain.from_iterable(combinations(NAMES, size) for size in range(len(NAMES) + 1)))
PLACES = {
    "neither is set": ({}, "home/.config/mimocode"),
    "XDG_CONFIG_HOME": ({"XDG_CONFIG_HOME": "{root}/xdg"}, "xdg/mimocode"),
    "MIMOCODE_HOME": ({"MIMOCODE_HOME": "{root}/mimo home"}, "mimo home/config"),
    "both": ({"XDG_CONFIG_HOME": "{root}/xdg", "MIMOCODE_HOME": "{root}/mimo"}, "mimo/config"),
    "empty": ({"XDG_CONFIG_HOME": "", "MIMOCODE_HOME": ""}, "home/.config/mimocode"),
}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def variables(stage: Stage, place: str) -> dict[str, str]:
    return {name: value.format(root=stage.root) for name, value in PLACES[place][0].items()}


async def written(stage: Stage, directory: Path, env: dict[str, str]) -> set[str]:
    """Which of the three files a setup changed; it says which one, and ``mimo`` believes it."""
    before = {name: (directory / name).read_bytes() for name in NAMES if (directory / name).exists()}

    result = await stage.set_up("user", env=env)

    assert result.ok, result.as_text()
    assert result.targets is not None
    assert set(result.targets.global_candidates) == {directory / name for name in NAMES}
    assert stage.resolved(**env)["model"] == KIMI_REFERENCE
    now = {name: (directory / name).read_bytes() for name in NAMES if (directory / name).exists()}
    changed = {name for name, content in now.items() if before.get(name) != content}
    assert {str(directory / name) for name in changed} == {str(result.targets.global_config)}
    return changed


@pytest.mark.parametrize("place", ["neither is set", "XDG_CONFIG_HOME", "MIMOCODE_HOME"])
@pytest.mark.parametrize("present", SETS, ids=[" ".join(names) or "none" for names in SETS])
@pytest_twisted.ensureDeferred
async def test_the_file_that_counts_most_is_written(
    stage: Stage, place: str, present: tuple[str, ...]
) -> None:
    directory = PLACES[place][1]
    for name in present:
        stage.write(
            f"{directory}/{name}", {"$schema": "https://opencode.ai/config.json", "share": "disabled"}
        )

    changed = await written(stage, stage.root / directory, variables(stage, place))

    assert changed == {present[0] if present else "mimocode.jsonc"}


@pytest.mark.parametrize("place", ["both", "empty"])
@pytest_twisted.ensureDeferred
async def test_variables_count_as_they_do_for_mimo(stage: Stage, place: str) -> None:
    directory = stage.root / PLACES[place][1]

    assert await written(stage, directory, variables(stage, place)) == {"mimocode.jsonc"}


SILENT: dict[str, CommandHooks] = {
    "it fails": {"rc": 1},
    "it says nothing": {"stdout": ""},
    "it says other things": {"stdout": "data       /elsewhere\nconfiguration /elsewhere\n"},
    "it names no path": {"stdout": "config     \n"},
    "it floods": {"huge": 40 * 1024 * 1024},
}


@needs_stand_in
@pytest.mark.parametrize("answer", SILENT.values(), ids=list(SILENT))
@pytest.mark.parametrize("place", ["XDG_CONFIG_HOME", "both"])
@pytest_twisted.ensureDeferred
async def test_where_mimo_does_not_tell_the_environment_does(
    stage: Stage, answer: CommandHooks, place: str
) -> None:
    stage.install(commands={"debug paths": answer})
    directory = stage.root / PLACES[place][1]

    assert await written(stage, directory, variables(stage, place)) == {"mimocode.jsonc"}


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_what_mimo_says_counts_more_than_the_environment(stage: Stage) -> None:
    # As a wrapper does that sets MIMOCODE_HOME for the program proper.
    proper = stage.program.rename(stage.program.with_name("proper"))
    stage.program.write_text(
        f'#!/bin/sh\nMIMOCODE_HOME="{stage.root}/of its own"\nexport MIMOCODE_HOME\nexec "{proper}" "$@"\n'
    )
    stage.program.chmod(0o755)

    result = await stage.set_up("user", env={"XDG_CONFIG_HOME": str(stage.root / "xdg")})

    assert result.ok, result.as_text()
    assert (stage.root / "of its own" / "config" / "mimocode.jsonc").exists()
    assert not (stage.root / "xdg").exists()


@pytest.mark.parametrize(
    "name",
    [
        "with  two spaces",
        "\u00fcml\u00e4ut",
        "line\u2028separator",
        "next\x85line",
        os.fsdecode(b"latin-\xe9"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_directory_may_have_any_name(stage: Stage, name: str) -> None:
    directory = stage.root / name / "mimocode"

    assert await written(stage, directory, {"XDG_CONFIG_HOME": str(stage.root / name)}) == {"mimocode.jsonc"}


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_command_line_that_ends_its_lines_as_windows_does_is_understood(stage: Stage) -> None:
    line = f"config     {stage.root / 'xdg' / 'mimocode'}\r\n"
    stage.install(commands={"debug paths": {"stdout": f"home       /x\r\n{line}state      /y\r\n"}})

    assert await written(
        stage, stage.root / "xdg" / "mimocode", {"XDG_CONFIG_HOME": f"{stage.root}/xdg"}
    ) == {"mimocode.jsonc"}


@pytest_twisted.ensureDeferred
async def test_mimo_is_asked_where_the_user_will_start_it(stage: Stage) -> None:
    below = stage.project / "below"
    below.mkdir()

    await stage.set_up("user", cwd=below, env={"PWD": str(stage.home)})

    assert {(call.cwd, call.environ["PWD"]) for call in stage.calls()} <= {(str(below), str(below))}
