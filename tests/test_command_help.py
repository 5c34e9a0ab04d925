"""The help of our commands and their completion, the same for each; a real bash completes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from ccmimolink.command_help import COMPLETION, SHELLS, add_completion, describe
from tests.shell_completion import COMMANDS, completing, printed

every_command = pytest.mark.parametrize("name", COMMANDS)


def described(**sections: dict[str, str]) -> str:
    parser = argparse.ArgumentParser(prog="tool")
    rows: dict[str, dict[str, str]] = {
        name: sections.get(name, {}) for name in ("examples", "files", "environment", "exit_status")
    }
    describe(parser, about="What it is for.\n\nAnd more of it.", **rows)
    return parser.format_help()


# -- the layout ---------------------------------------------------------------------------------------------


def test_what_the_command_is_for_stands_before_the_options_in_its_paragraphs() -> None:
    assert "\n\nWhat it is for.\n\nAnd more of it.\n\noptions:\n" in described()


def test_sections_follow_the_options_in_the_order_of_a_manual_page() -> None:
    rows = {"a": "b"}
    text = described(exit_status=rows, environment=rows, files=rows, examples=rows)

    titles = ["options:", "EXAMPLES", "FILES", "ENVIRONMENT", "EXIT STATUS"]
    assert [line for line in text.splitlines() if line in titles] == titles


def test_a_section_without_rows_is_left_out() -> None:
    assert "FILES" not in described(examples={"tool": "run it"})


def test_a_meaning_stands_beside_its_name_or_below_a_long_one() -> None:
    text = described(environment={"TOOL": "short", "A_VERY_LONG_NAME_OF_A_VARIABLE": "long"})

    assert "\n  TOOL                  short\n" in text
    assert "\n  A_VERY_LONG_NAME_OF_A_VARIABLE\n                        long\n" in text


def test_a_long_meaning_is_filled_and_no_path_in_it_is_broken() -> None:
    path = f"~/{'long-' * 8}name"
    text = described(files={"file": f"{'word ' * 20}{path} {'word ' * 20}"})

    assert f"{path}" in text
    assert max(map(len, text.splitlines())) < 80


@every_command
def test_the_help_of_each_command_has_examples_and_what_its_status_means(name: str) -> None:
    text = printed(name, "--help")

    assert f"\nEXAMPLES\n  {name}" in text
    assert "\nENVIRONMENT\n" in text
    assert "\nEXIT STATUS\n  0 " in text


# -- completion ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS)
def test_there_is_a_completion_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser(prog="tool")
    parser.add_argument("--an-option")
    add_completion(parser)

    with pytest.raises(SystemExit) as ended:
        parser.parse_args([COMPLETION, shell])

    assert ended.value.code == 0
    assert "an-option" in capsys.readouterr().out


@every_command
def test_bash_completes_an_option_of_each_command(name: str, tmp_path: Path) -> None:
    with completing("bash", name, tmp_path) as shell:
        assert shell.completed("--print-c") == COMPLETION


def test_bash_lists_the_options_of_a_prefix(tmp_path: Path) -> None:
    with completing("bash", "ccmimolink-sync", tmp_path) as shell:
        shell.offered("--ca", "--catalog")
        shell.offered("--p", "--provider", "--port", "--print-completion")


def test_bash_completes_the_values_of_an_option(tmp_path: Path) -> None:
    with completing("bash", "mimo-code-setup", tmp_path) as shell:
        assert shell.completed("--scope pro") == "--scope project"


def test_bash_completes_a_directory(tmp_path: Path) -> None:
    (tmp_path / "project-of-mine").mkdir()
    (tmp_path / "program").touch()

    with completing("bash", "mimo-code-setup", tmp_path) as shell:
        assert shell.completed("--cwd pro").rstrip("/") == "--cwd project-of-mine"


def test_an_option_for_files_completes_files(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser(prog="tool")
    parser.add_argument("--log")
    parser.add_argument("--name")
    add_completion(parser, files=["--log"])

    with pytest.raises(SystemExit) as ended:
        parser.parse_args([COMPLETION, "zsh"])

    assert ended.value.code == 0
    assert re.findall(r'"--(\w+).*:_files"', capsys.readouterr().out) == ["log"]


def test_a_shell_that_is_not_known_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser(prog="tool")
    add_completion(parser)

    with pytest.raises(SystemExit) as ended:
        parser.parse_args([COMPLETION, "nosh"])

    assert ended.value.code == 2
    assert f"argument {COMPLETION}: invalid choice" in capsys.readouterr().err
