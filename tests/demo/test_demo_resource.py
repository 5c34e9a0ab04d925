"""The simulated MiMo over HTTP: keys, paths, errors, the wire of a stream and its pace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.demo.demo_client import Mimo

TOOL = {
    "type": "function",
    "function": {
        "name": "exec_command",
        "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}},
    },
}
CREATE: dict[str, Any] = {"messages": [{"role": "user", "content": "create a.txt with hi"}], "tools": [TOOL]}
USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}


def test_models_lists_the_served_models(mimo: Mimo) -> None:
    listed = mimo.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == [
        "mimo-v2.5",
        "mimo-v2.5-pro",
        "mimo-v2.6-pro",
        "mimo-v2.6-flash",
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic c2s="},
        {"authorization": "Bearer "},
        {"authorization": "Bearer eyJfake"},
        {"api-key": "local-mimo-proxy"},
        {"api-key": "PROXY_MANAGED"},
        {"api-key": "eyJfake", "authorization": "Bearer sk-fake-demo"},
    ],
)
def test_what_is_no_mimo_key_is_401(mimo: Mimo, headers: dict[str, str]) -> None:
    for reply in (mimo.get("/v1/models", headers), mimo.post(headers=headers)):
        assert reply.status == 401
        assert set(reply.error()) == {"code", "message", "param", "type"}


@pytest.mark.parametrize("headers", [{"api-key": "tp-fake"}, {"authorization": "Bearer sk-fake"}])
def test_either_header_carries_the_key(mimo: Mimo, headers: dict[str, str]) -> None:
    assert mimo.post(headers=headers).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/chat", "/v1/responses", "/v1/models/x", "/v1/chat/completions/x"]
)
def test_an_unknown_path_is_404_in_json(mimo: Mimo, path: str) -> None:
    reply = mimo.get(path)
    assert (reply.status, reply.error()["code"]) == (404, "404")


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/models"), ("GET", "/v1/chat/completions")])
def test_a_wrong_method_is_405_in_json(mimo: Mimo, method: str, path: str) -> None:
    reply = mimo.open(method, path).reply
    assert (reply.status, reply.error()["code"]) == (405, "405")
    assert reply.headers["allow"]


@pytest.mark.parametrize("body", [b"", b"{", b'"\xff"', b"[" * 5000, b"NaN"])
def test_what_is_not_json_is_400(mimo: Mimo, body: bytes) -> None:
    assert mimo.post(body).status == 400


@given(st.binary(max_size=50))
def test_any_body_gets_an_error_in_json(body: bytes) -> None:
    assert Mimo().post(body).error()["message"] == "Param Incorrect"


def test_an_error_has_the_reason_in_param(mimo: Mimo) -> None:
    reply = mimo.post(model="gpt-5")
    assert reply.body.startswith(b"{")
    assert reply.error() == {
        "code": "400",
        "message": "Param Incorrect",
        "param": "Unsupported model: gpt-5",
        "type": "",
    }


def test_an_error_to_a_stream_request_stands_behind_data(mimo: Mimo) -> None:
    reply = mimo.post(model="gpt-5", stream=True)
    assert reply.body.startswith(b'data:{"error"')
    assert reply.headers["content-type"] == "application/json"


def test_a_stream_is_role_reasoning_content_finish_usage_done(mimo: Mimo) -> None:
    reply = mimo.stream(**USAGE).reply
    assert reply.headers["content-type"] == "text/event-stream"
    *chunks, usage, done = reply.events()
    assert done == "[DONE]"
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    kinds = [next(iter(delta)) for delta in deltas[1:-1]]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"reasoning_content", "content"}
    assert [c["choices"][0]["finish_reason"] for c in chunks] == [None] * (len(chunks) - 1) + ["stop"]


def test_all_chunks_of_a_stream_share_their_stamp(mimo: Mimo) -> None:
    events = mimo.stream(**USAGE).reply.events()[:-1]
    stamps = {(e["id"], e["object"], e["created"], e["model"]) for e in events}
    assert stamps == {("chatcmpl-demo-1", "chat.completion.chunk", 1_800_000_000, "mimo-v2.5")}


def test_usage_is_sent_only_when_asked_for(mimo: Mimo) -> None:
    assert all(event == "[DONE]" or event["choices"] for event in mimo.stream().reply.events())


def test_without_thinking_there_is_no_reasoning(mimo: Mimo) -> None:
    reply = mimo.stream(thinking={"type": "disabled"}, **USAGE).reply
    assert reply.text("reasoning_content") == ""
    assert reply.events()[-2]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}


def test_a_streamed_call_opens_with_id_and_name_and_goes_on_in_fragments(mimo: Mimo) -> None:
    reply = mimo.stream(**CREATE).reply
    opening, *fragments = [call for delta in reply.deltas() for call in delta.get("tool_calls", ())]
    assert opening["id"].startswith("call_")
    assert opening["function"] == {"name": "exec_command", "arguments": ""}
    assert len(fragments) > 1
    assert all(set(fragment) == {"index", "function"} for fragment in fragments)
    arguments = "".join(fragment["function"]["arguments"] for fragment in fragments)
    assert json.loads(arguments) == {"cmd": "printf '%s\\n' hi > a.txt"}
    assert reply.events()[-2]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("request_", [{}, CREATE])
def test_a_whole_completion_equals_its_stream(mimo: Mimo, request_: dict[str, Any]) -> None:
    whole, stream = mimo.post(**request_).json(), mimo.stream(**request_, **USAGE).reply
    message = whole["choices"][0]["message"]
    assert whole["object"] == "chat.completion"
    assert message["content"] == stream.text()
    assert message["reasoning_content"] == stream.text("reasoning_content")
    assert bool(message["tool_calls"]) == bool(request_)
    streamed = stream.events()
    assert whole["usage"] == streamed[-2]["usage"]
    assert whole["choices"][0]["finish_reason"] == streamed[-3]["choices"][0]["finish_reason"]


def test_the_answer_to_a_call_can_be_sent_back_as_history(mimo: Mimo) -> None:
    message = mimo.post(**CREATE).json()["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "Exit code: 0"}
    reply = mimo.post(messages=[*CREATE["messages"], message, result], tools=[TOOL])
    assert reply.status == 200
    assert "a.txt" in reply.json()["choices"][0]["message"]["content"]


def test_an_answer_ends_where_max_completion_tokens_says(mimo: Mimo) -> None:
    whole = mimo.post(max_completion_tokens=10).json()
    assert whole["choices"][0]["finish_reason"] == "length"
    assert whole["usage"]["completion_tokens"] <= 10


def test_each_event_is_written_when_it_is_due(slow_mimo: Mimo) -> None:
    exchange = slow_mimo.stream()
    assert len(exchange.reply.events()) == 1
    slow_mimo.clock.advance(0.4)
    assert len(exchange.reply.events()) == 1
    slow_mimo.clock.advance(0.1)
    assert len(exchange.reply.events()) == 2
    assert not exchange.finished


def test_a_stream_ends_by_itself(slow_mimo: Mimo) -> None:
    exchange = slow_mimo.stream()
    slow_mimo.clock.pump([0.5] * 200)
    assert exchange.finished
    assert exchange.reply.events()[-1] == "[DONE]"


def test_nothing_is_written_while_the_reader_is_behind(slow_mimo: Mimo) -> None:
    exchange = slow_mimo.stream()
    exchange.pause()
    slow_mimo.clock.pump([0.5] * 20)
    assert len(exchange.reply.events()) == 1
    exchange.resume()
    slow_mimo.clock.pump([0.5] * 200)
    assert exchange.reply.events()[-1] == "[DONE]"


def test_a_reader_that_leaves_stops_the_writer(slow_mimo: Mimo) -> None:
    exchange = slow_mimo.stream()
    exchange.disconnect(Failure(ConnectionDone()))
    slow_mimo.clock.pump([0.5] * 20)
    assert len(exchange.reply.events()) == 1
    assert slow_mimo.clock.getDelayedCalls() == []
