"""What the checks of one run share: how it was called, and what earlier checks found.

Owns these values, and every secret that was met, so that none is shown. It must not look at anything itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ccmimolink.doctor.child import Children
from ccmimolink.doctor.way import Way
from ccmimolink.model_choice import Choice
from ccmimolink.settings import Settings
from ccmimolink.sync.database import Contents
from ccmimolink.sync.finder import Candidate
from ccmimolink.sync.places import Places
from ccmimolink.sync.report import Report
from ccmimolink.sync.rows import Route
from ccmimolink.sync.state import State

T = TypeVar("T")


@dataclass(kw_only=True)
class Scene:
    """Grows while the checks run. What a check needs of another is there, since it is run after that one.

    :ivar environ: None stands for the environment of this process.
    :ivar probe: whether a request that is billed may be made.
    :ivar began: the wall clock and the monotonic one, at the start.
    :ivar local_url: how Codex is to call the proxy; empty where it cannot be said.
    :ivar state: what is remembered of the takeover.
    :ivar choice: the model for text requests.
    :ivar comparison: both sides of the route, as ``ccmimolink-sync --status`` sees them.
    :ivar codex: the path of the program.
    :ivar config: Codex's configuration, as it is written and understood; empty where there is none.
    :ivar codex_route: the active route in it.
    :ivar children: runs other programs.
    :ivar way: the way to MiMo, as the proxy would take it.
    :ivar models: the names that MiMo lists.
    :ivar is_broken_off: the program is ending.
    :ivar secrets: what no output may hold.
    """

    reactor: Any
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    probe: bool = False
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    began: tuple[float, float] = field(init=False)

    settings: Settings = field(init=False)
    local_url: str = field(init=False, default="")
    places: Places = field(init=False)
    contents: Contents | None = field(init=False, default=None)
    state: State = field(init=False)
    candidate: Candidate = field(init=False)
    choice: Choice = field(init=False)
    comparison: Report = field(init=False)
    codex: str = field(init=False)
    config_bytes: bytes | None = field(init=False, default=None, repr=False)
    config: Mapping[str, Any] = field(init=False, default_factory=dict, repr=False)
    codex_route: Route | None = field(init=False, default=None)
    way: Way = field(init=False)
    models: tuple[str, ...] = field(init=False, default=())
    children: Children = field(init=False, default_factory=Children)
    is_broken_off: bool = field(init=False, default=False)
    secrets: set[str] = field(init=False, default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self.began = (self.now(), self.monotonic())

    def break_off(self) -> None:
        """Somebody ends the program: no further check is begun, and nothing is left behind."""
        self.is_broken_off = True
        self.children.end()

    def limited(self, outcome: Deferred[T], seconds: float) -> Deferred[T]:
        """Broken off after so long, with Twisted's ``TimeoutError`` whatever the outcome becomes then: a
        request that is broken off fails in a way of its own."""
        return outcome.addTimeout(seconds, self.reactor, _too_late)

    def keep_secret(self, *values: str) -> None:
        self.secrets.update(value for value in values if len(value) >= SHORTEST_SECRET)


def _too_late(_outcome: object, _seconds: float) -> Failure:
    return Failure(defer.TimeoutError())


SHORTEST_SECRET = 6
"""What is shorter would hide harmless words everywhere."""
