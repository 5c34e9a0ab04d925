"""Completion in shells that not every machine has."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import clean_environ
from tests.e2e.terminal import Terminal
from tests.shell_completion import SHELLS, completing

pytestmark = pytest.mark.environment
every_shell = pytest.mark.parametrize("shell", ["zsh", "fish"])


@every_shell
def test_an_option_is_completed(shell: str, tmp_path: Path) -> None:
    with completing(shell, "ccmimolink-sync", tmp_path) as completes:
        assert completes.completed("--no-c") == "--no-catalog"


@every_shell
def test_the_options_of_a_prefix_are_listed(shell: str, tmp_path: Path) -> None:
    with completing(shell, "ccmimolink-sync", tmp_path) as completes:
        completes.offered("--p", "--provider", "--port", "--print-completion")


@every_shell
def test_the_value_of_an_option_is_completed(shell: str, tmp_path: Path) -> None:
    with completing(shell, "mimo-code-setup", tmp_path) as completes:
        assert completes.completed("--scope pro") == "--scope project"


def test_zshs_own_completion_of_twistd_knows_our_options(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    terminal = Terminal(SHELLS["zsh"].program, cwd=tmp_path, environ=clean_environ(tmp_path, PATH=path))
    try:
        terminal.type("autoload -Uz compinit; compinit -D -u; echo rea''dy\n")
        terminal.wait_for_text("ready")
        terminal.type("twistd -n ccmimolink --demo-if\t")
        terminal.wait_for_text("--demo-if-no-key")
    finally:
        terminal.end()
