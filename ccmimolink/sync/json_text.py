"""Changing one string in a JSON text and nothing else.

Owns the place of a value in the text. All around it stays as it was written: numbers, escapes and blanks
too, which reading and writing the whole would not promise.
"""

from __future__ import annotations

import json
from typing import Any

_DECODER = json.JSONDecoder()
_BLANKS = " \t\n\r"


class JsonError(Exception):
    """The text is no JSON object, or the value cannot be changed. The message repeats no value."""


def read_json(text: str) -> dict[str, Any]:
    """:raises JsonError: it is no object."""
    try:
        document = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise JsonError("is not valid JSON") from None
    if not isinstance(document, dict):
        raise JsonError("is not a JSON object")
    return document


def check_encodable(*texts: str) -> None:
    """Half a surrogate pair can be an escape in a JSON text, and is in no file that others can read.

    :raises JsonError: there is one, or a byte that was no UTF-8.
    """
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        raise JsonError("is not valid UTF-8") from None


def with_string(text: str, key: str, value: str) -> str:
    """The text with another string at a key of its outermost object.

    :raises JsonError: there is no such key, or the result would not be just what was meant.
    """
    check_encodable(value)
    expected = read_json(text) | {key: value}
    place = None
    for name, start, end in _members(text):
        if name == key:
            place = start, end  # of a key that is there twice, the last counts
    if place is None:
        raise JsonError(f"has no {key}")
    result = text[: place[0]] + json.dumps(value, ensure_ascii=False) + text[place[1] :]
    if read_json(result) != expected:
        raise JsonError(f"is written in a way in which {key} cannot be changed alone")
    return result


def _members(text: str) -> list[tuple[str, int, int]]:
    """The keys of the outermost object with the places of their values."""
    members = []
    at = _skip(text, 0) + 1
    while text[(at := _skip(text, at))] != "}":
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        members.append((name, at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at += 1
    return members


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at
