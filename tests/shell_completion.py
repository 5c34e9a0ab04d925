"""A shell at a terminal that has been given a completion script, and what it completes.

Owns how each shell is started and takes a script. The command itself is replaced by one that says with which
words it was called.
"""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.processes import CHECKOUT, clean_environ
from tests.e2e.terminal import Terminal


def _commands() -> dict[str, str]:
    """Each of our commands with the function that it calls; of two names for one, the first."""
    package = configparser.ConfigParser()
    package.read(CHECKOUT / "setup.cfg")
    lines = package["options.entry_points"]["console_scripts"].strip().splitlines()
    names: dict[str, str] = {}
    for line in lines:
        name, function = line.split(" = ")
        names.setdefault(function, name)
    return {name: function for function, name in names.items()}


COMMANDS = _commands()


def printed(name: str, *arguments: str) -> str:
    """What one of our commands prints."""
    module, function = COMMANDS[name].split(":")
    program = f"import sys\nfrom {module} import {function} as main\nsys.argv[0] = {name!r}\nsys.exit(main())"
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ended.stdout


@dataclass(frozen=True)
class Shell:
    """
    :ivar prepare: is told ``{script}``, a file, and ``{name}``, the command.
    """

    program: tuple[str, ...]
    prepare: str


# What is typed is shown too, so that what a shell is to say is not typed in one piece.
_SAYS = "echo \"begin of the ca\"'ll<'\"{arguments}\"'>end of the ca'll"
_STAND_IN = "function {name} {{ " + _SAYS.replace("{arguments}", "$*") + "; }}"
_READY = "echo rea''dy"
SHELLS = {
    "bash": Shell(
        ("bash", "--norc", "--noprofile", "-i"),
        f"{_STAND_IN}; source {{script}}; {_READY}",
    ),
    "zsh": Shell(
        ("zsh", "-f", "-i"),
        f'autoload -Uz compinit; compinit -D -u; {_STAND_IN}; eval "$(cat {{script}})"; {_READY}',
    ),
    "fish": Shell(
        ("setsid", "--ctty", "--wait", "fish", "--no-config", "-i"),  # it has a terminal of its own or none
        f"function {{name}}; {_SAYS.replace('{arguments}', '$argv')}; end; source {{script}}; {_READY}",
    ),
}


class Completing:
    """A shell that completes one command."""

    def __init__(self, terminal: Terminal, name: str) -> None:
        self._terminal, self._name = terminal, name

    def completed(self, words: str) -> str:
        """The words with which the command is called, after a tabulator behind what was typed of them."""
        self._terminal.type(f"{self._name} {words}\t\n")
        self._terminal.wait_for_text("end of the call")
        (called,) = re.findall(r"begin of the call<(.*?) ?>end of the call", self._terminal.seen)
        return str(called)

    def offered(self, words: str, *candidates: str) -> None:
        """Wait until the shell lists these as what may follow."""
        self._terminal.type(f"{self._name} {words}\t\t")
        for candidate in candidates:
            self._terminal.wait_for_text(candidate)


@contextmanager
def completing(shell: str, name: str, directory: Path) -> Iterator[Completing]:
    """A shell in a directory, with the script that the command prints for it."""
    how = SHELLS[shell]
    script = directory / "script"
    script.write_text(printed(name, "--print-completion", shell))
    terminal = Terminal(how.program, cwd=directory, environ=clean_environ(directory))
    try:
        terminal.type(how.prepare.format(name=name, script=script) + "\n")
        terminal.wait_for_text("ready")
        yield Completing(terminal, name)
    finally:
        terminal.end()
