"""What the operating system asks of the process and grants it: signals and open files.

Owns the handlers beside the reactor's own, and the limit on descriptors. It must not know what is ended.
"""

from __future__ import annotations

# Twisted would import these with the first request, when there may be no descriptor left to read a file with.
import codecs
import email.contentmanager
import email.headerregistry
import email.policy
import signal
import sys
import threading
from collections.abc import Callable

_UPSTREAM_AND_OURS = 64
"""Descriptors beside those of clients and of requests in flight: log, database, plugins, the reactor's."""

ENDING_SIGNALS: tuple[int, ...] = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
)
"""What a person, a system that goes down or a terminal that is closed ends a program with."""

_WARMED = (
    (email.policy, email.contentmanager, email.headerregistry),  # for a content-type
    (codecs.lookup("charmap"), codecs.lookup("idna")),  # for a header, and for a host name
)


def on_signals(action: Callable[[], None]) -> Callable[[], None]:
    """Do this at each signal that ends a program; returns what undoes it."""
    return _handled(ENDING_SIGNALS, action)


def on_hangup(end: Callable[[int], None]) -> Callable[[], None]:
    """End in good order when the terminal goes away, which would end the program at once.

    Who started it with ``nohup`` has said that nothing is to be done then.

    :param end: is given the signal's number.
    :returns: what undoes it.
    """
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is not signal.SIG_DFL:
        return lambda: None
    return _handled((hangup,), lambda: end(hangup))


def on_interrupt(end: Callable[[int], None]) -> Callable[[], None]:
    """End in good order at a Ctrl-C that comes before the reactor has handlers of its own.

    Python's handler raises ``KeyboardInterrupt`` wherever the program is just then. Within a Deferred that is
    one more failure, and the program would run on. Who started it in the background of a script has said that
    nothing is to be done then.

    :param end: is given the signal's number.
    :returns: what undoes it.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return lambda: None
    return _handled((signal.SIGINT,), lambda: end(signal.SIGINT))


def _handled(signals: tuple[int, ...], action: Callable[[], None]) -> Callable[[], None]:
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = {number: signal.signal(number, lambda *_: action()) for number in signals}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore


def make_room(connections: int, in_flight: int) -> str:
    """Raise the limit on open files, as far as the system lets us, to what the settings allow for.

    :returns: what a person is to be told if that is too little, or nothing.
    """
    wanted = connections + in_flight + _UPSTREAM_AND_OURS
    granted = _granted(wanted)
    if granted >= wanted:
        return ""
    return (
        f"The system lets this program open {granted} files, fewer than the {wanted} that "
        f"MIMO_PROXY_MAX_CONNECTIONS={connections} may need: connections beyond them are refused."
    )


if sys.platform == "win32":

    def _granted(wanted: int) -> int:
        return wanted  # sockets are not counted with files there

else:
    import resource

    def _granted(wanted: int) -> int:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return wanted
        granted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
        except (OSError, ValueError):  # the system has a limit of its own below what it says
            return soft
        return granted
