"""The life of a streamed response, as data.

Everything that decides whether a step is legal must live in this file. :mod:`ccmimolink.core.stream` decides
when a step is due; a step that is not in the table is a bug there, not an input error.

    IDLE -> BETWEEN_ITEMS <-> REASONING | MESSAGE | CALL
                 |
               ENDED -> COMPLETED | INCOMPLETE | FAILED

Items are opened and closed one at a time. ABANDON leaves an item that will never be done: what it holds was
shown but is not part of the response.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


class State(enum.Enum):
    IDLE = "nothing was sent"
    BETWEEN_ITEMS = "the response is open, no item is"
    REASONING = "a reasoning item is open"
    MESSAGE = "a message item is open"
    CALL = "a call item is open"
    ENDED = "the upstream finished its turn; its usage may still come"
    COMPLETED = "response.completed was sent"
    INCOMPLETE = "response.incomplete was sent"
    FAILED = "response.failed was sent"


class Step(enum.Enum):
    CREATE = "response.created"
    OPEN_REASONING = "output_item.added (reasoning)"
    OPEN_MESSAGE = "output_item.added (message)"
    OPEN_CALL = "output_item.added (a call)"
    CLOSE = "output_item.done"
    ABANDON = "the open item is given up"
    END = "the upstream finished its turn"
    COMPLETE = "response.completed"
    INCOMPLETE = "response.incomplete"
    FAIL = "response.failed"


_CLOSING = {Step.CLOSE: State.BETWEEN_ITEMS, Step.ABANDON: State.BETWEEN_ITEMS}

TRANSITIONS: Mapping[State, Mapping[Step, State]] = {
    State.IDLE: {Step.CREATE: State.BETWEEN_ITEMS},
    State.BETWEEN_ITEMS: {
        Step.OPEN_REASONING: State.REASONING,
        Step.OPEN_MESSAGE: State.MESSAGE,
        Step.OPEN_CALL: State.CALL,
        Step.END: State.ENDED,
        Step.FAIL: State.FAILED,
    },
    State.REASONING: _CLOSING,
    State.MESSAGE: _CLOSING,
    State.CALL: _CLOSING,
    State.ENDED: {
        Step.COMPLETE: State.COMPLETED,
        Step.INCOMPLETE: State.INCOMPLETE,
        Step.FAIL: State.FAILED,
    },
    State.COMPLETED: {},
    State.INCOMPLETE: {},
    State.FAILED: {},
}

TERMINAL = frozenset({State.COMPLETED, State.INCOMPLETE, State.FAILED})


class IllegalStep(Exception):
    """A step that the table does not have. Nothing was changed."""


def advance(state: State, step: Step) -> State:
    """The state after the step.

    :raises IllegalStep: the table has no such step.
    """
    try:
        return TRANSITIONS[state][step]
    except KeyError:
        raise IllegalStep(f"{step.name} in state {state.name}") from None
