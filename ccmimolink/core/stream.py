"""ResponseStream: upstream events in, Responses events out.

Owns the order in which items begin and end, the fate of calls that are not complete, and the terminal
event. It must not read an upstream protocol, know a clock or invent an id: those are arguments.

Rules that are kept on every path:

* What was streamed is what is done; nothing that the client has seen is repaired afterwards.
* A client runs a tool at ``output_item.done``: a call that was incomplete when the upstream ended gets none.
* A call that the model wrote as text is a candidate until the upstream ends; a structured call with the same
  name and arguments supersedes it.
* The terminal event's ``output`` equals the closed items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ccmimolink.core import events as ev
from ccmimolink.core import upstream_events as up
from ccmimolink.core.calls import CallBook, PendingCall
from ccmimolink.core.errors import Failure, FailureKind, Profile, terminal_error
from ccmimolink.core.recovery import Recovery, Signature, signature
from ccmimolink.core.scan import FallbackParser
from ccmimolink.core.states import TERMINAL, State, Step, advance
from ccmimolink.core.tools import FlatTool, ToolKind, ToolTable
from ccmimolink.core.writers import (
    ITEM_PREFIXES,
    Emitter,
    ItemWriter,
    MessageWriter,
    ReasoningWriter,
    call_writer,
    response_usage,
)

_TRUNCATED = frozenset({"length", "max_tokens", "repetition_truncation"})
_FILTER = "content_filter"
_CUT_SHORT = _TRUNCATED | {_FILTER}
_CUT = Failure(FailureKind.STREAM_BROKEN, "MiMo's stream ended before the answer was complete.")
_EMPTY = Failure(FailureKind.STREAM_BROKEN, "MiMo's answer was empty.")
_GHOSTS = Failure(FailureKind.STREAM_BROKEN, "MiMo called a tool without naming it, and said nothing else.")
_FILTERED = Failure(FailureKind.MODERATION, "MiMo's content filter stopped the answer.")


class ResponseStream:
    """One streamed response.

    Feed it with :meth:`receive`, and at the end of the upstream call :meth:`receive_eof`, or :meth:`fail` for
    what only the caller can see (a stall, a draining proxy). Each answers with the events to send now. After
    the terminal event all three answer with nothing.

    :param template: the response object as known at the start; output, status and usage are filled in.
    :param new_id: makes an id from a prefix: ``new_id("msg")``.
    :param now: seconds since the epoch.
    :param carry: makes ``encrypted_content`` of a reasoning text, or None if the client did not ask for it.
    """

    def __init__(
        self,
        template: ev.Response,
        *,
        tools: ToolTable,
        parsers: Sequence[FallbackParser],
        new_id: Callable[[str], str],
        now: Callable[[], float],
        profile: Profile,
        carry: Callable[[str], str] | None = None,
    ) -> None:
        self.response, self.state = template, State.IDLE
        self.reasoning: list[str] = []
        """The texts of the closed reasoning items."""
        self.call_ids: list[str] = []
        """The ids of the closed calls, as the client knows them."""
        self.recovered = self.ghosts = 0
        """Calls that were made from text, and calls that were dropped because they never got a name."""
        self.failure: Failure | None = None
        """Why the response failed, if it did."""
        self._tools, self._profile = tools, profile
        self._new_id, self._now, self._carry = new_id, now, carry
        # Without tools or parsers there is nothing to recover, and text passes untouched.
        self._recovery = (
            Recovery(parsers, lambda name: tools.resolve(name) is not None)
            if parsers and len(tools)
            else None
        )
        self._emitter = Emitter()
        self._writer: ItemWriter | None = None
        self._closed: list[ev.OutputItem] = []
        self._waiting_text: list[str] = []
        self._thought_in_call: list[str] = []
        self._book = CallBook()
        self._open_call: PendingCall | None = None
        self._taken_ids: set[str] = set()
        self._structured: list[Signature] = []
        self._reason: str | None = None
        self._usage: ev.ResponseUsage | None = None

    # -- what the caller does -----------------------------------------------------------------------------

    @property
    def terminal(self) -> bool:
        return self.state in TERMINAL

    def start(self) -> list[ev.StreamEvent]:
        """Begin the response. The first received event does so by itself."""
        self._start()
        return self._emitter.take()

    def receive(self, event: up.UpstreamEvent) -> list[ev.StreamEvent]:
        state = self.state
        if state in TERMINAL:
            return []
        if state is State.IDLE:
            self._start()
        kind = type(event)
        # Once the turn is over only its usage counts; some servers repeat the finish beside it.
        if state is not State.ENDED or kind in (up.Usage, up.Ended):
            _HANDLERS[kind](self, event)
        return self._emitter.take()

    def receive_eof(self) -> list[ev.StreamEvent]:
        """The upstream's connection ended, in good order or not: what was received decides."""
        return self.fail(_CUT)

    def fail(self, failure: Failure) -> list[ev.StreamEvent]:
        """End the response as failed, or, if the turn was over already, as what it was."""
        if self.state is State.ENDED:
            self._terminate()
        elif not self.terminal:
            self._on_failed(up.Failed(failure))
        return self._emitter.take()

    def keep_alive(self) -> list[ev.StreamEvent]:
        """An event that says nothing but resets the client's idle timer, which comments do not."""
        if self.state is not State.IDLE and not self.terminal:
            # The client has the echo, which can be long, from the beginning.
            self._emit_response(
                ev.InProgress, msgspec.structs.replace(self.response, tools=[], instructions=None)
            )
        return self._emitter.take()

    # -- reasoning ----------------------------------------------------------------------------------------

    def _on_reasoning(self, event: up.ReasoningDelta) -> None:
        text, recovery = event.text, self._recovery
        if recovery is not None:
            if self.state is State.MESSAGE:
                self._write_text(recovery.end_text())
            text = recovery.reasoning(text)
        self._write_reasoning(text)

    def _write_reasoning(self, text: str) -> None:
        if not text:
            return
        if self.state is not State.REASONING:
            if not self._settle_call():
                # Thinking between the pieces of one call has no item of its own; the replay keeps it.
                self._thought_in_call.append(text)
                return
            self._close()
            self._advance(Step.OPEN_REASONING)
            self._writer = ReasoningWriter(self._emitter, self._new_id("rs"), self._carry)
        assert self._writer is not None
        self._writer.delta(text)

    # -- text ---------------------------------------------------------------------------------------------

    def _on_text(self, event: up.TextDelta) -> None:
        self._write_text(event.text if self._recovery is None else self._recovery.text(event.text))

    def _write_text(self, text: str) -> None:
        if self.state is State.MESSAGE and self._writer is not None:
            if text:
                self._writer.delta(text)
        elif text:
            # Models put line ends between thinking and calls: not worth a message, unless text follows.
            self._waiting_text.append(text)
            if not text.isspace() and self._settle_call():
                self._write_waiting_text()

    def _write_waiting_text(self) -> None:
        text = "".join(self._waiting_text)
        self._waiting_text.clear()
        if text and not text.isspace():
            self._open_message(text)

    def _open_message(self, text: str) -> None:
        if self._recovery is not None:
            self._write_reasoning(self._recovery.end_reasoning())
        self._close()
        self._advance(Step.OPEN_MESSAGE)
        self._writer = MessageWriter(self._emitter, self._new_id("msg"))
        self._writer.delta(text)

    # -- calls --------------------------------------------------------------------------------------------

    def _on_call(self, event: up.CallDelta) -> None:
        known = len(self._book)
        call = self._book.receive(event)
        if call is self._open_call:
            if event.arguments:
                assert self._writer is not None
                self._writer.delta(event.arguments)
        elif (
            call.name is not None
            and call.client_id is None
            and (self._open_call is None or (len(self._book) > known and self._settle_call()))
        ):
            self._begin_call(call)

    def _settle_call(self) -> bool:
        """Close the open call, if there is one and its arguments are complete; False if it must stay open.

        Asked when something else begins, never per delta of the call itself: it reads all the arguments.
        """
        if self._open_call is not None:
            if not self._open_call.is_whole():
                return False
            self._close()
        return True

    def _begin_call(self, call: PendingCall) -> None:
        if self._recovery is not None:
            self._write_text(self._recovery.end_text())
            self._write_reasoning(self._recovery.end_reasoning())
        self._write_waiting_text()
        self._close()
        self._open_tool(call)

    def _open_tool(self, call: PendingCall) -> None:
        assert call.name is not None
        # A name that nobody offered goes to the client as it is, which tells the model.
        tool = self._tools.resolve(call.name) or FlatTool(kind=ToolKind.FUNCTION, name=call.name)
        call_id = call.id
        if call_id is None or call_id in self._taken_ids:
            call_id = self._new_id("call")
        self._taken_ids.add(call_id)
        call.client_id, call.name = call_id, tool.upstream_name
        self._advance(Step.OPEN_CALL)
        self._open_call = call
        item_id = self._new_id(ITEM_PREFIXES[tool.kind])
        self._writer = call_writer(self._emitter, item_id, call_id, tool)
        if call.arguments:
            self._writer.delta(call.text)

    def _finish_calls(self) -> None:
        """The upstream's turn is over: every call is closed, or given up if the turn was cut short."""
        cut_short = self._reason in _CUT_SHORT
        if not self._settle_call():
            if cut_short:
                self._abandon()
            else:
                self._close()
        for call in [call for call in self._book if call.client_id is None]:
            if call.name is None:
                self.ghosts += 1
            elif not cut_short or call.is_whole():
                self._begin_call(call)
                self._close()

    def _make_recovered_calls(self) -> None:
        if self._recovery is None:
            return
        for candidate in self._recovery.calls(self._structured):
            self._open_tool(PendingCall(candidate.name, candidate.arguments))
            self._close()
            self.recovered += 1

    # -- the end ------------------------------------------------------------------------------------------

    def _on_finished(self, event: up.Finished) -> None:
        self._reason = event.reason
        self._end()

    def _on_ended(self, _event: up.Ended) -> None:
        if self.state is not State.ENDED:
            # "[DONE]" without a finish reason: the upstream believes that it said all.
            self._end()
        self._terminate()

    def _end(self) -> None:
        """Close what is open. Usage may follow, so the terminal event is not due yet."""
        if self._recovery is not None:
            self._write_text(self._recovery.end_text())
            alone = len(self._book) == 0 and self.state in (State.BETWEEN_ITEMS, State.REASONING)
            alone = alone and all(isinstance(item, ev.OutputReasoning) for item in self._closed)
            self._write_reasoning(
                self._recovery.finish_reasoning() if alone else self._recovery.end_reasoning()
            )
        if self._open_call is None:
            self._close(self._status())
        self._finish_calls()
        self._write_waiting_text()
        self._close(self._status())
        self._make_recovered_calls()
        self._advance(Step.END)

    def _status(self) -> str:
        return "incomplete" if self._reason in _CUT_SHORT else "completed"

    def _on_usage(self, event: up.Usage) -> None:
        self._usage = response_usage(event)

    def _terminate(self) -> None:
        said_nothing = all(isinstance(item, ev.OutputReasoning) for item in self._closed)
        if self._reason == _FILTER:
            # Codex would retry an incomplete response that is not about length.
            if self._profile is Profile.CODEX:
                self._report_failure(_FILTERED)
            else:
                self._report_incomplete(_FILTER)
        elif self._reason in _TRUNCATED:
            self._report_incomplete("max_output_tokens")
        elif self.ghosts and said_nothing:
            self._report_failure(_GHOSTS)
        elif self._reason is None and not self._closed:
            self._report_failure(_EMPTY)
        else:
            self._advance(Step.COMPLETE)
            self._settle("completed", completed_at=int(self._now()))
            self._emit_response(ev.Completed)

    def _report_incomplete(self, reason: str) -> None:
        self._advance(Step.INCOMPLETE)
        self._settle("incomplete", incomplete_details=ev.IncompleteDetails(reason))
        self._emit_response(ev.Incomplete)

    def _report_failure(self, failure: Failure) -> None:
        self._advance(Step.FAIL)
        self.failure = failure
        error = terminal_error(failure, self._profile)
        self._settle("failed", error=ev.ResponseError(error.code, error.message))
        self._emit_response(ev.Failed)

    def _on_failed(self, event: up.Failed) -> None:
        if self.state is State.IDLE:
            self._start()
        # A call that was complete stays one; every other open item is given up.
        if self._open_call is None or not self._settle_call():
            self._abandon()
        self._report_failure(event.failure)

    def _settle(self, status: str, **changes: Any) -> None:
        if self._thought_in_call:
            self.reasoning.append("".join(self._thought_in_call))
        self.response = msgspec.structs.replace(
            self.response, status=status, output=tuple(self._closed), usage=self._usage, **changes
        )

    # -- steps --------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._advance(Step.CREATE)
        self._emit_response(ev.Created)
        self._emit_response(ev.InProgress)

    def _emit_response(
        self, kind: Callable[..., ev.StreamEvent], response: ev.Response | None = None
    ) -> None:
        emitter = self._emitter
        emitter.events.append(kind(sequence_number=emitter.next(), response=response or self.response))

    def _advance(self, step: Step) -> None:
        self.state = advance(self.state, step)

    def _close(self, status: str = "completed") -> None:
        """Close the open item, if there is one."""
        if self._writer is None:
            return
        item = self._writer.close(status)
        self._closed.append(item)
        if isinstance(item, ev.OutputReasoning):
            self.reasoning.append(item.summary[0].text)
        call = self._open_call
        if call is not None and call.client_id is not None and call.name is not None:
            self.call_ids.append(call.client_id)
            self._structured.append(signature(call.name, call.text))
        self._writer = self._open_call = None
        self._advance(Step.CLOSE)

    def _abandon(self) -> None:
        """Give up the open item, if there is one: its ``output_item.done`` never comes."""
        if self._writer is not None:
            self._writer = self._open_call = None
            self._advance(Step.ABANDON)


_HANDLERS: dict[type, Callable[[ResponseStream, Any], None]] = {
    up.ReasoningDelta: ResponseStream._on_reasoning,
    up.TextDelta: ResponseStream._on_text,
    up.CallDelta: ResponseStream._on_call,
    up.Usage: ResponseStream._on_usage,
    up.Finished: ResponseStream._on_finished,
    up.Ended: ResponseStream._on_ended,
    up.Failed: ResponseStream._on_failed,
}
