"""What a service is to run: the command, its variables and its places, for any service manager.

Owns the way from a person's shell and arguments to that, and the checks that need nothing but looking. It
must not write anything, and knows no service manager.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ccmimolink.background.env_file import read_variables
from ccmimolink.background.errors import ServiceError, UsageRefused
from ccmimolink.background.inheritance import inherited
from ccmimolink.background.proxy_options import understood
from ccmimolink.listen import ListenAddress, TCPAddress, UnixAddress
from ccmimolink.settings import Settings
from ccmimolink.sync.setup import wanted_places

LOG_NAME = "mimo_proxy.log"
_AFTER_DRAINING = 15
"""Seconds for what comes behind the last stream: the route is given back, the log is closed."""

_TWISTD = ("--nodaemon", "--pidfile=", "--logger=ccmimolink.log_events.nowhere", "ccmimolink")
"""No logger of twistd's: the log file says it all, where its user alone can read it."""

_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A service, before a manager has it.

    :ivar command: whole, from the interpreter's twistd to the last option.
    :ivar variables: for the service's file; no secret is among them.
    :ivar environment_file: the user's, read at each start, whose variables win.
    :ivar directory: where it runs.
    :ivar token: that it will demand.
    :ivar stop_seconds: what a manager has to give it to end in good order.
    :ivar withheld: variables of the shell that were not taken over, by name.
    """

    command: tuple[str, ...]
    variables: Mapping[str, str]
    environment_file: Path
    directory: Path
    log: Path
    address: ListenAddress
    listen: str
    token: str = field(repr=False)
    stop_seconds: int
    withheld: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Where a person calls the command from.

    :ivar python: the interpreter that runs it.
    """

    environ: Mapping[str, str] = field(repr=False)
    directory: Path
    home: Path
    python: Path

    @property
    def configuration(self) -> Path:
        chosen = Path(self.environ.get("XDG_CONFIG_HOME", ""))
        # By the rules of the XDG directories a relative one does not count.
        return chosen if chosen.is_absolute() else self.home / ".config"

    @property
    def environment_file(self) -> Path:
        return self.configuration / "ccmimolink" / "service.env"


def make_plan(shell: Shell, arguments: Sequence[str]) -> Plan:
    """:param arguments: the proxy's options.
    :raises UsageRefused: an option or a setting cannot be used.
    :raises ServiceError: the environment file cannot be used.
    """
    heritage = inherited(shell.environ, shell.directory)
    file = shell.environment_file
    environ = {**heritage.variables, **read_variables(file)}
    try:
        options = understood(arguments, environ, shell.directory)
    except UsageRefused as refused:
        raise UsageRefused(str(refused) + _of_withheld(heritage.withheld, environ, file)) from None
    words = list(options.words())
    settings = options.settings
    _check_address(settings)
    state = (shell.directory / wanted_places(settings).state).absolute()
    if not options.names_a_log and not environ.get("MIMO_PROXY_LOG"):
        words.append(f"--log={state / LOG_NAME}")
        log = state / LOG_NAME
    else:
        log = (shell.directory if options.names_a_log else state) / settings.log
    plan = Plan(
        command=(*twistd(shell.python), *_TWISTD, *words),
        variables=heritage.variables,
        environment_file=file,
        directory=state,
        log=log,
        address=settings.listen_address,
        listen=settings.listen,
        token=settings.token,
        stop_seconds=math.ceil(settings.drain) + _AFTER_DRAINING,
        withheld=tuple(name for name in heritage.withheld if name not in environ),
    )
    _check_texts(plan)
    return plan


def twistd(python: Path) -> tuple[str, ...]:
    """The twistd of an interpreter's environment: its script, which is where the interpreter is in every
    virtual environment, else what the script does."""
    script = python.with_name("twistd")
    if script.is_file():
        return (str(script),)
    return (str(python), "-P", "-c", "from twisted.scripts.twistd import run; run()")


def _check_address(settings: Settings) -> None:
    address = settings.listen_address
    if isinstance(address, TCPAddress) and address.port == 0:
        raise UsageRefused("A service needs a port that stays: give another --port than 0.")
    if isinstance(address, UnixAddress) and not Path(address.path).is_absolute():
        raise UsageRefused("A service needs the whole path of its socket: give it in --listen.")


def _check_texts(plan: Plan) -> None:
    """Said here, for all managers: their files are text."""
    texts = [*plan.command, *plan.variables.values(), str(plan.environment_file), str(plan.directory)]
    if any(_UNWRITABLE.search(text) for text in texts):
        raise ServiceError(
            "A path, an option or a variable holds a character that no service file can hold (a control "
            "character, or a byte that is not UTF-8). Rename what it names."
        )


def _of_withheld(withheld: tuple[str, ...], environ: Mapping[str, str], file: Path) -> str:
    missing = [name for name in withheld if name not in environ]
    if not missing:
        return ""
    return (
        f" {' and '.join(missing)} of this shell cannot count for a service, since no secret is copied from "
        f"a shell: write it into {file}, with mode 0600."
    )
