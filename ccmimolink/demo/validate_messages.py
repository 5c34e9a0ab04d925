"""The simulated MiMo's rules for ``messages``: each message, its media, and how calls and results pair.

It must not look at any other parameter; what it needs of them arrives as arguments.

Source: the API page, its notice on passing ``reasoning_content`` back, and refusals that users reported.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Set
from typing import Any

import msgspec

from .faults import MimoError, param_incorrect
from .validate_tools import LEGAL_NAME

TEXT_NOT_SET = "`text` is not set"
REASONING_MISSING = "The reasoning_content in the thinking mode must be passed back to the API."

_MEDIA = {"image_url": "image", "input_audio": "audio", "video_url": "video"}
_MEDIA_FIELD = {"image_url": "url", "input_audio": "data", "video_url": "url"}


def message_faults(messages: object, *, modalities: Set[str], thinking: bool) -> Iterator[MimoError]:
    """Every reason to refuse the messages, most telling first.

    :param modalities: what the model takes besides text.
    :param thinking: whether the answer will be thought about, which makes old reasoning mandatory.
    """
    if not isinstance(messages, list) or not messages:
        yield param_incorrect("messages should be a list of at least one message")
        return
    for message in messages:
        if not isinstance(message, dict):
            yield param_incorrect("a message should be an object")
        for kind in _media_kinds(message.get("content")):
            if kind not in modalities:
                yield param_incorrect(f"No endpoints found that support {kind} input", status=404)
    for message in messages:
        for reason in _one_message_faults(message, thinking):
            yield param_incorrect(reason)
    for reason in _pairing_faults(messages):
        yield param_incorrect(reason)


def _media_kinds(content: object) -> Iterator[str]:
    for part in content if isinstance(content, list) else ():
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(kind, str) and kind in _MEDIA:
            yield _MEDIA[kind]


def _one_message_faults(message: dict[str, Any], thinking: bool) -> Iterator[str]:
    content = message.get("content")
    match message.get("role"):
        case "system":
            yield from _text_faults(content)
        case "user":
            yield from _user_faults(content)
        case "assistant":
            yield from _assistant_faults(message, thinking)
        case "tool":
            if not isinstance(message.get("tool_call_id"), str):
                yield "tool_call_id should be a string"
            if not isinstance(content, str):
                yield TEXT_NOT_SET
        case role:
            yield f"role: Input should be 'system', 'user', 'assistant' or 'tool', not '{role}'"


def _text_faults(content: object) -> Iterator[str]:
    if isinstance(content, str):
        return
    if not isinstance(content, list) or not content:
        yield TEXT_NOT_SET
        return
    for part in content:
        if not _is_text(part) or not isinstance(part.get("text"), str):
            yield TEXT_NOT_SET


def _user_faults(content: object) -> Iterator[str]:
    if not isinstance(content, list):
        yield from _text_faults(content)
        return
    yield from _text_faults([part for part in content if _is_text(part)])
    for part in content:
        if not _is_text(part):
            yield from _media_faults(part)


def _is_text(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") == "text"


def _media_faults(part: object) -> Iterator[str]:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str) or kind not in _MEDIA:
        yield f"Unsupported content part: {kind}"
        return
    target = part.get(kind)
    url = target.get(_MEDIA_FIELD[kind]) if isinstance(target, dict) else None
    if not isinstance(url, str) or not (url.startswith(("http://", "https://")) or _is_data_url(url)):
        yield f"{kind} should hold an http URL or a base64 data URL"


def _is_data_url(url: str) -> bool:
    head, comma, payload = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return False
    try:
        return bool(base64.b64decode(payload, validate=True))
    except (binascii.Error, ValueError):
        return False


def _assistant_faults(message: dict[str, Any], thinking: bool) -> Iterator[str]:
    if not isinstance(message.get("content"), str):
        yield TEXT_NOT_SET
    reasoning = message.get("reasoning_content")
    if not isinstance(reasoning, str | None):
        yield "reasoning_content should be a string"
    calls = message.get("tool_calls")
    if calls is None:
        return
    if not isinstance(calls, list) or not calls:
        yield "tool_calls should be a list of at least one call"
        return
    if thinking and not reasoning:
        yield REASONING_MISSING
    for call in calls:
        yield from _call_faults(call)
    ids = [call["id"] for call in calls]
    if len(set(ids)) < len(ids):
        yield "tool_calls contains duplicate ids"


def _call_faults(call: object) -> Iterator[str]:
    if not isinstance(call, dict) or call.get("type") != "function":
        yield "a tool call should be of type 'function'"
        return
    if not isinstance(call.get("id"), str) or not call["id"]:
        yield "a tool call should have an id"
    function = call.get("function")
    if not isinstance(function, dict):
        yield "tool_call.function should be an object"
        return
    name = function.get("name")
    if not isinstance(name, str) or not LEGAL_NAME.fullmatch(name):
        yield f"function.name should match [a-zA-Z0-9_-]{{1,64}}: {name}"
    if not isinstance(function.get("arguments"), str) or not _is_json(function["arguments"]):
        yield "unexpected end of data"


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _pairing_faults(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Tool messages follow their assistant message at once and answer each of its calls exactly once."""
    open_ids: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_ids:
                yield "a message with role 'tool' must answer a call of the assistant message before it, once"
            open_ids.remove(message["tool_call_id"])
            continue
        if open_ids:
            yield _unanswered(open_ids)
        open_ids = (
            {call["id"] for call in message.get("tool_calls") or ()}
            if message["role"] == "assistant"
            else set()
        )
    if open_ids:
        yield _unanswered(open_ids)


def _unanswered(ids: set[str]) -> str:
    return f"tool_calls must be followed by tool messages that answer each id: {', '.join(sorted(ids))}"
