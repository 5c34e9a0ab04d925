"""Whether running text is code: fenced blocks and code spans, told run by run and line by line.

Owns that state and nothing else; it must not hold text back or look for markup. Follows CommonMark 0.31 §4.5
(fences) and §6.1 (code spans) as far as a stream allows: an opening run counts as code from where it stands.
"""

from __future__ import annotations

import re

_EVENT = re.compile("`+|~+|\n")
_RUN = re.compile("`+|~+")
_FENCE_INDENT = 3
_FENCE_LENGTH = 3


class CodeTracker:
    """Follows text that is given to it piece by piece, in order. A piece may end anywhere."""

    def __init__(self) -> None:
        self._length = 0  # of the run that opened the code; 0 in plain text
        self._fence = ""  # the character of an open fence; "" in plain text and in a code span
        self._info = False  # on the line that opened the fence
        self._closing = False  # on a line that closes the fence if nothing else follows on it
        self._indent = 0  # columns of blanks so far on this line; -1 once it holds anything else
        self._run = ("", 0)  # a run at the very end of what was seen: it may go on

    @property
    def inside(self) -> bool:
        return self._length > 0

    @property
    def settled(self) -> bool:
        """In plain text, and what comes next cannot change what came last."""
        return not self._length and not self._run[1]

    def resume(self, text: str, start: int) -> int:
        """Let a run at the end of the piece before go on at ``start``. Returns where it ends."""
        char, length = self._run
        if not length or start == len(text):
            return start
        event = _RUN.match(text, start)
        end = event.end() if event and text[start] == char else start
        if end == len(text):
            self._run = (char, length + end - start)
        else:
            self._run = ("", 0)
            self._delimit(char, length + end - start)
        return end

    def run(self, text: str, start: int, end: int) -> None:
        """A run of backticks or of tildes stands at ``start:end``."""
        if end == len(text):
            self._run = (text[start], end - start)
        else:
            self._delimit(text[start], end - start)

    def plain(self, text: str, start: int, end: int) -> None:
        """Text that is no code and has no run stands at ``start:end``."""
        newline = text.rfind("\n", start, end)
        if newline >= 0:
            self._indent = 0
            start = newline + 1
        self._line(text[start:end])

    def skip(self, text: str, start: int) -> int:
        """Walk through code. Returns where plain text begins again, or the length of the text."""
        for event in _EVENT.finditer(text, start):
            self._line(text[start : event.start()])
            start = event.end()
            if text[start - 1] == "\n":
                self._newline()
            else:
                self.run(text, event.start(), start)
            if not self._length:
                return start
        self._line(text[start:])
        return len(text)

    def walk(self, text: str) -> None:
        """Follow text whose markup does not matter."""
        at = self.resume(text, 0)
        while at < len(text):
            if self._length:
                at = self.skip(text, at)
                continue
            event = _RUN.search(text, at)
            self.plain(text, at, event.start() if event else len(text))
            if event is None:
                return
            at = event.end()
            self.run(text, event.start(), at)

    def after_call(self, source: str) -> None:
        """Markup was taken out of the text here. It counts as a part of its line."""
        self._run = ("", 0)
        self._indent = 0 if source.endswith("\n") else -1

    def _line(self, text: str) -> None:
        if text.strip(" \t\r"):
            self._indent = -1
            self._closing = False
        elif self._indent >= 0:
            self._indent += len(text.expandtabs(4))

    def _newline(self) -> None:
        blank = self._indent >= 0
        self._indent = 0
        self._info = False
        # A blank line ends the paragraph, and with it a code span that nothing closed.
        if self._closing or (blank and not self._fence):
            self._leave()

    def _delimit(self, char: str, length: int) -> None:
        begins_line = 0 <= self._indent <= _FENCE_INDENT
        self._indent = -1
        self._closing = False
        if self._info and self._fence == char == "`":
            # An info string holds no backtick: what looked like a fence was the opener of a code span.
            self._fence, self._info = "", False
        if self._fence:
            self._closing = begins_line and char == self._fence and length >= self._length
        elif char == "`" and length == self._length:
            self._leave()
        elif begins_line and length >= _FENCE_LENGTH:
            self._fence, self._length, self._info = char, length, True
        elif char == "`" and not self._length:
            self._length = length

    def _leave(self) -> None:
        self._length, self._fence, self._info, self._closing = 0, "", False, False
