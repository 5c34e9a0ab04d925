"""Input items to chat messages: where the thinking stands, and what stands in for lost thinking."""

from __future__ import annotations

from ccmimolink.core.chat import (
    AssistantMessage,
    UserMessage,
)
from ccmimolink.core.reasoning import PLACEHOLDER
from ccmimolink.core.responses import (
    ContentPart,
    Reasoning,
)
from tests.core.history_items import (
    assistant,
    call,
    messages,
    output,
    the_assistant,
    thought,
    user,
)


class TestReasoning:
    def test_thinking_stands_with_the_calls_that_it_led_to(self) -> None:
        assert the_assistant(messages(thought("why"), call(), output())).reasoning_content == "why"

    def test_thoughts_of_one_turn_are_joined(self) -> None:
        assert (
            the_assistant(messages(thought("a"), call("x"), thought("b"), call("y"))).reasoning_content
            == "a\n\nb"
        )

    def test_thinking_stands_with_an_answer_too(self) -> None:
        assert messages(thought("why"), assistant("so")) == [AssistantMessage("so", reasoning_content="why")]

    def test_an_answer_without_thinking_gets_none(self) -> None:
        assert the_assistant(messages(assistant("so"), recall={"c1": "other"})).reasoning_content is None

    def test_lost_thinking_is_recalled_by_any_call_of_the_turn(self) -> None:
        result = messages(call("x"), call("y"), recall={"x": " ", "y": "remembered"})
        assert the_assistant(result).reasoning_content == "remembered"

    def test_carried_thinking_is_preferred_to_what_is_recalled(self) -> None:
        result = messages(thought("carried"), call("x"), recall={"x": "remembered"})
        assert the_assistant(result).reasoning_content == "carried"

    def test_thinking_that_is_nowhere_to_be_found_has_a_placeholder(self) -> None:
        assert the_assistant(messages(call())).reasoning_content == PLACEHOLDER
        assert the_assistant(messages(thought(" \n"), call())).reasoning_content == PLACEHOLDER

    def test_thinking_does_not_pass_over_a_user_message(self) -> None:
        assert messages(thought("idle"), user("go"), assistant("ok")) == [
            UserMessage("go"),
            AssistantMessage("ok"),
        ]

    def test_a_foreign_carrier_is_no_obstacle(self) -> None:
        foreign = Reasoning(summary=[ContentPart(type="summary_text", text="s")], encrypted_content="gAAA")
        assert the_assistant(messages(foreign, call())).reasoning_content == "s"
