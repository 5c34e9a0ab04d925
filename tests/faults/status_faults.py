"""Answers that are no 200: every error status with each kind of body, delays, redirects, endless bodies."""

from __future__ import annotations

import gzip
import time
from email.utils import formatdate

from tests.faults.catalogue import Fault, answered
from tests.faults.connection_faults import LARGE
from tests.faults.script import Flood, Send, Stall, Step, Trickle
from tests.faults.upstream import Plan, answers
from tests.http_wire import answer

STATUSES = (*range(400, 430), *range(500, 505), 529, 599)

_ERROR = b'{"error":{"code":"STATUS","message":"because of the test","param":null}}'


def _bodies(status: int) -> dict[str, tuple[bytes, str]]:
    error = _ERROR.replace(b"STATUS", b"%d" % status)
    return {
        "JSON": (error, "application/json"),
        "data: JSON": (b"data: " + error + b"\n\n", "text/event-stream"),
        "HTML": (b"<html><title>oops</title></html>", "text/html"),
        "empty": (b"", "text/plain"),
    }


def _statuses(status: int) -> tuple[Fault, ...]:
    return tuple(
        answered(f"{status} {kind}", Send(answer(status, body, content_type=content_type)))
        for kind, (body, content_type) in _bodies(status).items()
    )


BY_STATUS = {status: _statuses(status) for status in STATUSES}

# -- 400s that mean something else ------------------------------------------------------------------------

INFRASTRUCTURE = answered(
    "400 about infrastructure",
    Send(answer(400, {"error": {"code": "400", "message": "finishConnect(..) failed: Connection refused"}})),
)
TOO_LONG = answered(
    "400 about the context",
    Send(answer(400, {"error": {"message": "x", "param": "maximum context length is 1048576 tokens"}})),
)
MODERATED = answered("400 about moderation", Send(answer(400, {"error": {"message": "moderation: no"}})))
SPENT = answered("429 of a spent plan", Send(answer(429, {"error": {"message": "quota exhausted"}})))

# -- 429 and its delay ------------------------------------------------------------------------------------


def _delayed(name: str, value: str | None) -> Fault:
    fields = {} if value is None else {"retry_after": value}
    return answered(f"429, {name}", Send(answer(429, b"{}", content_type="application/json", **fields)))


RETRY_AFTER_SECONDS = _delayed("retry-after in seconds", "7")
RETRY_AFTER_FRACTION = _delayed("retry-after with a fraction", "1.2")
RETRY_AFTER_ZERO = _delayed("retry-after of none", "0")
RETRY_AFTER_LONG = _delayed("retry-after of an hour", "3600")
RETRY_AFTER_NONE = _delayed("without retry-after", None)
RETRY_AFTER_ABSURD = tuple(
    _delayed(f"retry-after {value[:20]!r}", value)
    for value in (
        "1e9",
        "1000000000",
        "9" * 400,
        "-5",
        "soon",
        "",
        "7, 8",
        "0x10",
        "Fri, 99 Foo 99999999 00:00:00",
    )
)
RETRY_AFTER_PAST = _delayed("retry-after a date in the past", "Wed, 21 Oct 2015 07:28:00 GMT")
RETRY_AFTER_DATE = Fault(
    name="429, retry-after a date",
    plan=lambda _: answers(
        (Send(answer(429, b"{}", retry_after=formatdate(time.time() + 90, usegmt=True))),)
    ),
)

# -- redirects --------------------------------------------------------------------------------------------

_REDIRECTS = (300, 301, 302, 303, 305, 307, 308)


def _redirect(status: int, name: str, location: str) -> Fault:
    """ELSEWHERE in the location stands for the port of another server."""

    def plan_for(elsewhere: int) -> Plan:
        there = location.replace("ELSEWHERE", str(elsewhere))
        return answers((Send(answer(status, b"moved", location=there)),))

    return Fault(name=f"{status} {name}", plan=lambda scene: plan_for(scene.elsewhere))


REDIRECTS = tuple(
    _redirect(status, name, location)
    for status in _REDIRECTS
    for name, location in (
        ("to the same host", "/v1/other"),
        ("to another host", "http://127.0.0.1:ELSEWHERE/v1/chat/completions"),
        ("to another host without a scheme", "//localhost:ELSEWHERE/v1/chat/completions"),
    )
)
REDIRECT_NOWHERE = answered("302 without a location", Send(answer(302, b"moved")))
NOT_MODIFIED = answered("304", Send(b"HTTP/1.1 304 Not Modified\r\n\r\n"))

# -- compressed bodies ------------------------------------------------------------------------------------

_REASON = b'{"error":{"message":"because of the test"}}'


def _packed(name: str, body: bytes, coding: str = "gzip") -> Fault:
    return answered(
        f"400 {name}", Send(answer(400, body, content_encoding=coding, content_type="application/json"))
    )


PACKED_ERRORS = (
    _packed("gzipped", gzip.compress(_REASON)),
    _packed("that is a gzip bomb", gzip.compress(_REASON + b" " * 20_000_000)),
    _packed("of garbage that says it is gzip", b"no gzip at all"),
    _packed("gzipped and cut short", gzip.compress(_REASON)[:-9]),
    _packed("in brotli", b"\x0b\x02\x80abc\x03", "br"),
)

# -- answers that come while the request is still on its way ----------------------------------------------


def _early(name: str, *script: Step) -> Fault:
    return Fault(name=name, plan=lambda _: Plan(at_byte=(1000, script)), body=LARGE)


EARLY_REFUSAL = _early("413 amid the request", Send(answer(413, b"{}", content_type="application/json")))
EARLY_LIMIT = _early("429 amid the request", Send(answer(429, b"{}", retry_after="7")))
EARLY_ERROR = _early(
    "500 amid the request, and the end", Send(answer(500, b"{}", connection="close")), Stall()
)

# -- bodies without an end --------------------------------------------------------------------------------


def _unended(status: int, length: int) -> bytes:
    head = b"HTTP/1.1 %d Status\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, length)


STALLED_ERROR = {
    status: answered(f"{status} whose body stalls", Send(_unended(status, 500) + _REASON), Stall())
    for status in (400, 429, 500)
}
SILENT_ERROR = {
    status: answered(f"{status} whose body never begins", Send(_unended(status, 500)), Stall())
    for status in (400, 429, 500)
}
TRICKLED_ERROR = {
    status: answered(
        f"{status} whose body trickles for ever",
        Send(_unended(status, 100_000)),
        Trickle(_REASON + b" " * 4000, 0.001),
        Stall(),
    )
    for status in (400, 500)
}
ENDLESS_ERROR = {
    status: answered(
        f"{status} whose body is endless", Send(_unended(status, 10**12) + _REASON), Flood(b" " * 1000)
    )
    for status in (400, 429, 500)
}
