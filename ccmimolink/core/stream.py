"""ResponseStream: upstream events in, Responses events out.

Owns the fate of calls, and how a response ends. It must not read an upstream protocol, know a clock or invent
an id: those are arguments. Text and thinking are :mod:`ccmimolink.core.prose`'s, the opening and closing of
items is :mod:`ccmimolink.core.items`'.

Rules that are kept on every path:

* What was streamed is what is done; nothing that the client has seen is repaired afterwards.
* A client runs a tool at ``output_item.done``: a call that was incomplete when the upstream ended gets none.
* A call that the model wrote as text is a candidate until the upstream ends; a structured call with the same
  name and arguments supersedes it.
* The upstream's finish is not its end: some servers send one with every chunk, or calls after it. Complete
  calls are closed at once, all else when nothing more can follow.
* The terminal event's ``output`` equals the closed items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ccmimolink.core import events as ev
from ccmimolink.core import upstream_events as up
from ccmimolink.core.call_ids import CallIds
from ccmimolink.core.calls import CallBook, PendingCall
from ccmimolink.core.errors import Failure, FailureKind, Profile, terminal_error
from ccmimolink.core.items import ItemSequence
from ccmimolink.core.json_strings import is_whole_input
from ccmimolink.core.prose import Prose
from ccmimolink.core.responses import ResponseOptions
from ccmimolink.core.scan import FallbackParser
from ccmimolink.core.states import State, Step
from ccmimolink.core.tools import FlatTool, ToolKind, ToolTable
from ccmimolink.core.twins import signature
from ccmimolink.core.writers import Emitter, response_usage

_TRUNCATED = frozenset({"length", "max_tokens", "repetition_truncation"})
_FILTER = "content_filter"
_CUT_SHORT = _TRUNCATED | {_FILTER}
_NOT_WELL = _CUT_SHORT | {None, "abort", "error"}
"""Reasons that leave open whether the model had said all of its last call; None is that none was given."""
_CALLED = frozenset({"tool_calls", "function_call"})
_CUT = Failure(FailureKind.STREAM_BROKEN, "MiMo's stream ended before the answer was complete.")
_EMPTY = Failure(FailureKind.STREAM_BROKEN, "MiMo's answer was empty.")
_GHOSTS = Failure(FailureKind.STREAM_BROKEN, "MiMo called a tool without naming it.")
_BROKE_OFF = Failure(FailureKind.STREAM_BROKEN, "MiMo's tool call broke off.")
_NO_CALL = Failure(FailureKind.STREAM_BROKEN, "MiMo announced a tool call and sent none.")
_FILTERED = Failure(FailureKind.MODERATION, "MiMo's content filter stopped the answer.")

_NO_OPTIONS = ResponseOptions()


class ResponseStream:
    """One streamed response.

    Feed it with :meth:`receive`, and at the end of the upstream call :meth:`receive_eof`, or :meth:`fail` for
    what only the caller can see (a stall, a draining proxy). Each answers with the events to send now. After
    the terminal event all three answer with nothing.

    :param template: the response object as known at the start; output, status and usage are filled in.
    :param new_id: makes an id from a prefix: ``new_id("msg")``.
    :param now: seconds since the epoch.
    :param carry: makes ``encrypted_content`` of a reasoning text, or None if the client did not ask for it.
    :param options: what is to be done to the answer's text.
    :param max_calls: how many calls of the answer are kept; None for all.
    :ivar recovered: how many calls were made from text.
    :ivar ghosts: how many calls were dropped because they never got a name.
    :ivar promoted: whether the answer was thinking alone, and was given as a message too.
    :ivar failure: why the response failed, if it did.
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
        options: ResponseOptions = _NO_OPTIONS,
        max_calls: int | None = None,
    ) -> None:
        self.response = template
        self.recovered = self.ghosts = 0
        self.promoted = False
        self.failure: Failure | None = None
        self._tools, self._profile, self._options = tools, profile, options
        self._now = now
        self._emitter = Emitter()
        self._items = ItemSequence(self._emitter, new_id=new_id, carry=carry)
        self._prose = Prose(self._items, tools=tools, parsers=parsers, options=options, max_calls=max_calls)
        self._max_calls = max_calls
        self._book = CallBook(max_calls)
        self._call_ids = CallIds(new_id)
        self._cut_in_text = self._broken_off = 0
        self._reason: str | None = None
        self._finished = False
        self._usage: ev.ResponseUsage | None = None
        # Prose goes where it belongs without a stop here. Nothing of ours may be among these: the text of an
        # answer must not live until somebody collects the cycle.
        self._ways: dict[type, Callable[[Any], None]] = {
            up.ReasoningDelta: self._prose.on_reasoning,
            up.TextDelta: self._prose.on_text,
        }

    # -- what the caller does -----------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Of the response. It is ENDED from the upstream's finish on, until more of the answer comes."""
        return State.ENDED if self._finished else self._items.state

    @property
    def terminal(self) -> bool:
        return self._items.is_terminal

    @property
    def reasoning(self) -> list[str]:
        """The texts of the closed reasoning items."""
        return self._items.reasoning

    @property
    def call_ids(self) -> list[str]:
        """The ids of the closed calls, as the client knows them."""
        return self._items.call_ids

    @property
    def cut_calls(self) -> int:
        """How many calls were dropped because the answer made too many."""
        return self._book.cut + self._cut_in_text

    def start(self) -> list[ev.Emission]:
        """Begin the response. The first received event does so by itself."""
        self._start()
        return self._emitter.take()

    def receive(self, event: up.UpstreamEvent) -> list[ev.Emission]:
        items = self._items
        if items.is_terminal:
            return []
        if items.state is State.IDLE:
            self._start()
        kind = type(event)
        way = self._ways.get(kind)
        if way is not None:
            self._finished = False
            way(event)
        else:
            _HANDLERS[kind](self, event)
        return self._emitter.take()

    def receive_eof(self) -> list[ev.Emission]:
        """The upstream's connection ended, in good order or not: what was received decides."""
        return self.fail(_CUT)

    def fail(self, failure: Failure) -> list[ev.Emission]:
        """End the response as failed, or, if the turn was over already, as what it was.

        :raises ParserFailed: a parser failed on the end of the turn. The next call ends it as failed.
        """
        if not self.terminal:
            self._on_failed(up.Failed(failure))
        return self._emitter.take()

    def keep_alive(self) -> list[ev.Emission]:
        """An event that says nothing but resets the client's idle timer, which comments do not."""
        if self.state is not State.IDLE and not self.terminal:
            # The client has the echo, which can be long, from the beginning.
            self._emit_response(
                ev.InProgress, msgspec.structs.replace(self.response, tools=[], instructions=None)
            )
        return self._emitter.take()

    def _on_run(self, run: up.Run) -> None:
        """Many deltas at once, where that makes no difference, and else one by one."""
        self._finished = False
        is_done = self._add_to_call if isinstance(run.sample, up.CallDelta) else self._prose.on_run
        if not is_done(run):
            for delta in run.deltas():
                if isinstance(delta, up.CallDelta):
                    self._on_call(delta)
                else:
                    self._ways[type(delta)](delta)

    # -- calls --------------------------------------------------------------------------------------------

    def _add_to_call(self, run: up.Run) -> bool:
        """Add to the call that is open, if the run is of that one."""
        items = self._items
        assert isinstance(run.sample, up.CallDelta)
        call = self._book.find(run.sample)
        if call is None or call is not items.open_call or items.writer is None:
            return False
        call.arguments += run.texts
        items.writer.run(run.texts, run.raws)
        return True

    def _on_call(self, event: up.CallDelta) -> None:
        self._finished = False
        items = self._items
        call = self._book.receive(event)
        if call is None:
            # A call that is dropped still shows that the one before it has ended.
            items.settle_call()
        elif call is items.open_call:
            if event.arguments and items.writer is not None:
                items.writer.delta(event.arguments)
        elif call.name is not None and call.client_id is None and items.settle_call():
            self._begin_call(call, call.name)

    def _begin_call(self, call: PendingCall, name: str) -> None:
        self._prose.give_way()
        self._open_call(call, name)

    def _open_call(self, call: PendingCall, name: str) -> None:
        self._items.begin_call(call, self._call_ids.give(call.id), self._tool(name))

    def _tool(self, name: str) -> FlatTool:
        # A name that nobody offered goes to the client as it is, which tells the model.
        return self._tools.resolve(name) or FlatTool(kind=ToolKind.FUNCTION, name=name)

    def _is_complete(self, call: PendingCall, name: str) -> bool:
        """Whether a client may run the call, now that nothing more of it can come."""
        if call.is_whole():
            return True
        whole: bool | None = None
        if self._tool(name).kind in (ToolKind.CUSTOM, ToolKind.TOOL_SEARCH):
            # Half an input cannot be told from a whole one once its JSON is taken off.
            whole = is_whole_input(call.text)
        # Else the upstream's word counts: the client tells the model of arguments that are no JSON.
        return self._reason not in _NOT_WELL if whole is None else whole

    def _finish_calls(self) -> None:
        """The upstream's turn is over: every call is closed if it is complete, and else given up."""
        items = self._items
        call = items.open_call
        if call is not None:
            assert call.name is not None
            if self._is_complete(call, call.name):
                items.close()
            else:
                self._broken_off += 1
                items.abandon()
        for call in [call for call in self._book if call.client_id is None]:
            if call.name is None:
                self.ghosts += 1
            elif self._is_complete(call, call.name):
                self._begin_call(call, call.name)
                items.close()
            else:
                self._broken_off += 1

    def _make_recovered_calls(self) -> None:
        # Read only where there is a candidate to compare with: it costs a reading of all the arguments.
        made = (signature(name, arguments) for name, arguments in self._items.calls)
        candidates = self._prose.calls(made)
        if self._reason in _NOT_WELL:
            found = len(candidates)
            candidates = [candidate for candidate in candidates if not candidate.cut]
            self._broken_off += found - len(candidates)
        room = len(candidates)
        if self._max_calls is not None:
            room = min(room, max(0, self._max_calls - len(self._items.call_ids)))
        for candidate in candidates[:room]:
            self._open_call(PendingCall(candidate.name, candidate.arguments), candidate.name)
            self._items.close()
        self.recovered = room
        self._cut_in_text = self._prose.cut_calls + len(candidates) - room

    # -- the end ------------------------------------------------------------------------------------------

    def _on_finished(self, event: up.Finished) -> None:
        # Some servers repeat the finish beside the usage, with a reason that is none.
        if not self._finished:
            self._reason = event.reason
            self._items.settle_call()
            self._finished = True

    def _on_ended(self, _event: up.Ended) -> None:
        # Also without a finish: the upstream believes that it said all.
        self._end()

    def _end(self) -> None:
        """Nothing more can come: close what is open, and end the response."""
        # What fails from here on fails the response.
        self._finished = False
        items = self._items
        status = "incomplete" if self._reason in _CUT_SHORT else "completed"
        self._prose.finish()
        if items.open_call is None:
            items.close(status)
        self._finish_calls()
        self._prose.show_waiting()
        items.close(status)
        self._make_recovered_calls()
        self._promote()
        items.advance(Step.END)
        self._terminate()

    def _promote(self) -> None:
        """Some models give their answer as thinking; a client would take the turn for an empty one."""
        in_good_order = self._reason not in _CUT_SHORT | _CALLED
        nothing_lost = not (self.ghosts or self.cut_calls or self._broken_off)
        if self._options.promote_reasoning and in_good_order and nothing_lost and self._items.said_nothing:
            self.promoted = self._prose.promote()
            self._items.close()

    def _on_citation(self, event: up.Citation) -> None:
        self._items.cite(event)

    def _on_usage(self, event: up.Usage) -> None:
        self._usage = response_usage(event)

    def _terminate(self) -> None:
        said_nothing = self._items.said_nothing
        if self._reason == _FILTER:
            # Codex would retry an incomplete response that is not about length.
            if self._profile is Profile.CODEX:
                self._report_failure(_FILTERED)
            else:
                self._report_incomplete(_FILTER)
        elif self._reason in _TRUNCATED:
            self._report_incomplete("max_output_tokens")
        elif self._broken_off:
            self._report_failure(_BROKE_OFF)
        elif self.ghosts and not self.call_ids and (said_nothing or self._reason in _CALLED):
            # A client would take the turn for the last one, and its user for a task left undone.
            self._report_failure(_GHOSTS)
        elif self._reason in _CALLED and said_nothing:
            self._report_failure(_NO_CALL)
        elif self._reason is None and not self._items.closed:
            self._report_failure(_EMPTY)
        else:
            self._items.advance(Step.COMPLETE)
            self._settle("completed", completed_at=int(self._now()))
            self._emit_response(ev.Completed)

    def _report_incomplete(self, reason: str) -> None:
        self._items.advance(Step.INCOMPLETE)
        self._settle("incomplete", incomplete_details=ev.IncompleteDetails(reason))
        self._emit_response(ev.Incomplete)

    def _report_failure(self, failure: Failure) -> None:
        self._items.advance(Step.FAIL)
        self.failure = failure
        error = terminal_error(failure, self._profile)
        self._settle("failed", error=ev.ResponseError(error.code, error.message))
        self._emit_response(ev.Failed)

    def _on_failed(self, event: up.Failed) -> None:
        if self._finished:
            self._end()
            return
        if self.state is State.IDLE:
            self._start()
        # A call that was complete stays one; every other open item is given up.
        if self._items.open_call is None or not self._items.settle_call():
            self._items.abandon()
        self._report_failure(event.failure)

    def _settle(self, status: str, **changes: Any) -> None:
        if self._prose.aside:
            self._items.reasoning.append("".join(self._prose.aside))
        self.response = msgspec.structs.replace(
            self.response, status=status, output=tuple(self._items.closed), usage=self._usage, **changes
        )

    # -- the response's own events ------------------------------------------------------------------------

    def _start(self) -> None:
        self._items.advance(Step.CREATE)
        self._emit_response(ev.Created)
        self._emit_response(ev.InProgress)

    def _emit_response(
        self, kind: Callable[..., ev.StreamEvent], response: ev.Response | None = None
    ) -> None:
        emitter = self._emitter
        emitter.events.append(kind(sequence_number=emitter.next(), response=response or self.response))


_HANDLERS: dict[type, Callable[[ResponseStream, Any], None]] = {
    up.CallDelta: ResponseStream._on_call,
    up.Run: ResponseStream._on_run,
    up.Citation: ResponseStream._on_citation,
    up.Usage: ResponseStream._on_usage,
    up.Finished: ResponseStream._on_finished,
    up.Ended: ResponseStream._on_ended,
    up.Failed: ResponseStream._on_failed,
}
