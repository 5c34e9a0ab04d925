"""A terminal for a full-screen program: what it shows, and the title it gives its window.

Owns the pseudo-terminal and the few questions that such a program asks its terminal. It must not know which
program runs in it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.e2e.processes import PATIENCE, kill_group

_ROWS, _COLUMNS = 50, 160
_ANSWERS = {
    b"\x1b[6n": b"\x1b[1;1R",  # where is the cursor?
    b"\x1b[c": b"\x1b[?1;2c",  # what kind of terminal is this?
    b"\x1b]10;?": b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",  # which colours?
    b"\x1b]11;?": b"\x1b]11;rgb:0000/0000/0000\x1b\\",
}
_TITLE = re.compile(rb"\x1b\][02];([^\x07\x1b]*)")
_CONTROL = re.compile(
    rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()].|[=>78])|[\x00-\x1f]"
)


class Terminal:
    """Runs one program. Nothing moves but while a method of this runs."""

    def __init__(self, command: Sequence[str], *, cwd: Path, environ: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        self._seen = b""
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**environ, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def shows(self, text: str) -> bool:
        """Whether this text was drawn. Blanks do not count: a program skips cells that are blank already."""
        drawn = _CONTROL.sub(b"", self._seen).decode("utf-8", "replace")
        return "".join(text.split()) in "".join(drawn.split())

    @property
    def titles(self) -> list[str]:
        """The window titles that the program set, in order."""
        return [title.decode("utf-8", "replace") for title in _TITLE.findall(self._seen)]

    @property
    def seen(self) -> str:
        """All that came, escape sequences and all."""
        return self._seen.decode("utf-8", "replace")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def wait_for_status(self) -> int:
        """Wait for the program to end; what it printed last was read then."""
        self._read_until(lambda: self._process.poll() is not None, "the end")
        while select.select([self._ours], [], [], 0)[0]:
            try:
                self._take(os.read(self._ours, 65_536))
            except OSError:  # so a terminal ends that nobody has open any more
                break
        status: int = self._process.returncode
        return status

    def wait_for_text(self, text: str) -> None:
        self._read_until(lambda: self.shows(text), text)

    def wait_for_title(self, text: str) -> None:
        self._read_until(lambda: any(text in title for title in self.titles), text)

    def end(self) -> None:
        """End the program and what is left of its process group."""
        kill_group(self._process)
        os.close(self._ours)

    def _read_until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < deadline, (
                f"{what!r} was not shown:\n{self._seen.decode(errors='replace')}"
            )
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    self._take(os.read(self._ours, 65_536))
                except OSError:  # the program is at its end
                    continue

    def _take(self, data: bytes) -> None:
        self._seen += data
        for question, answer in _ANSWERS.items():
            if question in data:
                os.write(self._ours, answer)


def end_all_with(variable: str) -> None:
    """End every process that has this ``NAME=value`` in its environment, by its id.

    For daemons that outlive the program that started them. The value must be one that only this test uses.
    """
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and variable.encode() in _environ(entry).split(b"\0"):
            try:
                os.kill(int(entry.name), signal.SIGKILL)
            except ProcessLookupError:
                continue


def _environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""
