"""Which events reach the log file.

Owns what is left out of it: what Twisted says too often for a file that is kept. It must not know the file.
"""

from __future__ import annotations

from functools import lru_cache
from typing import IO, Any, cast

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    PredicateResult,
    formatEventAsClassicLogText,
    formatTime,
)
from zope.interface import implementer

from ccmimolink.log_file import LogFile

_TOO_TALKATIVE = (
    # The pool's factories announce every connection.
    "twisted.web.client._HTTP11ClientFactory",
    # Of every connection that is refused for want of a descriptor it has several events.
    "twisted.internet.tcp.Port",
)
_OTHER_OBSERVERS = "twisted.logger._observer"


@implementer(ILogFilterPredicate)
class OnceOfOthers:
    """Lets the first event about a broken log observer pass, and no other.

    Where the program's output cannot be written (its terminal is gone, the disk is full), Twisted tells every
    other observer so, with a traceback, at every event.
    """

    def __init__(self) -> None:
        self._was_told = False

    def __call__(self, event: LogEvent) -> Any:
        if event.get("log_namespace") != _OTHER_OBSERVERS:
            return PredicateResult.maybe
        was_told, self._was_told = self._was_told, True
        return PredicateResult.no if was_told else PredicateResult.maybe


def nowhere() -> ILogObserver:
    """For ``twistd --logger``: a daemon's own log would repeat ours, where others can read it."""
    return cast(ILogObserver, lambda _event: None)


def _line(event: LogEvent) -> str | None:
    return formatEventAsClassicLogText(event, formatTime=_time)


def _time(when: float | None) -> str:
    """As Twisted's own, which looks up the time zone for each event: half of what a line costs."""
    return formatTime(None) if when is None else _second(int(when))


@lru_cache(1)
def _second(when: int) -> str:
    return formatTime(when)


def observer_of(file: LogFile) -> ILogObserver:
    """What writes the events to the file."""
    levels = LogLevelFilterPredicate()
    for namespace in _TOO_TALKATIVE:
        levels.setLogLevelForNamespace(namespace, LogLevel.warn)
    writer = FileLogObserver(cast(IO[Any], file), _line)
    return cast(ILogObserver, FilteringLogObserver(writer, [OnceOfOthers(), levels]))
