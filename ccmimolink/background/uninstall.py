"""``ccmimolink-service uninstall``: the service is ended, and its files are removed.

Owns what is removed, which is only what was made here and is as it was made, and what is said of the rest.
"""

from __future__ import annotations

from pathlib import Path

from ccmimolink.background.env_file import template
from ccmimolink.background.errors import ServiceError
from ccmimolink.background.ownership import Kind, ServiceFile, look_at
from ccmimolink.background.world import World
from ccmimolink.background.writing import remove, set_aside
from ccmimolink.sync.report import Report

_MOST_SECONDS = 90.0
"""To end, for a service whose file does not tell any more; systemd's own limit where none is set."""


def uninstall(world: World, report: Report, *, force: bool) -> None:
    """:raises ServiceError: it was not done."""
    manager = world.manager
    found = look_at(manager.file)
    if found.kind is Kind.ABSENT:
        report.say(f"There is no service: {manager.file} does not exist.")
        return
    if found.kind is Kind.FOREIGN and not force:
        raise ServiceError(
            f"{manager.file} was not made by ccmimolink-service, and is left as it is. With --force it is "
            "ended and kept under another name."
        )
    manager.reach()
    with world.waiting("Ending the service; running answers may take their time"):
        manager.end(_stop_seconds(found))
    report.done("ended it, and took it out of what starts at login")
    if found.kind is Kind.OURS:
        remove(manager.file)
        report.done(f"removed {manager.file}")
    else:
        # What a person wrote is not thrown away.
        report.done(f"kept {manager.file.name}, which was edited, as {set_aside(manager.file)}")
    manager.forget()
    _tell_what_stays(world, found, report)


def _stop_seconds(found: ServiceFile) -> float:
    try:
        return float(found.facts["stop_seconds"])
    except (KeyError, ValueError):
        return _MOST_SECONDS


def _tell_what_stays(world: World, found: ServiceFile, report: Report) -> None:
    environment = Path(found.facts.get("environment_file", world.shell.environment_file))
    if _is_untouched(environment, world.manager.restart):
        remove(environment)
        report.done(f"removed {environment}, which set nothing")
    elif environment.exists():
        report.say(f"stays: {environment}, which you wrote (delete it yourself)")
    if "log" in found.facts:
        report.say(f"stays: the log {found.facts['log']}, and {found.facts['directory']}")
    report.say("stays: what cc switch and Codex were told (see ccmimolink-sync --status)")
    report.then(
        "Run ccmimolink-sync --restore unless you start the proxy otherwise: Codex would retry for ever."
    )


def _is_untouched(environment: Path, restart: str) -> bool:
    try:
        return environment.read_text() == template(restart)
    except (OSError, UnicodeDecodeError):
        return False
