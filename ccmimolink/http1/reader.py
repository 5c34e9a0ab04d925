"""The reader of one answer: bytes in; a head, pieces of a body, and an end out.

Owns the meaning of HTTP/1.1 (RFC 9112) on the client's side, and the bounds on what is no body. Sans-I/O: it
must not know a connection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from ccmimolink.heads import MAX_HEAD, MAX_INTERIM

_LENIENT: Final = {
    # RFC 9112, 6.3: a length beside chunks does not count.
    "lenient_chunked_length": True,
    # RFC 9112, 2.2: a lone line feed ends a line too.
    "lenient_optional_cr_before_lf": True,
    # RFC 9112, 5.2: a field may be folded over lines by those who never heard that it must not.
    "lenient_headers": True,
    "lenient_data_after_close": True,
    # The parser takes an interim answer that says "close", or is HTTP/1.0, for the last one.
    "lenient_keep_alive": True,
    "lenient_spaces_after_chunk_size": True,
}
"""What is taken although it is not in order: no harm can come of it on a connection to one's own server."""

_UNTIL_CLOSED: Final = frozenset({b"content-length", b"transfer-encoding"})
"""An answer with neither of these ends with its connection."""


_NAME: Final = re.compile(rb"[!#-'*+\-.0-9A-Z^-z|~]+")
"""What a field may be called (RFC 9110, 5.6.2). Lenience in other matters lets more pass."""


class Unreadable(Exception):
    """What came is no HTTP answer, or its framing is longer than any; nothing more of it can be read."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a final answer.

    :ivar version: such as ``1.1``.
    :ivar fields: name and value as they came, in order.
    """

    version: str
    code: int
    phrase: bytes
    fields: tuple[tuple[bytes, bytes], ...]


class AnswerReader:
    """Reads the one answer to a request, and the interim answers before it.

    :ivar head: once it is complete.
    :ivar complete: whether the answer is, with its body.
    :ivar surplus: whether something came that belongs to no answer.
    """

    def __init__(self) -> None:
        self.head: Head | None = None
        self.complete = self.surplus = False
        self._fields: list[tuple[bytes, bytes]] = []
        self._phrase = b""
        self._interim = self._framing = 0
        self._parts: list[bytes] = []
        # The parser looks its callbacks up once. This one is called per chunk, so it is no method of ours.
        self.on_body = self._parts.append
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(**_LENIENT)

    def feed(self, data: bytes) -> bytes:
        """The part of the body that these bytes hold.

        :raises Unreadable: also after a part of the body; :meth:`take` gives it.
        """
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.complete:
                raise Unreadable(str(error.__context__ or error)) from error
            self.surplus = True
        parts = self._parts
        if parts:
            self._framing = 0
            return self.take()
        # The bound on a head serves for all that is no body: chunk sizes, extensions, trailers.
        self._framing += len(data)
        if self._framing > MAX_HEAD and not self.complete:
            raise Unreadable(f"more than {MAX_HEAD} bytes and no body")
        return b""

    def take(self) -> bytes:
        """The part of the body that was read and not given."""
        parts = self._parts
        part = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        return part

    def finish(self) -> bool:
        """Nothing more comes. Whether the answer is complete, or may be: nothing says it is not."""
        # It holds our methods, and so would hold us until somebody collects cycles.
        del self._parser
        return self.complete or (self.head is not None and self._ends_with_connection())

    def _ends_with_connection(self) -> bool:
        assert self.head is not None
        return all(name.lower() not in _UNTIL_CLOSED for name, _ in self.head.fields)

    @property
    def keeps_connection(self) -> bool:
        """Whether another request may follow. Only asked when the answer is complete."""
        return self._keeps_connection and not self.surplus

    # -- what the parser calls ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            # Before the parser takes the body of what comes unasked for a part of this one.
            raise Unreadable("an answer to no request")

    def on_status(self, phrase: bytes) -> None:
        if self.head is None:
            self._phrase += phrase

    def on_header(self, name: bytes, value: bytes) -> None:
        # Behind the head come trailers, of which nobody asks.
        if self.head is None:
            if _NAME.fullmatch(name) is None:
                raise Unreadable("a field without a proper name")
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self.head is not None:
            return
        parser = self._parser
        code = parser.get_status_code()
        if code < 100:
            raise Unreadable("a status that is none")
        if code < 200:
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise Unreadable(f"more than {MAX_INTERIM} interim answers")
        else:
            _check_coding(self._fields)
            # The parser takes the white space before a value away, but not the one behind it.
            fields = tuple((name, value.rstrip(b" \t")) for name, value in self._fields)
            self.head = Head(parser.get_http_version(), code, self._phrase, fields)
        self._fields.clear()
        self._phrase = b""

    def on_message_complete(self) -> None:
        if self.head is not None and not self.complete:
            self.complete = True
            self._keeps_connection = self._parser.should_keep_alive()


def _check_coding(fields: list[tuple[bytes, bytes]]) -> None:
    """The parser would hand on what it cannot undo, and knows more than one last coding."""
    codings = [value.lower() for name, value in fields if name.lower() == b"transfer-encoding"]
    if codings not in ([], [b"chunked"]):
        raise Unreadable("an unknown transfer coding")
