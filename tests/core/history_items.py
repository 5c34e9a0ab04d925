"""Input items in short, for tests of the history, and the messages that they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ccmimolink.core.chat import (
    AssistantMessage,
    ChatMessage,
    FunctionTarget,
    ToolMessage,
)
from ccmimolink.core.history import to_messages
from ccmimolink.core.reasoning import encode_carrier
from ccmimolink.core.responses import (
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    Item,
    Message,
    Reasoning,
)

PNG = "data:image/png;base64,iVBORw0KGgo="


def messages(
    *items: Item, instructions: str | None = None, recall: dict[str, str] | None = None
) -> list[ChatMessage]:
    return to_messages(items, instructions=instructions, recall=(recall or {}).get)


def user(*parts: ContentPart | str) -> Message:
    return Message(role="user", content=[text(part) if isinstance(part, str) else part for part in parts])


def assistant(*texts: str) -> Message:
    return Message(role="assistant", content=[ContentPart(type="output_text", text=text) for text in texts])


def text(value: str) -> ContentPart:
    return ContentPart(type="input_text", text=value)


def image(url: str = PNG, detail: str | None = None) -> ContentPart:
    return ContentPart(type="input_image", image_url=url, detail=detail)


def thought(value: str) -> Reasoning:
    return Reasoning(summary=[], encrypted_content=encode_carrier(value, summary_is_complete=False))


def call(call_id: str = "c1", name: str = "run", arguments: str = "{}", **fields: Any) -> FunctionCall:
    return FunctionCall(call_id=call_id, name=name, arguments=arguments, **fields)


def output(call_id: str = "c1", value: str | list[ContentPart] | None = "done") -> FunctionCallOutput:
    return FunctionCallOutput(call_id=call_id, output=value)


def shape(result: Sequence[ChatMessage]) -> list[str]:
    """The messages by role; an assistant's with the ids of its calls, a tool's with the one it answers."""
    words = []
    for message in result:
        word = str(message.__struct_config__.tag)
        if isinstance(message, AssistantMessage) and message.tool_calls:
            word += " " + " ".join(tool_call.id for tool_call in message.tool_calls)
        if isinstance(message, ToolMessage):
            word += " " + message.tool_call_id
        words.append(word)
    return words


def the_assistant(result: Sequence[ChatMessage]) -> AssistantMessage:
    (message,) = (message for message in result if isinstance(message, AssistantMessage))
    return message


def sent_arguments(item: Item) -> str:
    return sent_call(item).arguments


def sent_call(item: Item) -> FunctionTarget:
    calls = the_assistant(messages(item)).tool_calls
    assert calls is not None
    (tool_call,) = calls
    return tool_call.function
