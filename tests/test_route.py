"""UpstreamRoute: when the route is read, who waits for it, and what a failure leaves behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from ccmimolink.route import PAUSE, Reading, Route, RouteSource, Target, UpstreamRoute
from tests.conftest import LoggedFailures

FIRST = Route("https://first.invalid/v1", "fake-first")
SECOND = Route("https://second.invalid/v1", "fake-second")
SETTINGS = Route("https://settings.invalid/v1")


class Source:
    """A source whose readings end when the test says so.

    :ivar version: what the stamp shows.
    :ivar now: seconds.
    """

    def __init__(self) -> None:
        self.version = 1
        self.now = 1000.0
        self.readings: list[Deferred[Reading]] = []

    def in_thread(self, _read: Callable[[], Reading]) -> Deferred[Reading]:
        reading: Deferred[Reading] = Deferred()
        self.readings.append(reading)
        return reading

    def give(self, place: int, route: Route, complaint: str = "") -> None:
        """What the reading at that place comes to."""
        self.readings[place].callback(Reading(route, complaint))

    def as_source(self) -> RouteSource:
        return RouteSource(lambda: self.version, lambda: Reading(FIRST), self.in_thread, lambda: self.now)


class Asked:
    """One request that asks for the route."""

    def __init__(self, route: UpstreamRoute) -> None:
        self.deferred = Deferred.fromCoroutine(route.current())
        self.answers: list[object] = []
        self.deferred.addBoth(self.answers.append)

    @property
    def answer(self) -> object:
        (answer,) = self.answers
        return answer


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def route(source: Source) -> UpstreamRoute:
    return UpstreamRoute(SETTINGS, source.as_source())


def read_once(route: UpstreamRoute, source: Source) -> None:
    asked = Asked(route)
    source.give(-1, FIRST)
    assert asked.answer is FIRST


def test_a_fixed_route_is_never_read() -> None:
    assert Asked(UpstreamRoute(SETTINGS)).answer is SETTINGS


def test_the_first_request_waits_for_the_reading(route: UpstreamRoute, source: Source) -> None:
    asked = Asked(route)
    assert asked.answers == []
    source.give(0, FIRST)
    assert asked.answer is FIRST
    assert route.known is FIRST


def test_later_requests_read_nothing_while_nothing_changed(route: UpstreamRoute, source: Source) -> None:
    read_once(route, source)
    assert Asked(route).answer is FIRST
    assert len(source.readings) == 1


def test_a_change_is_read_for_the_next_request(route: UpstreamRoute, source: Source) -> None:
    read_once(route, source)
    source.version += 1
    asked = Asked(route)
    source.give(1, SECOND)
    assert asked.answer is SECOND


def test_what_changes_during_a_reading_is_read_again(route: UpstreamRoute, source: Source) -> None:
    Asked(route)
    source.version += 1
    source.give(0, FIRST)
    asked = Asked(route)
    source.give(1, SECOND)
    assert asked.answer is SECOND


def test_a_doubt_makes_the_next_request_read(route: UpstreamRoute, source: Source) -> None:
    read_once(route, source)
    route.doubt()
    asked = Asked(route)
    source.give(1, SECOND)
    assert asked.answer is SECOND


def test_requests_side_by_side_share_one_reading(route: UpstreamRoute, source: Source) -> None:
    one, other = Asked(route), Asked(route)
    source.give(0, FIRST)
    assert (one.answer, other.answer) == (FIRST, FIRST)
    assert len(source.readings) == 1


def test_a_client_that_leaves_does_not_end_the_reading_for_the_others(
    route: UpstreamRoute, source: Source
) -> None:
    leaving, staying = Asked(route), Asked(route)
    leaving.deferred.cancel()
    source.give(0, FIRST)
    assert staying.answer is FIRST
    assert leaving.answers[0].check(CancelledError)  # type: ignore[attr-defined]


def test_a_request_after_a_change_is_not_answered_by_a_reading_from_before_it(
    route: UpstreamRoute, source: Source
) -> None:
    early = Asked(route)
    source.version += 1
    late, later = Asked(route), Asked(route)
    source.give(0, FIRST)
    assert early.answer is FIRST
    assert late.answers == []
    source.give(1, SECOND)
    assert (late.answer, later.answer) == (SECOND, SECOND)
    assert len(source.readings) == 2


def test_a_doubt_during_a_reading_is_not_lost(route: UpstreamRoute, source: Source) -> None:
    Asked(route)
    route.doubt()
    source.give(0, FIRST)
    asked = Asked(route)
    source.give(1, SECOND)
    assert asked.answer is SECOND


def test_a_client_that_leaves_before_its_reading_began_is_forgotten(
    route: UpstreamRoute, source: Source
) -> None:
    Asked(route)
    source.version += 1
    Asked(route).deferred.cancel()
    source.give(0, FIRST)
    assert len(source.readings) == 1


class TestAReadingWithAComplaint:
    @pytest.fixture(autouse=True)
    def _failed_once(self, route: UpstreamRoute, source: Source) -> None:
        read_once(route, source)
        source.version += 1
        asked = Asked(route)
        source.give(1, FIRST, "held")
        assert asked.answer is FIRST

    def test_is_not_made_again_at_once(self, route: UpstreamRoute, source: Source) -> None:
        route.doubt()
        source.now += PAUSE - 0.1
        assert Asked(route).answer is FIRST
        assert len(source.readings) == 2

    def test_is_made_again_after_a_while(self, route: UpstreamRoute, source: Source) -> None:
        source.now += PAUSE
        asked = Asked(route)
        source.give(2, SECOND)
        assert asked.answer is SECOND
        assert Asked(route).answer is SECOND
        assert len(source.readings) == 3

    def test_is_made_again_after_a_change(self, route: UpstreamRoute, source: Source) -> None:
        source.version += 1
        asked = Asked(route)
        source.give(2, SECOND)
        assert asked.answer is SECOND

    def test_serves_those_who_came_meanwhile_too(self, route: UpstreamRoute, source: Source) -> None:
        source.version += 1
        Asked(route)
        route.doubt()
        late = Asked(route)
        source.give(2, FIRST, "held")
        assert late.answer is FIRST
        assert len(source.readings) == 3


def test_the_same_complaint_is_logged_once_until_it_changes(route: UpstreamRoute, source: Source) -> None:
    said: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_namespace") == UpstreamRoute.__module__ + ".UpstreamRoute":
            said.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    try:
        for place, complaint in enumerate(["held", "held", "gone", "", "gone"]):
            source.version += 1
            Asked(route)
            source.give(place, SECOND, complaint)
    finally:
        globalLogPublisher.removeObserver(observe)
    kept = f"the route could not be read, and upstream stays {SECOND.base_url}: "
    told = f"upstream {SECOND.base_url} (MIMO_BASE_URL)"
    assert said == [kept + "held", kept + "gone", told, kept + "gone"]


def test_the_route_that_comes_with_a_complaint_serves(route: UpstreamRoute, source: Source) -> None:
    asked = Asked(route)
    source.give(0, SECOND, "held")
    assert asked.answer is SECOND


def test_a_fault_in_the_reading_is_logged_with_its_traceback_and_leaves_the_route(
    route: UpstreamRoute, source: Source, logged_failures: LoggedFailures
) -> None:
    read_once(route, source)
    for place in (1, 2):
        source.version += 1
        asked = Asked(route)
        source.readings[place].errback(ZeroDivisionError("ours"))
        assert asked.answer is FIRST
    assert len(logged_failures.take(ZeroDivisionError)) == 1
    assert Asked(route).answer is FIRST
    assert len(source.readings) == 3


def test_while_the_route_is_being_made_requests_wait_and_nothing_is_read(
    route: UpstreamRoute, source: Source
) -> None:
    route.hold()
    asked = Asked(route)
    assert source.readings == []
    route.release()
    source.give(0, FIRST)
    assert asked.answer is FIRST


def test_no_key_is_in_what_is_printed() -> None:
    assert "fake-first" not in repr(FIRST) + repr(Target("https://first.invalid/v1", "fake-first"))
