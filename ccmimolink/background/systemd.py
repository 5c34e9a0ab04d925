"""systemd's user manager, by its commands.

Owns which commands are given, in which order, and what their output means. It must not write files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ccmimolink.background.commands import SECONDS, Ran, Runner
from ccmimolink.background.errors import ServiceError
from ccmimolink.background.manager import State
from ccmimolink.background.plan import Plan
from ccmimolink.background.unit_file import unit_text

UNIT = "ccmimolink.service"
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "ExecMainStatus",
    "MainPID",
    "ActiveEnterTimestamp",
    "UnitFileState",
    "NRestarts",
    "NeedDaemonReload",
)
_RUNNING = {"active", "reloading", "deactivating"}


class Systemd:
    """:param configuration: ``~/.config``, or where the user has that.
    :param user: whose lingering is asked for.
    """

    name = "systemd"
    restart = f"systemctl --user restart {UNIT}"

    def __init__(self, runner: Runner, configuration: Path, user: str) -> None:
        self._runner, self._user = runner, user
        self.file = configuration / "systemd" / "user" / UNIT

    def text(self, plan: Plan) -> str:
        return unit_text(plan)

    def record(self, directory: Path) -> str:
        return "the journal"

    def reach(self) -> None:
        ran = self._systemctl("show", "--property=Version")
        if not ran.succeeded:
            raise ServiceError(
                f"systemd's user manager cannot be reached: {ran.why()}. Log in as {self._user} (sudo and su "
                f"do not start one), or have one started with: loginctl enable-linger {self._user}"
            )

    def begin(self, plan: Plan, *, anew: bool) -> None:
        self._must("daemon-reload")
        self._must("enable", UNIT)
        self._systemctl("reset-failed", UNIT)  # which fails where nothing has failed
        # An end is waited for, and a start until the program is executed.
        self._must("restart" if anew else "start", UNIT, seconds=plan.stop_seconds + SECONDS)

    def end(self, stop_seconds: float) -> None:
        self._must("disable", "--now", UNIT, seconds=stop_seconds + SECONDS)

    def forget(self) -> None:
        self._must("daemon-reload")
        self._systemctl("reset-failed", UNIT)

    def state(self) -> State:
        ran = self._systemctl("show", UNIT, f"--property={','.join(_PROPERTIES)}")
        if not ran.succeeded:
            return State(detail=f"systemd's user manager cannot be reached: {ran.why()}")
        found = dict(line.split("=", 1) for line in ran.output.splitlines() if "=" in line)
        active = found.get("ActiveState", "")
        running = active in _RUNNING
        return State(
            known=found.get("LoadState") not in ("not-found", "", None),
            running=running,
            failed=active == "failed" or found.get("SubState") == "auto-restart",
            pid=int(found.get("MainPID", "0")) or None,
            since=found.get("ActiveEnterTimestamp", "") if running else "",
            at_login=found.get("UnitFileState") == "enabled",
            detail=_detail(found),
            outdated=found.get("NeedDaemonReload") == "yes",
        )

    def record_command(self, directory: Path, lines: int, *, follow: bool) -> Sequence[str]:
        following = ["--follow"] if follow else []
        return ["journalctl", "--user", f"--unit={UNIT}", "--no-pager", f"--lines={lines}", *following]

    def advice(self) -> list[str]:
        ran = self._runner.run(["loginctl", "show-user", self._user, "--property=Linger", "--value"])
        if ran.output.strip() == "yes":
            return []
        return [
            "It starts with your first login and ends with your last logout. To have it from boot on, and on "
            f"when nobody is logged in (may ask for a password): loginctl enable-linger {self._user}"
        ]

    def _systemctl(self, *words: str, seconds: float = SECONDS) -> Ran:
        return self._runner.run(["systemctl", "--user", *words], seconds=seconds)

    def _must(self, *words: str, seconds: float = SECONDS) -> None:
        ran = self._systemctl(*words, seconds=seconds)
        if not ran.succeeded:
            raise ServiceError(f"systemctl --user {' '.join(words)}: {ran.why()}.")


def _detail(found: dict[str, str]) -> str:
    parts = [f"{found.get('ActiveState', 'unknown')} ({found.get('SubState', 'unknown')})"]
    if found.get("Result", "success") != "success":
        parts.append(f"{found['Result']} {found.get('ExecMainStatus', '')}".rstrip())
    if found.get("NRestarts", "0") != "0":
        parts.append(f"restarted {found['NRestarts']} times")
    return ", ".join(parts)
