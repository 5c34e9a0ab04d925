"""The scenarios: what is asked, what the upstream answers, and how often.

Owns the table. It must not measure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any


class Kind(Enum):
    """What the deltas of an answer are."""

    TEXT = "text"
    TOOL = "tool"
    REASON = "reason"


@dataclass(frozen=True)
class Scenario:
    """:ivar requests: on each connection, in a round.
    :ivar deltas: of an answer, those of the short text after reasoning not counted.
    :ivar rate: deltas a second in each stream; 0: as fast as the socket takes them.
    :ivar more: what each delta holds besides its stamp.
    :ivar tools: how many are offered.
    :ivar history: about so many bytes of conversation in the request; 0: one word.
    """

    name: str
    meaning: str
    connections: int
    requests: int
    deltas: int
    kind: Kind = Kind.TEXT
    rate: float = 0
    more: str = ""
    tools: int = 0
    history: int = 0
    text_deltas: int = 0

    @property
    def deltas_sent(self) -> int:
        """Of one answer, all kinds together."""
        return self.deltas + self.text_deltas


_MARKUP = "<b>a</b> `c` "
_CODE = 'if (name == "größe") {\n\tprint("→ \\"ok\\"");\n}\n'

_BURST = Scenario("burst", "8 connections, 500 deltas an answer", 8, 20, 500)
_FIRST = Scenario("first", "1 connection, 5 deltas an answer, with tools", 1, 150, 5, tools=10)


def _like_burst(name: str, meaning: str, **changes: Any) -> Scenario:
    return replace(_BURST, name=name, meaning=f"as burst, {meaning}", requests=10, **changes)


def _first(size: str, history: int, requests: int) -> Scenario:
    meaning = f"{_FIRST.meaning}, and a history of {size}"
    name = f"first-{size.replace(' ', '')}"
    return replace(_FIRST, name=name, meaning=meaning, history=history, requests=requests)


_ALL = [
    _BURST,
    Scenario("paced", "32 streams of 100 deltas a second", 32, 1, 300, rate=100),
    Scenario("single", "1 connection, 500 deltas an answer", 1, 40, 500),
    _like_burst("tool", "a call's arguments in 500 fragments, with tools", kind=Kind.TOOL, tools=10),
    _like_burst("reason", "450 deltas of reasoning, then 50", kind=Kind.REASON, deltas=450, text_deltas=50),
    Scenario("long", "1 connection, 20,000 deltas an answer", 1, 3, 20_000),
    _like_burst("markup", "with tools, and tags and backticks in the text", more=_MARKUP, tools=10),
    _like_burst("code", "with tools, and code in the text", more=_CODE, tools=10),
    Scenario("short", "8 connections, 5 deltas an answer, with tools", 8, 100, 5, tools=10),
    _first("20 KB", 20_000, 150),
    _first("200 KB", 200_000, 40),
    _first("2 MB", 2_000_000, 6),
]
SCENARIOS = {scenario.name: scenario for scenario in _ALL}
STORED = "stored"
"""The scenario of ``stored.py``, which is no stream of deltas."""
