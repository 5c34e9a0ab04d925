"""The state of the running proxy as values, and as the JSON that the page and programs get.

Owns what is told, and that it is gathered when somebody looks and not before. It must not know who looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ccmimolink import __version__
from ccmimolink.activity.values import Finished, Running
from ccmimolink.discovery import Found
from ccmimolink.page.setting_view import SettingSeen, settings_seen
from ccmimolink.page.summary import Summary, summary
from ccmimolink.settings import Settings
from ccmimolink.web.services import ProxyServices

SHOWN = 100
"""Of the requests that are over, the newest; the sums are of all that are kept."""


class PluginSeen(Struct, frozen=True):
    """An active plugin, and where it stands."""

    interface: str
    name: str
    priority: int
    file: str


class About(Struct, frozen=True, kw_only=True):
    """What stays as long as the program runs. Times are seconds since the epoch."""

    version: str
    started_at: float
    max_concurrent: int
    min_interval: float
    plugins: list[PluginSeen]
    settings: list[SettingSeen]


class State(Struct, frozen=True, kw_only=True):
    """What changes by itself.

    :ivar status: ``running`` or ``draining``.
    :ivar upstream: MiMo's host.
    :ivar model: where text requests go: all of them if it was chosen, else those that name no model of
        MiMo's.
    """

    status: str
    upstream: str
    model: str
    model_is_chosen: bool
    in_flight: int
    waiting: int
    back_off_left: float
    stored_responses: int
    tools_not_offered: int
    running: list[Running]


class Whole(Struct, frozen=True, kw_only=True):
    """All that there is to be seen.

    :ivar recent: the newest first.
    """

    about: About
    state: State
    summary: Summary
    recent: list[Finished]


def about(settings: Settings, plugins: Iterable[Found], now: float) -> About:
    return About(
        version=__version__,
        started_at=now,
        max_concurrent=settings.max_concurrent,
        min_interval=settings.min_interval,
        plugins=[
            PluginSeen(one.interface.__name__, one.plugin.name, one.plugin.priority, one.file)
            for one in plugins
        ],
        settings=settings_seen(settings),
    )


class Snapshots:
    """Looks at the proxy when it is asked."""

    def __init__(self, services: ProxyServices, known: About) -> None:
        self._services, self.about = services, known
        self._summed: Finished | None = None
        self._summary = summary(())

    def state(self) -> State:
        services = self._services
        limiter = services.limiter.state
        return State(
            status="draining" if services.live.draining else "running",
            upstream=urlsplit(services.route.known.base_url).netloc,
            model=services.settings.text_model,
            model_is_chosen=services.settings.text_model_chosen,
            in_flight=limiter.in_flight,
            waiting=limiter.waiting,
            back_off_left=limiter.back_off_left,
            stored_responses=len(services.store),
            tools_not_offered=services.totals.tools_not_offered,
            running=services.live.seen(),
        )

    def summary(self) -> Summary:
        """It is made anew once another request is over."""
        recent = self._services.activity.recent
        latest = recent[-1] if recent else None
        if latest is not self._summed:
            self._summed, self._summary = latest, summary(recent)
        return self._summary

    def whole(self) -> Whole:
        recent = list(islice(reversed(self._services.activity.recent), SHOWN))
        return Whole(about=self.about, state=self.state(), summary=self.summary(), recent=recent)


def encoded(value: Struct | list[Finished]) -> bytes:
    return msgspec.json.encode(value)
