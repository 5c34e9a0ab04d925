"""How the cost of reading grows: ``python -m tests.bench.growth`` prints a table.

Owns inputs that tempt a reader to look at the same text again and again. Each is read at one length and at
eight times that length; the last column is the growth of the cost per character. It is about 1 where the work
is linear, and about 8 where it is quadratic. No test asserts a time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from ccmimolink.core.chat_reader import read_payload
from ccmimolink.core.history import to_messages
from ccmimolink.core.request_body import parse_item
from ccmimolink.core.responses import ItemReference, Message
from ccmimolink.core.scan import Channel, Scanner
from ccmimolink.core.sse import SSEDecoder
from ccmimolink.core.tools import FlatTool, ToolKind
from ccmimolink.demo.conversation import words_of
from ccmimolink.plugins import PluginSet
from ccmimolink.web.references import resolved
from tests.core.translation import call, make_stream, piece, say, think, wire

SMALL = 40_000
FACTOR = 8
Read = Callable[[int], int]
"""Reads about so many characters and answers with how many they were."""

_SCHEMA = {
    "type": "object",
    "properties": {"content": {"type": "string"}, "path": {"type": "string"}},
    "required": ["content", "path"],
}
TOOLS = [FlatTool(kind=ToolKind.FUNCTION, name="write", parameters=msgspec.Raw(msgspec.json.encode(_SCHEMA)))]
_PARSERS = PluginSet.load(third_party=False).bound_parsers(TOOLS)
_OPENERS = {
    "MiMo": "<tool_call><function=write><parameter=content>",
    "Hermes": '<tool_call>{"name": "write", "arguments": {"content": "',
    "GLM": "<tool_call>write\n<arg_key>content</arg_key>\n<arg_value>",
    "invoke": '<function_calls><invoke name="write"><parameter name="content">',
    "DSML": '<｜DSML｜function_calls><｜DSML｜invoke name="write"><｜DSML｜parameter name="content">',
    "Kimi": "<|tool_calls_section_begin|><|tool_call_begin|>functions.write:0<|tool_call_argument_begin|>"
    '{"content": "',
    "DeepSeek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>write\n```json\n"
    '{"content": "',
}
_UNITS = ("x", "<", "</parameter>", "<tool_call>", "</tool_call>\n", '\\"', "}", "<|", "</arg_value>", " \n")


def main() -> None:
    print("| what is read | µs per character | the same, 8 times as long | growth |")
    print("|---|---|---|---|")
    for name, read in _cases():
        small, large = _cost(read, SMALL), _cost(read, FACTOR * SMALL)
        print(f"| {name} | {small:.3f} | {large:.3f} | {large / small:.1f} |", flush=True)


def _cost(read: Read, length: int) -> float:
    """Microseconds per character, the best of three."""
    costs = []
    for _ in range(3):
        began = time.process_time()
        read_length = read(length)
        costs.append(1e6 * (time.process_time() - began) / read_length)
    return min(costs)


def _cases() -> Iterator[tuple[str, Read]]:
    yield "an event in pieces of 64 bytes", _one_event
    yield "a call's arguments in pieces of 4", _arguments
    yield "a freeform input in pieces of 4", _freeform
    yield "text that waits for an unfinished call", _waiting_text
    yield "a history of calls and outputs", _history
    yield "a history of calls without outputs", _unanswered
    yield "references into a history", _references
    yield "a demo prompt full of openings", _prompt
    for unit in ("plain text. ", "`", "` ", "~", "```\n", "\n", " ", *_UNITS):
        yield f"an answer that is nothing but {unit!r}", partial(_endless, "", unit)
    for dialect, opener in _OPENERS.items():
        for unit in _UNITS:
            yield f"{dialect}: an endless value of {unit!r}", partial(_endless, opener, unit)


def _one_event(length: int) -> int:
    stream = b"data: " + b"x" * length + b"\n\n"
    decoder = SSEDecoder()
    for at in range(0, len(stream), 64):
        decoder.receive_data(stream[at : at + 64])
    return len(stream)


def _translated(chunks: list[dict[str, Any]]) -> None:
    stream, decoder = make_stream(), SSEDecoder()
    for payload in decoder.receive_data(wire(chunks)):
        for event in read_payload(payload):
            stream.receive(event)


def _arguments(length: int) -> int:
    text = json.dumps({"cmd": "x" * length})
    _translated(call("shell", *(text[at : at + 4] for at in range(0, len(text), 4))))
    return len(text)


def _freeform(length: int) -> int:
    text = json.dumps({"input": 'a\n"é' * (length // 4)})
    _translated(call("apply_patch", *(text[at : at + 4] for at in range(0, len(text), 4))))
    return len(text)


def _waiting_text(length: int) -> int:
    pieces = length // 12
    arguments = [piece(0, "x" * 10)] * pieces
    _translated([*call("shell", '{"cmd":"'), *arguments, *say("a") * pieces, *think("b") * pieces])
    return length


def _items(length: int, kinds: list[dict[str, Any]]) -> int:
    raw = [json.dumps(kind | {"call_id": f"c{n}"}).encode() for n in range(length // 100) for kind in kinds]
    items = [parse_item(item, "input") for item in raw]
    to_messages(items, instructions=None, recall=lambda _call_id: None)
    return sum(map(len, raw))


_CALL = {"type": "function_call", "name": "shell", "arguments": '{"cmd": "ls"}'}
_OUTPUT = {"type": "function_call_output", "output": "done"}


def _history(length: int) -> int:
    return _items(length, [_CALL, _OUTPUT])


def _unanswered(length: int) -> int:
    return _items(length, [_CALL])


def _references(length: int) -> int:
    count = length // 100
    history = [Message(role="user", content="x" * 80, id=f"m{n}") for n in range(count)]
    resolved([ItemReference(id=f"m{n}") for n in range(count)], history, lambda _ids: {}, length * 2)
    return length


def _prompt(length: int) -> int:
    text = "<environment_context>" * (length // 21)
    words_of({"role": "user", "content": text})
    return len(text)


def _endless(opener: str, unit: str, length: int) -> int:
    text = opener + unit * (length // len(unit))
    scanner = Scanner(_PARSERS, Channel.TEXT)
    for at in range(0, len(text), 8):
        scanner.feed(text[at : at + 8])
    scanner.finish()
    return len(text)


if __name__ == "__main__":
    main()
