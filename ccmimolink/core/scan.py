"""The scanner: finds markup in running text and wakes a fallback parser where a marker stands.

Owns the search for markers and hold-back; :mod:`ccmimolink.core.code_spans` tells it what is code, and
:mod:`ccmimolink.core.call_places` whether a call counts where it stands. It must not know any dialect of
calls: that is the parsers', of which it sees bound functions only.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from ccmimolink.core.call_places import CallPlaces
from ccmimolink.core.code_spans import CodeTracker
from ccmimolink.core.loose_tags import may_begin_closer
from ccmimolink.core.markers import marker_search


class Channel(enum.Enum):
    """Where the scanned text stands."""

    TEXT = "text"
    REASONING = "reasoning"


class Text(Struct, frozen=True):
    text: str


class ToolCall(Struct, frozen=True):
    """A call that the model wrote as text.

    :ivar name: the upstream name of an offered tool.
    :ivar arguments: the text of a JSON object.
    :ivar source: the markup that was consumed, verbatim.
    :ivar cut: the text ended before the markup closed the call, so that more arguments may have been due.
    """

    name: str
    arguments: str
    source: str
    cut: bool = False


class Done(Struct, frozen=True):
    """A session's last answer. ``rest`` was not consumed and is scanned again."""

    rest: str


class ParserSession(Protocol):
    """One attempt at reading markup, begun where a marker stands and fed the marker first.

    A session holds back what it is not sure of. All that it was fed comes out exactly once, in order: as
    Text, in a ToolCall's source or in ``Done.rest``. After Done it is not used again. One whose first answer
    is Text and Done did not know the markup: the next parser with a marker at the same place is asked.
    """

    def feed(self, text: str) -> Sequence[Text | ToolCall | Done]: ...

    def finish(self) -> Sequence[Text | ToolCall]:
        """The text has come to its end: judge what is held."""
        ...


@dataclass(frozen=True, slots=True)
class FallbackParser:
    """A parser as the scanner sees it.

    :ivar markers: the strings that may open a call.
    :ivar begin: makes a session; whoever builds this binds the offered tools.
    """

    name: str
    markers: tuple[str, ...]
    begin: Callable[[Channel], ParserSession]

    def __post_init__(self) -> None:
        if not self.markers or not all(self.markers):
            raise ValueError(f"fallback parser {self.name!r} needs markers that are not empty")


class ParserFailed(Exception):
    """A parser raised, or broke the contract of :class:`ParserSession`.

    :ivar name: the parser's.
    """

    def __init__(self, name: str, cause: BaseException) -> None:
        super().__init__(f"fallback parser {name!r}: {type(cause).__name__}: {cause}")
        self.name = name


@contextlib.contextmanager
def _blaming(parser: FallbackParser) -> Iterator[None]:
    try:
        yield
    # A plugin's code: whatever it raises must be told apart from an error of ours, and must not end us.
    except (Exception, SystemExit, KeyboardInterrupt) as cause:
        raise ParserFailed(parser.name, cause) from cause


_Found = list[Text | ToolCall]


class _Attempt:
    """One place where a marker stands, and the parsers that are asked there in turn.

    ``feed`` and ``finish`` answer with what was found and what is to be scanned again, None while a session
    goes on.
    """

    def __init__(self, candidates: Iterator[tuple[FallbackParser, str]], channel: Channel) -> None:
        self._candidates = candidates
        self._channel = channel
        self._declined = ""
        self._ask_next()

    def _ask_next(self) -> bool:
        candidate = next(self._candidates, None)
        if candidate is None:
            return False
        self._parser, self.marker = candidate
        with _blaming(self._parser):
            self._session = self._parser.begin(self._channel)
        self._committed = False
        self._fed = 0
        return True

    def feed(self, text: str) -> tuple[_Found, str | None]:
        self._fed += len(text)
        with _blaming(self._parser):
            found, rest = _split(self._session.feed(text))
        if rest is not None:
            return self._ended(found, rest)
        self._committed = self._committed or bool(found)
        return found, None

    def finish(self) -> tuple[_Found, str]:
        with _blaming(self._parser):
            found, rest = _split(self._session.finish())
        found, again = self._ended(found, rest or "")
        if again is not None:
            return found, again
        # The next parser has been fed all that the last one gave back.
        more, again = self.finish()
        return found + more, again

    def _ended(self, found: _Found, rest: str) -> tuple[_Found, str | None]:
        if self._committed or any(isinstance(part, ToolCall) for part in found):
            with _blaming(self._parser):
                if len(rest) >= self._fed:
                    raise ValueError("a session gave back all that it was fed")
            return found, rest
        text = "".join(part.text for part in found if isinstance(part, Text))
        whole = text + rest
        # What one parser knows to be text may hold samples of calls: the longest is not searched again.
        self._declined = max(self._declined, text or self.marker, key=len)
        if self._ask_next():
            return self._replay(whole)
        return [Text(whole[: len(self._declined)])], whole[len(self._declined) :]

    def _replay(self, whole: str) -> tuple[_Found, str | None]:
        start = len(self.marker)
        found, rest = self.feed(whole[:start])
        if start == len(whole):
            return found, rest
        if rest is not None:
            return found, rest + whole[start:]
        more, rest = self.feed(whole[start:])
        return found + more, rest


def _split(answer: Sequence[Text | ToolCall | Done]) -> tuple[_Found, str | None]:
    found: _Found = []
    for part in answer:
        match part:
            case Done(rest=rest):
                return found, rest
            case Text() | ToolCall():
                found.append(part)
            case _:
                raise TypeError(f"a session answered with a {type(part).__name__}")
    return found, None


_FIRST_PIECE = 64
_LONGEST_PIECE = 65536


class Scanner:
    """Scans one channel of one answer.

    Text that cannot matter passes at once. Held back is only a tail that could begin a marker, and a call
    behind text up to what follows it, besides what a session holds. ``feed`` and ``finish`` return no empty
    Text, and no two next to each other.

    :raises ParserFailed: from both, when a parser failed; the scanner is of no use afterwards.
    """

    def __init__(self, parsers: Sequence[FallbackParser], channel: Channel) -> None:
        self._channel = channel
        search = marker_search(tuple(parser.markers for parser in parsers))
        self._parsers, self._order = tuple(parsers), search.order
        self._prefixes, self._longest_prefix = search.prefixes, search.longest_prefix
        self._firsts, self._special, self._event = search.firsts, search.special, search.event
        self._code = CodeTracker()
        self._attempt: _Attempt | None = None
        self._held = ""
        self._out: list[str | ToolCall] = []
        self._places = CallPlaces(self._code, self._out)

    @property
    def held(self) -> str | None:
        """The tail that is held back and nothing else; None where a call may be in the making."""
        return None if self._attempt is not None or self._places.waiting else self._held

    @property
    def holding(self) -> bool:
        """Whether anything is held back."""
        return bool(self._held) or self._attempt is not None or self._places.waiting

    def feed(self, text: str) -> list[Text | ToolCall]:
        """Scan the next piece."""
        if not text:
            return []
        if not self._order:
            return [Text(text)]
        if self._attempt is None:
            idle = not self._held and self._code.settled and not self._places.waiting
            if idle and self._special.search(text) is None:
                self._code.plain(text, 0, len(text))
                return [Text(text)]
            text, self._held = self._held + text, ""
            self._scan(text, 0, final=False)
        else:
            self._scan(*self._pursue(self._attempt, text, 0), final=False)
        return self._take()

    def finish(self) -> list[Text | ToolCall]:
        """The text has come to its end: what is held is judged or released.

        Another text may follow. A fence that is open goes on in it.
        """
        text, self._held = self._held, ""
        self._scan(text, 0, final=True)
        while self._attempt is not None:
            found, text = self._attempt.finish()
            self._attempt = None
            self._give(found)
            self._places.end_markup()
            self._scan(text, 0, final=True)
        self._places.decide(counts=True)
        self._code.begin_text()
        return self._take()

    def _scan(self, text: str, at: int, *, final: bool) -> None:
        while at < len(text):
            if self._places.waiting:
                text, at = self._await_line_end(text, at, final=final)
                continue
            at = self._pass(text, at, self._code.resume(text, at))
            if self._code.inside:
                at = self._pass(text, at, self._code.skip(text, at))
                continue
            event = self._event.search(text, at)
            stop = event.start() if event else len(text)
            if not final and stop >= len(text) - self._longest_prefix:
                hold = self._hold_from(text, at)
                if hold <= stop:
                    event, stop = None, hold
            self._code.plain(text, at, stop)
            at = self._pass(text, at, stop)
            if event is None:
                self._held = text[at:]
                return
            if event["run"]:
                self._code.run(text, at, event.end())
                at = self._pass(text, at, event.end())
            else:
                text, at = self._wake(text, at)

    def _await_line_end(self, text: str, at: int, *, final: bool) -> tuple[str, int]:
        """Go on behind a call that waits. Returns the text and the place to go on from."""
        at = self._places.wait(text, at)
        if at == len(text):
            return text, at
        if not final and (self._may_begin_marker(text, at) or may_begin_closer(text, at)):
            self._held = text[at:]
            return text, len(text)
        event = self._event.match(text, at)
        if event and not event["run"]:
            return self._wake(text, at)
        self._places.decide(counts=text[at] == "\n")
        return text, at

    def _may_begin_marker(self, text: str, at: int) -> bool:
        return len(text) - at <= self._longest_prefix and text[at:] in self._prefixes

    def _hold_from(self, text: str, at: int) -> int:
        """Where a tail begins that could go on to be a marker, or the length of the text."""
        for first in self._firsts.finditer(text, max(at, len(text) - self._longest_prefix)):
            if text[first.start() :] in self._prefixes:
                return first.start()
        return len(text)

    def _wake(self, text: str, at: int) -> tuple[str, int]:
        """Begin an attempt at the marker that stands here. Returns the text and the place to go on from."""
        candidates: dict[FallbackParser, str] = {}
        for place, marker in self._order:
            if text.startswith(marker, at):
                candidates.setdefault(self._parsers[place], marker)
        attempt = _Attempt(iter(candidates.items()), self._channel)
        end = at + len(attempt.marker)
        found, rest = attempt.feed(text[at:end])
        self._give(found)
        if rest is None:
            return self._pursue(attempt, text, end)
        self._places.end_markup()
        return _gone_back(text, end, rest)

    def _pursue(self, attempt: _Attempt, text: str, at: int) -> tuple[str, int]:
        """Feed an attempt until it has ended. Returns the text and the place to go on from.

        The pieces start small: a session that gives up soon must not be handed megabytes each time.
        """
        length = _FIRST_PIECE
        while at < len(text):
            end = min(at + length, len(text))
            found, rest = attempt.feed(text[at:end])
            self._give(found)
            if rest is not None:
                self._attempt = None
                self._places.end_markup()
                return _gone_back(text, end, rest)
            at = end
            length = min(2 * length, _LONGEST_PIECE)
        self._attempt = attempt
        return text, at

    def _pass(self, text: str, start: int, end: int) -> int:
        if start < end:
            self._out.append(text[start:end])
        return end

    def _give(self, found: _Found) -> None:
        for part in found:
            if isinstance(part, Text):
                self._places.text(part.text)
            else:
                self._places.call(part)

    def _take(self) -> list[Text | ToolCall]:
        parts: list[Text | ToolCall] = []
        texts: list[str] = []
        for entry in self._out:
            if isinstance(entry, str):
                texts.append(entry)
                continue
            parts += _joined(texts)
            texts = []
            parts.append(entry)
        self._out.clear()
        return parts + _joined(texts)


def _joined(texts: list[str]) -> list[Text]:
    text = "".join(texts)
    return [Text(text)] if text else []


def _gone_back(text: str, end: int, rest: str) -> tuple[str, int]:
    """The text and place at which ``rest`` and then ``text[end:]`` follow, copied only if it must be."""
    start = end - len(rest)
    if start >= 0 and text.startswith(rest, start):
        return text, start
    return rest + text[end:], 0
