"""The windows that show the page live, and the one timer behind all of them.

Owns who watches, how often they are told, and that nothing happens while nobody does. What a window is told
is gathered and encoded once for all; one that does not read is dropped.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.web.server import Request
from zope.interface import implementer

from ccmimolink.activity.recent import Activity
from ccmimolink.activity.values import Finished
from ccmimolink.page.snapshot import SHOWN, Snapshots, encoded
from ccmimolink.timers import MonotonicTimer

MOST = 8
"""Windows at a time. A browser opens six connections to a host at most."""

INTERVAL = 1.0
"""Seconds between two looks at the proxy."""

GATHER = 0.25
"""Seconds after a request that is over has been told in which others are gathered to be told together."""

SUMS = 5.0
"""Seconds between two tellings of the sums, which are of a thousand requests."""

HEARTBEAT = 15
"""Looks without a change after which the windows are told that all is well."""

PATIENCE = 30.0
"""Seconds for a window to read what was written to it."""


class Viewers:
    """Takes in requests for the stream, and ends them."""

    def __init__(
        self,
        snapshots: Snapshots,
        activity: Activity,
        clock: IReactorTime,
        monotonic: Callable[[], float],
    ) -> None:
        self._snapshots, self._activity = snapshots, activity
        self._clock, self._monotonic = clock, monotonic
        self._viewers: dict[Viewer, None] = {}
        self._timer: MonotonicTimer | None = None
        self._over: deque[Finished] = deque(maxlen=SHOWN)
        self._gathering: MonotonicTimer | None = None
        self._forget: Callable[[], None] | None = None
        self._state = self._summary = b""
        self._summed_at = -math.inf
        self._quiet = 0

    def __len__(self) -> int:
        return len(self._viewers)

    def add(self, request: Request) -> None:
        """Show it everything now, and what changes from now on. Its headers must be set."""
        viewer = Viewer(request, self._whole, self._monotonic)
        request.notifyFinish().addBoth(lambda _reason: self._left(viewer))
        request.registerProducer(viewer, True)
        if not self._viewers:
            self._forget = self._activity.listen(self._finished)
            self._wait()
        self._viewers[viewer] = None
        viewer.send(self._whole())

    def end(self) -> None:
        """The proxy stops: every stream ends in order."""
        for viewer in list(self._viewers):
            viewer.end(event("end", b"{}"))

    def _left(self, viewer: Viewer) -> None:
        self._viewers.pop(viewer, None)
        if self._viewers:
            return
        for timer in (self._timer, self._gathering):
            if timer is not None:
                timer.cancel()
        if self._forget is not None:
            self._forget()
        self._timer = self._gathering = self._forget = None
        self._over.clear()
        self._state = self._summary = b""

    def _wait(self) -> None:
        self._timer = MonotonicTimer(self._clock, self._monotonic, INTERVAL, self._look)

    def _whole(self) -> bytes:
        return event("whole", encoded(self._snapshots.whole()))

    def _look(self) -> None:
        self._wait()
        state = event("state", encoded(self._snapshots.state()))
        news = self._news_of_sums() if state == self._state else state + self._news_of_sums()
        self._state = state
        self._quiet = 0 if news else self._quiet + 1
        if self._quiet >= HEARTBEAT:
            self._quiet, news = 0, event("beat", b"{}")
        self._tell(news)

    def _news_of_sums(self) -> bytes:
        """Nothing where they have not changed, or were told a moment ago."""
        now = self._monotonic()
        if now < self._summed_at + SUMS:
            return b""
        summary = event("summary", encoded(self._snapshots.summary()))
        if summary == self._summary:
            return b""
        if self._summary:
            self._summed_at = now
        self._summary = summary
        return summary

    def _finished(self, finished: Finished) -> None:
        self._over.append(finished)
        if self._gathering is None:
            self._tell_of_those_over()

    def _tell_of_those_over(self) -> None:
        self._gathering = None
        if self._over:
            self._gathering = MonotonicTimer(self._clock, self._monotonic, GATHER, self._tell_of_those_over)
            news = event("finished", encoded(list(self._over)))
            self._over.clear()
            self._tell(news)

    def _tell(self, news: bytes) -> None:
        late = self._monotonic() - PATIENCE
        for viewer in list(self._viewers):
            if viewer.behind_since is not None and viewer.behind_since < late:
                viewer.drop()
            elif news:
                viewer.send(news)


@implementer(IPushProducer)
class Viewer:
    """One window. While it does not read it is sent nothing, and everything once it does.

    :ivar behind_since: since when it has not read what was written.
    """

    def __init__(self, request: Request, whole: Callable[[], bytes], monotonic: Callable[[], float]) -> None:
        self._request, self._whole, self._monotonic = request, whole, monotonic
        self.behind_since: float | None = None
        self._missed = False

    def send(self, data: bytes) -> None:
        if self.behind_since is None:
            self._request.write(data)
        else:
            self._missed = True

    def drop(self) -> None:
        self._request.channel.forceAbortClient()

    def end(self, last: bytes) -> None:
        if self.behind_since is not None:
            self.drop()
            return
        self._request.write(last)
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        if self.behind_since is None:
            self.behind_since = self._monotonic()

    def resumeProducing(self) -> None:
        self.behind_since = None
        if self._missed:
            self._missed = False
            self.send(self._whole())

    def stopProducing(self) -> None:
        """The connection is lost, which the request tells as well."""


def event(name: str, data: bytes) -> bytes:
    """JSON has no line ends, so one line holds it."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
