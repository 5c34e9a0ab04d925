"""References replaced by what they name: where that is looked for, how often, and what if it is nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import pytest
from msgspec import Raw

from ccmimolink.core.errors import FailureKind, RequestError
from ccmimolink.core.responses import Item, ItemReference, Message, UnknownItem
from ccmimolink.web.references import resolved

ROOM = 10_000
"""Bytes that the items named may hold, where the test is about something else."""


class History:
    """:ivar passes: how often it was gone through."""

    def __init__(self, *items: Item) -> None:
        self._items = items
        self.passes = 0

    def __iter__(self) -> Iterator[Item]:
        self.passes += 1
        return iter(self._items)


def said(content: str, item_id: str | None = None) -> Message:
    return Message(role="user", content=content, id=item_id)


def find_nothing(_item_ids: Iterable[str]) -> dict[str, Item]:
    return {}


def test_each_reference_becomes_the_item_in_its_place() -> None:
    named = [ItemReference(id=item_id) for item_id in ("m2", "m1", "m2")]
    items: list[Item] = [said("a"), named[0], said("b"), *named[1:]]
    one, two = said("one", "m1"), said("two", "m2")
    assert resolved(items, [one, two], find_nothing, ROOM)[0] == [said("a"), two, said("b"), one, two]
    assert items[1] == ItemReference(id="m2"), "what was given is not changed"


def test_of_several_items_with_one_id_the_latest_counts() -> None:
    history = [said("first", "m"), said("second", "m"), said("another", "n")]
    assert resolved([ItemReference(id="m")], history, find_nothing, ROOM)[0] == [said("second", "m")]


def test_the_conversation_itself_is_looked_through_first() -> None:
    asked: list[set[str]] = []

    def elsewhere(item_ids: Iterable[str]) -> dict[str, Item]:
        asked.append(set(item_ids))
        return {item_id: said("elsewhere", item_id) for item_id in asked[-1]}

    found, _ = resolved([ItemReference(id="m"), ItemReference(id="n")], [said("here", "m")], elsewhere, ROOM)
    assert found == [said("here", "m"), said("elsewhere", "n")]
    assert asked == [{"n"}]


def test_a_history_is_gone_through_once_for_all_references_and_not_at_all_without() -> None:
    history = History(*(said(str(n), f"m{n}") for n in range(20)))
    resolved([said("a")], history, find_nothing, ROOM)
    assert history.passes == 0
    resolved([ItemReference(id=f"m{n}") for n in range(20)], history, find_nothing, ROOM)
    assert history.passes == 1


def test_items_that_have_no_id_are_named_by_nothing() -> None:
    history: list[Item] = [said("x"), UnknownItem(type="odd", raw=Raw(b'{"id":"odd"}'))]
    for item_id in (None, "", "odd"):
        with pytest.raises(RequestError):
            resolved([ItemReference(id=item_id)], history, find_nothing, ROOM)


def test_what_names_nothing_is_told_by_its_place() -> None:
    with pytest.raises(RequestError, match=r"no stored item has the id 'gone\\nx{75}…'") as raised:
        resolved([said("a"), ItemReference(id="gone\n" + "x" * 75 + "y")], [], find_nothing, ROOM)
    assert raised.value.failure.param == "input[1].id"


def test_what_is_named_counts_as_often_as_it_is_named() -> None:
    item = said("x" * 1000, "m")
    size = len(msgspec.json.encode(item))
    named: list[Item] = [ItemReference(id="m")] * 3
    assert resolved(named, [item], find_nothing, 3 * size)[1] == 3 * size
    with pytest.raises(RequestError, match="MIMO_PROXY_MAX_DECOMPRESSED_BYTES") as refused:
        resolved(named, [item], find_nothing, 3 * size - 1)
    assert refused.value.failure.kind is FailureKind.BODY_TOO_LARGE
    assert refused.value.failure.param == "input[2]"
