"""What a client sees of a request, as values that a table can hold, and the reading of it off the wire.

Owns the outcomes that DESIGN names, for each profile. It must not know which fault leads to which.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from tests.checker import check_bytes
from tests.http_wire import Reply


class Client(enum.Enum):
    """Who asks."""

    GENERIC = "generic stream"
    WHOLE = "generic whole"
    CODEX = "codex"


@dataclass(frozen=True)
class HttpError:
    """The API's error object. ``retry_after``: the least and the most seconds; None for no such header."""

    status: int
    code: str | None
    retry_after: tuple[int, int] | None = None


@dataclass(frozen=True)
class Plain:
    """400 with a text, which Codex shows as it is."""


@dataclass(frozen=True)
class Ends:
    """A 200 whose response ends so: a stream with this terminal event, or a whole response of this status."""

    status: str
    code: str | None = None


Seen = HttpError | Plain | Ends


def seen(reply: Reply) -> Seen:
    """Read an answer, which must be complete and keep every rule of its kind."""
    assert reply.complete
    kind = reply.headers["content-type"]
    if kind == "text/event-stream":
        assert reply.status == 200
        return _end_of(check_bytes(reply.body))
    if kind.startswith("text/plain"):
        assert reply.status == 400
        assert reply.body
        return Plain()
    if reply.status == 200:
        return _end_of(reply.json())
    error = reply.error()
    assert error["message"]
    delay = reply.headers.get("retry-after")
    return HttpError(reply.status, error["code"], (int(delay), int(delay)) if delay is not None else None)


def _end_of(response: dict[str, Any]) -> Ends:
    error, details = response["error"], response["incomplete_details"]
    if error is not None and error["code"] in ("slow_down", "rate_limit_exceeded"):
        # Codex waits as long as it reads here, and without it comes back at once.
        assert "Please try again in " in error["message"] or error["code"] == "rate_limit_exceeded"
    return Ends(response["status"], error["code"] if error else details["reason"] if details else None)


def fits(found: Seen, expected: Seen) -> bool:
    """Whether it is what was expected, the delay within its bounds."""
    if isinstance(found, HttpError) and isinstance(expected, HttpError):
        least, most = expected.retry_after or (0, 0)
        delay = found.retry_after[0] if found.retry_after else None
        in_time = (
            delay is None if expected.retry_after is None else delay is not None and least <= delay <= most
        )
        return in_time and (found.status, found.code) == (expected.status, expected.code)
    return found == expected


@dataclass(frozen=True)
class Outcome:
    """What each client sees."""

    generic: Seen
    whole: Seen
    codex: Seen

    def of(self, client: Client) -> Seen:
        return {Client.GENERIC: self.generic, Client.WHOLE: self.whole, Client.CODEX: self.codex}[client]


def _alike(seen: Seen) -> Outcome:
    return Outcome(seen, seen, seen)


def _error(
    status: int, code: str | None, codex: Seen | None = None, retry_after: tuple[int, int] | None = None
) -> Outcome:
    error = HttpError(status, code, retry_after)
    return Outcome(error, error, codex or Plain())


_SOON = (5, 5)
_SLOW_DOWN = Ends("failed", "slow_down")

COMPLETED = _alike(Ends("completed"))
CUT_AT_LIMIT = _alike(Ends("incomplete", "max_output_tokens"))

DOWN = _error(502, "upstream_unavailable", _SLOW_DOWN, _SOON)
TIMED_OUT = _error(504, "upstream_timeout", _SLOW_DOWN, _SOON)
BROKEN = _error(502, "upstream_stream_broken", Ends("failed", "server_error"), _SOON)
"""Cut, stalled or garbage after the upstream's 200, and before anything was sent to the client."""

CUT = Outcome(
    Ends("failed", "server_error"),
    HttpError(502, "upstream_stream_broken", _SOON),
    Ends("failed", "server_error"),
)
"""The same after the stream to the client began; who waits for the whole answer has no stream."""

REFUSED = _error(400, None)
CONTEXT = _alike(HttpError(400, "context_length_exceeded"))
MODERATION = _error(400, "content_filter")
KEY = _error(401, "invalid_api_key")
BALANCE = _error(402, "insufficient_balance")
QUOTA = _error(429, "insufficient_quota")


def limited(least: int, most: int | None = None) -> Outcome:
    """A rate limit, with the delay that each client is told of."""
    return _alike(HttpError(429, "rate_limit_exceeded", (least, least if most is None else most)))
