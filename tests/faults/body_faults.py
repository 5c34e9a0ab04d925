"""Faults in the body of a 200: its coding, its events, its text, its size."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

from tests.faults.catalogue import Fault, Phase, Scene, answered, begin, whole_after, within
from tests.faults.script import Close, Flood, Script, Send, Stall
from tests.faults.upstream import Plan, answers
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, answer, chunk, chunked, delta, event, text

EVENT_LIMIT = {"MIMO_PROXY_MAX_EVENT_BYTES": "4096"}
ANSWER_LIMIT = {"MIMO_PROXY_MAX_ANSWER_BYTES": "65536"}

# -- events that are none ---------------------------------------------------------------------------------


def _sends(name: str, payload: bytes) -> Fault:
    """The payload, and then nothing: what is wrong shows without the end of the body."""
    return within(name, lambda _: (Send(chunk(payload)), Stall()))


GARBAGE_EVENT = _sends("event of garbage", b"data: \x00\x01garbage\n\n")
HALF_JSON = _sends("half JSON", b'data: {"choices":[{"index":0,"del\n\n')
WRONG_TYPES = _sends("wrong types", b'data: {"choices": 5}\n\n')
JSON_LIST = _sends("a list", b"data: [1, 2, 3]\n\n")
DEEP_JSON = _sends("deep JSON", b"data: " + b"[" * 50_000 + b"]" * 50_000 + b"\n\n")
ERROR_EVENT = _sends("an error as an event", event({"error": {"message": "engine died"}}))
ERROR_EVENT_TWICE_FRAMED = _sends(
    "an error framed twice", b'data: data: {"error": {"message": "engine died"}}\n\n'
)
KEY_ERROR_EVENT = _sends(
    "a refused key as an event", event({"error": {"code": "401", "message": "Invalid API Key"}})
)
RATE_EVENT = _sends(
    "a rate limit as an event", event({"error": {"code": "429", "message": "Too many requests"}})
)

# -- a 200 that is no stream ------------------------------------------------------------------------------

PAGE = answered("200 with a page", Send(answer(200, b"<html>hi</html>", content_type="text/html")))
PAGE_AS_STREAM = answered(
    "200 with a page that says it is a stream",
    Send(answer(200, b"<html>hi</html>", content_type="text/event-stream")),
)
PAGE_AS_JSON = answered(
    "200 with a page that says it is JSON",
    Send(answer(200, b"<html>hi</html>", content_type="application/json")),
)
EMPTY = answered("empty 200", Send(answer(200, content_type="text/event-stream")))
EMPTY_CHUNKED = answered("empty chunked 200", Send(chunked()))
BLANK = answered("200 of blank lines", Send(chunked(b"\n\n\n\n")))
DONE_ALONE = answered("200 with [DONE] alone", Send(chunked(b"data: [DONE]\n\n")))
HALF_JSON_BODY = answered(
    "200 with half a JSON", Send(answer(200, b'{"choices":[{"mess', content_type="application/json"))
)
ERROR_OBJECT = answered("200 with an error object", Send(answer(200, {"error": {"message": "engine died"}})))
KEY_ERROR_OBJECT = answered(
    "200 with a refused key", Send(answer(200, {"error": {"code": "401", "message": "Invalid API Key"}}))
)
NO_CONTENT = answered("204", Send(b"HTTP/1.1 204 No Content\r\n\r\n"))
OTHER_SUCCESS = tuple(
    answered(f"{status} with a stream", Send(answer(status, text("a"), content_type="text/event-stream")))
    for status in (201, 202, 203, 206, 226)
)

# -- text that is none ------------------------------------------------------------------------------------


def _odd_text(name: str, raw: bytes) -> Fault:
    """A good answer with this text in one more delta, or, in a call, in its arguments."""

    def strike(scene: Scene) -> Script:
        if scene.phase is not Phase.CALL:
            return whole_after(scene, text("MARK").replace(b"MARK", raw))
        return (Send(chunk(scene.rest.replace(rb"\"a\"", rb"\"a%b\"" % raw)) + LAST_CHUNK),)

    return within(name, strike)


INVALID_UTF8 = _odd_text("invalid UTF-8 in a delta", b"a\xff\xfe\xc3b")
LONE_SURROGATE = _odd_text("a lone surrogate", rb"a\ud800b")
SURROGATES_APART = within(
    "a character cut in two deltas",
    lambda scene: whole_after(
        scene, text("MARK").replace(b"MARK", rb"\ud83d") + text("MARK").replace(b"MARK", rb"\ude00")
    ),
)
NUL_IN_TEXT = _odd_text("NUL in a delta", rb"a\u0000b")
INVALID_UTF8_IN_FRAMING = within(
    "invalid UTF-8 between events",
    lambda scene: whole_after(scene, b"\xff\xfe\xc3\x28: x\n: \xff comment\n\nid: \xff\n\n"),
)
OTHER_FIELDS = within(
    "events of other names",
    lambda scene: whole_after(scene, b"event: ping\nid: 7\nretry: 1\n\nevent: ping\ndata:\n\n"),
)
CARRIAGE_RETURNS = within(
    "carriage returns as line ends",
    lambda scene: (Send(chunk(scene.rest.replace(b"\n", b"\r")) + LAST_CHUNK if scene.rest else LAST_CHUNK),),
)

# -- without an end ---------------------------------------------------------------------------------------

ENDLESS_EVENTS = within(
    "endless events", lambda _: (Flood(chunk(text("word " * 200))),), settings=ANSWER_LIMIT
)
ENDLESS_ARGUMENTS = within(
    "endless arguments",
    lambda _: (Flood(chunk(delta(tool_calls=[{"index": 0, "function": {"arguments": " " * 1000}}]))),),
    settings=ANSWER_LIMIT,
)
ENDLESS_COMMENTS = within(
    "endless comments", lambda _: (Flood(chunk(b": " + b"x" * 1000 + b"\n\n")),), settings=ANSWER_LIMIT
)
ENDLESS_EVENT = within(
    "one endless event", lambda _: (Send(chunk(b"data: ")), Flood(chunk(b"x" * 1000))), settings=EVENT_LIMIT
)
ENDLESS_DATA_LINES = within(
    "one endless event of many lines",
    lambda _: (Flood(chunk(b"data: " + b"x" * 1000 + b"\n")),),
    settings=EVENT_LIMIT,
)

# -- content codings --------------------------------------------------------------------------------------


def _head(coding: bytes) -> bytes:
    return STREAM_HEAD[:-2] + b"content-encoding: " + coding + b"\r\n\r\n"


_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def _compressed(
    name: str,
    strike: Callable[[Scene, zlib._Compress], Script],
    *,
    coding: bytes = b"gzip",
    window: int = _GZIP,
    settings: dict[str, str] | None = None,
) -> Fault:
    """A compressed answer whose beginning is flushed. ``strike`` goes on with the same compressor."""

    def plan(scene: Scene) -> Plan:
        packer = zlib.compressobj(9, zlib.DEFLATED, window)
        opening = begin(
            scene,
            _head(coding),
            lambda begun: chunk(packer.compress(begun) + packer.flush(zlib.Z_SYNC_FLUSH)),
        )
        return answers(opening + strike(scene, packer))

    return Fault(name=name, plan=plan, settings=settings or {})


def _packed_rest(scene: Scene, packer: zlib._Compress) -> Script:
    return (Send(chunk(packer.compress(scene.rest) + packer.flush()) + LAST_CHUNK),)


GZIPPED = _compressed("gzipped", _packed_rest)
GZIPPED_X = _compressed("gzipped, by its other name", _packed_rest, coding=b"X-GZip")
DEFLATED = _compressed("deflated", _packed_rest, coding=b"deflate", window=_ZLIB)
DEFLATED_RAW = _compressed("deflated without a header", _packed_rest, coding=b"deflate", window=_RAW)
IDENTITY = within("identity named", whole_after, head=_head(b"identity"))
GZIP_TWO_MEMBERS = Fault(
    name="gzipped in two members",
    plan=lambda scene: answers(
        (
            *begin(scene, _head(b"gzip"), lambda begun: chunk(gzip.compress(begun))),
            Send(chunk(gzip.compress(scene.rest)) + LAST_CHUNK),
        )
    ),
)
GZIP_BOMB = _compressed(
    "gzip bomb of events",
    lambda _, packer: (Send(chunk(packer.compress(text("word " * 200) * 2_000) + packer.flush())), Stall()),
    settings=ANSWER_LIMIT,
)
GZIP_BOMB_OF_ONE_EVENT = _compressed(
    "gzip bomb of one event",
    lambda _, packer: (Send(chunk(packer.compress(b"data: " + b"x" * 2_000_000) + packer.flush())), Stall()),
    settings=EVENT_LIMIT,
)
GZIP_TRUNCATED = _compressed("gzip cut short", lambda _, __: (Close(),))
GZIP_TRUNCATED_IN_ORDER = _compressed("gzip without its end", lambda _, __: (Send(LAST_CHUNK),))
GZIP_GARBAGE = within(
    "garbage that says it is gzip",
    lambda _: (Send(chunk(b"no gzip at all")), Stall()),
    head=_head(b"gzip"),
    frame=lambda begun: chunk(gzip.compress(begun)[:-8]),
)
BROTLI = answered("brotli", Send(_head(b"br") + chunk(b"\x0b\x02\x80abc\x03")), Stall())
TWO_CODINGS = answered("two codings, one unknown", Send(_head(b"gzip, br") + chunk(b"\x0b\x02")), Stall())
