"""The body of a request, from bytes to the Responses API vocabulary.

Owns the order of the decoding: what needs a repair before anything can be read, then all at once, and where
something is odd the envelope, then items and tools one by one, so that an odd one costs itself only. It must
not translate anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from ccmimolink.core.decoding import Notes, decoded, refusal
from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.core.nesting import MAX_DEPTH, prune
from ccmimolink.core.odd_items import coerced_item, coerced_message
from ccmimolink.core.raw_json import begins_with, is_null, members_in, string_in
from ccmimolink.core.request_checks import check_body, check_kind, check_request
from ccmimolink.core.responses import (
    KNOWN_ITEM_TYPES,
    ForeignCall,
    ForeignOutput,
    Item,
    ItemReference,
    KnownItem,
    Message,
    RequestFields,
    ResponsesRequest,
    UnknownItem,
)
from ccmimolink.core.surrogates import mend
from ccmimolink.core.tool_entries import parse_tools

_Input = TypeVar("_Input")


class _Envelope(RequestFields, Generic[_Input], kw_only=True, frozen=True):
    input: _Input | UnsetType = UNSET
    tools: Raw = Raw(b"[]")
    max_output_tokens: Any = None
    tool_choice: str | dict[str, Any] | None = None
    stream: bool | None = None
    store: bool | None = None
    include: list[str] | None = None
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None


class _Kind(Struct):
    type: str | UnsetType | None = UNSET
    role: Raw = Raw(b"null")
    id: Raw = Raw(b"null")


_read_decoder: msgspec.json.Decoder[_Envelope[Any]] = msgspec.json.Decoder(
    _Envelope[list[KnownItem] | str | None]
)
_envelope_decoder: msgspec.json.Decoder[_Envelope[Any]] = msgspec.json.Decoder(_Envelope[Raw])
_raw_list_decoder = msgspec.json.Decoder(list[Raw])
_item_decoder: msgspec.json.Decoder[Item] = msgspec.json.Decoder(KnownItem)
_items_decoder: msgspec.json.Decoder[list[Item]] = msgspec.json.Decoder(list[KnownItem])
_message_decoder = msgspec.json.Decoder(Message)
_kind_decoder = msgspec.json.Decoder(_Kind)
_string_decoder = msgspec.json.Decoder(str)

_DEFAULTED = ("tool_choice", "stream", "store", "include")
"""A null means the default here."""

_EXACT = 2**53
"""Up to here a float says which whole number it is."""

_UNSUPPORTED = ("background", "conversation", "prompt")

_OUTPUT_MEMBERS = ("output", "outputs", "error")
"""Where an item says what came of a call, also a call that its provider ran (``mcp_call`` and others)."""


def parse_request(body: bytes) -> ResponsesRequest:
    """Decode a request body.

    What no decoder reads is replaced: halves of characters, and, if anything is nested beyond reading, all
    that is nested deeper than ``MAX_DEPTH`` levels. Items and tools with odd fields are repaired where that
    is safe. The request's ``notes`` say what was done.

    :raises RequestError: the body is not JSON, not an object, a field has the wrong type or a value out of
        its range, it would take too long to repair, or it asks for what is not supported. The message names
        the field by its path (``input[3].call_id``), which is also the error's ``param``.
    """
    check_body(body)
    repairs = []
    mended = mend(body)
    if mended != body:
        repairs.append("halves of characters were replaced")
    try:
        request = _parse(mended)
    except RecursionError:
        pruned, count = prune(mended)
        repairs.append(f"values nested deeper than {MAX_DEPTH} levels were replaced by null ({count})")
        request = _parse(pruned)
    check_request(request)
    return replace(request, notes=(*repairs, *request.notes)) if repairs else request


def _parse(body: bytes) -> ResponsesRequest:
    try:
        envelope = _read_decoder.decode(body)
    except msgspec.DecodeError:
        # Something is odd. What it is, and what is to be done about it, is found out bit by bit.
        envelope = decoded(_envelope_decoder, body, "")
    for name in _UNSUPPORTED:
        if getattr(envelope, name):
            raise RequestError(
                Failure(
                    FailureKind.UNSUPPORTED,
                    f"'{name}' is not supported here. Send the whole request without it.",
                    param=name,
                )
            )
    values = {name: getattr(envelope, name) for name in RequestFields.__struct_fields__}
    for name in _DEFAULTED:
        if (value := getattr(envelope, name)) is not None:
            values[name] = value
    values["max_output_tokens"] = _whole(envelope.max_output_tokens, "max_output_tokens")
    notes = Notes()
    items = _input(envelope.input, notes)
    # A copy: what stays raw of the tools lives longer than the body, which is large, should.
    written_tools = Raw(bytes(envelope.tools))
    raw_tools = _parse_list(written_tools, "tools")
    return ResponsesRequest(
        input=items,
        tools=parse_tools(written_tools, raw_tools, notes),
        raw_tools=raw_tools,
        notes=notes.lines(),
        **values,
    )


def _whole(value: object, path: str) -> int | None:
    """A whole number, which clients that know one type of numbers write as ``1000.0``."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        value = int(value)
    try:
        return msgspec.convert(value, int | None)
    except msgspec.ValidationError as error:
        raise refusal(error, path) from error


MAX_ELEMENTS = 100_000
"""Of ``input`` and of ``tools``. More than any model's window holds, and about a second of work."""


def _parse_list(raw: Raw, path: str) -> list[Raw]:
    if is_null(raw):
        return []
    elements = decoded(_raw_list_decoder, raw, path)
    _check_length(elements, path)
    return elements


def _check_length(elements: Sequence[object], path: str) -> None:
    if len(elements) > MAX_ELEMENTS:
        message = f"{path}: holds {len(elements)} elements, and no model takes more than {MAX_ELEMENTS}."
        raise RequestError(Failure(FailureKind.INVALID_REQUEST, message, param=path))


def _input(given: Raw | list[Item] | str | UnsetType | None, notes: Notes) -> list[Item]:
    """The input, of which the items are read already if they are as they should be."""
    if isinstance(given, Raw):
        if is_null(given):
            return []
        given = (
            decoded(_string_decoder, given, "input")
            if begins_with(given, b'"')
            else parse_items(given, notes)
        )
    if isinstance(given, str):
        return [Message(role="user", content=given)]
    items = given or []
    _check_length(items, "input")
    return items


def parse_items(raw: Raw | bytes, notes: Notes | None = None) -> list[Item]:
    """Decode a list of input items; see :func:`parse_item` for each of them.

    :raises RequestError: it is no list, too long, or one of its members is no item.
    """
    try:
        items = _items_decoder.decode(raw)
    except msgspec.DecodeError:
        # One of them is odd. Which one, and what is to be done about it, is found out one by one.
        raws = _parse_list(Raw(raw), "input")
        return [parse_item(item, f"input[{index}]", notes) for index, item in enumerate(raws)]
    _check_length(items, "input")
    return items


def parse_item(raw: Raw | bytes, path: str, notes: Notes | None = None) -> Item:
    """Decode one input item.

    An item without ``type`` is a message if it has a ``role``, else a reference if it has an ``id``. One of
    an unknown kind becomes :class:`UnknownItem` or one of its subclasses, so that a client with a wider
    vocabulary than ours is served. One of a known kind with a wrong type in it is repaired where it echoes
    what happened (:mod:`ccmimolink.core.odd_items`).

    :param path: where it stands in the request, for messages.
    :param notes: gets what was repaired.
    :raises RequestError: it is no item, or a message or reference that cannot be understood. What is no
        object, or says neither its kind nor its role, may be something that a user said, so that it is not
        passed over.
    """
    try:
        return _item_decoder.decode(raw)
    except msgspec.ValidationError as error:
        return _odd_item(Raw(raw), error, path, Notes() if notes is None else notes)
    except msgspec.DecodeError as error:
        raise refusal(error, path) from error


def _odd_item(raw: Raw, error: msgspec.ValidationError, path: str, notes: Notes) -> Item:
    kind = decoded(_kind_decoder, raw, path)
    if isinstance(kind.type, str):
        if kind.type in KNOWN_ITEM_TYPES:
            return coerced_item(kind.type, raw, error, path, notes)
        check_kind(kind.type, path)
        # A copy: an item may be stored, the body must not be.
        return _foreign(kind.type, Raw(bytes(raw)))
    if begins_with(kind.role, b'"'):
        return _untyped_message(raw, path, notes)
    item_id = string_in(kind.id)
    if item_id is not None:
        return ItemReference(id=item_id)
    raise RequestError(
        Failure(
            FailureKind.INVALID_REQUEST,
            f"{path}: an item needs a 'type' (or a 'role', which makes it a message).",
            param=path,
        )
    ) from error


def _untyped_message(raw: Raw, path: str, notes: Notes) -> Message:
    try:
        return _message_decoder.decode(raw)
    except msgspec.ValidationError as error:
        return coerced_message(raw, error, path, notes)


def _foreign(kind: str, raw: Raw) -> UnknownItem:
    """An item of a kind without a shape: as a call or an output where it says enough to be one."""
    if not kind.endswith(("_call", "_call_output")):
        return UnknownItem(type=kind, raw=raw)
    members = members_in(raw)
    call_id = string_in(members.get("call_id")) or ""
    output = next((members[name] for name in _OUTPUT_MEMBERS if not is_null(members.get(name))), UNSET)
    if kind.endswith("_output"):
        if call_id:
            return ForeignOutput(type=kind, raw=raw, call_id=call_id, members=members, output=output)
    elif call_id or output is not UNSET:
        return ForeignCall(type=kind, raw=raw, call_id=call_id, members=members, output=output)
    return UnknownItem(type=kind, raw=raw)
