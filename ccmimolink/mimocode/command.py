"""``mimo-code-setup``: the command.

Owns its options, what it prints and how it ends: 0 done, 1 not done, 2 a wrong call. A key is never an
argument, and nothing of an argument is ever repeated: what was typed in a wrong place may be one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NoReturn

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import deferLater, react

from ccmimolink import __version__
from ccmimolink.command_help import COMPLETION, SHELLS, add_completion
from ccmimolink.mimocode.catalog_request import CatalogClient, https_agent
from ccmimolink.mimocode.choices import Asked, Scope
from ccmimolink.mimocode.errors import Code, SetupError, Source, blocked
from ccmimolink.mimocode.flow import World, set_up
from ccmimolink.mimocode.journal import Step, no_step
from ccmimolink.mimocode.manual import describe_setup
from ccmimolink.mimocode.provider import AUDITED, GONKAGATE, Provider
from ccmimolink.mimocode.result import Result, usage_result
from ccmimolink.mimocode.settings import Settings, terminal_environ
from ccmimolink.mimocode.terminal import Terminal, interrupted
from ccmimolink.process import ENDING_SIGNALS
from ccmimolink.terminal import Progress, paint_for

DONE, NOT_DONE, WRONG_CALL = 0, 1, 2
_NAME = "mimo-code-setup"
_STDIN_OPTION = "--api-key-stdin"
_JSON_OPTION = "--json"
_OPTION = re.compile(r"argument (?P<option>--[a-z-]+)(?:/-V)?: ")
"""How ``argparse`` begins what it says of an option."""
_NO_KEY_HERE = (
    "A key is never given as an argument: others could read it there, and your shell keeps it. Pass it on "
    f"stdin with {_STDIN_OPTION}, or in {GONKAGATE.key_variable}, or type it when you are asked"
)


_CHOICES = {"--scope": "user or project", COMPLETION: " or ".join(SHELLS)}


class UsageError(Exception):
    """The call was wrong. The message repeats nothing of it but the names of options that there are."""

    def __init__(self, message: str, code: Code = Code.USAGE_ERROR) -> None:
        super().__init__(message)
        self.code = code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        named = _OPTION.match(message)
        if named is None:
            raise UsageError(f"There is an argument that is not an option. {_NO_KEY_HERE}. See --help.")
        option, problem = named["option"], message[named.end() :]
        if problem.startswith("invalid choice"):
            raise UsageError(f"{option} is {_CHOICES[option]}. See --help.")
        takes = "needs a value" if problem.startswith("expected") else "takes no value"
        raise UsageError(f"{option} {takes}. See --help.")


def _parser() -> _Parser:
    parser = _Parser(prog=_NAME, allow_abbrev=False)
    describe_setup(parser)
    parser.add_argument(
        "--scope",
        choices=[*Scope],
        metavar="user|project",
        help="use the model everywhere, or in this project only",
    )
    parser.add_argument(
        "--yes", action="store_true", help="take what is recommended, and ask nothing but the key"
    )
    parser.add_argument(_JSON_OPTION, action="store_true", help="print one JSON object on stdout")
    parser.add_argument(_STDIN_OPTION, action="store_true", help="read the key from stdin")
    parser.add_argument("--model", metavar="ID", help=f"a model's whole id in {GONKAGATE.name}'s catalog")
    parser.add_argument(
        "--cwd", metavar="DIRECTORY", help="where you will start mimo [the present directory]"
    )
    parser.add_argument("--version", "-V", action="version", version=f"{_NAME} {__version__} (ccmimolink)")
    add_completion(parser, directories=["--cwd"])
    return parser


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """:raises UsageError: the call was wrong."""
    for argument in arguments:
        name = argument.partition("=")[0].lower().replace("_", "-")
        if name.startswith(("--api", "--key")) and name != _STDIN_OPTION:
            raise UsageError(f"{_NO_KEY_HERE}.", Code.UNSAFE_API_KEY_FLAG)
    return _parser().parse_args(arguments)


def _directory(options: argparse.Namespace) -> Path:
    """:raises UsageError: there is no such directory, or nothing can be started there."""
    try:
        directory = Path(options.cwd or os.curdir).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        directory = None
    if directory is None or not _can_be_entered(directory) or options.cwd == "":
        where = "--cwd" if options.cwd is not None else "The present directory"
        raise UsageError(
            f"{where} is not a directory that can be entered. Name one that is there with --cwd."
        )
    return directory


def _can_be_entered(directory: Path) -> bool:
    return directory.is_dir() and os.access(directory, os.X_OK)


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script.

    :returns: the exit status.
    """
    return run(sys.argv[1:] if arguments is None else arguments, GONKAGATE)


def run(arguments: Sequence[str], provider: Provider, step: Step = no_step, agent: Any = https_agent) -> int:
    """The command with the streams of this process.

    :param agent: makes the agent for the catalog, given the reactor.
    """
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A path may have letters that a terminal's encoding lacks; between programs, JSON is UTF-8.
        encoding = "utf-8" if _JSON_OPTION in arguments else None
        sys.stdout.reconfigure(encoding=encoding, errors="replace")
    try:
        options = _parsed(arguments)
        directory = _directory(options)
    except UsageError as error:
        result = usage_result(provider, AUDITED, error.code, str(error))
        return _printed(result, WRONG_CALL, as_json=_JSON_OPTION in arguments)
    except SystemExit as end:  # --help and --version
        return end.code if isinstance(end.code, int) else DONE
    results: list[Result] = []
    with contextlib.suppress(SystemExit, KeyboardInterrupt):  # how it ended is in the result
        react(_running, [options, directory, provider, step, agent, results])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second one must not cut the result off
    result = results[0] if results else _ended_before_it_began(provider)
    return _printed(result, DONE if result.ok else NOT_DONE, as_json=options.json)


def _open_closed_streams() -> None:
    """A stream that was closed leads nowhere: else a file of ours could get its number, and what is said."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115


def _ended_before_it_began(provider: Provider) -> Result:
    result = Result(provider, AUDITED)
    result.end_with(interrupted(), failed=True)
    return result


async def _running(
    reactor: Any,
    options: argparse.Namespace,
    directory: Path,
    provider: Provider,
    step: Step,
    agent: Any,
    results: list[Result],
) -> None:
    await deferLater(reactor, 0, lambda: None)  # until the reactor runs, it cannot be stopped
    _stop_at_signals(reactor)
    setting_up = ensureDeferred(_set_up(reactor, options, directory, provider, step, agent))
    reactor.addSystemEventTrigger("before", "shutdown", _end, setting_up)
    results.append(await setting_up)


def _stop_at_signals(reactor: Any) -> None:
    """In place of the reactor's own handlers: those complain of a second signal, and know fewer."""

    def stop() -> None:
        with contextlib.suppress(ReactorNotRunning):
            reactor.stop()

    for number in ENDING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: reactor.callFromThread(stop))


def _end(setting_up: Deferred[Result]) -> Deferred[None]:
    """Whoever ends the program in the middle waits until everything is put back."""
    ended: Deferred[None] = Deferred()

    def tell(result: Any) -> Any:
        ended.callback(None)
        return result

    setting_up.addBoth(tell)
    setting_up.cancel()
    return ended


async def _set_up(
    reactor: Any, options: argparse.Namespace, directory: Path, provider: Provider, step: Step, agent: Any
) -> Result:
    try:
        settings = Settings.from_environ(provider)
        catalog = CatalogClient(reactor, _agent(agent, reactor))
    except SetupError as error:
        result = Result(provider, AUDITED)
        result.end_with(error, failed=False)
        return result
    world = World(
        reactor=reactor,
        provider=provider,
        settings=settings,
        terminal=Terminal(sys.stdin, sys.stderr),
        directory=directory,
        catalog=catalog,
        now=lambda: datetime.now(UTC),
        step=step,
        waiting=Progress(sys.stderr, terminal_environ()).waiting,
    )
    asked = Asked(
        scope=None if options.scope is None else Scope(options.scope),
        model=options.model,
        yes=options.yes,
        key_from_stdin=options.api_key_stdin,
    )
    return await set_up(world, asked)


def _agent(make: Any, reactor: Any) -> Any:
    """:raises SetupError: the certificate authorities cannot be read."""
    try:
        return make(reactor)
    except (OSError, ImportError):
        raise blocked(
            Code.CATALOG_FETCH_FAILED,
            Source.MODEL_REGISTRY,
            "No certificate authorities can be read here. Let SSL_CERT_FILE name a file with them.",
            "reason=certificate",
        ) from None


def _printed(result: Result, status: int, *, as_json: bool) -> int:
    """
    :returns: the exit status.
    """
    stream = sys.stdout if as_json or result.ok else sys.stderr
    text = f"{result.as_json()}\n" if as_json else result.as_text(paint_for(stream, terminal_environ()))
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        _lead_nowhere(stream)
        if stream is sys.stdout:
            text = f"The result cannot be printed ({error.strerror}). The setup is "
            with contextlib.suppress(OSError):
                print(f"{text}{'done' if result.ok else 'not done'}.", file=sys.stderr)
        return NOT_DONE if status == DONE else status
    return status


def _lead_nowhere(stream: IO[str]) -> None:
    """Nobody takes what is in it; the interpreter's own flush at the end must not complain either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
