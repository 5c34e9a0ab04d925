"""What runs on this machine: asked of the system, not of whoever started it; and how it is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")
_INTERRUPTIBLE = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def interruptible(command: Sequence[str]) -> list[str]:
    """A command line for the same, whatever signals the tests themselves were started to ignore."""
    return [sys.executable, "-ISc", _INTERRUPTIBLE, *command]


def is_running(pid: int) -> bool:
    """Whether a process does anything yet; one that is dead but not waited for does not."""
    try:
        state = (_PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def command_lines() -> dict[int, bytes]:
    """Of all processes, their arguments separated by NUL."""
    lines = {}
    for entry in os.listdir(_PROCESSES):
        with suppress(OSError, ValueError):
            lines[int(entry)] = (_PROCESSES / entry / "cmdline").read_bytes()
    return lines


def running(program: Path) -> list[int]:
    """The processes that have a file among their arguments, as scripts have."""
    return [
        pid
        for pid, line in command_lines().items()
        if os.fsencode(program) in line.split(b"\0") and is_running(pid)
    ]
