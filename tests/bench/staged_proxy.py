"""Our proxy, which notes when a request reaches each stage of its way. Started as ``twist`` is.

Owns the marks, and writes their medians at its end to the file that ``STAGES`` names. It must not change what
a stage does.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.application.twist._twist import Twist
from twisted.internet.tcp import Server

from ccmimolink.http1.agent import PooledAgent
from ccmimolink.http1.connection import Connection
from ccmimolink.limiter import UpstreamLimiter
from ccmimolink.upstream import MiMoClient
from ccmimolink.web.channel import ProxyChannel, ProxyRequest
from ccmimolink.web.exchange import ResponsesExchange
from ccmimolink.web.relay import Relay

_STAGES: list[tuple[str, type, str]] = [
    ("HTTP is read", ProxyRequest, "process"),
    ("guarded and routed", ResponsesExchange, "begin"),
    ("parsed, transformed", ResponsesExchange, "_plan"),
    ("translated", ResponsesExchange, "_make_stream"),
    ("encoded", UpstreamLimiter, "acquire"),
    ("its turn", MiMoClient, "open_stream"),
    ("through treq", PooledAgent, "request"),
    ("MiMo's answer", Connection, "dataReceived"),
    ("HTTP is read", Relay, "dataReceived"),
    ("translated", Relay, "_write"),
]
"""What is done when a method is entered for the first time."""

_SENT = "sent to the client"


class _Marks:
    """The times of one request after another, each in microseconds from its beginning."""

    def __init__(self) -> None:
        self._began = 0.0
        self._seen: set[int] = set()
        self.times: dict[int, list[float]] = {}

    def begin(self) -> None:
        self._began = time.perf_counter()
        self._seen.clear()

    def mark(self, place: int) -> None:
        if place not in self._seen:
            self._seen.add(place)
            self.times.setdefault(place, []).append(1e6 * (time.perf_counter() - self._began))

    def report(self) -> str:
        names = [name for name, _, _ in _STAGES] + [_SENT]
        medians = [statistics.median(self.times.get(place, [0.0])) for place in range(len(names))]
        steps = [at - before for at, before in zip(medians, [0.0, *medians], strict=False)]
        return "".join(
            f"| {name} | {step:,.0f} | {at:,.0f} |\n"
            for name, step, at in zip(names, steps, medians, strict=True)
        )


def _before(owner: type, name: str, act: Callable[[], None]) -> None:
    method = getattr(owner, name)

    def marking(*arguments: Any, **named: Any) -> Any:
        act()
        return method(*arguments, **named)

    setattr(owner, name, marking)


def main() -> None:
    from twisted.internet import reactor

    marks = _Marks()
    for place, (_, owner, name) in enumerate(_STAGES):
        _before(owner, name, lambda place=place: marks.mark(place))  # type: ignore[misc]
    _before(ProxyChannel, "dataReceived", marks.begin)
    send = Server.writeSomeData

    def sending(self: Server, data: bytes) -> Any:
        sent = send(self, data)
        marks.mark(len(_STAGES))
        return sent

    Server.writeSomeData = sending  # type: ignore[method-assign, assignment]
    running: Any = reactor
    target = Path(os.environ["STAGES"])
    running.addSystemEventTrigger("after", "shutdown", lambda: target.write_text(marks.report()))
    Twist.main()


if __name__ == "__main__":
    main()
