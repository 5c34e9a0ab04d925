"""Which events reach the log file: each once, and not what Twisted says too often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogEvent, LogLevel, LogPublisher, formatEventAsClassicLogText
from twisted.python.failure import Failure

from ccmimolink.log_events import nowhere, observer_of
from ccmimolink.log_file import LogFile


def event(namespace: str, said: str, level: Any = LogLevel.info) -> LogEvent:
    return {"log_namespace": namespace, "log_format": said, "log_level": level, "log_time": 0.0}


def written(directory: Path, *events: LogEvent, beside: Any = None) -> str:
    file = LogFile(directory / "proxy.log", max_bytes=100_000, kept=1, tell=lambda _what: None)
    observers = [observer_of(file)] if beside is None else [beside, observer_of(file)]
    publisher = LogPublisher(*observers)
    for each in events:
        publisher(each)
    file.close()
    return (directory / "proxy.log").read_text()


def test_what_is_ours_is_written_and_what_is_said_of_each_connection_is_not(tmp_path: Path) -> None:
    text = written(
        tmp_path,
        event("ccmimolink.web", "ours"),
        event("twisted.web.client._HTTP11ClientFactory", "starting"),
        event("twisted.internet.tcp.Port", "no descriptor"),
        event("twisted.internet.tcp.Port", "broken", LogLevel.critical),
    )
    assert [line.rpartition("] ")[2] for line in text.splitlines()] == ["ours", "broken"]


def test_that_the_terminal_is_gone_is_told_once(tmp_path: Path) -> None:
    def broken(_event: LogEvent) -> None:
        raise OSError("the terminal is gone")

    events = [event("ccmimolink.web", f"line {number}") for number in range(5)]
    text = written(tmp_path, *events, beside=broken)
    assert text.count("Temporarily disabling observer") == 1
    assert all(f"line {number}" in text for number in range(5))


def test_there_is_an_observer_that_writes_nowhere(tmp_path: Path) -> None:
    nowhere()(event("ccmimolink.web", "ours"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("when", [0.0, 0.9, 1.0, 86_400.5, 1_790_000_000.25, 1_790_000_000.75, None])
def test_a_line_is_as_twisted_writes_it(tmp_path: Path, when: float | None) -> None:
    one = event("ccmimolink.web", "said\nin two lines") | {"log_time": when}
    other = event("ccmimolink.web", "failed") | {"log_time": when, "log_failure": Failure(ValueError("why"))}
    expected = "".join(formatEventAsClassicLogText(each) or "" for each in (one, other))
    assert written(tmp_path, one, other) == expected
