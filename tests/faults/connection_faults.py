"""Faults of the connection and of the silence on it, up to the first event of the answer and after it."""

from __future__ import annotations

from tests.faults.catalogue import FIRST_BYTE, IDLE, REQUEST, Fault, answered, within
from tests.faults.script import Close, Reset, Script, Send, Stall, Step, Trickle, Wait
from tests.faults.upstream import Plan
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, UNTIL_CLOSE_HEAD, chunk, chunked

LARGE = {**REQUEST, "input": "a" * 1_500_000}
"""A request that no socket takes in one write."""

REFUSED = Fault(name="refused", plan=lambda _: Plan(), listens=False)


def _at_connect(name: str, *script: Step) -> Fault:
    return Fault(name=name, plan=lambda _: Plan(at_connect=script))


def _at_byte(name: str, count: int, *script: Step) -> Fault:
    return Fault(name=name, plan=lambda _: Plan(at_byte=(count, script)), body=LARGE)


RESET_AT_CONNECT = _at_connect("reset at connect", Reset())
CLOSED_AT_CONNECT = _at_connect("closed at connect", Close())
RESET_AT_FIRST_BYTE = _at_byte("reset at the request's first byte", 1, Reset())
RESET_AMID_REQUEST = _at_byte("reset amid the request", 700_000, Reset())
CLOSED_AMID_REQUEST = _at_byte("closed amid the request", 700_000, Close())
RESET_AFTER_REQUEST = answered("reset after the request", Reset())
CLOSED_AFTER_REQUEST = answered("closed after the request", Close())
DEAF_AMID_REQUEST = Fault(
    name="reads no more amid the request",
    plan=lambda _: Plan(at_byte=(700_000, (Stall(),))),
    body=LARGE,
    settings=FIRST_BYTE,
)

NO_ANSWER = answered("no answer", Stall(), settings=FIRST_BYTE)
LATE_HEAD = answered("head too late", Wait(5), Send(chunked(b"")), settings=FIRST_BYTE)
STALL_IN_HEAD = answered("stall in the head", Send(STREAM_HEAD[:40]), Stall(), settings=FIRST_BYTE)
RESET_IN_HEAD = answered("reset in the head", Send(STREAM_HEAD[:40]), Wait(0), Wait(0), Reset())
CLOSED_IN_HEAD = answered("closed in the head", Send(STREAM_HEAD[:40]), Close())
TRICKLED_HEAD = answered(
    "head that trickles for ever",
    Trickle(b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * 4000, 0.02),
    settings=FIRST_BYTE,
)

# From here on in each phase.
_RESET: Script = (Wait(0), Wait(0), Reset())
"""A reset throws away what the reactor has not written yet, so it is given the turn to do that."""

RESET = within("reset", lambda _: _RESET)
CLOSED = within("closed without the last chunk", lambda _: (Close(),))
EARLY_END = within("last chunk too early", lambda _: (Send(LAST_CHUNK),))
CLOSE_DELIMITED_CUT = within(
    "close-delimited body cut short", lambda _: (Close(),), head=UNTIL_CLOSE_HEAD, frame=bytes
)
CLOSE_DELIMITED_RESET = within(
    "close-delimited body reset", lambda _: _RESET, head=UNTIL_CLOSE_HEAD, frame=bytes
)
CUT_IN_EVENT = within(
    "closed within an event", lambda _: (Send(chunk(b'data: {"choices":[{"index":0,"del')), Close())
)
STALL = within("stall", lambda _: (Stall(),), settings=IDLE)
STALL_IN_EVENT = within(
    "stall within an event", lambda _: (Send(chunk(b'data: {"choices":[{"ind')), Stall()), settings=IDLE
)
STALL_IN_CHUNK = within("stall within a chunk", lambda _: (Send(b"40\r\ndata: {"), Stall()), settings=IDLE)
ONLY_COMMENTS = within(
    "comments for ever", lambda _: (Trickle(chunk(b": x\n\n") * 400, 0.002), Stall()), settings=IDLE
)

TRICKLE = within(
    "a byte at a time", lambda scene: (Trickle(b"".join(map(chunk, _lines(scene.rest))) + LAST_CHUNK),)
)


def _lines(payload: bytes) -> list[bytes]:
    return payload.splitlines(keepends=True)
