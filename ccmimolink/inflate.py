"""Bodies of the upstream that are compressed although that was not asked for.

Owns unpacking them piece by piece, under the back-pressure of whoever reads: a small read can hold gigabytes.
It must not know what is in a body.
"""

from __future__ import annotations

import zlib
from typing import Any, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime, ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IResponse
from zope.interface import implementer

from ccmimolink.transport import drop, encoding_of

PIECE = 256 * 1024
"""Bytes that are unpacked at most in one turn of the reactor."""


def deliver_body(response: IResponse, reader: Protocol, clock: IReactorTime) -> None:
    """Let the reader have the body, unpacked if it is compressed."""
    packed = encoding_of(response) in ENCODINGS
    response.deliverBody(InflatingBody(reader, clock) if packed else reader)


_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS

ENCODINGS = frozenset({b"gzip", b"x-gzip", b"deflate"})
"""The content codings that can be unpacked."""


class Inflater:
    """Compressed bytes in, bounded pieces out. Several members of gzip behind each other are one body.

    :raises zlib.error: from :meth:`read`, when the bytes are damaged.
    """

    def __init__(self) -> None:
        self._member: Any = None
        self._input = b""
        self._may_hold_more = False

    def feed(self, data: bytes) -> None:
        self._input += data

    @property
    def pending(self) -> bool:
        """Whether :meth:`read` may have more to give."""
        enough = 1 if self._member is not None else _MAGIC
        return len(self._input) >= enough or self._may_hold_more

    def read(self, limit: int) -> bytes:
        """At most so many bytes; none when all that came was given."""
        if self._member is None:
            self._member = zlib.decompressobj(_format_of(self._input))
        elif self._member.eof:
            self._input = self._input.lstrip(b"\0")  # padding behind the last member
            if not self._input:
                return b""
            self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        piece: bytes = self._member.decompress(self._input, limit)
        ended = self._member.eof
        self._input = self._member.unused_data if ended else self._member.unconsumed_tail
        # A full piece may have left some of what was taken in already.
        self._may_hold_more = len(piece) >= limit and not ended
        return piece


_MAGIC = 2
"""Bytes by which the formats are told apart."""


def _format_of(beginning: bytes) -> int:
    """RFC 9110 means zlib's format by "deflate"; some senders leave its header out."""
    if beginning[:2] == b"\x1f\x8b":
        return _GZIP_OR_ZLIB
    has_header = beginning[0] & 0x0F == zlib.DEFLATED and int.from_bytes(beginning[:2], "big") % 31 == 0
    return _GZIP_OR_ZLIB if has_header else -zlib.MAX_WBITS


@implementer(IPushProducer)
class InflatingBody(Protocol):
    """Stands between the body of a response and the protocol that reads it, for which it is the transport.

    It gives one piece in a turn of the reactor, and lets no more of the body come meanwhile. Damage ends the
    body as a lost connection does.
    """

    def __init__(self, reader: Protocol, clock: IReactorTime) -> None:
        self._reader, self._clock = reader, clock
        self._inflater = Inflater()
        self._turn: IDelayedCall | None = None
        self._paused = self._holding_back = self._dropped = self._told = False
        self._ended: Failure | None = None

    # -- the body's side ------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self._reader.makeConnection(cast(ITransport, self))

    def dataReceived(self, data: bytes) -> None:
        self._inflater.feed(data)
        self._go_on()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._ended = reason
        if self._dropped:
            self._end()
        else:
            self._go_on()

    def _go_on(self) -> None:
        if self._turn is None and not self._paused and not self._dropped:
            self._turn = self._clock.callLater(0, self._give)

    def _give(self) -> None:
        self._turn = None
        try:
            piece = self._inflater.read(PIECE) if self._inflater.pending else b""
        except zlib.error:
            drop_body = self._ended is None
            self._ended = Failure(ConnectionDone("the body is not what its content-encoding says"))
            self._end()
            if drop_body:
                drop(cast(ITransport, self.transport))
            return
        if piece:
            self._reader.dataReceived(piece)
        if self._dropped:
            return
        if self._inflater.pending:
            self._hold_back(True)
            self._go_on()
        elif self._ended is not None:
            self._end()
        elif not self._paused:
            self._hold_back(False)

    def _hold_back(self, wanted: bool) -> None:
        """Let the body come, or not."""
        if wanted is self._holding_back or self._ended is not None:
            return
        self._holding_back = wanted
        body = cast(IPushProducer, self.transport)
        if wanted:
            body.pauseProducing()
        else:
            body.resumeProducing()

    def _end(self) -> None:
        self._turn = None
        if not self._told:
            self._told = True
            assert self._ended is not None
            self._reader.connectionLost(self._ended)

    # -- the reader's side: a transport ---------------------------------------------------------------------

    def pauseProducing(self) -> None:
        self._paused = True
        self._stop_turn()
        self._hold_back(True)

    def resumeProducing(self) -> None:
        self._paused = False
        if self._inflater.pending or self._ended is not None:
            self._go_on()
        elif not self._dropped:
            self._hold_back(False)

    def loseConnection(self) -> None:
        """Nothing more is wanted; :meth:`stopProducing` follows, as for any body that is dropped."""

    def stopProducing(self) -> None:
        self._dropped = True
        self._stop_turn()
        if self._ended is None:
            drop(cast(ITransport, self.transport))
        elif not self._told:
            # Not at once: whoever drops a body does not expect to be called from within.
            self._turn = self._clock.callLater(0, self._end)

    def _stop_turn(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
