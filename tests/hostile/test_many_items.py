"""Enormous requests: the work grows with their size and not with its square, and nobody is shut out for long.

The work is counted in lines of Python, so that no machine is too slow for it; how long it takes in seconds is
for a person to measure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.core.executed_lines import executed_lines
from tests.hostile.attacks import assert_next_is_served
from tests.hostile.vocabulary import MANY_ITEMS, MANY_TOOLS, Make
from tests.http_wire import body_of, chunked, hello
from tests.memory_proxy import MemoryClient, MemoryProxy

MakeProxy = Callable[..., MemoryProxy]
LAST = {"role": "user", "content": "And now?"}
FEW, MANY = 100, 400


def work(proxy: MemoryProxy, **fields: Any) -> int:
    """Lines of Python until the request is on its way, or refused."""
    data = body_of(stream=False, **fields)
    clients: list[MemoryClient] = []
    lines = executed_lines(lambda: clients.append(proxy.post(data)))
    clients[0].leave()
    return lines


def assert_linear(proxy: MemoryProxy, fields: Callable[[int], dict[str, Any]]) -> None:
    work(proxy, **fields(3))  # what is done once
    base = work(proxy, **fields(1))
    few, many = (work(proxy, **fields(count)) - base for count in (FEW, MANY))
    assert many <= 1.3 * MANY / FEW * max(few, 200)


@pytest.mark.parametrize("make", MANY_ITEMS.values(), ids=MANY_ITEMS)
def test_the_work_grows_with_the_items(proxy: MemoryProxy, make: Make) -> None:
    assert_linear(proxy, lambda count: {"input": [*map(make, range(count)), LAST]})


@pytest.mark.parametrize("make", MANY_TOOLS.values(), ids=MANY_TOOLS)
def test_the_work_grows_with_the_tools(proxy: MemoryProxy, make: Make) -> None:
    assert_linear(proxy, lambda count: {"tools": [*map(make, range(count))]})


def tools(count: int) -> list[dict[str, Any]]:
    return [{"type": "function", "name": f"t{n}", "parameters": {}} for n in range(count)]


def called(output: Any) -> list[Any]:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    return [call, {"type": "function_call_output", "call_id": "c", "output": output}, LAST]


WITHIN: dict[str, Callable[[int], dict[str, Any]]] = {
    "parts": lambda n: {"input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}] * n}]},
    "odd parts": lambda n: {"input": [{"role": "user", "content": [{"text": "x"}] * n}]},
    "images": lambda n: {
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "image_url": f"data:image/png;base64,{i}"} for i in range(n)
                ],
            }
        ]
    },
    "parts of an output": lambda n: {"input": called([{"type": "input_text", "text": "x"}] * n)},
    "images of an output": lambda n: {
        "input": called([{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}] * n)
    },
    "members of an output": lambda n: {"input": called({f"k{i}": i for i in range(n)})},
    "words of a command": lambda n: {
        "input": [{"type": "local_shell_call", "call_id": "c", "action": {"command": ["x"] * n}}, LAST]
    },
    "thoughts": lambda n: {
        "input": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}] * n}, LAST]
    },
    "tools of a namespace": lambda n: {"tools": [{"type": "namespace", "name": "n", "tools": tools(n)}]},
    "namespaces within each other": lambda n: {"tools": nested_namespaces(n // 8)},
    "allowed tools": lambda n: {
        "tools": tools(n),
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": f"t{i}"} for i in range(n)],
        },
    },
    "allowed tools that do not exist": lambda n: {
        "tools": tools(n),
        "tool_choice": {
            "type": "allowed_tools",
            "tools": [{"type": "function", "name": f"u{i}"} for i in range(n)],
        },
    },
    "properties of a schema": lambda n: {"tools": [schema({"properties": {f"p{i}": {} for i in range(n)}})]},
    "required properties": lambda n: {"tools": [schema({"required": [f"p{i}" for i in range(n)]})]},
    "alternatives of a schema": lambda n: {"tools": [schema({"anyOf": [{"type": "string"}] * n})]},
    "values of a schema": lambda n: {"tools": [schema({"enum": list(range(n))})]},
    "properties of a text format": lambda n: {
        "text": {
            "format": {
                "type": "json_schema",
                "name": "s",
                "schema": {"properties": {f"p{i}": {} for i in range(n)}},
            }
        }
    },
    "metadata": lambda n: {"metadata": {f"k{i}": "v" for i in range(n)}},
    "include": lambda n: {"include": [f"k{i}" for i in range(n)]},
}


def nested_namespaces(depth: int) -> list[dict[str, Any]]:
    found = tools(1)
    for number in range(depth):
        found = [{"type": "namespace", "name": f"n{number}", "tools": found}]
    return found


def schema(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "name": "f", "parameters": {"type": "object"} | members}


@pytest.mark.parametrize("fields", WITHIN.values(), ids=WITHIN)
def test_the_work_grows_with_what_is_within(
    proxy: MemoryProxy, fields: Callable[[int], dict[str, Any]]
) -> None:
    assert_linear(proxy, fields)


def status(proxy: MemoryProxy, data: bytes) -> int:
    """How it is answered, upstream included; the next client is served."""
    client = proxy.post(data)
    if client.silent:
        proxy.upstream[-1].send(chunked(hello()))
        proxy.settle()
    reply = client.reply
    assert reply.complete
    assert_next_is_served(proxy)
    return reply.status


@pytest.mark.parametrize("kind", ["user", "calls with outputs"])
def test_a_hundred_thousand_items_are_served(proxy: MemoryProxy, kind: str) -> None:
    items = [*map(MANY_ITEMS[kind], range(99_999)), LAST]
    assert status(proxy, body_of(stream=False, input=items)) == 200


def test_a_hundred_thousand_tools_are_served(proxy: MemoryProxy) -> None:
    assert status(proxy, body_of(stream=False, tools=[*map(MANY_TOOLS["functions"], range(100_000))])) == 200


@pytest.mark.parametrize("item", ["{}", "null", "0", '""', "[]"])
@pytest.mark.parametrize("field", ["input", "tools"])
def test_a_million_empty_ones_are_refused(proxy: MemoryProxy, field: str, item: str) -> None:
    data = body_of(stream=False)[:-1] + f',"{field}":[{",".join([item] * 1_000_000)}]}}'.encode()
    assert status(proxy, data) == 400


def test_a_string_of_two_megabytes_is_passed_on(proxy: MemoryProxy) -> None:
    said = "ä€😀x" * 200_000
    client = proxy.post(body_of(stream=False, input=said, instructions=said))
    sent = json.loads(proxy.upstream[0].request[2])
    assert [each["content"] for each in sent["messages"]] == [said, said]
    client.leave()


def test_a_schema_of_ten_megabytes_is_passed_on_as_it_is(proxy: MemoryProxy) -> None:
    big = schema({"properties": {"a": {"enum": [f"value {n}" for n in range(700_000)]}}})
    client = proxy.post(body_of(stream=False, tools=[big]))
    sent = json.loads(proxy.upstream[0].request[2])
    assert sent["tools"][0]["function"]["parameters"] == big["parameters"]
    client.leave()


def test_references_do_not_make_an_enormous_request_of_a_small_one(make_proxy: MakeProxy) -> None:
    """What a request may hold is bounded also where it names what it was sent before."""
    proxy = make_proxy(
        {"MIMO_PROXY_MAX_BODY_BYTES": "1000000", "MIMO_PROXY_MAX_DECOMPRESSED_BYTES": "1000000"}
    )
    large = {"type": "message", "id": "msg_large", "role": "user", "content": "x" * 500_000}
    client = proxy.post(body_of(stream=False, store=True, input=[large]))
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert client.reply.status == 200
    proxy.upstream[0].transport.clear()
    client = proxy.post(body_of(stream=False, input=[{"type": "item_reference", "id": "msg_large"}] * 100))
    assert len(proxy.upstream[-1].received) < 5_000_000
    assert client.reply.status in (400, 413)
