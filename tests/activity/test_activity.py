"""The memory of requests that are over, and who is told of them."""

from __future__ import annotations

import pytest

from ccmimolink.activity.recent import Activity
from ccmimolink.activity.values import Finished, Tokens


def finished(name: str, *, first_token: float | None = 1.0, total: float = 3.0, output: int = 8) -> Finished:
    return Finished(
        id=name,
        at=0.0,
        client="codex_exec",
        kind="turn",
        asked="-",
        used="mimo-v2.5",
        status=200,
        outcome="completed",
        failure=None,
        queued=0.0,
        first_token=first_token,
        total=total,
        tokens=Tokens(input=10, cached=4, output=output, reasoning=2),
        retries=0,
        amendments=0,
        recovered=0,
        cost={},
    )


def test_the_eldest_request_is_forgotten_when_there_are_too_many() -> None:
    activity = Activity(kept=2)
    for name in "abc":
        activity.add(finished(name))
    assert [each.id for each in activity.recent] == ["b", "c"]


def test_whoever_listens_is_told_of_each_request_until_it_listens_no_more() -> None:
    activity, told = Activity(), []
    forget = activity.listen(lambda each: told.append(each.id))
    activity.add(finished("a"))
    forget()
    forget()
    activity.add(finished("b"))
    assert told == ["a"]


def test_a_listener_may_leave_while_it_is_told() -> None:
    activity, told = Activity(), []

    def once(each: Finished) -> None:
        told.append(each.id)
        forget()

    forget = activity.listen(once)
    activity.listen(lambda each: told.append(each.id))
    activity.add(finished("a"))
    activity.add(finished("b"))
    assert told == ["a", "a", "b"]


def test_the_speed_of_an_answer_counts_from_its_first_event() -> None:
    assert finished("a", first_token=1.0, total=3.0, output=8).tokens_per_second == pytest.approx(4.0)


@pytest.mark.parametrize("first_token", [None, 3.0])
def test_an_answer_that_took_no_time_has_no_speed(first_token: float | None) -> None:
    assert finished("a", first_token=first_token, total=3.0).tokens_per_second is None
