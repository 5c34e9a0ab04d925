"""What a service knows: variables of the shell, those of the environment file, and its paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ccmimolink.background.env_file import template, variables
from ccmimolink.background.errors import ServiceError
from tests.background.service_stage import KEY, PASSWORD, Stage
from tests.background.unit_reading import Unit

FILE = Path("/home/somebody/service.env")


def printed(stage: Stage, *arguments: str, **environ: str) -> Unit:
    ended = stage("install", "--print", *arguments, **environ)
    assert ended.status == 0, ended
    return Unit(ended.out)


def test_settings_of_the_shell_are_taken_over_and_other_variables_are_not(tmp_path: Path) -> None:
    unit = printed(Stage(tmp_path), MIMO_MODEL="mimo-v2.5-pro", MIMO_PROXY_RETRIES="", EDITOR="vi")

    assert set(unit.variables) == {"MIMO_MODEL", "MIMO_PROXY_PORT", "MIMO_PROXY_STATE_DIR", "PATH"}
    assert unit.variables["MIMO_MODEL"] == "mimo-v2.5-pro"


def test_the_path_has_whole_directories_only(tmp_path: Path) -> None:
    """It is where Codex is found; a relative directory would be another one in a service."""
    assert printed(Stage(tmp_path)).variables["PATH"] == "/usr/bin:/bin"


def test_relative_paths_are_made_whole(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    (stage.cwd / "models.toml").write_text("")

    unit = printed(
        stage,
        "--plugin-path=mine",
        MIMO_PROXY_LOG="logs/proxy.log",
        MIMO_PROXY_MODELS=str(stage.cwd / "models.toml"),
        MIMO_PROXY_PLUGIN_PATH=os.pathsep.join(["a", "/b"]),
        CODEX_HOME="~/codex",
    )

    assert unit.variables["MIMO_PROXY_LOG"] == f"{stage.cwd}/logs/proxy.log"
    assert unit.variables["MIMO_PROXY_PLUGIN_PATH"] == f"{stage.cwd}/a:/b"
    assert unit.variables["CODEX_HOME"] == "~/codex"
    assert unit.command[-1] == f"--plugin-path={stage.cwd}/mine"


def test_a_proxy_with_a_password_is_withheld_in_either_spelling(tmp_path: Path) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"):
        ended = Stage(tmp_path / name)("install", "--print", **{name: f"somebody:{PASSWORD}@127.0.0.1:3128"})
        assert PASSWORD not in ended.out


def test_the_log_is_in_the_state_directory_unless_somebody_chose_another(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    assert printed(stage).command[-1] == f"--log={stage.state}/mimo_proxy.log"
    assert printed(stage, "--log", "x.log").command[-1] == f"--log={stage.cwd}/x.log"
    stage.write_environment("MIMO_PROXY_LOG=/var/tmp/x.log\n")
    assert not any(word.startswith("--log=") for word in printed(stage).command)


def test_it_runs_the_twistd_of_its_own_environment(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    assert printed(stage).command[0] == str(stage.twistd)

    stage.twistd.unlink()

    assert printed(stage).command[:3] == [str(stage.python), "-P", "-c"]


def test_lines_of_an_environment_file() -> None:
    text = "\n# no\n; no\nA=1\nC=\"two  words # all\"\n  D='d'  \nE=a b\nF=\n"

    assert variables(text, FILE) == {"A": "1", "C": "two  words # all", "D": "d", "E": "a b", "F": ""}


@pytest.mark.parametrize(
    "line", [f"export A={KEY}", KEY, f'A="{KEY}', f"A={KEY}\\", f"A={KEY}'", f"1A={KEY}"]
)
def test_a_line_with_two_meanings_is_refused_and_not_shown(line: str) -> None:
    with pytest.raises(ServiceError) as refused:
        variables(line, FILE)

    assert "line 1: " in str(refused.value)
    assert KEY not in str(refused.value)


def test_the_file_as_it_is_made_sets_nothing() -> None:
    assert variables(template("restart it"), FILE) == {}
