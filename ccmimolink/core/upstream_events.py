"""What an upstream stream says, free of any one protocol's shapes.

Owns the events that a protocol's reader makes and :class:`~ccmimolink.core.stream.ResponseStream` takes. A
further upstream protocol adds a reader, not an event.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ccmimolink.core.errors import Failure


class ReasoningDelta(Struct, frozen=True, gc=False):
    text: str


class TextDelta(Struct, frozen=True, gc=False):
    text: str


class CallDelta(Struct, frozen=True, gc=False):
    """A piece of a tool call. ``index`` tells calls apart; ``id`` and ``name`` may come late or never."""

    index: int | None
    id: str | None
    name: str | None
    arguments: str


class Citation(Struct, frozen=True, gc=False):
    """A page that the answer rests on. Where in the text it belongs is not told."""

    url: str
    title: str


class Usage(Struct, frozen=True, gc=False):
    """Token counts; ``output`` includes ``reasoning``."""

    input: int
    output: int
    total: int
    cached: int = 0
    reasoning: int = 0


class Finished(Struct, frozen=True):
    """The model ended its turn. ``reason`` is the upstream's own word (``stop``, ``length``, …)."""

    reason: str


class Ended(Struct, frozen=True):
    """The upstream says that nothing follows (``[DONE]``)."""


class Failed(Struct, frozen=True):
    """The upstream reports an error inside its stream, or sent what cannot be read."""

    failure: Failure


Delta = ReasoningDelta | TextDelta | CallDelta


class Run(Struct, frozen=True, gc=False):
    """Deltas behind each other that differ in their text only. Each counts as if it had come alone.

    :ivar sample: the delta that they are, without its text.
    :ivar texts: one for each; none is empty.
    :ivar raws: the same as they stood in the upstream's JSON, between the quotes.
    """

    sample: Delta
    texts: list[str]
    raws: list[bytes]

    def deltas(self) -> Iterator[Delta]:
        """The deltas, one by one."""
        sample = self.sample
        if isinstance(sample, CallDelta):
            return (CallDelta(sample.index, sample.id, sample.name, text) for text in self.texts)
        return map(type(sample), self.texts)


UpstreamEvent = Delta | Run | Citation | Usage | Finished | Ended | Failed
