"""Input items that the upstream has no word for, and that are passed over in translation.

Owns which kinds those are and which of them were met already. It must not log by itself.
"""

from __future__ import annotations

from collections.abc import Collection

from ccmimolink.core.responses import KNOWN_ITEM_TYPES, Compaction, Item, UnknownItem

MAX_KINDS = 64
"""That are told apart. The names come from clients, and what they can make up must not fill the memory."""

_NOT_ALWAYS_TRANSLATED = frozenset({UnknownItem, Compaction})


class PassedOver:
    """The kinds that this process has met."""

    def __init__(self) -> None:
        self._met: set[str] = set()

    def first_met(self, items: Collection[Item]) -> list[str]:
        """The kinds that are met here for the first time, in order."""
        met: list[str] = []
        if _NOT_ALWAYS_TRANSLATED.isdisjoint(map(type, items)):
            return met
        for item in items:
            kind = _kind(item)
            if kind is not None and kind not in self._met and len(self._met) < MAX_KINDS:
                self._met.add(kind)
                met.append(kind)
        return met


def _kind(item: Item) -> str | None:
    """The item's kind, if it is passed over. A compaction is one: none is ours to read."""
    # A subclass is a call or an output of a kind unknown here, which is translated.
    # One of a known kind is passed over by itself, and noted by itself.
    if type(item) is UnknownItem and item.type not in KNOWN_ITEM_TYPES:
        return item.type[:80]
    return "compaction" if isinstance(item, Compaction) else None
