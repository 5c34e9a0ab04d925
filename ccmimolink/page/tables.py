"""The tables and figures of the page, as the server renders them.

Owns the columns, which the browser reads from the heads of the tables. It must not know the rest of the page.
"""

# mypy: allow-untyped-calls
# Twisted's templates are only partly annotated.

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twisted.web.template import Tag, tags

from ccmimolink.activity.values import Finished
from ccmimolink.page.setting_view import SettingSeen
from ccmimolink.page.snapshot import PluginSeen, State, Whole
from ccmimolink.page.summary import Bucket, Summary
from ccmimolink.page.texts import Texts

RUNNING = ("client", "kind", "model", "phase", "elapsed", "received", "waits", "retries")
RECENT = (
    "at",
    "client",
    "kind",
    "model",
    "outcome",
    "queued",
    "first_token",
    "total",
    "input",
    "cached",
    "output",
    "reasoning",
    "speed",
    "notes",
    "cost",
)
PLUGINS = ("interface", "name", "priority", "file")
SETTINGS = ("setting", "value", "default")
CHARTS: Mapping[str, tuple[str, ...]] = {
    "input": ("fresh", "cached"),
    "output": ("answer", "reasoning"),
    "latency": ("first_p50", "first_p90", "total_p50", "total_p90"),
}

_TEXTS = frozenset({"at", "client", "kind", "model", "phase", "waits", "outcome", "notes"})
_TEXTS |= {"interface", "name", "file", "setting", "value", "default"}

# On narrow windows the rows become cards, which takes the table's meaning from it unless it is said.
_ROLES = {"thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


def _tag(name: str, *children: Any, **attributes: str) -> Tag:
    made = Tag(name, attributes={"role": _ROLES[name]} if name in _ROLES else {})
    made(*children)
    for key, value in attributes.items():
        made.attributes[key.rstrip("_").replace("_", "-")] = value
    return made


def table(texts: Texts, columns: Sequence[str], rows: Iterable[Tag]) -> list[Tag]:
    """What stands in a table."""
    heads = [_head(column, texts.say(f"column.{column}"), _class(column)) for column in columns]
    return [_tag("thead", _tag("tr", *heads)), _tag("tbody", *rows)]


def _head(column: str, label: str, kind: str) -> Tag:
    return _tag("th", label, role="columnheader", scope="col", data_column=column, class_=kind)


def row(texts: Texts, columns: Sequence[str], cells: Mapping[str, str], **attributes: str) -> Tag:
    return _tag(
        "tr",
        *(
            _tag(
                "td",
                _tag("span", cells[column]),
                data_label=texts.say(f"column.{column}"),
                data_column=column,
                class_=_class(column),
            )
            for column in columns
        ),
        **attributes,
    )


def _class(column: str) -> str:
    return "text" if column in _TEXTS else "number"


def running_rows(texts: Texts, state: State) -> list[Tag]:
    return [row(texts, RUNNING, texts.running(one), data_id=one.id) for one in state.running]


def recent_rows(texts: Texts, recent: Iterable[Finished]) -> list[Tag]:
    return [
        row(texts, RECENT, texts.finished(one), data_id=one.id, data_mood=texts.mood(one)) for one in recent
    ]


def plugin_rows(texts: Texts, plugins: Iterable[PluginSeen]) -> list[Tag]:
    return [
        row(
            texts,
            PLUGINS,
            {
                "interface": texts.known(f"plugin.{one.interface}", one.interface),
                "name": one.name,
                "priority": str(one.priority),
                "file": one.file,
            },
        )
        for one in plugins
    ]


def setting_rows(texts: Texts, settings: Iterable[SettingSeen]) -> list[Tag]:
    return [
        row(
            texts,
            SETTINGS,
            {
                "setting": one.name,
                "value": _value(texts, one),
                "default": (one.default or texts.say("setting.not_set"))
                if one.changed
                else texts.say("setting.same"),
            },
            data_changed=str(one.changed).lower(),
        )
        for one in settings
    ]


def _value(texts: Texts, one: SettingSeen) -> str:
    if one.value is None:
        return texts.say("setting.set" if one.is_set else "setting.not_set")
    return one.value or texts.say("setting.not_set")


def figures(texts: Texts, whole: Whole) -> dict[str, tuple[str, str]]:
    """By name: the figure, and what stands below it."""
    state, total, about = whole.state, whole.summary, whole.about
    tokens = total.tokens
    return {
        "in_flight": (
            texts.count(state.in_flight),
            texts.say("figure.in_flight.more", most=texts.count(about.max_concurrent)),
        ),
        "waiting": (
            texts.count(state.waiting),
            texts.say("figure.waiting.more", seconds=f"{about.min_interval:g}"),
        ),
        "requests": (
            texts.count(total.requests),
            texts.say("figure.requests.more", failed=texts.count(total.failed)),
        ),
        "input": (
            texts.count(tokens.input),
            texts.say("figure.input.more", cached=texts.count(tokens.cached)),
        ),
        "output": (
            texts.count(tokens.output),
            texts.say("figure.output.more", reasoning=texts.count(tokens.reasoning)),
        ),
        "cached": (texts.share(total.cache_share), texts.say("figure.cached.more")),
        "speed": (texts.rate(total.speed), texts.say("figure.speed.more")),
        "cost": (texts.money(total.cost), texts.say("figure.cost.more")),
    }


def figure_tags(texts: Texts, whole: Whole) -> list[Tag]:
    return [
        _tag(
            "div",
            _tag("dt", texts.say(f"figure.{name}")),
            _tag("dd", value, class_="figure", id=f"figure-{name}"),
            _tag("dd", more, class_="more", id=f"more-{name}"),
            class_="tile",
        )
        for name, (value, more) in figures(texts, whole).items()
    ]


def since(texts: Texts, total: Summary) -> str:
    if total.since is None:
        return texts.say("figures.none")
    return texts.say("figures.since", count=texts.count(total.requests), time=texts.moment(total.since))


def chart_rows(texts: Texts, chart: str, buckets: Iterable[Bucket]) -> list[Tag]:
    """The table of a chart, of the steps in which there was something."""
    return [
        _tag(
            "tr",
            _tag("th", texts.moment(bucket.start), scope="row", role="rowheader"),
            *(
                _tag("td", series(texts, name, bucket), class_="number", data_column=name)
                for name in CHARTS[chart]
            ),
        )
        for bucket in buckets
        if bucket.requests
    ]


def chart_head(texts: Texts, chart: str) -> Tag:
    names = ("start", *CHARTS[chart])
    return _tag(
        "tr",
        *(
            _head(name, texts.say(f"series.{name}"), "text" if name == "start" else "number")
            for name in names
        ),
    )


def series(texts: Texts, name: str, bucket: Bucket) -> str:
    measure, _, percentile = name.partition("_")
    if not percentile:
        return texts.count(getattr(bucket, name))
    both = getattr(bucket, measure)
    return texts.duration(None if both is None else both[0 if percentile == "p50" else 1])


def legend(texts: Texts, chart: str) -> list[Tag]:
    return [
        tags.li(_tag("span", class_=f"swatch {name}", aria_hidden="true"), texts.say(f"series.{name}"))
        for name in CHARTS[chart]
    ]
