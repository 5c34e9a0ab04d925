"""What is remembered between requests: stored responses, and the reasoning behind tool calls.

Owns two bounded memories, least recently used out. It must not read a clock, a file or a setting, and it
must not translate: items come out as they went in. Nothing here outlives the process.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Generic, TypeVar

from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.core.responses import Item, ItemReference, UnknownItem
from ccmimolink.stored_response import StoredResponse

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Lru(Generic[K, V]):
    """A mapping bounded by entries and by bytes."""

    def __init__(self, max_entries: int, max_bytes: int, size_of: Callable[[V], int]) -> None:
        if max_entries < 0 or max_bytes < 0:
            raise ValueError(f"limits must be at least 0, not {max_entries} entries and {max_bytes} bytes")
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._entries: OrderedDict[K, V] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, key: K) -> V | None:
        """The value, whose age stays as it is."""
        return self._entries.get(key)

    def touch(self, key: K) -> None:
        """Make a present key the most recently used."""
        self._entries.move_to_end(key)

    def pop(self, key: K) -> V | None:
        value = self._entries.pop(key, None)
        if value is not None:
            self.size -= self._size_of(value)
        return value

    def fits(self, size: int) -> bool:
        return size <= self._max_bytes

    def put(self, key: K, value: V) -> list[V]:
        """Keep a value that fits under an absent key, as the most recently used. Return what had to go."""
        self._entries[key] = value
        self.size += self._size_of(value)
        gone = []
        while len(self._entries) > self._max_entries or self.size > self._max_bytes:
            _, evicted = self._entries.popitem(last=False)
            self.size -= self._size_of(evicted)
            gone.append(evicted)
        return gone


class _Common:
    """Texts that are kept once, however many responses hold them."""

    def __init__(self) -> None:
        self._uses: dict[bytes, int] = {}
        self._kept: dict[bytes, bytes] = {}

    def take(self, text: bytes) -> bytes:
        """The text itself, or one like it that is kept already."""
        self._uses[text] = self._uses.get(text, 0) + 1
        return self._kept.setdefault(text, text)

    def give_back(self, text: bytes) -> None:
        self._uses[text] -= 1
        if not self._uses[text]:
            del self._uses[text], self._kept[text]


class ResponseStore:
    """Stored responses, linked to their parents, for ``previous_response_id`` and ``GET /v1/responses/{id}``.

    A response that is read or continued is used, and its ancestors with it, the oldest first. So a live chain
    is not broken in the middle, and what was stored last is there.

    :param max_entries: 0 stores nothing.
    :param max_bytes: the most that the ``size`` of all stored responses adds up to.
    """

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        self._responses: _Lru[str, StoredResponse] = _Lru(max_entries, max_bytes, lambda each: each.size)
        self._common = _Common()
        # By the hash of an item's id: a number takes less room than the id, and the item is looked at anyway.
        # There is one response with it, as a rule; else they stand by their own ids, as they were stored.
        self._owners: dict[int, StoredResponse | dict[str, StoredResponse]] = {}

    def __len__(self) -> int:
        return len(self._responses)

    @property
    def bytes(self) -> int:
        """The sizes of all stored responses together."""
        return self._responses.size

    def add(self, response: StoredResponse) -> None:
        """Store a response, in place of one with its id. One that is larger than all the room is not kept."""
        self.delete(response.id)
        if not self._responses.fits(response.size):
            return
        self._touch(self._chain(response.parent_id)[0])
        response = self._frugal(response)
        evicted = self._responses.put(response.id, response)
        for key in _item_keys(response):
            self._own(key, response)
        for gone in evicted:
            self._forget(gone)

    def _frugal(self, response: StoredResponse) -> StoredResponse:
        """The same, without anything of its own that is kept already."""
        parent = self._responses.peek(response.parent_id) if response.parent_id is not None else None
        take = self._common.take
        return replace(
            response,
            account=sys.intern(response.account),
            parent_id=response.parent_id if parent is None else parent.id,
            asked=take(response.asked),
            offered=take(response.offered),
        )

    def get(self, response_id: str) -> StoredResponse | None:
        self._touch(self._chain(response_id)[0])
        return self._responses.peek(response_id)

    def history(self, response_id: str, account: str) -> tuple[Item, ...]:
        """The conversation through this response, the oldest first: of each its input, then its output.

        :raises RequestError: ``PREVIOUS_RESPONSE_NOT_FOUND`` when it or one of its ancestors is not stored,
            or another account's.
        """
        chain, complete = self._chain(response_id)
        if chain and any(response.account != account for response in chain):
            raise RequestError(_not_found(response_id, known=False))
        if not complete:
            raise RequestError(_not_found(response_id, known=bool(chain)))
        self._touch(chain)
        return tuple(item for each in chain for item in each.items)

    def delete(self, response_id: str) -> bool:
        """Forget a response; whether there was one. Those that continue it cannot be continued any more."""
        response = self._responses.pop(response_id)
        if response is None:
            return False
        self._forget(response)
        return True

    def find_items(self, item_ids: Iterable[str], account: str) -> dict[str, Item]:
        """The account's items that references name, each as it was stored last. This is not a use.

        References themselves and items of unknown kinds are not found.
        """
        found: dict[str, Item] = {}
        owners = {item_id: self._owned(hash(item_id), account) for item_id in item_ids}
        # Each response is read once, for all that is looked for in it. It is nearly always the last.
        while owners:
            wanted: dict[str, set[str]] = {}
            for item_id, responses in owners.items():
                if responses:
                    wanted.setdefault(responses.pop().id, set()).add(item_id)
            for response_id, ids in wanted.items():
                found |= self._named(response_id, ids)
            owners = {
                item_id: responses
                for item_id, responses in owners.items()
                if responses and item_id not in found
            }
        return found

    def _named(self, response_id: str, item_ids: set[str]) -> dict[str, Item]:
        """The response's items with these ids; of several with one id the last."""
        response = self._responses.peek(response_id)
        assert response is not None
        named = ((_id_of(item), item) for item in response.items)
        return {item_id: item for item_id, item in named if item_id is not None and item_id in item_ids}

    def _own(self, key: int, response: StoredResponse) -> None:
        owners = self._owners.setdefault(key, response)
        if isinstance(owners, dict):
            owners[response.id] = response
        elif owners is not response:
            self._owners[key] = {owners.id: owners, response.id: response}

    def _owned(self, key: int, account: str) -> list[StoredResponse]:
        """The account's responses with such an item, the one that was stored last at the end."""
        owners = self._owners.get(key, {})
        responses = list(owners.values()) if isinstance(owners, dict) else [owners]
        return [each for each in responses if each.account == account]

    def _chain(self, response_id: str | None) -> tuple[list[StoredResponse], bool]:
        """The response and its ancestors as far as they are stored, the oldest first; whether that is all."""
        chain: dict[str, StoredResponse] = {}
        while response_id is not None and response_id not in chain:
            response = self._responses.peek(response_id)
            if response is None:
                break
            chain[response_id] = response
            response_id = response.parent_id
        return list(reversed(chain.values())), response_id is None

    def _touch(self, chain: list[StoredResponse]) -> None:
        for response in chain:
            self._responses.touch(response.id)

    def _forget(self, response: StoredResponse) -> None:
        """Give up what is kept for one that is not stored any more."""
        for text in (response.asked, response.offered):
            self._common.give_back(text)
        for key in _item_keys(response):
            owners = self._owners[key]
            if isinstance(owners, dict) and len(owners) > 1:
                del owners[response.id]
            else:
                del self._owners[key]


class ReasoningCache:
    """The reasoning that led to each tool call, for a client that does not send it back.

    Keyed by the account too: none reads another's thoughts.

    :param max_entries: 0 switches it off.
    :param max_bytes: the most that all texts add up to, in UTF-8; a text counts once for each call.
    """

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        # Each with its size.
        self._texts: _Lru[tuple[str, str], tuple[str, int]] = _Lru(
            max_entries, max_bytes, lambda kept: kept[1]
        )

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def bytes(self) -> int:
        """The sizes of all texts together."""
        return self._texts.size

    def put(self, account: str, call_id: str, text: str) -> None:
        """Remember a call's reasoning, in place of any before. A text larger than the room is not kept."""
        key = (account, call_id)
        self._texts.pop(key)
        # A model can emit half of a surrogate pair, which strict UTF-8 refuses.
        size = len(text.encode("utf-8", "surrogatepass"))
        if self._texts.fits(size):
            self._texts.put(key, (text, size))

    def get(self, account: str, call_id: str) -> str | None:
        """The call's reasoning, which counts as used."""
        key = (account, call_id)
        kept = self._texts.peek(key)
        if kept is None:
            return None
        self._texts.touch(key)
        return kept[0]


def _id_of(item: Item) -> str | None:
    """What the item can be referred to by."""
    return None if isinstance(item, (ItemReference, UnknownItem)) else item.id


def _item_keys(response: StoredResponse) -> set[int]:
    """The hashes of the ids of its items."""
    return set(map(hash, response.item_ids))


def _not_found(response_id: str, *, known: bool) -> Failure:
    what = "continues a response that is not stored any more" if known else "is not stored"
    return Failure(
        FailureKind.PREVIOUS_RESPONSE_NOT_FOUND,
        f"previous_response_id: {response_id[:80]!r} {what}. The proxy keeps a limited number of responses, "
        "in memory, and only those with store: true. Send the whole conversation as input instead.",
        param="previous_response_id",
    )
