"""Tools and ``tool_choice`` in the response object: echoed so that the official models take them."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from ccmimolink.core.errors import Profile
from ccmimolink.core.tool_echo import MAX_REMEMBERED
from tests.core.template_echo import template

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION = {"type": "function", "name": "f", "description": None, "parameters": None, "strict": None}


def echo(tool: Any) -> Any:
    """The echo of one tool; None where there is none."""
    tools = template(tools=[tool])["tools"]
    assert len(tools) <= 1
    return tools[0] if tools else None


class TestATool:
    @pytest.mark.parametrize(
        "tool",
        [
            {"type": "custom", "name": "c", "description": "d"},
            {"type": "custom", "name": "c", "format": {"type": "text"}},
            {
                "type": "custom",
                "name": "c",
                "format": {"type": "grammar", "definition": "start: x", "syntax": "lark"},
            },
            {"type": "tool_search", "execution": "client", "description": "d", "parameters": SCHEMA},
            {"type": "local_shell"},
            {"type": "web_search"},
            {
                "type": "web_search",
                "external_web_access": True,
                "search_context_size": "low",
                "filters": {"allowed_domains": ["a.example"]},
                "user_location": {"type": "approximate", "country": "DE"},
            },
            {"type": "web_search_preview", "search_content_types": ["text", "image"]},
            {"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 3},
            {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["a"]}},
            {"type": "code_interpreter", "container": "cntr_1"},
            {
                "type": "computer_use_preview",
                "display_width": 1,
                "display_height": 2,
                "environment": "linux",
            },
            {"type": "mcp", "server_label": "a", "server_url": "https://a.example"},
            {"type": "image_generation"},
            {"type": "shell"},
            {"type": "apply_patch"},
            FUNCTION | {"parameters": SCHEMA, "strict": True, "description": "d", "defer_loading": True},
            {
                "type": "namespace",
                "name": "n",
                "description": "d",
                "tools": [FUNCTION, {"type": "custom", "name": "c"}],
            },
        ],
        ids=lambda tool: str(tool["type"]),
    )
    def test_is_echoed_as_it_was_given(self, tool: dict[str, Any]) -> None:
        assert echo(tool) == tool

    @pytest.mark.parametrize(
        ("word", "tool"),
        [
            ("web_search", {"type": "web_search"}),
            ("web_search_preview", {"type": "web_search_preview"}),
            ("local_shell", {"type": "local_shell"}),
            ("tool_search", {"type": "tool_search"}),
            ("image_generation", {"type": "image_generation"}),
            ("code_interpreter", {"type": "code_interpreter", "container": {"type": "auto", "file_ids": []}}),
            ("file_search", {"type": "file_search", "vector_store_ids": []}),
            ("my_tool", {"type": "custom", "name": "my_tool"}),
        ],
    )
    def test_that_is_a_mere_word_is_echoed_as_the_object_that_it_means(
        self, word: str, tool: dict[str, Any]
    ) -> None:
        assert echo(word) == tool

    @pytest.mark.parametrize(
        ("given", "parameters"),
        [
            (json.dumps(SCHEMA), SCHEMA),
            (SCHEMA, SCHEMA),
            ({}, {}),
            (None, None),
            ("{", None),
            ("[]", None),
            (True, None),
            ([SCHEMA], None),
        ],
    )
    def test_has_the_object_that_its_parameters_are(self, given: Any, parameters: Any) -> None:
        assert echo({"type": "function", "name": "f", "parameters": given})["parameters"] == parameters

    @pytest.mark.parametrize(
        ("tool", "echoed"),
        [
            ({"name": "f"}, FUNCTION),
            (
                {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]},
                {"type": "namespace", "name": "n", "description": "", "tools": [FUNCTION]},
            ),
            ({"type": "web_search_2031_01_01"}, {"type": "web_search"}),
            ({"type": "web_search", "filters": 5, "user_location": "here"}, {"type": "web_search"}),
            ({"type": "tool_search", "execution": "somewhere"}, {"type": "tool_search"}),
        ],
    )
    def test_is_made_what_the_reference_has(self, tool: dict[str, Any], echoed: dict[str, Any]) -> None:
        assert echo(tool) == echoed

    @pytest.mark.parametrize(
        "tool", [{"type": "mystery"}, {"type": "custom"}, {"type": "mcp"}, "mcp", {"type": "namespace"}]
    )
    def test_that_the_reference_has_no_shape_for_is_left_out(self, tool: Any) -> None:
        assert echo(tool) is None

    def test_keeps_its_keys_to_itself(self) -> None:
        tool = {
            "type": "mcp",
            "server_label": "a",
            "authorization": "sk-fake-1",
            "headers": {"k": "sk-fake-2"},
        }
        assert echo(tool) == {"type": "mcp", "server_label": "a"}


class TestAChoice:
    @pytest.mark.parametrize(
        "choice",
        [
            "none",
            "auto",
            "required",
            {"type": "function", "name": "f"},
            {"type": "function", "name": "f", "namespace": "n"},
            {"type": "custom", "name": "c"},
            {"type": "mcp", "server_label": "a", "name": "b"},
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            {"type": "image_generation"},
            {"type": "shell"},
        ],
    )
    @pytest.mark.parametrize("profile", Profile)
    def test_is_echoed_as_it_was_given(self, choice: Any, profile: Profile) -> None:
        assert template(profile, tool_choice=choice)["tool_choice"] == choice

    @pytest.mark.parametrize(
        ("choice", "echoed"),
        [
            ({"type": "auto"}, "auto"),
            ({"type": "function", "function": {"name": "f"}}, "auto"),
            ({"type": "mystery"}, "auto"),
            ({"type": ["a"]}, "auto"),
            ({}, "auto"),
            ({"type": "allowed_tools", "mode": "none", "tools": []}, "none"),
            ({"type": "allowed_tools", "mode": "auto"}, "auto"),
            ({"type": "web_search"}, {"type": "web_search_preview"}),
        ],
    )
    def test_that_the_reference_has_no_word_for_becomes_the_nearest(self, choice: Any, echoed: Any) -> None:
        assert template(tool_choice=choice)["tool_choice"] == echoed


class TestWhatIsRemembered:
    def test_any_number_of_tools_is_echoed_each_as_itself_and_again(self) -> None:
        tools = [
            {"type": "function", "name": f"f{number}", "description": "d" * (number * 20)}
            for number in range(2 * MAX_REMEMBERED)
        ]
        for _ in range(2):
            echoes = template(tools=tools)["tools"]
            assert echoes == [{**FUNCTION, **tool} for tool in tools]

    def test_a_tool_that_differs_in_its_schema_alone_has_its_own_echo(self) -> None:
        for kind in ("string", "number", "string"):
            schema = {"type": "object", "properties": {"a": {"type": kind}}}
            tool = {"type": "function", "name": "f", "parameters": schema}
            assert echo(tool)["parameters"] == schema

    def test_what_is_remembered_is_bounded(self) -> None:
        tracemalloc.start()
        try:
            for size, count in ((100_000, 200), (4_000, 5_000)):
                for number in range(count):
                    template(
                        tools=[{"type": "function", "name": f"{size}.{number}", "description": "d" * size}]
                    )
            used, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert used < 3 * MAX_REMEMBERED * 4_000
