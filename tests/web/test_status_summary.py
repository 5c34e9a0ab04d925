"""The sums and the figures over time, from the requests that are kept."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ccmimolink.activity.values import Finished, Tokens
from ccmimolink.page.summary import LONGEST, MOST, summary
from tests.activity.test_activity import finished


def one(at: float = 0.0, **changes: Any) -> Finished:
    return msgspec.structs.replace(finished("r"), at=at, **changes)


def test_without_a_request_there_are_no_figures() -> None:
    found = summary([])
    assert (found.requests, found.buckets) == (0, [])
    assert (found.since, found.cache_share, found.speed) == (None, None, None)


def test_tokens_and_costs_are_summed_and_the_share_of_the_cache_is_of_the_tokens_in() -> None:
    costs = [{"USD": 1.0, "CNY": 7.0}, {"USD": 0.5}, {}]
    found = summary([one(cost=cost) for cost in costs])
    assert found.tokens == Tokens(input=30, cached=12, output=24, reasoning=6)
    assert found.cost == {"USD": 1.5, "CNY": 7.0}
    assert found.cache_share == pytest.approx(0.4)
    assert found.speed == pytest.approx(4.0)


def test_a_client_that_left_is_no_failure_and_a_refusal_is_one() -> None:
    left = one(outcome="client left", status=None)
    refused = one(outcome="key rejected", failure="key rejected", tokens=None)
    failed = one(outcome="failed", failure="stream broken")
    cut = one(outcome="incomplete")
    assert summary([left, refused, failed, cut]).failed == 2


def test_a_bucket_has_what_arrived_in_its_step() -> None:
    requests = [one(1000.0, total=5.0), one(1009.0, first_token=None, total=1.0), one(1021.0)]
    found = summary(requests)
    assert found.width == 10
    assert [(bucket.start, bucket.requests) for bucket in found.buckets] == [(1000, 2), (1010, 0), (1020, 1)]
    first = found.buckets[0]
    assert (first.fresh, first.cached, first.answer, first.reasoning) == (12, 8, 12, 4)
    assert (first.first, first.total) == ((1.0, 1.0), (1.0, 5.0))
    assert (found.buckets[1].first, found.buckets[1].total) == (None, None)


def test_percentiles_are_values_that_occurred() -> None:
    (bucket,) = summary([one(total=float(seconds)) for seconds in range(1, 11)]).buckets
    assert bucket.total == (5.0, 9.0)


@pytest.mark.parametrize("span", [0, 300, 2_000, 10_000, 30_000, 80_000, 10_000_000])
def test_there_are_never_too_many_steps_and_none_is_older_than_a_day(span: int) -> None:
    latest = 1_795_000_007.0
    found = summary([one(latest - span * part / 50) for part in range(51)])
    assert 1 <= len(found.buckets) <= MOST
    assert found.buckets[0].start > latest - LONGEST - found.width
    assert found.buckets[-1].start <= latest < found.buckets[-1].start + found.width
    assert found.requests == 51
