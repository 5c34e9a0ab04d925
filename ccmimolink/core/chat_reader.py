"""The reader of chat-completion streams: payloads in, upstream events out.

Owns the one typed decode that each chunk gets. It must not know what becomes of the events.
"""

from __future__ import annotations

import msgspec

from ccmimolink.core import chat
from ccmimolink.core.errors import Failure, FailureKind
from ccmimolink.core.sse import MAX_EVENT_SIZE, EventTooLarge
from ccmimolink.core.surrogates import mend
from ccmimolink.core.upstream_errors import classify_error
from ccmimolink.core.upstream_events import (
    CallDelta,
    Ended,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    UpstreamEvent,
    Usage,
)

_DONE = b"[DONE]"


def read_payload(payload: bytes) -> list[UpstreamEvent]:
    """The events of one ``data:`` payload (or of a whole answer that was not streamed).

    Of several choices only the first (index 0) is read: one is asked for. A character that was cut in two is
    replaced. A payload that cannot be read becomes :class:`Failed`; this function does not raise.
    """
    try:
        chunk = chat.decode_chunk(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = payload.strip()
        if not said:
            return []  # an event without content keeps a connection alive
        if said == _DONE:
            return [Ended()]
        mended = mend(payload)
        if mended != payload:
            return read_payload(mended)
        return [Failed(Failure(FailureKind.STREAM_BROKEN, "MiMo sent a chunk that could not be read."))]
    if chunk.error is not None:
        return [Failed(classify_error(None, chunk.error))]
    events: list[UpstreamEvent] = []
    for choice in chunk.choices or ():
        if choice.index == 0:
            _read_choice(choice, events)
    if chunk.usage is not None:
        usage = _read_usage(chunk.usage)
        if usage is not None:
            events.append(usage)
    return events


def _read_choice(choice: chat.Choice, events: list[UpstreamEvent]) -> None:
    delta = choice.delta if choice.delta is not None else choice.message
    if delta is not None:
        if delta.reasoning_content:
            events.append(ReasoningDelta(delta.reasoning_content))
        if delta.content:
            events.append(TextDelta(delta.content))
        # A whole answer numbers its calls by their place only.
        whole = choice.delta is None
        for place, call in enumerate(delta.tool_calls or ()):
            function = call.function
            events.append(
                CallDelta(
                    place if whole and call.index is None else call.index,
                    call.id,
                    function.name if function is not None else None,
                    (function.arguments if function is not None else None) or "",
                )
            )
    if choice.finish_reason:
        events.append(Finished(choice.finish_reason))


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


class WholeAnswer:
    """Stands in for the SSE decoder where an answer is one JSON body: some gateways ignore ``stream``."""

    def __init__(self, max_size: int = MAX_EVENT_SIZE) -> None:
        self._parts: list[bytes] = []
        self._room = max_size

    def receive_data(self, data: bytes) -> list[bytes]:
        """Nothing yet.

        :raises EventTooLarge: the body is longer than any answer; it must not fill the memory.
        """
        self._room -= len(data)
        if self._room < 0:
            raise EventTooLarge
        self._parts.append(data)
        return []

    def receive_eof(self) -> list[bytes]:
        """The body. It ends with ``[DONE]``'s meaning: there is no more."""
        body = b"".join(self._parts)
        return [body, _DONE] if body else []
