"""Tags of the ``<tool_call>`` grammar, found in text that arrives in pieces.

Owns where a tag stands and what stands next to it. It must not know what a tag means there, nor keep the
text: offsets count from the first character pushed.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator

from msgspec import Struct


class Kind(enum.Enum):
    """What a tag is, or what follows one that no tag follows."""

    START = "the start of the text"
    CALL = "<tool_call>"
    CALL_END = "</tool_call>"
    FUNCTION = "<function="
    FUNCTION_END = "</function>"
    PARAMETER = "<parameter="
    PARAMETER_END = "</parameter>"
    PROSE = "anything else on the same line"
    LINE = "anything else on a later line"
    QUOTE = "a quote or backslash, at once"
    """The tag before it stands in a string of some program."""
    END = "the end of the text"


class Tag(Struct, frozen=True, gc=False):
    """A tag at ``start:end``; a value begins at ``end``. The name of a parameter may be missing."""

    kind: Kind
    start: int
    end: int
    name: str = ""


_NAME = r"[^\s<>\[{][^\s<>]{0,127}"
_TAG = re.compile(
    "</?tool_call>|</function>|</parameter>"
    rf"|<function=(?P<function>{_NAME})[ \t]{{0,8}}>"
    # Models leave out the bracket before a newline, which then belongs to the value, or the whole name.
    rf"|<parameter=(?:(?P<parameter>{_NAME})[ \t]{{0,8}}(?:>|(?=\n))|(?=[\[{{]))"
)
_FIXED = {kind.value: kind for kind in (Kind.CALL, Kind.CALL_END, Kind.FUNCTION_END, Kind.PARAMETER_END)}
_UNFINISHED = re.compile(rf"<(?:function|parameter)=(?:{_NAME}[ \t]{{0,8}})?")
_OPENERS = (Kind.FUNCTION.value, Kind.PARAMETER.value)
_LONGEST = len(Kind.PARAMETER.value) + 128 + 8
_BLANK = re.compile(r"\s+")
_QUOTES = frozenset("\"'`\\")


class TagReader:
    """Answers with pairs: a tag, and what follows it with nothing but white space between.

    The first pair is the start of the text and what stands there. The work is linear in the text.
    """

    def __init__(self) -> None:
        self._tag: Tag | None = Tag(Kind.START, 0, 0)
        self._gap = ""  # of the white space after the tag: a newline if there is one, or any character
        self._window = ""  # the text that may still become a tag
        self._base = 0  # where the window begins

    def push(self, text: str) -> Iterator[tuple[Tag, Tag]]:
        """Read the next piece. To be exhausted before the next one is pushed."""
        window = self._window + text
        at = 0
        while at < len(window):
            if self._tag is None:
                found = _TAG.search(window, at)
                if found is None:
                    at = _unfinished(window, at)
                    break
                self._tag, at = self._made(found), found.end()
                continue
            at = self._skip_blank(window, at)
            found = _TAG.match(window, at)
            if at == len(window) or (found is None and _unfinished(window, at) == at):
                break
            follower = self._made(found) if found else self._other(window, at)
            yield self._tag, follower
            self._tag, self._gap = (follower, "") if found else (None, "")
            at = found.end() if found else at
        self._window = window[at:]
        self._base += at

    def close(self) -> Iterator[tuple[Tag, Tag]]:
        """The text has come to its end. A closing tag that was cut off there is taken for the end itself."""
        end = self._base + len(self._window)
        if self._tag is not None:
            cut = any(tag.startswith(self._window) for tag in (Kind.FUNCTION_END.value, Kind.CALL_END.value))
            yield self._tag, Tag(Kind.END, end, end) if cut else self._other(self._window, 0)

    def _made(self, found: re.Match[str]) -> Tag:
        start, end = self._base + found.start(), self._base + found.end()
        if (name := found["function"]) is not None:
            return Tag(Kind.FUNCTION, start, end, name)
        return Tag(_FIXED.get(found[0], Kind.PARAMETER), start, end, found["parameter"] or "")

    def _other(self, window: str, at: int) -> Tag:
        kind = Kind.LINE if self._gap == "\n" else Kind.PROSE
        if not self._gap and window[at] in _QUOTES:
            kind = Kind.QUOTE
        return Tag(kind, self._base + at, self._base + at)

    def _skip_blank(self, window: str, at: int) -> int:
        blank = _BLANK.match(window, at)
        if blank is None:
            return at
        self._gap = "\n" if "\n" in blank[0] or self._gap == "\n" else " "
        return blank.end()


def _unfinished(window: str, at: int) -> int:
    """Where a tag begins that the window cuts off, or the length of the window."""
    start = window.rfind("<", max(at, len(window) - _LONGEST))
    if start < 0:
        return len(window)
    tail = window[start:]
    cut = _UNFINISHED.fullmatch(tail) or any(tag.startswith(tail) for tag in (*_FIXED, *_OPENERS))
    return start if cut else len(window)
