"""Texts of others, made fit to be shown.

Owns which characters are not shown: those that begin a line of their own, drive a terminal, turn the writing
around so that a text reads as another, or cannot be encoded. Whatever else people write stays as it is.
"""

from __future__ import annotations

import re

_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_LINE_ENDS = r"\u2028\u2029"
_DIRECTIONS = r"\u202a-\u202e\u2066-\u2069"
_SURROGATES = r"\ud800-\udfff"
_UNPRINTABLE = re.compile(f"[{_CONTROLS}{_LINE_ENDS}{_DIRECTIONS}{_SURROGATES}]")
_UNPRINTABLE_IN_LINES = re.compile(f"(?![\n\t]){_UNPRINTABLE.pattern}")
_SURROGATE = re.compile(f"[{_SURROGATES}]")
REPLACEMENT = "\ufffd"


def printable(text: str) -> str:
    """On one line, each character that is not shown replaced by U+FFFD."""
    return _UNPRINTABLE.sub(REPLACEMENT, text)


def printable_lines(text: str) -> str:
    """The same, of a text whose lines and tabs are meant."""
    return _UNPRINTABLE_IN_LINES.sub(REPLACEMENT, text)


def printable_json(text: str) -> str:
    """The same, of a JSON text: a program reads just what was written, but for what no text can hold."""
    text = _SURROGATE.sub(REPLACEMENT, text)
    return _UNPRINTABLE_IN_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
