"""Stored responses of given items, for tests of the store."""

from __future__ import annotations

from collections.abc import Sequence

from ccmimolink.core.responses import Item
from ccmimolink.core.stored_text import ResponseText, items_text
from ccmimolink.store import ResponseStore
from ccmimolink.stored_response import StoredResponse

MINE, ANOTHERS = "mine", "another's"


def stored_response(
    name: str,
    parent: str | None = None,
    *,
    inputs: Sequence[Item] = (),
    outputs: Sequence[Item] = (),
    size: int = 10,
    account: str = MINE,
) -> StoredResponse:
    return StoredResponse.of(
        id=name,
        account=account,
        parent_id=parent,
        input_text=items_text(inputs),
        text=ResponseText(b"{", b'"output":', items_text(outputs), b"", b"", b"}"),
        size=size,
    )


def find_item(store: ResponseStore, item_id: str, account: str) -> Item | None:
    return store.find_items([item_id], account).get(item_id)
