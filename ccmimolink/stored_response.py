"""A stored response: what is kept of a finished one.

Owns that form, and what it takes of memory. It must not know how many are stored, nor for how long.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from zstandard import ZstdCompressor, ZstdDecompressor

from ccmimolink.core.responses import Item
from ccmimolink.core.stored_text import ResponseText, ids_in, items_in


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """One finished response and the request that led to it.

    What is its own is kept compressed: text takes half its room, and less, and reading it again costs a
    fraction of what decoding it costs.

    :ivar account: whose it is (no key, but a name for it): nobody else continues it or refers to its items.
    :ivar parent_id: the request's ``previous_response_id``.
    :ivar asked: see :class:`~ccmimolink.core.stored_text.ResponseText`.
    :ivar offered: see there.
    :ivar packed: all else of the response's text, and the request's own input.
    :ivar size: bytes that it counts for: the response and the JSON of the input, uncompressed.
    """

    id: str
    account: str
    parent_id: str | None
    asked: bytes
    offered: bytes
    packed: bytes
    size: int

    @classmethod
    def of(
        cls,
        *,
        id: str,  # noqa: A002  # what it is called everywhere else
        account: str,
        parent_id: str | None,
        input_text: bytes,
        text: ResponseText,
        size: int,
    ) -> StoredResponse:
        """
        :param input_text: this request's own input, never a copy of the history before it.
        :param text: the final Response object.
        """
        packed = _pack((input_text, text.start, text.output, text.middle, text.end))
        return cls(
            id=id,
            account=account,
            parent_id=parent_id,
            asked=text.asked,
            offered=text.offered,
            packed=packed,
            size=size,
        )

    @property
    def body(self) -> bytes:
        """The final Response object as JSON."""
        _, start, output, middle, end = _unpack(self.packed)
        return ResponseText(start, self.asked, output, middle, self.offered, end).whole()

    @property
    def input_items(self) -> list[Item]:
        return items_in(_unpack(self.packed)[0])

    @property
    def items(self) -> list[Item]:
        """The input, and then the output, as the input items of a request to come."""
        input_text, _, output, _, _ = _unpack(self.packed)
        return items_in(input_text) + items_in(output)

    @property
    def item_ids(self) -> set[str]:
        """The ids of its items."""
        input_text, _, output, _, _ = _unpack(self.packed)
        return ids_in(input_text) | ids_in(output)


_LENGTHS = Struct("<5Q")
_compressor = ZstdCompressor(level=1)
_decompressor = ZstdDecompressor()


def _pack(texts: tuple[bytes, ...]) -> bytes:
    packed = _compressor.compress(_LENGTHS.pack(*map(len, texts)) + b"".join(texts))
    # A copy: this is the beginning of a block that would have held the text as it was.
    return bytes(memoryview(packed))


def _unpack(packed: bytes) -> list[bytes]:
    joined = _decompressor.decompress(packed)
    texts, start = [], _LENGTHS.size
    for length in _LENGTHS.unpack_from(joined):
        texts.append(joined[start : start + length])
        start += length
    return texts
