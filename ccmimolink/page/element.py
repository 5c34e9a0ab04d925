"""The page as a template that is filled in.

Owns what stands where on ``page.html``. It must not gather anything.
"""

# mypy: allow-untyped-calls, allow-untyped-decorators
# Twisted's templates are only partly annotated.

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.web.iweb import IRequest
from twisted.web.template import Element, Tag, XMLString, renderer, tags

from ccmimolink.page import tables
from ccmimolink.page.language import CHINESE, ENGLISH
from ccmimolink.page.snapshot import SHOWN, Whole
from ccmimolink.page.texts import Texts

_NAMES = {ENGLISH: "English", CHINESE: "中文"}


def read_asset(name: str) -> bytes:
    return files("ccmimolink.page").joinpath("assets", name).read_bytes()


RENDERED = 20
"""Of the requests that are over, those that are there before the script is, or without one."""


class PageElement(Element):
    """:param now: seconds since the epoch.
    :param breathe: fires in another turn of the reactor. To fill the page in takes as long as some hundred
        events of streams, which are not to wait for all of it.
    """

    loader = XMLString(read_asset("page.html"))

    def __init__(self, texts: Texts, whole: Whole, now: float, breathe: Callable[[], Deferred[None]]) -> None:
        super().__init__()
        self._texts, self._whole, self._now, self._breathe = texts, whole, now, breathe

    def _later(self, make: Callable[[], Tag]) -> Deferred[Tag]:
        return self._breathe().addCallback(lambda _: make())

    @renderer
    def document(self, _request: IRequest | None, tag: Tag) -> Tag:
        return tag(lang=self._texts.language)

    @renderer
    def words(self, _request: IRequest | None, tag: Tag) -> Tag:
        return tag(content=msgspec.json.encode(self._texts.words).decode())

    @renderer
    def say(self, _request: IRequest | None, tag: Tag) -> Tag:
        """The word whose key stands in the tag."""
        key = "".join(map(str, tag.children)).strip()
        return tag.clear()(self._texts.say(key))

    @renderer
    def languages(self, _request: IRequest | None, tag: Tag) -> Tag:
        for language, name in _NAMES.items():
            # The switch keeps what the browser's own wish is out of it.
            link = tags.a(name, href=f"/?lang={language}", hreflang=language, lang=language)
            if language == self._texts.language:
                link.attributes["aria-current"] = "true"
            tag(tags.li(link))
        return tag

    @renderer
    def status(self, _request: IRequest | None, tag: Tag) -> Tag:
        status = self._whole.state.status
        tag.attributes["data-status"] = status
        return tag(self._texts.say(f"status.{status}"))

    @renderer
    def facts(self, _request: IRequest | None, tag: Tag) -> Tag:
        texts, about, state = self._texts, self._whole.about, self._whole.state
        uptime = texts.lasting(max(0.0, self._now - about.started_at))
        return tag(
            tags.li(texts.say("page.version", version=about.version)),
            tags.li(texts.say("page.uptime", time=uptime), id="uptime"),
            tags.li(texts.say("page.upstream", host=state.upstream), id="upstream"),
            tags.li(texts.model_line(state), id="model"),
        )

    @renderer
    def back_off(self, _request: IRequest | None, tag: Tag) -> Tag:
        if not self._whole.state.back_off_left:
            tag.attributes["hidden"] = "hidden"
        return tag

    @renderer
    def back_off_left(self, _request: IRequest | None, tag: Tag) -> Tag:
        left = self._whole.state.back_off_left
        return tag(self._texts.say("back_off.left", seconds=f"{left:.0f}"))

    @renderer
    def figures(self, _request: IRequest | None, tag: Tag) -> Tag:
        return tag(*tables.figure_tags(self._texts, self._whole))

    @renderer
    def since(self, _request: IRequest | None, tag: Tag) -> Tag:
        return tag(tables.since(self._texts, self._whole.summary))

    @renderer
    def running(self, _request: IRequest | None, tag: Tag) -> Deferred[Tag]:
        def make() -> Tag:
            rows = tables.running_rows(self._texts, self._whole.state)
            return tag(*tables.table(self._texts, tables.RUNNING, rows))

        return self._later(make)

    @renderer
    def running_none(self, _request: IRequest | None, tag: Tag) -> Tag:
        return _hidden_if(self._whole.state.running, tag(self._texts.say("running.none")))

    @renderer
    def recent(self, _request: IRequest | None, tag: Tag) -> Deferred[Tag]:
        tag.attributes["data-most"] = str(SHOWN)

        def make() -> Tag:
            rows = tables.recent_rows(self._texts, self._whole.recent[:RENDERED])
            return tag(*tables.table(self._texts, tables.RECENT, rows))

        return self._later(make)

    @renderer
    def recent_none(self, _request: IRequest | None, tag: Tag) -> Tag:
        return _hidden_if(self._whole.recent, tag(self._texts.say("recent.none")))

    @renderer
    def recent_more(self, _request: IRequest | None, tag: Tag) -> Tag:
        there_is_no_more = self._whole.summary.requests <= RENDERED
        return _hidden_if(there_is_no_more, tag(self._texts.say("recent.more", count=RENDERED)))

    @renderer
    def charts_none(self, _request: IRequest | None, tag: Tag) -> Tag:
        return _hidden_if(self._whole.summary.buckets, tag(self._texts.say("charts.none")))

    @renderer
    def charts_note(self, _request: IRequest | None, tag: Tag) -> Tag:
        width = self._whole.summary.width
        return tag(self._texts.say("charts.note", time=self._texts.step(width)))

    @renderer
    def charts(self, _request: IRequest | None, tag: Tag) -> list[Deferred[Tag]]:
        return [self._later(partial(self._chart, tag.clone(), name)) for name in tables.CHARTS]

    def _chart(self, tag: Tag, name: str) -> Tag:
        texts, buckets = self._texts, self._whole.summary.buckets
        tag.attributes["data-chart"] = name
        tag.fillSlots(
            title=texts.say(f"chart.{name}"),
            legend=tables.legend(texts, name),
            head=tables.chart_head(texts, name),
            rows=tables.chart_rows(texts, name, buckets),
        )
        return tag

    @renderer
    def plugins(self, _request: IRequest | None, tag: Tag) -> Deferred[Tag]:
        def make() -> Tag:
            rows = tables.plugin_rows(self._texts, self._whole.about.plugins)
            return tag(*tables.table(self._texts, tables.PLUGINS, rows))

        return self._later(make)

    @renderer
    def plugin_count(self, _request: IRequest | None, tag: Tag) -> Tag:
        return tag(str(len(self._whole.about.plugins)))

    @renderer
    def settings(self, _request: IRequest | None, tag: Tag) -> Deferred[Tag]:
        def make() -> Tag:
            rows = tables.setting_rows(self._texts, self._whole.about.settings)
            return tag(*tables.table(self._texts, tables.SETTINGS, rows))

        return self._later(make)

    @renderer
    def settings_changed(self, _request: IRequest | None, tag: Tag) -> Tag:
        changed = sum(one.changed for one in self._whole.about.settings)
        return tag(self._texts.say("settings.changed", count=changed))


def _hidden_if(condition: Any, tag: Tag) -> Tag:
    if condition:
        tag.attributes["hidden"] = "hidden"
    return tag
