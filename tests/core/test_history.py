"""Input items to chat messages: order, pairing, repair, reasoning, media."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from ccmimolink.core.chat import (
    AssistantMessage,
    AudioPart,
    ChatMessage,
    FunctionTarget,
    ImagePart,
    ImageTarget,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
    encode_request,
)
from ccmimolink.core.history import ABORTED, MEDIA_FOLLOWS, NO_OUTPUT, ORPHAN, to_messages
from ccmimolink.core.media import ATTACHMENT_ONLY
from ccmimolink.core.reasoning import PLACEHOLDER, encode_carrier
from ccmimolink.core.request import translate_request
from ccmimolink.core.responses import (
    AdditionalTools,
    Compaction,
    ContentPart,
    CustomToolCall,
    CustomToolCallOutput,
    FunctionCall,
    FunctionCallOutput,
    ImageUrl,
    Item,
    ItemReference,
    LocalShellCall,
    LocalShellCallOutput,
    Message,
    Reasoning,
    ResponsesRequest,
    Tool,
    ToolSearchCall,
    ToolSearchOutput,
    UnknownItem,
    WebSearchCall,
)
from ccmimolink.core.tools import ToolTable, upstream_name
from ccmimolink.demo.validate import validate

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


class TestMedia:
    def test_text_and_images_stay_in_order_with_their_detail(self) -> None:
        assert messages(user("before", image(detail="low"), "after")) == [
            UserMessage([TextPart("before"), ImagePart(ImageTarget(PNG, "low")), TextPart("after")])
        ]

    def test_an_image_alone_gets_a_text_before_it(self) -> None:
        assert messages(user(image())) == [
            UserMessage([TextPart(ATTACHMENT_ONLY), ImagePart(ImageTarget(PNG, None))])
        ]

    def test_an_image_address_may_be_an_object(self) -> None:
        part = ContentPart(type="image_url", image_url=ImageUrl("http://x/a.png", "high"))
        assert messages(user("see", part)) == [
            UserMessage([TextPart("see"), ImagePart(ImageTarget("http://x/a.png", "high"))])
        ]

    def test_a_detail_that_chat_completions_does_not_know_becomes_the_nearest(self) -> None:
        (message,) = messages(user("see", image(detail="original")))
        assert message == UserMessage([TextPart("see"), ImagePart(ImageTarget(PNG, "high"))])

    @pytest.mark.parametrize("url", [None, "", "file:///etc/passwd"])
    def test_an_image_without_an_address_that_the_model_can_reach_is_named_in_text(
        self, url: str | None
    ) -> None:
        (message,) = messages(user(ContentPart(type="input_image", image_url=url, file_id="file-7")))
        assert message == UserMessage("[Image file-7 could not be passed on.]")

    @pytest.mark.parametrize("audio", [None, {}, {"data": ""}, {"data": 5}])
    def test_audio_without_data_is_named_in_text(self, audio: dict[str, Any] | None) -> None:
        (message,) = messages(user(ContentPart(type="input_audio", input_audio=audio)))
        assert message == UserMessage("[Audio without data could not be passed on.]")

    def test_bare_audio_becomes_a_data_url(self) -> None:
        part = ContentPart(type="input_audio", input_audio={"data": "AAAA", "format": "mp3"})
        (message,) = messages(user("hear", part))
        assert isinstance(message, UserMessage)
        assert message.content[1] == AudioPart({"data": "data:audio/mp3;base64,AAAA", "format": "mp3"})

    def test_audio_by_address_passes_as_it_is(self) -> None:
        part = ContentPart(type="input_audio", input_audio={"data": "https://x/a.wav"})
        (message,) = messages(user("hear", part))
        assert isinstance(message, UserMessage)
        assert message.content[1] == AudioPart({"data": "https://x/a.wav"})

    @pytest.mark.parametrize(
        "file_data",
        [
            base64.b64encode("grün".encode()).decode(),
            "data:text/plain;base64," + base64.b64encode("grün".encode()).decode(),
            "data:text/plain;charset=utf-8,gr%C3%BCn",
        ],
    )
    def test_a_text_file_is_inlined(self, file_data: str) -> None:
        part = ContentPart(type="input_file", filename="a.txt", file_data=file_data)
        (message,) = messages(user(part))
        assert isinstance(message, UserMessage)
        assert "a.txt" in message.content
        assert "grün" in message.content

    @pytest.mark.parametrize(
        "part",
        [
            ContentPart(
                type="input_file", filename="a.pdf", file_data="data:application/pdf;base64,JVBERg=="
            ),
            ContentPart(type="input_file", filename="a.pdf", file_data=base64.b64encode(b"\xff\0").decode()),
            ContentPart(type="input_file", filename="a.pdf", file_data=base64.b64encode(b"a\0b").decode()),
            ContentPart(type="input_file", filename="a.pdf", file_data="data:text/plain"),
            ContentPart(type="input_file", filename="a.pdf", file_data="no base64!"),
            ContentPart(type="input_file", filename="a.pdf", file_id="file-7"),
            ContentPart(type="input_file", file_url="https://x/a.pdf"),
        ],
    )
    def test_another_file_is_named(self, part: ContentPart) -> None:
        (message,) = messages(user(part))
        assert isinstance(message, UserMessage)
        assert "a.pdf could not be passed on" in message.content

    def test_an_image_that_a_tool_returns_moves_into_a_user_message(self) -> None:
        result = messages(
            call(name="view_image"), output(value=[text("Output:"), image(detail="high")]), user("so?")
        )
        assert result[1:] == [
            ToolMessage("c1", f"Output:\n{MEDIA_FOLLOWS}"),
            UserMessage(
                [TextPart("Image returned by view_image (c1):"), ImagePart(ImageTarget(PNG, "high"))]
            ),
            UserMessage("so?"),
        ]

    def test_images_of_parallel_calls_follow_all_the_tool_messages(self) -> None:
        result = messages(call("c1"), call("c2"), output("c1", [image()]), output("c2", [image(), image()]))
        assert shape(result) == ["assistant c1 c2", "tool c1", "tool c2", "user"]
        assert isinstance(result[3], UserMessage)
        assert len(result[3].content) == 6


class TestPairing:
    def test_a_call_and_its_output_are_an_assistant_and_a_tool_message(self) -> None:
        result = messages(user("go"), assistant("I will."), call(arguments='{"a": 1}'), output())
        assert shape(result) == ["user", "assistant c1", "tool c1"]
        assert the_assistant(result).content == "I will."
        assert sent_arguments(call(arguments='{"a": 1}')) == '{"a": 1}'

    def test_a_call_without_text_has_empty_content_not_null(self) -> None:
        assert msgspec.to_builtins(the_assistant(messages(call())))["content"] == ""

    def test_parallel_calls_share_a_message_and_are_answered_in_their_order(self) -> None:
        result = messages(call("a"), call("b"), output("b", "B"), output("a", "A"))
        assert result[1:] == [ToolMessage("a", "A"), ToolMessage("b", "B")]

    def test_what_the_assistant_says_between_a_call_and_its_output_joins_the_call(self) -> None:
        result = messages(call("a"), assistant("working"), output("a"))
        assert shape(result) == ["assistant a", "tool a"]
        assert the_assistant(result).content == "working"

    def test_an_output_is_found_wherever_it_stands_later(self) -> None:
        result = messages(call("a"), user("hurry"), output("a", "late"))
        assert shape(result) == ["assistant a", "tool a", "user"]
        assert result[1] == ToolMessage("a", "late")

    def test_an_output_ends_the_turn(self) -> None:
        result = messages(call("a"), output("a"), call("b"), output("b"), assistant("done"))
        assert shape(result) == ["assistant a", "tool a", "assistant b", "tool b", "assistant"]

    def test_a_call_without_an_output_is_answered_as_aborted(self) -> None:
        assert messages(call("a"), user("stop"))[1] == ToolMessage("a", ABORTED)

    def test_an_output_without_a_call_becomes_user_text(self) -> None:
        assert messages(output("lost", "found")) == [UserMessage(f"{ORPHAN}\n\nfound")]

    def test_an_output_before_its_call_does_not_answer_it(self) -> None:
        result = messages(output("a", "early"), call("a"))
        assert result[0] == UserMessage(f"{ORPHAN}\n\nearly")
        assert result[2] == ToolMessage("a", ABORTED)

    def test_a_second_output_of_one_call_is_an_orphan(self) -> None:
        result = messages(call("a"), output("a", "1"), output("a", "2"))
        assert result[1:] == [ToolMessage("a", "1"), UserMessage(f"{ORPHAN}\n\n2")]

    def test_calls_that_share_an_id_are_told_apart_and_paired_in_order(self) -> None:
        result = messages(call("a"), call("a"), output("a", "1"), output("a", "2"))
        assert shape(result)[0] == "assistant a a_2"
        assert result[1:] == [ToolMessage("a", "1"), ToolMessage("a_2", "2")]

    def test_a_made_up_id_never_meets_one_of_the_clients(self) -> None:
        result = messages(call("a_2"), call("a"), call("a"), call("a_2"))
        assert shape(result)[0] == "assistant a_2 a a_3 a_2_2"

    @pytest.mark.parametrize("empty", ["", None, []])
    def test_an_empty_output_says_so(self, empty: str | list[ContentPart] | None) -> None:
        assert messages(call("a"), output("a", empty))[1] == ToolMessage("a", NO_OUTPUT)

    def test_output_parts_are_lines(self) -> None:
        assert messages(call("a"), output("a", [text("1"), text("2")]))[1] == ToolMessage("a", "1\n2")

    def test_an_output_string_passes_as_it_is(self) -> None:
        assert messages(call("a"), output("a", " x\n"))[1] == ToolMessage("a", " x\n")


class TestKindsOfCalls:
    def test_a_namespaced_call_has_the_name_that_its_tool_has(self) -> None:
        assert sent_call(call(name="add", namespace="mcp__calc")).name == upstream_name("mcp__calc", "add")

    def test_a_custom_call_sends_its_input_as_an_argument(self) -> None:
        patch = CustomToolCall(call_id="p", name="apply_patch", input='*** "x"\n')
        assert json.loads(sent_arguments(patch)) == {"input": '*** "x"\n'}
        assert shape(messages(patch, CustomToolCallOutput(call_id="p", output="ok"))) == [
            "assistant p",
            "tool p",
        ]

    def test_a_tool_search_lists_the_names_that_can_be_called(self) -> None:
        found = [
            Tool(type="namespace", name="mcp__calc", tools=[Tool(name="add"), Tool(name="sub")]),
            Tool(type="web_search"),
        ]
        result = messages(
            ToolSearchCall(call_id="s", arguments={"query": "calc"}),
            ToolSearchOutput(call_id="s", tools=found),
        )
        assert result[1] == ToolMessage("s", "These tools can be called now:\nmcp__calc--add\nmcp__calc--sub")
        assert sent_arguments(ToolSearchCall(call_id="s", arguments={"query": "calc"})) == '{"query":"calc"}'

    def test_a_tool_search_that_found_nothing_says_so(self) -> None:
        result = messages(ToolSearchCall(call_id="s"), ToolSearchOutput(call_id="s"))
        assert result[1] == ToolMessage("s", "No tools were found.")
        assert sent_arguments(ToolSearchCall(call_id="s")) == "{}"

    def test_calls_without_an_id_pair_in_order_and_get_one(self) -> None:
        result = messages(ToolSearchCall(), ToolSearchOutput(tools=[Tool(name="f")]))
        assert shape(result) == ["assistant call", "tool call"]

    def test_a_local_shell_call_sends_its_action(self) -> None:
        action = {"type": "exec", "command": ["ls"], "user": None, "timeout_ms": 0}
        shell = LocalShellCall(call_id="l", action=action)
        assert json.loads(sent_arguments(shell)) == {"command": ["ls"], "timeout_ms": 0}
        result = messages(shell, LocalShellCallOutput(id="l", output="a.txt"))
        assert result[1] == ToolMessage("l", "a.txt")

    @pytest.mark.parametrize("arguments", ["", " \n"])
    def test_absent_arguments_are_an_empty_object(self, arguments: str) -> None:
        assert sent_arguments(call(arguments=arguments)) == "{}"

    @pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "5", "null", "ls -l", r'{"a": "\ud800"}'])
    def test_arguments_that_are_no_json_object_are_wrapped_unaltered(self, arguments: str) -> None:
        assert json.loads(sent_arguments(call(arguments=arguments))) == {"arguments": arguments}

    def test_arguments_nested_beyond_reading_are_wrapped_too(self) -> None:
        deep = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"
        assert json.loads(sent_arguments(call(arguments=deep))) == {"arguments": deep}

    def test_valid_arguments_keep_every_byte(self) -> None:
        odd = '{ "b":1,"a" : 123456789012345678901234567890, "é": "\\u00e9" }'
        assert sent_arguments(call(arguments=odd)) == odd


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


_words = st.sampled_from(["", " ", "a", "b\n", "é"])
_ids = st.sampled_from(["", "x", "y", "x_2", "call"])
_parts = st.lists(
    st.builds(text, _words)
    | st.builds(image)
    | st.just(ContentPart(type="input_audio", input_audio={"data": "AAAA"}))
    | st.just(ContentPart(type="input_file", file_id="f"))
    | st.just(ContentPart(type="smell")),
    max_size=3,
)
_content = st.none() | _words | _parts
_reasoning = (
    st.builds(Reasoning, encrypted_content=st.none() | st.text(max_size=5))
    | st.builds(thought, _words)
    | st.builds(Reasoning, content=st.none() | st.just([ContentPart(type="reasoning_text", text="r")]))
)
_items: st.SearchStrategy[Item] = st.one_of(
    st.builds(
        Message, role=st.sampled_from(["user", "assistant", "developer", "system", "tool"]), content=_content
    ),
    _reasoning,
    st.builds(
        FunctionCall,
        call_id=_ids,
        name=st.sampled_from(["", "run", "ns.run"]),
        namespace=st.none() | st.just("ns"),
        arguments=st.sampled_from(["", "{}", "{", '{"a":1}', "[]"]),
    ),
    st.builds(FunctionCallOutput, call_id=_ids, output=_content),
    st.builds(CustomToolCall, call_id=_ids, name=st.just("apply_patch"), input=_words),
    st.builds(CustomToolCallOutput, call_id=_ids, output=_content),
    st.builds(
        ToolSearchCall, call_id=st.none() | _ids, arguments=st.sampled_from([None, {}, {"q": 1}, "{", [1]])
    ),
    st.builds(ToolSearchOutput, call_id=st.none() | _ids, tools=st.sampled_from([None, [Tool(name="f")]])),
    st.builds(LocalShellCall, call_id=st.none() | _ids, id=st.none() | _ids),
    st.builds(LocalShellCallOutput, call_id=st.none() | _ids, id=st.none() | _ids, output=_content),
    st.builds(WebSearchCall),
    st.builds(Compaction),
    st.builds(AdditionalTools),
    st.just(UnknownItem(type="hologram", raw=Raw(b"{}"))),
)
_histories = st.lists(_items, max_size=12)


def assert_acceptable(result: Sequence[dict[str, Any]]) -> None:
    """What a strict MiMo checks, written apart from the code that has to satisfy it."""
    seen: set[str] = set()
    due: list[str] = []
    for message in result:
        if message["role"] == "tool":
            assert due
            assert message["tool_call_id"] == due.pop(0)
            assert isinstance(message["content"], str)
            assert message["content"]
            continue
        assert not due, "every call is answered before anything else is said"
        if message["role"] == "assistant":
            assert isinstance(message["content"], str)
            calls = message.get("tool_calls", [])
            assert calls or message["content"]
            assert not calls or message["reasoning_content"].strip()
            due = [tool_call["id"] for tool_call in calls]
            assert all(due)
            assert len(set(due)) == len(due)
            assert seen.isdisjoint(due)
            seen.update(due)
            for tool_call in calls:
                assert tool_call["function"]["name"]
                assert isinstance(json.loads(tool_call["function"]["arguments"]), dict)
        elif isinstance(message["content"], list):
            assert message["role"] == "user"
            assert any(part["type"] == "text" and part["text"] for part in message["content"])
        else:
            assert message["content"]
    assert not due


@given(_histories, st.none() | _words)
def test_any_history_becomes_one_that_a_strict_upstream_accepts(
    items: list[Item], instructions: str | None
) -> None:
    assert_acceptable(
        msgspec.to_builtins(to_messages(items, instructions=instructions, recall=lambda _: None))
    )


@given(_histories)
def test_any_history_is_accepted_by_the_simulated_upstream(items: list[Item]) -> None:
    request = ResponsesRequest(model="mimo-v2.5", input=[*items, user("go on")])
    plan = translate_request(request, ToolTable.build(request), model=None, recall=lambda _: None)
    assert validate(json.loads(encode_request(plan.chat))) is None


def settled(items: list[Item], *, by_user: bool) -> list[Item]:
    """The history with an output for every call, and something after the assistant's last turn."""
    answers: list[Item] = []
    for item in items:
        match item:
            case FunctionCall() | CustomToolCall() | ToolSearchCall():
                answers.append(output(item.call_id or ""))
            case LocalShellCall():
                answers.append(output(item.call_id or item.id or ""))
    return [*items, *answers, *([user("next")] if by_user or not answers else [])]


@given(_histories, _histories, st.booleans())
def test_the_messages_of_a_settled_history_stay_byte_for_byte_when_it_grows(
    items: list[Item], more: list[Item], by_user: bool
) -> None:
    items = settled(items, by_user=by_user)
    recall: Callable[[str], str | None] = {"x": "remembered"}.get
    shorter = to_messages(items, instructions="i", recall=recall)
    longer = to_messages([*items, *more], instructions="i", recall=recall)
    assert msgspec.json.encode(longer[: len(shorter)]) == msgspec.json.encode(shorter)


@given(_histories)
def test_the_same_history_gives_the_same_bytes_and_is_left_as_it_was(items: list[Item]) -> None:
    before = msgspec.json.encode(items)
    first, second = messages(*items), messages(*items)
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert msgspec.json.encode(items) == before


@settings(max_examples=30)
@given(st.permutations(["a", "b", "c", "d"]), st.lists(_words, min_size=4, max_size=4))
def test_outputs_reach_their_calls_in_whatever_order_they_come(order: list[str], values: list[str]) -> None:
    given_values = dict(zip("abcd", values, strict=True))
    result = messages(*(call(one) for one in "abcd"), *(output(one, given_values[one]) for one in order))
    assert result[1:] == [ToolMessage(one, given_values[one] or NO_OUTPUT) for one in "abcd"]


@pytest.mark.parametrize(
    "turn",
    [
        [thought("t"), call("same"), output("same")],
        [call("same", arguments="{"), user("x")],
        [assistant("x"), Reasoning()],
        [output("orphan")],
    ],
)
def test_a_hundred_thousand_items_take_seconds(turn: list[Item]) -> None:
    items = turn * (100_000 // len(turn))
    began = time.process_time()
    to_messages(items, instructions=None, recall=lambda _: None)
    assert time.process_time() - began < 10
