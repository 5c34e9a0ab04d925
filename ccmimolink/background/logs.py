"""``ccmimolink-service logs``: the end of the log, or of the service manager's record.

Owns which of them is shown. Showing it is the work of programs that the system has.
"""

from __future__ import annotations

from pathlib import Path

from ccmimolink.background.errors import ServiceError
from ccmimolink.background.ownership import look_at
from ccmimolink.background.world import World


def show_logs(world: World, *, lines: int, follow: bool, journal: bool) -> int:
    """:returns: the exit status.
    :raises ServiceError: there is nothing to be shown.
    """
    facts = look_at(world.manager.file).facts
    if "log" not in facts:
        raise ServiceError("No service of ccmimolink-service's is installed: see ccmimolink-service status.")
    log = Path(facts["log"])
    if journal:
        command = world.manager.record_command(Path(facts["directory"]), lines, follow=follow)
    elif not log.is_file():
        raise ServiceError(
            f"{log} does not exist: it never began. See why: ccmimolink-service logs --journal"
        )
    else:
        # By name (-F): the log is rotated.
        command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)]
    try:
        return 1 if world.runner.show(command) else 0
    except KeyboardInterrupt:  # which is how a person ends it
        return 0
