"""What is masked in a dump.

Owns the masks: a key is hidden where its place tells it, where it is known, and where it looks like one. It
must not know where a text comes from. A text is given whole: a key that arrived in pieces is one there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

MASK = b"***"

LEAST = 8
"""Characters. A shorter key is a placeholder for a server that wants none, and may be part of any word."""

_SECRET_HEADER = re.compile(rb"key|token(?!s)|secret|auth|cookie|passw|credential|signature", re.IGNORECASE)
_SCHEME = re.compile(rb"[A-Za-z]+(?= )")
_QUERY = re.compile(rb"\?.*", re.DOTALL)

# Behind an escape of JSON a word begins as well; the escape itself is no part of it.
_LOOKS_LIKE_A_KEY = (
    rb"(?:(?<![A-Za-z0-9_\\])|(?<=\\\\)|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})|(?<=%[0-9a-fA-F]{2}))"
    rb"(?:(?:sk|t?tp|gp|pk)-[\w-]{6,}|gh[a-z]_\w{20,}|github_pat_\w{20,}|xox[a-z]-[\w-]{6,}"
    rb"|AKIA[0-9A-Z]{12,}|eyJ[\w.-]{10,}|[Bb]earer [\w.~+/-]{8,})"
)

_WINDOW = 16 * 1024
"""Bytes that are searched in one call, which no other thread can interrupt: some milliseconds."""


def secret_values(name: bytes, value: bytes) -> Iterator[str]:
    """The secrets in a header: what stands behind the scheme, or behind the names of cookies."""
    if not _SECRET_HEADER.search(name):
        return
    text = value.decode("latin-1").strip()
    yield text
    yield text.partition(" ")[2].strip()
    for part in text.split(";"):
        yield part.partition("=")[2].strip()


def masked_header(name: bytes, value: bytes) -> bytes | None:
    """What is shown of a header that holds a secret by its name, or None if it does not."""
    if not _SECRET_HEADER.search(name):
        return None
    scheme = _SCHEME.match(value)
    return MASK if scheme is None else scheme[0] + b" " + MASK


class Masks:
    """:param keys: secrets that are known. Those that are too short to be searched for are passed over."""

    def __init__(self, keys: Collection[str]) -> None:
        known = {key for key in keys if len(key) >= LEAST and key.isascii()}
        self.longest = 16 * max(map(len, known), default=LEAST)
        # The longest first: one may begin with another.
        forms = [_forms(key) for key in sorted(known, key=len, reverse=True)]
        self._pattern = re.compile(b"|".join([*forms, _LOOKS_LIKE_A_KEY]))

    def header(self, name: bytes, value: bytes) -> bytes:
        shown = masked_header(name, value)
        return self.text(value) if shown is None else shown

    def target(self, target: bytes) -> bytes:
        """A URL or path. No query of one is needed to understand a request, and many hold secrets."""
        return self.text(_QUERY.sub(b"?" + MASK, target))

    def text(self, data: bytes) -> bytes:
        parts, end = [], 0
        for start, stop in self._spans(data):
            parts += [data[end:start], MASK]
            end = stop
        return b"".join([*parts, data[end:]])

    def events(self, body: bytes) -> bytes:
        """A body that may be a stream of events, where a key may lie across many of them."""
        lines = body.split(b"\n")
        leaves: dict[Any, list[_Leaf]] = {}
        documents: dict[int, Any] = {}
        for number, line in enumerate(lines):
            if line.startswith(b"data:"):
                # What is no JSON, or too deep, is masked as the text that it is.
                with suppress(ValueError, RecursionError):
                    document = json.loads(line[5:])
                    place, texts = _place(document), list(_texts(document, ()))
                    documents[number] = document
                    for path, text in texts:
                        leaves.setdefault((place, path), []).append(_Leaf(number, path, text))
        changed = {leaf.line for one in leaves.values() for leaf in self._masked_leaves(one, documents)}
        for number in changed:
            lines[number] = b"data: " + json.dumps(documents[number], separators=(",", ":")).encode()
        return self.text(b"\n".join(lines))

    def _masked_leaves(self, leaves: list[_Leaf], documents: dict[int, Any]) -> Iterator[_Leaf]:
        """Mask what lies across several texts of one place; gives those that are changed."""
        if len(leaves) < 2:
            return
        texts = [leaf.text.encode("utf-8", "surrogatepass") for leaf in leaves]
        spans = iter(self._spans(b"".join(texts)))
        start, stop = next(spans, (None, 0))
        begin = 0
        for leaf, text in zip(leaves, texts, strict=True):
            end, kept, at = begin + len(text), [], begin
            while start is not None and start < end:
                kept += [text[at - begin : max(start - begin, 0)], MASK if start >= begin else b""]
                at = min(stop, end)
                if stop > end:
                    break
                start, stop = next(spans, (None, 0))
            if kept:
                kept.append(text[at - begin :])
                _put(documents[leaf.line], leaf.path, b"".join(kept).decode("utf-8", "surrogatepass"))
                yield leaf
            begin = end

    def _spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where the secrets are."""
        position, length = 0, len(data)
        while position < length:
            end = position + _WINDOW
            found = self._pattern.search(data, position, min(length, end + self.longest))
            if found is None or found.start() >= end:
                position = end
                continue
            # What looks like a key may be longer than what was searched.
            whole = self._pattern.match(data, found.start()) or found
            yield whole.span()
            position = whole.end()


def _forms(key: str) -> bytes:
    """A key as it may stand in a body: as it is, escaped for JSON however often, or for a URL.

    A body may hold any number of backslashes, and no other thread runs during a search. So each run of them
    is looked at once: a form begins only where one does, and takes the whole of it.
    """
    parts, before = [], ""
    for run in _RUNS.findall(key):
        if run[0] == "\\":
            parts.append((b"" if before else _AT_RUN) + rb"(?:\\|u005[Cc]|%%(?:25)?5[Cc]){%d,}+" % len(run))
        else:
            parts.append(_form(run, before))
        before = run[0]
    return b"".join(parts)


def _form(character: str, before: str) -> bytes:
    """:param before: the character before it in the key, if there is one."""
    plain, number = re.escape(character).encode(), b"%02x" % ord(character)
    at_run = b"" if before else _AT_RUN
    escaped = rb"(?:%b\\++)?" % at_run if character in _ESCAPED else b""
    # Those that stand before it were taken already.
    backslashes = b"" if before == "\\" else rb"%b\\++" % at_run
    return rb"(?:%b%b|%bu00(?i:%b)|%%(?:25)?(?i:%b))" % (escaped, plain, backslashes, number, number)


_RUNS = re.compile(r"\\+|[^\\]")
_AT_RUN = rb"(?<!\\)"
_ESCAPED = '/"'
"""What JSON escapes by a backslash, beside the backslash itself."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A text within an event."""

    line: int
    path: tuple[Any, ...]
    text: str


def _place(event: Any) -> tuple[Any, ...]:
    """What tells apart the texts that are told side by side: what kind of event it is, and all indices."""
    named = (event.get("type"), event.get("item_id")) if isinstance(event, dict) else ()
    return (*map(str, named), *_indices(event))


def _indices(value: Any) -> Iterator[int]:
    for name, inner in _members(value):
        if isinstance(inner, (dict, list)):
            yield from _indices(inner)
        elif isinstance(inner, int) and str(name).endswith("index"):
            yield inner


def _texts(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, str):
        yield path, value
    else:
        for name, inner in _members(value):
            yield from _texts(inner, (*path, name))


def _members(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _put(document: Any, path: tuple[Any, ...], text: str) -> None:
    for name in path[:-1]:
        document = document[name]
    document[path[-1]] = text
