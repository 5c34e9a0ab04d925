"""RouteKeeper: the takeover as a part of the running proxy.

Owns when it happens (while the port is ours: a stranger there would be sent the key), for how long it is
waited for, and what becomes of a failure. What is taken over, and how, is :mod:`ccmimolink.sync`'s.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import count
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccmimolink.route import Reading, Route, RouteSource, UpstreamRoute
from ccmimolink.settings import Settings
from ccmimolink.sync.commit import PATIENCE
from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.errors import Busy, CcSwitchAbsent, SyncError
from ccmimolink.sync.files import Step
from ccmimolink.sync.places import find_places
from ccmimolink.sync.preview import preview_takeover
from ccmimolink.sync.report import Report
from ccmimolink.sync.rules import GIVEN_BACK, checked_about, is_alone
from ccmimolink.sync.setup import has_key, local_url, synchroniser, wanted_places, wish_of
from ccmimolink.sync.state import load
from ccmimolink.sync.watch import Taken, Watch

_T = TypeVar("_T")

SLICE = 1.0
"""Seconds of one try to get what cc switch holds. Between two of them a takeover can be cancelled."""

STOP_PATIENCE = 2.0
"""Seconds that the end waits for a takeover, and for cc switch when the route is given back."""

_ANY_PORT = 1
"""Stands for the free port that is not known yet, to see whether a takeover could be made."""

_PAUSE = 0.05
"""Seconds between two tries: not every way of being busy waits."""

_DONE_BY_THEN = frozenset({"live written", "committed", "remove catalog", "forget"})
"""Steps before which something was changed already: what belongs to it is still to be done."""


class RouteKeeper:
    """Made before the port is open, told of it, and ended after the last request.

    :param monotonic: the time in seconds.
    :ivar route: for the requests.
    """

    _log = Logger()

    def __init__(
        self, settings: Settings, reactor: Any, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._reactor, self._monotonic = settings, reactor, monotonic
        self._watch = Watch(wanted_places(settings))
        self._cancelled = threading.Event()
        self._running: Deferred[None] | None = None
        self._url = ""
        # What was read last. One reading at a time touches them.
        self._last = Route(settings.base_url)
        self._was_taken = False
        self.route = UpstreamRoute(
            self._last,
            RouteSource(self._watch.stamp, self._read, self._in_thread, monotonic),
            settings.proxies.told,
        )

    def _in_thread(self, work: Callable[[], _T]) -> Deferred[_T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)

    def _in_thread_of_its_own(self, work: Callable[[], _T]) -> Deferred[_T]:
        """For what may outlast the proxy: the end of the process waits for the reactor's threads only."""
        done: Deferred[_T] = Deferred()

        def run() -> None:
            try:
                result = work()
            except Exception:  # told where the result is
                self._reactor.callFromThread(done.errback, Failure())
            else:
                self._reactor.callFromThread(done.callback, result)

        threading.Thread(target=run, name="takeover", daemon=True).start()
        return done

    # -- the route ----------------------------------------------------------------------------------------

    def _read(self) -> Reading:
        """Never leads back from a route that was taken over to the settings' default: clients go on sending
        the key that was written, which was not made for that host."""
        try:
            taken = self._watch.read()
        except SyncError as error:
            if not self._was_taken:
                self._remember()
            return Reading(self._last, str(error))
        if taken is not None:
            self._last, self._was_taken = self._route_of(taken), True
        elif self._was_taken:
            self._last = replace(self._last, key="")
        return Reading(self._last)

    def _route_of(self, taken: Taken) -> Route:
        if self._settings.base_url_chosen:
            return Route(self._settings.base_url, taken.key, taken.was_written)
        return Route(taken.upstream, taken.key, taken.was_written, taken.origin)

    def _remember(self) -> None:
        """Serve with the upstream of an earlier takeover, where cc switch cannot be read."""
        with contextlib.suppress(SyncError):  # nor can that, and the first complaint tells enough
            remembered = self._watch.remembered()
            if remembered is not None:
                self._last = self._route_of(remembered)

    def key_elsewhere(self) -> Deferred[bool]:
        """Whether cc switch has a key, or Codex was given one without it."""
        return self._in_thread(lambda: has_key(self._settings))

    # -- the takeover -------------------------------------------------------------------------------------

    def begin(self, port: int | None) -> None:
        """Take the route over, in the background; requests wait for it.

        With ``MIMO_PROXY_REQUIRE_SYNC`` it is done before this returns.

        :param port: that was really taken; None for a socket without one.
        :raises SyncError: with that setting, it could not be done.
        """
        if self._settings.skip_sync:
            return
        if self._settings.require_sync:
            report = self._take_over(port)
            self._tell(report)
            if report.failed or not report.facts:
                raise SyncError(" ".join((*report.lines, *report.warnings)))
            return
        self.route.hold()
        self._running = self._in_thread_of_its_own(lambda: self._take_over(port)).addCallbacks(
            self._tell, self._failed
        )
        self._running.addBoth(lambda _: self.route.release())

    def _take_over(self, port: int | None) -> Report:
        settings = self._settings
        self._url = local_url(settings.listen_address, settings.token, port)
        wish, run = wish_of(settings, self._url), self._cancellable(synchroniser(settings))
        deadline = self._monotonic() + PATIENCE
        while True:
            self._check()
            try:
                return run.take_over(wish, at_start=True)
            except Busy:
                if self._monotonic() >= deadline:
                    raise
            self._cancelled.wait(_PAUSE)

    def _cancellable(self, run: Synchroniser) -> Synchroniser:
        make_catalog = cache(run.make_catalog)  # takes seconds, and there may be several tries

        def step(name: str) -> None:
            if name not in _DONE_BY_THEN:
                self._check()

        def catalog(only: bool) -> bytes | None:
            self._check()
            return make_catalog(only)

        return replace(run, make_catalog=catalog, step=step, patience=SLICE)

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise SyncError("The proxy is stopping; nothing was changed.")

    def _tell(self, report: Report) -> None:
        for line in (*report.lines, *(f"next: {step}" for step in report.next_steps)):
            self._log.info("{line}", line=line)
        for warning in report.warnings:
            self._log.warn("{warning}", warning=warning)

    def _failed(self, reason: Failure) -> None:
        if reason.check(CcSwitchAbsent):
            self._log.info("{reason}", reason=reason.getErrorMessage())
        elif reason.check(SyncError):
            self._log.warn(
                "cc switch and Codex were left as they are. {reason}", reason=reason.getErrorMessage()
            )
        else:
            self._log.failure("cc switch and Codex could not be synchronised", failure=reason)

    # -- the end ------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        """A takeover that is under way changes nothing any more: the port soon is anybody's."""
        self._cancelled.set()

    async def end(self) -> None:
        """Wait a little for what is under way; give the route back, if that is wanted. Logs every error."""
        self.cancel()
        if self._running is not None and not self._running.called:
            self._log.info(
                "waiting up to {seconds:g} s for the takeover of cc switch's route to break off",
                seconds=STOP_PATIENCE,
            )
            if not await _is_over(self._running, STOP_PATIENCE, self._reactor):
                # It holds the lock still, and can change nothing.
                self._log.warn("cc switch and Codex were left as they are. The takeover did not break off.")
                self.route.release()
                return
        if self._settings.restore_on_stop and self._url:
            await self._give_back()

    async def _give_back(self) -> None:
        try:
            taken = await self._in_thread(self._watch.read)
            if taken is None:
                return
            if taken.url != self._url:
                self._log.info("The route leads to {url} by now, and was left as it is.", url=taken.url)
                return
            self._log.info(
                "giving the route back; waiting up to {seconds:g} s for cc switch", seconds=STOP_PATIENCE
            )
            run = replace(synchroniser(self._settings), patience=STOP_PATIENCE, step=self._while_ours())
            self._tell(await self._in_thread(lambda: run.give_back(remember=False)))
        except SyncError as error:
            self._log.warn("The route could not be given back. {reason}", reason=str(error))
        except Exception:  # a fault of ours must not keep the rest of the proxy from ending
            self._log.failure("The route could not be given back")

    def _while_ours(self) -> Step:
        """Looks once more under the lock: another proxy may just have taken the route over."""
        steps = count()

        def step(_name: str) -> None:
            if next(steps) == 0:
                taken = self._watch.read()
                if taken is None or taken.url != self._url:
                    raise SyncError("It was changed at the same moment, and was left as it is.")

        return step


def check_beforehand(settings: Settings) -> None:
    """Find out what stands in the way of a takeover that is demanded, without writing anything.

    :raises SyncError: it could not be made.
    """
    if not settings.require_sync or settings.skip_sync:
        return
    port = getattr(settings.listen_address, "port", None)
    url = local_url(settings.listen_address, settings.token, port or _ANY_PORT)
    run = replace(synchroniser(settings), make_catalog=lambda _only: None)
    places, state = find_places(run.wanted), load(run.state_file)
    if state.memory(checked_about(places, is_alone(places, state))).given_back:
        raise SyncError(GIVEN_BACK)
    preview_takeover(run, wish_of(settings, url), alone=False, catalog=None)


async def _is_over(running: Deferred[None], seconds: float, reactor: Any) -> bool:
    """Whether it ends in that time. It is not cancelled."""
    over: Deferred[None] = Deferred()
    running.addBoth(over.callback)
    try:
        await over.addTimeout(seconds, reactor)
    except defer.TimeoutError:
        return False
    return True
