"""What MiMo's error answers mean.

Owns the reading of error bodies and their classification. It must not decide whether to try again, nor how
the client is told.

Source: MiMo's error-code page and observed answers. The real reason stands in ``error.param``; ``message`` is
often only "Param Incorrect". The body of a plain HTTP error may begin with ``data:``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec

from ccmimolink.core.chat import ErrorBody
from ccmimolink.core.errors import Failure, FailureKind

MAX_REASON = 600
"""Characters of the upstream's own words that are shown."""

_INFRASTRUCTURE = re.compile(
    r"finishConnect|connection refused|connect timed out|connection reset", re.IGNORECASE
)
_CONTEXT = re.compile(
    r"context[_ ](?:length|window)|maximum context|too many (?:input )?tokens|prompt is too long"
    r"|exceeds? the (?:model'?s )?(?:maximum )?context",
    re.IGNORECASE,
)
_MODERATION = re.compile(r"moderation|content[_ ]filter|risk control", re.IGNORECASE)
_RATE = re.compile(r"too many requests|rate.?limit|per (?:minute|second)|\b[rt]pm\b|concurren", re.IGNORECASE)
_QUOTA = re.compile(r"quota|credit|plan.{0,20}exhaust", re.IGNORECASE)
_STATUS = re.compile(r"[45][0-9][0-9]")
SHORTEST_KEY = 8
"""Characters. A shorter one is a placeholder for a server that wants none, and may be part of any word."""

_KEY_LIKE = re.compile(r"\b(?:sk|tp|ttp|gp)-[A-Za-z0-9_-]{6,}|\beyJ[A-Za-z0-9_.-]{10,}")
# A host is told from a field's path (messages.0.content) by its domain, its port or its address.
_HOST_LIKE = re.compile(
    r"(?:\b[a-z0-9_.-]+/)?\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?"
    r"|\b(?:[a-z0-9_-]+\.)+(?:com|net|org|io|ai|cn|dev|internal|local|localdomain|svc|lan|corp)\b(?::\d+)?"
    r"|\b(?:localhost|[a-z0-9_]+(?:[.-][a-z0-9_]+)+):\d{2,5}\b",
    re.IGNORECASE,
)

# What was sent, as pydantic repeats it when its findings are put into one text.
_INPUT = re.compile(
    r"(\binput_value=).*?(?=, input_type=|$)"
    r"|(['\"]input['\"]: ).*?(?=, ['\"](?:ctx|url)['\"]: |\}, \{['\"]type['\"]: |\}\]|$)",
    re.DOTALL,
)
# The names of options and the values that they may have are quoted as well, and are what people need to read.
_QUOTED_WORDS = re.compile(r"(?<!\w)(['\"`])(?![\w.-]{0,64}\1).*", re.DOTALL)


class _Invalid(msgspec.Struct):
    """One finding of a validator, as pydantic reports it. The value that it found is not declared."""

    loc: list[str | int] = []
    msg: str = ""


class _Envelope(msgspec.Struct):
    error: ErrorBody | str | None = None
    message: str | None = None
    detail: str | list[_Invalid] | None = None


_decoder = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """An error body, read: the ``reason`` to show, and the ``text`` of all its fields to search.

    A body that is no error object has no reason.

    :ivar words: what of the text is written to be read: no codes, whose digits are no limits.
    """

    reason: str
    text: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Refusal(Failure):
    """A failure of which the upstream itself told, with what it said.

    :ivar status: of the HTTP answer, or the one that an error inside a 200 names.
    :ivar reason: the words that say why, without hosts and keys; empty where no error object came.
    :ivar text: all that the error object says, to search and not to show; empty where none came.
    :ivar words: of the text the message and the reason, without codes.
    """

    status: int | None = None
    reason: str = ""
    text: str = field(default="", repr=False)
    words: str = field(default="", repr=False)

    @property
    def is_about_form(self) -> bool:
        """Whether another body may avert it: the request's form was refused, in words.

        Moderation, the account and the context's length are not its form. What came without an error object,
        a page or a wrong address, says nothing of the request. An error inside a stream that names no status
        counts as a broken stream.
        """
        return self.status in _OF_FORM and self.kind in _ABOUT_FORM and bool(self.text)


_OF_FORM = frozenset({400, 404, 422, None})
_ABOUT_FORM = frozenset({FailureKind.INVALID_REQUEST, FailureKind.UNSUPPORTED, FailureKind.STREAM_BROKEN})


def read_error(body: bytes) -> ErrorDetails:
    """Read an HTTP error's body: JSON, JSON behind ``data:``, HTML or nothing. Never raises."""
    text = body.strip()
    if text.startswith(b"data:"):
        text = text[5:].strip().split(b"\n", 1)[0]
    try:
        envelope = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # A page of HTML says nothing to the person who reads the message.
        return ErrorDetails("", body[:MAX_REASON].decode("utf-8", "replace"))
    if said := envelope.error or envelope.message:
        return _details(said)
    if isinstance(envelope.detail, list):
        return _found(envelope.detail)
    return _details(envelope.detail or "")


def _found(findings: Sequence[_Invalid]) -> ErrorDetails:
    """What a validator says, with the places of its findings and without what it quotes of the input."""
    said = [(".".join(map(str, each.loc)), each.msg) for each in findings]
    reason = "; ".join(f"{place}: {_QUOTED_WORDS.sub('…', message)}" for place, message in said)
    text = "; ".join(f"{place}: {message}" for place, message in said)
    return ErrorDetails(_shown(reason), text, text)


def _details(error: ErrorBody | str) -> ErrorDetails:
    if isinstance(error, str):
        return ErrorDetails(_shown(error), error, error)
    param = error.param if isinstance(error.param, str) else ""
    reason = param or error.message or str(error.code or "")
    text = " ".join(str(part) for part in (error.code, error.type, error.message, param) if part)
    return ErrorDetails(_shown(reason), text, " ".join(filter(None, (error.message, param))))


def _shown(reason: str) -> str:
    """The upstream's words without internal hosts, what looks like a key, and what was sent."""
    unquoted = _INPUT.sub(lambda found: (found[1] or found[2]) + "…", reason)
    return _HOST_LIKE.sub("…", _KEY_LIKE.sub("…", unquoted))[:MAX_REASON]


def without_key(body: bytes, key: str) -> bytes:
    """An error's body without the key that was sent: gateways repeat it, and not every key looks like one."""
    if len(key) < SHORTEST_KEY:
        return body
    escaped = msgspec.json.encode(key)[1:-1]
    forms = {key.encode(), escaped, escaped.replace(b"/", rb"\/"), quote(key, safe="").encode()}
    # The longest first: a form may begin with another, and half an escape would spoil the JSON.
    for form in sorted(forms, key=len, reverse=True):
        body = body.replace(form, "…".encode())
    return body


def classify_response(status: int, body: bytes, retry_after: float | None = None) -> Refusal:
    """The failure that an upstream HTTP answer other than 200 means."""
    return _classify(status, read_error(body), retry_after)


def may_be_a_burst(refusal: Refusal) -> bool:
    """Whether an account without funds may have them in a moment: a token plan says so to bursts as well.

    Observed: "Insufficient account funds" passes, ``insufficient_balance`` is meant.
    """
    return refusal.kind is FailureKind.BALANCE_EXHAUSTED and "insufficient_balance" not in refusal.text


def classify_error(status: int | None, error: ErrorBody | str) -> Refusal:
    """The failure that an ``error`` object inside a 200 answer means."""
    details = _details(error)
    if status is None and isinstance(error, ErrorBody):
        code = str(error.code)
        status = int(code) if _STATUS.fullmatch(code) else None
    return _classify(status, details, None)


def _classify(status: int | None, details: ErrorDetails, retry_after: float | None) -> Refusal:
    kind = _kind(status, details.text)
    said = f": {details.reason}" if details.reason else "."
    saying = _REDIRECT if status is not None and 300 <= status < 400 else _SAYINGS[kind]
    saying = saying.replace("STATUS", str(status or "an error"))
    return Refusal(
        kind,
        saying + said,
        retry_after=retry_after,
        status=status,
        reason=details.reason,
        text=details.text if details.reason else "",
        words=details.words if details.reason else "",
    )


ADDRESS = "MiMo's address (MIMO_BASE_URL, or the provider in cc switch)"
"""What a person checks where it may be wrong, in the words of every message."""

_REDIRECT = f"MiMo answered with a redirect (STATUS). Check {ADDRESS}"
_SAYINGS = {
    FailureKind.INVALID_REQUEST: "MiMo refused the request (STATUS)",
    FailureKind.UNSUPPORTED: "MiMo does not support this request",
    FailureKind.MODERATION: "MiMo's moderation refused the request",
    FailureKind.KEY_REJECTED: (
        f"MiMo rejected the API key. Check the key, and that {ADDRESS} is the host of its plan and region"
    ),
    FailureKind.BALANCE_EXHAUSTED: "The MiMo account has no balance left",
    FailureKind.QUOTA_EXHAUSTED: "The MiMo plan's quota is used up",
    FailureKind.CONTEXT_TOO_LONG: "The conversation is longer than the model's context window",
    FailureKind.RATE_LIMITED: "MiMo's rate limit is reached",
    FailureKind.UPSTREAM_DOWN: "MiMo is not available (STATUS)",
    FailureKind.UPSTREAM_TIMEOUT: "MiMo did not answer in time (STATUS)",
    FailureKind.STREAM_BROKEN: "MiMo reported an error in its stream",
}

_BY_STATUS = {
    401: FailureKind.KEY_REJECTED,
    402: FailureKind.BALANCE_EXHAUSTED,
    403: FailureKind.KEY_REJECTED,
    408: FailureKind.UPSTREAM_TIMEOUT,
    413: FailureKind.CONTEXT_TOO_LONG,
    421: FailureKind.MODERATION,
    504: FailureKind.UPSTREAM_TIMEOUT,
}


def _kind(status: int | None, text: str) -> FailureKind:
    if status in {400, 403, 404, 421, 422, None} and _INFRASTRUCTURE.search(text):
        return FailureKind.UPSTREAM_DOWN
    if status in {400, 403, 404, 421, 422, None} and _MODERATION.search(text):
        return FailureKind.MODERATION
    if status in {400, 404, 413, 422, None} and _CONTEXT.search(text):
        return FailureKind.CONTEXT_TOO_LONG
    if status == 429:
        # "Too many requests" passes with time, a spent plan does not. If both are said, waiting costs less.
        spent = _QUOTA.search(text) and not _RATE.search(text)
        return FailureKind.QUOTA_EXHAUSTED if spent else FailureKind.RATE_LIMITED
    if status is None:
        if _RATE.search(text):
            return FailureKind.RATE_LIMITED
        return FailureKind.STREAM_BROKEN
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500 or status < 400:
        return FailureKind.UPSTREAM_DOWN
    return FailureKind.INVALID_REQUEST
