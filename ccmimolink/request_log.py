"""The request log: one line of JSON for each request that is over, for programs to read.

Owns the fields of a line. It must not open or rotate files, and writes no content of a conversation and no
key: there is none in what it is given.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol

import msgspec

from ccmimolink.activity.values import Finished


class Lines(Protocol):
    """Takes texts that end their own lines, as a log file does."""

    def write(self, text: str) -> None: ...


class RequestLog:
    """:param zone: the times' time zone; None for this machine's."""

    def __init__(self, lines: Lines, zone: tzinfo | None = None) -> None:
        self._lines, self._zone = lines, zone

    def add(self, finished: Finished) -> None:
        """A request is over."""
        self._lines.write(f"{msgspec.json.encode(_fields(finished, self._zone)).decode()}\n")


def _fields(finished: Finished, zone: tzinfo | None) -> dict[str, Any]:
    tokens, speed = finished.tokens, finished.tokens_per_second
    return {
        "time": datetime.fromtimestamp(finished.at, UTC).astimezone(zone).isoformat(timespec="milliseconds"),
        "epoch": round(finished.at, 3),
        "id": finished.id,
        "client": finished.client,
        "kind": finished.kind,
        "model_asked": finished.asked,
        "model_used": finished.used,
        "status": finished.status,
        "outcome": finished.outcome.replace(" ", "_"),
        "failure": finished.failure and finished.failure.replace(" ", "_"),
        "queued_seconds": _rounded(finished.queued),
        "first_token_seconds": _rounded(finished.first_token),
        "total_seconds": _rounded(finished.total),
        "input_tokens": tokens and tokens.input,
        "cached_tokens": tokens and tokens.cached,
        "output_tokens": tokens and tokens.output,
        "reasoning_tokens": tokens and tokens.reasoning,
        "tokens_per_second": _rounded(speed),
        "retries": finished.retries,
        "amendments": finished.amendments,
        "recovered_calls": finished.recovered,
        "cost": {currency: round(amount, 9) for currency, amount in finished.cost.items()},
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
