"""``ccmimolink-service status``: what there is, what runs, and what differs from what would be made now.

Owns the questions and how the answers are put. It must not change anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccmimolink import __version__
from ccmimolink.background.env_file import read_variables
from ccmimolink.background.errors import ServiceError
from ccmimolink.background.health import Answer, Health
from ccmimolink.background.manager import State
from ccmimolink.background.ownership import Kind, ServiceFile, look_at
from ccmimolink.background.plan import twistd
from ccmimolink.background.world import World
from ccmimolink.listen import parse_endpoint
from ccmimolink.sync.report import Report

RUNNING, NOT_RUNNING, NOT_INSTALLED = 0, 3, 4
"""As ``systemctl status`` has it."""

_INSTALL = "run ccmimolink-service install again, with the same options"


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was asked, once."""

    file: ServiceFile
    state: State
    health: Health | None


def status(world: World, report: Report) -> int:
    """:returns: the exit status.
    :raises ServiceError: the service's file cannot be read.
    """
    file = look_at(world.manager.file)
    installed = file.kind is not Kind.ABSENT
    state = world.manager.state() if installed else State()
    seen = Seen(file, state, _health(world, file, report))
    report.facts.update(_facts(world, seen))
    _say(world, seen, report)
    if not installed:
        return NOT_INSTALLED
    _compare(world, seen, report)
    return RUNNING if state.running else NOT_RUNNING


def _health(world: World, file: ServiceFile, report: Report) -> Health | None:
    if "listen" not in file.facts:
        return None
    try:
        token = read_variables(Path(file.facts["environment_file"])).get("MIMO_PROXY_TOKEN", "")
    except ServiceError as error:
        report.warn(str(error))
        token = ""
    return world.health(parse_endpoint(file.facts["listen"]), token)


def _facts(world: World, seen: Seen) -> dict[str, Any]:
    state, facts = seen.state, seen.file.facts
    return {
        "manager": world.manager.name,
        "file": str(world.manager.file),
        "installed": seen.file.kind is not Kind.ABSENT,
        "file_is": seen.file.kind.value,
        "running": state.running,
        "failed": state.failed,
        "state": state.detail,
        "pid": state.pid,
        "since": state.since or None,
        "starts_at_login": state.at_login,
        "listen": facts.get("listen"),
        "health": None if seen.health is None else seen.health.answer.value,
        "made_by": facts.get("version"),
        "version": __version__,
        "program": facts.get("program"),
        "log": facts.get("log"),
        "environment_file": facts.get("environment_file"),
    }


def _say(world: World, seen: Seen, report: Report) -> None:
    if seen.file.kind is Kind.ABSENT:
        report.say(f"not installed: {world.manager.file} does not exist")
        return
    state, facts = seen.state, seen.file.facts
    report.say(f"installed: {world.manager.file} ({seen.file.kind.value})")
    if state.running:
        since = f", since {state.since}" if state.since else ""
        report.say(f"running: process {state.pid}{since}")
    else:
        report.say(f"not running: {state.detail}")
    if state.at_login is not None:
        report.say(f"at login: {'is started' if state.at_login else 'is not started'}")
    if seen.health is not None:
        report.say(f"address: {facts['listen']}: {seen.health.answer.value}")
        report.say(f"log: {facts['log']}")


def _compare(world: World, seen: Seen, report: Report) -> None:
    facts, now = seen.file.facts, twistd(world.shell.python)[0]
    program = facts.get("program", "")
    if program and not Path(program).is_file():
        report.warn(f"{program} is gone, so that it cannot start: {_INSTALL}.")
    elif program and program != now:
        report.warn(
            f"It runs {program}, and this command belongs to {now}. To have this one run, {_INSTALL}."
        )
    if facts and facts.get("version") != __version__:
        report.warn(
            f"Its file was made by ccmimolink {facts.get('version')}, this is {__version__}: {_INSTALL}."
        )
    if seen.health is not None:
        _compare_with_health(world, seen.state, seen.health, report)
    if seen.state.outdated:
        report.warn("Its file was changed since systemd read it: run systemctl --user daemon-reload.")


def _compare_with_health(world: World, state: State, health: Health, report: Report) -> None:
    running = health.body.get("version", __version__)
    if state.running and health.answer is not Answer.OURS:
        report.warn(f"It runs and does not answer ({health.answer.value}): see ccmimolink-service logs.")
    elif not state.running and health.answer is not Answer.NOBODY:
        report.warn(f"It does not run, and at its address {health.answer.value}.")
    elif state.running and running != __version__:
        report.warn(f"It still runs version {running}; for {__version__}: {world.manager.restart}")
