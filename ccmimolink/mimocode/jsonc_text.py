"""JSONC as MiMoCode reads it: the values of a text and where they stand, and how values are written.

Owns the grammar: what MiMoCode's parser takes when it allows trailing commas, and no more. A text that the
parser would read in another way than this one is refused. It must not change a text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

BOM = "\ufeff"
BLANKS = " \t\r\n"
MAX_DEPTH = 200
"""Objects and lists within each other. Nobody's configuration needs them; the stack ends at some depth."""

INDENT = "  "
"""One step of it in a text that shows none."""

Span = tuple[int, int]
"""The places of the first character and of that behind the last one."""

_DECODER = json.JSONDecoder()
_GAP = re.compile(r"[ \t\r\n]*(//[^\r\n]*|/\*(?s:.*?)\*/)?")
_LINE_END = re.compile(r"\r\n?|\n")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"true|false|null")
_WORDS = {"true": True, "false": False, "null": None}
_PROTOTYPE = "__proto__"
"""In the parser's JavaScript, setting it sets no member: its value is read as the object's defaults."""

_ESCAPED = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that are legal in a string, and break lines or files elsewhere."""
_REFERENCE = re.compile(r"\{(?=(?:env|file):)")


class JsoncError(Exception):
    """The text is no JSONC, or cannot be changed. The message is the rest of a sentence that begins with the
    file's name, and repeats nothing that the file holds."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value.

    :ivar value: with all that is in it.
    :ivar members: those of an object in their order, duplicates too.
    """

    start: int
    end: int
    value: Any
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One key of an object with its value.

    :ivar start: the place of the key.
    :ivar comma: the place of the comma behind it, which the last member may have too.
    """

    key: str
    start: int
    node: Node
    comma: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """A text's outermost object, and the comments of the whole text in their order."""

    root: Node
    comments: tuple[Span, ...]


def read_jsonc(text: str) -> Any:
    """The value of a text; that of a blank one is an empty object.

    :raises JsoncError: it is no JSONC.
    """
    return {} if is_blank(text) else _read(text).root.value


def read_object(text: str) -> dict[str, Any]:
    """:raises JsoncError: it is no JSONC, or no object."""
    return {} if is_blank(text) else dict(read_document(text).root.value)


def read_document(text: str) -> Document:
    """The places in a text that is not blank.

    :raises JsoncError: it is no JSONC, or no object.
    """
    document = _read(text)
    if not isinstance(document.root.value, dict):
        raise JsoncError("is not an object")
    return document


def is_blank(text: str) -> bool:
    """Whether a text has nothing in it but blanks, behind a byte order mark perhaps."""
    return not text.removeprefix(BOM).strip(BLANKS)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, with the types that Python takes for one kept apart."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(map(same, one.values(), [other[key] for key in one]))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _read(text: str) -> Document:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JsoncError("is not valid UTF-8") from None
    try:
        return _Reader(text).document()
    except RecursionError:  # whoever reads it may have been deep in the stack already
        raise JsoncError("is nested too deeply") from None


class _Reader:
    """One pass over a text. The places it gives back are those behind what it has read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._comments: list[Span] = []

    def document(self) -> Document:
        root = self._value(self._skip(1 if self._text.startswith(BOM) else 0), 1)
        end = self._skip(root.end)
        if end < len(self._text):
            raise self._error(end, "there is more behind its end")
        return Document(root, tuple(self._comments))

    def _value(self, at: int, depth: int) -> Node:
        first = self._text[at : at + 1]
        if first == '"':
            value, end = self._string(at)
            return Node(at, end, value)
        if first in ("{", "["):
            if depth > MAX_DEPTH:
                raise self._error(at, "it is nested too deeply")
            return self._object(at, depth) if first == "{" else self._array(at, depth)
        if number := _NUMBER.match(self._text, at):
            return Node(at, number.end(), self._number(number))
        if word := _WORD.match(self._text, at):
            return Node(at, word.end(), _WORDS[word[0]])
        raise self._error(at, "a value is missing")

    def _object(self, start: int, depth: int) -> Node:
        text = self._text
        members: list[Member] = []
        at = self._skip(start + 1)
        while text[at : at + 1] != "}":
            if text[at : at + 1] != '"':
                raise self._error(at, "a key in double quotes is missing")
            key, end = self._string(at)
            if key == _PROTOTYPE:
                raise self._error(at, "there is a key that cannot be one in JavaScript")
            colon = self._skip(end)
            if text[colon : colon + 1] != ":":
                raise self._error(colon, "a colon is missing")
            node = self._value(self._skip(colon + 1), depth + 1)
            comma, behind = self._comma(node.end, "}")
            members.append(Member(key, at, node, comma))
            at = behind
        return Node(start, at + 1, {one.key: one.node.value for one in members}, tuple(members))

    def _array(self, start: int, depth: int) -> Node:
        items: list[Any] = []
        at = self._skip(start + 1)
        while self._text[at : at + 1] != "]":
            node = self._value(at, depth + 1)
            items.append(node.value)
            _, at = self._comma(node.end, "]")
        return Node(start, at + 1, items)

    def _comma(self, at: int, closing: str) -> tuple[int | None, int]:
        """The comma behind a member or an item, if there is one, and what comes next."""
        at = self._skip(at)
        if self._text[at : at + 1] == ",":
            return at, self._skip(at + 1)
        if self._text[at : at + 1] != closing:
            raise self._error(at, "a comma or a closing bracket is missing")
        return None, at

    def _string(self, at: int) -> tuple[str, int]:
        try:
            value, end = _DECODER.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            raise self._error(error.pos, "a string is not well-formed") from None
        return value, end

    def _number(self, number: re.Match[str]) -> int | float:
        if number[1] or number[2]:
            return float(number[0])
        try:
            return int(number[0])
        except ValueError:  # Python takes some thousand digits at most
            raise self._error(number.start(), "a number is too long") from None

    def _skip(self, at: int) -> int:
        """Behind blanks and comments."""
        while gap := _GAP.match(self._text, at):  # it matches everywhere
            at = gap.end()
            if gap[1] is None:
                break
            self._comments.append(gap.span(1))
        if self._text.startswith("/*", at):
            raise self._error(at, "a comment has no end")
        return at

    def _error(self, at: int, what: str) -> JsoncError:
        line = 1 + sum(1 for _ in _LINE_END.finditer(self._text, 0, at))
        return JsoncError(f"is not valid JSONC: {what} at line {line}")


@dataclass(frozen=True, slots=True)
class Writer:
    """How values are written.

    :ivar unit: one step of indentation.
    """

    unit: str
    eol: str
    literal: frozenset[str]

    def member(self, key: str, value: Any, indent: str | None) -> str:
        return self._key(key) + self.written(value, indent)

    def written(self, value: Any, indent: str | None) -> str:
        """:param indent: that of the line on which the value begins, or None to write it in one line.

        :raises JsoncError: it cannot be written.
        """
        try:
            return self._value(value, indent, 1)
        except RecursionError:  # as in reading
            raise JsoncError("would be nested too deeply") from None

    def _value(self, value: Any, indent: str | None, depth: int) -> str:
        if isinstance(value, str):
            return self._string(value, is_reference=value in self.literal)
        if not isinstance(value, dict | list):
            return self._scalar(value)
        if depth > MAX_DEPTH:
            raise JsoncError("would be nested too deeply")
        inner = None if indent is None else indent + self.unit
        if isinstance(value, dict):
            parts = [self._key(key) + self._value(item, inner, depth + 1) for key, item in value.items()]
        else:
            parts = [self._value(item, inner, depth + 1) for item in value]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        if not parts:
            return opening + closing
        if indent is None or inner is None:
            return opening + ", ".join(parts) + closing
        between = f",{self.eol}{inner}"
        return f"{opening}{self.eol}{inner}{between.join(parts)}{self.eol}{indent}{closing}"

    def _key(self, key: str) -> str:
        return self._string(key, is_reference=False) + ": "

    def _string(self, value: str, *, is_reference: bool) -> str:
        text = json.dumps(value, ensure_ascii=False)
        text = _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        return text if is_reference else _REFERENCE.sub(r"\\u007b", text)

    def _scalar(self, value: Any) -> str:
        if value is not None and not isinstance(value, bool | int | float):
            raise TypeError(f"JSON has no {type(value).__name__}")
        try:
            return json.dumps(value, allow_nan=False)
        except ValueError:
            raise JsoncError("would hold a number that cannot be written") from None
