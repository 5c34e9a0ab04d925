"""Server-sent events, as bytes arrive.

Owns the framing of the upstream's stream. It must not know what the events mean. Source: the WHATWG HTML
standard, "Server-sent events": lines end with CR LF, LF or CR; an empty line dispatches; ``data`` lines of
one event are joined with LF; lines that begin with a colon are comments.
"""

from __future__ import annotations

MAX_EVENT_SIZE = 16 * 1024 * 1024
"""Bytes of one event before the stream is given up. Above any answer a model can give in one delta, and low
enough that a server which never ends its line cannot fill the memory."""

_BOM = b"\xef\xbb\xbf"


class EventTooLarge(Exception):
    """The stream holds an event of more than the limit; nothing after it can be read."""


class SSEDecoder:
    """Bytes in, payloads out. Every byte is looked at a constant number of times, however the stream is cut.

    Only the payload (``data``) of an event is returned: chat completions name no event types.
    """

    def __init__(self, max_event_size: int = MAX_EVENT_SIZE) -> None:
        self._max_event_size = max_event_size
        self._partial_line: list[bytes] = []
        self._partial_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._after_cr = False
        self._at_start = True

    @property
    def between_events(self) -> bool:
        """Whether what comes next begins an event, and nothing before it has a bearing on it."""
        return not (self._partial_line or self._data or self._after_cr or self._at_start)

    def receive_data(self, data: bytes) -> list[bytes]:
        """The payloads of the events that these bytes complete, in order.

        :raises EventTooLarge: the decoder must not be used any more.
        """
        data = self._normalise(data)
        end = data.rfind(b"\n")
        if end < 0:
            self._hold(data)
            return []
        lines = data[:end].split(b"\n")
        if self._partial_line:
            self._partial_line.append(lines[0])
            lines[0] = b"".join(self._partial_line)
            self._partial_line.clear()
            self._partial_size = 0
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        if end + 1 < len(data):
            self._hold(data[end + 1 :])
        return self._dispatch(lines)

    def receive_eof(self) -> list[bytes]:
        """The payload of an event that the end of the stream left without its empty line.

        The standard discards it. It is kept here because servers are seen that omit the last empty line; a
        payload that was really cut does not parse as JSON.
        """
        lines = [b"".join(self._partial_line), b""]
        if self._at_start:
            lines[0] = lines[0].removeprefix(_BOM)
        self._partial_line.clear()
        return self._dispatch(lines)

    def _normalise(self, data: bytes) -> bytes:
        """Line ends to LF. A CR at the very end counts at once; an LF that follows it is dropped."""
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _hold(self, part: bytes) -> None:
        if not part:
            return
        self._partial_line.append(part)
        self._partial_size += len(part)
        if self._partial_size + self._data_size > self._max_event_size:
            raise EventTooLarge

    def _dispatch(self, lines: list[bytes]) -> list[bytes]:
        payloads = []
        for line in lines:
            if not line:
                if self._data:
                    payloads.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                    self._data.clear()
                    self._data_size = 0
            elif line.startswith(b"data:") or line == b"data":
                value = line[6:] if line[5:6] == b" " else line[5:]
                self._data.append(value)
                # The line end counts: it will stand between two lines, and empty lines must not be endless.
                self._data_size += len(value) + 1
                if self._data_size > self._max_event_size:
                    raise EventTooLarge
        return payloads
