"""A Responses request to a chat-completions request.

Owns the mapping of options and the assembly of the upstream body. It must not choose the model, fetch
history or decide which tools are offered: all that was done before, by transforms and filters.

The body is a function of its arguments alone, byte for byte: MiMo's prompt cache depends on it. Option values
are those that MiMo's documentation names or that were seen to be accepted.
"""

from __future__ import annotations

from msgspec import Raw, Struct, UnsetType

from ccmimolink.core.chat import (
    ChatMessage,
    ChatRequest,
    ResponseFormat,
    StreamOptions,
    SystemMessage,
    Thinking,
)
from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.core.history import Recall, to_messages
from ccmimolink.core.models import Model
from ccmimolink.core.responses import ResponsesRequest, TextFormat
from ccmimolink.core.tools import ToolTable

MAX_TEMPERATURE = 1.5

_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_HIGHEST = "high"
_NO_THINKING = Thinking("disabled")


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be sent, and what is needed to read the answer.

    :ivar chat: the upstream body.
    :ivar tools: maps the upstream's calls back to the client's items.
    :ivar model: the model asked, without regard to what the upstream calls itself.
    """

    chat: ChatRequest
    tools: ToolTable
    model: str


def translate_request(
    request: ResponsesRequest, tools: ToolTable, *, model: Model | None, recall: Recall
) -> Plan:
    """Translate a request whose history was expanded and whose transforms have run.

    :param tools: what is offered, already normalised against ``tool_choice``.
    :param model: what is known of the request's model; None if nothing is.
    :param recall: see :func:`ccmimolink.core.history.to_messages`.
    :raises RequestError: the request names no model, or holds nothing to answer.
    """
    name = request.model or (model.name if model is not None else None)
    if name is None:
        raise _invalid("model", "The request names no model.")
    messages = to_messages(request.input, instructions=request.instructions, recall=recall)
    if not messages:
        raise _invalid("input", "The request holds no message.")
    text_format = request.text.format if request.text is not None else None
    thinking, effort = _thinking(request, text_format, tools)
    has_tools = len(tools) > 0
    chat = ChatRequest(
        model=name,
        tools=tools.chat_tools() if has_tools else None,
        messages=_with_schema(messages, text_format),
        # The one value that MiMo documents; what the client chose has shaped the tools instead.
        tool_choice="auto" if has_tools else None,
        parallel_tool_calls=request.parallel_tool_calls if has_tools else None,
        thinking=thinking,
        reasoning_effort=effort,
        response_format=_response_format(text_format),
        max_completion_tokens=_max_tokens(request.max_output_tokens, model),
        temperature=_clamped(request.temperature),
        top_p=request.top_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        stream=True,
        stream_options=StreamOptions(include_usage=True),
    )
    return Plan(chat=chat, tools=tools, model=name)


def _invalid(param: str, message: str) -> RequestError:
    return RequestError(Failure(FailureKind.INVALID_REQUEST, message, param=param))


def _thinking(
    request: ResponsesRequest, text_format: TextFormat | None, tools: ToolTable
) -> tuple[Thinking | None, str | None]:
    """The ``thinking`` switch and ``reasoning_effort``; neither is sent where the client has no wish.

    Scales grow at the upper end (xhigh, max, ultra), so a level unknown here is taken for the highest.
    """
    wish = (request.reasoning.effort or "").strip().lower() if request.reasoning is not None else ""
    if wish == "none":
        return _NO_THINKING, None
    if wish:
        return None, _EFFORTS.get(wish, _HIGHEST)
    if len(tools) == 0 and text_format is not None and text_format.type == "json_schema":
        # Filling in a form, such as Codex's title for a thread: thinking only keeps the user waiting.
        return _NO_THINKING, None
    return None, None


def _response_format(text_format: TextFormat | None) -> ResponseFormat | None:
    """MiMo refuses ``json_schema``; the schema goes into the prompt instead."""
    if text_format is None or text_format.type not in {"json_object", "json_schema"}:
        return None
    return ResponseFormat("json_object")


def _with_schema(messages: list[ChatMessage], text_format: TextFormat | None) -> list[ChatMessage]:
    """The messages, with the schema that the answer has to follow after the leading system messages.

    There it stays where it is while the conversation grows; at the end it would move with every
    turn, and at the front it would part this request's prefix from those that have no schema.
    """
    if text_format is None or text_format.type != "json_schema" or isinstance(text_format.schema_, UnsetType):
        return messages
    place = next(
        (index for index, message in enumerate(messages) if not isinstance(message, SystemMessage)),
        len(messages),
    )
    return [
        *messages[:place],
        _schema_message(text_format.description, text_format.schema_),
        *messages[place:],
    ]


def _schema_message(description: str | None, schema: Raw) -> SystemMessage:
    purpose = f"\n{description}" if description else ""
    return SystemMessage(
        "Your final answer is one JSON object and nothing else: no prose around it, no code fence. "
        f"It must be valid against this JSON Schema:{purpose}\n{bytes(schema).decode()}"
    )


def _max_tokens(wanted: int | None, model: Model | None) -> int | None:
    if wanted is None or model is None:
        return wanted
    return min(wanted, model.max_output)


def _clamped(temperature: float | None) -> float | None:
    return None if temperature is None else min(max(temperature, 0.0), MAX_TEMPERATURE)
