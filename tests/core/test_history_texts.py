"""Input items to chat messages: who said what, in order, and what has no upstream word."""

from __future__ import annotations

import pytest
from msgspec import Raw

from ccmimolink.core.chat import (
    AssistantMessage,
    SystemMessage,
    ToolMessage,
    UserMessage,
)
from ccmimolink.core.history import NO_OUTPUT
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
    call,
    messages,
    output,
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


class TestPartsOfText:
    """Text alone has a shorter way than parts of several kinds; both must come to the same."""

    NOTHING = ContentPart(type="input_text")
    ODD = ContentPart(type="from_the_future", text="odd")

    def test_of_a_user_they_are_paragraphs(self) -> None:
        for more in ([], [text("")], [self.NOTHING]):
            said = Message(role="user", content=[text("a"), *more, text("b")])
            assert messages(said) == [UserMessage("a\n\nb")]
        assert messages(Message(role="user", content=[text("a"), self.ODD])) == [UserMessage("a\n\nodd")]

    def test_of_a_user_nothing_is_no_message(self) -> None:
        for parts in ([], [text("")], [self.NOTHING]):
            assert messages(Message(role="user", content=parts), user("b")) == [UserMessage("b")]

    def test_of_the_assistant_they_run_on(self) -> None:
        assert messages(assistant("a", "", "b")) == [AssistantMessage("ab")]
        parted = Message(role="assistant", content=[text("a"), self.NOTHING, text("b")])
        assert messages(parted) == [AssistantMessage("a\n\nb")]

    def test_of_a_tool_they_are_lines(self) -> None:
        for more in ([], [text("")], [self.NOTHING]):
            _, answered = messages(call(), output(value=[text("a"), *more, text("b")]))
            assert answered == ToolMessage("c1", "a\nb")
        _, answered = messages(call(), output(value=[text("a"), self.ODD]))
        assert answered == ToolMessage("c1", "a\nodd")

    @pytest.mark.parametrize("nothing", [None, "", [], [text("")], [NOTHING]])
    def test_of_a_tool_nothing_is_said_to_be_nothing(self, nothing: str | list[ContentPart] | None) -> None:
        _, answered = messages(call(), output(value=nothing))
        assert answered == ToolMessage("c1", NO_OUTPUT)
