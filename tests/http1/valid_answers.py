"""Answers that are in order, as bytes and as what they mean: of every framing, with all that may go with one.

Nothing here reads one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from ccmimolink.http1.reader import Head

FRAMED = ("length", "chunked", "none")
"""What tells the end of an answer on a connection that goes on."""

EXTENSIONS = (b"", b"", b";a", b";a=b", b';a="b c";d=e', b" ", b" ;a")
"""What may stand behind the size of a chunk."""

Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class ValidAnswer:
    """
    :ivar wire: the bytes, interim answers included.
    :ivar ends_with_connection: whether nothing but the end of the connection tells the end of the body.
    :ivar keeps: whether another request may follow on the connection.
    :ivar head_length: where in ``wire`` the final head ends.
    """

    wire: bytes
    head: Head
    body: bytes
    ends_with_connection: bool
    keeps: bool
    head_length: int


def cut(wire: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The bytes in pieces of these sizes; what is left over is the last one."""
    pieces, place = [], 0
    for size in sizes:
        pieces.append(wire[place : place + size])
        place += size
    return [piece for piece in [*pieces, wire[place:]] if piece]


sizes = st.lists(st.integers(1, 25), max_size=60)
"""Where to cut."""

_VISIBLE = st.binary(max_size=12).map(lambda raw: bytes(0x21 + byte % 0x5E for byte in raw))
_WORDS = st.lists(_VISIBLE.filter(len), min_size=1, max_size=3)
_names = st.sampled_from([b"x-a", b"X-A", b"server", b"Content-Type", b"set-cookie", b"x", b"date"])


@st.composite
def _lines(draw: st.DrawFn, end: bytes) -> tuple[list[bytes], Fields]:
    """Field lines without their ends, and what they mean: white space around a value is no part of it."""
    lines, fields = [], []
    for name in draw(st.lists(_names, max_size=4)):
        words = draw(_WORDS | st.just([b""]))
        joint = draw(st.sampled_from([b" ", b"\t", b" \t "]))
        folded = draw(st.booleans())
        space = draw(st.sampled_from([b"", b" ", b"\t", b"  "]))
        behind = draw(st.sampled_from([b"", b"", b" ", b"\t "]))
        lines.append(name + b":" + space + ((end if folded else b"") + joint).join(words) + behind)
        fields.append((name, joint.join(words)))
    return lines, tuple(fields)


@st.composite
def _interim(draw: st.DrawFn) -> bytes:
    end = draw(st.sampled_from([b"\r\n", b"\n"]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.0"]))
    line = b"HTTP/%b %d Wait" % (version, draw(st.sampled_from([100, 102, 103])))
    lines, _ = draw(_lines(end))
    closes = draw(st.sampled_from([[], [], [b"connection: close"]]))
    return end.join([line, *lines, *closes, b"", b""])


@st.composite
def _chunked(draw: st.DrawFn, extensions: Sequence[bytes]) -> tuple[bytes, bytes]:
    parts = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
    framed = b""
    for part in [*parts, b""]:
        size = draw(st.sampled_from([b"%x", b"%X", b"%05x"])) % len(part)
        framed += size + draw(st.sampled_from(extensions)) + b"\r\n"
        if part:
            framed += part + b"\r\n"
    trailers, _ = draw(_lines(b"\r\n"))
    return framed + b"\r\n".join([*trailers, b"", b""]), b"".join(parts)


@st.composite
def valid_answers(
    draw: st.DrawFn, *, kinds: Sequence[str] = (*FRAMED, "until the end"), blanks: bool = True
) -> ValidAnswer:
    """All of them.

    :param kinds: or those alone that are framed in certain ways.
    :param blanks: or those alone without blanks behind the size of a chunk.
    """
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\n"]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.0"]))
    kind = draw(st.sampled_from(kinds))
    code = draw(st.sampled_from([204, 304] if kind == "none" else [200, 201, 299, 404, 429, 500, 503, 599]))
    phrase = b" ".join(draw(_WORDS | st.just([])))
    lines, fields = draw(_lines(end))
    connection = draw(st.sampled_from([b"", b"", b"close", b"keep-alive", b"Close"]))
    added: list[tuple[bytes, bytes]] = [(b"Connection", connection)] if connection else []
    payload = body = draw(st.binary(max_size=120))
    if kind == "length":
        added.append((b"Content-Length", b"%d" % len(body)))
    elif kind == "chunked":
        payload, body = draw(_chunked(EXTENSIONS if blanks else EXTENSIONS[:-2]))
        added.append((b"Transfer-Encoding", draw(st.sampled_from([b"chunked", b"Chunked"]))))
        # A length beside chunks does not count.
        added += draw(st.sampled_from([[], [], [(b"Content-Length", b"7")]]))
    elif kind == "none":
        payload = body = b""
        added += draw(st.sampled_from([[], [(b"Content-Length", b"7")]]))
    status = b"HTTP/%b %d" % (version, code) + (b" " + phrase if phrase or draw(st.booleans()) else b"")
    head = end.join([status, *lines, *(b"%b: %b" % field for field in added), b"", b""])
    before = b"".join(draw(st.lists(_interim(), max_size=2)))
    until_the_end = kind == "until the end"
    return ValidAnswer(
        before + head + payload,
        Head(version.decode(), code, phrase, (*fields, *added)),
        body,
        until_the_end,
        not until_the_end
        and connection.lower() != b"close"
        and (version == b"1.1" or connection == b"keep-alive"),
        len(before + head),
    )
