"""Other programs: where one is, how it is started, and that nothing of it is left.

The one door to what systems do differently there. Owns the group that a program is started in, how much of
its output is read, and the end of that group. It must not know what is run, and hands on nothing of the
environment but what it is given.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_END_SECONDS = 10
_PIECE = 64 * 1024


def find_program(name: str, search_path: str) -> Path | None:
    """The first of that name on a search path. What depends on the present directory does not count."""
    for directory in map(Path, search_path.split(os.pathsep)):
        # Each file by its whole path: Windows looks for a bare name in the present directory first, where a
        # repository could have laid something.
        for ending in _endings(name) if directory.is_absolute() else ():
            found = shutil.which(str(directory / f"{name}{ending}"))
            if found is not None:
                return Path(found)
    return None


def _endings(name: str) -> tuple[str, ...]:
    """What a program's file has behind its name. Beside those there can be a script for another system."""
    if sys.platform == "win32" and not Path(name).suffix:
        return (".exe", ".cmd", ".bat", ".com")
    return ("",)


def start(
    command: Sequence[str],
    *,
    directory: Path,
    environ: Mapping[str, str],
    errors: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program in a group of its own. Its stdout is a pipe.

    :param errors: what it says on stderr is thrown away, unless this is ``PIPE``.
    :raises OSError: it cannot be started.
    """
    return subprocess.Popen(
        command,
        cwd=directory,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        bufsize=0,  # a buffer could not be closed while another thread reads through it
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def outputs(process: subprocess.Popen[bytes], *, seconds: float, most: int) -> tuple[bytes, bytes] | None:
    """What a program printed on stdout and on stderr, once it has ended.

    :param most: what it may print on each: one that prints without end must not take all the memory.
    :returns: None where it came to no end in time, or printed more. It may run on then, see :func:`end`.
    """
    deadline = time.monotonic() + seconds
    readers = [_Reader(pipe, most) for pipe in (process.stdout, process.stderr) if pipe is not None]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(max(0.0, deadline - time.monotonic()))
        if not reader.is_whole:
            return None
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
    out, err, *_ = *(bytes(reader.printed) for reader in readers), b"", b""
    return out, err


class _Reader(threading.Thread):
    """Reads one pipe. Nobody waits for it: a program that escaped may hold the pipe open for ever."""

    def __init__(self, pipe: IO[bytes], most: int) -> None:
        super().__init__(name="reader", daemon=True)
        self._pipe, self._most = pipe, most
        self.printed = bytearray()
        self.is_whole = False

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # it was closed meanwhile
            while piece := self._pipe.read(_PIECE):
                self.printed += piece
                if len(self.printed) > self._most:
                    return
            self.is_whole = True


def end(process: subprocess.Popen[bytes], environ: Mapping[str, str]) -> None:
    """End a program that has not ended, with what it started.

    An installed program often is a script that runs the program proper.

    :param environ: that of the program.
    """
    if process.returncode is not None:
        return
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            # By its whole path: Windows looks in the present directory first.
            taskkill = Path(environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
            command = [str(taskkill), "/T", "/F", "/PID", str(process.pid)]
            subprocess.run(command, env=environ, capture_output=True, check=False, timeout=_END_SECONDS)
        else:
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
