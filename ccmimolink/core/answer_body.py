"""The body of an upstream answer, whatever its label says: a stream of events, or one JSON text.

Owns telling the two apart, by the first byte that is not blank: some gateways ignore ``stream``, others label
a stream as JSON. It must not read the payloads.
"""

from __future__ import annotations

from ccmimolink.core.chat_reader import DONE
from ccmimolink.core.sse import MAX_EVENT_SIZE, EventTooLarge, SSEDecoder

_BOM = b"\xef\xbb\xbf"
_WHOLE = (b"{", b"[", b"<")
"""What an event stream never begins with: JSON, or a page in place of an answer."""


class AnswerDecoder:
    """Bytes in, payloads out, as they become complete. A body that is no stream is one payload and the end.

    :raises EventTooLarge: from all methods, when an event, or the whole, is longer than any answer. The
        decoder must not be used any more.
    """

    def __init__(self, max_size: int = MAX_EVENT_SIZE) -> None:
        self._max_size = max_size
        self._head = b""
        self._decoder: SSEDecoder | _Whole | None = None

    @property
    def between_events(self) -> bool:
        """Whether it is a stream, and what comes next begins an event."""
        return self._decoder is not None and self._decoder.between_events

    def receive_data(self, data: bytes) -> list[bytes]:
        if self._decoder is not None:
            return self._decoder.receive_data(data)
        # Empty lines before the first event mean nothing; servers send them to keep a connection alive.
        head = (self._head + data).lstrip().removeprefix(_BOM).lstrip()
        if _BOM.startswith(head):
            self._head = head
            return []
        self._head = b""
        whole = head.startswith(_WHOLE)
        self._decoder = _Whole(self._max_size) if whole else SSEDecoder(self._max_size)
        return self._decoder.receive_data(head)

    def receive_eof(self) -> list[bytes]:
        return [] if self._decoder is None else self._decoder.receive_eof()


class _Whole:
    between_events = False

    def __init__(self, max_size: int) -> None:
        self._parts: list[bytes] = []
        self._room = max_size

    def receive_data(self, data: bytes) -> list[bytes]:
        self._room -= len(data)
        if self._room < 0:
            raise EventTooLarge
        self._parts.append(data)
        return []

    def receive_eof(self) -> list[bytes]:
        return [b"".join(self._parts), DONE]
