"""``ccmimolink-service``: the command.

Owns its options, what it prints and how it ends. An argument that was not understood may be a key, and is not
repeated.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NoReturn

from ccmimolink import __version__
from ccmimolink.background.clock import Clock
from ccmimolink.background.commands import Commands
from ccmimolink.background.errors import ServiceError, UsageRefused
from ccmimolink.background.health import ask_health
from ccmimolink.background.install import install
from ccmimolink.background.logs import show_logs
from ccmimolink.background.manual import (
    BRIEFLY,
    INSTALL,
    LOGS,
    STATUS,
    UNINSTALL,
    describe_command,
    describe_verb,
)
from ccmimolink.background.plan import Shell, make_plan
from ccmimolink.background.platforms import manager_of
from ccmimolink.background.status import status
from ccmimolink.background.uninstall import uninstall
from ccmimolink.background.world import World
from ccmimolink.command_help import COMPLETION, SHELLS, add_completion
from ccmimolink.console import ended
from ccmimolink.settings import present_environ
from ccmimolink.sync.report import Report
from ccmimolink.terminal import Progress, paint_for

DONE, NOT_DONE, WRONG_CALL = 0, 1, 2
_NAME = "ccmimolink-service"
_OPTION = re.compile(r"argument [^:]*?(?P<option>--[a-z-]+): ")
_TAKES = {"--lines": "needs a whole number", COMPLETION: f"needs one of {', '.join(SHELLS)}"}
_LINES = re.compile(r"[0-9]{1,6}")


class _Parser(argparse.ArgumentParser):
    """Names options and never values; those of ``argparse`` may quote what was typed."""

    def error(self, message: str) -> NoReturn:
        named = _OPTION.match(message)
        if "are required" in message:
            raise UsageRefused("Say what to do: install, uninstall, status or logs")
        if named is None:
            raise UsageRefused(
                "There is an argument that is not understood. A key is never given as an argument"
            )
        option = named["option"]
        raise UsageRefused(f"{option} {_TAKES.get(option, 'takes no value')}")


def _number(text: str) -> int:
    if not _LINES.fullmatch(text):
        raise ValueError
    return int(text)


def _parser() -> _Parser:
    parser = _Parser(prog=_NAME, allow_abbrev=False)
    describe_command(parser)
    parser.add_argument("--version", action="version", version=f"ccmimolink {__version__}")
    add_completion(parser)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="install | uninstall | status | logs")
    _add_install(_verb(verbs, INSTALL))
    _verb(verbs, UNINSTALL).add_argument(
        "--force",
        action="store_true",
        help="also where the file is not ours, which is kept under another name",
    )
    _verb(verbs, STATUS).add_argument("--json", action="store_true", help="print for programs")
    _add_logs(_verb(verbs, LOGS))
    return parser


def _verb(verbs: argparse._SubParsersAction[_Parser], name: str) -> _Parser:
    parser = verbs.add_parser(name, help=BRIEFLY[name], allow_abbrev=False)
    describe_verb(parser, name)
    return parser


def _add_install(parser: _Parser) -> None:
    parser.usage = f"{_NAME} install [--print] [--force] [options of twistd ccmimolink]"
    parser.add_argument(
        "--print", dest="only_print", action="store_true", help="print the service's file, and write nothing"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace a file that is not ours or was edited; it is kept under another name",
    )


def _add_logs(parser: _Parser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is added, until Ctrl-C")
    parser.add_argument("-n", "--lines", metavar="N", type=_number, default=50, help="the last N lines [50]")
    parser.add_argument(
        "--journal",
        action="store_true",
        help="in place of the log what the service manager has: starts, ends, and why a start failed",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script: what :func:`run` says, on this machine."""
    given = sys.argv[1:] if arguments is None else arguments
    return ended(
        lambda: run(given, _this_machine, sys.stdout, sys.stderr),
        f"{_NAME}: interrupted. {_NAME} status shows how far it came.",
    )


def _this_machine() -> World:
    """:raises UsageRefused: there is no such service here, or a place that it goes by is not known."""
    environ = present_environ()
    # Not resolved: what a virtual environment's link leads to knows nothing of that environment.
    python = Path(os.path.abspath(sys.executable))
    shell = Shell(environ=environ, directory=_present_directory(), home=_home(), python=python)
    runner, clock = Commands(environ), Clock()
    uid = os.getuid() if hasattr(os, "getuid") else 0
    manager = manager_of(
        sys.platform, shell=shell, runner=runner, clock=clock, user=_user() or str(uid), uid=uid
    )
    return World(
        shell=shell,
        manager=manager,
        runner=runner,
        clock=clock,
        health=ask_health,
        waiting=Progress(sys.stderr, environ).waiting,
    )


def _present_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageRefused(
            "The present directory does not exist any more: call this from another one"
        ) from None


def _home() -> Path:
    with contextlib.suppress(RuntimeError):
        home = Path.home()
        if home.is_absolute():
            return home
    raise UsageRefused("Your home directory is not known: set HOME to its whole path")


def _user() -> str:
    """Nothing for a user without a name, as containers have."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def run(arguments: Sequence[str], make_world: Callable[[], World], stdout: IO[str], stderr: IO[str]) -> int:
    """:param make_world: is asked once the call was understood; may raise ``UsageRefused``.
    :returns: the exit status.
    """
    try:
        options, proxy_options = _parsed(arguments)
        return _done(options, proxy_options, make_world(), stdout)
    except SystemExit as end:  # --help and --version
        return end.code if isinstance(end.code, int) else DONE
    except UsageRefused as refused:
        stderr.write(f"{_NAME}: {str(refused).rstrip('.')}. See --help.\n")
        return WRONG_CALL


def _parsed(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our own options, and the proxy's.

    :raises UsageRefused: the call was wrong.
    """
    # By hand: what argparse makes of "--" among options that it does not know differs with Python's version.
    at = list(arguments).index("--") if "--" in arguments else len(arguments)
    options, others = _parser().parse_known_args(arguments[:at])
    others += arguments[at + 1 :]
    if others and options.verb != INSTALL:
        raise UsageRefused(f"{options.verb} takes none of the proxy's options, and no further argument")
    return options, others


def _done(options: argparse.Namespace, proxy_options: Sequence[str], world: World, stdout: IO[str]) -> int:
    if options.verb == INSTALL and options.only_print:
        return _print(world, proxy_options, stdout)
    report, ends_with, paint = Report(), DONE, paint_for(stdout, world.shell.environ)
    try:
        if options.verb == INSTALL:
            install(world, proxy_options, report, force=options.force)
        elif options.verb == UNINSTALL:
            uninstall(world, report, force=options.force)
        elif options.verb == STATUS:
            ends_with = status(world, report)
        else:
            stdout.flush()
            ends_with = show_logs(world, lines=options.lines, follow=options.follow, journal=options.journal)
    except ServiceError as error:
        report.fail(str(error))
    if options.verb != LOGS or report.failed:
        stdout.write(report.as_json() + "\n" if getattr(options, "json", False) else report.as_text(paint))
    return NOT_DONE if report.failed else ends_with


def _print(world: World, proxy_options: Sequence[str], stdout: IO[str]) -> int:
    try:
        stdout.write(world.manager.text(make_plan(world.shell, proxy_options)))
    except ServiceError as error:
        report = Report()
        report.fail(str(error))
        stdout.write(report.as_text())
        return NOT_DONE
    return DONE
