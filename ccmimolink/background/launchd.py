"""launchd, by its commands and its property list.

Owns the list's keys, which commands are given, in which order, and what their output means. It must not write
files.

Source: launchd.plist(5), launchctl(1). A list has no file of variables, so the program is begun by
:mod:`ccmimolink.background.start`, which reads it.
"""

from __future__ import annotations

import plistlib
import re
from collections.abc import Sequence
from pathlib import Path

from ccmimolink.background.clock import Clock
from ccmimolink.background.commands import SECONDS, Ran, Runner
from ccmimolink.background.errors import ServiceError
from ccmimolink.background.manager import State
from ccmimolink.background.ownership import marked
from ccmimolink.background.plan import Plan
from ccmimolink.background.unit_file import facts_of

LABEL = "io.github.ccmimolink"
RECORD_NAME = "service.out"
_UMASK = 0o077
_THROTTLE = 30
"""Seconds between two starts, should they fail: each of them writes a line."""

_NOTE = '<!-- "ccmimolink-service install" writes this file. -->\n'
_NEVER = "(never exited)"
_FIELD = re.compile(r"^\t(state|pid|last exit code) = (.*)$", re.MULTILINE)


class Launchd:
    """:param uid: whose session the service belongs to.
    :param python: the interpreter that begins the program.
    """

    name = "launchd"

    def __init__(self, runner: Runner, clock: Clock, home: Path, uid: int, python: Path) -> None:
        self._runner, self._clock, self._python = runner, clock, python
        self._domain = f"gui/{uid}"
        self._target = f"{self._domain}/{LABEL}"
        self.file = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
        self.restart = f"launchctl kickstart -k {self._target}"

    def text(self, plan: Plan) -> str:
        try:
            content = plistlib.dumps(self._properties(plan), sort_keys=False).decode()
        except ValueError:  # plistlib: a control character
            raise ServiceError(
                "A path, an option or a variable holds a control character, which no property list can hold. "
                "Rename what it names."
            ) from None
        declaration, found, rest = content.partition('<plist version="1.0">\n')
        return marked(declaration + _NOTE, found + rest, facts_of(plan), comment=("<!-- ", " -->"))

    def _properties(self, plan: Plan) -> dict[str, object]:
        record = self.record(plan.directory)
        begin = [str(self._python), "-P", "-m", "ccmimolink.background.start", str(plan.environment_file)]
        return {
            "Label": LABEL,
            "ProgramArguments": [*begin, *plan.command],
            "WorkingDirectory": str(plan.directory),
            "EnvironmentVariables": dict(sorted(plan.variables.items())),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": _THROTTLE,
            "ExitTimeOut": plan.stop_seconds,
            "Umask": _UMASK,
            "StandardOutPath": record,
            "StandardErrorPath": record,
        }

    def record(self, directory: Path) -> str:
        return str(directory / RECORD_NAME)

    def reach(self) -> None:
        ran = self._launchctl("print", self._domain)
        if not ran.succeeded:
            raise ServiceError(
                f"launchd's {self._domain} cannot be reached: {ran.why()}. Log in at the screen once; a "
                "session over ssh alone has none."
            )

    def begin(self, plan: Plan, *, anew: bool) -> None:
        state = self.state()
        if state.running and not anew:
            return
        if state.known:
            self.end(plan.stop_seconds)
        self._must("enable", self._target)
        self._must("bootstrap", self._domain, str(self.file))

    def end(self, stop_seconds: float) -> None:
        if not self.state().known:
            return
        self._must("bootout", self._target, seconds=stop_seconds + SECONDS)
        # launchctl may return while the program still drains, and the label is taken until it has ended.
        deadline = self._clock.monotonic() + stop_seconds
        while self.state().known:
            if self._clock.monotonic() > deadline:
                raise ServiceError(
                    f"launchd did not end the service within {stop_seconds:g} s. Try it again."
                )
            self._clock.sleep(0.5)

    def forget(self) -> None:
        """A booted-out label is forgotten already."""

    def state(self) -> State:
        ran = self._launchctl("print", self._target)
        if not ran.succeeded:
            return State(detail="not loaded")
        found = dict(
            reversed(_FIELD.findall(ran.output))
        )  # the first counts: endpoints below have states too
        pid = int(found["pid"]) if found.get("pid", "").isdigit() else None
        running = found.get("state") == "running"
        last = found.get("last exit code", "")
        return State(
            known=True,
            running=running,
            failed=not running and last not in ("", "0", _NEVER),
            pid=pid,
            since=self._began(pid) if running and pid else "",
            at_login=self._at_login(),
            detail=found.get("state", "unknown") + (f", last exit code {last}" if last else ""),
        )

    def record_command(self, directory: Path, lines: int, *, follow: bool) -> Sequence[str]:
        return ["tail", "-n", str(lines), *(["-F"] if follow else []), self.record(directory)]

    def advice(self) -> list[str]:
        """An agent starts with the login, which is all that launchd has without root."""
        return []

    def _began(self, pid: int) -> str:
        return self._runner.run(["ps", "-o", "lstart=", "-p", str(pid)]).output.strip()

    def _at_login(self) -> bool:
        disabled = self._launchctl("print-disabled", self._domain).output
        return re.search(rf'"{re.escape(LABEL)}" => (disabled|true)', disabled) is None

    def _launchctl(self, *words: str, seconds: float = SECONDS) -> Ran:
        return self._runner.run(["launchctl", *words], seconds=seconds)

    def _must(self, *words: str, seconds: float = SECONDS) -> None:
        ran = self._launchctl(*words, seconds=seconds)
        if not ran.succeeded:
            raise ServiceError(f"launchctl {' '.join(words)}: {ran.why()}.")
