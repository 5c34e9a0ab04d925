"""What the last requests come to: sums, and figures over time.

Owns the arithmetic: buckets, percentiles, shares. It must not know how any of it is shown.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from statistics import median

from msgspec import Struct

from ccmimolink.activity.values import Finished, Tokens

LONGEST = 24 * 3600
"""Seconds before the latest request that the charts go back."""

MOST = 36
"""Buckets of a chart."""

_WIDTHS = (10, 60, 300, 900, 3600)

_WELL = frozenset({"completed", "incomplete", "client left"})


class Bucket(Struct, frozen=True, kw_only=True):
    """The requests that arrived within one step of the chart.

    :ivar start: seconds since the epoch.
    :ivar first: p50 and p90 of the time to the first token, if any had one; ``total`` likewise.
    """

    start: float
    requests: int
    fresh: int
    cached: int
    answer: int
    reasoning: int
    first: tuple[float, float] | None
    total: tuple[float, float] | None


class Summary(Struct, frozen=True, kw_only=True):
    """:ivar since: when the eldest that is kept arrived.
    :ivar speed: median of the tokens per second.
    :ivar width: seconds of a bucket.
    :ivar buckets: without gaps, the eldest first.
    """

    requests: int
    failed: int
    since: float | None
    tokens: Tokens
    cache_share: float | None
    speed: float | None
    cost: dict[str, float]
    width: int
    buckets: list[Bucket]


def has_failed(one: Finished) -> bool:
    return one.failure is not None or one.outcome not in _WELL


def summary(recent: Collection[Finished]) -> Summary:
    tokens = _sum(recent)
    width = _width(recent)
    return Summary(
        requests=len(recent),
        failed=sum(map(has_failed, recent)),
        since=min((one.at for one in recent), default=None),
        tokens=tokens,
        cache_share=tokens.cached / tokens.input if tokens.input else None,
        speed=_median(one.tokens_per_second for one in recent),
        cost=_cost(recent),
        width=width,
        buckets=_buckets(recent, width),
    )


def _sum(requests: Iterable[Finished]) -> Tokens:
    total = [0, 0, 0, 0]
    for one in requests:
        if (tokens := one.tokens) is not None:
            total[0] += tokens.input
            total[1] += tokens.cached
            total[2] += tokens.output
            total[3] += tokens.reasoning
    return Tokens(*total)


def _cost(requests: Iterable[Finished]) -> dict[str, float]:
    total: dict[str, float] = {}
    for one in requests:
        for currency, cost in one.cost.items():
            total[currency] = total.get(currency, 0.0) + cost
    return total


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _shown(recent: Iterable[Finished]) -> list[Finished]:
    requests = list(recent)
    latest = max((one.at for one in requests), default=0.0)
    return [one for one in requests if one.at > latest - LONGEST]


def _width(recent: Iterable[Finished]) -> int:
    times = [one.at for one in _shown(recent)]
    span = max(times) - min(times) if times else 0.0
    # One bucket may be begun before the first request.
    return next((width for width in _WIDTHS if span / width <= MOST - 1), _WIDTHS[-1])


def _buckets(recent: Iterable[Finished], width: int) -> list[Bucket]:
    by_start: dict[int, list[Finished]] = {}
    for one in _shown(recent):
        by_start.setdefault(int(one.at // width) * width, []).append(one)
    if not by_start:
        return []
    starts = range(min(by_start), max(by_start) + 1, width)
    return [_bucket(start, by_start.get(start, [])) for start in starts]


def _bucket(start: int, requests: Sequence[Finished]) -> Bucket:
    tokens = _sum(requests)
    return Bucket(
        start=start,
        requests=len(requests),
        fresh=tokens.input - tokens.cached,
        cached=tokens.cached,
        answer=tokens.output - tokens.reasoning,
        reasoning=tokens.reasoning,
        first=_percentiles(one.first_token for one in requests),
        total=_percentiles(one.total for one in requests if not has_failed(one)),
    )


def _percentiles(values: Iterable[float | None]) -> tuple[float, float] | None:
    """p50 and p90, each one of the values: the nearest rank."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    return known[_rank(0.5, len(known))], known[_rank(0.9, len(known))]


def _rank(share: float, count: int) -> int:
    return max(0, math.ceil(share * count) - 1)
