"""The one door to the platform: what every service manager can do for us.

Owns the protocol, and what a manager says of a service. It must not know systemd or launchd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ccmimolink.background.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the manager says of the service.

    :ivar known: the manager has it; not so where its file alone is there.
    :ivar failed: it has ended badly, whether or not it is going to be started again.
    :ivar since: as the manager or the system writes a time; empty where it does not run.
    :ivar at_login: it is started without being asked; None where that is not told.
    :ivar detail: how it ended last, or what it is doing.
    :ivar outdated: its file was changed since the manager read it.
    """

    known: bool = False
    running: bool = False
    failed: bool = False
    pid: int | None = None
    since: str = ""
    at_login: bool | None = None
    detail: str = ""
    outdated: bool = False


class Manager(Protocol):
    """A service manager of the user's own.

    Its methods raise ``ServiceError`` where a command fails, with what that command said.
    """

    name: str
    file: Path
    """The service's file."""

    restart: str
    """The command by which a person starts the service anew."""

    def text(self, plan: Plan) -> str:
        """The service's file."""

    def record(self, directory: Path) -> str:
        """Where the manager keeps what the program prints."""

    def reach(self) -> None:
        """Make sure that there is a manager to speak to."""

    def begin(self, plan: Plan, *, anew: bool) -> None:
        """Have the service run, now and after each login.

        :param anew: its file has changed: what runs is ended first.
        """

    def end(self, stop_seconds: float) -> None:
        """End the service, and do not start it again."""

    def forget(self) -> None:
        """Its file is gone."""

    def state(self) -> State: ...

    def record_command(self, directory: Path, lines: int, *, follow: bool) -> Sequence[str]:
        """What shows the end of the manager's record."""

    def advice(self) -> list[str]:
        """What a person may want to do for the service to outlast a logout or a reboot."""
