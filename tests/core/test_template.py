"""The response object before the answer: what is echoed, and for whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import Response
from pydantic import TypeAdapter

from ccmimolink.core.errors import Profile
from ccmimolink.core.events import encode_response
from tests.core.translation import NOW, make_template

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
CUSTOM = {"type": "custom", "name": "c", "format": {"type": "text"}}
FULL: dict[str, Any] = {
    "model": "gpt-x",
    "instructions": "Be brief.",
    "max_output_tokens": 9,
    "max_tool_calls": 3,
    "parallel_tool_calls": False,
    "previous_response_id": "resp_0",
    "prompt_cache_key": "k",
    "reasoning": {"effort": "low", "summary": "auto"},
    "safety_identifier": "s",
    "store": False,
    "temperature": 0.5,
    "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
    "tool_choice": {"type": "function", "name": "f"},
    "tools": [FUNCTION, CUSTOM],
    "top_logprobs": 2,
    "top_p": 0.25,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.25,
    "truncation": "auto",
    "user": "u",
    "metadata": {"a": "b"},
}


def template(profile: Profile = Profile.GENERIC, **request: Any) -> dict[str, Any]:
    response = encode_response(make_template(json.dumps(request).encode(), profile))
    TypeAdapter(Response).validate_json(response, strict=True)
    found: dict[str, Any] = json.loads(response)
    return found


def test_what_the_client_sent_is_echoed() -> None:
    echoed = template(**FULL)
    for name, value in (
        FULL | {"model": "mimo-v2.5", "text": FULL["text"] | {"verbosity": "medium"}}
    ).items():
        assert echoed[name] == value


def test_what_it_left_out_has_the_reference_s_defaults() -> None:
    echoed = template()
    assert echoed["id"] == "resp_1"
    assert (echoed["object"], echoed["status"], echoed["created_at"]) == ("response", "in_progress", NOW)
    assert (echoed["tool_choice"], echoed["parallel_tool_calls"], echoed["store"]) == ("auto", True, True)
    assert (echoed["temperature"], echoed["top_p"], echoed["truncation"]) == (1.0, 1.0, "disabled")
    assert echoed["text"] == {"format": {"type": "text"}}
    assert echoed["reasoning"] == {"effort": None, "summary": None}
    assert (echoed["usage"], echoed["error"], echoed["incomplete_details"]) == (None, None, None)
    assert (echoed["output"], echoed["tools"], echoed["metadata"]) == ([], [], {})


@pytest.mark.parametrize("extra", [{}, {"parameters": None}, {"strict": None}])
def test_a_function_is_echoed_with_every_field_that_clients_require(extra: dict[str, Any]) -> None:
    (tool,) = template(tools=[{"type": "function", "name": "f"} | extra])["tools"]
    assert tool == {"type": "function", "name": "f", "description": None, "parameters": None, "strict": None}


def test_codex_does_not_read_the_echo_and_is_spared_the_bulk_of_it() -> None:
    echoed = template(Profile.CODEX, **FULL)
    assert (echoed["instructions"], echoed["tools"]) == (None, [])
    assert echoed["text"] == {"format": {"type": "text"}}
    assert echoed["prompt_cache_key"] == "k"
