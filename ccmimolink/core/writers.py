"""How each kind of output item is opened, filled and closed, and how tokens are counted.

Owns the events of one item, in the order that the OpenAI reference gives, and the closed item. It must not
decide when an item begins or ends: that is the stream's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from ccmimolink.core import events as ev
from ccmimolink.core.calls import json_object
from ccmimolink.core.json_strings import FreeformDecoder
from ccmimolink.core.reasoning import encode_carrier
from ccmimolink.core.tools import FlatTool, ToolKind
from ccmimolink.core.upstream_events import Citation, Usage

_Item = TypeVar("_Item", bound=ev.OutputItem)


class Emitter:
    """Collects events and numbers them, and the items that they show, without a gap."""

    __slots__ = ("_items", "_number", "events")

    def __init__(self) -> None:
        self._number = -1
        self._items = -1
        self.events: list[ev.Emission] = []

    def next(self) -> int:
        self._number += 1
        return self._number

    def skip(self, count: int) -> int:
        """Numbers for so many events; the first of them."""
        first = self._number + 1
        self._number += count
        return first

    def next_item(self) -> int:
        """The ``output_index`` of an item; taken when it is shown, since one may be given up before."""
        self._items += 1
        return self._items

    def take(self) -> list[ev.Emission]:
        taken = self.events
        self.events = []
        return taken


class ItemWriter(Protocol):
    """An open item. ``delta`` and ``run`` may be called many times, then ``close`` once, or never."""

    def delta(self, text: str) -> None: ...

    def run(self, texts: Sequence[str], raws: Sequence[bytes]) -> None:
        """As many deltas, none of them empty.

        :param raws: the texts as they stand in JSON, between the quotes.
        """
        ...

    def close(self, status: str) -> ev.OutputItem: ...


class _OpenItem:
    """What all kinds have in common: their text in pieces, and the events at their beginning and end."""

    def __init__(self, emitter: Emitter, item_id: str) -> None:
        self._emitter, self._id = emitter, item_id
        self._index = -1
        self._parts: list[str] = []
        self._prepared: ev.PreparedDelta | None = None

    def delta(self, text: str) -> None:
        self._parts.append(text)

    def run(self, texts: Sequence[str], raws: Sequence[bytes]) -> None:
        for text in texts:
            self.delta(text)

    def _run(self, kind: Callable[..., ev.DeltaEvent], texts: Sequence[str], raws: Sequence[bytes]) -> None:
        """Deltas that go out in the JSON in which they came."""
        prepared = self._prepared
        if prepared is None:
            sample = kind(sequence_number=0, item_id=self._id, output_index=self._index, delta="")
            prepared = self._prepared = ev.PreparedDelta.of(sample)
        self._parts += texts
        emitter = self._emitter
        emitter.events.append(prepared.encode(emitter.skip(len(raws)), raws))

    def _added(self, item: ev.OutputItem) -> None:
        emitter = self._emitter
        self._index = emitter.next_item()
        emitter.events.append(
            ev.ItemAdded(sequence_number=emitter.next(), output_index=self._index, item=item)
        )

    def _tell(self, kind: Callable[..., ev.StreamEvent], **fields: Any) -> None:
        emitter = self._emitter
        emitter.events.append(
            kind(sequence_number=emitter.next(), item_id=self._id, output_index=self._index, **fields)
        )

    def _done(self, item: _Item) -> _Item:
        emitter = self._emitter
        emitter.events.append(
            ev.ItemDone(sequence_number=emitter.next(), output_index=self._index, item=item)
        )
        return item


class ReasoningWriter(_OpenItem):
    """Reasoning is streamed as its summary: the field that Codex and the SDKs show."""

    def __init__(self, emitter: Emitter, item_id: str, carry: Callable[[str], str] | None) -> None:
        super().__init__(emitter, item_id)
        self._carry = carry
        self._added(ev.OutputReasoning(id=item_id, summary=()))
        self._tell(ev.SummaryPartAdded, part=ev.SummaryText(""))

    def delta(self, text: str) -> None:
        self._parts.append(text)
        emitter = self._emitter
        emitter.events.append(
            ev.SummaryTextDelta(
                sequence_number=emitter.next(), item_id=self._id, output_index=self._index, delta=text
            )
        )

    def run(self, texts: Sequence[str], raws: Sequence[bytes]) -> None:
        self._run(ev.SummaryTextDelta, texts, raws)

    def close(self, status: str) -> ev.OutputReasoning:
        text = "".join(self._parts)
        part = ev.SummaryText(text)
        self._tell(ev.SummaryTextDone, text=text)
        self._tell(ev.SummaryPartDone, part=part)
        encrypted_content = self._carry(text) if self._carry else None
        return self._done(
            ev.OutputReasoning(id=self._id, summary=(part,), encrypted_content=encrypted_content)
        )


class MessageWriter(_OpenItem):
    def __init__(self, emitter: Emitter, item_id: str) -> None:
        super().__init__(emitter, item_id)
        self._citations: list[ev.UrlCitation] = []
        self._length = self._measured = 0
        self._added(ev.OutputMessage(id=item_id, status="in_progress"))
        self._tell(ev.ContentPartAdded, part=ev.OutputText(""))

    def delta(self, text: str) -> None:
        self._parts.append(text)
        emitter = self._emitter
        emitter.events.append(
            ev.TextDelta(
                sequence_number=emitter.next(), item_id=self._id, output_index=self._index, delta=text
            )
        )

    def run(self, texts: Sequence[str], raws: Sequence[bytes]) -> None:
        self._run(ev.TextDelta, texts, raws)

    def annotate(self, citation: Citation) -> None:
        """Cite at the end of the text so far: the upstream tells no place."""
        self._length += sum(map(len, self._parts[self._measured :]))
        self._measured = len(self._parts)
        annotation = ev.UrlCitation(
            start_index=self._length, end_index=self._length, url=citation.url, title=citation.title
        )
        self._tell(ev.AnnotationAdded, annotation_index=len(self._citations), annotation=annotation)
        self._citations.append(annotation)

    def close(self, status: str) -> ev.OutputMessage:
        text = "".join(self._parts)
        part = ev.OutputText(text, tuple(self._citations))
        self._tell(ev.TextDone, text=text)
        self._tell(ev.ContentPartDone, part=part)
        return self._done(ev.OutputMessage(id=self._id, status=status, content=(part,)))


class _OpenCall(_OpenItem):
    def __init__(self, emitter: Emitter, item_id: str, call_id: str, tool: FlatTool) -> None:
        super().__init__(emitter, item_id)
        self._call_id, self._tool = call_id, tool


class FunctionCallWriter(_OpenCall):
    """A call of a function tool. The arguments pass as the model wrote them, whether they are JSON or not."""

    def __init__(self, emitter: Emitter, item_id: str, call_id: str, tool: FlatTool) -> None:
        super().__init__(emitter, item_id, call_id, tool)
        self._added(self._item("", "in_progress"))

    def _item(self, arguments: str, status: str) -> ev.OutputFunctionCall:
        return ev.OutputFunctionCall(
            id=self._id,
            call_id=self._call_id,
            name=self._tool.name,
            namespace=self._tool.namespace,
            arguments=arguments,
            status=status,
        )

    def delta(self, text: str) -> None:
        self._parts.append(text)
        emitter = self._emitter
        emitter.events.append(
            ev.ArgumentsDelta(
                sequence_number=emitter.next(), item_id=self._id, output_index=self._index, delta=text
            )
        )

    def run(self, texts: Sequence[str], raws: Sequence[bytes]) -> None:
        self._run(ev.ArgumentsDelta, texts, raws)

    def close(self, status: str) -> ev.OutputFunctionCall:
        if not self._parts:
            # A call without arguments: clients parse the string, and the empty one is not JSON.
            self.delta("{}")
        arguments = "".join(self._parts)
        self._tell(ev.ArgumentsDone, name=self._tool.name, arguments=arguments)
        return self._done(self._item(arguments, status))


class CustomCallWriter(_OpenCall):
    """A call of a freeform tool: the upstream wraps its input in JSON, the client gets the bare input."""

    def __init__(self, emitter: Emitter, item_id: str, call_id: str, tool: FlatTool) -> None:
        super().__init__(emitter, item_id, call_id, tool)
        self._decoder = FreeformDecoder()
        self._added(self._item(""))

    def _item(self, text: str) -> ev.OutputCustomToolCall:
        return ev.OutputCustomToolCall(
            id=self._id,
            call_id=self._call_id,
            name=self._tool.name,
            namespace=self._tool.namespace,
            input=text,
        )

    def delta(self, text: str) -> None:
        self._show(self._decoder.feed(text))

    def _show(self, text: str) -> None:
        # Much of what arrives is only the wrapping.
        if not text:
            return
        self._parts.append(text)
        emitter = self._emitter
        emitter.events.append(
            ev.CustomInputDelta(
                sequence_number=emitter.next(), item_id=self._id, output_index=self._index, delta=text
            )
        )

    def close(self, status: str) -> ev.OutputCustomToolCall:
        self._show(self._decoder.finish())
        text = "".join(self._parts)
        self._tell(ev.CustomInputDone, input=text)
        return self._done(self._item(text))


class WholeCallWriter(_OpenCall):
    """A call whose item has no stream of its own (tool_search, local_shell): shown when it is complete."""

    def close(self, status: str) -> ev.OutputItem:
        text = "".join(self._parts) or "{}"
        arguments = json_object(text)
        if self._tool.kind is ToolKind.TOOL_SEARCH:
            # The item takes an object only; text that is none is most likely the bare query.
            return self._whole(
                ev.OutputToolSearchCall(
                    id=self._id,
                    call_id=self._call_id,
                    arguments={"query": text} if arguments is None else arguments,
                    status=status,
                )
            )
        action = None if arguments is None else _shell_action(arguments)
        if action is None:
            # Not to be guessed at: the client answers that it cannot run this.
            function = FunctionCallWriter(self._emitter, self._id, self._call_id, self._tool)
            function.delta(text)
            return function.close(status)
        return self._whole(
            ev.OutputLocalShellCall(id=self._id, call_id=self._call_id, action=action, status=status)
        )

    def _whole(self, item: ev.OutputItem) -> ev.OutputItem:
        self._added(item)
        return self._done(item)


_ACTION_MEMBERS: dict[str, Any] = {
    "command": list[str],
    "env": dict[str, str],
    "timeout_ms": int,
    "user": str,
    "working_directory": str,
}


def _shell_action(arguments: dict[str, object]) -> dict[str, Any] | None:
    """What the arguments say that an action can hold, in its types; None where that is no command."""
    action: dict[str, Any] = {"type": "exec", "env": {}}
    for name, kind in _ACTION_MEMBERS.items():
        try:
            action[name] = msgspec.convert(arguments.get(name), kind)
        except msgspec.ValidationError:  # absent or of a wrong type: the client would refuse the whole item
            continue
    return action if "command" in action else None


_WRITERS: dict[ToolKind, Callable[[Emitter, str, str, FlatTool], ItemWriter]] = {
    ToolKind.CUSTOM: CustomCallWriter,
    ToolKind.TOOL_SEARCH: WholeCallWriter,
    ToolKind.LOCAL_SHELL: WholeCallWriter,
}

ITEM_PREFIXES = {
    ToolKind.FUNCTION: "fc",
    ToolKind.HOSTED: "fc",
    ToolKind.CUSTOM: "ctc",
    ToolKind.TOOL_SEARCH: "ts",
    ToolKind.LOCAL_SHELL: "lsh",
}


def call_writer(emitter: Emitter, item_id: str, call_id: str, tool: FlatTool) -> ItemWriter:
    """The writer for a call of this tool."""
    return _WRITERS.get(tool.kind, FunctionCallWriter)(emitter, item_id, call_id, tool)


def response_usage(usage: Usage) -> ev.ResponseUsage:
    """The upstream's counts in the API's shape."""
    return ev.ResponseUsage(
        input_tokens=usage.input,
        input_tokens_details=ev.InputTokensDetails(cached_tokens=usage.cached),
        output_tokens=usage.output,
        output_tokens_details=ev.OutputTokensDetails(reasoning_tokens=usage.reasoning),
        total_tokens=usage.total,
    )


def carrier(*, summary_is_complete: bool) -> Callable[[str], str]:
    """How a closed reasoning item carries its text (see :mod:`ccmimolink.core.reasoning`)."""
    return lambda text: encode_carrier(text, summary_is_complete=summary_is_complete)
