"""ToolTable: names, kinds, filters and the way back."""

from __future__ import annotations

import re
import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ccmimolink.core.request_body import parse_request
from ccmimolink.core.responses import AdditionalTools, ResponsesRequest, Tool, ToolSearchOutput
from ccmimolink.core.tools import Dropped, FlatTool, ToolKind, ToolTable, offered_tools, upstream_name
from tests.core.tool_tables import function, names, namespace, table

LEGAL = re.compile(r"[a-zA-Z0-9_-]{1,64}")

_tricky = st.text(alphabet="ab-_.f0 é", max_size=8)
_name = _tricky | st.text(max_size=100) | st.from_regex(r"[a-z]{60,70}", fullmatch=True)
_pair = st.tuples(st.none() | _name, _name)


@given(_pair)
def test_every_upstream_name_is_legal_and_always_the_same(pair: tuple[str | None, str]) -> None:
    assert LEGAL.fullmatch(upstream_name(*pair))
    assert upstream_name(*pair) == upstream_name(*pair)


@given(_pair, _pair)
def test_different_tools_have_different_upstream_names(
    one: tuple[str | None, str], other: tuple[str | None, str]
) -> None:
    assume(one != other)
    assert upstream_name(*one) != upstream_name(*other)


@given(_pair)
def test_an_upstream_name_offered_as_a_plain_name_is_another_tool(pair: tuple[str | None, str]) -> None:
    taken = upstream_name(*pair)
    assume(pair != (None, taken))
    assert upstream_name(None, taken) != taken


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b--c"), ("a--b", "c")),
        (("a-", "b"), ("a", "-b")),
        (("a", "b"), (None, "a--b")),
        (("", "a"), (None, "--a")),
        (("n", "a b"), ("n", "a.b")),
        (("None", "a"), (None, "a")),
        ((None, "x" * 65), (None, "x" * 66)),
    ],
)
def test_names_that_could_be_read_in_two_ways_differ(
    one: tuple[str | None, str], other: tuple[str | None, str]
) -> None:
    assert upstream_name(*one) != upstream_name(*other)


def test_a_namespace_and_a_name_that_spell_a_hashed_name_are_another_tool() -> None:
    hashed = upstream_name(None, "x" * 65)
    stem, digest = hashed.split("--")
    assert upstream_name(stem, digest) != hashed


def test_a_plain_name_passes_as_it_is_and_a_namespace_stands_before_it() -> None:
    assert upstream_name(None, "exec_command") == "exec_command"
    assert upstream_name("mcp__calc", "add") == "mcp__calc--add"


def test_a_call_comes_back_to_its_namespace() -> None:
    tools = table(function("add"), namespace("mcp__calc", function("add")))
    plain, namespaced = tools.resolve("add"), tools.resolve("mcp__calc--add")
    assert plain is not None
    assert namespaced is not None
    assert (plain.namespace, plain.name) == (None, "add")
    assert (namespaced.namespace, namespaced.name) == ("mcp__calc", "add")


@pytest.mark.parametrize(
    "called", ["mcp__calc--add", "mcp__calc__add", "mcp__calc.add", "mcp_calc_add", "Mcp__Calc.Add", "add"]
)
def test_another_spelling_is_understood_where_it_means_one_tool(called: str) -> None:
    tool = table(namespace("mcp__calc", function("add")), function("exec_command")).resolve(called)
    assert tool is not None
    assert tool.upstream_name == "mcp__calc--add"


def test_a_name_that_could_mean_two_tools_means_none() -> None:
    tools = table(namespace("one", function("add")), namespace("two", function("add")))
    assert tools.resolve("add") is None


def test_a_tool_that_was_not_offered_is_not_found() -> None:
    assert table(function("add")).resolve("rm") is None
    assert table(function("add")).resolve("") is None


@given(st.lists(_pair, max_size=6, unique=True))
def test_every_offered_tool_is_found_by_its_upstream_name(pairs: list[tuple[str | None, str]]) -> None:
    tools = ToolTable(FlatTool(kind=ToolKind.FUNCTION, namespace=ns, name=name) for ns, name in pairs)
    assert len(tools) == len(pairs)
    for pair, tool in zip(pairs, tools, strict=True):
        assert tools.resolve(upstream_name(*pair)) is tool
        assert (tool.namespace, tool.name) == pair


def test_tools_in_the_input_come_after_the_requests_own_in_order() -> None:
    request = ResponsesRequest(
        tools=[function("a")],
        input=[
            AdditionalTools(tools=[namespace("functions", Tool(type="custom", name="exec"))]),
            ToolSearchOutput(tools=[namespace("mcp__x", function("y"))]),
            AdditionalTools(tools=None),
        ],
    )
    assert [tool.upstream_name for tool in offered_tools(request)] == ["a", "functions--exec", "mcp__x--y"]


def test_tools_whose_loading_was_deferred_are_offered() -> None:
    found = b"""{"input": [{"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [
        {"type": "namespace", "name": "mcp__x", "description": "X.", "defer_loading": true, "tools": [
            {"type": "function", "name": "y", "defer_loading": true}]}]}]}"""
    assert names(ToolTable.build(parse_request(found))) == ["mcp__x--y"]


def test_a_call_has_the_name_it_had_whether_its_tool_is_still_offered_or_not() -> None:
    offered = table(namespace("n" * 70, function("a")))
    assert names(offered) == [upstream_name("n" * 70, "a")]
    assert table().resolve(upstream_name("n" * 70, "a")) is None


def test_a_repeated_tool_keeps_its_place_and_first_definition() -> None:
    tools = table(function("a", description="first"), function("b"), function("a", description="second"))
    assert [(tool.name, tool.description) for tool in tools] == [("a", "first"), ("b", None)]


def test_another_definition_of_a_name_is_counted_as_dropped_and_the_same_one_is_not() -> None:
    tools = table(
        function("a"), function("a"), function("a", description="second"), Tool(type="custom", name="a")
    )
    assert dict(tools.dropped) == {
        "function: another tool has its name": 1,
        "custom: another tool has its name": 1,
    }


def test_a_function_without_a_name_is_no_tool_and_counted_as_dropped() -> None:
    nameless = Tool(type="function")
    request = ResponsesRequest(
        tools=[nameless], input=[AdditionalTools(tools=[nameless, namespace("n", nameless)])]
    )
    tools = ToolTable.build(request)
    assert len(tools) == 0
    assert dict(tools.dropped) == {"function: it has no name": 3}


def test_hosted_and_unknown_tools_are_dropped_and_counted() -> None:
    tools = table(Tool(type="web_search"), Tool(type="hologram"), Tool(type="hologram"), function("a"))
    assert names(tools) == ["a"]
    assert sorted(tools.dropped.values()) == [1, 2]
    assert any("web_search" in reason for reason in tools.dropped)


def test_a_filter_can_drop_a_tool_and_says_why() -> None:
    def no_b(tool: FlatTool) -> FlatTool | Dropped:
        return Dropped("no b") if tool.name == "b" else tool

    tools = ToolTable.build(ResponsesRequest(tools=[function("a"), function("b")]), [no_b])
    assert names(tools) == ["a"]
    assert dict(tools.dropped) == {"function: no b": 1}


def test_filters_run_in_order_and_each_sees_what_the_one_before_made() -> None:
    def describe(tool: FlatTool) -> FlatTool:
        return FlatTool(kind=tool.kind, name=tool.name, description="described")

    def insist(tool: FlatTool) -> FlatTool | Dropped:
        return tool if tool.description == "described" else Dropped("undescribed")

    request = ResponsesRequest(tools=[function("a")])
    assert len(ToolTable.build(request, [describe, insist])) == 1
    assert len(ToolTable.build(request, [insist, describe])) == 0


@pytest.mark.parametrize("execution", [None, "server"])
def test_a_tool_search_that_openai_would_run_is_hosted(execution: str | None) -> None:
    deferred = function("found")
    tools = table(Tool(type="tool_search", execution=execution), deferred)
    assert names(tools) == ["found"]
    assert sum(tools.dropped.values()) == 1


@pytest.mark.parametrize("tool", [Tool(type="tool_search", execution="client"), Tool(type="local_shell")])
def test_a_tool_whose_calls_hold_no_name_has_the_one_of_its_kind(tool: Tool) -> None:
    named = Tool(type=tool.type, execution=tool.execution, name="mine")
    (flat,) = table(namespace("functions", named))
    assert (flat.namespace, flat.name, flat.upstream_name) == (None, tool.type, tool.type)


def test_each_kind_is_remembered_for_the_way_back() -> None:
    offered = [
        function("f"),
        Tool(type="custom", name="c"),
        Tool(type="tool_search", execution="client"),
        Tool(type="local_shell"),
    ]
    kinds = [tool.kind for tool in table(*offered)]
    assert kinds == [ToolKind.FUNCTION, ToolKind.CUSTOM, ToolKind.TOOL_SEARCH, ToolKind.LOCAL_SHELL]


def test_the_names_of_tools_that_are_remembered_are_short() -> None:
    tracemalloc.start()
    try:
        for number in range(200):
            for namespace, name in ((None, f"{number}" * 30_000), (f"{number}" * 30_000, "f")):
                assert len(upstream_name(namespace, name)) <= 64
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 500_000
