"""Runs checks, one after the other, and comes to an end whatever they do.

Owns the order, the time limits, and what a check becomes that crashes, hangs or has nothing to stand on. It
must not know what is checked.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ccmimolink.doctor.findings import Check, Examined, Finding, Status, failed, not_checked
from ccmimolink.doctor.scene import Scene

_REPORT = "This is a fault of ccmimolink-doctor itself: please report it with the output of --json."


async def examine(
    scene: Scene, checks: Sequence[Check], told: Callable[[Examined], None] = lambda _: None
) -> list[Examined]:
    """:param checks: each behind those that it needs.
    :param told: is given each finding as soon as it is there.
    """
    examined: list[Examined] = []
    for check in checks:
        finding = _spared(check, scene, examined) or await _looked(check, scene)
        if scene.is_broken_off:
            break
        examined.append(Examined(check, finding))
        told(examined[-1])
    return examined


def with_needs(checks: Sequence[Check], ids: Iterable[str]) -> list[Check]:
    """The checks of these ids with all that they need or use, in their order."""
    wanted = set(ids)
    for check in reversed(checks):
        if check.id in wanted:
            wanted.update(check.needs, check.after)
    return [check for check in checks if check.id in wanted]


def _spared(check: Check, scene: Scene, examined: Iterable[Examined]) -> Finding | None:
    """Why it is not run, if it is not."""
    known = {one.check.id: one.finding.status for one in examined}
    missing = [need for need in check.needs if not known[need].is_sound]
    if missing:
        stands = "failed" if known[missing[0]] is Status.FAILED else "was not checked"
        return not_checked(f"{missing[0]} {stands}.")
    try:
        reason = check.unless(scene)
    except Exception as error:
        return _crashed(error)
    return not_checked(reason) if reason else None


async def _looked(check: Check, scene: Scene) -> Finding:
    try:
        return await scene.limited(_begun(check, scene), check.seconds)
    except defer.TimeoutError:
        return failed(
            f"There was no outcome within {check.seconds:g} s.",
            "What it looks at hangs: a disk, a program or a connection. Look after that, and try again.",
        )
    except (Exception, SystemExit) as error:  # code of others is run too
        return _crashed(error)


def _begun(check: Check, scene: Scene) -> Deferred[Finding]:
    if inspect.iscoroutinefunction(check.look):
        return Deferred.fromCoroutine(check.look(scene))
    return _in_thread(lambda: cast(Finding, check.look(scene)), scene)


def _in_thread(look: Callable[[], Finding], scene: Scene) -> Deferred[Finding]:
    """In one of its own, which ends with the program: one that hangs must not keep it."""
    done: Deferred[Finding] = Deferred()

    def fire(outcome: Finding | Failure) -> None:
        if not done.called:
            done.callback(outcome)

    def run() -> None:
        outcome: Finding | Failure
        try:
            outcome = look()
        except (Exception, SystemExit):
            outcome = Failure()
        scene.reactor.callFromThread(fire, outcome)

    threading.Thread(target=run, name="check", daemon=True).start()
    return done


def _crashed(error: BaseException) -> Finding:
    """The text of an error is not shown: it may quote anything."""
    return failed(f"The check itself crashed ({type(error).__name__}).", _REPORT)
