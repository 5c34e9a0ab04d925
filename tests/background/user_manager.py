"""A real user manager of systemd's, for one test: in namespaces, a cgroup and a home of its own.

Owns its processes, which all end with it, and its cgroup. It needs root, and nothing of the machine's own
systemd, which need not even run. Nobody's journal is there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from ccmimolink.background.systemd import UNIT
from tests.e2e.processes import PATIENCE, clean_environ, kill_group, killed_on_failure, start, wait_until

COMMAND = Path(sys.executable).with_name("ccmimolink-service")

_HIERARCHIES = ("", "systemd", "unified")
_BEGIN = """
set -e
mount -t tmpfs none /run/systemd
mkdir /run/systemd/system  # what says that systemd runs
systemd --user --log-target=console &
wait
"""


class UserManager:
    """:param directory: where home and runtime directory are made."""

    def __init__(self, directory: Path) -> None:
        self.home, self._runtime = directory / "home", directory / "run"
        self.home.mkdir(mode=0o700)
        self._output = directory / "systemd-output.txt"
        self._groups = [
            base / f"ccmimolink-{os.getpid()}"
            for base in (Path("/sys/fs/cgroup", name) for name in _HIERARCHIES)
            if (base / "cgroup.procs").exists()
        ]

    def __enter__(self) -> UserManager:
        self.boot()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lose_power()

    def boot(self) -> None:
        """Start it, and with it what is enabled."""
        assert os.geteuid() == 0, "a user manager in namespaces of its own needs root"
        self._runtime.mkdir(mode=0o700)
        for group in self._groups:
            group.mkdir()
        join = "".join(f"echo $$ > {group}/cgroup.procs\n" for group in self._groups)
        namespaces = ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        self._process = start(
            ["unshare", *namespaces, "sh", "-c", join + _BEGIN],
            output=self._output,
            cwd=self.home,
            environ=self._environ,
        )
        with killed_on_failure(self._process):
            wait_until(self._is_up, "a user manager")

    def lose_power(self) -> None:
        """End it and all that it runs, at once."""
        kill_group(self._process)
        for group in self._groups:
            wait_until(lambda group=group: _removed(group), "the end of the manager's processes")  # type: ignore[misc]
        shutil.rmtree(self._runtime)  # which is in memory elsewhere

    def _is_up(self) -> bool | None:
        assert self._process.poll() is None, self._output.read_text()
        if not (self._runtime / "systemd" / "private").exists():
            return None
        return self.systemctl("is-system-running").stdout.strip() == "running" or None

    @property
    def _environ(self) -> dict[str, str]:
        environ = clean_environ(self.home, XDG_RUNTIME_DIR=str(self._runtime))
        environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
        return environ

    def run(self, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """A command of the user whose manager this is, and who sees the same processes."""
        pid = self._process.pid
        (first,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return subprocess.run(
            ["nsenter", f"--target={first}", "--mount", "--pid", f"--wd={self.home}", *command],
            env={**self._environ, **environ},
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE,
            check=False,
        )

    def service(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """``ccmimolink-service``."""
        return self.run(str(COMMAND), *arguments, **environ)

    def systemctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("systemctl", "--user", *arguments)

    def main_pid(self) -> int:
        """The service's process, as those see it that the manager runs; 0 for none."""
        return int(self.systemctl("show", UNIT, "--property=MainPID", "--value").stdout)


def _removed(group: Path) -> bool | None:
    """Remove a cgroup with those in it, once nothing is left there."""
    with contextlib.suppress(OSError):
        for directory, _, _ in os.walk(group, topdown=False):
            os.rmdir(directory)
    return not group.exists() or None
