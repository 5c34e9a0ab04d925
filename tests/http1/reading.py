"""What is read of an answer, from its first byte to the end of what comes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ccmimolink.http1.reader import AnswerReader, Head, Unreadable


@dataclass(frozen=True)
class Outcome:
    """What was read up to the end of the answer, or of the connection."""

    head: Head | None
    body: bytes
    complete: bool
    whole: bool
    unreadable: bool


def read(pieces: Iterable[bytes]) -> Outcome:
    reader, body = AnswerReader(), b""
    try:
        for piece in pieces:
            body += reader.feed(piece)
            if reader.complete:
                break
    except Unreadable:
        return Outcome(reader.head, body + reader.take(), False, False, True)
    return Outcome(reader.head, body, reader.complete, reader.finish(), False)
