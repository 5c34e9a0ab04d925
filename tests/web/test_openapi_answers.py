"""What is answered, of every kind, is what ``GET /openapi.json`` says; and the other way round."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fuzz.described import Described
from tests.fuzz.seeds import FULL, UPSTREAM
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, answer, body_of, chunk, chunked, hello
from tests.memory_proxy import MemoryClient, MemoryProxy


@pytest.fixture(scope="module")
def described() -> Described:
    return Described()


def answered(proxy: MemoryProxy, upstream: bytes, codex: bool = False, **fields: Any) -> MemoryClient:
    client = proxy.post(json.dumps(FULL | fields).encode(), codex=codex)
    proxy.upstream[-1].send(chunked(upstream))
    proxy.settle()
    return client


@pytest.mark.parametrize("codex", [False, True], ids=["generic", "codex"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("upstream", UPSTREAM.values(), ids=UPSTREAM)
def test_answers_are_as_described(
    described: Described, proxy: MemoryProxy, upstream: bytes, stream: bool, codex: bool
) -> None:
    reply = answered(proxy, upstream, codex, stream=stream).reply
    assert reply.complete
    described.check("POST", "/v1/responses", reply)


def test_a_silence_that_is_filled_is_as_described(described: Described, proxy: MemoryProxy) -> None:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD)
    proxy.advance(40)
    proxy.upstream[0].send(chunk(hello()) + LAST_CHUNK)
    proxy.settle()
    assert client.reply.types().count("in_progress") > 1
    described.check("POST", "/v1/responses", client.reply)


def test_a_stored_response_is_as_described(described: Described, proxy: MemoryProxy) -> None:
    made = answered(proxy, hello(), stream=False).reply.json()
    path = f"/v1/responses/{made['id']}"
    described.validate(described.document["components"]["parameters"]["response_id"]["schema"], made["id"])
    for method, asked in [
        ("GET", path),
        ("GET", f"{path}?stream=true"),
        ("GET", f"{path}/input_items?limit=100"),
        ("GET", f"{path}/input_items?limit=2&order=asc"),
        ("GET", f"{path}/input_items?limit=1000"),
        ("DELETE", path),
        ("DELETE", path),
        ("GET", path),
        ("GET", f"{path}/input_items"),
    ]:
        described.check(method, asked, proxy.ask(method, asked).reply)
        described.check(method, asked, proxy.ask(method, asked, originator="codex_exec").reply)


def test_the_model_list_is_as_described(described: Described, proxy: MemoryProxy) -> None:
    client = proxy.ask("GET", "/v1/models")
    proxy.upstream[0].send(answer(200, {"data": [{"id": "mimo-v3"}]}))
    proxy.settle()
    described.check("GET", "/v1/models", client.reply)
    assert [model["id"] for model in client.reply.json()["data"]] == ["mimo-v3"]


@pytest.mark.parametrize("path", ["/health", "/openapi.json"])
def test_what_costs_nothing_is_as_described(described: Described, proxy: MemoryProxy, path: str) -> None:
    described.check("GET", path, proxy.ask("GET", path).reply)
    described.check("GET", path, proxy.ask("GET", path, origin="null").reply)


def test_health_has_no_more_words_than_are_described(described: Described, proxy: MemoryProxy) -> None:
    proxy.post()
    proxy.services.live.drain()
    reply = proxy.ask("GET", "/health").reply
    assert reply.json()["status"] == "draining"
    described.check("GET", "/health", reply)


def upstream_status(status: int, **error: Any) -> Callable[[MemoryProxy, bool], MemoryClient]:
    def ask(proxy: MemoryProxy, codex: bool) -> MemoryClient:
        client = proxy.post(codex=codex)
        proxy.upstream[-1].send(answer(status, {"error": {"message": "no", **error}}))
        proxy.settle()
        return client

    return ask


def empty_answer(proxy: MemoryProxy, codex: bool) -> MemoryClient:
    client = proxy.post(codex=codex)
    proxy.upstream[-1].send(chunked(b""))
    proxy.settle()
    return client


def queued_in_vain(proxy: MemoryProxy, codex: bool) -> MemoryClient:
    for _ in range(2):
        proxy.post(codex=codex)
    return proxy.post(codex=codex)


def drained(proxy: MemoryProxy, codex: bool) -> MemoryClient:
    proxy.services.live.drain()
    return proxy.post(codex=codex)


def sent(body: bytes = b"{", /, **headers: str) -> Callable[[MemoryProxy, bool], MemoryClient]:
    return lambda proxy, codex: proxy.post(body, codex=codex, **headers)


def slow_request(proxy: MemoryProxy, codex: bool) -> MemoryClient:
    client = proxy.connect()
    client.send(b"POST /v1/responses HTTP/1.1\r\noriginator: %b\r\n" % (b"codex" if codex else b"x"))
    proxy.advance(130)
    return client


FAILURES: dict[str, tuple[int, Callable[[MemoryProxy, bool], MemoryClient]]] = {
    "no JSON": (400, sent()),
    "unsupported": (400, sent(body_of(background=True))),
    "unknown previous response": (400, sent(body_of(previous_response_id="resp_1"))),
    "a field of a wrong type": (400, sent(body_of(input=[{"role": 5}]))),
    "foreign page": (403, sent(body_of(), origin="http://evil.example")),
    "a form": (415, sent(body_of(), content_type="text/plain")),
    "unknown coding": (415, sent(body_of(), content_encoding="br")),
    "too large": (413, sent(b" " * 3000)),
    "large head": (431, sent(body_of(), x_filler="x" * 70_000)),
    "slow": (408, slow_request),
    "key rejected": (401, upstream_status(401)),
    "balance": (402, upstream_status(402, code="insufficient_balance")),
    "moderation": (400, upstream_status(421)),
    "context": (400, upstream_status(413)),
    "quota": (429, upstream_status(429, message="quota exhausted")),
    "rate": (429, upstream_status(429, message="too many requests")),
    "refused": (400, upstream_status(400, param="messages")),
    "down": (502, upstream_status(500)),
    "timeout": (504, upstream_status(504)),
    "empty": (502, empty_answer),
    "queue full": (429, queued_in_vain),
    "draining": (429, drained),
}
HASTY = {"MIMO_PROXY_RETRIES": "0", "MIMO_PROXY_MAX_WAITING": "1", "MIMO_PROXY_MAX_BODY_BYTES": "2999"}


@pytest.mark.parametrize("codex", [False, True], ids=["generic", "codex"])
@pytest.mark.parametrize(("status", "ask"), FAILURES.values(), ids=FAILURES)
def test_failures_are_as_described(
    described: Described,
    make_proxy: Any,
    status: int,
    ask: Callable[[MemoryProxy, bool], MemoryClient],
    codex: bool,
) -> None:
    reply = ask(make_proxy(HASTY), codex).reply
    assert reply.status == status or codex
    described.check("POST", "/v1/responses", reply)


def test_compact_is_as_described(described: Described, proxy: MemoryProxy) -> None:
    reply = proxy.ask("POST", "/v1/responses/compact", body_of()).reply
    assert reply.status == 501
    described.check("POST", "/v1/responses/compact", reply)


# -- requests -----------------------------------------------------------------------------------------------

REQUEST = {"$ref": "#/components/schemas/ResponsesRequest"}


def is_described(described: Described, body: object) -> bool:
    try:
        described.validate(REQUEST, body)
    except AssertionError:
        return False
    return True


def test_the_examples_are_as_described_and_served(described: Described, proxy: MemoryProxy) -> None:
    operation = described.document["paths"]["/v1/responses"]["post"]
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    assert examples
    for example in examples.values():
        described.validate(REQUEST, example["value"])
        client = proxy.post(json.dumps(example["value"]).encode())
        proxy.upstream[-1].send(chunked(hello()))
        proxy.settle()
        assert client.reply.status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"input": "text", "tools": None, "tool_choice": None, "include": None, "stream": None, "store": None},
        {"reasoning": None, "text": {"format": None, "verbosity": None}, "metadata": None, "temperature": 1},
        {"tools": [{"name": "no_kind"}, "a_custom_tool"], "tool_choice": "required"},
        {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "c"}]}]},
        {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}},
        {"max_output_tokens": None, "background": None},
    ],
)
def test_a_request_as_described_is_served(
    described: Described, proxy: MemoryProxy, fields: dict[str, Any]
) -> None:
    assert is_described(described, FULL | fields)
    assert answered(proxy, hello(), **fields).reply.status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"model": 5},
        {"input": [5]},
        {"input": [{}]},
        {"input": [{"role": None}]},
        {"input": [{"type": "message"}]},
        {"input": [{"type": "message", "role": 1, "content": "x"}]},
        {"input": [{"type": "item_reference"}]},
        {"input": [{"type": "compaction_trigger"}]},
        {"tools": [{"type": "function"}]},
        {"tools": [{"type": "function", "name": ""}]},
        {"tools": [{"type": "namespace", "name": "n", "tools": [{"parameters": {}}]}]},
        {"tools": [" "]},
        {"tools": [5]},
        {"tool_choice": "some"},
        {"text": {"format": {"type": "xml"}}},
        {"max_output_tokens": 0},
        {"background": True},
        {"conversation": "conv_1"},
        {"prompt": {"id": "p"}},
        {"metadata": {"a": 1}},
        {"temperature": "hot"},
        {"stream": "yes"},
    ],
)
def test_what_is_refused_for_its_shape_is_not_described(
    described: Described, proxy: MemoryProxy, fields: dict[str, Any]
) -> None:
    body = FULL | fields
    assert not is_described(described, body)
    assert proxy.post(json.dumps(body).encode()).reply.status == 400
