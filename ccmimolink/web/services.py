"""What the resources work with.

Owns the parts that one running proxy shares between its requests, and the set of its live exchanges. It must
not build them: that is the composition root's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ccmimolink.activity.recent import Activity
from ccmimolink.activity.values import Running
from ccmimolink.core.context import RequestContext, SettingsView
from ccmimolink.core.errors import Failure, FailureKind, ProxyError
from ccmimolink.core.models import ModelTable
from ccmimolink.core.responses import ResponsesRequest
from ccmimolink.core.scan import FallbackParser
from ccmimolink.core.tools import FlatTool, ToolFilter
from ccmimolink.lessons import Lessons
from ccmimolink.limiter import UpstreamLimiter
from ccmimolink.route import UpstreamRoute
from ccmimolink.store import ReasoningCache, ResponseStore
from ccmimolink.upstream import MiMoClient
from ccmimolink.web.keys import KeyResolver
from ccmimolink.web.passed_over import PassedOver


class Plugins(Protocol):
    """The active plugins, as :class:`ccmimolink.plugins.PluginSet` runs them."""

    def run_transforms(
        self, request: ResponsesRequest, context: RequestContext
    ) -> Deferred[ResponsesRequest]: ...

    def bound_filters(self, context: RequestContext) -> Sequence[ToolFilter]: ...

    def bound_parsers(self, tools: Sequence[FlatTool]) -> Sequence[FallbackParser]: ...


class Exchange(Protocol):
    """A request in progress."""

    def seen(self) -> Running: ...

    def abort(self, failure: Failure) -> None: ...


class Lingering(Protocol):
    """An upstream connection that is to be kept, once the body of an answer that is complete has ended."""

    def drop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All times in seconds.

    :ivar max_decompressed_bytes: what a compressed request body may unpack to.
    :ivar idle_timeout: silence of an upstream stream before it is given up.
    :ivar slow_client_timeout: how long a client may read nothing.
    :ivar keepalive: silence towards a streaming client before it is filled.
    :ivar max_event_bytes: what one event of an upstream stream may hold.
    :ivar max_answer_bytes: what one upstream answer may hold, unpacked, without the framing of its events.
    :ivar max_calls: tool calls that are kept of one answer.
    """

    idle_timeout: float
    slow_client_timeout: float
    keepalive: float
    max_decompressed_bytes: int
    max_event_bytes: int
    max_answer_bytes: int
    max_calls: int


@dataclass(slots=True)
class Totals:
    """What is counted as long as the proxy runs."""

    tools_not_offered: int = 0


class LiveExchanges:
    """The exchanges in progress, and the way to end them all.

    Draining: :meth:`drain` refuses what comes from now on and answers when the last exchange ended.
    """

    def __init__(self) -> None:
        self.draining = False
        self._live: set[Exchange] = set()
        self._idle: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._live)

    def seen(self) -> list[Running]:
        """What runs now, the eldest first."""
        return sorted((each.seen() for each in self._live), key=lambda each: -each.elapsed)

    def add(self, exchange: Exchange) -> None:
        self._live.add(exchange)

    def remove(self, exchange: Exchange) -> None:
        self._live.discard(exchange)
        if not self._live:
            waiting, self._idle = self._idle, []
            for deferred in waiting:
                deferred.callback(None)

    def drain(self) -> Deferred[None]:
        self.draining = True
        idle: Deferred[None] = Deferred()
        if self._live:
            self._idle.append(idle)
        else:
            idle.callback(None)
        return idle

    def abort_all(self) -> None:
        """End every exchange with its terminal event or error, now."""
        for exchange in list(self._live):
            exchange.abort(DRAINING)


class Choices:
    """The settings that can be changed while the proxy runs.

    :ivar view: for the next request.
    """

    def __init__(self, view: SettingsView) -> None:
        self.view = view


DRAINING = Failure(
    FailureKind.DRAINING, "ccmimolink is shutting down. Send the request again once it is back."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyServices:
    """What one running proxy has.

    :ivar plugin_failed: logs what a plugin raised and makes the error that ends the request.
    :ivar new_id: makes an id from a prefix: ``new_id("resp")``.
    :ivar now: seconds since the epoch.
    :ivar monotonic: seconds of a clock that is never set.
    :ivar lingering: must be dropped when the proxy stops.
    """

    clock: IReactorTime
    now: Callable[[], float]
    monotonic: Callable[[], float]
    new_id: Callable[[str], str]
    limits: Limits
    choices: Choices
    models: ModelTable
    route: UpstreamRoute
    keys: KeyResolver
    plugins: Plugins
    plugin_failed: Callable[[str, BaseException], ProxyError]
    limiter: UpstreamLimiter
    client: MiMoClient
    store: ResponseStore
    reasoning: ReasoningCache
    lessons: Lessons
    live: LiveExchanges = field(default_factory=LiveExchanges)
    lingering: set[Lingering] = field(default_factory=set)
    totals: Totals = field(default_factory=Totals)
    activity: Activity = field(default_factory=Activity)
    passed_over: PassedOver = field(default_factory=PassedOver)

    @property
    def settings(self) -> SettingsView:
        return self.choices.view
