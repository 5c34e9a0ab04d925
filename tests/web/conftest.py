"""A proxy in memory for each test, and a watch over the log: no key may ever stand there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from zope.interface import implementer

from tests.memory_fixtures import make_proxy as make_proxy
from tests.memory_fixtures import proxy as proxy
from tests.memory_proxy import KEY


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """All that the log says during the test, as text and with every field."""
    lines: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        lines.append(eventAsText(event) + repr(event))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


@pytest.fixture(autouse=True)
def keys_stay_out_of_the_log(logged: list[str]) -> Iterator[None]:
    yield
    assert not [line for line in logged if KEY in line or "sk-fake" in line]
