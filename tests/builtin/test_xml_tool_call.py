"""The parser for MiMo's own grammar: what is recovered, what is repaired, and what stays text."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from ccmimolink.builtin.xml_tool_call import XmlToolCallParser
from ccmimolink.core.scan import Channel, FallbackParser, Scanner, Text, ToolCall
from ccmimolink.core.tools import FlatTool, ToolKind
from ccmimolink.interfaces import IFallbackParser


def function(name: str, properties: dict[str, Any], *required: str, namespace: str | None = None) -> FlatTool:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    raw = msgspec.Raw(msgspec.json.encode(schema))
    return FlatTool(kind=ToolKind.FUNCTION, name=name, namespace=namespace, parameters=raw)


STRING = {"type": "string"}
TOOLS = (
    function("shell", {"cmd": STRING, "timeout": {"type": "integer"}, "login": {"type": "boolean"}}, "cmd"),
    function("write", {"content": STRING, "path": STRING}, "content", "path"),
    function("update_plan", {"plan": {"type": "array"}, "explanation": STRING}, "plan"),
    function("configure", {"options": {"type": "object"}}, "options"),
    function("list_files", {}),
    function("look", {"where": STRING}),
    function("find", {"q": STRING}, "q", namespace="docs"),
    FlatTool(kind=ToolKind.CUSTOM, name="exec"),
    FlatTool(kind=ToolKind.LOCAL_SHELL, name="local_shell"),
)


def scan(pieces: Sequence[str]) -> list[Text | ToolCall]:
    """All parts, texts merged across pieces."""
    parser = XmlToolCallParser()
    bound = FallbackParser(parser.name, parser.markers, partial(parser.begin, TOOLS))
    scanner = Scanner([bound], Channel.TEXT)
    parts = [*itertools.chain.from_iterable(map(scanner.feed, pieces)), *scanner.finish()]
    merged: list[Text | ToolCall] = []
    for is_text, group in itertools.groupby(parts, lambda part: isinstance(part, Text)):
        run = list(group)
        merged += [Text(source_of(run))] if is_text else run
    return merged


def found(text: str) -> list[str | tuple[str, Any]]:
    """Texts as they are, calls as (name, arguments)."""
    parts = scan([text])
    assert scan(list(text)) == parts
    assert source_of(parts) == text
    return [
        part.text if isinstance(part, Text) else (part.name, json.loads(part.arguments)) for part in parts
    ]


def source_of(parts: Sequence[Text | ToolCall]) -> str:
    return "".join(part.text if isinstance(part, Text) else part.source for part in parts)


def call(name: str, **arguments: str) -> str:
    body = "".join(f"<parameter={key}>{value}</parameter>" for key, value in arguments.items())
    return f"<tool_call><function={name}>{body}</function></tool_call>"


def test_it_is_a_fallback_parser() -> None:
    assert verifyObject(IFallbackParser, XmlToolCallParser())


class TestTheGrammar:
    def test_the_compact_form(self) -> None:
        text = "On it." + call("shell", cmd="ls -l", timeout="5", login="True")
        assert found(text) == ["On it.", ("shell", {"cmd": "ls -l", "timeout": 5, "login": True})]

    def test_values_on_lines_of_their_own_lose_one_newline_at_each_end(self) -> None:
        text = (
            "<tool_call>\n<function=write>\n<parameter=content>\n\n  a\n\n</parameter>\n"
            "<parameter=path>\nx\n</parameter>\n</function>\n</tool_call>"
        )
        assert found(text) == [("write", {"content": "\n  a\n", "path": "x"})]

    def test_a_newline_at_the_end_of_a_compact_value_is_its_own(self) -> None:
        assert found(call("shell", cmd="ls\n")) == [("shell", {"cmd": "ls\n"})]

    def test_the_source_is_the_markup_verbatim(self) -> None:
        assert scan(["a" + call("shell", cmd="ls") + " b"])[1] == ToolCall(
            "shell", '{"cmd":"ls"}', call("shell", cmd="ls")
        )

    def test_values_are_not_unescaped(self) -> None:
        assert found(call("shell", cmd="a &lt; b && null")) == [("shell", {"cmd": "a &lt; b && null"})]

    def test_several_calls_and_the_text_after_them(self) -> None:
        text = call("shell", cmd="1") + "\n" + call("look", where="2") + "\nDone."
        assert found(text) == [("shell", {"cmd": "1"}), ("look", {"where": "2"}), "\nDone."]

    def test_several_functions_in_one_call(self) -> None:
        text = (
            "<tool_call>\n<function=shell>\n<parameter=cmd>1</parameter>\n</function>\n"
            "<function=list_files>\n</function>\n</tool_call>"
        )
        assert found(text) == [("shell", {"cmd": "1"}), ("list_files", {})]

    def test_a_call_without_arguments(self) -> None:
        for text in (call("list_files"), "<tool_call>\n<function=look>\n</function>\n</tool_call>\n"):
            assert [part[1] for part in found(text)] == [{}]

    def test_a_namespaced_tool_is_called_by_its_upstream_name(self) -> None:
        assert found(call("docs--find", q="x")) == [("docs--find", {"q": "x"})]

    def test_a_custom_tool_takes_its_input_verbatim(self) -> None:
        patch = "*** Begin Patch\n+<b>&amp;\n*** End Patch"
        assert found(call("exec", input=f"\n{patch}\n")) == [("exec", {"input": patch})]

    def test_the_shell_of_the_client_takes_a_list(self) -> None:
        assert found(call("local_shell", command='["ls","-l"]')) == [
            ("local_shell", {"command": ["ls", "-l"]})
        ]

    def test_an_unknown_parameter_is_a_string(self) -> None:
        assert found(call("shell", cmd="ls", why="5")) == [("shell", {"cmd": "ls", "why": "5"})]

    def test_a_closed_call_that_misses_a_required_parameter_is_still_a_call(self) -> None:
        assert found(call("write", path="x")) == [("write", {"path": "x"})]

    def test_a_call_is_told_before_the_answer_ends(self) -> None:
        parser = XmlToolCallParser()
        scanner = Scanner([FallbackParser("p", parser.markers, partial(parser.begin, TOOLS))], Channel.TEXT)
        parts = scanner.feed(call("shell", cmd="1") + "\nD")
        assert [type(part) for part in parts] == [ToolCall, Text]


class TestMalformations:
    @pytest.mark.parametrize(
        "text",
        [
            # the opener is missing
            "<function=shell><parameter=cmd>ls</parameter></function></tool_call>",
            "<function=shell>\n<parameter=cmd>\nls\n</parameter>\n</function>\n</tool_call>",
            "<function=shell><parameter=cmd>ls</parameter></function>",
            # closers are missing at the end
            "<tool_call><function=shell><parameter=cmd>ls</parameter></function>",
            "<tool_call><function=shell><parameter=cmd>ls</parameter>",
            "<tool_call><function=shell><parameter=cmd>ls</parameter></function></tool_",
            "<tool_call><function=shell><parameter=cmd>ls</parameter>\n</fun",
            "<tool_call><function=shell><parameter=cmd>ls</parameter></tool_call>",
            # the parameter's closer is missing
            "<tool_call><function=shell><parameter=cmd>ls\n</function></tool_call>",
            "<tool_call><function=shell>\n<parameter=cmd>\nls\n</function>\n</tool_call>",
            # the single parameter's opener is missing
            "<tool_call><function=shell>ls</parameter></function></tool_call>",
            "<tool_call>\n<function=shell>\nls\n</parameter>\n</function>\n</tool_call>",
            "<function=shell>ls</parameter></function>",
            # the bracket of the opener is missing
            "<tool_call><function=shell><parameter=cmd\nls\n</parameter></function></tool_call>",
        ],
    )
    def test_what_is_clear_all_the_same_is_repaired(self, text: str) -> None:
        assert found(text) == [("shell", {"cmd": "ls"})]

    def test_text_may_follow_on_the_next_line_after_a_call_that_nothing_opened(self) -> None:
        for after in ("\nI wait.", '\n\n"Done"'):
            text = "<function=shell><parameter=cmd>ls</parameter></function>" + after
            assert found(text) == [("shell", {"cmd": "ls"}), after]

    def test_the_next_known_parameter_ends_a_value_without_closer(self) -> None:
        text = "<tool_call><function=write><parameter=content>a\n<parameter=path>b\n</function></tool_call>"
        assert found(text) == [("write", {"content": "a", "path": "b"})]
        text = call("write", content="a<parameter=path>b")
        assert found(text) == [("write", {"content": "a", "path": "b"})]

    def test_the_next_call_closes_a_call_without_closers(self) -> None:
        text = (
            "<tool_call><function=shell><parameter=cmd>1</parameter>\n<function=look>"
            "<parameter=where>2</parameter></function>\n<tool_call><function=list_files></function></tool_call>"
        )
        assert found(text) == [("shell", {"cmd": "1"}), ("look", {"where": "2"}), ("list_files", {})]

    def test_the_single_required_parameter_may_miss_its_opener_before_others(self) -> None:
        text = (
            "<tool_call><function=shell>ls</parameter><parameter=timeout>5</parameter></function></tool_call>"
        )
        assert found(text) == [("shell", {"cmd": "ls", "timeout": 5})]

    @pytest.mark.parametrize(
        "end", ["</parameter></function>", "\n</function>", "</parameter></function></tool_call>"]
    )
    def test_a_nameless_value_goes_to_the_only_parameter_that_can_take_it(self, end: str) -> None:
        plan = '[{"step":"a > b","status":"pending"}]'
        assert found(f"<function=update_plan><parameter={plan}>{end}") == [
            ("update_plan", {"plan": json.loads(plan)})
        ]
        assert found(f'<function=configure><parameter={{"a":1}}>{end}') == [
            ("configure", {"options": {"a": 1}})
        ]

    @pytest.mark.parametrize(
        "text",
        [
            '<function=write><parameter=["a"]></parameter></function>',
            '<function=update_plan><parameter={"a":1}></parameter></function>',
            "<function=update_plan><parameter=[{]></parameter></function>",
        ],
    )
    def test_a_nameless_value_that_fits_nowhere_is_text(self, text: str) -> None:
        assert found(text) == [text]

    def test_a_value_may_end_in_a_bracket(self) -> None:
        assert found(call("shell", cmd="cat <")) == [("shell", {"cmd": "cat <"})]


class TestTagsWithinAValue:
    @pytest.mark.parametrize(
        "content",
        [
            'end = text.find("</function>")',
            're.compile(r"</parameter>\\s*</function>\\s*</tool_call>")',
            'MARKS = ("<tool_call>", "<function=", "</parameter>", "</tool_call>")',
            'feed("ls</parameter></function></tool_call>")',
            "say `</parameter></function></tool_call>` and go on",
            "the tag </parameter> and the tag </function> and </tool_call>",
            "<parameter=x>1</parameter>\n<parameter=y>2</parameter> two",
            "a <parameter=path>b</parameter> c",
            "OPENER = '<parameter=path>'",
            "OPENER = '<parameter=content>'\n",
            "OPENER = <parameter=path> there",
            call("shell", cmd="rm -rf /"),
            f"a sample:\n{call('write', content='x', path='y')}\n and {call('shell', cmd='z')}\nthere",
            "<function=shell> is how it begins",
            "<parameter=cmd",
            "</parameter> </parameter>",
            "a</parameter></function>\nb",
        ],
    )
    def test_they_are_its_own(self, content: str) -> None:
        first = call("write", content=content, path="p")
        assert found(first + "\nDone") == [("write", {"content": content, "path": "p"}), "\nDone"]
        last = call("write", path="p", content=content)
        assert found(last) == [("write", {"path": "p", "content": content})]

    def test_a_quoted_opener_begins_no_parameter(self) -> None:
        content = "OPENER = '<parameter=path>'"
        assert found(call("write", content=content)) == [("write", {"content": content})]

    def test_samples_in_a_call_of_an_unknown_tool_are_not_called(self) -> None:
        text = call("create_file", text=call("shell", cmd="rm -rf /")) + "\nok"
        assert found(text) == [text]

    def test_samples_in_a_value_that_is_cut_off_are_not_called(self) -> None:
        text = "<tool_call><function=write><parameter=content>" + call("shell", cmd="rm -rf /")
        assert found(text) == [text]

    def test_samples_in_a_value_beyond_the_limit_are_not_called(self) -> None:
        text = call("write", content="x" * (1 << 20) + call("shell", cmd="rm -rf /"), path="p")
        assert scan([text]) == [Text(text)]


class TestWhatStaysText:
    @pytest.mark.parametrize(
        "text",
        [
            "The model writes <tool_call> and then <function=NAME>, as the template says.",
            'A "<function=shell>" opens it, <parameter=cmd> names it and </parameter></function> closes it.',
            "Call <function=list_files></function> with nothing.",
            "Use <function=shell><parameter=cmd>ls</parameter></function> for that.",
            "<function=shell> runs a command.",
            "`<tool_call><function=shell><parameter=cmd>ls</parameter></function></tool_call>`",
            "```xml\n" + call("shell", cmd="ls") + "\n```\n",
            "A lone </tool_call> or </function>.",
            "<tool_call>",
            "<tool_call>\n",
            "<tool_call><tool_call>",
            "<function=",
            "<function=>",
            "<function=shell",
            "<function=shell>",
            "<function=a b>",
            '<tool_call>{"name": "shell", "arguments": {"cmd": "ls"}}</tool_call>',
            "<tool_call>shell<arg_key>cmd</arg_key></tool_call>",
        ],
    )
    def test_prose_about_the_markup_and_other_dialects(self, text: str) -> None:
        assert found(text) == [text]

    def test_a_tool_that_is_not_offered(self) -> None:
        for text in (call("rm", cmd="ls"), "<function=Shell><parameter=cmd>ls</parameter></function>"):
            assert found(text) == [text]

    @pytest.mark.parametrize(
        "text",
        [
            "<tool_call><function=shell><parameter=cmd>rm -rf /tmp",
            "<tool_call><function=shell><parameter=cmd>rm -rf /tmp</para",
            "<tool_call><function=shell><parameter=cmd>ls</parameter><parameter=timeout>5",
            "<tool_call><function=write><parameter=path>x</parameter>",
            "<tool_call><function=list_files>",
            "<function=shell>ls</parameter>",
        ],
    )
    def test_a_call_that_was_cut_off(self, text: str) -> None:
        assert found(text) == [text]

    @pytest.mark.parametrize(
        "text", [call("shell"), call("write"), "<function=shell>\n</function>", call("exec")]
    )
    def test_an_empty_call_of_a_tool_that_requires_something(self, text: str) -> None:
        assert found(text) == [text]

    def test_a_body_with_neither_opener_nor_closer(self) -> None:
        text = '<tool_call><function=shell>{"cmd": "ls"}</function></tool_call>'
        assert found(text) == [text]

    def test_a_body_without_opener_where_more_than_one_parameter_could_be_meant(self) -> None:
        text = "<tool_call><function=write>x</parameter></function></tool_call>"
        assert found(text) == [text]

    def test_another_dialect_in_the_same_wrapper_is_left_to_its_parser_at_once(self) -> None:
        parser = XmlToolCallParser()
        scanner = Scanner([FallbackParser("p", parser.markers, partial(parser.begin, TOOLS))], Channel.TEXT)
        assert scanner.feed('<tool_call>\n{"na') == [Text('<tool_call>\n{"na')]

    def test_what_was_released_is_not_judged_again_at_the_end(self) -> None:
        opener = "<tool_call><function=shell><parameter=cmd>"
        full = opener + "x" * ((1 << 20) - len(opener) - len("</parameter>")) + "</parameter>"
        assert [type(part) for part in scan([full])] == [ToolCall]
        assert scan([full, "\n"]) == [Text(full + "\n")]

    def test_what_has_no_end_is_released(self) -> None:
        parser = XmlToolCallParser()
        scanner = Scanner([FallbackParser("p", parser.markers, partial(parser.begin, TOOLS))], Channel.TEXT)
        text = "<tool_call><function=shell><parameter=cmd>" + "x" * (1 << 20)
        assert source_of(scanner.feed(text)) == text


FRAGMENTS = st.sampled_from(
    [
        "<tool_call>",
        "</tool_call>",
        "<function=shell>",
        "<function=write>",
        "<function=rm>",
        "<function=list_files>",
        "</function>",
        "<parameter=cmd>",
        "<parameter=path>",
        "<parameter=content\n",
        "<parameter=x>",
        "<parameter=[",
        "]>",
        "</parameter>",
        "<func",
        "</",
        "<",
        "\n",
        " ",
        '"',
        "`",
        "```",
        "a",
        "5",
        call("shell", cmd="ls"),
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=16).map("".join)


@given(TEXTS, st.data())
@settings(max_examples=400, deadline=None)
def test_any_split_gives_the_same_parts_and_loses_nothing(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = scan([text])
    assert source_of(whole) == text
    assert scan(pieces) == whole
    assert scan(list(text)) == whole


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_only_offered_tools_are_called_and_only_with_objects(text: str) -> None:
    for part in scan([text]):
        if isinstance(part, ToolCall):
            assert part.name in {tool.upstream_name for tool in TOOLS}
            assert isinstance(json.loads(part.arguments), dict)
            assert part.arguments != "{}" or part.name == "list_files"


PLAIN = st.text(alphabet=st.characters(exclude_characters="<", exclude_categories=["Cs"]), max_size=40)


@given(PLAIN, PLAIN)
def test_a_value_comes_through_verbatim(content: str, path: str) -> None:
    text = call("write", content=f"\n{content}\n", path=f"\n{path}\n")
    assert found(text) == [("write", {"content": content, "path": path})]


@pytest.mark.parametrize(
    "unit",
    [
        "x",
        "<",
        "</parameter>",
        "</function>",
        "<function=a><parameter=b>",
        "<parameter=path>",
        " ",
        "</parameter> \n",
    ],
)
def test_the_work_is_linear_in_the_length_of_a_value(unit: str) -> None:
    text = "<tool_call><function=write><parameter=content>" + unit * (1_500_000 // len(unit))
    began = time.process_time()
    assert source_of(scan([text[at : at + 10] for at in range(0, len(text), 10)])) == text
    assert time.process_time() - began < 5
