"""The output items of one response: which is open, what was closed, and what the client knows them by.

Owns the opening and closing of items, one at a time, and the state of the response that goes with it. It must
not decide when an item is due, nor what its text is: that is told.

A client runs a tool at ``output_item.done``: a call closes when its arguments are complete, or by order of
who knows that the upstream's turn ended well; in any other case it is given up.
"""

from __future__ import annotations

from collections.abc import Callable

from ccmimolink.core import events as ev
from ccmimolink.core.calls import PendingCall
from ccmimolink.core.states import TERMINAL, State, Step, advance
from ccmimolink.core.tools import FlatTool
from ccmimolink.core.upstream_events import Citation
from ccmimolink.core.writers import (
    ITEM_PREFIXES,
    Emitter,
    ItemWriter,
    MessageWriter,
    ReasoningWriter,
    call_writer,
)


class ItemSequence:
    """The items of one response, in the order in which they are shown.

    :ivar state: of the response; changed only through :meth:`advance`.
    :ivar is_terminal: whether that is one of its last.
    :ivar closed: the items that are done, as they will stand in the response's ``output``.
    :ivar reasoning: the texts of the closed reasoning items.
    :ivar call_ids: the ids of the closed calls, as the client knows them.
    :ivar calls: the closed calls, by the upstream's name of the tool, with their arguments as they came.
    """

    def __init__(
        self, emitter: Emitter, *, new_id: Callable[[str], str], carry: Callable[[str], str] | None
    ) -> None:
        self.state = State.IDLE
        self.is_terminal = False
        self.closed: list[ev.OutputItem] = []
        self.reasoning: list[str] = []
        self.call_ids: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.open_call: PendingCall | None = None
        self.writer: ItemWriter | None = None
        """Of the open item."""
        self._emitter, self._new_id, self._carry = emitter, new_id, carry
        self._message: MessageWriter | None = None
        self._citations: list[Citation] = []

    @property
    def said_nothing(self) -> bool:
        """Whether there is nothing among the closed items that a user or a client could act on."""
        return all(isinstance(item, ev.OutputReasoning) for item in self.closed)

    def advance(self, step: Step) -> None:
        self.state = advance(self.state, step)
        self.is_terminal = self.state in TERMINAL

    def open_reasoning(self) -> ItemWriter:
        self.close()
        self.advance(Step.OPEN_REASONING)
        writer = ReasoningWriter(self._emitter, self._new_id("rs"), self._carry)
        self.writer = writer
        return writer

    def open_message(self) -> ItemWriter:
        self.close()
        self.advance(Step.OPEN_MESSAGE)
        writer = MessageWriter(self._emitter, self._new_id("msg"))
        self.writer = self._message = writer
        for citation in self._citations:
            writer.annotate(citation)
        self._citations.clear()
        return writer

    def cite(self, citation: Citation) -> None:
        """Add it to the open message, or to the next one if none is open."""
        if self._message is not None:
            self._message.annotate(citation)
        else:
            self._citations.append(citation)

    def begin_call(self, call: PendingCall, call_id: str, tool: FlatTool) -> None:
        """Open a call with the arguments that it has so far."""
        self.close()
        self.advance(Step.OPEN_CALL)
        call.client_id, call.name = call_id, tool.upstream_name
        self.open_call = call
        item_id = self._new_id(ITEM_PREFIXES[tool.kind])
        self.writer = call_writer(self._emitter, item_id, call_id, tool)
        if call.arguments:
            self.writer.delta(call.text)

    def settle_call(self) -> bool:
        """Close the open call, if there is one and its arguments are complete; False if it must stay open.

        Asked when something else comes, never per delta of the call itself: it reads all the arguments.
        """
        if self.open_call is not None:
            if not self.open_call.is_whole():
                return False
            self.close()
        return True

    def close(self, status: str = "completed") -> None:
        """Close the open item, if there is one."""
        if self.writer is None:
            return
        item = self.writer.close(status)
        self.closed.append(item)
        if isinstance(item, ev.OutputReasoning):
            self.reasoning.append(item.summary[0].text)
        call = self.open_call
        if call is not None and call.client_id is not None and call.name is not None:
            self.call_ids.append(call.client_id)
            self.calls.append((call.name, call.text))
        self._leave(Step.CLOSE)

    def abandon(self) -> None:
        """Give up the open item, if there is one: its ``output_item.done`` never comes."""
        if self.writer is not None:
            self._leave(Step.ABANDON)

    def _leave(self, step: Step) -> None:
        self.writer = self.open_call = self._message = None
        self.advance(step)
