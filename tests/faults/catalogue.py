"""What a fault is, and the phases of an answer in which it strikes.

Owns the vocabulary of the catalogue: the modules ``*_faults`` name the faults in it, ``table`` says what a
client sees of each. It must not know what that is.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tests.faults.script import Hold, Script, Send, Step
from tests.faults.upstream import Plan, answers
from tests.http_wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    body_of,
    call,
    chunk,
    delta,
    finish,
    text,
    usage,
)

TOOLS = [{"type": "function", "name": "read", "parameters": {"type": "object"}}]
REQUEST = {"tools": TOOLS}
"""The fields of every request."""

SAID = "Let me see."
_REASONED = delta(reasoning_content="Hm.") + text(SAID)
_HALF_CALL = call("read", '{"path":')
_OTHER_HALF = delta(tool_calls=[{"index": 0, "function": {"arguments": '"a"}'}}])
_FINISH = finish("tool_calls")
_TAIL = usage() + DONE


class Phase(enum.Enum):
    """How far the answer has come when the fault strikes: its payload until then."""

    BEFORE = b""
    TEXT = _REASONED
    CALL = _REASONED + _HALF_CALL
    ENDED = _REASONED + _HALF_CALL + _OTHER_HALF + _FINISH
    DONE = _REASONED + _HALF_CALL + _OTHER_HALF + _FINISH + _TAIL

    @property
    def begun(self) -> bytes:
        return self.value

    @property
    def rest(self) -> bytes:
        """What a whole answer goes on with."""
        return Phase.DONE.value[len(self.value) :]

    @property
    def shown_by(self) -> bytes:
        """What a streaming client has received by then."""
        return _SHOWN_BY[self]


_SHOWN_BY = {
    Phase.BEFORE: b"",
    Phase.TEXT: b"event: response.output_text.delta",
    Phase.CALL: b"event: response.function_call_arguments.delta",
    Phase.ENDED: b"event: response.function_call_arguments.done",
    Phase.DONE: b"event: response.completed",
}


@dataclass(frozen=True)
class Scene:
    """Where a fault strikes.

    :ivar elsewhere: the port of another server, which nobody may be led to.
    """

    phase: Phase = Phase.BEFORE
    elsewhere: int = 0

    @property
    def begun(self) -> bytes:
        return self.phase.begun

    @property
    def rest(self) -> bytes:
        return self.phase.rest


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault.

    :ivar plan: what the upstream does; called once for each scene.
    :ivar settings: the limit that the fault runs into, made short. All others are generous.
    :ivar shown: by what certificate the upstream is known: see ``stage``; None for no TLS.
    :ivar https: whether the proxy expects TLS.
    :ivar listens: whether there is an upstream at all.
    :ivar body: of the request.
    """

    name: str
    plan: Callable[[Scene], Plan]
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    shown: str | None = None
    https: bool = False
    listens: bool = True
    body: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType(REQUEST))

    def request_body(self, *, stream: bool) -> bytes:
        return body_of(**self.body, stream=stream)


SHORT = "60"
"""Milliseconds of a limit that a fault runs into."""

FIRST_BYTE = {"MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS": SHORT}
IDLE = {"MIMO_PROXY_IDLE_TIMEOUT_MS": SHORT}


def answered(name: str, *steps: Step, settings: Mapping[str, str] = MappingProxyType({})) -> Fault:
    """A fault that is the whole answer to a request."""
    return Fault(name=name, plan=lambda _: answers(steps), settings=settings)


def begin(scene: Scene, head: bytes, frame: Callable[[bytes], bytes] = chunk) -> Script:
    """The answer up to the phase, until the client has seen it. Before the first event: the head."""
    if scene.phase is Phase.BEFORE:
        return (Send(head),)
    return (Send(head + frame(scene.begun)), Hold())


def within(
    name: str,
    strike: Callable[[Scene], Script],
    *,
    head: bytes | Callable[[Scene], bytes] = STREAM_HEAD,
    frame: Callable[[bytes], bytes] = chunk,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Fault:
    """A fault within an answer, which is chunked unless told otherwise.

    :param frame: makes of the payload what stands in the connection.
    """

    def plan(scene: Scene) -> Plan:
        opening = head if isinstance(head, bytes) else head(scene)
        return answers(begin(scene, opening, frame) + strike(scene))

    return Fault(name=name, plan=plan, settings=settings)


def whole_after(scene: Scene, between: bytes = b"") -> Script:
    """The rest of a good chunked answer, with these bytes of its payload before it."""
    said = between + scene.rest
    return (Send((chunk(said) if said else b"") + LAST_CHUNK),)


GOOD = within("no fault", whole_after)
"""An answer as it should be."""
