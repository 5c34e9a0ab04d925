"""The fixture that guards the other tests is itself one that must be able to fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

GUARDED_TESTS = """
import pytest
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure


def log_failure():
    Logger().failure("it broke", Failure(ZeroDivisionError("on purpose")))


def lose_in_a_cycle():
    lost = Deferred()
    lost.addErrback(lambda failure, cycle=lost: failure)
    lost.errback(ZeroDivisionError("on purpose"))


def test_bad_logged():
    log_failure()


def test_bad_lost():
    fail(ZeroDivisionError("on purpose"))


def test_bad_lost_in_a_cycle():
    lose_in_a_cycle()


def test_bad_call_left():
    from twisted.internet import reactor
    reactor.callLater(3600, log_failure)


def test_bad_another_kind_was_taken(logged_failures):
    log_failure()
    assert logged_failures.take(KeyError) == []


def test_good_nothing():
    pass


def test_good_taken(logged_failures):
    log_failure()
    assert len(logged_failures.take(ZeroDivisionError)) == 1


def test_good_lost_and_taken(logged_failures):
    lose_in_a_cycle()
    assert len(logged_failures.take()) == 1


def test_good_call_cancelled():
    from twisted.internet import reactor
    reactor.callLater(3600, log_failure).cancel()


def test_good_error_handled():
    fail(ZeroDivisionError()).addErrback(lambda _: None)
"""


@pytest.fixture(scope="module")
def blamed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Whether each guarded test was made to fail, from a run of its own with the project's conftest."""
    room = tmp_path_factory.mktemp("guarded")
    (room / "conftest.py").write_bytes((Path(__file__).parent / "conftest.py").read_bytes())
    (room / "pytest.ini").write_text("[pytest]\n")
    (room / "test_guarded.py").write_text(GUARDED_TESTS)
    report = room / "report.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", str(room)],
        cwd=room,
        capture_output=True,
        timeout=60,
        check=False,
    )
    cases = ElementTree.parse(report).getroot().iter("testcase")
    found: dict[str, bool] = {}
    for case in cases:
        name = str(case.get("name"))
        found[name] = found.get(name, False) or case.find("error") is not None
    return found


def test_every_kind_of_dirt_is_blamed_on_the_test_that_made_it(blamed: dict[str, bool]) -> None:
    assert {name for name, dirty in blamed.items() if dirty} == {
        "test_bad_logged",
        "test_bad_lost",
        "test_bad_lost_in_a_cycle",
        "test_bad_call_left",
        "test_bad_another_kind_was_taken",
    }


def test_a_clean_test_is_left_alone(blamed: dict[str, bool]) -> None:
    assert {name for name, dirty in blamed.items() if not dirty} == {
        "test_good_nothing",
        "test_good_taken",
        "test_good_lost_and_taken",
        "test_good_call_cancelled",
        "test_good_error_handled",
    }
