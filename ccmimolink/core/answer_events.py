"""The reader of an upstream answer: bytes in, upstream events out.

Owns the way of the bytes: the framing first, then chunk by chunk, or, where the stream repeats itself, a run
of chunks at once. It must not know what becomes of the events.
"""

from __future__ import annotations

from collections.abc import Callable

from ccmimolink.core.answer_body import AnswerDecoder
from ccmimolink.core.chat_reader import read_payload
from ccmimolink.core.runs import Pattern, learn
from ccmimolink.core.sse import MAX_EVENT_SIZE
from ccmimolink.core.upstream_events import Delta, Failed, Run, UpstreamEvent

MISSES = 8
"""So many patterns in a row that fit nothing else, and the stream is no ordinary one."""

_LONGEST_BEGINNING = 4096
"""Bytes of an event that are put before the next read. More would be copied again and again."""

_LOOKS = 4
"""So many events of one read are looked at one by one, in the hope that the others are like them."""


class AnswerEvents:
    """The events of one answer.

    :param without_key: an error's payload without the key that was sent.
    :ivar count: how many of the upstream's events were read.
    :raises EventTooLarge: from both methods; the answer cannot be read any more.
    """

    def __init__(
        self, without_key: Callable[[bytes], bytes] = lambda payload: payload, max_event: int = MAX_EVENT_SIZE
    ) -> None:
        self.count = 0
        self._without_key, self._max_event = without_key, max_event
        self._decoder = AnswerDecoder(max_event)
        self._pattern: Pattern | None = None
        self._misses = 0
        self._begun = b""

    def receive_data(self, data: bytes) -> list[UpstreamEvent]:
        """What these bytes complete, in order."""
        if self._begun:
            data, self._begun = self._begun + data, b""
        events: list[UpstreamEvent] = []
        looks = _LOOKS
        while data:
            found = self._run(data)
            if found is not None:
                run, data = found
                events.append(run)
                continue
            if self._begins_one_more(data):
                self._begun = data
                break
            end = data.find(b"\n\n") + 2 if looks and self._misses < MISSES else 0
            looks -= 1
            if end < 2:
                end = len(data)
            self._read(self._decoder.receive_data(data[:end]), events)
            data = data[end:]
        return events

    def _run(self, data: bytes) -> tuple[Run, bytes] | None:
        pattern = self._pattern
        if pattern is None or len(data) > self._max_event or not self._decoder.between_events:
            return None
        found = pattern.read(data)
        if found is not None:
            self.count += len(found[0].texts)
            self._misses = 0
        return found

    def _begins_one_more(self, data: bytes) -> bool:
        """Whether it is the beginning of an event like those before. The next read will have the rest."""
        pattern = self._pattern
        return (
            pattern is not None
            and len(data) <= min(_LONGEST_BEGINNING, self._max_event)
            and pattern.may_begin(data)
            and self._decoder.between_events
        )

    def receive_eof(self) -> list[UpstreamEvent]:
        """What the end of the body completes."""
        events: list[UpstreamEvent] = []
        begun, self._begun = self._begun, b""
        self._read(self._decoder.receive_data(begun) if begun else [], events)
        self._read(self._decoder.receive_eof(), events)
        return events

    def _read(self, payloads: list[bytes], events: list[UpstreamEvent]) -> None:
        self.count += len(payloads)
        found: list[UpstreamEvent] = []
        for payload in payloads:
            found = read_payload(payload)
            if found and isinstance(found[0], Failed):
                found = read_payload(self._without_key(payload))
            events += found
        if len(found) == 1 and isinstance(found[0], Delta):
            self._learn(payloads[-1], found[0])

    def _learn(self, payload: bytes, event: Delta) -> None:
        if self._misses < MISSES and (self._pattern is None or not self._pattern.fits(payload)):
            self._pattern = learn(payload, event)
            self._misses += 1
