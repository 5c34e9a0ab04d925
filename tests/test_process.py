"""The process and its system: open files, and the terminal that goes away."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys

import pytest

from ccmimolink.process import make_room, on_hangup, on_interrupt, on_signals


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The soft and the hard limit of the system, as this test would have them."""
    now = [100, 1000]

    def set_them(_what: int, granted: tuple[int, int]) -> None:
        now[:] = granted

    monkeypatch.setattr(resource, "getrlimit", lambda _what: tuple(now))
    monkeypatch.setattr(resource, "setrlimit", set_them)
    return now


def test_the_limit_on_open_files_is_raised_to_what_the_settings_need(limits: list[int]) -> None:
    assert make_room(256, 1) == ""
    assert 256 < limits[0] < 1000


def test_a_limit_that_suffices_is_left_alone(limits: list[int]) -> None:
    assert make_room(10, 1) == ""
    assert limits == [100, 1000]


def test_too_low_a_hard_limit_is_told_with_the_setting(limits: list[int]) -> None:
    told = make_room(5000, 1)
    assert limits == [1000, 1000]
    assert "open 1000 files" in told
    assert "MIMO_PROXY_MAX_CONNECTIONS=5000" in told


def test_a_hangup_ends_the_program_in_good_order_and_is_forgotten_then() -> None:
    seen: list[int] = []
    forget = on_hangup(seen.append)
    os.kill(os.getpid(), signal.SIGHUP)
    assert seen == [signal.SIGHUP]
    forget()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_a_hangup_that_somebody_ignores_is_left_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        on_hangup(lambda _number: None)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interrupt_ends_the_program_in_good_order_and_is_forgotten_then() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        forget = on_interrupt(seen.append)
        signal.raise_signal(signal.SIGINT)
        assert seen == [signal.SIGINT]
        forget()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_somebody_ignores_is_left_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        on_interrupt(lambda _number: None)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_is_done_at_signals_is_undone(number: signal.Signals) -> None:
    before, seen = signal.getsignal(number), []
    restore = on_signals(lambda: seen.append(number))
    signal.raise_signal(number)
    restore()
    assert seen == [number]
    assert signal.getsignal(number) is before


def test_what_twisted_imports_with_the_first_request_is_there_before() -> None:
    """There may be no descriptor left to read a file with."""
    program = (
        "import ccmimolink.process, sys\n"
        "from twisted.web.http import _parseContentType\n"
        "before = set(sys.modules)\n"
        "_parseContentType(b'application/json; charset=utf-8')\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == ""
