"""Which failures of a try are worth another, and how long to wait before it.

Owns the one table of what is tried again, the growing delay with jitter, and the ``Retry-After`` header. It
must not wait, and it must not count tries. Time and chance are arguments.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz


class Fault(enum.Enum):
    """How one try can fail, before anything of an answer has reached the client."""

    NOT_RESOLVED = "the host name was not resolved"
    NOT_CONNECTED = "no connection"
    TLS_FAILED = "no secure connection"
    BROKE = "the connection broke before an answer"
    SILENT = "no answer in time"
    RATE_LIMITED = "rate limit"
    SERVER_ERROR = "server error"
    GATEWAY_TIMEOUT = "a gateway's time-out"
    NO_FUNDS = "no funds, or a burst"
    REFUSED = "refused"
    MISLED = "a redirect, a page or another answer that MiMo does not give"
    SPOILED = "the answer broke before its first event"


class Again(enum.Enum):
    NEVER = "never"
    ONCE = "once in the life of a request"
    WITHIN_BUDGET = "as long as the budgets of the request and of all requests last"


@dataclass(frozen=True, slots=True)
class Rule:
    """:ivar may_be_billed: MiMo may have done the work already."""

    again: Again
    may_be_billed: bool = False


RETRIES: Mapping[Fault, Rule] = {
    Fault.NOT_RESOLVED: Rule(Again.WITHIN_BUDGET),
    Fault.NOT_CONNECTED: Rule(Again.WITHIN_BUDGET),
    Fault.TLS_FAILED: Rule(Again.WITHIN_BUDGET),
    Fault.BROKE: Rule(Again.ONCE, may_be_billed=True),
    # The model may still be at work: a second request would be a second bill.
    Fault.SILENT: Rule(Again.NEVER, may_be_billed=True),
    Fault.GATEWAY_TIMEOUT: Rule(Again.NEVER, may_be_billed=True),
    Fault.RATE_LIMITED: Rule(Again.WITHIN_BUDGET),
    Fault.SERVER_ERROR: Rule(Again.WITHIN_BUDGET),
    Fault.NO_FUNDS: Rule(Again.ONCE),
    Fault.REFUSED: Rule(Again.NEVER),
    Fault.MISLED: Rule(Again.NEVER),
    Fault.SPOILED: Rule(Again.ONCE, may_be_billed=True),
}
"""The one place that says what is tried again. Once the client has a byte of an answer nothing is."""

LONGEST_RETRY_AFTER = 366 * 24 * 3600.0
"""Seconds. A longer delay is a mistake, such as an epoch time written where a number of seconds belongs."""

_DELAY_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?", re.ASCII)
_MOST_DOUBLINGS = 1000


def retry_delay(attempt: int, *, base: float, cap: float, jitter: Callable[[], float]) -> float:
    """Seconds to wait after failed try number ``attempt``, counted from 1.

    The delay doubles from ``base`` up to ``cap``. Its upper half is left to chance, so that requests which
    failed together come back apart, and none comes back at once.

    :param jitter: answers with a number from 0 up to 1, such as ``random.random``.
    :raises ValueError: when ``attempt`` is less than 1.
    """
    if attempt < 1:
        raise ValueError(f"attempt is counted from 1, not {attempt}")
    # Past a thousand doublings a float power overflows; any cap was reached long before.
    delay = min(cap, base * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
    return delay / 2 + delay / 2 * jitter()


def parse_retry_after(value: str, now: float) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (RFC 9110 §10.2.3), or None when it says nothing usable.

    Both forms are read: a number of seconds (also with a fraction, which some gateways send) and an HTTP
    date in any of its three formats. A date in the past gives 0. A negative number, anything that is
    neither form, and a delay beyond :data:`LONGEST_RETRY_AFTER` give None.

    :param now: the present in epoch seconds.
    """
    text = value.strip(" \t")
    seconds = float(text) if _DELAY_SECONDS.fullmatch(text) else _seconds_until(text, now)
    if seconds is None or seconds > LONGEST_RETRY_AFTER:
        return None
    return max(0.0, seconds)


def _seconds_until(date: str, now: float) -> float | None:
    try:
        fields = parsedate_tz(date)
        return None if fields is None else mktime_tz(fields) - now
    except (ValueError, OverflowError):
        # The parser is lenient about what it takes for a date: a year 99999999 comes this far.
        return None
