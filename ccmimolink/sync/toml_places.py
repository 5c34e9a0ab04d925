"""Where in a TOML text its tables, keys and values stand.

Owns the positions. It takes a text that was parsed already, so it proves nothing, and must not change
anything.

Source: https://toml.io/en/v1.1.0, whose line ends, comments and last commas in inline tables 1.0 has not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Path = tuple[str, ...]

_TOKEN = re.compile(
    r"""
    (?P<string>
        \"{3} (?: \\[\s\S] | [^\\] )*? \"{3,5} | '{3} [\s\S]*? '{3,5}
        | " (?: \\. | [^"\\\n] )* " | ' [^'\n]* '
    )
    | (?P<comment> \# [^\r\n]* )
    | (?P<newline> \n )
    | (?P<blank> [ \t\r]+ )
    | (?P<mark> [\[\]{},.=] )
    | (?P<bare> [^ \t\r\n\#"'\[\]{},.=]+ )
    """,
    re.VERBOSE,
)
_OPENING, _CLOSING = ("[", "{"), ("]", "}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value.

    :ivar path: from the root.
    :ivar keys: where the written keys begin, the last of the path's; a dotted key has several.
    :ivar value: where the value begins and ends.
    :ivar inline: it is a member of an inline table.
    """

    path: Path
    keys: tuple[int, ...]
    value: tuple[int, int]
    inline: bool

    def key_of(self, table: Path) -> int | None:
        """Where the key behind the table's begins, if it is written here and not in a header."""
        at = len(table) - (len(self.path) - len(self.keys))
        below = self.path[: len(table)] == table and 0 <= at < len(self.keys)
        return self.keys[at] if below else None


@dataclass(frozen=True, slots=True)
class Inline:
    """The braces of an inline table.

    :ivar commas: where its own commas are.
    """

    opening: int
    closing: int
    commas: tuple[int, ...]


@dataclass(slots=True)
class Places:
    """Entries stand in the order in which they end, so that members of an inline table come before it.

    :ivar headers: the tables' headers, each with where its brackets begin and end.
    """

    entries: list[Entry] = field(default_factory=list)
    headers: list[tuple[Path, tuple[int, int]]] = field(default_factory=list)
    inlines: dict[Path, Inline] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    def entry(self, path: Path) -> Entry | None:
        return next((entry for entry in self.entries if entry.path == path), None)


def places(text: str, unquote: Callable[[str], str]) -> Places:
    """:param unquote: the key that a quoted one stands for.
    :raises ValueError: the text is no TOML after all.
    """
    return _Reader(text, unquote).read()


class _Reader:
    def __init__(self, text: str, unquote: Callable[[str], str]) -> None:
        self._text, self._unquote = text, unquote
        self._places = Places()
        self._tokens = self._lexed()
        self._advance()

    def _lexed(self) -> Iterator[tuple[str, int, int]]:
        at = 0
        while at < len(self._text):
            token = _TOKEN.match(self._text, at)
            if token is None:
                raise ValueError(at)
            at = token.end()
            kind = token.lastgroup or ""
            if kind == "comment":
                self._places.comments.append(token[0])
            elif kind != "blank":
                yield kind, token.start(), token.end()
        yield "end", at, at

    def _advance(self) -> None:
        self._kind, self._start, self._end = next(self._tokens)

    @property
    def _token(self) -> str:
        return self._text[self._start : self._end]

    def _skip_lines(self) -> None:
        while self._kind == "newline":
            self._advance()

    def _take(self, mark: str) -> int:
        if self._token != mark:
            raise ValueError(self._start)
        at = self._start
        self._advance()
        return at

    def read(self) -> Places:
        table: Path = ()
        self._skip_lines()
        while self._kind != "end":
            if self._token == "[":
                table = self._header()
            else:
                self._entry(table, inline=False)
            self._skip_lines()
        return self._places

    def _header(self) -> Path:
        start = self._take("[")
        if self._token == "[":
            self._advance()
        path, _ = self._key()
        end = start
        while self._token == "]":
            end = self._end
            self._advance()
        self._places.headers.append((path, (start, end)))
        return path

    def _key(self) -> tuple[Path, tuple[int, ...]]:
        names, starts = [self._name()], [self._start]
        self._advance()
        while self._token == ".":
            self._advance()
            names.append(self._name())
            starts.append(self._start)
            self._advance()
        return tuple(names), tuple(starts)

    def _name(self) -> str:
        if self._kind not in ("bare", "string"):
            raise ValueError(self._start)
        return self._unquote(self._token) if self._kind == "string" else self._token

    def _entry(self, table: Path, *, inline: bool) -> None:
        names, starts = self._key()
        self._take("=")
        path = (*table, *names)
        start = self._start
        end = self._value(path)
        self._places.entries.append(Entry(path, starts, (start, end), inline))

    def _value(self, path: Path) -> int:
        if self._token == "{":
            return self._inline_table(path)
        depth, end = 0, self._end
        while depth or (self._kind not in ("newline", "end") and self._token not in (",", "}")):
            depth += (self._token in _OPENING) - (self._token in _CLOSING)
            end = self._end
            if self._kind == "end":
                raise ValueError(end)
            self._advance()
        return end

    def _inline_table(self, path: Path) -> int:
        opening, commas = self._take("{"), []
        self._skip_lines()
        while self._token != "}":
            self._entry(path, inline=True)
            self._skip_lines()
            if self._token == ",":
                commas.append(self._take(","))
                self._skip_lines()
        closing = self._take("}")
        self._places.inlines[path] = Inline(opening, closing, tuple(commas))
        return closing + 1
