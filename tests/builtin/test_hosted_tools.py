"""Tools that the provider would have to run are not offered to MiMo."""

from __future__ import annotations

import pytest

from ccmimolink.builtin.hosted_tools import HostedToolFilter
from ccmimolink.core.errors import Profile
from ccmimolink.core.responses import ResponsesRequest, Tool
from ccmimolink.core.tools import Dropped, FlatTool, ToolKind, offered_tools
from tests.request_context import request_context

CONTEXT = request_context(Profile.CODEX)


def answers(*tools: Tool) -> list[FlatTool | Dropped]:
    hosted = HostedToolFilter()
    return [hosted.filter(tool, CONTEXT) for tool in offered_tools(ResponsesRequest(tools=list(tools)))]


@pytest.mark.parametrize("kind", ["web_search", "image_generation", "file_search", "a_kind_of_tomorrow"])
def test_a_hosted_tool_is_dropped_with_a_reason(kind: str) -> None:
    assert answers(Tool(type=kind)) == [Dropped("MiMo cannot run it")]


@pytest.mark.parametrize("kind", [kind for kind in ToolKind if kind is not ToolKind.HOSTED])
def test_a_tool_that_the_client_runs_is_kept(kind: ToolKind) -> None:
    tool = FlatTool(kind=kind, name="x")

    assert HostedToolFilter().filter(tool, CONTEXT) is tool


def test_a_mixed_offer_keeps_its_order() -> None:
    first, dropped, second = answers(
        Tool(type="function", name="a"), Tool(type="web_search"), Tool(type="custom", name="b")
    )

    assert isinstance(dropped, Dropped)
    assert [tool.name for tool in (first, second) if isinstance(tool, FlatTool)] == ["a", "b"]
