"""``ccmimolink-service`` with a service manager that answers commands as the real ones do.

Owns that manager, which runs nothing, a clock that does not wait, and a home. What the commands mean is taken
from systemctl(1) and launchctl(1).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ccmimolink import __version__
from ccmimolink.background.clock import Clock
from ccmimolink.background.command import run
from ccmimolink.background.commands import SECONDS, Ran
from ccmimolink.background.health import Answer, Health
from ccmimolink.background.launchd import LABEL
from ccmimolink.background.manager import Manager
from ccmimolink.background.plan import Shell
from ccmimolink.background.platforms import manager_of
from ccmimolink.background.systemd import UNIT
from ccmimolink.background.world import World
from ccmimolink.listen import ListenAddress
from ccmimolink.terminal import silently
from tests.e2e.processes import free_port
from tests.ended import Ended as Ended

USER, UID = "somebody", 4711
KEY = "tp-fake-key-of-nobody"
PASSWORD = "fake-password-of-nobody"


@dataclass
class FakeManager:
    """Either manager's commands.

    :ivar commands: all that were given, in order.
    :ivar broken: words of a command, and what it says when it fails from now on.
    :ivar starts: whether a program that is started goes on running.
    :ivar interrupted: a person presses Ctrl-C while something is shown.
    :ivar sticky: launchd says that a service is ended, and it is not.
    """

    commands: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    starts: bool = True
    sticky: bool = False
    interrupted: bool = False
    known: bool = False
    running: bool = False
    enabled: bool = False
    linger: str = "no"
    restarts: int = 0
    starts_counted: int = 0

    def run(self, command: Sequence[str], *, seconds: float = SECONDS) -> Ran:
        words = " ".join(command)
        self.commands.append(words)
        self.seconds[words] = seconds
        for part, complaint in self.broken.items():
            if part in words:
                return Ran(1, complaint=f"{complaint}\n")
        answers: dict[str, Callable[[list[str]], Ran]] = {
            "systemctl": self._systemctl,
            "launchctl": self._launchctl,
            "loginctl": lambda _words: Ran(0, f"{self.linger}\n"),
            "journalctl": lambda _words: Ran(0, "what the program said\n"),
            "tail": lambda _words: Ran(0, "what the program said\n"),
            "ps": lambda _words: Ran(0, "Sat Nov 28 13:00:00 2026\n"),
        }
        return answers[command[0]](list(command[1:]))

    def show(self, command: Sequence[str]) -> int:
        self.shown.append(" ".join(command))
        if self.interrupted:
            raise KeyboardInterrupt
        return 0

    def changes(self) -> list[str]:
        """The commands that do something."""
        asking = ("show", "print", "print-disabled", "loginctl", "journalctl", "tail", "ps", "reset-failed")
        return [words for words in self.commands if not set(asking) & set(words.split())]

    def _start(self) -> None:
        self.running, self.known = self.starts, True
        self.starts_counted += 1

    def _systemctl(self, words: list[str]) -> Ran:
        verb = words[1]
        if verb == "show":
            return Ran(0, self._properties() if UNIT in words else "Version=252\n")
        if verb == "enable":
            self.enabled = True
        elif verb == "restart" or (verb == "start" and not self.running):
            self._start()
        elif verb == "disable":
            self.enabled = self.running = False
        return Ran(0)

    def _properties(self) -> str:
        active = "active" if self.running else "failed" if self.known else "inactive"
        found = {
            "LoadState": "loaded" if self.known else "not-found",
            "ActiveState": active,
            "SubState": {"active": "running", "inactive": "dead"}.get(active, active),
            "Result": "exit-code" if active == "failed" else "success",
            "ExecMainStatus": "1" if active == "failed" else "0",
            "MainPID": "4242" if self.running else "0",
            "ActiveEnterTimestamp": "Sat 2026-11-28 13:00:00 UTC" if self.running else "",
            "UnitFileState": "enabled" if self.enabled else "disabled",
            "NRestarts": str(self.restarts),
            "NeedDaemonReload": "no",
        }
        return "".join(f"{name}={value}\n" for name, value in found.items())

    def _launchctl(self, words: list[str]) -> Ran:
        target = f"gui/{UID}/{LABEL}"
        if words == ["print", target]:
            if not self.known:
                return Ran(113, complaint=f'Could not find service "{LABEL}" in domain for user gui: {UID}\n')
            return Ran(0, self._printed())
        if words[0] == "enable":
            self.enabled = True
        elif words[0] == "bootstrap":
            self._start()
        elif words[0] == "bootout":
            self.known = self.running = self.sticky
        elif words[0] == "print-disabled":
            return Ran(
                0, f'disabled services = {{\n\t"{LABEL}" => {"enabled" if self.enabled else "disabled"}\n}}\n'
            )
        return Ran(0)

    def _printed(self) -> str:
        state = "state = running\n\tpid = 4242" if self.running else "state = not running"
        last = "(never exited)" if self.running else "1"
        return (
            f"gui/{UID}/{LABEL} = {{\n\tactive count = 1\n\t{state}\n\tlast exit code = {last}\n"
            "\tendpoints = {\n\t\tstate = elsewhere\n\t}\n\tstate = active\n}\n"
        )


class Stage:
    """A user at a shell.

    :ivar answers: what an address answers while the service does not run.
    :ivar is_deaf: the service runs and does not answer.
    :ivar waited: seconds, by the clock that does not wait.
    """

    def __init__(self, directory: Path, platform: str = "linux", **environ: str) -> None:
        self.home, self.cwd = directory / "home", directory / "work"
        self.bin = directory / "venv" / "bin"
        for place in (self.home, self.cwd, self.bin):
            place.mkdir(parents=True)
        self.python, self.twistd = self.bin / "python", self.bin / "twistd"
        for program in (self.python, self.twistd):
            program.write_text("#!/bin/false\n")
        self.platform, self.port = platform, free_port()
        self.state = self.home / "state"
        self.environ = {
            "PATH": "/usr/bin:relative:/bin",
            "MIMO_PROXY_STATE_DIR": str(self.state),
            "MIMO_PROXY_PORT": str(self.port),
            **environ,
        }
        self.fake = FakeManager()
        self.answers, self.health_body = Answer.NOBODY, {"version": __version__}
        self.asked: list[tuple[str, str]] = []
        self.waited, self.is_deaf = 0.0, False

    def __call__(self, *arguments: str, **environ: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        status = run(arguments, lambda: self.world(environ), out, err)
        return Ended(status, out.getvalue(), err.getvalue())

    def world(self, environ: Mapping[str, str]) -> World:
        shell = Shell(
            environ={**self.environ, **environ}, directory=self.cwd, home=self.home, python=self.python
        )
        clock = Clock(lambda: self.waited, self._sleep)
        manager = manager_of(self.platform, shell=shell, runner=self.fake, clock=clock, user=USER, uid=UID)
        return World(
            shell=shell, manager=manager, runner=self.fake, clock=clock, health=self._health, waiting=silently
        )

    @property
    def manager(self) -> Manager:
        return self.world({}).manager

    @property
    def file(self) -> Path:
        return self.manager.file

    @property
    def environment_file(self) -> Path:
        return self.home / ".config" / "ccmimolink" / "service.env"

    def write_environment(self, text: str) -> None:
        self.environment_file.parent.mkdir(parents=True, exist_ok=True)
        self.environment_file.write_text(text)
        self.environment_file.chmod(0o600)

    def _sleep(self, seconds: float) -> None:
        self.waited += seconds

    def _health(self, address: ListenAddress, token: str) -> Health:
        self.asked.append((str(address), token))
        if self.fake.running and not self.is_deaf:
            return Health(Answer.OURS, {"uptime_seconds": 1.0, **self.health_body})
        return Health(self.answers)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
