"""Calls that the model wrote as text, from finding them to deciding whether they count.

Owns the two scanners of a response and the candidates that they find. It must not write events: it answers
with the text to pass on, and at the end with the calls to make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ccmimolink.core.loose_tags import LooseTags
from ccmimolink.core.scan import Channel, FallbackParser, Scanner, Text, ToolCall
from ccmimolink.core.twins import Signature, signature


class Recovery:
    """The text of one response on its way through the scanners.

    A candidate in the visible text counts, unless a structured call says the same, or the tags around it show
    that it stands in the value of a call that could not be read. If the closing tag of that shows it, the
    source is given back where the text ends, since what came behind it was shown long ago. A candidate in the
    thinking counts only if nothing but white
    space follows it in the whole turn: a model that goes on was thinking aloud, and gets its text back.

    :param is_offered: whether a tool of this upstream name may be called; markup that calls another is text.
    :param limit: how many candidates are kept, None for all.
    :ivar cut: how many were dropped.
    """

    def __init__(
        self,
        parsers: Sequence[FallbackParser],
        is_offered: Callable[[str], bool],
        limit: int | None = None,
    ) -> None:
        self.cut = 0
        self._is_offered, self._limit = is_offered, limit
        self._text = Scanner(parsers, Channel.TEXT)
        self._reasoning = Scanner(parsers, Channel.REASONING)
        self._candidates: list[ToolCall] = []
        self._withdrawn: list[ToolCall] = []
        self._wrote_calls = False  # in the text, whatever became of them
        self._tags = LooseTags()
        self._unread: list[str] = []  # of the text, by the above
        self._held: list[Text | ToolCall] = []

    def text(self, delta: str) -> str:
        """The part of the text that may be shown now."""
        parts = self._text.feed(delta)
        # The ordinary delta, of which there are thousands, comes out as it went in.
        if len(parts) == 1 and isinstance(parts[0], Text):
            text = parts[0].text
            self._unread.append(text)
            return text
        return self._pass(parts)

    @property
    def held_text(self) -> str | None:
        """What the next text will come out behind; None where more than that may happen to it."""
        return self._text.held

    @property
    def held_reasoning(self) -> str | None:
        """As ``held_text``, of the thinking."""
        return None if self._held else self._reasoning.held

    @property
    def holds_text(self) -> bool:
        """Whether some of the text may not be shown yet."""
        return self._text.holding

    def end_text(self) -> str:
        """What was held back, because something else follows, and the candidates that proved to be none."""
        rest = self._pass(self._text.finish())
        if not self._wrote_calls:
            self._unread.clear()
            return rest
        self._read_tags()
        self._tags.end_text()
        self._withdraw()
        rest += "".join(f"\n{candidate.source}" for candidate in self._withdrawn if candidate.source)
        self._withdrawn.clear()
        return rest

    def _pass(self, parts: Iterable[Text | ToolCall]) -> str:
        passed = []
        for part in self._judged(parts):
            text = part.text if isinstance(part, Text) else self._take(part)
            if text:
                passed.append(text)
                self._unread.append(text)
        return "".join(passed)

    def _take(self, candidate: ToolCall) -> str:
        """Keep it. Returns the text that it is if it is none."""
        self._read_tags()
        self._withdraw()
        if self._tags.unclosed:
            return candidate.source
        self._tags.after_call(candidate.source)
        self._wrote_calls = True
        self._keep(candidate)
        return ""

    def _read_tags(self) -> None:
        self._tags.read("".join(self._unread))
        self._unread.clear()

    def _withdraw(self) -> None:
        """Take back the candidates so far, if a tag behind them says so."""
        if self._tags.orphaned:
            self._tags.orphaned = False
            self._withdrawn += self._candidates
            self._candidates.clear()

    def _keep(self, candidate: ToolCall) -> None:
        if self._limit is None or len(self._candidates) < self._limit:
            self._candidates.append(candidate)
        else:
            self.cut += 1

    def _judged(self, parts: Iterable[Text | ToolCall]) -> Iterator[Text | ToolCall]:
        for part in parts:
            if isinstance(part, ToolCall) and not self._is_offered(part.name):
                yield Text(part.source)
            else:
                yield part

    def reasoning(self, delta: str) -> str:
        """The part of the thinking that may be shown now."""
        return self._hold(self._reasoning.feed(delta))

    def end_reasoning(self) -> str:
        """What was held back, candidates included, because something else follows."""
        return self._hold(self._reasoning.finish()) + self._release()

    def finish_reasoning(self) -> str:
        """The text left to show. The turn is over and thinking was the last of it: candidates in it count."""
        if self._wrote_calls:
            # The text held nothing but calls, yet it followed.
            return self.end_reasoning()
        rest = self._hold(self._reasoning.finish())
        for part in self._held:
            if isinstance(part, ToolCall):
                self._keep(part)
        self._held.clear()
        return rest

    def _hold(self, parts: Iterable[Text | ToolCall]) -> str:
        passed = []
        for part in self._judged(parts):
            if isinstance(part, ToolCall) or (self._held and part.text.isspace()):
                self._held.append(part)
            else:
                passed.append(self._release() + part.text)
        return "".join(passed)

    def _release(self) -> str:
        released = "".join(part.source if isinstance(part, ToolCall) else part.text for part in self._held)
        self._held.clear()
        return released

    def calls(self, structured: Iterable[Signature]) -> list[ToolCall]:
        """The candidates that stand. Each structured call stands for one textual twin at the most."""
        if not self._candidates:
            return []
        twins = list(structured)
        standing = []
        for candidate in self._candidates:
            if not twins:
                standing.append(candidate)
                continue
            said = signature(candidate.name, candidate.arguments)
            if said in twins:
                twins.remove(said)
            else:
                standing.append(candidate)
        return standing
