"""Faults of the head of an answer and of its framing: status line, header fields, lengths, chunks."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.catalogue import FIRST_BYTE, Fault, Scene, answered, whole_after, within
from tests.faults.script import Close, Flood, Send, Stall
from tests.http_wire import STREAM_HEAD, answer, chunk, text

_TYPE = b"content-type: text/event-stream\r\n"

# -- the status line and the fields -----------------------------------------------------------------------

GARBAGE = answered("garbage in place of an answer", Send(b"\x00\xff\x16\x03garbage\r\n\r\n" * 3), Close())
GARBAGE_STATUS = answered("status that is no number", Send(b"HTTP/1.1 abc OK\r\n" + _TYPE + b"\r\n"), Stall())
STATUS_ONE_WORD = answered("status line of one word", Send(b"HTTP/1.1\r\n" + _TYPE + b"\r\n"), Stall())
NO_HTTP = answered("version that is none", Send(b"ICY 200 OK\r\n" + _TYPE + b"\r\n"), Stall())
HUGE_STATUS = answered("status of five digits", Send(answer(99999, b"x")))
NO_COLON = answered("field without a colon", Send(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), Stall())
HUGE_HEAD = answered(
    "endless head of many fields",
    Send(b"HTTP/1.1 200 OK\r\n" + _TYPE),
    Flood(b"x-padding: " + b"a" * 1000 + b"\r\n"),
)
HUGE_FIELD = answered("endless field", Send(b"HTTP/1.1 200 OK\r\nx-padding: "), Flood(b"a" * 1000))
HUGE_STATUS_LINE = answered("endless status line", Send(b"HTTP/1.1 200 "), Flood(b"a" * 1000))
HUGE_FOLDED_FIELD = answered(
    "endless folded field",
    Send(b"HTTP/1.1 200 OK\r\nx-padding: a\r\n"),
    Flood(b" " + b"a" * 1000 + b"\r\n"),
)
BARE_LINE_FEEDS = within("line feeds alone", whole_after, head=STREAM_HEAD.replace(b"\r\n", b"\n"))
FOLDED_FIELD = within("folded field", whole_after, head=STREAM_HEAD[:-2] + b"x-padding: a\r\n\tb\r\n\r\n")
NO_TYPE = within("no content-type", whole_after, head=STREAM_HEAD.replace(_TYPE, b""))
WITHOUT_REASON = within("status line without words", whole_after, head=STREAM_HEAD.replace(b" OK", b""))

# -- 1xx --------------------------------------------------------------------------------------------------


def _interim(status: int) -> Fault:
    return within(
        f"{status} before the answer", whole_after, head=b"HTTP/1.1 %d Interim\r\n\r\n" % status + STREAM_HEAD
    )


INTERIM = tuple(_interim(status) for status in (100, 102, 103))
MANY_INTERIM = within(
    "100 twenty times", whole_after, head=b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + STREAM_HEAD
)
SWITCHED_AND_STALLED = answered(
    "101 and silence",
    Send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"),
    Stall(),
    settings=FIRST_BYTE,
)
SWITCHED_AND_CLOSED = answered(
    "101 and the end",
    Send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"),
    Close(),
)
ENDLESS_INTERIM = answered("100 for ever", Flood(b"HTTP/1.1 100 Continue\r\n\r\n"))

ENDLESS_HEADS = tuple(
    answered(f"endless head behind {name}", Send(before), Flood(b"x-padding: " + b"a" * 1000 + b"\r\n"))
    for name, before in {
        "100": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        "101": b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n",
        "0100": b"HTTP/1.1 0100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        "+100": b"HTTP/1.1 +100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        "100 of another version": b"HTTP/12.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        "100 of another protocol": b"ICY/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        "100 and a lone line feed": b"HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\r\n",
        "100 with a folded field": b"HTTP/1.1 100 Continue\r\nx-a: b\r\n \r\n\r\nHTTP/1.1 200 OK\r\n",
    }.items()
)
"""What a reader of heads may take for an answer and another may not."""

# -- lengths ----------------------------------------------------------------------------------------------


def _with_length(extra: int) -> Callable[[Scene], bytes]:
    """The head of a body with ``extra`` bytes more than what has come before the fault."""
    return lambda scene: (
        b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n" % (_TYPE, len(scene.begun) + extra)
    )


LENGTH_TOO_LONG = within(
    "content-length too long", lambda _: (Send(b"data: {"), Close()), head=_with_length(5000), frame=bytes
)
LENGTH_TOO_SHORT = within(
    "content-length too short",
    lambda scene: (Send(scene.rest or b"data: and more of it"),),
    head=_with_length(9),
    frame=bytes,
)
HTTP_1_0 = within(
    "HTTP/1.0, until the end",
    lambda scene: (Send(scene.rest), Close()),
    head=b"HTTP/1.0 200 OK\r\n" + _TYPE + b"\r\n",
    frame=bytes,
)
CONFLICTING_LENGTHS = answered(
    "two lengths that differ",
    Send(b"HTTP/1.1 200 OK\r\n" + _TYPE + b"content-length: 5\r\ncontent-length: 500\r\n\r\n" + text("a")),
    Stall(),
)
EQUAL_LENGTHS = within(
    "two lengths that agree",
    lambda scene: (Send(scene.rest),),
    head=lambda scene: (
        _with_length(len(scene.rest))(scene)[:-2]
        + b"content-length: %d\r\n\r\n" % len(scene.begun + scene.rest)
    ),
    frame=bytes,
)
LENGTH_AND_CHUNKS = within(
    "a length and chunks", whole_after, head=STREAM_HEAD[:-2] + b"content-length: 5\r\n\r\n"
)
NEGATIVE_LENGTH = answered(
    "negative length",
    Send(b"HTTP/1.1 200 OK\r\n" + _TYPE + b"content-length: -5\r\n\r\n" + text("a")),
    Stall(),
)
LENGTH_OF_WORDS = answered(
    "length that is no number",
    Send(b"HTTP/1.1 200 OK\r\n" + _TYPE + b"content-length: ten\r\n\r\n" + text("a")),
    Stall(),
)
UNKNOWN_TRANSFER_CODING = answered(
    "unknown transfer coding",
    Send(b"HTTP/1.1 200 OK\r\n" + _TYPE + b"transfer-encoding: gzip, chunked\r\n\r\n" + chunk(text("a"))),
    Stall(),
)

# -- chunks -----------------------------------------------------------------------------------------------

TRUNCATED_CHUNK = within("truncated chunk", lambda _: (Send(b"40\r\ndata: {"), Close()))
CHUNK_SIZE_GARBAGE = within("chunk size that is no number", lambda _: (Send(b"zz\r\ndata: {}\r\n"), Stall()))
CHUNK_SIZE_NEGATIVE = within("negative chunk size", lambda _: (Send(b"-5\r\ndata: {}\r\n"), Stall()))
CHUNK_SIZE_ENDLESS = within("endless chunk size", lambda _: (Flood(b"0" * 1000),))
CHUNK_EXTENSION_ENDLESS = within("endless chunk extension", lambda _: (Send(b"5;a="), Flood(b"a" * 1000)))
CHUNK_WITHOUT_END = within("chunk without its line end", lambda _: (Send(b"3\r\n: xyzw"), Stall()))
TRAILERS_ENDLESS = within(
    "endless trailers", lambda _: (Send(b"0\r\n"), Flood(b"x-a: " + b"a" * 995 + b"\r\n"))
)
