"""``ccmimolink-doctor``: the command.

Owns its options, its help, and how it ends: 0 nothing failed, 1 something failed, 2 a wrong call. Nothing is
printed but through :mod:`ccmimolink.doctor.report`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from ccmimolink import __version__
from ccmimolink.command_help import add_completion
from ccmimolink.doctor.findings import Examined, Status
from ccmimolink.doctor.manual import describe_doctor
from ccmimolink.doctor.report import as_json, as_lines, outcome, summary, without_secrets
from ccmimolink.doctor.runner import examine, with_needs
from ccmimolink.doctor.scene import Scene
from ccmimolink.doctor.table import CHECKS
from ccmimolink.settings import terminal_environ
from ccmimolink.terminal import paint_for

_OPTION = re.compile(r"argument (--[a-z-]+):")
"""How ``argparse`` begins what it says of an option."""

NOTHING_FAILED, FAILED, WRONG_CALL = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """What was not understood is not repeated: it may be a key."""
        named = _OPTION.match(message)
        self.refuse("there is an unknown argument" if named is None else f"{named[1]} is used wrongly")

    def refuse(self, message: str) -> NoReturn:
        self.exit(WRONG_CALL, f"ccmimolink-doctor: {message}. See --help.\n")


def _parser() -> _Parser:
    parser = _Parser(prog="ccmimolink-doctor", allow_abbrev=False)
    describe_doctor(parser)
    parser.add_argument(
        "--probe",
        action="store_true",
        help="also make one tiny turn with MiMo and one through the proxy, which are billed",
    )
    parser.add_argument(
        "--only",
        metavar="ID",
        action="append",
        default=[],
        help="tell of this check only; may be given again. What it needs is looked at, too",
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and what failed")
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")
    parser.add_argument("--version", action="version", version=f"ccmimolink {__version__}")
    add_completion(parser)
    return parser


def main() -> NoReturn:
    """The console script."""
    options = parsed(sys.argv[1:])
    sys.dont_write_bytecode = True  # beside the plugins
    ended: list[int] = []

    async def to_the_end(reactor: Any) -> None:
        ended.append(await _shown(reactor, options))

    with contextlib.suppress(SystemExit):  # which has a 0 for an interrupted run, too
        react(lambda reactor: Deferred.fromCoroutine(to_the_end(reactor)))
    if not ended:
        print("ccmimolink-doctor: it did not come to its end. Run it again.", file=sys.stderr)
    raise SystemExit(ended[0] if ended else FAILED)


async def _shown(reactor: Any, options: argparse.Namespace) -> int:
    """The exit status, with the findings on stdout."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name may have letters that a terminal's encoding lacks
    try:
        status = await doctor(reactor, options, None, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever was to read it is gone; the interpreter's own flush at the end must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return status


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """:raises SystemExit: the call is wrong, or help was asked for."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not {check.id for check in CHECKS}.issuperset(options.only):
        parser.refuse("--only names no check; the ids are those that --help lists")
    return options


async def doctor(
    reactor: Any,
    options: argparse.Namespace,
    environ: Mapping[str, str] | None,
    stdout: IO[str],
    now: Callable[[], float] = time.time,
) -> int:
    """:param environ: None stands for the environment of this process.
    :param now: the wall clock, in seconds since the epoch.
    :returns: the exit status.
    :raises SystemExit: the program is ending, and this run did not come to its end.
    """
    scene = Scene(reactor=reactor, environ=environ, probe=options.probe, now=now)
    paint = paint_for(stdout, terminal_environ(environ))
    chosen = set(options.only) or {check.id for check in CHECKS}
    told: list[Examined] = []

    def tell(examined: Examined) -> None:
        if examined.check.id not in chosen:
            return
        told.append(without_secrets(examined, scene.secrets))
        is_wanted = not options.quiet or examined.finding.status in (Status.WARNING, Status.FAILED)
        if is_wanted and not options.json:
            print(as_lines(told[-1], paint), file=stdout, flush=True)

    at_the_end = reactor.addSystemEventTrigger("before", "shutdown", scene.break_off)
    try:
        await examine(scene, with_needs(CHECKS, chosen), tell)
    finally:
        if not scene.is_broken_off:
            reactor.removeSystemEventTrigger(at_the_end)
        if hasattr(scene, "way"):
            await scene.way.close()
    if scene.is_broken_off:
        raise SystemExit(FAILED)
    print(as_json(told) if options.json else summary(told), file=stdout)
    return FAILED if outcome(told) is Status.FAILED else NOTHING_FAILED
