"""Input items to chat messages: order, pairing, repair, and the return of the model's thinking.

Owns the shape of the upstream conversation. It must not look at the request around it (tools, model,
options), and it never fails: whatever a client sends as history becomes messages that a strict MiMo accepts.

What MiMo demands: a tool message for every call, directly after the assistant message that holds the calls,
with string content; no tool message without its call; distinct call ids; arguments that parse; content that
is never null; text in every user message; ``reasoning_content`` with every assistant message with calls.

**Stability.** MiMo's prompt cache compares bytes. Take a history whose last item is a user or system message
or a tool output, and in which every call has its output: however many items are added, its messages stay a
prefix of the longer one's, byte for byte. (Before that point the last assistant message may still grow, and
a call whose output is missing says so until the output comes.) So every decision looks back only, except
for the search for a call's output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from ccmimolink.core.chat import (
    AssistantMessage,
    AudioPart,
    ChatMessage,
    FunctionTarget,
    ImagePart,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
    UserPart,
)
from ccmimolink.core.foreign_calls import foreign_arguments, foreign_name, foreign_output
from ccmimolink.core.media import agent_text, chat_parts, labelled, said, text_of, user_message
from ccmimolink.core.pairing import CALL_TYPES, OUTPUT_TYPES, Call, OutputItem, Result, key_of, paired
from ccmimolink.core.reasoning import PLACEHOLDER, read_reasoning
from ccmimolink.core.responses import (
    AgentMessage,
    CustomToolCall,
    CustomToolCallOutput,
    ForeignCall,
    ForeignOutput,
    FunctionCall,
    FunctionCallOutput,
    Item,
    LocalShellCall,
    LocalShellCallOutput,
    Message,
    Output,
    Reasoning,
    Tool,
    ToolSearchCall,
    ToolSearchOutput,
)
from ccmimolink.core.tools import ToolKind, flatten, upstream_name

ABORTED = "aborted: no output was recorded"
NO_OUTPUT = "(no output)"
UNNAMED = "unnamed_tool"
ORPHAN = "[Output of a tool call that is not part of this conversation]"
MEDIA_FOLLOWS = "[What this tool returned besides text follows in the next user message.]"
MESSAGE_MEDIA_FOLLOWS = "[What this message holds besides text follows in the next user message.]"

_BETWEEN = "\n\n"

Recall = Callable[[str], str | None]


def to_messages(items: Sequence[Item], *, instructions: str | None, recall: Recall) -> list[ChatMessage]:
    """The conversation as MiMo accepts it.

    :param items: the whole history, references resolved.
    :param instructions: the request's own; they come first.
    :param recall: the thinking that led to a call, by the client's call id, if it is known from elsewhere.
        Asked only where the items do not carry it.
    """
    outputs, orphans = paired(items)
    writer = _Writer(recall)
    writer.system(instructions or "")
    for position, item in enumerate(items):
        # By type, the frequent ones first: a pattern would be asked a dozen times of each of thousands.
        kind = type(item)
        if kind is Message:
            writer.message(cast(Message, item))
        elif kind in OUTPUT_TYPES:
            # The output of a call is written together with it; here it only ends the turn.
            writer.end_turn()
            if position in orphans:
                writer.append([TextPart(ORPHAN), *_result_parts(cast(OutputItem, item))])
        elif kind in CALL_TYPES:
            writer.call(cast(Call, item), outputs.get(position))
        elif kind is Reasoning:
            writer.think(cast(Reasoning, item))
        elif kind is AgentMessage:
            writer.user(agent_text(cast(AgentMessage, item).content))
        # The upstream has no word for the rest: what a provider ran and told nothing of, sealed compactions,
        # tools (which are gathered elsewhere) and kinds unknown here.
    writer.end_turn()
    return writer.messages


class _Turn:
    """What the assistant did between two items of others."""

    __slots__ = ("calls", "media", "texts", "thoughts")

    def __init__(self) -> None:
        self.thoughts: list[str] = []
        self.texts: list[str] = []
        self.media: list[UserPart] = []
        self.calls: list[tuple[Call, Result | None]] = []

    @property
    def is_empty(self) -> bool:
        return not (self.calls or self.texts or self.thoughts)

    def thinking(self, recall: Recall) -> str | None:
        """The turn's own, or what is remembered of any of its calls; with calls never empty."""
        own = _BETWEEN.join(self.thoughts)
        if own.strip() or not self.calls:
            return own or None
        for call, _ in self.calls:
            text = recall(key_of(call))
            if text and text.strip():
                return text
        return PLACEHOLDER


class _Writer:
    """Writes messages. A turn of the assistant's is held until it ends, then written with its outputs."""

    def __init__(self, recall: Recall) -> None:
        self.messages: list[ChatMessage] = []
        self._recall = recall
        self._turn = _Turn()
        self._ids = _CallIds()

    def message(self, message: Message) -> None:
        role = message.role
        if role == "assistant":
            self.say(message)
        elif role in ("system", "developer"):
            self.system(*said(message.content, _BETWEEN))
        else:
            self.user(message.content)

    def say(self, message: Message) -> None:
        text, media = said(message.content, "")
        if media:
            text = _pointing(text, media)
            self._turn.media += labelled(media, "of the assistant's message")
        if text:
            self._turn.texts.append(text)

    def think(self, item: Reasoning) -> None:
        text = read_reasoning(item)
        if text:
            self._turn.thoughts.append(text)

    def call(self, call: Call, result: Result | None) -> None:
        if type(call) is not ForeignCall:
            self._turn.calls.append((call, result))
        elif result is not None:
            # Of one that a provider ran and told nothing of, nothing is said.
            self._turn.calls.append((call, result))
            if result is call:
                # What follows was said with the outcome known.
                self.end_turn()

    def system(self, text: str, media: Sequence[ImagePart | AudioPart] = ()) -> None:
        self.end_turn()
        text = _pointing(text, media)
        if text:
            self.messages.append(SystemMessage(text))
            self.append(labelled(media, "of the system message"))

    def user(self, content: Output | None) -> None:
        self.end_turn()
        text = text_of(content, _BETWEEN)
        if text is None:
            self.append(chat_parts(content))
        elif text:
            self.messages.append(UserMessage(text))

    def append(self, parts: list[UserPart]) -> None:
        """A user message of these parts, if there are any."""
        message = user_message(parts)
        if message is not None:
            self.messages.append(message)

    def end_turn(self) -> None:
        turn = self._turn
        if turn.is_empty:
            return
        self._turn = _Turn()
        calls = turn.calls
        if not calls and not turn.texts:
            # Thinking that led to nothing is of no use to the model, and a message without text is refused.
            return
        made = [ToolCall(self._ids.claim(key_of(call)), _target(call)) for call, _ in calls]
        said = AssistantMessage(_BETWEEN.join(turn.texts), turn.thinking(self._recall), made or None)
        messages, media = self.messages, turn.media
        messages.append(said)
        for tool_call, (_, result) in zip(made, calls, strict=True):
            text, attached = _answer(result, tool_call)
            messages.append(ToolMessage(tool_call.id, text))
            media += attached
        if media:
            self.append(media)


class _CallIds:
    """Hands out distinct call ids: the client's own where it is free, else with a number after it."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def claim(self, wanted: str) -> str:
        wanted = wanted or "call"
        claimed = wanted
        while claimed in self._taken:
            self._counts[wanted] = self._counts.get(wanted, 1) + 1
            claimed = f"{wanted}_{self._counts[wanted]}"
        self._taken.add(claimed)
        return claimed


def _target(call: Call) -> FunctionTarget:
    match call:
        case FunctionCall():
            return FunctionTarget(_name(call.namespace, call.name), _arguments(call.arguments))
        case CustomToolCall():
            return FunctionTarget(_name(call.namespace, call.name), _json({"input": call.input}))
        case ToolSearchCall():
            arguments = call.arguments if isinstance(call.arguments, str) else _json(call.arguments or {})
            return FunctionTarget(upstream_name(None, "tool_search"), _arguments(arguments))
        case LocalShellCall():
            given = {
                name: value
                for name, value in (call.action or {}).items()
                if name != "type" and value is not None
            }
            return FunctionTarget(upstream_name(None, "local_shell"), _json(given))
        case ForeignCall():
            return FunctionTarget(_name(*foreign_name(call)), _arguments(foreign_arguments(call)))


def _name(namespace: str | None, name: str) -> str:
    """The name that the tool has upstream, whether or not it is still offered. MiMo refuses an empty one."""
    return upstream_name(namespace, name if name.strip() else UNNAMED)


_arguments_decoder = msgspec.json.Decoder(dict[str, Any])


def _arguments(text: str) -> str:
    """Arguments as they are if they are a JSON object, else one that keeps them for the model to see."""
    if not text.strip():
        return "{}"
    try:
        _arguments_decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _json({"arguments": text})
    return text


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _result_parts(result: Result) -> list[UserPart]:
    if isinstance(result, (ForeignCall, ForeignOutput)):
        return chat_parts(foreign_output(result))
    if isinstance(result, ToolSearchOutput):
        return [TextPart(_found(result.tools or ()))]
    return chat_parts(result.output)


def _found(tools: Sequence[Tool]) -> str:
    names = [tool.upstream_name for tool in flatten(tools) if tool.kind is not ToolKind.HOSTED]
    return "\n".join(["These tools can be called now:", *names]) if names else "No tools were found."


def _answer(result: Result | None, call: ToolCall) -> tuple[str, list[UserPart]]:
    """A tool message's text, and what a user message has to say because a tool message holds text only."""
    if result is None:
        return ABORTED, []
    if isinstance(result, (FunctionCallOutput, CustomToolCallOutput, LocalShellCallOutput)):
        plain = text_of(result.output, "\n")
        if plain is not None:
            return plain or NO_OUTPUT, []
    texts = []
    media = []
    for part in _result_parts(result):
        if isinstance(part, TextPart):
            texts.append(part.text)
        else:
            media.append(part)
    if media:
        texts.append(MEDIA_FOLLOWS)
    origin = f"returned by {call.function.name} ({call.id})"
    return "\n".join(texts) or NO_OUTPUT, labelled(media, origin)


def _pointing(text: str, media: Sequence[ImagePart | AudioPart]) -> str:
    """The text of a message that holds text only, with a word on what stands behind it."""
    return _BETWEEN.join(filter(None, [text, MESSAGE_MEDIA_FOLLOWS])) if media else text
