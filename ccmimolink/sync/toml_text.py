"""Changing single values in a TOML text and nothing else.

Owns the edit and its proof. A value or a line is cut out or put in, and all around it stays to the byte; then
the changed text is parsed again and compared with what was meant. It must not know what the values mean.

The library for TOML only reads here. Its writing moves dotted keys behind a table below them, parts comments
from what they speak of, and puts bare line feeds into texts with CRLF.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ccmimolink.sync.toml_places import Entry, Inline, Path, Places, places

BOM = "\ufeff"
_BARE = re.compile(r"[A-Za-z0-9_]+")
"""Keys to write without quotes. With a hyphen it would be legal too; header names look better quoted."""
_LITERAL = re.compile(r"'[^']*'")
_PLAIN = re.compile(r"[^'\x00-\x1f\x7f]*")


class TomlError(Exception):
    """The text is no TOML, or cannot be changed without changing more. The message is the rest of a sentence
    that begins with the file's name, and repeats no value."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value to be set.

    :ivar path: keys from the root.
    :ivar value: a string, a table of strings and tables (only where there is none yet), or None to take the
        key out.
    """

    path: Path
    value: str | Mapping[str, Any] | None


def read_toml(text: str) -> dict[str, Any]:
    """The values of a text.

    :raises TomlError: it is no TOML; the message says where.
    """
    text = text.removeprefix(BOM)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # Codex's own parser takes TOML 1.1, which tomlkit reads too.
        try:
            return dict(tomlkit.parse(text).unwrap())
        except (TOMLKitError, ValueError, RecursionError):
            where = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
            raise TomlError(f"is not valid TOML ({where[1] if where else 'nested too deeply'})") from None


def lookup(document: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value at a path, or None."""
    found: Any = document
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found


def changed(text: str, changes: Iterable[Change]) -> str:
    """The text with the changes made, byte for byte the same elsewhere.

    A value is replaced in place, keeping its comment and, where it can, its kind of quotes. A new key comes
    behind one of its table, written as that one is; a new table at the end. Taking out a key leaves its
    comment, and taking out a table those within it. So what was added can be taken out to the byte, and what
    was replaced can be put back to the byte unless it was written with escapes or in several lines.

    :raises TomlError: it is no TOML, or the result would not be just what was meant.
    """
    mark, body = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    before = read_toml(body)
    wanted = [change for change in changes if lookup(before, change.path) != change.value]
    if not wanted:
        return text
    expected, result = read_toml(body), body
    for change in wanted:
        _expect(expected, change)
        try:
            result = _applied(result, change)
        except ValueError:
            raise TomlError(f"is written in a way in which {_shown(change.path)} cannot be changed") from None
    if not _is_proved(body, result, expected, [change.path for change in wanted]):
        names = ", ".join(_shown(change.path) for change in wanted)
        raise TomlError(f"is written in a way in which {names} cannot be changed without changing more")
    return mark + result


def _shown(path: Path) -> str:
    return ".".join(path)


# -- the proof ----------------------------------------------------------------------------------------------


def _expect(document: dict[str, Any], change: Change) -> None:
    *parents, key = change.path
    table = document
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise TomlError(f"has no table where {_shown(change.path)} belongs")
    if change.value is None:
        table.pop(key, None)
    else:
        table[key] = deepcopy(change.value)


def _is_proved(before: str, after: str, expected: dict[str, Any], touched: Sequence[Path]) -> bool:
    """Whether the values are those expected, and the rest has its order, its comments and its line ends."""
    try:
        old, new = read_toml(before), read_toml(after)
        for path in touched:
            _prune(new, path)
            _prune(expected, path)
        return (
            _same(new, expected)
            and _order(old, touched) == _order(new, touched)
            and places_in(before).comments == places_in(after).comments
            and _line_ends(after) <= (_line_ends(before) or {"\n"})
        )
    except (TomlError, ValueError, RecursionError):
        return False


def _prune(document: dict[str, Any], path: Path) -> None:
    """Without tables along the path that are empty: those of dotted keys go with their last key."""
    for depth in range(len(path) - 1, 0, -1):
        if lookup(document, path[:depth]) == {}:
            del lookup(document, path[: depth - 1])[path[depth - 1]]


def _same(one: Any, other: Any) -> bool:
    """Equal, with types that Python takes for one kept apart, and with numbers that equal nothing."""
    if isinstance(one, dict) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))


def _order(document: Mapping[str, Any], touched: Sequence[Path]) -> list[Path]:
    return [path for path in _leaves(document) if not any(path[: len(one)] == one for one in touched)]


def _leaves(document: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key)


def _line_ends(text: str) -> set[str]:
    return set(re.findall(r"\r?\n", text))


# -- one change ---------------------------------------------------------------------------------------------


def _applied(text: str, change: Change) -> str:
    """:raises ValueError: there is no place for it."""
    path, value = change.path, change.value
    if value is None:
        return _without(text, path)
    document = read_toml(text)
    if lookup(document, path) is None:
        depth = next(
            depth for depth in range(len(path) - 1, -1, -1) if lookup(document, path[:depth]) is not None
        )
        return _with_new(text, path[:depth], path[depth:], value)
    if not isinstance(value, str):
        raise TomlError(f"has {_shown(path)} already")
    entry = places_in(text).entry(path)
    if entry is None:
        raise ValueError(path)
    start, end = entry.value
    return text[:start] + _in_place_of(text[start:end], value) + text[end:]


def places_in(text: str) -> Places:
    """Where everything stands in a text without a byte order mark.

    :raises ValueError: it is no TOML.
    """
    return places(text, lambda token: str(next(iter(read_toml(f"{token}=0")))))


def _with_new(text: str, table: Path, rest: Path, value: str | Mapping[str, Any]) -> str:
    """:param table: the innermost that is there.
    :param rest: the keys from there.
    """
    found = places_in(text)
    rendered = f"{_key(rest[0])} = {_rendered(rest[1:], value)}"
    if table in found.inlines:
        return _into_inline(text, found, found.inlines[table], rendered)
    sibling = _sibling(found, table)
    if sibling is not None and sibling.inline:
        end = sibling.value[1]
        return f"{text[:end]}, {text[sibling.keys[0] : sibling.key_of(table)]}{rendered}{text[end:]}"
    if not isinstance(value, str):
        return _with_section(text, (*table, *rest), value)
    if not table:
        # Before everything: there it is no table's, and parts no comment from what it speaks of.
        return f"{rendered}{_line_end(text, 0)}{text}"
    if sibling is not None:
        prefix = text[_line_start(text, sibling.keys[0]) : sibling.key_of(table)]
        return _with_line(text, sibling.value[1], prefix + rendered)
    for path, (_, end) in found.headers:
        if path == table:
            return _with_line(text, end, rendered)
    return _with_section(text, table, {rest[0]: _nested(rest[1:], value)})


def _sibling(found: Places, table: Path) -> Entry | None:
    """A key of the table behind which another can stand, the address at best."""
    below = [entry for entry in found.entries if entry.key_of(table) is not None]
    own = [entry for entry in below if entry.path[:-1] == table]
    addresses = [entry for entry in own if entry.path[-1] == "base_url"]
    return next((entries[-1] for entries in (addresses, own, below) if entries), None)


def _into_inline(text: str, found: Places, inline: Inline, rendered: str) -> str:
    ends = [entry.value[1] for entry in found.entries if inline.opening < entry.value[0] < inline.closing]
    if ends:
        return f"{text[: max(ends)]}, {rendered}{text[max(ends) :]}"
    inside = text[inline.opening + 1 : inline.closing]
    filled = f" {rendered}{inside}" if inside.strip() else f"{inside}{rendered}{inside}"
    return text[: inline.opening + 1] + filled + text[inline.closing :]


def _with_line(text: str, at: int, line: str) -> str:
    """A line behind that of a place. If the last one has no end, the new last one has none either."""
    end, eol = _line_stop(text, at), _line_end(text, at)
    added = f"{line}{eol}" if text[:end].endswith("\n") else f"{eol}{line}"
    return text[:end] + added + text[end:]


def _with_section(text: str, table: Path, values: Mapping[str, Any]) -> str:
    """A table with its header, at the end: there it takes no other's keys or comments."""
    eol = _line_end(text, 0)
    lines = [f"[{'.'.join(map(_key, table))}]"]
    lines += [f"{_key(key)} = {_rendered((), value)}" for key, value in values.items()]
    if not text or text.endswith("\n"):
        return text + (eol if text else "") + eol.join(lines) + eol
    return text + eol + eol + eol.join(lines)


# -- taking out ---------------------------------------------------------------------------------------------


def _without(text: str, path: Path) -> str:
    """The keys first, since without their header they would be another table's."""
    found = places_in(text)
    while below := [entry for entry in found.entries if entry.path[: len(path)] == path]:
        entry = below[-1]
        text = (
            _without_member(text, found, entry) if entry.inline else _cut(text, entry.keys[0], entry.value[1])
        )
        found = places_in(text)
    while headers := [place for table, place in found.headers if table[: len(path)] == path]:
        text = _without_header(text, *headers[-1])
        found = places_in(text)
    return text


def _without_member(text: str, found: Places, member: Entry) -> str:
    start, end = member.keys[0], member.value[1]
    inline = max(
        (inline for inline in found.inlines.values() if inline.opening < start < inline.closing),
        key=lambda inline: inline.opening,
    )
    before = [comma for comma in inline.commas if comma < start]
    behind = [comma for comma in inline.commas if comma >= end]
    if before:
        return text[: before[-1]] + text[end:]
    if behind:
        return text[:start] + text[behind[0] + 1 :].lstrip(" \t")
    return text[:start] + text[end : inline.closing].strip(" \t") + text[inline.closing :]


def _without_header(text: str, start: int, end: int) -> str:
    """With the blank line above it, which came with it when it was added at the end."""
    first = _line_start(text, start)
    blank = re.search(r"(?:(?<=\n)|\A)\r?\n\Z", text[:first])
    above = blank.start() if blank is not None else first
    return _cut(text[:above] + text[first:], start - (first - above), end - (first - above))


def _cut(text: str, start: int, end: int) -> str:
    """Without what stands there, and without its line if nothing is left in it."""
    first, stop = _line_start(text, start), _line_stop(text, end)
    comment = text[end:stop].lstrip(" \t")
    if comment.strip():
        return text[:start] + comment + text[stop:]
    head, tail = text[:first], text[stop:]
    if not tail and not text.endswith("\n"):
        head = head.removesuffix("\n").removesuffix("\r")
    return head + tail


# -- lines and words ----------------------------------------------------------------------------------------


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_stop(text: str, at: int) -> int:
    """Behind the line end."""
    return text.find("\n", at) + 1 or len(text)


def _line_end(text: str, at: int) -> str:
    """That of the line there, or the text's where this is the last line and has none."""
    line = text[: _line_stop(text, at)]
    crlf = line.endswith("\r\n") if line.endswith("\n") else "\r\n" in text
    return "\r\n" if crlf else "\n"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _string(value: str) -> str:
    return tomlkit.string(value).as_string()


def _in_place_of(token: str, value: str) -> str:
    is_literal = _LITERAL.fullmatch(token) is not None and _PLAIN.fullmatch(value) is not None
    return f"'{value}'" if is_literal else _string(value)


def _nested(path: Sequence[str], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _rendered(path: Sequence[str], value: Any) -> str:
    value = _nested(path, value)
    if isinstance(value, str):
        return _string(value)
    return "{ " + ", ".join(f"{_key(key)} = {_rendered((), inner)}" for key, inner in value.items()) + " }"
