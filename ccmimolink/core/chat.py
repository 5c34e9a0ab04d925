"""The chat-completions vocabulary: what is sent to MiMo and what MiMo streams back.

Owns the request and chunk shapes and their JSON. It must not know the Responses API. A second upstream
protocol would be one more module like this one, with its own reader of the same upstream events.

A request holds thousands of these shapes. They make no circles, so the collector need not look for any in
them (``gc=False``).

Source: MiMo's OpenAI-compatible API page; the fields are those that MiMo documents or was seen to accept.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct


class TextPart(Struct, tag_field="type", tag="text", gc=False):
    text: str


class ImageTarget(Struct, omit_defaults=True, gc=False):
    url: str
    detail: str | None = None


class ImagePart(Struct, tag_field="type", tag="image_url", gc=False):
    image_url: ImageTarget


class AudioPart(Struct, tag_field="type", tag="input_audio", gc=False):
    input_audio: dict[str, Any]


UserPart = TextPart | ImagePart | AudioPart


class SystemMessage(Struct, tag_field="role", tag="system", gc=False):
    content: str


class UserMessage(Struct, tag_field="role", tag="user", gc=False):
    content: str | list[UserPart]


class FunctionTarget(Struct, gc=False):
    name: str
    arguments: str
    """JSON text, always valid: MiMo refuses a history whose arguments do not parse."""


class ToolCall(Struct, tag_field="type", tag="function", gc=False):
    id: str
    function: FunctionTarget


class AssistantMessage(Struct, tag_field="role", tag="assistant", omit_defaults=True, gc=False):
    content: str
    """Never null: MiMo answers 400 "`text` is not set" to a null content."""
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None


class ToolMessage(Struct, tag_field="role", tag="tool", gc=False):
    tool_call_id: str
    content: str


ChatMessage = SystemMessage | UserMessage | AssistantMessage | ToolMessage


class FunctionDefinition(Struct, omit_defaults=True, kw_only=True, gc=False):
    name: str
    description: str | None = None
    parameters: Raw
    strict: bool | None = None


class ChatTool(Struct, tag_field="type", tag="function", gc=False):
    function: FunctionDefinition


class UserLocation(Struct, tag_field="type", tag="approximate", omit_defaults=True, frozen=True):
    country: str | None = None
    region: str | None = None
    city: str | None = None


class WebSearchTool(Struct, tag_field="type", tag="web_search", omit_defaults=True, frozen=True):
    """MiMo's own search. It has to be enabled in MiMo's console: else a request that offers it is refused.

    :ivar max_keyword: how many searches one round may make.
    :ivar force_search: whether to search even where the model sees no need.
    :ivar limit: how many results each search gives.
    """

    max_keyword: int | None = None
    force_search: bool | None = None
    limit: int | None = None
    user_location: UserLocation | None = None


class Thinking(Struct):
    type: str


class JsonSchema(Struct, omit_defaults=True, rename={"schema_": "schema"}):
    name: str
    schema_: Raw
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Struct, omit_defaults=True):
    type: str
    json_schema: JsonSchema | None = None


class StreamOptions(Struct):
    include_usage: bool = True


class ChatRequest(Struct, kw_only=True, omit_defaults=True):
    """The body of ``POST /chat/completions``. The stable prefix (model, tools, messages) comes first."""

    model: str
    tools: list[ChatTool | WebSearchTool] | None = None
    messages: list[ChatMessage]
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    thinking: Thinking | None = None
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None


class FunctionDelta(Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class ToolCallDelta(Struct):
    index: int | None = None
    id: str | None = None
    function: FunctionDelta | None = None


class Delta(Struct):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None
    reasoning: str | None = None
    """What local servers call ``reasoning_content``."""
    function_call: FunctionDelta | None = None
    """A single call, as it was spelled before there was ``tool_calls``."""
    annotations: Any = None
    """MiMo's citations of its web search. They are read leniently: an odd one is not worth an answer."""


class Choice(Struct):
    index: int = 0
    delta: Delta | None = None
    message: Delta | None = None
    """Set instead of ``delta`` in an answer that was not streamed."""
    finish_reason: str | None = None


class PromptTokensDetails(Struct, gc=False):
    cached_tokens: int | None = None


class CompletionTokensDetails(Struct, gc=False):
    reasoning_tokens: int | None = None


class Usage(Struct):
    """Token counts. ``completion_tokens`` includes the reasoning tokens."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None


class ErrorBody(Struct):
    """MiMo's error object. ``param`` holds the real reason; ``message`` is often only "Param Incorrect"."""

    code: str | int | None = None
    message: str | None = None
    param: Any = None
    type: str | None = None


class ChatChunk(Struct):
    """One ``data:`` payload of a stream, or a whole answer that was not streamed."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: ErrorBody | str | None = None
    message: str | None = None
    """Set by servers that report an error at the top of the chunk instead of in ``error``."""
    code: str | int | None = None
    """See ``message``."""


_request_encoder = msgspec.json.Encoder()
_request_decoder = msgspec.json.Decoder(ChatRequest)
_chunk_decoder = msgspec.json.Decoder(ChatChunk)


def encode_request(request: ChatRequest) -> bytes:
    """The request as the bytes that go upstream."""
    return _request_encoder.encode(request)


def decode_request(data: bytes) -> ChatRequest:
    """What :func:`encode_request` made, typed: encoding it again gives the same bytes."""
    return _request_decoder.decode(data)


decode_chunk = _chunk_decoder.decode
"""One payload, decoded once. It raises ``msgspec.ValidationError`` for what is not of a chunk's shape, and
another ``msgspec.DecodeError`` for what is not JSON."""
