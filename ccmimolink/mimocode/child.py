"""Running another program: without blocking the reactor, with an end in any case.

Owns the process: its time, how much of its output is taken, and that nothing of it is left. It must not know
what the output means. What a program prints on stderr is thrown away, because it may quote a key.

A thread reads, since the reactor's own way to start processes needs a further package on Windows.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from ccmimolink import children

_MOST_OUTPUT = 32 * 1024 * 1024
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ended by itself.

    :ivar output: what it printed on stdout. It may hold a key.
    """

    status: int
    output: bytes = field(repr=False)


class ChildError(Exception):
    """It could not be started, took too long or printed too much. The message says which."""


def run_child(
    reactor: Any,
    arguments: Sequence[str],
    *,
    directory: Path,
    environ: Mapping[str, str],
    seconds: float,
    most_output: int = _MOST_OUTPUT,
) -> Deferred[Ended]:
    """Run a program to its end. Cancelling the Deferred ends it with all that it started.

    :param environ: all that it gets of the environment.
    :param most_output: bytes of stdout.
    :returns: fires with :class:`Ended`, or fails with :class:`ChildError`.
    """
    child = _Child(reactor, most_output)
    child.start(arguments, directory, environ, seconds)
    return child.done


class _Child:
    def __init__(self, reactor: Any, most_output: int) -> None:
        self._reactor, self._most = reactor, most_output
        self._process: subprocess.Popen[bytes] | None = None
        self._limit: Any = None
        self._environ: Mapping[str, str] = {}
        self.done: Deferred[Ended] = Deferred(lambda _: self._settle(CancelledError()))

    def start(
        self, arguments: Sequence[str], directory: Path, environ: Mapping[str, str], seconds: float
    ) -> None:
        self._environ = environ
        try:
            self._process = children.start(arguments, directory=directory, environ=environ)
        except OSError as error:
            self.done.errback(ChildError(f"it cannot be started ({error.strerror})"))
            return
        late = ChildError(f"it did not end within {seconds:g} seconds")
        self._limit = self._reactor.callLater(seconds, self._settle, late)
        # Nobody waits for the thread: a program that escaped may hold the pipe open for ever.
        threading.Thread(target=self._read, args=[self._process], daemon=True).start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        """In a thread of its own."""
        assert process.stdout is not None
        output = bytearray()
        result: Ended | ChildError
        with process.stdout:
            while piece := process.stdout.read(_PIECE):
                output += piece
                if len(output) > self._most:
                    result = ChildError("it printed more than could be meant")
                    break
            else:
                result = Ended(process.wait(), bytes(output))
        self._reactor.callFromThread(self._settle, result)

    def _settle(self, result: Ended | Exception) -> None:
        """In the reactor's thread; what comes second is too late."""
        if self.done.called:
            return
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        if isinstance(result, Ended):
            self.done.callback(result)
            return
        if self._process is not None:
            children.end(self._process, self._environ)
        self.done.errback(result)
