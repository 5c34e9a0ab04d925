"""Whether our proxy's answer is what the upstream said, event by event.

Owns the comparison of one stream in each scenario: the strict checker reads it, and each delta must be the
upstream's. It must not measure.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

from tests.bench.scenarios import Scenario
from tests.bench.sides import Side, Upstream
from tests.checker import BrokenStream, check_stream, items_of, read_events, texts_of

TEXT, ARGUMENTS, REASONING = "text", "arguments", "reasoning"
_EVENTS = {
    "response.output_text.delta": TEXT,
    "response.function_call_arguments.delta": ARGUMENTS,
    "response.reasoning_summary_text.delta": REASONING,
}
Deltas = dict[str, list[str]]


def check(side: Side, upstream: Upstream, scenario: Scenario, request: bytes) -> None:
    """:raises SystemExit: a rule is broken, or something is not as the upstream sent it."""
    try:
        events = read_events(_answer(side.port, request))
        response = check_stream(events)
    except BrokenStream as broken:
        raise SystemExit(f"{scenario.name}: {side.name} breaks a rule: {str(broken)[:2000]}") from broken
    sent, arrived = _sent(upstream.last()), _arrived(events)
    for kind, deltas in sent.items():
        if arrived[kind] != deltas:
            raise SystemExit(f"{scenario.name}: {side.name}: {_difference(kind, deltas, arrived[kind])}")
        whole = _whole(response, kind)
        if whole != "".join(deltas):
            raise SystemExit(f"{scenario.name}: {side.name}: the whole {kind} is {whole[:300]!r}…")
    if (count := sum(map(len, sent.values()))) != scenario.deltas_sent:
        raise SystemExit(f"{scenario.name}: the upstream sent {count} deltas of {scenario.deltas_sent}")


def _answer(port: int, request: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", "/v1/responses", *_parts(request))
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise SystemExit(f"the proxy answered {answer.status}: {body[:500]!r}")
    return body


def _parts(request: bytes) -> tuple[bytes, dict[str, str]]:
    head, _, body = request.partition(b"\r\n\r\n")
    fields = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
    return body, {name: value for name, value in fields if name != "host"}


def _sent(raw: bytes) -> Deltas:
    deltas: Deltas = {TEXT: [], ARGUMENTS: [], REASONING: []}
    for block in raw.decode().split("\n\n"):
        data = block.removeprefix("data: ")
        if data in ("", "[DONE]"):
            continue
        for choice in json.loads(data)["choices"]:
            delta: dict[str, Any] = choice["delta"]
            deltas[TEXT].append(delta.get("content") or "")
            deltas[REASONING].append(delta.get("reasoning_content") or "")
            deltas[ARGUMENTS] += [call["function"]["arguments"] for call in delta.get("tool_calls", [])]
    return {kind: [text for text in texts if text] for kind, texts in deltas.items()}


def _arrived(events: list[dict[str, Any]]) -> Deltas:
    deltas: Deltas = {TEXT: [], ARGUMENTS: [], REASONING: []}
    for event in events:
        if (kind := _EVENTS.get(event["type"])) is not None:
            deltas[kind].append(event["delta"])
    return deltas


def _whole(response: dict[str, Any], kind: str) -> str:
    if kind == ARGUMENTS:
        return "".join(item["arguments"] for item in items_of(response, "function_call"))
    return "".join(texts_of(response, "message" if kind == TEXT else "reasoning"))


def _difference(kind: str, sent: list[str], arrived: list[str]) -> str:
    same = "" if "".join(sent) != "".join(arrived) else " though the text is the same"
    pairs = zip(sent, arrived, strict=False)
    place = next((place for place, (one, other) in enumerate(pairs) if one != other), None)
    shown = (
        "" if place is None else f"; the first that differs is {sent[place]!r}, {arrived[place]!r} arrived"
    )
    return f"{len(sent)} deltas of {kind} were sent, {len(arrived)} arrived{same}{shown}"
