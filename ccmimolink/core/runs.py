"""Runs: chunks behind each other that differ in one string.

Owns the recognition of the ordinary stream, in which the upstream repeats itself but for the words, and the
reading of such chunks all at once. It must not be more lenient than the reader of single chunks: what it
takes is what that one would have made of it.

A pattern is learnt from a chunk that was read in full, by finding the JSON string that its text came from,
and is proved by reading the chunk once more with another string in that place. A JSON value depends on
nothing but the literal that spells it, so any other string in its place is the text of the same delta.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Struct

from ccmimolink.core.chat_reader import read_payload
from ccmimolink.core.upstream_events import CallDelta, Delta, ReasoningDelta, Run, TextDelta

_PLACES: Final = {
    TextDelta: (b"content",),
    ReasoningDelta: (b"reasoning_content", b"reasoning"),
    CallDelta: (b"arguments",),
}
_FIELD: Final = b"data: "
_END: Final = b"\n\n"
_LONGEST: Final = 4096
"""Bytes of a chunk that is worth studying. Ordinary ones have some hundred, and each place in it is tried."""

_STRING: Final = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*')
"""What stands between the quotes of a JSON string."""

_PROOFS: Final = (("pro\u00f6f", rb"pro\u00f6f"), ("another", b"another"))
"""Words, and how they stand in JSON. There are two, lest the chunk itself holds one of them."""

_strings = msgspec.json.Decoder(list[str])


class Pattern(Struct, frozen=True):
    """What stands before and behind the words in each event of a run.

    :ivar joint: the end of one event and the beginning of the next.
    """

    sample: Delta
    head: bytes
    tail: bytes
    joint: bytes

    def fits(self, payload: bytes) -> bool:
        """Whether the payload may be one of the run."""
        return payload.startswith(self.head[len(_FIELD) :]) and payload.endswith(self.tail[: -len(_END)])

    def may_begin(self, data: bytes) -> bool:
        """Whether the data may be the beginning of an event of the run, and holds no end of a line."""
        if b"\n" in data or b"\r" in data:
            return False
        return data.startswith(self.head) or self.head.startswith(data)

    def read(self, data: bytes) -> tuple[Run, bytes] | None:
        """The run that the data begins with, and what follows it; None if it begins with none."""
        if not data.startswith(self.head):
            return None
        raws = data.split(self.joint)
        raws[0] = raws[0][len(self.head) :]
        last, found, rest = raws[-1].partition(self.tail)
        if found:
            raws[-1] = last
        else:
            raws.pop()
            rest = self.head + last
        texts = _read_strings(raws)
        if texts is None:
            return None
        return Run(self.sample, texts, raws), rest


def _read_strings(raws: list[bytes]) -> list[str] | None:
    """The texts of what stands between quotes; None unless all are JSON strings, and none of them is empty.

    An unescaped quote in them would end a string early, and so make more strings than there are, unless a
    backslash before a joint hid another quote: therefore such a backslash is looked for.
    """
    if not raws or b"" in raws:
        return None
    joined = b'","'.join(raws)
    if b"\\" in joined and (b'\\","' in joined or joined.endswith(b"\\")):
        return None
    try:
        texts = _strings.decode(b'["%b"]' % joined)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return texts if len(texts) == len(raws) else None


def learn(payload: bytes, event: Delta) -> Pattern | None:
    """The pattern of a chunk that held this delta and nothing else, or None.

    :param payload: of an event that was one line, ``data: `` before it and an empty line behind.
    """
    if len(payload) > _LONGEST or b"\n" in payload:
        return None
    if isinstance(event, CallDelta) and (event.id or event.name):
        return None
    for name in _PLACES[type(event)]:
        for place in re.finditer(rb'"%b"\s*:\s*"' % name, payload):
            start = place.end()
            words = _STRING.match(payload, start)
            assert words is not None  # it matches the empty string
            before, behind = payload[:start], payload[words.end() :]
            if _is_proved(before, behind, event):
                head, tail = _FIELD + before, behind + _END
                return Pattern(_with_text(event, ""), head, tail, tail + head)
    return None


def _is_proved(before: bytes, behind: bytes, event: Delta) -> bool:
    proven = ((_with_text(event, words), raw) for words, raw in _PROOFS)
    expected, raw = next(each for each in proven if each[0] != event)
    return read_payload(before + raw + behind) == [expected]


def _with_text(event: Delta, text: str) -> Delta:
    if isinstance(event, CallDelta):
        return CallDelta(event.index, event.id, event.name, text)
    return type(event)(text)
