"""The parser for MiMo's own grammar: markup that calls nothing, be it in a value, in prose, or cut off."""

from __future__ import annotations

from functools import partial

import pytest

from ccmimolink.builtin.xml_tool_call import XmlToolCallParser
from ccmimolink.core.scan import Channel, FallbackParser, Scanner, Text, ToolCall
from tests.builtin.xml_markup import TOOLS, found, scan
from tests.core.scan_parts import source_of
from tests.core.translation import markup as call


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
