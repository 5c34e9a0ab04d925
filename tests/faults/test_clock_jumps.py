"""The wall clock is set by an hour while something waits: nothing comes early, and nothing is held up.

The program's reactor goes by a clock that nobody sets. On another reactor our own timers come no earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ccmimolink.timers import LONGEST_CALL
from tests.faults.clock_scenarios import SCENARIOS, Scenario
from tests.faults.stepped_proxy import SteppedProxy
from tests.http_wire import DONE, STREAM_HEAD, answer, chunk, finish, text

HOUR = 3600.0
A_LITTLE = 0.2

MakeProxy = Callable[..., SteppedProxy]


@pytest.fixture
def make_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeProxy]:
    made: list[SteppedProxy] = []

    def make(settings: dict[str, str], *, steady: bool = True) -> SteppedProxy:
        made.append(SteppedProxy(monkeypatch, settings, steady=steady))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()
        proxy.assert_at_rest()


BY = pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "back"])
EACH = pytest.mark.parametrize("scenario", SCENARIOS, ids=[each.name for each in SCENARIOS])
OURS = [each for each in SCENARIOS if each.ours]


def assert_in_time(proxy: SteppedProxy, scenario: Scenario, jump: Callable[[], None]) -> None:
    """It happens when it is due, although the clock jumps at once and again when half the time is over."""
    happened = scenario.begin(proxy)
    least, most = scenario.due
    assert not happened()
    jump()
    assert not happened(), "early"
    proxy.pass_time(least / 2)
    jump()
    proxy.pass_time(least / 2 - min(A_LITTLE, least / 4))
    assert not happened(), "early"
    proxy.pass_time(most - least + A_LITTLE + LONGEST_CALL)
    assert happened(), "held up"


@EACH
@BY
def test_a_wall_clock_that_is_set_changes_nothing(
    make_proxy: MakeProxy, scenario: Scenario, by: float
) -> None:
    proxy = make_proxy(dict(scenario.settings))
    assert_in_time(proxy, scenario, lambda: proxy.set_wall_clock(by))


@EACH
def test_without_a_jump_it_happens_in_time_too(make_proxy: MakeProxy, scenario: Scenario) -> None:
    """Else the tests around this one show nothing."""
    assert_in_time(make_proxy(dict(scenario.settings)), scenario, lambda: None)


@pytest.mark.parametrize("scenario", OURS, ids=[each.name for each in OURS])
def test_on_a_reactor_that_follows_the_wall_clock_nothing_of_ours_comes_early(
    make_proxy: MakeProxy, scenario: Scenario
) -> None:
    proxy = make_proxy(dict(scenario.settings), steady=False)
    assert_in_time(proxy, scenario, lambda: proxy.set_wall_clock(HOUR))


@pytest.mark.parametrize("steady", [True, False])
def test_a_stream_goes_on_over_the_jump(make_proxy: MakeProxy, steady: bool) -> None:
    proxy = make_proxy({}, steady=steady)
    client = proxy.post()
    upstream = proxy.upstream[0]
    upstream.send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    proxy.set_wall_clock(HOUR)
    upstream.send(chunk(text("b")))
    proxy.settle()
    # What is to be done in the next turn is not put off by an hour either.
    if steady:
        proxy.set_wall_clock(-2 * HOUR)
    upstream.send(chunk(text("c") + finish() + DONE))
    proxy.settle()
    assert client.reply.output_text() == "abc"
    assert client.reply.last()["status"] == "completed"


# -- a 429 that comes late --------------------------------------------------------------------------------


def posts(proxy: SteppedProxy) -> int:
    return sum(each.received.count(b"POST ") for each in proxy.upstream)


@pytest.mark.parametrize("interval", ["0", "1500"])
@pytest.mark.parametrize("jump", [0.0, HOUR, -HOUR])
@pytest.mark.parametrize("queued_before", [False, True])
@pytest.mark.parametrize("concurrent", ["1", "2"])
def test_a_429_that_arrives_after_the_bucket_refilled_still_holds_back_the_next_start(
    make_proxy: MakeProxy, interval: str, jump: float, queued_before: bool, concurrent: str
) -> None:
    proxy = make_proxy(
        {
            "MIMO_PROXY_MIN_INTERVAL_MS": interval,
            "MIMO_PROXY_MAX_CONCURRENT": concurrent,
            "MIMO_PROXY_RETRIES": "0",
        }
    )
    proxy.post()
    proxy.pass_time(10)
    waits_for_a_slot = queued_before and concurrent == "1"
    if waits_for_a_slot:
        proxy.post()
    proxy.upstream[0].send(answer(429, b"{}", retry_after="20"))
    proxy.settle()
    if not waits_for_a_slot:
        proxy.post()
    proxy.set_wall_clock(jump)
    proxy.pass_time(19.5)
    assert posts(proxy) == 1, "a request started into the rate limit"
    assert proxy.services.limiter.state.waiting == 1
    proxy.pass_time(1.5)
    assert posts(proxy) == 2
