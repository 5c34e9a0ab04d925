"""The table: fault, phase, client: what the client sees. DESIGN, section 4, row by row.

Owns the expectations, and the list of cells that is made of them; the count is published. It must not run
anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults import body_faults as body
from tests.faults import connection_faults as connection
from tests.faults import head_faults as head
from tests.faults import status_faults as status
from tests.faults import tls_faults as tls
from tests.faults.catalogue import GOOD, Fault, Phase
from tests.faults.outcomes import (
    BALANCE,
    BROKEN,
    COMPLETED,
    CONTEXT,
    CUT,
    CUT_AT_LIMIT,
    DOWN,
    KEY,
    MODERATION,
    QUOTA,
    REFUSED,
    TIMED_OUT,
    Client,
    Ends,
    HttpError,
    Outcome,
    limited,
)

TWISTED = os.environ.get("MIMO_PROXY_TWISTED_AGENT") == "true"
"""Whether the whole suite runs over Twisted's own agent, which takes some answers in another way."""


@dataclass(frozen=True)
class Row:
    """One fault, and the outcome for each phase in which it means something.

    :ivar kept: whether the connection serves further requests; None where that depends on how the bytes were
        cut into reads.
    :ivar requests: how many whole requests the upstream sees.
    """

    fault: Fault
    outcomes: dict[Phase, Outcome]
    kept: bool | None = False
    requests: int = 1


@dataclass(frozen=True)
class Cell:
    row: Row
    phase: Phase
    client: Client

    @property
    def name(self) -> str:
        return f"{self.row.fault.name} - {self.phase.name.lower()} - {self.client.value}"

    @property
    def expected(self) -> Outcome:
        return self.row.outcomes[self.phase]


def _at_once(fault: Fault, outcome: Outcome, *, kept: bool | None = False, requests: int = 1) -> Row:
    """A fault that is there before the first event."""
    return Row(fault, {Phase.BEFORE: outcome}, kept, requests)


def _cut(fault: Fault, before: Outcome = BROKEN, *, kept: bool | None = False) -> Row:
    """What ends an answer before its time. Once the turn is over it is complete."""
    after = {Phase.TEXT: CUT, Phase.CALL: CUT, Phase.ENDED: COMPLETED, Phase.DONE: COMPLETED}
    return Row(fault, {Phase.BEFORE: before, **after}, kept)


def _harmless(fault: Fault, *phases: Phase, kept: bool = True) -> Row:
    return Row(fault, dict.fromkeys(phases or (Phase.BEFORE,), COMPLETED), kept)


_WHILE_OPEN = (Phase.BEFORE, Phase.TEXT, Phase.CALL)
_EVERY = tuple(Phase)

_KIND = {
    **dict.fromkeys(status.STATUSES, REFUSED),
    401: KEY,
    402: BALANCE,
    403: KEY,
    408: TIMED_OUT,
    413: CONTEXT,
    421: MODERATION,
    429: limited(30),
    500: DOWN,
    501: DOWN,
    502: DOWN,
    503: DOWN,
    504: TIMED_OUT,
    529: DOWN,
    599: DOWN,
}

# A failure of the account, told in the middle of a stream: Codex is to show it and not to try again.
_KEY_IN_STREAM = Outcome(
    Ends("failed", "rate_limit_exceeded"), HttpError(401, "invalid_api_key"), Ends("failed", "invalid_prompt")
)
_RATE_IN_STREAM = Outcome(
    Ends("failed", "rate_limit_exceeded"),
    HttpError(429, "rate_limit_exceeded", (30, 30)),
    Ends("failed", "rate_limit_exceeded"),
)


def _error_event(fault: Fault, before: Outcome, later: Outcome) -> Row:
    """Once the turn is over an error takes nothing back."""
    later_on = {Phase.TEXT: later, Phase.CALL: later, Phase.ENDED: COMPLETED, Phase.DONE: COMPLETED}
    return Row(fault, {Phase.BEFORE: before, **later_on})


ROWS: tuple[Row, ...] = (
    _harmless(GOOD, *_EVERY),
    # -- connections and silence
    _at_once(connection.REFUSED, DOWN, requests=0),
    _at_once(connection.RESET_AT_CONNECT, DOWN, requests=0),
    _at_once(connection.CLOSED_AT_CONNECT, DOWN, requests=0),
    _at_once(connection.RESET_AT_FIRST_BYTE, DOWN, requests=0),
    _at_once(connection.RESET_AMID_REQUEST, DOWN, requests=0),
    _at_once(connection.CLOSED_AMID_REQUEST, DOWN, requests=0),
    _at_once(connection.DEAF_AMID_REQUEST, TIMED_OUT, requests=0),
    _at_once(connection.RESET_AFTER_REQUEST, DOWN),
    _at_once(connection.CLOSED_AFTER_REQUEST, DOWN),
    _at_once(connection.NO_ANSWER, TIMED_OUT),
    _at_once(connection.LATE_HEAD, TIMED_OUT),
    _at_once(connection.STALL_IN_HEAD, TIMED_OUT),
    _at_once(connection.TRICKLED_HEAD, TIMED_OUT),
    _at_once(connection.RESET_IN_HEAD, DOWN),
    _at_once(connection.CLOSED_IN_HEAD, DOWN),
    _cut(connection.RESET),
    _cut(connection.CLOSED),
    _cut(connection.EARLY_END, kept=True),
    _cut(connection.CLOSE_DELIMITED_CUT),
    _cut(connection.CLOSE_DELIMITED_RESET),
    _cut(connection.CUT_IN_EVENT),
    _cut(connection.STALL, TIMED_OUT),
    _cut(connection.STALL_IN_EVENT, TIMED_OUT),
    _cut(connection.STALL_IN_CHUNK, TIMED_OUT),
    Row(connection.ONLY_COMMENTS, {Phase.ENDED: COMPLETED, Phase.DONE: COMPLETED}),
    _harmless(connection.TRICKLE, *_EVERY),
    # -- the head
    _at_once(head.GARBAGE, DOWN),
    _at_once(head.GARBAGE_STATUS, DOWN),
    _at_once(head.STATUS_ONE_WORD, DOWN),
    _at_once(head.NO_HTTP, DOWN),
    _at_once(head.HUGE_STATUS, DOWN, kept=TWISTED),
    _at_once(head.NO_COLON, DOWN),
    _at_once(head.HUGE_HEAD, DOWN),
    _at_once(head.HUGE_FIELD, DOWN),
    _at_once(head.HUGE_FOLDED_FIELD, DOWN),
    _at_once(head.HUGE_STATUS_LINE, DOWN),
    _harmless(head.BARE_LINE_FEEDS),
    _harmless(head.FOLDED_FIELD),
    _harmless(head.NO_TYPE),
    _harmless(head.WITHOUT_REASON),
    *map(_harmless, head.INTERIM),
    _harmless(head.MANY_INTERIM),
    _at_once(head.SWITCHED_AND_STALLED, TIMED_OUT if TWISTED else DOWN),
    _at_once(head.SWITCHED_AND_CLOSED, DOWN),
    _at_once(head.ENDLESS_INTERIM, DOWN),
    *(_at_once(fault, DOWN) for fault in head.ENDLESS_HEADS),
    # -- lengths and chunks
    _cut(head.LENGTH_TOO_LONG),
    _cut(head.LENGTH_TOO_SHORT, kept=None),
    _harmless(head.HTTP_1_0, *_EVERY, kept=False),
    _at_once(head.CONFLICTING_LENGTHS, DOWN),
    _harmless(head.EQUAL_LENGTHS, *_EVERY) if TWISTED else _at_once(head.EQUAL_LENGTHS, DOWN),
    _harmless(head.LENGTH_AND_CHUNKS, *_EVERY),
    _at_once(head.NEGATIVE_LENGTH, DOWN),
    _at_once(head.LENGTH_OF_WORDS, DOWN),
    _at_once(head.UNKNOWN_TRANSFER_CODING, DOWN),
    _cut(head.TRUNCATED_CHUNK),
    _cut(head.CHUNK_SIZE_GARBAGE),
    _cut(head.CHUNK_SIZE_NEGATIVE),
    _cut(head.CHUNK_SIZE_ENDLESS),
    _cut(head.CHUNK_EXTENSION_ENDLESS),
    _cut(head.CHUNK_WITHOUT_END),
    _cut(head.TRAILERS_ENDLESS),
    # -- a 200 that is no stream
    _at_once(body.PAGE, DOWN, kept=None),
    _at_once(body.PAGE_AS_STREAM, BROKEN, kept=None),
    _at_once(body.PAGE_AS_JSON, BROKEN, kept=None),
    _at_once(body.EMPTY, BROKEN, kept=True),
    _at_once(body.EMPTY_CHUNKED, BROKEN, kept=True),
    _at_once(body.BLANK, BROKEN, kept=True),
    _at_once(body.DONE_ALONE, BROKEN, kept=None),
    _at_once(body.HALF_JSON_BODY, BROKEN, kept=None),
    _at_once(body.ERROR_OBJECT, BROKEN, kept=None),
    _at_once(body.KEY_ERROR_OBJECT, KEY, kept=None),
    _at_once(body.NO_CONTENT, DOWN, kept=True),
    *(_at_once(fault, DOWN, kept=True) for fault in body.OTHER_SUCCESS),
    # -- events
    _cut(body.GARBAGE_EVENT),
    _cut(body.HALF_JSON),
    _cut(body.WRONG_TYPES),
    _cut(body.JSON_LIST),
    _cut(body.DEEP_JSON),
    _error_event(body.ERROR_EVENT, BROKEN, CUT),
    _error_event(body.ERROR_EVENT_TWICE_FRAMED, BROKEN, CUT),
    _error_event(body.KEY_ERROR_EVENT, KEY, _KEY_IN_STREAM),
    _error_event(body.RATE_EVENT, limited(30), _RATE_IN_STREAM),
    _harmless(body.INVALID_UTF8, *_WHILE_OPEN),
    _harmless(body.LONE_SURROGATE, *_WHILE_OPEN),
    _harmless(body.SURROGATES_APART, Phase.BEFORE, Phase.TEXT),
    _harmless(body.NUL_IN_TEXT, *_WHILE_OPEN),
    _harmless(body.INVALID_UTF8_IN_FRAMING, *_EVERY),
    _harmless(body.OTHER_FIELDS, *_EVERY),
    _harmless(body.CARRIAGE_RETURNS, *_EVERY),
    # -- without an end
    Row(
        body.ENDLESS_EVENTS,
        {
            Phase.BEFORE: CUT_AT_LIMIT,
            Phase.TEXT: CUT_AT_LIMIT,
            Phase.CALL: CUT_AT_LIMIT,
            Phase.ENDED: CUT_AT_LIMIT,
            Phase.DONE: COMPLETED,
        },
    ),
    Row(body.ENDLESS_ARGUMENTS, {Phase.CALL: CUT_AT_LIMIT, Phase.DONE: COMPLETED}),
    Row(
        body.ENDLESS_COMMENTS,
        {Phase.TEXT: CUT_AT_LIMIT, Phase.CALL: CUT_AT_LIMIT, Phase.ENDED: COMPLETED, Phase.DONE: COMPLETED},
    ),
    _cut(body.ENDLESS_EVENT),
    _cut(body.ENDLESS_DATA_LINES),
    # -- content codings
    _harmless(body.IDENTITY, *_EVERY),
    _harmless(body.GZIPPED, *_EVERY),
    _harmless(body.GZIPPED_X),
    _harmless(body.DEFLATED, *_EVERY),
    _harmless(body.DEFLATED_RAW),
    _harmless(body.GZIP_TWO_MEMBERS, *_EVERY),
    Row(body.GZIP_BOMB, dict.fromkeys(_WHILE_OPEN, CUT_AT_LIMIT) | {Phase.DONE: COMPLETED}),
    _cut(body.GZIP_BOMB_OF_ONE_EVENT),
    _cut(body.GZIP_TRUNCATED),
    _cut(body.GZIP_TRUNCATED_IN_ORDER, kept=None),
    _cut(body.GZIP_GARBAGE),
    _at_once(body.BROTLI, DOWN),
    _at_once(body.TWO_CODINGS, DOWN),
    # -- statuses
    *(
        _at_once(fault, _KIND[code], kept=True)
        for code, faults in status.BY_STATUS.items()
        for fault in faults
    ),
    _at_once(status.INFRASTRUCTURE, DOWN, kept=True),
    _at_once(status.TOO_LONG, CONTEXT, kept=True),
    _at_once(status.MODERATED, MODERATION, kept=True),
    _at_once(status.SPENT, QUOTA, kept=True),
    _at_once(status.RETRY_AFTER_SECONDS, limited(7), kept=True),
    _at_once(status.RETRY_AFTER_FRACTION, limited(2), kept=True),
    _at_once(status.RETRY_AFTER_ZERO, limited(1), kept=True),
    _at_once(status.RETRY_AFTER_LONG, limited(3600), kept=True),
    _at_once(status.RETRY_AFTER_NONE, limited(30), kept=True),
    *(_at_once(fault, limited(30), kept=True) for fault in status.RETRY_AFTER_ABSURD),
    _at_once(status.RETRY_AFTER_PAST, limited(1), kept=True),
    _at_once(status.RETRY_AFTER_DATE, limited(60, 91), kept=True),
    *(_at_once(fault, DOWN, kept=True) for fault in status.REDIRECTS),
    _at_once(status.REDIRECT_NOWHERE, DOWN, kept=True),
    _at_once(status.NOT_MODIFIED, DOWN, kept=True),
    *(_at_once(fault, _KIND[code]) for code, fault in status.STALLED_ERROR.items()),
    *(_at_once(fault, _KIND[code]) for code, fault in status.SILENT_ERROR.items()),
    *(_at_once(fault, _KIND[code]) for code, fault in status.TRICKLED_ERROR.items()),
    *(_at_once(fault, _KIND[code]) for code, fault in status.ENDLESS_ERROR.items()),
    *(_at_once(fault, REFUSED, kept=None) for fault in status.PACKED_ERRORS),
    _at_once(status.EARLY_REFUSAL, CONTEXT, kept=None, requests=0),
    _at_once(status.EARLY_LIMIT, limited(7), kept=None, requests=0),
    _at_once(status.EARLY_ERROR, DOWN, kept=None, requests=0),
    # -- TLS
    _at_once(tls.TRUSTED, COMPLETED, kept=True),
    _at_once(tls.SELF_SIGNED, DOWN, requests=0),
    _at_once(tls.EXPIRED, DOWN, requests=0),
    _at_once(tls.OTHER_HOST, DOWN, requests=0),
    _at_once(tls.HANDSHAKE_STALL, TIMED_OUT, requests=0),
    _at_once(tls.HANDSHAKE_STALL_BEYOND_CONNECTING, DOWN, requests=0),
    _at_once(tls.HANDSHAKE_GARBAGE, DOWN, requests=0),
    _at_once(tls.PLAIN_HTTP, DOWN, requests=0),
    _at_once(tls.TLS_WHERE_PLAIN, DOWN, requests=0),
)


def _cells() -> Iterator[Cell]:
    for row in ROWS:
        for phase in Phase:
            if phase in row.outcomes:
                for client in Client:
                    yield Cell(row, phase, client)


CELLS: tuple[Cell, ...] = tuple(_cells())
