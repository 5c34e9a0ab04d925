"""A recording as the files that are written of it.

Owns their names and what stands in them: each message as in HTTP, with its body as it is without coding and
chunks, and a page about it all. Keys are masked here, in the whole of each body.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec

from ccmimolink import __version__
from ccmimolink.core.errors import RequestError
from ccmimolink.dump.masks import Masks, secret_values
from ccmimolink.dump.recording import Message, Recording
from ccmimolink.inflate import Inflater
from ccmimolink.web.bodies import decoded

ABOUT = "about.json"
LARGEST = 4 * 1024 * 1024
"""Bytes of one file."""

_UNPACKED = 64 * 1024 * 1024
"""Bytes that a compressed body may unpack to here."""

_PICTURE_BEGINS = b";base64,"
_PICTURE = re.compile(rb"[A-Za-z0-9+/=\\]*")
_SMALL_PICTURE = 4096
"""Characters. Such a one is kept, so that the request can be sent again; of more, nobody reads any."""

_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})


def pages_of(recording: Recording, keys: Collection[str], largest: int) -> dict[str, bytes]:
    """The files by their names.

    :param keys: secrets that are known beside those in the recording's own headers.
    :param largest: the most bytes of all of them together.
    """
    masks = Masks({*keys, *_secrets_in(recording)})
    messages = {"client-request.http": recording.request, "client-answer.http": recording.answer}
    for number, each in enumerate(recording.tries, 1):
        messages[f"upstream-{number}-request.http"] = each.sent
        messages[f"upstream-{number}-answer.http"] = each.answer
    messages = {name: message for name, message in messages.items() if message.line}
    writer = _Writer(masks, min(LARGEST, largest // (len(messages) + 1)))
    pages = {name: writer.page(name, message) for name, message in messages.items()}
    pages[ABOUT] = writer.masks.text(_about(recording, writer.left_out))[: writer.limit]
    return pages


def _secrets_in(recording: Recording) -> set[str]:
    headers = [field for message in recording.messages() for field in message.headers]
    return {secret for name, value in headers for secret in secret_values(name, value)}


@dataclass(slots=True)
class _Writer:
    """:ivar left_out: why something is missing in a file, by its name."""

    masks: Masks
    limit: int
    left_out: dict[str, str] = field(default_factory=dict)

    def page(self, name: str, message: Message) -> bytes:
        is_request = name.endswith("request.http")
        masks = self.masks
        line = [masks.text(part) for part in message.line]
        if is_request:
            line[1] = masks.target(message.line[1])
        lines = [b" ".join(line)]
        lines += [
            b"%b: %b" % (masks.text(field), masks.header(field, value)) for field, value in message.headers
        ]
        head = b"\r\n".join([*lines, b"", b""])[: self.limit]
        return head + self._body(name, message, self.limit - len(head))

    def _body(self, name: str, message: Message, room: int) -> bytes:
        body, why = _unpacked(message)
        if message.body.missing:
            why = why or f"{message.body.missing} bytes were not kept for want of memory"
        body = _without_pictures(body)
        # A key that is cut would not be known any more, so some more is searched and less is shown.
        is_cut = len(body) > room or bool(message.body.missing)
        body = body[: room + self.masks.longest]
        body = self.masks.text(body) if name.endswith("request.http") else self.masks.events(body)
        if is_cut:
            body = body[: max(0, len(body) - self.masks.longest)]
        if is_cut or len(body) > room:
            why = why or "it is longer than one file may be (MIMO_DEBUG_DUMP_BYTES)"
        if why:
            self.left_out[name] = why
        return body[:room]


def _without_pictures(body: bytes) -> bytes:
    parts, start = [], 0
    while (begin := body.find(_PICTURE_BEGINS, start)) >= 0:
        begin += len(_PICTURE_BEGINS)
        picture = _PICTURE.match(body, begin)
        assert picture is not None  # it may be empty
        size = picture.end() - begin
        shown = picture[0] if size <= _SMALL_PICTURE else b"(%d characters left out)" % size
        parts += [body[start:begin], shown]
        start = picture.end()
    return b"".join([*parts, body[start:]])


def _unpacked(message: Message) -> tuple[bytes, str]:
    """The body without its content coding, or why there is none: what is not unpacked cannot be masked."""
    body = message.body.bytes()
    codings = [
        coding.strip().lower()
        for name, value in message.headers
        if name.lower() == b"content-encoding"
        for coding in value.decode("latin-1").split(",")
    ]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if not codings:
        return body, ""
    try:
        if message.line[0].startswith(b"HTTP/") and len(codings) == 1 and codings[0] in _COMPRESSED:
            return _inflated(body), ""
        return decoded(body, codings, _UNPACKED), ""
    except (RequestError, zlib.error, KeyError):
        return b"", f"{len(body)} bytes could not be unpacked ({', '.join(codings)[:80]})"


def _inflated(body: bytes) -> bytes:
    """As far as it goes: an answer may have been dropped in the middle."""
    inflater, parts, room = Inflater(), [], _UNPACKED
    inflater.feed(body)
    while inflater.pending and room > 0:
        parts.append(inflater.read(room))
        room -= len(parts[-1])
        if not parts[-1]:
            break
    return b"".join(parts)


def _about(recording: Recording, left_out: dict[str, str]) -> bytes:
    about = {
        "ccmimolink": __version__,
        "id": recording.request_id,
        "epoch": round(recording.at, 3),
        "seconds": recording.seconds,
        "client_left": recording.client_left,
        "tries": [
            {"began": each.began, "answered": each.answered, "ended": each.ended, "error": each.error}
            for each in recording.tries
        ],
        "left_out": left_out,
    }
    return msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n"
