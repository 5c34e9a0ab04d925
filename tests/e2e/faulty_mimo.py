"""A program: the simulated MiMo, whose first answers are faults, one after the other.

Run as ``python -m tests.e2e.faulty_mimo PORT FILE FAULT…``. The n-th request for a completion meets the n-th
fault (``none`` for a good answer); those that come after all faults are answered well. Each is written down,
as ``tests.e2e.recording_mimo`` does it.

Owns the names of the faults and where in the simulated answer each one strikes.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from twisted.web.resource import IResource
from twisted.web.server import Site

from ccmimolink.demo.agent import answer as simulated
from ccmimolink.demo.resource import make_root
from ccmimolink.demo.wire import DONE, Stamp, make_reply, stream_events
from tests.e2e.recording_mimo import RecordingRequest
from tests.faults.script import Close, Reset, Script, ScriptPlayer, Send, Stall, Wait
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, UNTIL_CLOSE_HEAD, answer, chunk

_DELTA_DELAY = 0.01
_PAUSE = Wait(0.2)
"""Long enough for what was sent before to be passed on."""

Events = list[bytes]


def _events(body: dict[str, Any]) -> Events:
    """The good answer to a request, as the events of its stream."""
    stamp = Stamp(completion_id="chatcmpl-faulty", model=body["model"], created=1_776_000_000)
    return list(stream_events(make_reply(body, simulated(body)), stamp, include_usage=True))


def _half(events: Events) -> Events:
    """In the midst of what it says: what comes before a call or the finish, up to the middle."""
    said = [each for each in events if b'"content":"' in each or b'"reasoning_content":"' in each]
    return said[: max(2, len(said) // 2)]


def _to_the_middle_of_a_call(events: Events) -> Events:
    first = next(place for place, each in enumerate(events) if b'"tool_calls":[' in each)
    return events[: first + 2]


def _to_the_finish(events: Events) -> Events:
    """All that the answer consists of, without the word that it is complete."""
    return [each for each in events if b'"finish_reason":null' in each]


def _cut(part: Callable[[Events], Events], *end: Any) -> Callable[[Events], Script]:
    """A chunked stream that goes as far as ``part``."""
    return lambda events: (Send(STREAM_HEAD + chunk(b"".join(part(events)))), _PAUSE, *end)


def _with_garbage(events: Events) -> Script:
    """Amid the stream half a JSON text, then bytes that are no text; all else is as it should be."""
    before = _half(events)
    garbage = [b'data: {"id":"c1","choices":[{"ind\n\n', b"data: \xff\xfe\x00\x80garbage\n\n"]
    after = events[events.index(before[-1]) + 1 :]
    return (Send(STREAM_HEAD + b"".join(map(chunk, [*before, *garbage, *after])) + LAST_CHUNK), Close())


def _whole(status: int, body: bytes | dict[str, Any], **headers: str) -> Callable[[Events], Script]:
    return lambda _events: (Send(answer(status, body, connection="close", **headers)), Close())


def _error(status: int, message: str, **headers: str) -> Callable[[Events], Script]:
    return _whole(status, {"error": {"code": str(status), "message": message, "type": "x"}}, **headers)


FAULTS: dict[str, Callable[[Events], Script]] = {
    "reset": lambda _events: (Reset(),),
    "reset-in-text": _cut(_half, Reset()),
    "reset-in-call": _cut(_to_the_middle_of_a_call, Reset()),
    "reset-before-finish": _cut(_to_the_finish, Reset()),
    "silence": lambda _events: (Stall(),),
    "stall": _cut(_half, Stall()),
    "stall-before-finish": _cut(_to_the_finish, Stall()),
    "close": lambda events: (Send(UNTIL_CLOSE_HEAD + b"".join(_half(events))), _PAUSE, Close()),
    "no-done": lambda events: (
        Send(UNTIL_CLOSE_HEAD + b"".join(each for each in events if each != DONE)),
        Close(),
    ),
    "garbage-in-stream": _with_garbage,
    "garbage-first": lambda _events: (Send(b"\x16\x03\x01\xff\x00 no HTTP at all\r\n\r\n"), Close()),
    "429": _error(429, "Too many requests"),
    "429-one-second": _error(429, "Too many requests", retry_after="1"),
    "503": _error(503, "Service temporarily unavailable"),
    "401": _error(401, "Invalid API Key"),
    "page": _whole(200, b"<!doctype html><title>Sign in</title>", content_type="text/html"),
}


class FaultyRequest(RecordingRequest):
    """Is written down, and then meets its fault if there is one for it."""

    faults: ClassVar[list[str]] = []

    def render(self, resrc: IResource) -> None:
        name = self.faults.pop(0) if self.method == b"POST" and self.faults else "none"
        if name == "none":
            super().render(resrc)
            return
        from twisted.internet import reactor

        assert self.content is not None
        clock: Any = reactor
        player = ScriptPlayer(self.channel.transport, clock)
        self.notifyFinish().addErrback(lambda _reason: player.stop())
        player.play(FAULTS[name](_events(json.loads(self.content.read()))))


def serve(port: str, record: str, faults: list[str], delay: float = _DELTA_DELAY) -> None:
    """:param delay: seconds between two events of a good answer."""
    from twisted.internet import reactor

    FaultyRequest.record = Path(record)
    FaultyRequest.faults = list(faults)
    unknown = {*faults} - {"none", *FAULTS}
    assert not unknown, unknown
    site: Any = Site(make_root(reactor, delay), requestFactory=FaultyRequest, reactor=reactor)
    reactor.listenTCP(int(port), site, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], sys.argv[3:])
