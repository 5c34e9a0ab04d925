"""What a person at a terminal gets beside the words: colour, and a line that says what is waited for.

Owns the escape sequences, and when none are written: to a file or a pipe, with ``TERM=dumb``, and none of
colour with ``NO_COLOR``. It must not know what is said, and leaves the text itself as it is.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum
from typing import IO

from ccmimolink.printable import printable

VARIABLES = ("NO_COLOR", "TERM")
"""Those of the environment that count here."""

_TERMINALS_WITHOUT_SEQUENCES = ("dumb", "unknown")
_RESET, _CLEAR_LINE = "\x1b[0m", "\r\x1b[K"
_FRAMES = "|/-\\"
_USUAL_COLUMNS = 80


class Tone(Enum):
    """What a text is to a person. Colour never tells it alone: the words or a mark do too."""

    OK = "32"
    WARNING = "33"
    FAILED = "31"
    HEADING = "1"
    QUIET = "2"


Paint = Callable[[Tone, str], str]
"""Lays colour over a text, or leaves it as it is."""


def plain(_tone: Tone, text: str) -> str:
    return text


def paint_for(stream: IO[str], environ: Mapping[str, str]) -> Paint:
    """How to paint what goes to this stream.

    :param environ: of it, :data:`VARIABLES` count.
    """
    return _coloured if not environ.get("NO_COLOR") and understands(stream, environ) else plain


def _coloured(tone: Tone, text: str) -> str:
    return f"\x1b[{tone.value}m{text}{_RESET}" if text else text


def understands(stream: IO[str], environ: Mapping[str, str]) -> bool:
    """Whether it is a terminal that acts on escape sequences, and does not show them."""
    try:
        is_terminal = stream.isatty()
    except ValueError:  # it is closed
        return False
    return is_terminal and environ.get("TERM") not in _TERMINALS_WITHOUT_SEQUENCES and _acts_on_them(stream)


if sys.platform == "win32":

    def _acts_on_them(stream: IO[str]) -> bool:
        """A console does once it is told to; one that cannot be told gets plain text."""
        import ctypes
        import msvcrt

        processed, sequences = 0x1, 0x4
        console = ctypes.windll.kernel32
        mode = ctypes.c_ulong()
        try:
            handle = ctypes.c_void_p(msvcrt.get_osfhandle(stream.fileno()))
        except OSError:
            return False
        if not console.GetConsoleMode(handle, ctypes.byref(mode)):
            return False
        return bool(console.SetConsoleMode(handle, mode.value | processed | sequences))

else:

    def _acts_on_them(_stream: IO[str]) -> bool:
        return True


Waiting = Callable[[str], AbstractContextManager[object]]
"""Shows what is waited for while the body runs."""


def silently(_text: str) -> AbstractContextManager[object]:
    """What is waited for is not shown."""
    return nullcontext()


class Progress:
    """One line that comes when a wait is long enough to be noticed, and leaves no trace.

    A thread draws it, so that the wait may block. Nothing else may be written to the terminal meanwhile, and
    nobody be asked anything.

    :param stream: stderr, since stdout is the result's.
    :param environ: of it, :data:`VARIABLES` count.
    :param after: seconds until it appears.
    :param every: seconds between two looks of it.
    """

    def __init__(
        self, stream: IO[str], environ: Mapping[str, str], *, after: float = 0.4, every: float = 0.12
    ) -> None:
        self._stream, self._after, self._every = stream, after, every
        self._is_shown = understands(stream, environ)

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show what is waited for while the body runs; with what it is given, the body changes the text."""
        line = _Line(text)
        if not self._is_shown:
            yield line.say
            return
        over = threading.Event()
        thread = threading.Thread(target=self._draw, args=[line, over], name="progress", daemon=True)
        thread.start()
        try:
            yield line.say
        finally:
            over.set()
            thread.join()

    def _draw(self, line: _Line, over: threading.Event) -> None:
        began = time.monotonic()
        if over.wait(self._after):
            return
        with contextlib.suppress(OSError, ValueError):  # the terminal is gone, which is for others to tell
            for frame in itertools.cycle(_FRAMES):
                seconds = int(time.monotonic() - began)
                elapsed = f" ({seconds} s)" if seconds else ""
                room = _columns(self._stream) - len(f"{frame} {elapsed} ")
                self._put(f"{_CLEAR_LINE}{frame} {line.text[: max(room, 0)]}{elapsed}")
                if over.wait(self._every):
                    break
            self._put(_CLEAR_LINE)

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class _Line:
    def __init__(self, text: str) -> None:
        self.text = printable(text)

    def say(self, text: str) -> None:
        self.text = printable(text)


def _columns(stream: IO[str]) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS
    except OSError:
        return _USUAL_COLUMNS
