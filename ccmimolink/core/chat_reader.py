"""The reader of chat-completion streams: payloads in, upstream events out.

Owns the one typed decode that each chunk gets, and what its fields mean. It must not know what becomes of
the events. Chunks of another shape are :mod:`ccmimolink.core.odd_chunks`' matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ccmimolink.core import chat
from ccmimolink.core.errors import Failure, FailureKind
from ccmimolink.core.odd_chunks import coerced_chunk
from ccmimolink.core.surrogates import mend
from ccmimolink.core.upstream_errors import classify_error
from ccmimolink.core.upstream_events import (
    CallDelta,
    Citation,
    Ended,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    UpstreamEvent,
    Usage,
)

DONE = b"[DONE]"
_EMPTY_ERRORS = ("", chat.ErrorBody())


def read_payload(payload: bytes) -> list[UpstreamEvent]:
    """The events of one ``data:`` payload (or of a whole answer that was not streamed).

    Of several choices only the first (index 0) is read: one is asked for. A character that was cut in two,
    and bytes that are none, are replaced. A payload that cannot be read becomes :class:`Failed`; nothing is
    raised.
    """
    try:
        chunk = chat.decode_chunk(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_unusual(payload)
    return _read_chunk(chunk)


def _read_unusual(payload: bytes) -> list[UpstreamEvent]:
    """What is no chunk as it stands: the end, a keep-alive, or a chunk of a shape of its own."""
    said = payload.strip()
    while said.startswith(b"data:"):  # some gateways frame an error twice
        said = said[5:].lstrip()
    if not said:
        return []
    if said == DONE:
        return [Ended()]
    chunk = coerced_chunk(mend(said.decode("utf-8", "replace").encode()))
    if chunk is None:
        return [Failed(Failure(FailureKind.STREAM_BROKEN, "MiMo sent a chunk that could not be read."))]
    return _read_chunk(chunk)


def _read_chunk(chunk: chat.ChatChunk) -> list[UpstreamEvent]:
    if chunk.error is not None and chunk.error not in _EMPTY_ERRORS:
        return [Failed(classify_error(None, chunk.error))]
    events: list[UpstreamEvent] = []
    if chunk.choices:
        for choice in chunk.choices:
            if choice.index == 0:
                _read_choice(choice, events)
    elif chunk.message and chunk.usage is None:
        return [Failed(classify_error(None, chat.ErrorBody(chunk.code, chunk.message)))]
    if chunk.usage is not None:
        usage = _read_usage(chunk.usage)
        if usage is not None:
            events.append(usage)
    return events


def _read_choice(choice: chat.Choice, events: list[UpstreamEvent]) -> None:
    delta = choice.delta if choice.delta is not None else choice.message
    if delta is not None:
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            events.append(ReasoningDelta(thought))
        if delta.content:
            events.append(TextDelta(delta.content))
        if delta.annotations:
            events += _read_citations(delta.annotations)
        if delta.tool_calls:
            # A whole answer numbers its calls by their place only.
            _read_calls(delta.tool_calls, events, numbered=choice.delta is not None)
        elif delta.function_call is not None:
            call = delta.function_call
            events.append(CallDelta(0, None, call.name, call.arguments or ""))
    if choice.finish_reason:
        events.append(Finished(choice.finish_reason))


def _read_calls(calls: list[chat.ToolCallDelta], events: list[UpstreamEvent], *, numbered: bool) -> None:
    for place, call in enumerate(calls):
        function = call.function
        events.append(
            CallDelta(
                call.index if numbered or call.index is not None else place,
                call.id,
                function.name if function is not None else None,
                (function.arguments if function is not None else None) or "",
            )
        )


def _read_citations(annotations: Any) -> Iterator[Citation]:
    """MiMo's citations are flat, OpenAI's stand in a member that is named like their type."""
    for annotation in annotations if isinstance(annotations, list) else ():
        if isinstance(annotation, dict) and annotation.get("type", "url_citation") == "url_citation":
            nested = annotation.get("url_citation")
            cited = nested if isinstance(nested, dict) else annotation
            url, title = cited.get("url"), cited.get("title")
            if isinstance(url, str) and url:
                yield Citation(url, title if isinstance(title, str) else "")


def _read_usage(usage: chat.Usage) -> Usage | None:
    """The counts, or None where the upstream left one out: an unknown count must not be read as zero."""
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None
    reasoning = usage.completion_tokens_details.reasoning_tokens if usage.completion_tokens_details else None
    return Usage(
        input=usage.prompt_tokens,
        output=usage.completion_tokens,
        # Codex compacts by the total, so it must be the sum even where the upstream sends none.
        total=usage.total_tokens or usage.prompt_tokens + usage.completion_tokens,
        cached=cached or 0,
        reasoning=reasoning or 0,
    )
