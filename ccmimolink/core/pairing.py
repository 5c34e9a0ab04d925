"""Which output answers which call of a history.

Owns the pairing. It must not write messages, and every decision but the search for an output looks back only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import cast, get_args

from msgspec import UNSET

from ccmimolink.core.responses import (
    CustomToolCall,
    CustomToolCallOutput,
    ForeignCall,
    ForeignOutput,
    FunctionCall,
    FunctionCallOutput,
    Item,
    LocalShellCall,
    LocalShellCallOutput,
    ToolSearchCall,
    ToolSearchOutput,
)

Call = FunctionCall | CustomToolCall | ToolSearchCall | LocalShellCall | ForeignCall
OutputItem = (
    FunctionCallOutput | CustomToolCallOutput | ToolSearchOutput | LocalShellCallOutput | ForeignOutput
)
Result = OutputItem | ForeignCall
"""Where the outcome of a call stands: in an item of its own, or in the call."""

# Thousands of items are asked what they are, and a set of types answers faster than a union of them.
CALL_TYPES = frozenset(get_args(Call))
OUTPUT_TYPES = frozenset(get_args(OutputItem))


def paired(items: Sequence[Item]) -> tuple[Mapping[int, Result], frozenset[int]]:
    """Each answered call's result, by the call's position, and the positions of outputs that answer none.

    Calls that share an id are answered in order. An output never answers a call that comes after it.
    """
    outputs: dict[int, Result] = {}
    orphans = []
    waiting = _Waiting()
    for position, item in enumerate(items):
        kind = type(item)
        if kind in CALL_TYPES:
            if isinstance(item, ForeignCall) and item.output is not UNSET:
                outputs[position] = item
            else:
                waiting.add(cast(Call, item), position)
        elif kind in OUTPUT_TYPES:
            output = cast(OutputItem, item)
            call = waiting.answered_by(output)
            if call is None:
                orphans.append(position)
            else:
                outputs[call] = output
    return outputs, frozenset(orphans)


class _Waiting:
    """The calls that have no output yet, by position.

    A shell call is known by two names: what clients of the API call its output by is the ``id`` of the call's
    item, while Codex and others use the ``call_id``. Another call is named by its ``id`` where it has no
    ``call_id``.
    """

    def __init__(self) -> None:
        self._by_key: _Positions = {}
        self._shells_by_id: _Positions = {}
        self._nameless_by_id: _Positions = {}
        self._answered: set[int] = set()

    def add(self, call: Call, position: int) -> None:
        _note(self._by_key, key_of(call), position)
        if isinstance(call, LocalShellCall) and call.id:
            _note(self._shells_by_id, call.id, position)
        elif not isinstance(call, ForeignCall) and not call.call_id and call.id:
            _note(self._nameless_by_id, call.id, position)

    def answered_by(self, item: OutputItem) -> int | None:
        """The first call that the item can answer, which then waits no longer."""
        call = self._first(self._by_key, key_of(item))
        if call is None and isinstance(item, LocalShellCallOutput) and item.id:
            call = self._first(self._shells_by_id, item.id)
        elif call is None and item.call_id:
            call = self._first(self._nameless_by_id, item.call_id)
        if call is not None:
            self._answered.add(call)
        return call

    def _first(self, positions: _Positions, key: str) -> int | None:
        calls = positions.get(key)
        if calls is None:
            return None
        if isinstance(calls, int):
            return None if calls in self._answered else calls
        while calls:
            call = calls.popleft()
            if call not in self._answered:
                return call
        return None


_Positions = dict[str, int | deque[int]]
"""Calls by a key: nearly always there is one, and a queue for each would cost more than all the rest."""


def _note(positions: _Positions, key: str, position: int) -> None:
    known = positions.setdefault(key, position)
    if isinstance(known, deque):
        known.append(position)
    elif known != position:
        positions[key] = deque((known, position))


def key_of(item: Call | OutputItem) -> str:
    """What pairs a call with its output. Clients may give local shell items an ``id`` only."""
    if item.call_id:
        return item.call_id
    return (item.id or "") if isinstance(item, (LocalShellCall, LocalShellCallOutput)) else ""
