"""The core does not do more than it did: instructions of a delta and of a request, against what was recorded.

A figure that went down is recorded again, so that what was gained is kept:
``python -m tests.instructions.counting --record``.
"""

from __future__ import annotations

import json

import pytest

from tests.instructions.counting import FIGURES, MANY, all_counted, version

TOLERANCE = 0.05
"""Processors differ in how they copy and compare memory."""

RECORDED = json.loads(FIGURES.read_text())
pytestmark = pytest.mark.instructions


@pytest.fixture(scope="module")
def counts() -> dict[str, int]:
    assert version() in RECORDED, (
        "record the figures of this Python: python -m tests.instructions.counting --record"
    )
    return all_counted()


@pytest.mark.parametrize("task", MANY)
def test_a_unit_of_work_takes_no_more_than_was_recorded(task: str, counts: dict[str, int]) -> None:
    assert counts[task] <= RECORDED[version()][task] * (1 + TOLERANCE)


@pytest.mark.parametrize("task", MANY)
def test_the_figure_is_recorded_anew_when_much_was_gained(task: str, counts: dict[str, int]) -> None:
    assert counts[task] >= RECORDED[version()][task] * (1 - 3 * TOLERANCE)
