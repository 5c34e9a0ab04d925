"""tool_choice, and the search that stands beside the tools."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ccmimolink.core.chat import WebSearchTool
from ccmimolink.core.responses import ResponsesRequest, Tool
from ccmimolink.core.tools import Dropped, FlatTool, ToolTable
from tests.core.executed_lines import executed_lines
from tests.core.tool_tables import function, names, namespace, table


def search_table(*tools: Tool, choice: str | dict[str, Any] = "auto") -> ToolTable:
    """What is offered where a filter lets MiMo's search stand in for the client's."""

    def searching(tool: FlatTool) -> FlatTool | Dropped:
        return replace(tool, search=WebSearchTool()) if tool.type.startswith("web_search") else tool

    return ToolTable.build(ResponsesRequest(tools=list(tools), tool_choice=choice), [searching])


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ("auto", ["a", "b", "n--a"]),
        ("required", ["a", "b", "n--a"]),
        ("none", []),
        ({"type": "function", "name": "b"}, ["b"]),
        ({"type": "function", "name": "a"}, ["a", "n--a"]),
        ({"type": "function", "name": "a", "namespace": "n"}, ["n--a"]),
        ({"type": "web_search"}, ["a", "b", "n--a"]),
        ({"type": "function", "name": "gone"}, ["a", "b", "n--a"]),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "b"}]}, ["b"]),
        ({"type": "allowed_tools", "mode": "none", "tools": [{"type": "function", "name": "b"}]}, []),
        ({"type": "allowed_tools", "tools": None}, ["a", "b", "n--a"]),
        ({}, ["a", "b", "n--a"]),
    ],
)
def test_tool_choice_is_met_by_what_is_offered(choice: str | dict[str, Any], left: list[str]) -> None:
    assert names(table(function("a"), function("b"), namespace("n", function("a")), choice=choice)) == left


def test_a_search_is_offered_beside_the_tools_and_cannot_be_called() -> None:
    tools = search_table(function("a"), Tool(type="web_search"))
    assert names(tools) == ["a"]
    assert tools.web_search == WebSearchTool()
    assert tools.resolve("web_search") is None
    assert tools.dropped == {}


def test_there_is_one_search_and_the_first_one_stays() -> None:
    def near(tool: FlatTool) -> FlatTool:
        return replace(tool, search=WebSearchTool(limit=int(tool.user_location)))

    request = ResponsesRequest(
        tools=[Tool(type="web_search", user_location=1), Tool(type="web_search_preview", user_location=2)]
    )
    assert ToolTable.build(request, [near]).web_search == WebSearchTool(limit=1)


@pytest.mark.parametrize(
    ("choice", "left", "search"),
    [
        ("auto", ["a", "b"], WebSearchTool()),
        ("required", ["a", "b"], WebSearchTool()),
        ("none", [], None),
        ({"type": "function", "name": "b"}, ["b"], None),
        ({"type": "function", "name": "web_search"}, ["a", "b"], WebSearchTool()),
        ({"type": "web_search"}, [], WebSearchTool(force_search=True)),
        ({"type": "web_search_preview"}, [], WebSearchTool(force_search=True)),
        ({"type": "image_generation"}, ["a", "b"], WebSearchTool()),
        ({"type": "allowed_tools", "tools": [{"type": "web_search"}]}, [], WebSearchTool()),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
            [],
            WebSearchTool(force_search=True),
        ),
        (
            {"type": "allowed_tools", "tools": [{"type": "web_search"}, {"type": "function", "name": "a"}]},
            ["a"],
            WebSearchTool(),
        ),
        ({"type": "allowed_tools", "mode": "none", "tools": [{"type": "web_search"}]}, [], None),
    ],
)
def test_the_choice_counts_for_a_search_too(
    choice: str | dict[str, Any], left: list[str], search: WebSearchTool | None
) -> None:
    tools = search_table(function("a"), function("b"), Tool(type="web_search"), choice=choice)
    assert names(tools) == left
    assert tools.web_search == search


@pytest.mark.parametrize(
    ("choice", "forced"),
    [("required", True), ("auto", None), ({"type": "function", "name": "gone"}, None)],
)
def test_a_search_alone_is_forced_where_a_call_is_required(
    choice: str | dict[str, Any], forced: bool | None
) -> None:
    assert search_table(Tool(type="web_search"), choice=choice).web_search == WebSearchTool(
        force_search=forced
    )


def test_a_choice_of_a_hosted_tool_that_is_not_offered_leaves_the_rest_usable() -> None:
    assert names(table(function("a"), Tool(type="web_search"), choice={"type": "web_search"})) == ["a"]


def test_the_work_of_many_allowed_tools_grows_with_their_number_and_no_faster() -> None:
    def work(count: int) -> int:
        tools = [function(f"f{n}") for n in range(count)]
        named = [{"type": "function", "name": tool.name} for tool in tools]
        choice = {"type": "allowed_tools", "tools": named}
        return executed_lines(lambda: table(*tools, choice=choice))

    assert work(400) < 3 * work(200)
