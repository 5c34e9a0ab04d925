"""The Responses API vocabulary, as clients send it: the request, its input items and its tools.

Owns the typed shapes. It must not decode (that is ``request_body``) or translate, and it must not know what
the upstream understands.

Shapes follow the OpenAI API reference (``POST /v1/responses``) and the wire of Codex 0.169. Input structs
are lenient: a field that nothing here acts on is not declared, and unknown fields are ignored.

A history is thousands of these. What is read from JSON holds no circles, so the collector need not look for
any in them (``gc=False``).
"""

from __future__ import annotations

from typing import Any, get_args

from msgspec import UNSET, Raw, Struct, UnsetType


class ImageUrl(Struct, omit_defaults=True, frozen=True, gc=False):
    """The chat-completions spelling of an image reference, which some clients send here too."""

    url: str
    detail: str | None = None


class ContentPart(Struct, omit_defaults=True, frozen=True, gc=False, rename={"mime_type": "mimeType"}):
    """One part of a message or of a tool output.

    ``type`` is ``input_text``, ``output_text``, ``text``, ``summary_text``, ``reasoning_text``, ``refusal``,
    ``input_image``, ``input_file`` or ``input_audio``; a kind unknown here is kept and passed over later.
    The last three fields are MCP's, of its kinds ``image``, ``audio`` and ``resource``; they may hold
    anything.
    """

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | ImageUrl | None = None
    detail: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    file_data: str | None = None
    filename: str | None = None
    input_audio: dict[str, Any] | None = None
    encrypted_content: str | None = None
    data: Any = None
    mime_type: Any = None
    resource: Any = None


Content = str | list[ContentPart]

Output = Content | dict[str, Raw]
"""What a tool returned. An object is not of the API, but clients send it; its members stay raw JSON."""


class _Item(Struct, kw_only=True, omit_defaults=True, frozen=True, gc=False, tag_field="type"):
    id: str | None = None


class Message(_Item, tag="message", frozen=True):
    role: str
    content: Content | None = None
    phase: str | None = None


class Reasoning(_Item, tag="reasoning", frozen=True):
    summary: list[ContentPart] | None = None
    content: list[ContentPart] | None = None
    encrypted_content: str | None = None


class FunctionCall(_Item, tag="function_call", frozen=True):
    call_id: str
    name: str
    arguments: str = ""
    namespace: str | None = None


class FunctionCallOutput(_Item, tag="function_call_output", frozen=True):
    call_id: str
    output: Output | None = None


class CustomToolCall(_Item, tag="custom_tool_call", frozen=True):
    call_id: str
    name: str
    input: str = ""
    namespace: str | None = None


class CustomToolCallOutput(_Item, tag="custom_tool_call_output", frozen=True):
    call_id: str
    output: Output | None = None


class ToolSearchCall(_Item, tag="tool_search_call", frozen=True):
    call_id: str | None = None
    arguments: Any = None
    execution: str | None = None


class Tool(Struct, kw_only=True, omit_defaults=True, frozen=True, gc=False):
    """A tool as the client offers it. ``parameters`` stays raw JSON: it is spliced, never re-encoded.

    ``type`` is ``function``, ``custom``, ``namespace`` (then ``tools`` holds its members), ``tool_search``
    (``execution`` says who runs it), ``local_shell``, ``web_search`` (which may have a ``user_location``), or
    any other hosted kind.
    """

    type: str = "function"
    name: str | None = None
    description: str | None = None
    # Not "Raw | None": msgspec decodes null alone into such a union.
    parameters: Raw | UnsetType = UNSET
    strict: bool | None = None
    format: dict[str, Any] | None = None
    tools: list[Tool] | None = None
    execution: str | None = None
    user_location: Any = None
    # The chat-completions spelling, known so that a message can name it.
    function: Raw | UnsetType = UNSET


class ToolSearchOutput(_Item, tag="tool_search_output", frozen=True):
    call_id: str | None = None
    tools: list[Tool] | None = None


class LocalShellCall(_Item, tag="local_shell_call", frozen=True):
    call_id: str | None = None
    action: dict[str, Any] | None = None


class LocalShellCallOutput(_Item, tag="local_shell_call_output", frozen=True):
    call_id: str | None = None
    output: Output | None = None


class WebSearchCall(_Item, tag="web_search_call", frozen=True):
    action: dict[str, Any] | None = None


class AdditionalTools(_Item, tag="additional_tools", frozen=True):
    tools: list[Tool] | None = None


class AgentMessage(_Item, tag="agent_message", frozen=True):
    """What one agent of Codex tells another: a task, or the answer to one.

    Its parts run on. Those of the type ``encrypted_content`` hold what the sending model wrote, which is
    plain text where that model was ours.
    """

    author: str | None = None
    recipient: str | None = None
    content: list[ContentPart] | None = None


class ItemReference(_Item, tag="item_reference", frozen=True):
    pass


class Compaction(_Item, tag="compaction", frozen=True):
    encrypted_content: str | None = None


class UnknownItem(Struct, kw_only=True, frozen=True, gc=False):
    """An item of a kind that is not known here, or one that says nothing of what its kind is about.

    It is kept for storage and passed over in translation.
    """

    type: str
    raw: Raw


class ForeignCall(UnknownItem, kw_only=True, frozen=True):
    """A call of a kind that has no shape here, such as ``shell_call``, ``computer_call`` or ``mcp_call``.

    :ivar call_id: what its output names it by, or empty.
    :ivar members: all fields, as the client wrote them.
    :ivar output: what a provider that ran it itself says came of it.
    """

    call_id: str
    members: dict[str, Raw]
    output: Raw | UnsetType = UNSET


class ForeignOutput(UnknownItem, kw_only=True, frozen=True):
    """What such a call returned, in an item of its own."""

    call_id: str
    members: dict[str, Raw]
    output: Raw | UnsetType = UNSET


KnownItem = (
    Message
    | Reasoning
    | FunctionCall
    | FunctionCallOutput
    | CustomToolCall
    | CustomToolCallOutput
    | ToolSearchCall
    | ToolSearchOutput
    | LocalShellCall
    | LocalShellCallOutput
    | WebSearchCall
    | AdditionalTools
    | ItemReference
    | AgentMessage
    | Compaction
)
Item = KnownItem | UnknownItem

KNOWN_ITEM_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in get_args(KnownItem))


class ReasoningOptions(Struct, omit_defaults=True, frozen=True):
    effort: str | None = None
    summary: str | None = None
    context: str | None = None


class TextFormat(Struct, omit_defaults=True, frozen=True, rename={"schema_": "schema"}):
    type: str = "text"
    name: str | None = None
    schema_: Raw | UnsetType = UNSET
    strict: bool | None = None
    description: str | None = None


class TextOptions(Struct, omit_defaults=True, frozen=True):
    format: TextFormat | None = None
    verbosity: str | None = None


class RequestFields(Struct, kw_only=True, frozen=True):
    """The fields that are the same on the wire and in the decoded request; null stands for "not given"."""

    model: str | None = None
    instructions: str | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    truncation: str | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None


class ResponseOptions(Struct, frozen=True, kw_only=True):
    """What a transform wants done to the answer. No client sends this.

    :ivar strip_fences: the answer is to be bare JSON: a code fence around the whole of it is taken off.
    :ivar promote_reasoning: an answer that consists of thinking alone is given as text too.
    """

    strip_fences: bool = False
    promote_reasoning: bool = True


class ResponsesRequest(RequestFields, kw_only=True, frozen=True):
    """A decoded ``POST /v1/responses`` body. After history expansion ``input`` holds the whole conversation.

    Transforms replace it (``msgspec.structs.replace``); they do not change it in place.
    """

    input: list[Item] = []
    tools: list[Tool] = []
    tool_choice: str | dict[str, Any] = "auto"
    stream: bool = False
    store: bool = True
    include: list[str] = []
    response_options: ResponseOptions = ResponseOptions()
    raw_tools: list[Raw] = []
    """The members of ``tools`` as the client wrote them, echoed in the response object."""
    notes: tuple[str, ...] = ()
    """What had to be changed in the body so that it could be read, for the log."""
