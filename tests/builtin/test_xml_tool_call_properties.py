"""The parser for MiMo's own grammar: what holds for any text and any split of it, and how long it takes."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmimolink.core.scan import ToolCall
from tests.builtin.xml_markup import TOOLS, found, scan
from tests.core.scan_parts import source_of
from tests.core.translation import markup as call

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
