"""The text and the thinking of an answer, on their way from the upstream's deltas into items.

Owns the stations of that way, in this order: thinking that stands at the head of the content is split off,
calls that were written as text are taken out, a code fence around the whole is taken off, and white space
waits for something to stand with. It must not know how a turn ends: the end is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ccmimolink.core.fences import FenceStripper
from ccmimolink.core.items import ItemSequence
from ccmimolink.core.recovery import Recovery
from ccmimolink.core.responses import ResponseOptions
from ccmimolink.core.scan import FallbackParser, ToolCall
from ccmimolink.core.sifted_runs import write_run
from ccmimolink.core.states import State
from ccmimolink.core.think import ThinkSplitter
from ccmimolink.core.tools import ToolTable
from ccmimolink.core.twins import Signature
from ccmimolink.core.upstream_events import ReasoningDelta, Run, TextDelta


class Prose:
    """The text and the thinking of one answer.

    :ivar aside: thinking that came between the pieces of one call. It has no item of its own.
    """

    def __init__(
        self,
        items: ItemSequence,
        *,
        tools: ToolTable,
        parsers: Sequence[FallbackParser],
        options: ResponseOptions,
        max_calls: int | None,
    ) -> None:
        self.aside: list[str] = []
        self._items, self._options = items, options
        # Each station is None where it has nothing (more) to do: most deltas pass through no station at all.
        self._head: ThinkSplitter | None = ThinkSplitter()
        self._recovery = (
            Recovery(parsers, lambda name: tools.resolve(name) is not None, max_calls)
            if parsers and len(tools)
            else None
        )
        self._fences = FenceStripper() if options.strip_fences else None
        self._waiting: list[str] = []

    # -- deltas -------------------------------------------------------------------------------------------

    def on_text(self, event: TextDelta) -> None:
        if self._head is not None:
            self._split(self._head, event.text)
            return
        text = event.text
        if self._recovery is not None:
            text = self._recovery.text(text)
        if self._fences is not None:
            text = self._strip(self._fences, text)
        if text:
            self._show_text(text)

    def on_reasoning(self, event: ReasoningDelta) -> None:
        text = event.text
        recovery = self._recovery
        if self._items.state is State.MESSAGE or (recovery is not None and recovery.holds_text):
            self._end_text()
        if recovery is not None:
            text = recovery.reasoning(text)
        if text:
            self._show_reasoning(text)

    def on_run(self, run: Run) -> bool:
        """Many deltas at once; False, and nothing is done, where they may not all go the same way."""
        items = self._items
        writer = items.writer
        if writer is None:
            return False
        is_text = isinstance(run.sample, TextDelta)
        if is_text:
            if items.state is not State.MESSAGE or self._head is not None or self._fences is not None:
                return False
        elif items.state is not State.REASONING:
            return False
        if self._recovery is None:
            writer.run(run.texts, run.raws)
        elif is_text:
            write_run(writer, run, self._recovery.held_text, self._recovery.text)
        elif self._recovery.holds_text:
            return False
        else:
            write_run(writer, run, self._recovery.held_reasoning, self._recovery.reasoning)
        return True

    def _split(self, head: ThinkSplitter, text: str) -> None:
        self._pass(head.feed(text))
        if not head.settled:
            self._head = head

    def _pass(self, deltas: Iterable[ReasoningDelta | TextDelta]) -> None:
        """Send what was split off on its way, past the splitter."""
        self._head = None
        for delta in deltas:
            if isinstance(delta, TextDelta):
                self.on_text(delta)
            else:
                self.on_reasoning(delta)

    def _strip(self, fences: FenceStripper, text: str) -> str:
        stripped = fences.feed(text)
        if fences.settled:
            self._fences = None
        return stripped

    # -- what is held back --------------------------------------------------------------------------------

    def give_way(self) -> None:
        """Show all that is held back, because a call begins."""
        self._end_head()
        self._end_text()
        self._end_reasoning()
        self.show_waiting()

    def finish(self) -> None:
        """Show what is held back, except for white space: the turn is over.

        If there was nothing but thinking, calls that were written at its end count.
        """
        self._end_head()
        self._end_text()
        items = self._items
        if items.said_nothing and items.state in (State.BETWEEN_ITEMS, State.REASONING):
            if self._recovery is not None:
                self._show_reasoning(self._recovery.finish_reasoning())
        else:
            self._end_reasoning()

    def _end_head(self) -> None:
        if self._head is not None:
            self._pass(self._head.finish())

    def _end_text(self) -> None:
        text = "" if self._recovery is None else self._recovery.end_text()
        if self._fences is not None:
            text = self._fences.feed(text) + self._fences.finish()
        if self._options.strip_fences:
            # What follows is a message of its own.
            self._fences = FenceStripper()
        self._show_text(text)

    def _end_reasoning(self) -> None:
        if self._recovery is not None:
            self._show_reasoning(self._recovery.end_reasoning())

    def calls(self, structured: Iterable[Signature]) -> list[ToolCall]:
        """The calls to make of what was written, given those that were made."""
        return [] if self._recovery is None else self._recovery.calls(structured)

    @property
    def cut_calls(self) -> int:
        """How many calls were dropped because there were too many of them."""
        return 0 if self._recovery is None else self._recovery.cut

    def promote(self) -> bool:
        """Give the thinking as a message too; False where there is nothing in it."""
        text = "".join(self._items.reasoning)
        if self._options.strip_fences:
            fences = FenceStripper()
            text = fences.feed(text) + fences.finish()
        if not text or text.isspace():
            return False
        self._items.open_message().delta(text)
        return True

    # -- into items ---------------------------------------------------------------------------------------

    def _show_text(self, text: str) -> None:
        items = self._items
        if items.state is State.MESSAGE and items.writer is not None:
            if text:
                items.writer.delta(text)
        elif text:
            # Models put line ends between thinking and calls: not worth a message, unless text follows.
            self._waiting.append(text)
            if not text.isspace() and items.settle_call():
                self.show_waiting()

    def show_waiting(self) -> None:
        """Open a message for the text that waits, unless it is but white space."""
        text = "".join(self._waiting)
        self._waiting.clear()
        if text and not text.isspace():
            self._end_reasoning()
            self._items.open_message().delta(text)

    def _show_reasoning(self, text: str) -> None:
        if not text:
            return
        items = self._items
        if items.state is not State.REASONING:
            if not items.settle_call():
                # Thinking between the pieces of one call has no item of its own; the replay keeps it.
                self.aside.append(text)
                return
            items.open_reasoning()
        assert items.writer is not None
        items.writer.delta(text)
