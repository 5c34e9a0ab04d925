"""The scripts of a soak's upstream: whole answers, and all that can go wrong with one.

Owns the odds. Everything is drawn from the generator that it is given.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence

from tests.faults.script import Close, Flood, Reset, Script, Send, Stall, Step, Trickle, Wait
from tests.http_wire import DONE, LAST_CHUNK, STREAM_HEAD, UNTIL_CLOSE_HEAD, answer, call, chunk, delta
from tests.http_wire import finish as finish_event
from tests.http_wire import text as text_event
from tests.http_wire import usage as usage_event
from tests.soak.words import answer_to

Make = Callable[[random.Random, str], Script]


def events(asked: str) -> list[bytes]:
    """The payload of a whole answer, event by event."""
    said = answer_to(asked)
    thought = [delta(reasoning_content=said.thought)] if said.thought else []
    called = [call("read", json.dumps({"path": asked}), f"call_{asked}")] if said.call else []
    end = finish_event("tool_calls" if said.call else "stop")
    return [*thought, *map(text_event, said.words), *called, end, usage_event(), DONE]


def whole(rng: random.Random, asked: str) -> Script:
    """At the pace of a model: a second or so. Some are the last of their connection, and say so."""
    last = rng.random() < 0.02
    head = STREAM_HEAD[:-2] + b"connection: close\r\n\r\n" if last else STREAM_HEAD
    steps: list[Step] = [Wait(rng.uniform(0, 0.2)), Send(head)]
    for payload in events(asked):
        steps.append(Send(chunk(payload)))
        if rng.random() < 0.5:
            steps.append(Wait(rng.uniform(0, 0.08)))
    return (*steps, Send(LAST_CHUNK), *[Close()][: int(last)])


def _at_once(asked: str) -> bytes:
    return STREAM_HEAD + b"".join(map(chunk, events(asked))) + LAST_CHUNK


def _begun(rng: random.Random, asked: str) -> list[Step]:
    """A part of an answer, in whole events."""
    said = events(asked)
    return [Send(STREAM_HEAD + b"".join(map(chunk, said[: rng.randrange(len(said))])))]


def _cut(rng: random.Random, asked: str) -> bytes:
    data = _at_once(asked)
    return data[: rng.randrange(1, len(data))]


def reset_anywhere(rng: random.Random, asked: str) -> Script:
    return (Send(_cut(rng, asked)), Wait(rng.uniform(0, 0.1)), Reset())


def cut_anywhere(rng: random.Random, asked: str) -> Script:
    return (Send(_cut(rng, asked)), Close())


def cut_until_close(rng: random.Random, asked: str) -> Script:
    said = b"".join(events(asked))
    return (Send(UNTIL_CLOSE_HEAD + said[: rng.randrange(len(said))]), Close())


def stall_anywhere(rng: random.Random, asked: str) -> Script:
    return (Send(_cut(rng, asked)), Stall())


def silence(_rng: random.Random, _asked: str) -> Script:
    return (Stall(),)


def trickle(rng: random.Random, asked: str) -> Script:
    data = _at_once(asked)
    at = rng.randrange(len(data))
    return (Send(data[:at]), Trickle(data[at : at + 200], 0.005), Send(data[at + 200 :]))


def garbage(rng: random.Random, asked: str) -> Script:
    noise = (
        chunk(b"data: " + rng.randbytes(60).replace(b"\n", b"") + b"\n\n"),
        chunk(b'data: {"choices": [{"delta": {"content": "ha\n\n'),
        chunk(b'data: {"choices": 7}\n\n'),
        chunk(b"<html>\n\n"),
        chunk(b'data: {"error": {"message": "overloaded", "code": "503"}}\n\n'),
        b"zz\r\nno chunk\r\n",
        rng.randbytes(200),
    )
    end: Step = rng.choice((Close(), Stall()))
    return (*_begun(rng, asked), Send(rng.choice(noise)), end)


def a_page(_rng: random.Random, _asked: str) -> Script:
    return (Send(answer(200, b"<html>busy</html>", content_type="text/html")),)


def no_http(rng: random.Random, _asked: str) -> Script:
    return (Send(rng.randbytes(500)), Close())


def a_status(rng: random.Random, _asked: str) -> Script:
    status = rng.choice((400, 401, 402, 403, 404, 408, 413, 422, 500, 502, 503, 504, 529))
    body = rng.choice((b"", b"<html>no</html>", b'{"error": {"message": "no", "code": "x"}}', b"data: {}"))
    return (Send(answer(status, body)),)


def too_many(rng: random.Random, _asked: str) -> Script:
    wait = {"retry_after": "1"} if rng.random() < 0.2 else {}
    return (Send(answer(429, {"error": {"message": "slow down"}}, **wait)),)


def endless(_rng: random.Random, asked: str) -> Script:
    """Until somebody drops it: the answer's limit, or a client that leaves or does not read."""
    return (Send(STREAM_HEAD), Flood(chunk(text_event(f"{asked}0 " * 50))))


_PACKED_HEAD = STREAM_HEAD[:-2] + b"content-encoding: gzip\r\n\r\n"


def packed(_rng: random.Random, asked: str) -> Script:
    body = gzip.compress(b"".join(events(asked)))
    return (Send(_PACKED_HEAD + chunk(body) + LAST_CHUNK),)


def packed_and_cut(rng: random.Random, asked: str) -> Script:
    body = gzip.compress(b"".join(events(asked)))
    return (Send(_PACKED_HEAD + chunk(body[: rng.randrange(1, len(body))]) + LAST_CHUNK),)


FAULTS: Sequence[tuple[int, Make]] = (
    (50, whole),
    (6, reset_anywhere),
    (5, cut_anywhere),
    (3, cut_until_close),
    (4, stall_anywhere),
    (2, silence),
    (4, trickle),
    (6, garbage),
    (2, a_page),
    (2, no_http),
    (6, a_status),
    (3, too_many),
    (3, endless),
    (3, packed),
    (1, packed_and_cut),
)


def any_of_them(rng: random.Random, asked: str) -> Script:
    weights, makes = zip(*FAULTS, strict=True)
    make: Make = rng.choices(makes, weights)[0]
    return make(rng, asked)
