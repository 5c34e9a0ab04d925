"""The second table: a fault, then a good answer: what the client sees, and how often MiMo is asked.

Owns the expectations of DESIGN, "Retrying". It must not run anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.faults import body_faults as body
from tests.faults import connection_faults as connection
from tests.faults import head_faults as head
from tests.faults import status_faults as status
from tests.faults import tls_faults as tls
from tests.faults.catalogue import GOOD, Fault, Phase, Scene, answered
from tests.faults.outcomes import (
    BALANCE,
    BROKEN,
    COMPLETED,
    CONTEXT,
    CUT,
    DOWN,
    KEY,
    MODERATION,
    QUOTA,
    REFUSED,
    TIMED_OUT,
    Client,
    Outcome,
    limited,
)
from tests.faults.script import Send
from tests.faults.upstream import Plan
from tests.http_wire import answer

RETRIES = 3
SETTINGS = {"MIMO_PROXY_RETRIES": str(RETRIES), "MIMO_PROXY_429_BACKOFF_MS": "4"}
ALWAYS = 1_000


@dataclass(frozen=True)
class RetryRow:
    """:ivar times: how often the fault strikes before all is well; 0 for one that needs no connection.
    :ivar requests: how many whole requests the upstream sees in all.
    :ivar connections: how many it sees, where that is told.
    """

    fault: Fault
    times: int
    outcome: Outcome
    requests: int
    phase: Phase = Phase.BEFORE
    connections: int | None = None

    def plan_for(self, number: int) -> Plan:
        """The plan of the n-th connection."""
        faulty, good = self.fault.plan(Scene(self.phase)), GOOD.plan(Scene())
        if faulty.at_connect or faulty.at_byte is not None or self.fault.https:
            return faulty if number < self.times else good
        return replace(
            faulty,
            answer=lambda received: (faulty if received.number < self.times else good).answer(received),
        )


@dataclass(frozen=True)
class RetryCell:
    row: RetryRow
    client: Client

    @property
    def name(self) -> str:
        row = self.row
        times = {0: "at first", ALWAYS: "always"}.get(row.times, f"{row.times} times")
        return f"{row.fault.name} - {row.phase.name.lower()} - {times} - {self.client.value}"


def _never(fault: Fault, outcome: Outcome, phase: Phase = Phase.BEFORE) -> tuple[RetryRow, ...]:
    """Sent once, whatever would come then."""
    return (RetryRow(fault, 1, outcome, requests=1, phase=phase),)


def _once(fault: Fault, outcome: Outcome, *, sent: bool = True) -> tuple[RetryRow, ...]:
    """Tried again once. ``sent``: whether the faulty connection sees the whole request."""
    return (
        RetryRow(fault, 1, COMPLETED, requests=2 if sent else 1),
        RetryRow(fault, 2, outcome, requests=2 if sent else 0),
    )


def _within_budget(fault: Fault, outcome: Outcome) -> tuple[RetryRow, ...]:
    well = (RetryRow(fault, times, COMPLETED, requests=times + 1) for times in (1, 2, RETRIES))
    return (*well, RetryRow(fault, RETRIES + 1, outcome, requests=RETRIES + 1))


def _json(code: int) -> Fault:
    return status.BY_STATUS[code][0]


NO_BALANCE = answered(
    "402 for good", Send(answer(402, {"error": {"code": "insufficient_balance", "message": "no money"}}))
)
_SENT = (Phase.TEXT, Phase.CALL)

RETRY_ROWS: tuple[RetryRow, ...] = (
    # -- before the request was whole
    RetryRow(connection.REFUSED, 0, COMPLETED, requests=1, connections=1),
    RetryRow(tls.SELF_SIGNED, ALWAYS, DOWN, requests=0, connections=RETRIES + 1),
    RetryRow(tls.OTHER_HOST, ALWAYS, DOWN, requests=0, connections=RETRIES + 1),
    RetryRow(tls.HANDSHAKE_STALL, ALWAYS, TIMED_OUT, requests=0, connections=1),
    RetryRow(tls.HANDSHAKE_STALL_BEYOND_CONNECTING, ALWAYS, DOWN, requests=0, connections=RETRIES + 1),
    *_once(connection.RESET_AT_CONNECT, DOWN, sent=False),
    *_once(connection.CLOSED_AT_CONNECT, DOWN, sent=False),
    *_once(connection.RESET_AMID_REQUEST, DOWN, sent=False),
    # -- after it was sent: it may have been billed
    *_once(connection.RESET_AFTER_REQUEST, DOWN),
    *_once(connection.CLOSED_AFTER_REQUEST, DOWN),
    *_once(connection.RESET_IN_HEAD, DOWN),
    *_once(head.GARBAGE, DOWN),
    *_once(head.CONFLICTING_LENGTHS, DOWN),
    *_never(connection.NO_ANSWER, TIMED_OUT),
    *_never(connection.STALL_IN_HEAD, TIMED_OUT),
    *_once(connection.RESET, BROKEN),
    *_once(connection.CLOSED, BROKEN),
    *_never(connection.STALL, TIMED_OUT),
    *_once(head.TRUNCATED_CHUNK, BROKEN),
    *_once(body.EMPTY, BROKEN),
    *_once(body.DONE_ALONE, BROKEN),
    *_once(body.PAGE_AS_JSON, BROKEN),
    *_once(body.GARBAGE_EVENT, BROKEN),
    *_once(body.ERROR_EVENT, BROKEN),
    *_once(body.ERROR_OBJECT, BROKEN),
    *_once(body.GZIP_GARBAGE, BROKEN),
    *_never(body.KEY_ERROR_OBJECT, KEY),
    # -- answers that are no 200
    *_within_budget(status.RETRY_AFTER_NONE, limited(1)),
    *_within_budget(status.RETRY_AFTER_ZERO, limited(1)),
    *_within_budget(body.RATE_EVENT, limited(1)),
    *_never(status.RETRY_AFTER_LONG, limited(3600)),
    *_never(status.SPENT, QUOTA),
    *(row for code in (500, 501, 502, 503, 529, 599) for row in _within_budget(_json(code), DOWN)),
    *_within_budget(status.INFRASTRUCTURE, DOWN),
    *_never(_json(504), TIMED_OUT),
    *_never(_json(408), TIMED_OUT),
    *_never(_json(400), REFUSED),
    *_never(_json(401), KEY),
    *_once(_json(402), BALANCE),
    *_never(NO_BALANCE, BALANCE),
    *_never(_json(403), KEY),
    *_never(_json(404), REFUSED),
    *_never(_json(413), CONTEXT),
    *_never(_json(421), MODERATION),
    *_never(_json(422), REFUSED),
    *_never(status.REDIRECT_NOWHERE, DOWN),
    *_never(body.NO_CONTENT, DOWN),
    *_never(body.PAGE, DOWN),
    *_never(body.BROTLI, DOWN),
    # -- after the first byte to the client
    *(row for phase in _SENT for row in _never(connection.RESET, CUT, phase)),
    *(row for phase in _SENT for row in _never(connection.CLOSED, CUT, phase)),
    *(row for phase in _SENT for row in _never(connection.STALL, CUT, phase)),
    *(row for phase in _SENT for row in _never(body.GARBAGE_EVENT, CUT, phase)),
    *(row for phase in _SENT for row in _never(body.ERROR_EVENT, CUT, phase)),
    *_never(connection.RESET, COMPLETED, Phase.ENDED),
    *_never(connection.STALL, COMPLETED, Phase.ENDED),
    *_never(body.ERROR_EVENT, COMPLETED, Phase.ENDED),
    *_never(connection.RESET, COMPLETED, Phase.DONE),
)


def _cells() -> Iterator[RetryCell]:
    for row in RETRY_ROWS:
        for client in Client:
            yield RetryCell(row, client)


RETRY_CELLS: tuple[RetryCell, ...] = tuple(_cells())
