"""A program at a terminal: what it shows there, what a person types, and what it prints into a pipe.

Owns the terminal, which is the program's controlling one, and lets nothing that was started outlive a test.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mimocode.processes import interruptible

PATIENCE_S = 30.0
CONTROL_C = "\x03"
CONTROL_D = "\x04"
_AT_THE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Ended(NamedTuple):
    """:ivar shown: on the terminal, from the beginning."""

    status: int
    out: str
    shown: str


class TypedProgram:
    """A running program with a terminal for stdin and stderr, and a pipe for stdout."""

    def __init__(self, command: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> None:
        self._terminal, end = pty.openpty()
        with open(end, "rb", buffering=0) as its_end:
            self.process = subprocess.Popen(
                [sys.executable, "-ISc", _AT_THE_TERMINAL, *interruptible(command)],
                cwd=cwd,
                env=environ,
                stdin=its_end,
                stderr=its_end,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        self.shown = ""
        self._until = time.monotonic() + PATIENCE_S

    def see(self, text: str) -> None:
        """Wait until it is on the terminal."""
        while text not in self.shown:
            assert self._read(), f"not shown: {text!r} in {self.shown!r}"

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def answer(self, question: str, text: str) -> None:
        self.see(question)
        self.type(f"{text}\n")

    @property
    def shows_what_is_typed(self) -> bool:
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def end(self) -> Ended:
        """Wait for the end."""
        while self._read():
            pass
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        return Ended(self.process.returncode, out.decode(), self.shown)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._terminal)

    def _read(self) -> bool:
        """Whether more may come. When the last one has closed the terminal, reading fails on Linux."""
        assert time.monotonic() < self._until, f"still running: {self.shown!r}"
        if select.select([self._terminal], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):
                piece = os.read(self._terminal, 65_536)
                self.shown += piece.decode(errors="replace")
                return bool(piece)
            return False
        return True


@contextlib.contextmanager
def at_a_terminal(command: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> Iterator[TypedProgram]:
    program = TypedProgram(command, cwd, environ)
    try:
        yield program
    finally:
        program.close()
