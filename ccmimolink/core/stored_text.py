"""What is stored of a response, as text: the items that it was made from, and the response object.

Owns that form. As text a conversation takes a fraction of what its items do, and what is said alike in every
response of a client stands apart, so that it can be kept once. It must not know where the text is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct, structs

from ccmimolink.core.events import Response, encode_response
from ccmimolink.core.nesting import prune
from ccmimolink.core.raw_json import string_in
from ccmimolink.core.request_body import parse_items
from ccmimolink.core.responses import Item, UnknownItem

_NO_OUTPUT = b'"output":[]'


class _Identity(Struct):
    id: Raw = Raw(b"null")


_identities_decoder = msgspec.json.Decoder(list[_Identity])
_encode = msgspec.json.Encoder().encode


def items_text(items: Sequence[Item]) -> bytes:
    """The items as one JSON text, those of kinds unknown here as they came."""
    return _text([item.raw if isinstance(item, UnknownItem) else item for item in items])


def items_in(text: bytes) -> list[Item]:
    """The items of which :func:`items_text` made the text, or the output of a response object as input."""
    try:
        return parse_items(text)
    except RecursionError:  # read with less of the stack left than it was written with
        return parse_items(prune(text)[0])


def ids_in(text: bytes) -> set[str]:
    """The ids in a text of items, whichever of them can be referred to by it."""
    try:
        identities = _identities_decoder.decode(text)
    except RecursionError:
        identities = _identities_decoder.decode(prune(text)[0])
    ids = (string_in(item.id) for item in identities)
    return {item_id for item_id in ids if item_id is not None}


class ResponseText(Struct, frozen=True, gc=False):
    """A response object as JSON, in pieces that follow one another.

    :ivar asked: what echoes the request before the output: its instructions and limits, and the model.
    :ivar output: the output items, a JSON array.
    :ivar offered: what echoes the request behind the output, the tools among it.
    """

    start: bytes
    asked: bytes
    output: bytes
    middle: bytes
    offered: bytes
    end: bytes

    def __len__(self) -> int:
        return sum(map(len, structs.astuple(self)))

    def whole(self) -> bytes:
        return b"".join(structs.astuple(self))


def response_text(response: Response) -> ResponseText:
    """The very bytes of :func:`ccmimolink.core.events.encode_response`.

    Where a piece begins is of no consequence for the whole. It is found by names of fields, with quotes that
    no string of a client's can hold unescaped.
    """
    shell = encode_response(structs.replace(response, output=()))
    before, _, behind = shell.partition(_NO_OUTPUT)
    start, asked = _cut(before, before.find(b',"instructions":'))
    middle, rest = _cut(behind, behind.find(b',"prompt_cache_key":'))
    offered, end = _cut(rest, rest.rfind(b',"usage":'))
    return ResponseText(start, asked + b'"output":', _text(response.output), middle, offered, end)


def _text(value: object) -> bytes:
    # A copy: what the encoder gives is the beginning of a larger block, and the rest would lie waste.
    return bytes(memoryview(_encode(value)))


def _cut(text: bytes, place: int) -> tuple[bytes, bytes]:
    return (text[:place], text[place:]) if place >= 0 else (text, b"")
