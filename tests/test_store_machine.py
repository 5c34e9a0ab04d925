"""Random use of the response store, beside a naive one: a list of responses, least recently used first."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ccmimolink.core.errors import RequestError
from ccmimolink.core.responses import Item, Message
from ccmimolink.store import ResponseStore
from ccmimolink.stored_response import StoredResponse
from tests.stored_response import MINE, find_item, stored_response

NAMES = st.sampled_from("abcdefg")
ITEM_IDS = st.lists(st.sampled_from(["i", "j", "k"]), max_size=2)


class StoreMachine(RuleBasedStateMachine):
    @initialize(max_entries=st.integers(0, 5), max_bytes=st.integers(0, 40))
    def build(self, max_entries: int, max_bytes: int) -> None:
        self.limits = max_entries, max_bytes
        self.store = ResponseStore(max_entries=max_entries, max_bytes=max_bytes)
        self.by_use: list[StoredResponse] = []
        self.by_arrival: list[StoredResponse] = []
        self.count = 0

    def _find(self, name: str | None) -> StoredResponse | None:
        return next((response for response in self.by_use if response.id == name), None)

    def _lineage(self, name: str | None) -> list[StoredResponse]:
        line: list[StoredResponse] = []
        found = self._find(name)
        while found is not None and found not in line:
            line.insert(0, found)
            found = self._find(found.parent_id)
        return line

    def _use(self, name: str | None) -> None:
        line = self._lineage(name)
        self.by_use = [response for response in self.by_use if response not in line] + line

    def _drop(self, response: StoredResponse | None) -> None:
        if response is not None:
            self.by_use.remove(response)
            self.by_arrival.remove(response)

    @rule(name=NAMES, parent=st.none() | NAMES, size=st.integers(0, 45), inputs=ITEM_IDS, outputs=ITEM_IDS)
    def add(self, name: str, parent: str | None, size: int, inputs: list[str], outputs: list[str]) -> None:
        self.count += 1
        own = [
            Message(role="user", content=f"{self.count}.{place}", id=id_) for place, id_ in enumerate(inputs)
        ]
        out = [Message(role="assistant", content=str(self.count), id=id_) for id_ in outputs]
        response = stored_response(name, parent, inputs=own, outputs=out, size=size)
        self.store.add(response)
        self._drop(self._find(name))
        max_entries, max_bytes = self.limits
        if max_entries == 0 or size > max_bytes:
            return
        self._use(parent)
        self.by_use.append(response)
        self.by_arrival.append(response)
        while len(self.by_use) > max_entries or sum(each.size for each in self.by_use) > max_bytes:
            self._drop(self.by_use[0])

    @rule(name=NAMES)
    def get(self, name: str) -> None:
        assert self.store.get(name) == self._find(name)
        self._use(name)

    @rule(name=NAMES)
    def history(self, name: str) -> None:
        line = self._lineage(name)
        if line and line[0].parent_id is None:
            items = [item for response in line for item in response.items]
            assert self.store.history(name, MINE) == tuple(items)
            self._use(name)
        else:
            with pytest.raises(RequestError):
                self.store.history(name, MINE)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        assert self.store.delete(name) is (self._find(name) is not None)
        self._drop(self._find(name))

    @invariant()
    def the_totals_agree(self) -> None:
        assert len(self.store) == len(self.by_use)
        assert self.store.bytes == sum(response.size for response in self.by_use)

    @invariant()
    def every_item_is_found_as_long_as_it_is_stored(self) -> None:
        last: dict[str, Item] = {}
        for response in self.by_arrival:
            for item in response.items:
                assert isinstance(item, Message)
                last[str(item.id)] = item
        assert {id_: find_item(self.store, id_, MINE) for id_ in "ijk"} == {
            id_: last.get(id_) for id_ in "ijk"
        }


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
