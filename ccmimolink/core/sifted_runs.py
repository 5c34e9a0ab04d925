"""Runs of deltas on their way through a scanner, which may hold back a tail of them, or take a part out.

Owns finding out which deltas came through as they were, so that they go out as they came in: one for one, and
in the same JSON. It must not know what a scanner looks for.
"""

from __future__ import annotations

from collections.abc import Callable

from ccmimolink.core.upstream_events import Run
from ccmimolink.core.writers import ItemWriter


def write_run(writer: ItemWriter, run: Run, held: str | None, sift: Callable[[str], str]) -> None:
    """Send a run through a scanner and write what comes out.

    Where a parser fails nothing of the run is written, though deltas before may have been good: the answer
    fails with it.

    :param held: what the scanner holds back and will give before the run, or None if that is not all.
    :param sift: the scanner: the part of all text so far that may be shown now.
    """
    texts, raws = run.texts, run.raws
    text = texts[0] if len(texts) == 1 else "".join(texts)
    shown = sift(text)
    if shown == text and not held:
        writer.run(texts, raws)
    elif not shown:
        return
    elif held is None or not (held + text).startswith(shown):
        # A part was taken out of the middle: nobody can say which delta the rest belongs to.
        writer.delta(shown)
    else:
        _write_beginning(writer, run, held, len(shown))


def _write_beginning(writer: ItemWriter, run: Run, held: str, length: int) -> None:
    """Write so many characters of what was held and the run behind it, each delta in an event of its own."""
    texts, raws = run.texts, run.raws
    first = 0
    if held:
        text = (held + texts[0])[:length]
        writer.delta(text)
        length -= len(text)
        first = 1
    end = first
    while end < len(texts) and len(texts[end]) <= length:
        length -= len(texts[end])
        end += 1
    if end > first:
        writer.run(texts[first:end], raws[first:end])
    if length:
        writer.delta(texts[end][:length])
