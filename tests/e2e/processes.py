"""Programs that a test starts: free ports, waiting for what they say, and their orderly end.

Owns processes, by their pid only. It must not know what any of them is for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

CHECKOUT = Path(__file__).parents[2]
PATIENCE = 30.0
"""Seconds for a program to start or to end; the machine may be busy."""

_T = TypeVar("_T")
_OURS = ("MIMO_", "CC_SWITCH_", "CODEX_", "OPENAI_")


def clean_environ(home: Path, **extra: str) -> dict[str, str]:
    """This process's environment without anything that would steer the programs under test."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**inherited, "HOME": str(home), "PYTHONPATH": str(CHECKOUT), **extra}


def free_port() -> int:
    """A port that nobody on loopback had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def start(
    command: Sequence[str], *, output: Path, cwd: Path, environ: dict[str, str]
) -> subprocess.Popen[str]:
    """Start a program in a process group of its own; what it prints goes to a file."""
    with output.open("w") as stream:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[Any]) -> int:
    """Ask the program to end, as a user's Ctrl-C or a service manager does, and return its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        kill_group(process)
        raise


def kill_group(process: subprocess.Popen[Any]) -> None:
    """End the program and all that it started, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def killed_on_failure(process: subprocess.Popen[Any]) -> Iterator[None]:
    """End the program if what stands inside fails."""
    try:
        yield
    except BaseException:
        kill_group(process)
        raise


def wait_until(look: Callable[[], _T | None], what: str, *, patience: float = PATIENCE) -> _T:
    """Look again and again until something is seen."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        seen = look()
        if seen is not None:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"{what}: not seen within {patience:g} s")


def listens(port: int) -> bool:
    """Whether somebody on loopback takes connections on this port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def get(url: str) -> bytes | None:
    """The body that a GET answers, or None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            body: bytes = response.read()
    except (urllib.error.URLError, ConnectionError):
        return None
    return body
