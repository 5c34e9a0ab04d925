"""The table of a response's life."""

from __future__ import annotations

import pytest

from ccmimolink.core.states import TERMINAL, TRANSITIONS, IllegalStep, State, Step, advance


def reachable(start: State) -> set[State]:
    seen, todo = {start}, [start]
    while todo:
        for state in TRANSITIONS[todo.pop()].values():
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return seen


def test_every_state_has_its_row_and_is_reached() -> None:
    assert set(TRANSITIONS) == set(State) == reachable(State.IDLE)


def test_every_step_is_used() -> None:
    assert {step for row in TRANSITIONS.values() for step in row} == set(Step)


def test_terminal_states_are_those_without_a_way_on() -> None:
    assert {state for state, row in TRANSITIONS.items() if not row} == TERMINAL


@pytest.mark.parametrize("state", set(State) - TERMINAL)
def test_every_life_can_end(state: State) -> None:
    assert reachable(state) & TERMINAL


@pytest.mark.parametrize("state", [State.REASONING, State.MESSAGE, State.CALL])
def test_an_open_item_must_be_closed_or_given_up_first(state: State) -> None:
    assert set(TRANSITIONS[state]) == {Step.CLOSE, Step.ABANDON}


def test_only_a_turn_that_ended_is_completed() -> None:
    assert [state for state, row in TRANSITIONS.items() if Step.COMPLETE in row] == [State.ENDED]


def test_a_step_that_the_table_has_not_is_refused() -> None:
    assert advance(State.IDLE, Step.CREATE) is State.BETWEEN_ITEMS
    with pytest.raises(IllegalStep, match="CLOSE in state IDLE"):
        advance(State.IDLE, Step.CLOSE)
