"""Dumps: the recordings of a running proxy, on their way to the disk.

Owns the order in which they are written, one at a time and in a thread, and the end of it all when the disk
fails: that is told once, and the proxy serves on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccmimolink.dump.pages import pages_of
from ccmimolink.dump.recording import Recording, Room
from ccmimolink.dump_directory import DumpDirectory

_SHARE = 2
"""One request may have so much of the bound for all of them: the half."""

MEMORY = 64 * 1024 * 1024
"""Bytes of all recordings that are not written yet. What does not fit is missing in them."""

WAITING = 200
"""Recordings. The proxy's end waits for them, and their headers take memory that nobody counts."""


class Dumps:
    """:param in_thread: runs a function in a thread, and fires once it has ended.
    :param keys: secrets that are known beforehand.
    :param memory: bytes of all recordings that are not written yet.
    """

    _log = Logger()

    def __init__(
        self,
        directory: DumpDirectory,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        in_thread: Callable[[Callable[[], None]], Deferred[None]],
        keys: Collection[str] = (),
        memory: int = MEMORY,
    ) -> None:
        self._directory, self._now, self._monotonic = directory, now, monotonic
        self._in_thread, self._keys = in_thread, keys
        self._room = Room(memory)
        self._has_failed = self._is_writing = False
        self._left_out = 0
        self._open: dict[Recording, None] = {}
        self._waiting: deque[Recording] = deque()
        self._idle: list[Deferred[None]] = []

    def begin(self) -> Recording | None:
        """A recording for a request that has come; None once the disk has failed."""
        if self._has_failed:
            return None
        recording = Recording(self._room, at=self._now(), monotonic=self._monotonic, over=self._over)
        self._open[recording] = None
        return recording

    async def close(self) -> None:
        """Write what there is; whatever still comes for a request is left out."""
        for recording in list(self._open):
            self._over(recording)
        if self._is_writing:
            idle: Deferred[None] = Deferred()
            self._idle.append(idle)
            await idle

    def _over(self, recording: Recording) -> None:
        if recording not in self._open:
            # It was written as it stood when the proxy closed.
            return
        del self._open[recording]
        if not recording.request_id or self._has_failed:
            recording.let_go()
            return
        if len(self._waiting) >= WAITING:
            self._leave_out(recording)
            return
        self._waiting.append(recording)
        self._write_next()

    def _leave_out(self, recording: Recording) -> None:
        recording.let_go()
        self._left_out += 1
        if self._left_out == 1:
            self._log.warn(
                "The debug dump in {path} is {count} requests behind. What ends meanwhile is left out.",
                path=str(self._directory.path),
                count=WAITING,
            )

    def _caught_up(self) -> None:
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            self._log.warn(
                "The debug dump in {path} has caught up; {count} requests are missing from it.",
                path=str(self._directory.path),
                count=left_out,
            )

    def _write_next(self) -> None:
        if self._is_writing:
            return
        if not self._waiting:
            self._caught_up()
            waiting, self._idle = self._idle, []
            for idle in waiting:
                idle.callback(None)
            return
        self._is_writing = True
        recording = self._waiting.popleft()
        # A thread that cannot be had is a failure like others.
        writing = maybeDeferred(self._in_thread, lambda: self._write(recording))
        writing.addErrback(self._failed)
        writing.addCallback(lambda _: self._written(recording))

    def _write(self, recording: Recording) -> None:
        """In a thread."""
        pages = pages_of(recording, self._keys, self._directory.most // _SHARE)
        at = datetime.fromtimestamp(recording.at, UTC)
        name = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z-{recording.request_id}"
        self._directory.write(name, pages)

    def _written(self, recording: Recording) -> None:
        recording.let_go()
        self._is_writing = False
        self._write_next()

    def _failed(self, reason: Failure) -> None:
        self._has_failed = True
        while self._waiting:
            self._waiting.popleft().let_go()
        path = self._directory.path
        if isinstance(reason.value, OSError):
            self._log.error(
                "The debug dump in {path} cannot be written: {reason}. Nothing more is dumped until the next "
                "start. The proxy serves on.",
                path=str(path),
                reason=reason.value.strerror or str(reason.value),
            )
        else:  # a fault of ours
            self._log.failure("the debug dump in {path} has ended", failure=reason, path=str(path))
