"""``ccmimolink-sync``: the command.

Owns its options, what it prints and how it ends: 0 done or nothing to do, 1 not done, 2 a wrong call. A key
is never an argument, and no argument that was not understood is repeated.
"""

from __future__ import annotations

import argparse
import getpass
import http.client
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import IO, NoReturn

from ccmimolink import __version__
from ccmimolink.command_help import add_completion
from ccmimolink.console import ended
from ccmimolink.setting_values import base_url, secret
from ccmimolink.settings import Settings, SettingsError, terminal_environ
from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.manual import describe_sync
from ccmimolink.sync.preview import preview_restore, preview_takeover
from ccmimolink.sync.report import Report
from ccmimolink.sync.setup import USUAL_URL, local_url, synchroniser, wish_of
from ccmimolink.sync.status import status
from ccmimolink.sync.takeover import Wish
from ccmimolink.terminal import Progress, Waiting, paint_for, silently

DONE, NOT_DONE, WRONG_CALL = 0, 1, 2
_HEALTH_SECONDS = 2.0
_LONGEST_KEY = 4096
_PORT = re.compile(r"[0-9]{1,5}")
_OPTION = re.compile(r"argument (?P<option>--[a-z-]+): (not allowed with argument (?P<other>--[a-z-]+))?")
"""How ``argparse`` begins what it says of an option."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """A value that was not understood may be a key, so only options are named."""
        named = _OPTION.match(message)
        if named is None:
            message = "there is an argument that is not an option. A key is never given as an argument"
        elif named["other"] is not None:
            message = f"{named['option']} does not go with {named['other']}"
        else:
            message = f"{named['option']} {_takes(message)}"
        self.refuse(message)

    def refuse(self, message: str) -> NoReturn:
        self.exit(WRONG_CALL, f"ccmimolink-sync: {message}. See --help.\n")


def _takes(message: str) -> str:
    if "invalid choice" in message:
        return "has not this value"
    return "needs a value" if "expected" in message else "takes no value"


def _parser() -> _Parser:
    parser = _Parser(prog="ccmimolink-sync", allow_abbrev=False)
    describe_sync(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--status", action="store_true", help="show both sides, and what to do; changes nothing"
    )
    what.add_argument("--restore", action="store_true", help="undo the takeover, also for later starts")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, keys masked")
    parser.add_argument("--json", action="store_true", help="print for programs")
    parser.add_argument(
        "--provider", metavar="NAME", help="the provider's id or name in cc switch; remembered"
    )
    parser.add_argument("--upstream", metavar="URL", help="MiMo's address, where nothing else tells it")
    parser.add_argument("--port", metavar="N", help="where the proxy listens [MIMO_PROXY_PORT, default 9876]")
    parser.add_argument("--codex-only", action="store_true", help="without cc switch: write Codex's route")
    parser.add_argument(
        "--api-key-stdin", action="store_true", help="with --codex-only: read the key from stdin"
    )
    catalog = parser.add_mutually_exclusive_group()
    catalog.add_argument(
        "--no-catalog", dest="catalog", action="store_false", help="no model catalog; remembered"
    )
    catalog.add_argument("--catalog", dest="catalog", action="store_true", help="undo --no-catalog")
    parser.add_argument("--version", action="version", version=f"ccmimolink {__version__}")
    add_completion(parser)
    parser.set_defaults(catalog=None)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script: what :func:`run` says, with the streams of this process."""
    given = sys.argv[1:] if arguments is None else arguments
    return ended(
        lambda: run(given, None, sys.stdin, sys.stdout),
        "ccmimolink-sync: interrupted. Run it again, or see --status.",
    )


def run(
    arguments: Sequence[str],
    environ: Mapping[str, str] | None,
    stdin: IO[str],
    stdout: IO[str],
    ask: Callable[[str], str] = getpass.getpass,
) -> int:
    """:param environ: None stands for the environment of this process.
    :param ask: shows a prompt and reads a line without showing it.
    :returns: the exit status.
    """
    try:
        options = _parser().parse_args(arguments)
        settings, upstream = _understood(options, environ)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE
    try:
        with_progress = Progress(sys.stderr, terminal_environ(environ))
        report = _report(options, settings, upstream, stdin, ask, with_progress.waiting)
    except SyncError as error:
        report = Report()
        report.fail(str(error))
    paint = paint_for(stdout, terminal_environ(environ))
    stdout.write(report.as_json() + "\n" if options.json else report.as_text(paint))
    return NOT_DONE if report.failed else DONE


def _understood(
    options: argparse.Namespace, environ: Mapping[str, str] | None
) -> tuple[Settings, str | None]:
    """The settings, and the upstream that was named. Ends as a parser does where they cannot be used."""
    parser = _parser()
    if options.api_key_stdin and not options.codex_only:
        parser.refuse("--api-key-stdin goes with --codex-only; cc switch has the key otherwise")
    _refuse_what_does_not_go_together(options, parser)
    overrides = {}
    if options.port is not None:
        if not _PORT.fullmatch(options.port) or not 0 < int(options.port) < 65536:
            parser.refuse("--port is not a port. Give a whole number from 1 to 65535")
        overrides = {"MIMO_PROXY_PORT": options.port, "MIMO_PROXY_LISTEN": ""}
    try:
        settings = Settings.from_environ(environ, overrides, log=False)
        return settings, base_url(options.upstream) if options.upstream is not None else None
    except SettingsError as error:
        parser.refuse(str(error).rstrip("."))
    except ValueError as error:
        parser.refuse(f"--upstream {error}".rstrip("."))


def _refuse_what_does_not_go_together(options: argparse.Namespace, parser: _Parser) -> None:
    verb = "--status" if options.status else "--restore" if options.restore else None
    given = {
        "--codex-only": options.codex_only,
        "--provider": options.provider is not None,
        "--upstream": options.upstream is not None,
        "--no-catalog or --catalog": options.catalog is not None,
        "--dry-run": options.dry_run and options.status,
    }
    for option, is_given in given.items():
        if verb is not None and is_given:
            parser.refuse(f"{option} does not go with {verb}")


def _report(
    options: argparse.Namespace,
    settings: Settings,
    upstream: str | None,
    stdin: IO[str],
    ask: Callable[[str], str],
    waiting: Waiting,
) -> Report:
    synchronising = synchroniser(settings, waiting)
    if options.restore:
        # Whatever the settings say of listening: a route must be given back from anywhere.
        if options.dry_run:
            return preview_restore(synchronising, settings.api_key)
        return synchronising.give_back()
    if options.status:
        return _status(synchronising, settings)
    wish = replace(
        wish_of(settings, local_url(settings.listen_address, settings.token)),
        provider=options.provider,
        upstream=upstream,
    )
    if options.codex_only:
        wish = _with_key(wish, options, stdin, ask)
    if options.dry_run:
        return preview_takeover(synchronising, wish, alone=options.codex_only, catalog=options.catalog)
    return _taken_over(synchronising, wish, options)


def _status(synchronising: Synchroniser, settings: Settings) -> Report:
    try:
        url, reason = local_url(settings.listen_address, settings.token), ""
    except SyncError as error:
        url, reason = USUAL_URL, str(error)
    report = status(
        synchronising,
        wish_of(settings, url),
        lambda url: listener(url, synchronising.waiting) is Listener.OURS,
    )
    if reason:
        report.warn(reason)
    return report


def _taken_over(synchronising: Synchroniser, wish: Wish, options: argparse.Namespace) -> Report:
    there = listener(wish.local_url, synchronising.waiting)
    if there is Listener.STRANGER:
        raise SyncError(
            f"Another program answers at {wish.local_url}, and would be sent the key. Nothing was changed. "
            "End it, or choose another --port, for the proxy too."
        )
    report = synchronising.take_over(wish, alone=options.codex_only, catalog=options.catalog)
    if there is Listener.NOBODY and not report.failed:
        report.next_steps.insert(0, "Start the proxy (twistd -n ccmimolink): Codex would retry for ever.")
    return report


def _with_key(wish: Wish, options: argparse.Namespace, stdin: IO[str], ask: Callable[[str], str]) -> Wish:
    """The key from stdin, from ``MIMO_API_KEY`` or from a person, in this order.

    :raises SyncError: what was given is no key.
    """
    if not options.api_key_stdin and (wish.api_key or options.dry_run or not stdin.isatty()):
        return wish
    try:
        key = secret(_given(options, stdin, ask).strip())
    except UnicodeDecodeError:
        raise SyncError("The API key is not text (the value is not shown). Copy it once more.") from None
    except ValueError as error:
        raise SyncError(f"The API key {error}") from None
    if options.api_key_stdin and not key:
        raise SyncError("There was no API key on stdin. Give it there, in one line.")
    return replace(wish, api_key=key or wish.api_key)


def _given(options: argparse.Namespace, stdin: IO[str], ask: Callable[[str], str]) -> str:
    if options.api_key_stdin:
        return stdin.readline(_LONGEST_KEY)
    try:
        return ask("Xiaomi MiMo API key (leave empty to keep the present one): ")
    except (EOFError, KeyboardInterrupt):
        raise SyncError("No API key was given. Run it again to give one.") from None


class Listener(Enum):
    """Who is at the proxy's address."""

    OURS = "a ccmimolink"
    STRANGER = "another program"
    NOBODY = "nobody"


def listener(url: str, waiting: Waiting = silently) -> Listener:
    health = url.removesuffix("/v1") + "/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with (
            waiting(f"Asking who listens at {url}"),
            opener.open(health, timeout=_HEALTH_SECONDS) as response,
        ):
            ours = b"uptime_seconds" in response.read(_LONGEST_KEY)
            return Listener.OURS if ours else Listener.STRANGER
    except urllib.error.URLError as error:
        refused = isinstance(error.reason, ConnectionRefusedError)
        return Listener.NOBODY if refused else Listener.STRANGER
    except (OSError, ValueError, http.client.HTTPException):
        return Listener.STRANGER  # who does not speak HTTP
