"""References to items that are stored: each replaced by the item that it names.

Owns where a named item is looked for. It must not store anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.core.responses import Item, ItemReference, UnknownItem
from ccmimolink.web.log_text import clipped


def resolved(
    items: Sequence[Item],
    history: Iterable[Item],
    find: Callable[[Iterable[str]], Mapping[str, Item]],
    limit: int,
) -> tuple[list[Item], int]:
    """The request's own items without references, and the bytes that the items named hold.

    Ids that clients make up are not unique: the conversation itself is looked through first, and of several
    items with one id the latest counts.

    :param history: the stored conversation that the request continues.
    :param find: those of the items of these ids that stand in other conversations of the same account.
    :param limit: the most bytes that the items named may hold, each as often as it is named.
    :raises RequestError: nothing has the id that is named, or the items named hold more.
    """
    found = list(items)
    if ItemReference not in map(type, items):
        return found, 0
    references = [(at, item.id or "") for at, item in enumerate(items) if isinstance(item, ItemReference)]
    known = _by_id(history)
    elsewhere = {item_id for _, item_id in references if item_id not in known}
    known = {**find(elsewhere), **known} if elsewhere else known
    sizes: dict[str, int] = {}
    size = 0
    for at, item_id in references:
        item = known.get(item_id)
        if item is None:
            place = f"input[{at}].id"
            message = f"{place}: no stored item has the id '{clipped(item_id)}'. Send the item itself."
            raise RequestError(Failure(FailureKind.INVALID_REQUEST, message, param=place))
        found[at] = item
        if item_id not in sizes:
            sizes[item_id] = len(msgspec.json.encode(item))
        size += sizes[item_id]
        if size > limit:
            message = (
                f"input[{at}]: the items that the request refers to hold more than {limit} bytes together "
                "(MIMO_PROXY_MAX_DECOMPRESSED_BYTES)."
            )
            raise RequestError(Failure(FailureKind.BODY_TOO_LARGE, message, param=f"input[{at}]"))
    return found, size


def _by_id(items: Iterable[Item]) -> dict[str, Item]:
    return {item.id: item for item in items if not isinstance(item, UnknownItem) and item.id is not None}
