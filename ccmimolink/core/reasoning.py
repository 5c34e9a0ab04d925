"""The reasoning carrier: the model's thinking, on its way to the client and back.

Owns what stands in ``encrypted_content`` of a reasoning item, and the reading of such items. It must not keep
anything: the client carries the text, so a restart or a second proxy loses nothing.

The upstream wants the thinking of every tool call returned word for word (``reasoning_content``), while a
client may alter or drop what it shows. A carrier is ``ccmimo1:`` and then either ``summary`` (the item's
summary is the complete text; Codex echoes it verbatim, so sending it twice would be waste) or ``zlib:`` and
the text as urlsafe base64 of zlib of UTF-8.
"""

from __future__ import annotations

import base64
import zlib

from ccmimolink.core.responses import Reasoning

PLACEHOLDER = "(thinking not recorded)"
"""Stands where the thinking of a tool call is lost: the upstream refuses an empty one."""

MAX_TEXT = 8 * 1024 * 1024
"""Bytes of UTF-8 that a carrier may unpack to; some fifteen times the longest answer there is."""

_PREFIX = "ccmimo1:"
_SUMMARY = _PREFIX + "summary"
_ZLIB = _PREFIX + "zlib:"
_CONTENT_KINDS = frozenset({"reasoning_text", "text"})


def encode_carrier(text: str, *, summary_is_complete: bool) -> str:
    """The ``encrypted_content`` for a reasoning item.

    :param text: the complete thinking.
    :param summary_is_complete: the item's summary parts, joined by nothing, are ``text``, and the client
        returns them unaltered.
    """
    if summary_is_complete:
        return _SUMMARY
    return _ZLIB + base64.urlsafe_b64encode(zlib.compress(text.encode())).decode("ascii")


def read_reasoning(item: Reasoning) -> str | None:
    """The item's thinking, from the most exact source that it has, or None.

    Our carrier first, then the ``content``, then the summary. A carrier that is not ours, or was damaged, is
    as good as none: the conversation must be able to go on with another provider's history.
    """
    return _carried(item) or _content(item) or _summary(item) or None


def _carried(item: Reasoning) -> str | None:
    carrier = item.encrypted_content or ""
    if carrier == _SUMMARY:
        return "".join(part.text or "" for part in item.summary or ())
    if carrier.startswith(_ZLIB):
        return _unpacked(carrier[len(_ZLIB) :])
    return None


def _unpacked(packed: str) -> str | None:
    unpacker = zlib.decompressobj()
    try:
        compressed = base64.b64decode(packed, altchars=b"-_", validate=True)
        # One more than allowed, so that a text of just the allowed size is told from a longer one.
        text = unpacker.decompress(compressed, MAX_TEXT + 1)
        if len(text) > MAX_TEXT or not unpacker.eof:
            return None
        return text.decode()
    except (ValueError, zlib.error):
        return None


def _content(item: Reasoning) -> str:
    return "".join(part.text or "" for part in item.content or () if part.type in _CONTENT_KINDS)


def _summary(item: Reasoning) -> str:
    """Summary parts are sections of their own, unlike content parts, which run on."""
    return "\n\n".join(part.text for part in item.summary or () if part.text)
