"""What the log says of an answer, or of a request, that was not as it should be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from twisted.logger import globalLogPublisher, textFileLogObserver

from tests.http_wire import DONE, answer, body_of, chunked, delta, finish, hello
from tests.memory_proxy import MemoryProxy

SHELL = {"type": "function", "name": "shell", "parameters": {"type": "object", "properties": {}}}


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_calls_beyond_the_limit_are_cut_off_and_the_reason_is_logged(
    make_proxy: Callable[..., MemoryProxy], logged: list[str]
) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_CALLS": "2"})
    client = proxy.post(body_of(tools=[SHELL]))
    calls = [
        delta(
            tool_calls=[
                {"index": n, "id": f"call_{n}", "function": {"name": "shell", "arguments": f'{{"n":{n}}}'}}
            ]
        )
        for n in range(5)
    ]
    proxy.upstream[0].send(chunked(*calls, finish("tool_calls"), DONE))
    proxy.settle()
    assert [item["arguments"] for item in client.reply.last()["output"]] == ['{"n":0}', '{"n":1}']
    assert any(
        "3 tool calls beyond the first 2 were cut off (MIMO_PROXY_MAX_CALLS)" in line for line in logged
    )


def test_calls_that_never_got_a_name_are_logged(proxy: MemoryProxy, logged: list[str]) -> None:
    proxy.post(body_of(tools=[SHELL]))
    ghost = delta(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}])
    proxy.upstream[0].send(chunked(delta(content="Hm."), ghost, finish(), DONE))
    proxy.settle()
    assert any("1 tool calls without a name were dropped" in line for line in logged)


def test_an_empty_answer_is_logged(proxy: MemoryProxy, logged: list[str]) -> None:
    client = proxy.post()
    proxy.upstream[0].send(chunked(finish(), DONE))
    proxy.settle()
    assert client.reply.last()["output"] == []
    assert any("MiMo's answer was empty" in line for line in logged)


def test_an_answer_of_thinking_alone_is_given_as_text_and_logged(
    proxy: MemoryProxy, logged: list[str]
) -> None:
    client = proxy.post()
    proxy.upstream[0].send(chunked(delta(reasoning_content="42."), finish(), DONE))
    proxy.settle()
    assert [item["type"] for item in client.reply.last()["output"]] == ["reasoning", "message"]
    assert any("the answer was thinking alone" in line for line in logged)


@pytest.fixture
def log_file() -> Iterator[StringIO]:
    """The log as it is written to its file."""
    file = StringIO()
    observer = textFileLogObserver(file)
    globalLogPublisher.addObserver(observer)
    yield file
    globalLogPublisher.removeObserver(observer)


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/responses"), ("GET", "/v1/models")])
def test_what_mimo_says_stands_on_one_line_of_the_log_and_is_not_endless(
    proxy: MemoryProxy, log_file: StringIO, method: str, path: str
) -> None:
    client = proxy.ask(method, path, body_of() if method == "POST" else b"")
    said = "something is bad\r\n2026-01-01T00:00:00 [ccmimolink] forged " + "x" * 500
    proxy.upstream[0].send(answer(400, {"error": {"code": "400", "message": "Oops", "param": said}}))
    proxy.settle()
    assert client.reply.complete
    (line,) = [line for line in log_file.getvalue().split("\n") if "something is bad" in line]
    assert "forged" in line
    assert len(line) < 700


@pytest.mark.parametrize("codex", [True, False])
def test_an_absurdly_nested_item_costs_itself_only(
    proxy: MemoryProxy, logged: list[str], *, codex: bool
) -> None:
    items = b'[{"type":"odd","x":%b},{"role":"user","content":"still here"}]' % nested(10_000)
    body = body_of(input=None).replace(b'"input": null', b'"input": ' + items)
    client = proxy.post(body, codex=codex)
    sent = json.loads(proxy.upstream[0].request[2])
    assert [message["content"] for message in sent["messages"]] == ["still here"]
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert client.reply.last()["status"] == "completed"
    assert any("nested deeper than" in line for line in logged)


def test_an_item_with_a_wrong_type_is_repaired_and_its_place_is_logged(
    proxy: MemoryProxy, logged: list[str]
) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "shell", "arguments": {"secret": "sk-fake-1"}}
    proxy.post(body_of(input=[call, {"role": "user", "content": "still here"}]), codex=True)
    first, *_, last = json.loads(proxy.upstream[0].request[2])["messages"]
    assert json.loads(first["tool_calls"][0]["function"]["arguments"]) == call["arguments"]
    assert last["content"] == "still here"
    (line,) = (line for line in logged if "input[0].arguments" in line)
    assert "repaired" in line
    assert not any("sk-fake-1" in line for line in logged)


def test_a_call_that_says_nothing_is_logged_as_an_item_not_as_a_kind(
    proxy: MemoryProxy, logged: list[str]
) -> None:
    proxy.post(body_of(input=[{"type": "function_call"}, {"role": "user", "content": "hi"}]))
    (line,) = (line for line in logged if "passed" in line)
    assert "input[0]: Object missing required field 'call_id'. The item was passed over." in line


@pytest.mark.parametrize("depth", [100, 200, 500, 900, 950, 990, 1000, 1100, 3000])
def test_no_depth_of_nesting_is_an_internal_error(proxy: MemoryProxy, depth: int) -> None:
    for item in (
        b'{"type":"tool_search_call","call_id":"c","execution":"client","arguments":{"query":%b}}',
        b'{"type":"function_call_output","call_id":"c","output":{"x":%b}}',
        b'{"type":"shell_call","call_id":"c","action":%b}',
        b'{"type":"local_shell_call","call_id":"c","action":{"x":%b}}',
        b'{"type":"function_call","call_id":5,"name":"f","arguments":{"x":%b}}',
        b'{"type":"local_shell_call","call_id":5,"action":%b}',
        b'{"type":"additional_tools","tools":[5,{"name":"f","format":{"x":%b}}]}',
    ):
        items = b'[{"role":"user","content":"hi"},%b,{"role":"user","content":"go"}]' % (item % nested(depth))
        body = body_of(input=None, store=True).replace(b'"input": null', b'"input": ' + items)
        client = proxy.post(body, codex=True)
        if not client.silent:
            assert client.reply.status == 400
            assert b"ccmimolink failed" not in client.reply.body
        client.leave()


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"type": "compaction", "encrypted_content": "sealed"}, "compaction"),
        ({"type": "ghost_snapshot"}, "ghost_snapshot"),
    ],
)
def test_an_item_that_is_passed_over_is_logged_also_where_it_is_the_only_one_of_its_kind(
    proxy: MemoryProxy, logged: list[str], item: dict[str, str], kind: str
) -> None:
    for _ in range(2):
        proxy.post(body_of(input=[{"role": "user", "content": "hi"}, item]))
        proxy.upstream[-1].send(chunked(hello()))
        proxy.settle()
    assert sum(f"input items of kind '{kind}' are not passed on to MiMo" in line for line in logged) == 1
