"""What a terminal gets beside the words: colour, and the line that says what is waited for."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

import pytest

from ccmimolink.terminal import Progress, Tone, paint_for, plain

GREEN = "\x1b[32mdone\x1b[0m"
CLEARED = "\r\x1b[K"
NEVER = 3600.0


@dataclass(frozen=True)
class Screen:
    """A terminal of the test's, and what a program has written to it."""

    ours: int
    stream: IO[str]

    def read_until(self, text: str) -> str:
        seen = ""
        while text not in seen:
            seen += os.read(self.ours, 4096).decode()
        return seen

    def all(self) -> str:
        """What was written up to now, given that nobody writes at this moment."""
        self.stream.write("the end")
        self.stream.flush()
        return self.read_until("the end").removesuffix("the end")

    def is_wide(self, columns: int) -> None:
        fcntl.ioctl(self.stream, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@pytest.fixture
def screen() -> Iterator[Screen]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        yield Screen(ours, stream)
        os.close(ours)


def progress(stream: IO[str], environ: Mapping[str, str] = {}, *, after: float = 0.0) -> Progress:
    return Progress(stream, environ, after=after, every=0.01)


# -- colour -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environ", [{}, {"TERM": "xterm-256color"}, {"NO_COLOR": ""}], ids=str)
def test_a_terminal_gets_colour(screen: Screen, environ: dict[str, str]) -> None:
    assert paint_for(screen.stream, environ)(Tone.OK, "done") == GREEN


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"NO_COLOR": "0"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_whose_user_wants_none_gets_no_colour(screen: Screen, environ: dict[str, str]) -> None:
    assert paint_for(screen.stream, environ)(Tone.OK, "done") == "done"


def test_what_is_no_terminal_gets_no_colour() -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (io.StringIO(), closed):
        assert paint_for(stream, {"TERM": "xterm-256color"})(Tone.FAILED, "not done") == "not done"


@pytest.mark.parametrize("tone", Tone)
def test_colour_leaves_the_words_as_they_are(screen: Screen, tone: Tone) -> None:
    painted = paint_for(screen.stream, {})(tone, "some words")

    assert re.sub(r"\x1b\[[0-9]+m", "", painted) == plain(tone, "some words") == "some words"


def test_no_colour_is_laid_over_nothing(screen: Screen) -> None:
    assert paint_for(screen.stream, {})(Tone.OK, "") == ""


# -- what is waited for -------------------------------------------------------------------------------------


def test_what_is_waited_for_is_shown_and_leaves_no_trace(screen: Screen) -> None:
    with progress(screen.stream).waiting("Waiting for Godot"):
        shown = screen.read_until("Godot")

    assert shown.startswith(f"{CLEARED}| Waiting for Godot")
    assert screen.all().endswith(CLEARED)


def test_the_text_can_change_meanwhile(screen: Screen) -> None:
    with progress(screen.stream).waiting("Waiting for Estragon") as say:
        screen.read_until("Estragon")
        say("Waiting for Vladimir")
        screen.read_until("Vladimir")


def test_a_long_wait_says_how_long_it_is(screen: Screen) -> None:
    with progress(screen.stream).waiting("Waiting"):
        screen.read_until("Waiting (1 s)")


def test_a_short_wait_shows_nothing(screen: Screen) -> None:
    with progress(screen.stream, after=NEVER).waiting("Waiting for Godot"):
        pass

    assert screen.all() == ""


def test_an_error_ends_the_line_and_goes_on(screen: Screen) -> None:
    with pytest.raises(ZeroDivisionError), progress(screen.stream).waiting("Waiting"):
        _ = 1 // len(screen.read_until("Waiting")[:0])

    assert screen.all().endswith(CLEARED)


def test_a_line_is_never_wider_than_the_terminal(screen: Screen) -> None:
    screen.is_wide(20)

    with progress(screen.stream).waiting("Waiting for somebody who does not come"):
        shown = screen.read_until("Waiting")

    lines = (shown + screen.all()).split(CLEARED)
    assert max(map(len, lines)) == len("| Waiting for someb") == 19


def test_a_text_drives_no_terminal(screen: Screen) -> None:
    with progress(screen.stream).waiting("Waiting for \x1b]0;Godot") as say:
        shown = screen.read_until("Godot")
        say("And\nVladimir")
        shown += screen.read_until("Vladimir")

    assert "\x1b]" not in shown
    assert "\n" not in shown


def test_nothing_is_shown_where_it_would_only_be_in_the_way(screen: Screen) -> None:
    elsewhere = io.StringIO()
    for stream, environ in ((elsewhere, {}), (screen.stream, {"TERM": "dumb"})):
        with progress(stream, environ).waiting("Waiting for Godot") as say:
            say("Still waiting")

    assert (elsewhere.getvalue(), screen.all()) == ("", "")


def test_without_colour_a_wait_is_shown_all_the_same(screen: Screen) -> None:
    with progress(screen.stream, {"NO_COLOR": "1"}).waiting("Waiting for Godot"):
        screen.read_until("Godot")


def test_a_terminal_that_goes_away_does_no_harm() -> None:
    ours, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w")
    with progress(stream).waiting("Waiting for Godot"):
        assert os.read(ours, 4096)
        os.close(ours)
    with contextlib.suppress(OSError):  # what it could not write
        stream.close()
