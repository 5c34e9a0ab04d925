"""Starting and ending programs on loopback.

Owns their ends: each is ended by its process object, and waited for. It must not know what they do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class NotStarted(Exception):
    """The program ended, or listens to nothing; the message holds the end of what it said."""


@contextmanager
def running(
    command: Sequence[str], folder: Path, changes: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The program, with the folder as its home; all it says is in ``output`` there."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    environment = {**kept, "HOME": str(folder), "NO_PROXY": "127.0.0.1", **(changes or {})}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(process: subprocess.Popen[bytes], port: int, folder: Path, seconds: float) -> None:
    """:raises NotStarted: it does not listen within that time."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    said = (folder / "output").read_text(errors="replace")[-600:]
    raise NotStarted(f"{process.args!r} does not listen: {said}")
