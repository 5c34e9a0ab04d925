"""The clean-reactor fixture: what trial finds and plain pytest passes over makes a test fail.

That is a failure that was logged, a Deferred that was lost with its error, and a call left behind in the
reactor. A test that expects a logged failure names the fixture ``logged_failures`` and takes it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.portable_part import holds_portable, is_portable


@implementer(ILogObserver)
class LoggedFailures:
    """The failures logged while one test runs. What is not taken makes the test fail."""

    def __init__(self) -> None:
        self._failures: list[Failure] = []

    def __call__(self, event: LogEvent) -> None:
        """Observe a log event."""
        failure = event.get("log_failure")
        if failure is not None:
            self._failures.append(failure)

    def take(self, *kinds: type[BaseException]) -> list[Failure]:
        """The failures of these kinds (none named: any) logged so far, in order. They count as expected."""
        # A Deferred is often part of a cycle; its error is logged when it is collected.
        gc.collect()
        taken = [failure for failure in self._failures if isinstance(failure.value, kinds or BaseException)]
        self._failures = [failure for failure in self._failures if failure not in taken]
        return taken


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Elsewhere than on a POSIX system, a file that is not portable cannot even be imported."""
    if config.option.markexpr != "portable":
        return None
    if collection_path.is_dir():
        return None if holds_portable(collection_path) else True
    return None if is_portable(collection_path) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_portable(item.path):
            item.add_marker("portable")


_FREEZE_AFTER = 100
_tests_run = count(1)


def pytest_collection_finish() -> None:
    """Take the imported program out of the collector's sight, so that a pass after each test costs little.

    Where trial is loaded, as ``twisted.internet.testing`` does, pytest looks up Twisted's version with every
    test, which takes longer than many of them. None of ours is trial's.
    """
    sys.modules.pop("twisted.trial.unittest", None)
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def signals_as_in_a_terminal() -> None:
    """A shell has its background jobs ignore some signals, and what is started here inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def home_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home without cc switch and Codex: what is started here must not take over those of the machine."""
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("MIMO_", "CC_SWITCH_", "XDG_")) or name in (
                "CODEX_HOME",
                "CODEX_CONFIG_PATH",
            ):
                patch.delenv(name)
        nobody = str(tmp_path_factory.mktemp("nobody"))
        for name in ("HOME", "USERPROFILE"):
            patch.setenv(name, nobody)
        patch.setenv("XDG_CACHE_HOME", cache)
        yield


@pytest.fixture(autouse=True)
def clean_reactor() -> Iterator[LoggedFailures]:
    """Fail the test for failures logged, errors lost and calls left. Calls left are cancelled."""
    # Here, not above: the import installs a reactor.
    from twisted.internet import reactor

    earlier = set(reactor.getDelayedCalls())
    logged = LoggedFailures()
    globalLogPublisher.addObserver(logged)
    yield logged
    try:
        unexpected = logged.take()
        if next(_tests_run) % _FREEZE_AFTER == 0:
            gc.freeze()  # what is kept of thousands of tests would be looked at after each of them
    finally:
        globalLogPublisher.removeObserver(logged)
    left = [call for call in reactor.getDelayedCalls() if call not in earlier]
    for call in left:
        call.cancel()
    problems = [f"logged or lost:\n{failure.getTraceback()}" for failure in unexpected]
    problems += [f"left in the reactor: {call}" for call in left]
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def logged_failures(clean_reactor: LoggedFailures) -> LoggedFailures:
    """The failures that the test may expect: ``assert logged_failures.take(ZeroDivisionError)``."""
    return clean_reactor
