"""What the fake upstream plays: the events of an answer, in the shape of chat completions.

Owns the shape. The stamps are left open here; the upstream fills them in as it sends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.bench.bodies import CALLED_TOOL, MODEL
from tests.bench.scenarios import Kind, Scenario

STAMP = "@" + "0" * 20


def script(scenario: Scenario) -> str:
    """The file that the upstream loads."""
    return f"{scenario.rate}\n" + "".join(_events(scenario))


def _events(scenario: Scenario) -> Iterator[str]:
    yield _chunk({"role": "assistant", "content": ""})
    text = f"{STAMP} {scenario.more}"
    if scenario.kind is Kind.TOOL:
        yield from map(_chunk, _call(scenario))
    elif scenario.kind is Kind.REASON:
        yield from [_chunk({"reasoning_content": text})] * scenario.deltas
    yield from [_chunk({"content": text})] * _text_deltas(scenario)
    yield _chunk({}, "tool_calls" if scenario.kind is Kind.TOOL else "stop")
    counts = {"prompt_tokens": 10, "completion_tokens": scenario.deltas_sent}
    yield _event({**_SHAPE, "choices": [], "usage": {**counts, "total_tokens": 10 + scenario.deltas_sent}})
    yield "data: [DONE]\n\n"


def _text_deltas(scenario: Scenario) -> int:
    return scenario.deltas if scenario.kind is Kind.TEXT else scenario.text_deltas


def _call(scenario: Scenario) -> Iterator[dict[str, Any]]:
    function: dict[str, Any] = {"name": CALLED_TOOL, "arguments": ""}
    yield {"tool_calls": [{"index": 0, "id": "call_bench", "type": "function", "function": function}]}
    for place in range(scenario.deltas):
        before = '{"content": "' if place == 0 else ""
        after = '"}' if place == scenario.deltas - 1 else " "
        fragment = f"{before}{STAMP}{scenario.more}{after}"
        yield {"tool_calls": [{"index": 0, "function": {"arguments": fragment}}]}


_SHAPE = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1, "model": MODEL}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    return _event({**_SHAPE, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n"
