"""A stand-in for the ``mimo`` command of MiMoCode 0.1.0, for tests of what sets it up.

Owns the command line and what is printed. It must not import the package that is tested: a stand-in that
shares its code would agree with its mistakes. It must not import more than it needs either, as it is started
hundreds of times (``python -IS stand_in_mimo.py debug config``).
"""

from __future__ import annotations

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.mimocode.stand_in_hooks import Hooks, write
from tests.mimocode.stand_in_jsonc import dumps
from tests.mimocode.stand_in_layers import Failure, Layers, Places
from tests.mimocode.stand_in_models import listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

RED, PLAIN = "\x1b[91m\x1b[1m", "\x1b[0m"
USAGE = """mimo debug config                    show resolved configuration
mimo debug paths                     show global paths (data, config, cache, state)
mimo models [provider] [--verbose]   list all available models
mimo run [message..]                 run with a message
"""
_MIGRATION = """Performing one time database migration, may take a few minutes...
sqlite-migration:done
Database migration complete.
"""
_PATHS = ("home", "data", "bin", "log", "cache", "config", "state")
# Options that take a value, by any name of theirs.
_WITH_VALUE = {"--format": "format", "--model": "model", "-m": "model"}
_SWITCHES = {"--pure": "pure", "--verbose": "verbose", "--version": "version", "-v": "version"}
_OF_COMMANDS = {"debug": {"pure"}, "models": {"pure", "verbose"}, "run": {"pure", "format", "model"}}


class Usage(Exception):
    """A command line that is none."""


class Line:
    """A command line: its words, and its options by name.

    :raises Usage: an option that is not known.
    """

    def __init__(self, argv: list[str]) -> None:
        self.words: list[str] = []
        self.options: dict[str, str] = {}
        rest = iter(argv)
        for word in rest:
            name, equals, value = word.partition("=")
            if name in _WITH_VALUE:
                self.options[_WITH_VALUE[name]] = value if equals else next(rest, "")
            elif word in _SWITCHES:
                self.options[_SWITCHES[word]] = "true"
            elif word.startswith("-"):
                raise Usage
            else:
                self.words.append(word)

    @property
    def command(self) -> str:
        """The command's name, of two words where it has two.

        :raises Usage: there is no such command, or an option or word is not the command's.
        """
        if "version" in self.options:
            return "--version"
        first, *others = self.words or [""]
        if not set(self.options) <= _OF_COMMANDS.get(first, set()):
            raise Usage
        if first == "debug" and others in (["config"], ["paths"]):
            return " ".join(self.words)
        if (first == "models" and len(others) < 2) or (first == "run" and others):
            return first
        raise Usage


def main(hooks_file: str = "") -> NoReturn:
    """Run the command line and end the program."""
    try:
        status = _run(sys.argv[1:], Hooks(hooks_file))
    except Usage:
        write(2, USAGE.encode())
        status = 1
    except Failure as failure:
        write(2, f"{RED}Error: {PLAIN}{failure}\n".encode("utf-8", "surrogateescape"))
        status = 1
    except OSError as problem:
        write(2, f"error: {problem}\n".encode("utf-8", "surrogateescape"))
        status = 1
    # There is nothing to flush, and tearing the interpreter down takes a while.
    os._exit(status)


def _run(argv: list[str], hooks: Hooks) -> int:
    hooks.record(argv)
    line = Line(argv)
    status = hooks.intervene(line.command)
    if status is not None:
        return status
    env = dict(os.environ)
    places = Places(env)
    _make_directories(places, argv)
    if line.command == "--version":
        _print(hooks.version)
    elif line.command == "debug paths":
        _print("".join(f"{name:<10} {getattr(places, name)}\n" for name in _PATHS))
    else:
        _configured(line, env, places)
    return 0


def _configured(line: Line, env: dict[str, str], places: Places) -> None:
    """The commands that load the configuration."""
    config = Layers(env, places, os.getcwd()).resolve()
    if line.command == "debug config":
        _print(dumps(config, 2) + "\n")
    elif line.command == "run":
        _ask(line, env, places, config)
    else:
        provider = "".join(line.words[1:])
        text = listing(config, provider, "verbose" in line.options)
        if provider and not text:
            # No failure: the status says nothing about it.
            write(2, f"{RED}Error: {PLAIN}Provider not found: {provider}\n".encode())
        _print(text)


def _ask(line: Line, env: dict[str, str], places: Places, config: dict[str, Any]) -> None:
    from tests.mimocode.stand_in_run import Run, logged_in

    run = Run(config, logged_in(env, places.data), _print)
    run.send(line.options.get("model", ""), " ".join(line.words[1:]))


def _make_directories(places: Places, argv: list[str]) -> None:
    """What every command leaves behind: directories, the database, a line in a log."""
    for directory in (places.data, places.config, places.state, places.log, places.bin):
        os.makedirs(directory, exist_ok=True)
    try:
        with open(os.path.join(places.data, "mimocode.db"), "xb") as stream:
            stream.write(b"SQLite format 3\0")
        write(2, _MIGRATION.encode())
    except FileExistsError:
        pass  # the database of an earlier command
    stamp = time.strftime("%Y-%m-%dT%H%M%S", time.gmtime())
    with open(os.path.join(places.log, f"{stamp}.log"), "a", encoding="utf-8") as stream:
        stream.write(f"INFO  {stamp} +0ms service=default version=0.1.0 args={dumps(argv)} opencode\n")


def _print(text: str) -> None:
    write(1, text.encode("utf-8", "surrogateescape"))


if __name__ == "__main__":
    main()
