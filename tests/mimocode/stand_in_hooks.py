"""What a test asks of the stand-in beside MiMoCode's own behaviour: records of its calls, and misbehaviour.

Owns the hooks file. It must not look at the environment for any of it: that is the tested command's choice.
"""

from __future__ import annotations

import os
import sys
import time

from tests.mimocode.stand_in_jsonc import dumps, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STDIN_SIZE = 4096
# A program that hangs ends after all when a test forgot it.
LONGEST_HANG_S = 120.0
_BLOCK = b"x" * 65_536


def write(descriptor: int, data: bytes) -> None:
    """Write all of it; a reader that has gone ends the program, as it ends any."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


class Hooks:
    """The hooks of one call. A missing file is no hooks.

    :ivar version: what ``--version`` prints.
    """

    def __init__(self, path: str) -> None:
        self.hooks: dict[str, Any] = {}
        if path:
            with open(path, encoding="utf-8") as stream:
                self.hooks = parse(stream.read())
        self.version: str = self.hooks.get("version", "0.1.0\n")

    def record(self, argv: list[str]) -> None:
        """Leave a file about this call, if that is asked for."""
        directory = self.hooks.get("record")
        if not directory:
            return
        os.makedirs(directory, exist_ok=True)
        content = {
            "argv": argv,
            "cwd": os.getcwd(),
            "environ": _environ(),
            "stdin": _stdin().hex(),
            "stdin_path": _stdin_path(),
        }
        name = os.path.join(directory, f"{time.time_ns():020d}-{os.getpid()}")
        with open(f"{name}.part", "w", encoding="utf-8") as stream:
            stream.write(dumps(content))
        os.rename(f"{name}.part", f"{name}.json")

    def intervene(self, command: str) -> int | None:
        """Do what is asked for in place of the command; its exit status. None: the command answers."""
        commands = self.hooks.get("commands", {})
        hook: dict[str, Any] = commands.get(command) or commands.get("*", {})
        write(2, hook.get("stderr", "").encode())
        if hook.get("lingers"):
            _leave_behind(hook["lingers"])
        time.sleep(hook.get("sleep", 0))
        if hook.get("hang"):
            _hang(bool(hook.get("ignore_sigterm")))
        for start in range(0, hook.get("huge", 0), len(_BLOCK)):
            write(1, _BLOCK[: hook["huge"] - start])
        if "stdout" in hook:
            write(1, hook["stdout"].encode())
        if any(name in hook for name in ("stdout", "huge", "rc", "hang")):
            return int(hook.get("rc", 0))
        return None


def _hang(ignore_sigterm: bool) -> None:
    if ignore_sigterm:
        # Here, not above: its enumerations take long to make.
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _leave_behind(LONGEST_HANG_S)
    time.sleep(LONGEST_HANG_S)


def _leave_behind(seconds: float) -> None:
    """Start a child that does nothing but hold the pipes open."""
    if not os.fork():
        time.sleep(seconds)
        os._exit(0)


def _environ() -> dict[str, str]:
    try:
        with open("/proc/self/environ", "rb") as stream:
            pairs = stream.read().split(b"\0")
    except OSError:
        return dict(os.environ)
    # Python sets LC_CTYPE itself where the locale is "C": what the caller gave is wanted.
    named = (pair.partition(b"=") for pair in pairs if pair)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in named}


def _stdin() -> bytes:
    """What can be read at once."""
    from select import select

    try:
        return os.read(0, STDIN_SIZE) if select([0], [], [], 0)[0] else b""
    except OSError:
        return b""


def _stdin_path() -> str:
    for path in ("/proc/self/fd/0", "/dev/fd/0"):
        try:
            return os.readlink(path)
        except OSError:
            continue
    try:
        null = os.stat(os.devnull)
        return os.devnull if os.path.samestat(os.fstat(0), null) else f"a file of {sys.platform}"
    except OSError:
        return "closed"
