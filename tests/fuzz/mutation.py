"""Random changes of values and of bytes.

Owns how something valid becomes nearly valid. All chance comes from the ``Random`` that is handed in, so that
a seed is enough to make a case again, and hypothesis can hand in one of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

DEEP = 2500
"""Levels beyond which no decoder follows."""


class Written:
    """JSON that :mod:`json` would not write: it is put into the text as it is."""

    def __init__(self, text: str) -> None:
        self.text = text


def _deep(opened: str, closed: str) -> Written:
    return Written(opened * DEEP + closed * DEEP)


ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    7,
    1.5,
    2**53 + 1,
    2**64,
    -(2**70),
    1e308,
    "",
    " ",
    "0",
    "null",
    "message",
    "function",
    "item_reference",
    "function_call_output",
    "computer_call",
    "input_image",
    "data:image/png;base64,AAAA",
    "http://127.0.0.1:9/a.png",
    "\x00\x1f\x7f",
    "\u2028\ufeff\ufffe",
    "🙂é漢",
    "a\r\nx-injected: 1\r\n\r\n",
    "data: [DONE]\n\n",
    "x" * 3000,
    [],
    [None],
    [[]],
    {},
    {"": ""},
    {"type": "object"},
    {"type": "text", "text": "a"},
    {"type": 5},
    Written("NaN"),
    Written("-Infinity"),
    Written("1e999"),
    Written("-0"),
    Written("1" + "0" * 400),
    Written(r'"\ud83d"'),
    Written(r'"\udc00\ud800"'),
    Written(r'"\u0000"'),
    Written('{"type":"message","type":"reasoning","role":"user","role":5}'),
    _deep("[", "]"),
    _deep('{"a":', "}"),
    Written(""),
    Written("tru"),
)


def text_of(value: Any) -> str:
    """The value as JSON, with what was written by hand in its place."""
    if not isinstance(value, (dict, list)):
        return value.text if isinstance(value, Written) else json.dumps(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{text_of(each)}" for name, each in value.items()) + "}"
    return "[" + ",".join(map(text_of, value)) + "]"


Path = tuple[Any, ...]


def _nodes(value: Any, path: Path = ()) -> list[Path]:
    found = [path]
    if isinstance(value, dict):
        for name, each in value.items():
            found += _nodes(each, (*path, name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            found += _nodes(each, (*path, place))
    return found


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(value: Any, path: Path, inner: Any) -> Any:
    """The value with another one at this place. What is not changed is shared."""
    if not path:
        return inner
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:], inner)
    return copy


def mutated(random: Random, value: Any, times: int = 1) -> Any:
    """The JSON value with so many changes at random nodes."""
    for _ in range(times):
        value = _changed(random, value)
    return value


def _changed(random: Random, value: Any) -> Any:
    nodes = _nodes(value)
    path = random.choice(nodes)
    old = _at(value, path)
    what = random.random()
    if what < 0.45 or not path:
        return _with(value, path, random.choice(ODD))
    if what < 0.6:
        parent = _at(value, path[:-1]).copy()
        del parent[path[-1]]
        return _with(value, path[:-1], parent)
    if what < 0.7:
        return _with(value, path, _at(value, random.choice(nodes)))
    if what < 0.8:
        return _with(value, path, [old])
    if what < 0.85:
        return _with(value, path, {"type": "text", "text": old})
    if what < 0.9:
        return _with(value, path, json.dumps(old) if not _has_written(old) else "x")
    if isinstance(old, str):
        return _with(value, path, old + str(random.choice(("", "\x00", "é", old * 20, "</think>"))))
    if isinstance(old, list):
        return _with(value, path, old * random.choice((2, 3, 20)))
    if isinstance(old, dict):
        name = random.choice(("type", "id", "role", "content", "call_id", "name", "\x00", "x" * 300))
        return _with(value, path, {**old, name: random.choice(ODD)})
    return _with(value, path, random.choice(ODD))


def _has_written(value: Any) -> bool:
    return any(isinstance(_at(value, path), Written) for path in _nodes(value))


JUNK: tuple[bytes, ...] = (
    b"\x00",
    b"\r",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b" ",
    b":",
    b",",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"0\r\n\r\n",
    b"ffffffff\r\n",
    b"-1",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xf0\x9f\x99",
    b"data:",
    b"data: [DONE]\n\n",
    b"event: x\n",
    b"NaN",
    b"\\ud800",
    b"HTTP/1.1 200 OK\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n",
)


def spoiled(random: Random, data: bytes, times: int = 1) -> bytes:
    """The bytes with so many changes at random places."""
    for _ in range(times):
        at = random.randrange(len(data) + 1)
        end = min(len(data), at + random.choice((1, 1, 2, 5, 40)))
        what = random.randrange(6)
        if what == 0:
            data = data[:at] + random.choice(JUNK) + data[at:]
        elif what == 1:
            data = data[:at] + random.choice(JUNK) + data[end:]
        elif what == 2:
            data = data[:at] + data[end:]
        elif what == 3:
            data = data[:end] + data[at:end] * random.choice((1, 2, 10)) + data[end:]
        elif what == 4:
            data = data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
        else:
            data = data[:at]
    return data


def random_bytes(random: Random, most: int = 60) -> bytes:
    """Bytes of no form, or of many forms."""
    if random.random() < 0.5:
        return b"".join(random.choice(JUNK) for _ in range(random.randrange(most // 6)))
    return bytes(random.randrange(256) for _ in range(random.randrange(most)))


def pieces(random: Random, data: bytes) -> Sequence[bytes]:
    """The bytes in the pieces in which they arrive."""
    how = random.random()
    if how < 0.5 or not data:
        return [data]
    if how < 0.55 and len(data) < 1500:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(random.randrange(len(data)) for _ in range(random.choice((1, 2, 5))))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
