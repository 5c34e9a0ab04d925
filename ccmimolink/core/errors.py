"""The error taxonomy, and the one table that maps a failure to HTTP and to a terminal event.

Owns every status, header and error code that a client can be shown. It must not decide *whether* something
failed. The two client profiles differ because Codex retries or hides what an SDK would report: it repeats a
401 five times and a 502 thirty times, and shows the body of a 400 as it is.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec


class Profile(enum.Enum):
    """Who is asking. Everything that is not Codex is generic."""

    GENERIC = "generic"
    CODEX = "codex"


class FailureKind(enum.Enum):
    INVALID_REQUEST = "invalid request"
    UNSUPPORTED = "unsupported feature"
    MODERATION = "refused by moderation"
    PLUGIN_FAILED = "plugin failure"
    BODY_TOO_LARGE = "body too large"
    HEAD_TOO_LARGE = "headers too large"
    REQUEST_TIMEOUT = "request too slow"
    UNSUPPORTED_MEDIA = "content type or encoding not supported"
    UNPROCESSABLE = "unprocessable"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    METHOD_NOT_ALLOWED = "method not allowed"
    COMPACT_UNSUPPORTED = "compact not supported"
    PREVIOUS_RESPONSE_NOT_FOUND = "previous response not found"
    KEY_MISSING = "key missing"
    KEY_REJECTED = "key rejected"
    BALANCE_EXHAUSTED = "balance exhausted"
    QUOTA_EXHAUSTED = "quota exhausted"
    CONTEXT_TOO_LONG = "context too long"
    RATE_LIMITED = "rate limited"
    QUEUE_FULL = "queue full"
    TOO_MANY_CONNECTIONS = "too many connections"
    DRAINING = "draining"
    UPSTREAM_DOWN = "upstream down"
    UPSTREAM_TIMEOUT = "upstream timeout"
    STREAM_BROKEN = "stream broken"
    INTERNAL = "internal error"


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in words for the person who reads it. ``message`` never holds a key or a host name.

    :ivar param: the path of the request field at fault.
    :ivar retry_after: seconds after which another try makes sense.
    """

    kind: FailureKind
    message: str
    param: str | None = None
    retry_after: float | None = None


class ProxyError(Exception):
    """A failure on its way to the client. Each subclass says whose fault it is."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class RequestError(ProxyError):
    """The client's request cannot be served as it is; sending it again unchanged will not help."""


class UpstreamError(ProxyError):
    """The upstream refused, failed or did not answer."""


class LocalError(ProxyError):
    """This proxy cannot serve the request now, or one of its plugins failed."""


class _Codex(enum.Enum):
    """How Codex is told before the stream began."""

    SAME = "the generic answer"
    PLAIN_400 = "400 with the message as plain text: shown as it is, not retried"
    STREAM = "a 200 stream that ends in response.failed: about 6 tries instead of 30"


@dataclass(frozen=True, slots=True)
class _Row:
    """One failure kind's answers. ``failed`` and ``codex_failed`` are ``response.failed`` error codes."""

    status: int
    type: str
    code: str | None
    codex: _Codex
    failed: str
    codex_failed: str
    retry_after: float | None = None


def _refused(status: int, code: str | None = None) -> _Row:
    return _Row(
        status,
        "invalid_request_error",
        code,
        _Codex.PLAIN_400,
        failed="invalid_prompt",
        codex_failed="invalid_prompt",
    )


def _busy(code: str, retry_after: float) -> _Row:
    return _Row(
        429,
        "rate_limit_error",
        code,
        _Codex.SAME,
        failed="rate_limit_exceeded",
        codex_failed="rate_limit_exceeded",
        retry_after=retry_after,
    )


def _down(status: int, code: str) -> _Row:
    return _Row(
        status,
        "server_error",
        code,
        _Codex.STREAM,
        failed="server_error",
        codex_failed="slow_down",
        retry_after=5.0,
    )


def _account(status: int, type_: str, code: str) -> _Row:
    return _Row(
        status, type_, code, _Codex.PLAIN_400, failed="rate_limit_exceeded", codex_failed="invalid_prompt"
    )


_K = FailureKind
_TABLE: Mapping[FailureKind, _Row] = {
    _K.INVALID_REQUEST: _refused(400),
    _K.UNSUPPORTED: _refused(400, "unsupported_feature"),
    _K.MODERATION: _refused(400, "content_filter"),
    _K.PLUGIN_FAILED: _refused(400, "plugin_failed"),
    _K.BODY_TOO_LARGE: _refused(413, "body_too_large"),
    _K.HEAD_TOO_LARGE: _refused(431, "head_too_large"),
    _K.REQUEST_TIMEOUT: _refused(408, "request_timeout"),
    _K.UNSUPPORTED_MEDIA: _refused(415, "unsupported_media_type"),
    _K.UNPROCESSABLE: _refused(422),
    _K.FORBIDDEN: _refused(403, "forbidden"),
    _K.NOT_FOUND: _refused(404, "not_found"),
    _K.METHOD_NOT_ALLOWED: _refused(405, "method_not_allowed"),
    _K.COMPACT_UNSUPPORTED: _refused(501, "compact_not_supported"),
    _K.PREVIOUS_RESPONSE_NOT_FOUND: _refused(400, "previous_response_not_found"),
    _K.KEY_MISSING: _account(401, "authentication_error", "missing_api_key"),
    _K.KEY_REJECTED: _account(401, "authentication_error", "invalid_api_key"),
    _K.BALANCE_EXHAUSTED: _account(402, "insufficient_quota", "insufficient_balance"),
    _K.QUOTA_EXHAUSTED: _account(429, "insufficient_quota", "insufficient_quota"),
    _K.CONTEXT_TOO_LONG: _Row(
        400,
        "invalid_request_error",
        "context_length_exceeded",
        _Codex.SAME,
        failed="invalid_prompt",
        codex_failed="context_length_exceeded",
    ),
    _K.RATE_LIMITED: _busy("rate_limit_exceeded", 30.0),
    _K.QUEUE_FULL: _busy("queue_full", 5.0),
    _K.TOO_MANY_CONNECTIONS: _busy("too_many_connections", 5.0),
    _K.DRAINING: _busy("draining", 5.0),
    _K.UPSTREAM_DOWN: _down(502, "upstream_unavailable"),
    _K.UPSTREAM_TIMEOUT: _down(504, "upstream_timeout"),
    _K.STREAM_BROKEN: _Row(
        502,
        "server_error",
        "upstream_stream_broken",
        _Codex.STREAM,
        failed="server_error",
        codex_failed="server_error",
        retry_after=5.0,
    ),
    _K.INTERNAL: _Row(
        500,
        "server_error",
        "internal_error",
        _Codex.PLAIN_400,
        failed="server_error",
        codex_failed="invalid_prompt",
    ),
}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole HTTP answer: ``headers`` are (name, value) pairs in the order to be sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class TerminalError:
    """The ``error`` object of a ``response.failed`` event."""

    code: str
    message: str


def answers_with_stream(failure: Failure, profile: Profile) -> bool:
    """Whether a streaming client is told by a 200 stream with ``response.failed``, not by an HTTP error."""
    return profile is Profile.CODEX and _TABLE[failure.kind].codex is _Codex.STREAM


def http_answer(failure: Failure, profile: Profile) -> HttpAnswer:
    """The failure as an HTTP answer, for a client to which nothing was sent yet."""
    row = _TABLE[failure.kind]
    if profile is Profile.CODEX and row.codex is _Codex.PLAIN_400:
        return HttpAnswer(400, (("content-type", "text/plain; charset=utf-8"),), failure.message.encode())
    headers = [("content-type", "application/json")]
    retry_after = failure.retry_after if failure.retry_after is not None else row.retry_after
    if retry_after is not None and row.retry_after is not None:
        headers.append(("retry-after", str(max(1, math.ceil(retry_after)))))
    error = {"message": failure.message, "type": row.type, "param": failure.param, "code": row.code}
    return HttpAnswer(row.status, tuple(headers), msgspec.json.encode({"error": error}))


def terminal_error(failure: Failure, profile: Profile) -> TerminalError:
    """The failure as the error of a ``response.failed`` event, for a client whose stream already began."""
    row = _TABLE[failure.kind]
    if profile is Profile.GENERIC:
        return TerminalError(row.failed, failure.message)
    message = failure.message
    if row.codex_failed in {"rate_limit_exceeded", "slow_down"}:
        # Codex waits as long as the message says; without this phrase it comes back at once.
        seconds = math.ceil(failure.retry_after or row.retry_after or 5.0)
        message = f"{message.rstrip('. ')}. Please try again in {seconds}s."
    return TerminalError(row.codex_failed, message)
