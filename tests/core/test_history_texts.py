"""Input items to chat messages: who said what, in order, and what has no upstream word."""

from __future__ import annotations

import pytest
from msgspec import Raw

from ccmimolink.core.chat import (
    AssistantMessage,
    SystemMessage,
    UserMessage,
)
from ccmimolink.core.responses import (
    AdditionalTools,
    Compaction,
    ContentPart,
    Item,
    ItemReference,
    Message,
    Tool,
    UnknownItem,
    WebSearchCall,
)
from tests.core.history_items import (
    assistant,
    messages,
    text,
    user,
)


class TestTexts:
    def test_instructions_come_first_as_a_system_message(self) -> None:
        assert messages(user("hi"), instructions="Be brief.") == [
            SystemMessage("Be brief."),
            UserMessage("hi"),
        ]

    def test_empty_instructions_make_no_message(self) -> None:
        assert messages(user("hi"), instructions="") == [UserMessage("hi")]

    @pytest.mark.parametrize("role", ["developer", "system"])
    def test_developer_and_system_messages_are_system_messages_in_place(self, role: str) -> None:
        note = Message(role=role, content=[text("one"), text("two")])
        assert messages(user("hi"), note, user("ho")) == [
            UserMessage("hi"),
            SystemMessage("one\n\ntwo"),
            UserMessage("ho"),
        ]

    def test_a_user_message_of_texts_is_one_string(self) -> None:
        assert messages(user("one", "", "two")) == [UserMessage("one\n\ntwo")]
        assert messages(Message(role="user", content="plain")) == [UserMessage("plain")]

    def test_user_messages_stay_apart(self) -> None:
        assert messages(user("one"), user("two")) == [UserMessage("one"), UserMessage("two")]

    @pytest.mark.parametrize("role", ["user", "assistant", "developer"])
    def test_a_message_without_text_is_dropped(self, role: str) -> None:
        assert (
            messages(Message(role=role), Message(role=role, content=""), Message(role=role, content=[])) == []
        )

    def test_assistant_parts_run_on_and_messages_are_set_apart(self) -> None:
        assert messages(assistant("a", "b"), assistant("c")) == [AssistantMessage("ab\n\nc")]

    def test_a_refusal_is_what_the_assistant_said(self) -> None:
        refusal = Message(role="assistant", content=[ContentPart(type="refusal", refusal="No.")])
        assert messages(refusal) == [AssistantMessage("No.")]

    @pytest.mark.parametrize(
        "item",
        [
            WebSearchCall(),
            Compaction(encrypted_content="x"),
            ItemReference(id="msg_1"),
            AdditionalTools(tools=[Tool(name="f")]),
            UnknownItem(type="hologram", raw=Raw(b"{}")),
        ],
    )
    def test_what_has_no_upstream_word_is_passed_over_and_parts_no_turn(self, item: Item) -> None:
        assert messages(assistant("a"), item, assistant("b")) == [AssistantMessage("a\n\nb")]
