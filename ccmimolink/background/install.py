"""``ccmimolink-service install``: from a shell and options to a service that answers.

Owns the order of the steps. Whatever can be found out by looking comes before the first change, and each step
leaves what an ``install`` or ``uninstall`` after it can go on from.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ccmimolink.background.env_file import template
from ccmimolink.background.errors import ServiceError, UsageRefused
from ccmimolink.background.health import Answer
from ccmimolink.background.manager import State
from ccmimolink.background.ownership import Kind, ServiceFile, look_at
from ccmimolink.background.plan import Plan, make_plan
from ccmimolink.background.world import World
from ccmimolink.background.writing import make_private, make_private_directory, set_aside, write
from ccmimolink.listen import ListenError, ensure_free
from ccmimolink.log_file import why_not
from ccmimolink.private_files import PRIVATE
from ccmimolink.sync.report import Report

PATIENCE = 30.0
"""Seconds for a started service to answer."""

_PAUSE = 0.25
_LAST_LINES = 15


def install(world: World, arguments: Sequence[str], report: Report, *, force: bool) -> None:
    """:param arguments: the proxy's options.
    :param report: grows with each step, so that it tells how far things went where one fails.
    :raises ServiceError: it was not done.
    :raises UsageRefused: an option or a setting cannot be used.
    """
    manager = world.manager
    plan = make_plan(world.shell, arguments)
    text = manager.text(plan)
    found = look_at(manager.file)
    if found.kind in (Kind.FOREIGN, Kind.EDITED) and not force:
        raise ServiceError(_not_overwritten(manager.file, found.kind))
    manager.reach()
    _check_port(world, plan, manager.state(), found)
    _prepare(world, plan, report)
    changed = found.text != text
    if changed:
        _write(manager.file, text, found.kind, report)
    with world.waiting("Starting the service"):
        manager.begin(plan, anew=changed)
        _wait(world, plan, report)
    _tell(world, plan, report)


def _not_overwritten(file: Path, kind: Kind) -> str:
    whose = (
        "was edited since it was installed" if kind is Kind.EDITED else "was not made by ccmimolink-service"
    )
    return f"{file} {whose}, and is left as it is. With --force it is kept beside, under another name."


def _check_port(world: World, plan: Plan, state: State, found: ServiceFile) -> None:
    # Of a file that is not ours nothing is known, and what answers is taken for what it starts.
    if state.running and found.facts.get("listen", plan.listen) == plan.listen:
        return
    health = world.health(plan.address, plan.token)
    if health.answer is Answer.OURS:
        raise ServiceError(
            f"A ccmimolink that is not this service listens on {plan.address} already. End it first, or "
            "choose another --port for the service."
        )
    if health.answer is Answer.OTHER:
        raise ServiceError(
            f"Another program listens on {plan.address}. End it, or choose another --port for the service."
        )
    try:
        ensure_free(plan.address)
    except ListenError as error:
        raise ServiceError(str(error)) from None


def _prepare(world: World, plan: Plan, report: Report) -> None:
    for directory in (plan.directory, plan.environment_file.parent):
        make_private_directory(directory)
    if reason := why_not(plan.log):
        raise UsageRefused(f"The log {plan.log}: {reason}. Give another file with --log.")
    if not plan.environment_file.exists():
        write(plan.environment_file, template(world.manager.restart), PRIVATE)
        report.done(f"wrote {plan.environment_file} (for secrets, should it need any; you alone can read it)")
    elif make_private(plan.environment_file):
        report.done(f"took {plan.environment_file} from other users, since it may hold a key (mode 0600)")


def _write(file: Path, text: str, kind: Kind, report: Report) -> None:
    if kind in (Kind.FOREIGN, Kind.EDITED):
        report.done(f"kept the former {file.name} as {set_aside(file)}")
    write(file, text)
    report.done(f"wrote {file}")


def _wait(world: World, plan: Plan, report: Report) -> None:
    deadline = world.clock.monotonic() + PATIENCE
    while True:
        health, state = world.health(plan.address, plan.token), world.manager.state()
        if health.answer is Answer.OURS and state.running:
            report.say(f"runs as process {state.pid}, and answers on {plan.address}")
            return
        if state.failed or world.clock.monotonic() >= deadline:
            break
        world.clock.sleep(_PAUSE)
    report.say(*_last_words(world, plan))
    report.then(f"See in a terminal what it says: {shlex.join(plan.command)}")
    raise ServiceError(
        f"The service was installed and does not answer on {plan.address}: {state.detail}. Above is the end "
        f"of {world.manager.record(plan.directory)}. Mend what it names and install again, or uninstall it."
    )


def _last_words(world: World, plan: Plan) -> list[str]:
    ran = world.runner.run(world.manager.record_command(plan.directory, _LAST_LINES, follow=False))
    lines = (ran.output or ran.complaint).splitlines()[-_LAST_LINES:]
    return [f"  | {line}" for line in lines]


def _tell(world: World, plan: Plan, report: Report) -> None:
    report.say(f"its log: {plan.log}")
    if plan.withheld:
        report.warn(
            f"Not taken over from this shell, since it may be a secret: {', '.join(plan.withheld)}. Where "
            f"the service needs it, write it into {plan.environment_file}, then: {world.manager.restart}"
        )
    report.then(*world.manager.advice())
