"""The chat-completions vocabulary: what is sent to MiMo and what MiMo streams back.

Owns the request and chunk shapes and their JSON. It must not know the Responses API. A second upstream
protocol would be one more module like this one, with its own reader of the same upstream events.

Source: MiMo's OpenAI-compatible API page; the fields are those that MiMo documents or was seen to accept.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct


class TextPart(Struct, tag_field="type", tag="text"):
    text: str


class ImageTarget(Struct, omit_defaults=True):
    url: str
    detail: str | None = None


class ImagePart(Struct, tag_field="type", tag="image_url"):
    image_url: ImageTarget


class AudioPart(Struct, tag_field="type", tag="input_audio"):
    input_audio: dict[str, Any]


UserPart = TextPart | ImagePart | AudioPart


class SystemMessage(Struct, tag_field="role", tag="system"):
    content: str


class UserMessage(Struct, tag_field="role", tag="user"):
    content: str | list[UserPart]


class FunctionTarget(Struct):
    name: str
    arguments: str
    """JSON text, always valid: MiMo refuses a history whose arguments do not parse."""


class ToolCall(Struct, tag_field="type", tag="function"):
    id: str
    function: FunctionTarget


class AssistantMessage(Struct, tag_field="role", tag="assistant", omit_defaults=True):
    content: str
    """Never null: MiMo answers 400 "`text` is not set" to a null content."""
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None


class ToolMessage(Struct, tag_field="role", tag="tool"):
    tool_call_id: str
    content: str


ChatMessage = SystemMessage | UserMessage | AssistantMessage | ToolMessage


class FunctionDefinition(Struct, omit_defaults=True):
    name: str
    description: str | None = None
    parameters: Raw | None = None
    strict: bool | None = None


class ChatTool(Struct, tag_field="type", tag="function"):
    function: FunctionDefinition


class Thinking(Struct):
    type: str


class ResponseFormat(Struct):
    type: str


class StreamOptions(Struct):
    include_usage: bool = True


class ChatRequest(Struct, kw_only=True, omit_defaults=True):
    """The body of ``POST /chat/completions``. The stable prefix (model, tools, messages) comes first."""

    model: str
    tools: list[ChatTool] | None = None
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


_request_encoder = msgspec.json.Encoder()
_chunk_decoder = msgspec.json.Decoder(ChatChunk)


def encode_request(request: ChatRequest) -> bytes:
    """The request as the bytes that go upstream."""
    return _request_encoder.encode(request)


def decode_chunk(data: bytes) -> ChatChunk:
    """One payload, decoded once.

    :raises msgspec.DecodeError: not JSON, or not of a chunk's shape.
    """
    return _chunk_decoder.decode(data)
