"""What a scanner makes of an answer, however it comes in pieces, for tests."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ccmimolink.core.scan import Scanner, Text, ToolCall


def scanned(scanner: Scanner, pieces: Sequence[str]) -> list[Text | ToolCall]:
    """All parts, texts merged across pieces."""
    parts = [*itertools.chain.from_iterable(map(scanner.feed, pieces)), *scanner.finish()]
    merged: list[Text | ToolCall] = []
    for is_text, group in itertools.groupby(parts, lambda part: isinstance(part, Text)):
        run = list(group)
        merged += [Text(source_of(run))] if is_text else run
    return merged


def source_of(parts: Sequence[Text | ToolCall]) -> str:
    return "".join(part.text if isinstance(part, Text) else part.source for part in parts)
