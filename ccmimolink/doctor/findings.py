"""What a check finds: how it stands, what was seen, and the way out.

Owns these values. It must not decide when a check is run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from ccmimolink.doctor.scene import Scene


class Status(Enum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"

    @property
    def is_sound(self) -> bool:
        """Whether what depends on it can be looked at."""
        return self in (Status.OK, Status.WARNING)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    :ivar found: what was seen, or why nothing was looked at.
    :ivar fix: what to do, as sentences; empty where nothing is to be done.
    :ivar command: what to type for it, where there is such a thing.
    """

    status: Status
    found: str
    fix: str = ""
    command: str = ""


def ok(found: str) -> Finding:
    return Finding(Status.OK, found)


def warning(found: str, fix: str, command: str = "") -> Finding:
    return Finding(Status.WARNING, found, fix, command)


def failed(found: str, fix: str, command: str = "") -> Finding:
    return Finding(Status.FAILED, found, fix, command)


def not_checked(reason: str) -> Finding:
    return Finding(Status.NOT_CHECKED, reason)


def split(message: str, otherwise: str = "See Troubleshooting in the README.") -> tuple[str, str]:
    """What is wrong and what to do, of an error that says both in this order.

    :param otherwise: what to do where it does not say so.
    """
    found, _, fix = message.partition(". ")
    return f"{found.rstrip('.')}.", fix or otherwise


Look = Callable[[Scene], Finding | Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One look at a set-up.

    :ivar id: stable, for programs and for ``--only``.
    :ivar look: a plain function may block, and is run in a thread; a coroutine function must not.
    :ivar needs: the checks without whose good end this one would say nothing.
    :ivar after: the checks whose findings it uses where there are any, however they end.
    :ivar unless: why there is nothing to look at, or nothing.
    :ivar seconds: how long it may take.
    """

    id: str
    title: str
    look: Look
    needs: tuple[str, ...] = ()
    unless: Callable[[Scene], str] = lambda _scene: ""
    seconds: float = 10.0
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    check: Check
    finding: Finding
