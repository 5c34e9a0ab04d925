"""Input items that the typed decode refuses: read member by member, and made what they must have meant.

Owns the coercions. It must not be on the way of items as the API documents them: those get one typed decode,
and come here only if that fails.

An agent sends its whole history with every turn, so that an item which is refused once ends the session. What
merely echoes what was done (calls, their outputs, thinking, tools that were found) is therefore read whatever
it holds: a member that cannot be read counts as absent, an entry of a list costs itself only. Messages are
another matter: one that lost words would be answered as if they had never been said. Only what cannot be
mistaken is repaired there; the rest is refused by its path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_args

import msgspec
from msgspec import Raw, Struct

from ccmimolink.core.decoding import Notes, decoded, refusal
from ccmimolink.core.media import TEXT_KINDS
from ccmimolink.core.raw_json import (
    begins_with,
    is_null,
    json_text,
    list_in,
    members_in,
    object_in,
    string_in,
    value_in,
    word_in,
)
from ccmimolink.core.responses import (
    AgentMessage,
    Content,
    ContentPart,
    CustomToolCall,
    FunctionCall,
    Item,
    KnownItem,
    LocalShellCall,
    Message,
    Output,
    ToolSearchCall,
    UnknownItem,
)
from ccmimolink.core.tool_entries import readable_tools

MAX_REPAIRS = 10_000
"""Of one request, in about a second. A client that needs more has no history to lose, but a fault."""


class _MessageHead(Struct):
    role: str
    content: Raw = Raw(b"null")


_head_decoder = msgspec.json.Decoder(_MessageHead)
_content_decoder: msgspec.json.Decoder[Content | None] = msgspec.json.Decoder(Content | None)
_part_decoder = msgspec.json.Decoder(ContentPart)

_KINDS: Mapping[str, type[KnownItem]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(KnownItem)
}
_PART_WORDS = ("text", "refusal", "detail", "file_id", "file_url", "file_data", "filename")


def coerced_item(kind: str, raw: Raw, error: msgspec.ValidationError, path: str, notes: Notes) -> Item:
    """The item of a known kind that the JSON object means.

    :param error: why the typed decode refused it.
    :param path: where it stands in the request.
    :param notes: gets a note of what was repaired, left out or passed over.
    :raises RequestError: it is a message or a reference that could mean several things, or nothing.
    """
    if kind == "message":
        return coerced_message(raw, error, path, notes)
    if kind == "item_reference":
        raise refusal(error, path) from error
    told = len(notes)
    if told >= MAX_REPAIRS:
        raise refusal(error, path) from error
    item = _echoed(_KINDS[kind], members_in(raw), path, notes)
    if isinstance(item, FunctionCall | CustomToolCall) and not (item.name or item.call_id):
        notes.add(f"{refusal(error, path).failure.message} The item was passed over.")
        return UnknownItem(type=kind, raw=Raw(bytes(raw)))
    if len(notes) == told:
        notes.add(_repaired(error, path))
    return item


def coerced_message(raw: Raw, error: msgspec.ValidationError, path: str, notes: Notes) -> Message:
    """The message that the JSON object means. See :func:`coerced_item`."""
    head = decoded(_head_decoder, raw, path)
    members = members_in(raw)
    part_kind = "output_text" if head.role == "assistant" else "input_text"
    message = Message(
        id=word_in(members.get("id")),
        role=head.role,
        content=_spoken(head.content, part_kind, f"{path}.content"),
        phase=string_in(members.get("phase")),
    )
    notes.add(_repaired(error, path))
    return message


def _repaired(error: msgspec.ValidationError, path: str) -> str:
    return f"{refusal(error, path).failure.message} The item was repaired."


# -- what is said -----------------------------------------------------------------------------------------


def _spoken(raw: Raw, part_kind: str, path: str) -> Content | None:
    entries = list_in(raw)
    if entries is not None:
        return [_spoken_part(entry, part_kind, f"{path}[{index}]") for index, entry in enumerate(entries)]
    if begins_with(raw, b"{"):
        return [_spoken_part(raw, part_kind, path)]
    return decoded(_content_decoder, raw, path)


def _spoken_part(raw: Raw, part_kind: str, path: str) -> ContentPart:
    try:
        return _part_decoder.decode(raw)
    except msgspec.ValidationError as error:
        part = _text_part(raw, part_kind)
        if part is None:
            raise refusal(error, path) from error
        return part


def _text_part(raw: Raw, part_kind: str) -> ContentPart | None:
    """The part, if it is unmistakably text: a string, or an object of no other kind that has a ``text``.

    :param part_kind: what the part is where it does not say it.
    """
    text = string_in(raw)
    if text is None:
        members = members_in(raw)
        text = string_in(members.get("text"))
        if not is_null(members.get("type")):
            part_kind = string_in(members["type"]) or ""
    return None if text is None or part_kind not in TEXT_KINDS else ContentPart(type=part_kind, text=text)


# -- what is echoed ---------------------------------------------------------------------------------------


def _text(raw: Raw) -> str:
    """A text that some clients send as the JSON that it holds."""
    if is_null(raw):
        return ""
    text = string_in(raw)
    return json_text(raw) if text is None else text


def _part(raw: Raw, part_kind: str) -> ContentPart | None:
    """The part with as much of it as can be read, or None where it is none."""
    try:
        return _part_decoder.decode(raw)
    except msgspec.ValidationError:
        members = members_in(raw)
        kind = string_in(members.get("type"))
        if kind is None:
            return _text_part(raw, part_kind)
        image = members.get("image_url")
        return ContentPart(
            type=kind,
            image_url=string_in(image) or string_in(members_in(image).get("url")),
            input_audio=object_in(members.get("input_audio")),
            data=string_in(members.get("data")),
            mime_type=string_in(members.get("mimeType")),
            resource=object_in(members.get("resource")),
            **{name: string_in(members.get(name)) for name in _PART_WORDS},
        )


def _thoughts(raw: Raw, part_kind: str) -> list[ContentPart] | None:
    if is_null(raw):
        return None
    entries = list_in(raw)
    parts = (_part(entry, part_kind) for entry in ([raw] if entries is None else entries))
    return [part for part in parts if part is not None]


def _output(raw: Raw) -> Output | None:
    """What a tool returned: as the API has it, else as JSON, so that the model sees it in any case."""
    if is_null(raw):
        return None
    entries = list_in(raw)
    if entries is not None:
        return [_part(entry, "input_text") or _json_part(entry) for entry in entries if not is_null(entry)]
    return members_in(raw) if begins_with(raw, b"{") else _text(raw)


def _json_part(raw: Raw) -> ContentPart:
    return ContentPart(type="input_text", text=json_text(raw))


def _action(raw: Raw) -> dict[str, Any] | None:
    """What a shell was told: an action says little more than its command, which some clients give alone."""
    if begins_with(raw, b"{") or is_null(raw):
        return object_in(raw)
    return {"command": value_in(raw)}


_Reader = Callable[[Raw], Any]

_READERS: Mapping[str, _Reader] = {
    "id": word_in,
    "call_id": word_in,
    "name": word_in,
    "namespace": string_in,
    "arguments": _text,
    "input": _text,
    "output": _output,
    "execution": string_in,
    "action": object_in,
    "summary": partial(_thoughts, part_kind="summary_text"),
    "content": partial(_thoughts, part_kind="reasoning_text"),
    "encrypted_content": string_in,
    "author": string_in,
    "recipient": string_in,
}
"""How each member of an echoed item is read, whatever its item is."""

_OWN_READERS: Mapping[type[KnownItem], Mapping[str, _Reader]] = {
    ToolSearchCall: {"arguments": value_in},
    LocalShellCall: {"action": _action},
    AgentMessage: {"content": partial(_thoughts, part_kind="input_text")},
}
"""How some items' members are read otherwise: the arguments of a search are JSON of any type."""


def _echoed(kind: type[KnownItem], members: Mapping[str, Raw], path: str, notes: Notes) -> KnownItem:
    readers = {**_READERS, **_OWN_READERS.get(kind, {})}
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        raw = members.get(field.name)
        if field.name == "tools":
            values["tools"] = readable_tools(list_in(raw) or (), f"{path}.tools", notes)
        elif raw is not None:
            values[field.name] = readers[field.name](raw)
        if field.required:
            # A call id or a name. Without one the history finds its own way.
            values[field.name] = values.get(field.name) or ""
    return kind(**values)
