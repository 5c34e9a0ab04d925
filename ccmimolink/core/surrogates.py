r"""Lone surrogates in JSON: half of a character that was cut in two.

Owns their mending, on the bytes of a JSON text. It must not decode. Who cuts text by UTF-16 units
leaves half an emoji as ``\ud83d``, which no decoder accepts. What is spliced undecoded is passed on with it,
and the upstream refuses the whole.
"""

from __future__ import annotations

import re

from ccmimolink.core.errors import Failure, FailureKind, RequestError

MAX_HALVES = 1_000_000
"""Halves that are replaced, in a fraction of a second."""

_REPLACEMENT = rb"\\ufffd"
"""As a template for ``re``. One without groups is put in without a step of Python for each half."""

_ESCAPED_BACKSLASH = b"\xff"
"""Stands for one while halves are looked for, so that what follows is no escape. No UTF-8 has this byte."""

_ANY = re.compile(rb"\\u[dD]")
"""How a half is written, and some other characters. For ``re`` this is one look, and faster than ``in``."""

# A low half after a high one belongs to it: nothing else can take the high one away.
_LONE = re.compile(
    rb"\\u[dD](?:"
    rb"[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F][0-9a-fA-F]{2}"
    rb")"
)


def mend(data: bytes, most: int = MAX_HALVES) -> bytes:
    r"""The JSON text with each escape of a lone surrogate replaced by ``\ufffd``; all else stays as it is.

    :param data: UTF-8.
    :raises RequestError: there are more of them than ``most``.
    """
    if _ANY.search(data) is None:
        return data
    told_apart = data.replace(rb"\\", _ESCAPED_BACKSLASH)
    mended, count = _LONE.subn(_REPLACEMENT, told_apart, most + 1)
    if count > most:
        raise RequestError(
            Failure(
                FailureKind.INVALID_REQUEST,
                f"the request body: more than {most} escapes stand for halves of characters.",
            )
        )
    return mended.replace(_ESCAPED_BACKSLASH, rb"\\")
