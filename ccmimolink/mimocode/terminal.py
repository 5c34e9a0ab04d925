"""Talking with a person.

Owns the questions' way to the terminal: they go to stderr, since stdout is the result's. While a question
waits, the signals that end a program end the question.
"""

from __future__ import annotations

import contextlib
import getpass
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import IO, Any, NoReturn

from ccmimolink.mimocode.errors import Code, SetupError, Source, blocked
from ccmimolink.printable import printable
from ccmimolink.process import ENDING_SIGNALS

_MOST_STDIN = 64 * 1024
_NO_KEY = "\ufffd"


@dataclass(frozen=True, slots=True)
class Terminal:
    """
    :ivar hidden: shows a prompt on a stream and reads a line without showing it.
    """

    stdin: IO[str]
    stderr: IO[str]
    hidden: Callable[[str, Any], str] = getpass.getpass

    @property
    def is_interactive(self) -> bool:
        return self.stdin.isatty() and self.stderr.isatty()

    def read_all(self) -> str:
        """What is on stdin. Where it is no text or very long, which a key never is, something that is none.

        :raises SetupError: the program was ended while it waited.
        """
        with self._answered():
            try:
                text = self.stdin.read(_MOST_STDIN + 1)
            except UnicodeDecodeError:
                return _NO_KEY
            return text if len(text) <= _MOST_STDIN else _NO_KEY

    def say(self, text: str) -> None:
        self.stderr.write(f"{printable(text)}\n")
        self.stderr.flush()

    def ask(self, question: str) -> str:
        """:raises SetupError: there came no answer."""
        with self._answered():
            self.stderr.write(question)
            self.stderr.flush()
            line = self.stdin.readline()
            if not line:
                raise EOFError
            return line.strip()

    def ask_hidden(self, question: str) -> str:
        """:raises SetupError: there came no answer, or it could not be hidden."""
        with self._answered(), warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return self.hidden(question, self.stderr)

    @contextlib.contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            with _ended_by_signals():
                yield
        except (EOFError, KeyboardInterrupt):
            if self.is_interactive:
                with contextlib.suppress(OSError):
                    self.say("")  # what comes next begins a line of its own
            raise interrupted() from None
        except getpass.GetPassWarning:
            raise blocked(
                Code.NON_INTERACTIVE_SECRET_REQUIRED,
                Source.CLI,
                "This terminal would show what you type. Pipe the key in, with --api-key-stdin.",
            ) from None
        except UnicodeDecodeError:
            raise blocked(Code.USAGE_ERROR, Source.CLI, "The answer is not text. Run this again.") from None


def interrupted(what: str = "Ended before it was done. Nothing stays changed. Run it again.") -> SetupError:
    return blocked(Code.INTERRUPTED, Source.CLI, what)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """The reactor takes these signals, and would look at them only once the question was answered."""

    former = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    former = {number: handler for number, handler in former.items() if handler not in (None, signal.SIG_IGN)}

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in former:
            signal.signal(number, signal.SIG_IGN)  # a second one must not hinder the terminal's restoration
        raise KeyboardInterrupt

    try:
        for number in former:
            signal.signal(number, end)
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
