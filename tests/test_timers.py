"""Timers: what the wall clock does to them, which is nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from twisted.internet.task import Clock

from ccmimolink.timers import LONGEST_CALL, MonotonicTimer, keep_steady
from tests.limiter_time import Time


def make(seconds: float) -> tuple[Time, MonotonicTimer, list[str]]:
    time = Time()
    fired: list[str] = []
    return time, MonotonicTimer(time.clock, time.monotonic, seconds, lambda: fired.append("fired")), fired


def test_it_fires_once_when_its_time_is_over() -> None:
    time, _, fired = make(12)
    time.advance(11.75)
    assert fired == []
    time.advance(0.25)
    assert fired == ["fired"]
    time.advance(100)
    assert fired == ["fired"]


def test_a_wall_clock_that_is_set_forward_does_not_fire_it() -> None:
    time, _, fired = make(60)
    time.set_wall_clock(by=3600)
    time.advance(59)
    assert fired == []
    time.advance(1)
    assert fired == ["fired"]


def test_it_looks_again_before_long() -> None:
    time, _, _ = make(3600)
    (call,) = time.clock.getDelayedCalls()
    assert call.getTime() == LONGEST_CALL


def test_a_cancelled_one_leaves_nothing_behind() -> None:
    clock = Clock()
    timer = MonotonicTimer(clock, clock.seconds, 1, lambda: None)
    timer.cancel()
    assert clock.getDelayedCalls() == []
    timer.cancel()


# -- the program's reactor --------------------------------------------------------------------------------

STEPPED = """
import sys, time
from twisted.internet.base import ReactorBase

stepped_by = 0.0
ReactorBase.seconds = staticmethod(lambda: time.time() + stepped_by)  # the wall clock, as somebody sets it
from twisted.internet import reactor

def step():
    global stepped_by
    stepped_by = float(sys.argv[1])

if sys.argv[2] == "program":
    from ccmimolink.options import Options
    from ccmimolink.tap import makeService
    options = Options({"MIMO_PROXY_LOG": "/dev/null"})
    options.parseOptions(["--demo", "--port=0"])
    makeService(options)

began = time.monotonic()
reactor.callLater(0.05, step)
reactor.callLater(0.4, reactor.stop)
giving_up = __import__("threading").Timer(3, lambda: reactor.callFromThread(reactor.stop))
giving_up.start()
reactor.run()
giving_up.cancel()
print(0.35 < time.monotonic() - began < 2)
"""


def run_stepped(by: float, of: str) -> str:
    command = [sys.executable, "-c", STEPPED, str(by), of]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.parametrize("by", [-3600.0, 3600.0])
def test_an_hour_more_or_less_neither_fires_nor_stalls_a_timer_of_the_program(by: float) -> None:
    assert run_stepped(by, "program") == "True"


def test_a_reactor_that_is_not_steady_stalls() -> None:
    """Else the test above shows nothing."""
    assert run_stepped(-3600.0, "another") == "False"


def test_a_reactor_on_which_something_is_timed_already_is_left_as_it_is() -> None:
    clock = Clock()
    clock.callLater(1, lambda: None)
    assert not keep_steady(clock, lambda: 5.0)
    assert clock.seconds() == 0.0
