"""Who is asking, and why, as far as the headers tell.

Owns the reading of client headers other than keys. Source: the headers that Codex 0.169 was seen to send.
"""

from __future__ import annotations

import msgspec
from twisted.web.http_headers import Headers

from ccmimolink.core.context import TurnKind
from ccmimolink.core.errors import Profile


class _TurnMetadata(msgspec.Struct):
    request_kind: str | None = None
    thread_source: str | None = None


_metadata_decoder = msgspec.json.Decoder(_TurnMetadata)


def profile_of(headers: Headers) -> Profile:
    """Codex names itself in ``originator`` and sends ``x-codex-*`` headers; everyone else is generic."""
    originators = headers.getRawHeaders(b"originator") or []
    if any(value.lower().startswith(b"codex") for value in originators):
        return Profile.CODEX
    if any(name.lower().startswith(b"x-codex-") for name, _ in headers.getAllRawHeaders()):
        return Profile.CODEX
    return Profile.GENERIC


def name_of(headers: Headers) -> str:
    """What the client calls itself, up to the first blank; a hyphen if it says nothing."""
    for header in (b"originator", b"user-agent"):
        values = headers.getRawHeaders(header)
        if values and values[-1].strip():
            return values[-1].decode("latin-1").split()[0]
    return "-"


def turn_of(headers: Headers) -> TurnKind:
    """The kind of turn. What cannot be read is an ordinary one: nothing depends on it but comfort."""
    values = headers.getRawHeaders(b"x-codex-turn-metadata")
    if values:
        try:
            metadata = _metadata_decoder.decode(values[-1])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            metadata = _TurnMetadata()
        if metadata.request_kind == "compaction":
            return TurnKind.COMPACTION
        if metadata.thread_source == "thread_title":
            return TurnKind.TITLE
    return TurnKind.SUBAGENT if headers.hasHeader(b"x-openai-subagent") else TurnKind.TURN
