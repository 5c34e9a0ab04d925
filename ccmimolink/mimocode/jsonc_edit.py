"""Changing single values in a JSONC text and nothing else.

Owns the edit and its proof. A value is cut out or put in, and all around it stays to the byte; then the
changed text is read again and compared with what was meant. It must not know what the values mean.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ccmimolink.mimocode.jsonc_text import (
    BLANKS,
    BOM,
    INDENT,
    Document,
    JsoncError,
    Member,
    Node,
    Span,
    Writer,
    is_blank,
    read_document,
    same,
)

NO_REFERENCES: frozenset[str] = frozenset()
_SPACES = " \t"
_BREAKS = "\r\n"
_BREAK = re.compile(r"[\r\n]")


@dataclass(frozen=True, slots=True)
class _Edit:
    """What stands between two places is replaced. Edits of one text come in order and never overlap."""

    start: int
    end: int
    text: str = ""


def with_value(
    text: str,
    path: Sequence[str],
    value: Any,
    *,
    first: bool = False,
    literal: frozenset[str] = NO_REFERENCES,
) -> str:
    """The text with a value at a path of keys from the outermost object. What equals it already stays.

    :param first: whether a key that is not there yet becomes the first of its object instead of the last.
    :param literal: strings that are references for MiMoCode. In all other strings one is written so that
        MiMoCode reads it as text.
    :raises JsoncError: the text is no object, has something else where an object belongs, or the result would
        not be just what was meant.
    """
    if is_blank(text):
        mark = BOM if text.startswith(BOM) else ""
        return mark + new_text(_nested(path, value), literal=literal)
    document = read_document(text)
    holders = _holders(document, path)
    key, *below = path[len(holders) - 1 :]
    present = _last(holders[-1], key)
    if present is not None and same(present.node.value, value):
        return text
    layout = _Layout.of(text, document, holders, literal)
    if present is None:
        edits = layout.insertion(holders[-1], key, _nested(below, value), first=first)
    else:
        edits = [layout.replacement(holders[-1], present.node, value)]
    result = _applied(text, edits)
    replaced = [] if present is None else [present.node]
    _prove(text, document, replaced, result, _merged(document.root.value, path, value), path)
    return result


def without(text: str, path: Sequence[str]) -> str:
    """The text without a key, and without its duplicates. If it is not there, the text as it was.

    :raises JsoncError: the text is no object, or the result would not be just what was meant.
    """
    if is_blank(text):
        return text
    document = read_document(text)
    holder: Node | None = document.root
    for key in path[:-1]:
        member = None if holder is None else _last(holder, key)
        holder = None if member is None else member.node
    if holder is None or _last(holder, path[-1]) is None:
        return text
    result = _applied(text, _removal(text, document, holder, path[-1]))
    removed = [member.node for member in holder.members if member.key == path[-1]]
    _prove(text, document, removed, result, _pruned(document.root.value, path), path)
    return result


def new_text(value: dict[str, Any], *, literal: frozenset[str] = NO_REFERENCES) -> str:
    """A whole file.

    :raises JsoncError: the value cannot be written.
    """
    text = Writer(INDENT, "\n", literal).written(value, "") + "\n"
    if not same(read_document(text).root.value, value):
        raise JsoncError("would not be read as it was meant")
    return text


def _nested(path: Sequence[str], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _last(holder: Node, key: str) -> Member | None:
    """Of a key that is there twice, the last counts."""
    return next((member for member in reversed(holder.members) if member.key == key), None)


def _holders(document: Document, path: Sequence[str]) -> list[Node]:
    """The objects along a path, as far as there are any."""
    holders = [document.root]
    for depth, key in enumerate(path[:-1], 1):
        member = _last(holders[-1], key)
        if member is None:
            break
        if not isinstance(member.node.value, dict):
            raise JsoncError(f"has no object at {'.'.join(path[:depth])}")
        holders.append(member.node)
    return holders


def _applied(text: str, edits: Iterable[_Edit]) -> str:
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += text[at : edit.start], edit.text
        at = edit.end
    return "".join(parts) + text[at:]


# -- the proof ----------------------------------------------------------------------------------------------


def _prove(
    text: str, document: Document, gone: Sequence[Node], result: str, expected: Any, path: Sequence[str]
) -> None:
    """:raises JsoncError: the result holds other values, or other comments, than those expected.

    :param gone: the values that are not there any more, with the comments in them.
    """
    comments = [text[start:end] for start, end in _outside(document.comments, gone)]
    try:
        after = read_document(result)
        is_proved = (
            same(after.root.value, expected)
            and [result[start:end] for start, end in after.comments] == comments
        )
    except JsoncError:
        is_proved = False
    if not is_proved:
        raise JsoncError(f"is written in a way in which {'.'.join(path)} cannot be changed alone")


def _outside(comments: Iterable[Span], nodes: Sequence[Node]) -> Iterator[Span]:
    starts = [node.start for node in nodes]
    for comment in comments:
        before = bisect_right(starts, comment[0])
        if not before or nodes[before - 1].end <= comment[0]:
            yield comment


def _merged(value: Any, path: Sequence[str], new: Any) -> Any:
    if not path:
        return new
    return value | {path[0]: _merged(value.get(path[0], {}), path[1:], new)}


def _pruned(value: Any, path: Sequence[str]) -> Any:
    if len(path) == 1:
        return {key: inner for key, inner in value.items() if key != path[0]}
    return value | {path[0]: _pruned(value[path[0]], path[1:])}


# -- putting in ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a text is laid out, and where something new fits in.

    :ivar comments: where each comment ends, by where it begins.
    """

    text: str
    comments: dict[int, int]
    writer: Writer

    @classmethod
    def of(cls, text: str, document: Document, holders: Sequence[Node], literal: frozenset[str]) -> _Layout:
        writer = Writer(_unit(text, holders), _line_end(text), literal)
        return cls(text, dict(document.comments), writer)

    def replacement(self, holder: Node, node: Node, value: Any) -> _Edit:
        indent = None if self._in_one_line(holder) else _line_indent(self.text, node.start)
        return _Edit(node.start, node.end, self.writer.written(value, indent))

    def insertion(self, holder: Node, key: str, value: Any, *, first: bool) -> list[_Edit]:
        is_first = first or not holder.members
        if self._in_one_line(holder) and not (isinstance(value, dict | list) and value):
            member = self.writer.member(key, value, None)
            return self._first_inline(holder, member) if is_first else self._last_inline(holder, member)
        outer = _line_indent(self.text, holder.start)
        indents = (_own_indent(self.text, one.start) for one in holder.members[:: 1 if is_first else -1])
        inner = next((indent for indent in indents if indent is not None), outer + self.writer.unit)
        member = self.writer.eol + inner + self.writer.member(key, value, inner)
        if not holder.members:
            return [self._before_closing(holder, self._behind_comments(holder), member)]
        if not is_first:
            return self._last_line(holder, member)
        return self._first_line(holder, member, inner)

    def _first_inline(self, holder: Node, member: str) -> list[_Edit]:
        if holder.members:
            at = _past(self.text, holder.start + 1, BLANKS)
            return [_Edit(at, at, f"{member}, ")]
        at = self._behind_comments(holder)
        gap = self.text[at : holder.end - 1] if at == holder.start + 1 else " "
        return [_Edit(at, at, gap + member)]

    def _last_inline(self, holder: Node, member: str) -> list[_Edit]:
        last = holder.members[-1]
        if last.comma is not None:
            at = self._line_stop(last.comma + 1)
            return [_Edit(at, at, f" {member},")]
        end, at = last.node.end, self._line_stop(last.node.end)
        return [_Edit(end, end, ","), _Edit(at, at, f" {member}")]

    def _first_line(self, holder: Node, member: str, inner: str) -> list[_Edit]:
        at = self._line_stop(holder.start + 1)
        if self._ends_line(at):
            return [_Edit(at, at, f"{member},")]
        # A comment that stands before the first member in its line speaks of that one.
        start = holder.start + 1
        edits = [_Edit(start, _past(self.text, start, BLANKS), f"{member},{self.writer.eol}{inner}")]
        if self._in_one_line(holder):
            edits.append(self._before_closing(holder, self._line_stop(_end(holder.members[-1])), ""))
        return edits

    def _last_line(self, holder: Node, member: str) -> list[_Edit]:
        last = holder.members[-1]
        at = self._line_stop(_end(last))
        if last.comma is not None:
            return [self._before_closing(holder, at, f"{member},")]
        comma = _Edit(last.node.end, last.node.end, ",")
        return [comma, self._before_closing(holder, at, member)]

    def _before_closing(self, holder: Node, at: int, added: str) -> _Edit:
        """Something is added, and a closing brace that comes next in the line gets a line of its own."""
        if self._ends_line(at):
            return _Edit(at, at, added)
        return _Edit(at, holder.end - 1, added + self.writer.eol + _line_indent(self.text, holder.start))

    def _behind_comments(self, holder: Node) -> int:
        """Behind the last comment of an object that has nothing else."""
        ends = [end for start, end in self.comments.items() if holder.start < start < holder.end]
        return max(ends, default=holder.start + 1)

    def _line_stop(self, at: int) -> int:
        """Behind the comments that begin in this line, if there are any before something else."""
        while (comment := _past(self.text, at, _SPACES)) in self.comments:
            at = self.comments[comment]
        return at

    def _ends_line(self, at: int) -> bool:
        return self.text[_past(self.text, at, _SPACES)] in _BREAKS

    def _in_one_line(self, node: Node) -> bool:
        return _BREAK.search(self.text, node.start, node.end) is None


def _end(member: Member) -> int:
    return member.node.end if member.comma is None else member.comma + 1


# -- taking out ---------------------------------------------------------------------------------------------


def _removal(text: str, document: Document, holder: Node, key: str) -> list[_Edit]:
    """Each member goes with the comma behind it. If the last had none, the last that stays loses its own."""
    kept = [member for member in holder.members if member.key != key]
    spans = [
        span
        for member in holder.members
        if member.key == key
        for span in _tokens(text, member, document.comments)
    ]
    if kept and kept[-1].comma is not None and holder.members[-1].comma is None:
        spans.append((kept[-1].comma, kept[-1].comma + 1))
    return [_Edit(*_widened(text, span)) for span in _joined(text, sorted(spans))]


def _tokens(text: str, member: Member, comments: Sequence[Span]) -> Iterator[Span]:
    """A member and its comma without the comments between the key, the value and the comma."""
    at = member.start
    for index in range(bisect_left(comments, (at, at)), len(comments)):
        start, end = comments[index]
        if start >= _end(member):
            break
        if not member.node.start <= start < member.node.end:
            yield from _trimmed(text, at, start)
            at = end
    yield from _trimmed(text, at, _end(member))


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    part = text[start:end]
    if part.strip(BLANKS):
        yield end - len(part.lstrip(BLANKS)), start + len(part.rstrip(BLANKS))


def _joined(text: str, spans: Iterable[Span]) -> list[Span]:
    """With those made one that have nothing but spaces between them."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and not text[joined[-1][1] : start].strip(_SPACES):
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def _widened(text: str, span: Span) -> Span:
    """With the spaces beside it that have nothing more to part, or with its line if nothing is left in it."""
    start, end = span
    before, behind = start, _past(text, end, _SPACES)
    while text[before - 1] in _SPACES:
        before -= 1
    begins_line, ends_line = text[before - 1] in _BREAKS, text[behind] in _BREAKS
    if begins_line and ends_line:
        return before, behind + (2 if text.startswith("\r\n", behind) else 1)
    if begins_line:
        return start, behind
    if ends_line or text[behind] == "}":
        return before, end
    return (start, behind) if before < start or text[before - 1] == "{" else span


# -- lines and blanks ---------------------------------------------------------------------------------------


def _past(text: str, at: int, blanks: str) -> int:
    """Within an object, where a brace comes at last."""
    while text[at] in blanks:
        at += 1
    return at


def _own_indent(text: str, at: int) -> str | None:
    """What stands before a place in its line, if it is nothing but spaces."""
    start = at
    while text[start - 1] in _SPACES:
        start -= 1
    return text[start:at] if text[start - 1] in _BREAKS else None


def _line_indent(text: str, at: int) -> str:
    """The spaces with which the line of a place begins."""
    start = 1 + max(text.rfind(mark, 0, at) for mark in _BREAKS)
    line = text[start:at]
    return line[: len(line) - len(line.lstrip(_SPACES))]


def _unit(text: str, holders: Sequence[Node]) -> str:
    """One step of indentation: that of the innermost object that shows one."""
    for holder in reversed(holders):
        outer = _line_indent(text, holder.start)
        for member in holder.members:
            inner = _own_indent(text, member.start)
            if inner is not None and inner != outer and inner.startswith(outer):
                return inner.removeprefix(outer)
    return INDENT


def _line_end(text: str) -> str:
    """That of most lines."""
    crlf = text.count("\r\n")
    lf = text.count("\n") - crlf
    if crlf > lf:
        return "\r\n"
    return "\n" if lf or "\r" not in text else "\r"
