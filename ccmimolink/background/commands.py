"""The service manager's commands: each is a list of words, has an end in any case, and no shell reads it.

Owns starting them and what they see of the environment. It must not know what their output means.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

NOT_FOUND, TOO_LATE = 127, 124
"""The statuses of a command that is not there, and of one that does not end; as shells have them."""

SECONDS = 20.0
"""For a command that only asks or registers something."""

_HANDED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TERM",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
)
"""All that these commands need. A key that is in the shell is none of theirs."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended.

    :ivar output: what it printed on stdout.
    :ivar complaint: what it printed on stderr.
    """

    status: int
    output: str = ""
    complaint: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status == 0

    def why(self) -> str:
        """On one line, what it said of its failure."""
        said = " ".join((self.complaint or self.output).split())
        return said.rstrip(".")[:400] or f"exit status {self.status}"


class Runner(Protocol):
    """The one door to other programs."""

    def run(self, command: Sequence[str], *, seconds: float = SECONDS) -> Ran:
        """Run it to its end, and give what it printed."""

    def show(self, command: Sequence[str]) -> int:
        """Let it print where we do, for as long as it wants to. Returns its status."""


class Commands:
    """Runs them for real.

    :param environ: of which they get what they need.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name: environ[name] for name in _HANDED_ON if name in environ}

    def run(self, command: Sequence[str], *, seconds: float = SECONDS) -> Ran:
        try:
            ended = subprocess.run(
                command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Ran(TOO_LATE, complaint=f"it did not end within {seconds:g} seconds")
        except OSError as error:
            return Ran(NOT_FOUND, complaint=f"it cannot be started ({error.strerror})")
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    def show(self, command: Sequence[str]) -> int:
        try:
            return subprocess.call(command, env=self._environ, stdin=subprocess.DEVNULL)
        except OSError:
            return NOT_FOUND
