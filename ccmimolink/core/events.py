"""The Responses API vocabulary, as we answer: output items, the response object and the stream events.

Owns the shapes and their bytes on the wire. It must not decide when an event is due. Every field that the
OpenAI reference marks as required is present, null where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, get_args

import msgspec
from msgspec import Raw, Struct


class UrlCitation(Struct, tag_field="type", tag="url_citation"):
    """A page that a text rests on. The indexes are characters of the text; both are its end where unknown."""

    start_index: int
    end_index: int
    url: str
    title: str


class OutputText(Struct, tag_field="type", tag="output_text"):
    text: str
    annotations: tuple[UrlCitation, ...] = ()
    logprobs: tuple[Any, ...] = ()


class SummaryText(Struct, tag_field="type", tag="summary_text"):
    text: str


class OutputMessage(Struct, tag_field="type", tag="message", kw_only=True):
    id: str
    status: str
    role: str = "assistant"
    content: tuple[OutputText, ...] = ()


class OutputReasoning(Struct, tag_field="type", tag="reasoning", kw_only=True, omit_defaults=True):
    id: str
    summary: tuple[SummaryText, ...]
    encrypted_content: str | None = None


class OutputFunctionCall(Struct, tag_field="type", tag="function_call", kw_only=True, omit_defaults=True):
    id: str
    call_id: str
    name: str
    arguments: str
    status: str
    namespace: str | None = None


class OutputCustomToolCall(
    Struct, tag_field="type", tag="custom_tool_call", kw_only=True, omit_defaults=True
):
    id: str
    call_id: str
    name: str
    input: str
    namespace: str | None = None


class OutputToolSearchCall(Struct, tag_field="type", tag="tool_search_call", kw_only=True):
    id: str
    call_id: str
    arguments: Any
    status: str
    execution: str = "client"


class OutputLocalShellCall(Struct, tag_field="type", tag="local_shell_call", kw_only=True):
    id: str
    call_id: str
    action: dict[str, Any]
    status: str


OutputItem = (
    OutputMessage
    | OutputReasoning
    | OutputFunctionCall
    | OutputCustomToolCall
    | OutputToolSearchCall
    | OutputLocalShellCall
)


class InputTokensDetails(Struct):
    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(Struct):
    reasoning_tokens: int = 0


class ResponseUsage(Struct, kw_only=True):
    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class ResponseError(Struct):
    code: str
    message: str


class IncompleteDetails(Struct):
    reason: str


class Response(Struct, kw_only=True):
    """The response object. One is made per request, with what is known at the start, and then completed.

    ``created_at`` and ``completed_at`` are in seconds since the epoch.
    """

    id: str
    object: str = "response"
    created_at: int
    completed_at: int | None = None
    status: str = "in_progress"
    background: bool = False
    error: ResponseError | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    model: str
    output: tuple[OutputItem, ...] = ()
    parallel_tool_calls: bool = True
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    reasoning: Any
    safety_identifier: str | None = None
    service_tier: str = "default"
    store: bool = True
    temperature: float = 1.0
    text: Any
    tool_choice: Any = "auto"
    tools: list[Raw] = []
    top_logprobs: int = 0
    top_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    truncation: str = "disabled"
    usage: ResponseUsage | None = None
    user: str | None = None
    metadata: dict[str, str] = {}


class _Event(Struct, kw_only=True, tag_field="type"):
    sequence_number: int


class Created(_Event, tag="response.created", kw_only=True):
    response: Response


class InProgress(_Event, tag="response.in_progress", kw_only=True):
    response: Response


class Completed(_Event, tag="response.completed", kw_only=True):
    response: Response


class Incomplete(_Event, tag="response.incomplete", kw_only=True):
    response: Response


class Failed(_Event, tag="response.failed", kw_only=True):
    response: Response


class ItemAdded(_Event, tag="response.output_item.added", kw_only=True):
    output_index: int
    item: OutputItem


class ItemDone(_Event, tag="response.output_item.done", kw_only=True):
    output_index: int
    item: OutputItem


class ContentPartAdded(_Event, tag="response.content_part.added", kw_only=True):
    item_id: str
    output_index: int
    content_index: int = 0
    part: OutputText


class ContentPartDone(_Event, tag="response.content_part.done", kw_only=True):
    item_id: str
    output_index: int
    content_index: int = 0
    part: OutputText


class TextDelta(_Event, tag="response.output_text.delta", kw_only=True):
    item_id: str
    output_index: int
    content_index: int = 0
    delta: str
    logprobs: tuple[Any, ...] = ()


class TextDone(_Event, tag="response.output_text.done", kw_only=True):
    item_id: str
    output_index: int
    content_index: int = 0
    text: str
    logprobs: tuple[Any, ...] = ()


class AnnotationAdded(_Event, tag="response.output_text.annotation.added", kw_only=True):
    item_id: str
    output_index: int
    content_index: int = 0
    annotation_index: int
    annotation: UrlCitation


class SummaryPartAdded(_Event, tag="response.reasoning_summary_part.added", kw_only=True):
    item_id: str
    output_index: int
    summary_index: int = 0
    part: SummaryText


class SummaryPartDone(_Event, tag="response.reasoning_summary_part.done", kw_only=True):
    item_id: str
    output_index: int
    summary_index: int = 0
    part: SummaryText


class SummaryTextDelta(_Event, tag="response.reasoning_summary_text.delta", kw_only=True):
    item_id: str
    output_index: int
    summary_index: int = 0
    delta: str


class SummaryTextDone(_Event, tag="response.reasoning_summary_text.done", kw_only=True):
    item_id: str
    output_index: int
    summary_index: int = 0
    text: str


class ArgumentsDelta(_Event, tag="response.function_call_arguments.delta", kw_only=True):
    item_id: str
    output_index: int
    delta: str


class ArgumentsDone(_Event, tag="response.function_call_arguments.done", kw_only=True):
    item_id: str
    output_index: int
    name: str
    arguments: str


class CustomInputDelta(_Event, tag="response.custom_tool_call_input.delta", kw_only=True):
    item_id: str
    output_index: int
    delta: str


class CustomInputDone(_Event, tag="response.custom_tool_call_input.done", kw_only=True):
    item_id: str
    output_index: int
    input: str


StreamEvent = (
    Created
    | InProgress
    | Completed
    | Incomplete
    | Failed
    | ItemAdded
    | ItemDone
    | ContentPartAdded
    | ContentPartDone
    | TextDelta
    | TextDone
    | AnnotationAdded
    | SummaryPartAdded
    | SummaryPartDone
    | SummaryTextDelta
    | SummaryTextDone
    | ArgumentsDelta
    | ArgumentsDone
    | CustomInputDelta
    | CustomInputDone
)

Emission = StreamEvent | bytes
"""An event, or several that are encoded already."""

_PREFIXES: dict[type, bytes] = {
    kind: b"event: " + kind.__struct_config__.tag.encode() + b"\ndata: " for kind in get_args(StreamEvent)
}
_encode = msgspec.json.Encoder().encode


def encode_events(events: Iterable[Emission]) -> bytes:
    """The events as server-sent events, joined so that they leave in one write."""
    return b"".join(
        [
            event if type(event) is bytes else b"%b%b\n\n" % (_PREFIXES[type(event)], _encode(event))
            for event in events
        ]
    )


DeltaEvent = TextDelta | SummaryTextDelta | ArgumentsDelta


class PreparedDelta(Struct, frozen=True):
    """The delta events of one item, but for their numbers and their words.

    :ivar form: a ``bytes`` format with a place for each of the two.
    """

    form: bytes

    @classmethod
    def of(cls, sample: DeltaEvent) -> PreparedDelta:
        """
        :param sample: such an event with the number 0 and no words.
        """
        event = encode_events([sample]).replace(b"%", b"%%")
        before, number, rest = event.partition(_NUMBER_0)
        between, words, behind = rest.partition(_NO_WORDS)
        return cls(before + number[:-1] + b"%d" + between + words[:-1] + b"%b" + b'"' + behind)

    def encode(self, first: int, raws: Sequence[bytes]) -> bytes:
        """The events, as server-sent events.

        :param first: the ``sequence_number`` of the first one.
        :param raws: their words, as they stand in JSON between the quotes.
        """
        count = len(raws)
        if count == 1:
            return self.form % (first, raws[0])
        numbers = range(first, first + count)
        return self.form * count % tuple(chain.from_iterable(zip(numbers, raws, strict=True)))


_NUMBER_0 = b'"sequence_number":0'
_NO_WORDS = b'"delta":""'


def encode_response(response: Response) -> bytes:
    """The response object as JSON, the body of an answer that is not streamed."""
    return _encode(response)
