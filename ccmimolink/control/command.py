"""``ccmimolink-model``: the command.

Owns its options, what it prints and how it ends: 0 done, 1 not done, 2 a wrong call. No argument that was not
understood is repeated: it may be a key.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from typing import IO, NoReturn

import msgspec

from ccmimolink import __version__
from ccmimolink.command_help import add_completion, describe
from ccmimolink.console import ended
from ccmimolink.control.desk import Desk, NotDone, Outcome
from ccmimolink.control.words import CODEX, changed, later, present, table, undone_at_start, where
from ccmimolink.listen import TCPAddress
from ccmimolink.settings import Settings, SettingsError, terminal_environ
from ccmimolink.sync.report import Report
from ccmimolink.terminal import Progress, paint_for

DONE, NOT_DONE, WRONG_CALL = 0, 1, 2
_NAME = "ccmimolink-model"
_PORT = re.compile(r"[0-9]{1,5}")
_OPTION = re.compile(r"argument (?P<option>--[a-z-]+): ")
"""How ``argparse`` begins what it says of an option."""

_COMMANDS = ("list", "set", "reset", "status")
_WHICH = "give one of the commands list, set NAME, reset and status"

_ABOUT = """\
Choose the model of a running ccmimolink, without a restart and without editing files.

list shows the models that are known, each with what it takes, its window in tokens and its prices; a star \
marks the one in force. set NAME has NAME answer every text request from the next one on, whatever a \
request asks for; one that is under way keeps its model. reset goes back to what the proxy's start chose: \
its option, its variable, or nobody. status tells the model in force, who chose it, and where requests \
with images go.

A name must be in the table of models (MIMO_PROXY_MODELS adds to it) or in MiMo's own list; [1m] at its \
end is dropped. The choice is remembered for this port. At a start, --model, --v2.5, --v2.5-pro and \
MIMO_MODEL win over it. Without a running proxy, set and reset are for its next start, and only the table \
is known. Codex's configuration is not touched: a choice here wins over the model that Codex asks for. The \
simulated MiMo (--demo) and a proxy on any free port (0) remember nothing."""

_EXAMPLES = {
    "ccmimolink-model list": "which models there are",
    "ccmimolink-model set mimo-v2.5-pro": "this one answers from the next request on",
    "ccmimolink-model status --port 9877 --json": "of the proxy on another port, for a program",
}
_FILES = {
    "control-PORT.json": "where the proxy is, with a token for this one run; gone when it has stopped",
    "model-PORT.json": "the choice that is remembered; both are in the state directory",
}
_ENVIRONMENT = {
    "MIMO_PROXY_PORT": "where the proxy listens, without --port",
    "MIMO_PROXY_LISTEN": "the same, as an endpoint",
    "MIMO_PROXY_STATE_DIR": "the state directory, as for the proxy itself (default: the system's place for "
    "such, as ~/.local/state/ccmimolink)",
}
_EXIT_STATUS = {
    "0": "done; list, set and reset also without a running proxy",
    "1": "not done, and it says why; status, if no proxy runs",
    "2": "wrong call",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """A value that was not understood may be a key, so only options are named."""
        named = _OPTION.match(message)
        if named is None:
            is_command = "COMMAND" in message.partition(":")[0] or "required" in message
            self.refuse(_WHICH if is_command else "there is an argument that is not known")
        if "invalid choice" in message:
            self.refuse(f"{named['option']} has no such value")
        takes = "needs a value" if "expected" in message else "takes no value"
        self.refuse(f"{named['option']} {takes}")

    def refuse(self, message: str) -> NoReturn:
        self.exit(WRONG_CALL, f"{_NAME}: {message}. See --help.\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog=_NAME,
        usage=f"{_NAME} [options] list | set NAME | reset | status",
        allow_abbrev=False,
    )
    describe(
        parser,
        about=_ABOUT,
        examples=_EXAMPLES,
        files=_FILES,
        environment=_ENVIRONMENT,
        exit_status=_EXIT_STATUS,
    )
    parser.add_argument("command", choices=_COMMANDS, metavar="COMMAND", help="list, set, reset or status")
    parser.add_argument("name", nargs="?", metavar="NAME", help="with set: the model's")
    parser.add_argument("--force", action="store_true", help="with set: take a name that nobody knows")
    parser.add_argument("--port", metavar="N", help="where the proxy listens [MIMO_PROXY_PORT, default 9876]")
    parser.add_argument(
        "--listen", metavar="ENDPOINT", help="the same as an endpoint, say unix:/run/mimo [MIMO_PROXY_LISTEN]"
    )
    parser.add_argument("--json", action="store_true", help="print for programs")
    parser.add_argument("--version", action="version", version=f"ccmimolink {__version__}")
    add_completion(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script: what :func:`run` says, with the streams of this process."""
    given = sys.argv[1:] if arguments is None else arguments
    return ended(
        lambda: run(given, None, sys.stdout),
        f"{_NAME}: interrupted. See what is in force with status.",
    )


def run(arguments: Sequence[str], environ: Mapping[str, str] | None, stdout: IO[str]) -> int:
    """:param environ: None stands for the environment of this process.
    :returns: the exit status.
    """
    try:
        parser = _parser()
        options = parser.parse_intermixed_args(list(arguments))
        _check(options, parser)
        settings = _settings(options, environ, parser)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE
    report = Report()
    try:
        with Progress(sys.stderr, terminal_environ(environ)).waiting("Asking the proxy"):
            _do(options, settings, report)
    except NotDone as error:
        report.fail(str(error))
    paint = paint_for(stdout, terminal_environ(environ))
    stdout.write(report.as_json() + "\n" if options.json else report.as_text(paint))
    return NOT_DONE if report.failed else DONE


def _check(options: argparse.Namespace, parser: _Parser) -> None:
    if (options.command == "set") != (options.name is not None):
        parser.refuse("set takes the name of one model, and the other commands take none")
    if options.force and options.command != "set":
        parser.refuse("--force goes with set")
    if options.port is not None and options.listen is not None:
        parser.refuse("--port does not go with --listen")


def _settings(options: argparse.Namespace, environ: Mapping[str, str] | None, parser: _Parser) -> Settings:
    overrides = {}
    if options.port is not None:
        if not _PORT.fullmatch(options.port) or not 0 < int(options.port) < 65536:
            parser.refuse("--port is not a port. Give a whole number from 1 to 65535")
        overrides = {"MIMO_PROXY_PORT": options.port, "MIMO_PROXY_LISTEN": ""}
    if options.listen is not None:
        overrides = {"MIMO_PROXY_LISTEN": options.listen}
    try:
        return Settings.from_environ(environ, overrides, log=False)
    except SettingsError as error:
        parser.refuse(str(error).rstrip("."))


def _do(options: argparse.Namespace, settings: Settings, report: Report) -> None:
    desk, listener = Desk(settings), _listener(settings)
    match options.command:
        case "list":
            outcome = desk.look(upstream=True)
            _tell_list(outcome, listener, report)
        case "status":
            outcome = desk.look()
            _tell_status(outcome, listener, report)
        case _:
            outcome = desk.choose(options.name, force=options.force)
            _tell_change(outcome, listener, report)
    report.warn(*outcome.warnings)
    report.facts = {
        "running": outcome.found is not None,
        "url": outcome.found.url if outcome.found is not None else None,
        "process": outcome.found.pid if outcome.found is not None else None,
        **msgspec.to_builtins(outcome.state),
    }


def _listener(settings: Settings) -> str:
    address = settings.listen_address
    return f"port {address.port}" if isinstance(address, TCPAddress) else str(address)


def _tell_list(outcome: Outcome, listener: str, report: Report) -> None:
    state = outcome.state
    report.say(*table(state))
    if outcome.found is None:
        report.say(f"{where(None, listener)} This is the table, and what its next start takes.")
    elif state.upstream is None:
        report.say(f"MiMo's own list could not be had: {state.no_upstream}")


def _tell_status(outcome: Outcome, listener: str, report: Report) -> None:
    runs = outcome.found is not None
    report.say(*present(outcome.state, runs=runs))
    if outcome.found is None:
        report.fail(where(None, listener))
    else:
        report.say(*later(outcome.state, listener, runs=True), where(outcome.found, listener))
    _warn_of_start(outcome, report)


def _tell_change(outcome: Outcome, listener: str, report: Report) -> None:
    state, runs = outcome.state, outcome.found is not None
    if not runs:
        report.say(where(None, listener))
    for line in changed(state, runs=runs):
        report.done(line)
    if state.complaint:
        report.fail(f"It could not be remembered for the next start. {state.complaint}")
    elif state.forgets and not runs:
        report.fail(*later(state, listener, runs=runs))
    else:
        report.done(*later(state, listener, runs=runs))
    _warn_of_start(outcome, report)
    if state.chosen and not report.failed:
        report.say(CODEX)


def _warn_of_start(outcome: Outcome, report: Report) -> None:
    if (warning := undone_at_start(outcome.state, runs=outcome.found is not None)) is not None:
        report.warn(warning)
