"""Where MiMo is and which key cc switch has for it, as long as the proxy runs.

Owns the present route, and when it is read anew. It must not read files itself, nor block the reactor: both
are done by what it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

PAUSE = 5.0
"""Seconds until a reading that failed is tried again, while the stamp stays: each may wait for cc switch."""

_HELD = object()


@dataclass(frozen=True, slots=True)
class Route:
    """One upstream with the key that belongs to it.

    :ivar base_url: without a trailing slash.
    :ivar key: the present one of the provider in cc switch; empty where there is none.
    :ivar was_written: whether a key is one that a takeover wrote into a configuration, so that a client sends
        it for want of a better one.
    :ivar origin: what a person would change to change ``base_url``.
    """

    base_url: str
    key: str = field(default="", repr=False)
    was_written: Callable[[str], bool] = field(default=lambda _key: False, repr=False)
    origin: str = "MIMO_BASE_URL"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes, and with which key: decided together, so that no key reaches another host."""

    base_url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reading gave.

    :ivar complaint: why it is less than what there is; the route then is the best that is known.
    """

    route: Route
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class RouteSource:
    """Where a route is read from.

    :ivar stamp: cheap; differs once a read would give something else. Must not raise.
    :ivar read: may block; run in a thread. What it raises is a fault of the program's.
    :ivar in_thread: runs a function in a thread and fires with its result.
    :ivar monotonic: the time in seconds.
    """

    stamp: Callable[[], object]
    read: Callable[[], Reading]
    in_thread: Callable[[Callable[[], Reading]], Deferred[Reading]]
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A reading that gave less than there is.

    :ivar until: it is not tried again before, while the stamp is this one.
    """

    stamp: object
    until: float


class UpstreamRoute:
    """The present route.

    :param route: until something was read.
    :param source: None for a route that never changes.
    :param way: told behind the address of an upstream, in the log.
    """

    _log = Logger()

    def __init__(
        self, route: Route, source: RouteSource | None = None, way: Callable[[str], str] = lambda _url: ""
    ) -> None:
        self._route, self._source, self._way = route, source, way
        self._doubts = 0
        # What a route goes by: the doubts so far, and the stamp. Each is taken before the reading.
        self._read_of: tuple[int, object] | None = None
        self._reading: object = None
        self._trouble: _Trouble | None = None
        self._complaint = ""
        self._told: tuple[str, str] | None = None
        self._waiting: list[Deferred[Route]] = []
        self._waiting_for_the_next: list[Deferred[Route]] = []

    @property
    def known(self) -> Route:
        """The route as it was last read."""
        return self._route

    def hold(self) -> None:
        """Called before the first request: each waits until :meth:`release`. The route is being made."""
        self._reading = _HELD

    def release(self) -> None:
        """Do nothing, if it was done before."""
        if self._reading is _HELD:
            self._trouble = None
            self.doubt()
            self._answer()

    def doubt(self) -> None:
        """Read the route anew for the next request, whatever the stamp says: MiMo rejected its key."""
        self._doubts += 1

    async def current(self) -> Route:
        """The route for a request that begins now."""
        if self._source is None:
            return self._route
        if self._reading is None and self._is_current(self._source):
            return self._route
        # Each waits by itself: a client that leaves must not end the reading for the others.
        waiting: Deferred[Route] = Deferred()
        # A reading that began before the last change may not know of it.
        if self._reading == self._version(self._source):
            self._waiting.append(waiting)
        else:
            self._waiting_for_the_next.append(waiting)
        if self._reading is None:
            self._read(self._source)
        try:
            return await waiting
        finally:
            for queue in (self._waiting, self._waiting_for_the_next):
                if waiting in queue:
                    queue.remove(waiting)

    def _version(self, source: RouteSource) -> tuple[int, object]:
        return self._doubts, source.stamp()

    def _is_current(self, source: RouteSource) -> bool:
        version = self._version(source)
        trouble = self._trouble
        if trouble is not None and trouble.stamp == version[1] and source.monotonic() < trouble.until:
            return True
        return version == self._read_of

    def _read(self, source: RouteSource) -> None:
        version = self._version(source)
        self._reading = version
        self._waiting, self._waiting_for_the_next = self._waiting_for_the_next, []
        source.in_thread(source.read).addCallbacks(
            lambda reading: self._was_read(reading, source, version),
            lambda reason: self._failed(reason, source, version),
        )

    def _was_read(self, reading: Reading, source: RouteSource, version: tuple[int, object]) -> None:
        route = self._route = reading.route
        if reading.complaint:
            self._try_later(source, version)
            if reading.complaint != self._complaint:
                self._log.warn(
                    "the route could not be read, and upstream stays {upstream}: {reason}",
                    upstream=route.base_url,
                    reason=reading.complaint,
                )
        else:
            self._read_of, self._trouble = version, None
            if (route.base_url, route.key) != self._told:
                self._log.info(
                    "upstream {upstream} ({origin}){way}",
                    upstream=route.base_url,
                    origin=route.origin,
                    way=self._way(route.base_url),
                )
            self._told = route.base_url, route.key
        self._complaint = reading.complaint
        self._answer()

    def _failed(self, reason: Failure, source: RouteSource, version: tuple[int, object]) -> None:
        """What was known serves on."""
        self._try_later(source, version)
        complaint = repr(reason.value)
        if complaint != self._complaint:
            self._log.failure(
                "the route could not be read, and upstream stays {upstream}",
                failure=reason,
                upstream=self._route.base_url,
            )
        self._complaint = complaint
        self._answer()

    def _try_later(self, source: RouteSource, version: tuple[int, object]) -> None:
        self._trouble = _Trouble(version[1], source.monotonic() + PAUSE)

    def _answer(self) -> None:
        self._reading = None
        waiting, self._waiting = self._waiting, []
        if self._source is not None and self._waiting_for_the_next:
            if self._is_current(self._source):
                waiting += self._waiting_for_the_next
                self._waiting_for_the_next = []
            else:
                self._read(self._source)
        for each in waiting:
            each.callback(self._route)
