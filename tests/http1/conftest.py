"""The stage of the agent's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.http1.agent_stage import AgentStage, agent_stages


@pytest.fixture
def make_stage() -> Iterator[Callable[..., AgentStage]]:
    """Makes stages; each must be at rest when the test is over."""
    with agent_stages() as make:
        yield make


@pytest.fixture
def stage(make_stage: Callable[..., AgentStage]) -> AgentStage:
    return make_stage()
