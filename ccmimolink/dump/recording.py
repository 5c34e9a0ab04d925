"""One request while it is recorded.

Owns what is held of it until it is over: references to bytes that passed, within a room that all recordings
share. Nothing is copied, masked or written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

from twisted.web.http_headers import Headers

Fields = list[tuple[bytes, bytes]]


def fields_of(headers: Headers | None) -> Fields:
    """Headers as they are now, in their order."""
    if headers is None:
        return []
    return [(name, value) for name, values in headers.getAllRawHeaders() for value in values]


class Room:
    """The memory for all that is recorded and not written yet."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> bool:
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        self._left += size


_NO_ROOM = Room(0)


class Held:
    """The bytes of one body, from its beginning, for as long as there is room.

    :ivar missing: how many bytes came that there was no room for.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._parts: list[bytes] = []
        self.missing = 0

    def add(self, data: bytes) -> None:
        if not self.missing and self._room.take(len(data)):
            self._parts.append(data)
        else:
            self.missing += len(data)

    def bytes(self) -> bytes:
        return b"".join(self._parts)

    def let_go(self) -> None:
        """What still comes is not kept: nobody would give it back."""
        self._room.give_back(sum(map(len, self._parts)))
        self._parts, self._room = [], _NO_ROOM


@dataclass(slots=True, kw_only=True)
class Message:
    """A request or an answer: its first line, its headers and its body.

    :ivar line: the three parts of its first line; none as long as there is none.
    """

    body: Held
    line: tuple[bytes, ...] = ()
    headers: Fields = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Try:
    """What was sent upstream once, and what came back. Times are seconds since the request's arrival."""

    sent: Message
    answer: Message
    began: float
    answered: float | None = None
    ended: float | None = None
    error: str = ""


class Recording:
    """A request with its tries.

    :param at: seconds since the epoch.
    :param over: is called once, when neither side has anything more to say.
    :ivar request_id: there once somebody serves the request; without it nothing is written.
    :ivar client_left: whether the client went before its answer was whole.
    """

    def __init__(
        self, room: Room, *, at: float, monotonic: Callable[[], float], over: Callable[[Recording], None]
    ) -> None:
        self._room, self._monotonic, self._over = room, monotonic, over
        self._began = monotonic()
        self._open = 1
        self.at = at
        self.request_id = ""
        self.client_left = False
        self.request, self.answer = self.message(), self.message()
        self.tries: list[Try] = []
        self.seconds = 0.0

    def message(self) -> Message:
        return Message(body=Held(self._room))

    @property
    def elapsed(self) -> float:
        return round(self._monotonic() - self._began, 3)

    def begin_try(self) -> Try:
        self._open += 1
        self.tries.append(Try(sent=self.message(), answer=self.message(), began=self.elapsed))
        return self.tries[-1]

    def reopen(self) -> None:
        """A body is going to be read."""
        self._open += 1

    def close(self) -> None:
        """The client's side or a try is over, for the present."""
        self._open -= 1
        if self._open == 0:
            self.seconds = self.elapsed
            self._over(self)

    def messages(self) -> Iterable[Message]:
        yield from (self.request, self.answer)
        for each in self.tries:
            yield from (each.sent, each.answer)

    def let_go(self) -> None:
        for message in self.messages():
            message.body.let_go()
        self._room = _NO_ROOM


CURRENT: ContextVar[Recording | None] = ContextVar("ccmimolink_recording", default=None)
"""The recording of the request that is being served: coroutines and what they await inherit it."""
