"""JSON with comments for the stand-in: reading as jsonc-parser does, writing as JavaScript does.

Owns text to value and back. It must not import what makes a start slow (``json`` and ``re`` do), and it must
not be imported by anything but the stand-in: it is no part of what the tests compare with.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BLANK = " \t"
_NEWLINES = "\r\n"
_DIGITS = "0123456789"
_HEX = "0123456789abcdefABCDEF"
# What ends a bare word.
_WORD_END = '{}[]",:/' + _BLANK + _NEWLINES
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS = {"true": True, "false": False, "null": None}
# What ``JSON.stringify`` writes with two characters.
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# From there on JavaScript writes a whole number with an exponent.
_EXPONENT_FROM = 1e21
# How the parser names what stands where the first member's name should; the rest is "PropertyNameExpected".
_NO_FIRST_NAME = {"": "CloseBraceExpected", ",": "ValueExpected"}


class JsoncError(Exception):
    """The first error of a text: the parser's name of it, and where it is."""

    def __init__(self, code: str, offset: int) -> None:
        super().__init__(code)
        self.code, self.offset = code, offset


def parse(text: str) -> Any:
    """Read JSON with comments and trailing commas.

    :raises JsoncError: for the first thing that is an error to jsonc-parser, also where it would recover.
    """
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def document(self) -> Any:
        value = self.value()
        if self.peek():
            raise self.unexpected("EndOfFileExpected")
        return value

    def unexpected(self, code: str) -> JsoncError:
        """The error of what stands here. What is no token at all has an error of its own, first."""
        at = self.at
        if self.peek() not in "{}[],:":
            self.value()
        return JsoncError(code, at)

    def peek(self) -> str:
        """The next character that is neither blank nor in a comment; empty at the end."""
        text, size = self.text, len(self.text)
        while self.at < size:
            character = text[self.at]
            if character in _BLANK or character in _NEWLINES:
                self.at += 1
            elif character == "/":
                self.comment()
            else:
                return character
        return ""

    def comment(self) -> None:
        if self.text.startswith("//", self.at):
            while self.at < len(self.text) and self.text[self.at] not in _NEWLINES:
                self.at += 1
        elif self.text.startswith("/*", self.at):
            end = self.text.find("*/", self.at + 2)
            if end < 0:
                raise JsoncError("UnexpectedEndOfComment", self.at)
            self.at = end + 2
        else:
            raise JsoncError("InvalidSymbol", self.at)

    def value(self) -> Any:
        character = self.peek()
        if character == "{":
            return self.members()
        if character == "[":
            return self.items()
        if character == '"':
            return self.string()
        if character in "]},:":  # the empty string at the end of the text is in it too
            raise JsoncError("ValueExpected", self.at)
        if character == "-" or character in _DIGITS:
            return self.number()
        return self.word()

    def members(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        self.at += 1
        comma = False
        while (character := self.peek()) != "}":
            if comma:
                self.separator(character, "CloseBraceExpected")
                if self.peek() == "}":
                    break
            if (character := self.peek()) != '"':
                first = {} if comma else _NO_FIRST_NAME
                raise self.unexpected(first.get(character, "PropertyNameExpected"))
            name = self.string()
            if self.peek() != ":":
                raise self.unexpected("ColonExpected")
            self.at += 1
            # The place of a name that comes twice is the first one's, the value the last one's.
            members[name] = self.value()
            comma = True
        self.at += 1
        return members

    def items(self) -> list[Any]:
        items: list[Any] = []
        self.at += 1
        while (character := self.peek()) != "]":
            if items:
                self.separator(character, "CloseBracketExpected")
            if (character := self.peek()) == "]":
                break
            if not character and not items:
                raise JsoncError("CloseBracketExpected", self.at)
            items.append(self.value())
        self.at += 1
        return items

    def separator(self, character: str, at_end: str) -> None:
        if character != ",":
            raise self.unexpected("CommaExpected" if character else at_end)
        self.at += 1

    def string(self) -> str:
        start, text = self.at, self.text
        self.at += 1
        parts = []
        while True:
            run = self.at
            while self.at < len(text) and text[self.at] not in '"\\' and text[self.at] >= " ":
                self.at += 1
            parts.append(text[run : self.at])
            character = text[self.at : self.at + 1]
            if character == '"':
                break
            if character == "\\":
                parts.append(self.escape(start))
            else:
                ended = not character or character in _NEWLINES
                raise JsoncError("UnexpectedEndOfString" if ended else "InvalidCharacter", start)
        self.at += 1
        return _joined("".join(parts))

    def escape(self, start: int) -> str:
        letter = self.text[self.at + 1 : self.at + 2]
        if letter == "u":
            digits = self.text[self.at + 2 : self.at + 6]
            if len(digits) < 4 or any(digit not in _HEX for digit in digits):
                raise JsoncError("InvalidUnicode", start)
            self.at += 6
            return chr(int(digits, 16))
        if letter not in _ESCAPES:
            raise JsoncError("InvalidEscapeCharacter", start)
        self.at += 2
        return _ESCAPES[letter]

    def number(self) -> int | float:
        start = self.at
        self.at += self.text[start] == "-"
        if self.text[self.at : self.at + 1] == "0":
            self.at += 1
        else:
            self.digits(start)
        whole = True
        if self.text[self.at : self.at + 1] == ".":
            whole = False
            self.at += 1
            self.digits(start)
        if self.text[self.at : self.at + 1] in ("e", "E"):
            whole = False
            self.at += 1
            self.at += self.text[self.at : self.at + 1] in ("+", "-")
            self.digits(start)
        digits = self.text[start : self.at]
        return int(digits) if whole and len(digits) < 16 else float(digits)

    def digits(self, start: int) -> None:
        first = self.at
        while self.at < len(self.text) and self.text[self.at] in _DIGITS:
            self.at += 1
        if first == self.at:
            raise JsoncError("UnexpectedEndOfNumber" if first > start + 1 else "InvalidSymbol", start)

    def word(self) -> bool | None:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in _WORD_END:
            self.at += 1
        word = self.text[start : self.at]
        if word not in _WORDS:
            raise JsoncError("InvalidSymbol", start)
        return _WORDS[word]


def _joined(text: str) -> str:
    """The text with the two halves of a character, escaped one by one, made one."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def quoted(text: str) -> str:
    """A string as ``JSON.stringify`` writes it."""
    return '"' + "".join(_SHORT.get(character) or _plain(character) for character in text) + '"'


def _plain(character: str) -> str:
    if character < " " or "\ud800" <= character <= "\udfff":
        return f"\\u{ord(character):04x}"
    return character


def dumps(value: Any, indent: int = 0, margin: str = "\n") -> str:
    """A value as ``JSON.stringify(value, null, indent)`` writes it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (dict, list)):
        return _container(value, indent, margin)
    if isinstance(value, float):
        return _float(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _container(value: dict[str, Any] | list[Any], indent: int, margin: str) -> str:
    inner = margin + " " * indent
    if isinstance(value, dict):
        colon = ": " if indent else ":"
        parts = [quoted(name) + colon + dumps(member, indent, inner) for name, member in value.items()]
    else:
        parts = [dumps(item, indent, inner) for item in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    if not parts:
        return first + last
    if not indent:
        return first + ",".join(parts) + last
    return first + inner + ("," + inner).join(parts) + margin + last


def _float(value: float) -> str:
    if value.is_integer() and abs(value) < _EXPONENT_FROM:
        return str(int(value))
    # Python writes two digits of an exponent at least.
    return repr(value).replace("e-0", "e-")
