"""Which service manager there is on a platform.

Owns that choice, and what is said where there is none of the user's own. It must not run anything.
"""

from __future__ import annotations

import ntpath

from ccmimolink.background.clock import Clock
from ccmimolink.background.commands import Runner
from ccmimolink.background.errors import UsageRefused
from ccmimolink.background.launchd import Launchd
from ccmimolink.background.manager import Manager
from ccmimolink.background.plan import LOG_NAME, Shell
from ccmimolink.background.systemd import Systemd


def manager_of(platform: str, *, shell: Shell, runner: Runner, clock: Clock, user: str, uid: int) -> Manager:
    """:param platform: as ``sys.platform`` names it.
    :raises UsageRefused: there is none.
    """
    if platform == "linux":
        return Systemd(runner, shell.configuration, user)
    if platform == "darwin":
        return Launchd(runner, clock, shell.home, uid, shell.python)
    if platform == "win32":
        raise UsageRefused(_instead_on_windows(shell))
    raise UsageRefused(
        f"There is no service manager on {platform} that ccmimolink-service knows: it knows systemd on Linux "
        "and launchd on macOS. Start twistd ccmimolink with what your system has."
    )


def _instead_on_windows(shell: Shell) -> str:
    """Two commands to copy. A task starts in a directory of the system's, so the log has a whole path."""
    local = shell.environ.get("LOCALAPPDATA", ntpath.join(str(shell.home), "AppData", "Local"))
    state = ntpath.join(local, "ccmimolink")
    twistd = ntpath.join(ntpath.dirname(str(shell.python)), "twistd.exe")
    log = ntpath.join(state, LOG_NAME)
    command = rf"\"{twistd}\" --logger=ccmimolink.log_events.nowhere ccmimolink --log=\"{log}\""
    return (
        "A service of the user's own is not supported on Windows. Have the Task Scheduler start the proxy at "
        "your logon instead (from an administrator's command prompt; a window of its own opens then):\n\n"
        f'  mkdir "{state}"\n'
        f'  schtasks /Create /TN ccmimolink /SC ONLOGON /TR "{command}"\n\n'
        "  schtasks /Run /TN ccmimolink      starts it now, /End ends it, /Delete takes it away again"
    )
