"""What is held for a request while it waits: as much as has to be sent, and what is to be stored of it."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from tests.http_wire import Reply, body_of, chunked, finish, hello, request, text
from tests.memory_proxy import MemoryProxy

TURNS = 200
SAID = "word " * 2000


def long_body(*, store: bool) -> bytes:
    turns = [{"role": "user", "content": [{"type": "input_text", "text": SAID}]} for _ in range(TURNS)]
    tools = [{"type": "function", "name": f"f{n}", "parameters": {"type": "object"}} for n in range(10)]
    return body_of(input=turns, tools=tools, store=store)


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize(("store", "times"), [(False, 1.3), (True, 2.3)])
def test_a_request_that_waits_is_held_as_bytes(
    make_proxy: Callable[..., MemoryProxy], store: bool, times: float
) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_CONCURRENT": "1"})
    proxy.post()
    body = long_body(store=store)
    tracemalloc.start()
    try:
        before = traced()
        waiting = proxy.post(body)
        held = traced() - before
    finally:
        tracemalloc.stop()
    assert waiting.silent
    assert proxy.services.limiter.state.waiting == 1
    assert held < times * len(body)
    for _ in range(2):
        proxy.upstream[-1].send(chunked(hello()))
        proxy.settle()
    assert waiting.reply.last()["status"] == "completed"


def test_a_long_conversation_is_stored_in_hardly_more_than_its_json(proxy: MemoryProxy) -> None:
    answer = chunked(text("word " * 500) + finish())
    tools = [{"type": "function", "name": f"f{n}", "description": "d" * 400} for n in range(10)]
    client = proxy.connect()

    def asked(method: str, path: str, body: bytes = b"") -> Reply:
        client.send(request(method, path, body))
        if body:
            proxy.upstream[-1].send(answer)
            proxy.settle()
        reply = client.reply
        for end in (client.transport, proxy.upstream[-1].transport):
            end.clear()
            end.writes.clear()
        return reply

    size, fields = 0, {"instructions": "Be brief."}
    # The log that the tests keep grows as well, so only what is made here counts.
    ours = tracemalloc.Filter(True, "*/ccmimolink/*")
    tracemalloc.start()
    try:
        for _ in range(100):
            body = body_of(input="What is next?", store=True, tools=tools, **fields)
            fields["previous_response_id"] = asked("POST", "/v1/responses", body).last()["id"]
            stored = asked("GET", f"/v1/responses/{fields['previous_response_id']}")
            size += len(stored.body) + len("What is next?")
        gc.collect()
        made = tracemalloc.take_snapshot().filter_traces([ours]).statistics("filename")
    finally:
        tracemalloc.stop()
    assert proxy.services.store.bytes > size
    assert sum(each.size for each in made) < 0.8 * size
