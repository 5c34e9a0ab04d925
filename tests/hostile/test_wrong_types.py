"""Every place of a full request with something else in it: served, or refused by the path of that place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hostile.attacks import assert_next_is_served
from tests.hostile.vocabulary import FULL, INPUT, MIXED_UP, TOOLS, Path, places, replaced, spelled
from tests.http_wire import Reply, chunked, hello
from tests.memory_proxy import MemoryProxy

LAST = INPUT[-1]
# In pieces, for the walk takes its time: each item and each tool in a request of its own.
REQUESTS: dict[str, dict[str, Any]] = {
    "options": FULL | {"input": [LAST], "tools": [TOOLS[5]], "stream": False},
    **{
        f"input {n} {item.get('type')}": {"model": "m", "input": [item, LAST]} for n, item in enumerate(INPUT)
    },
    **{
        f"tool {n} {tool['type']}": {"model": "m", "input": [LAST], "tools": [tool]}
        for n, tool in enumerate(TOOLS)
    },
}


def own_places(request: dict[str, Any]) -> Iterator[Path]:
    """Those that no other request of the walk has."""
    for path in places(request):
        if path[:2] == ("input", len(request["input"]) - 1) and request["model"] == "m":
            continue
        if len(path) < 2 and request["model"] == "m":
            continue
        yield path


def asked(proxy: MemoryProxy, body: Any, codex: bool) -> Reply:
    client = proxy.post(json.dumps(body).encode(), codex=codex)
    if client.silent:
        wire = proxy.upstream[-1]
        assert json.loads(wire.received.rpartition(b"\r\n\r\n")[2])["messages"]
        wire.transport.clear()
        wire.send(chunked(hello()))
        proxy.settle()
    reply = client.reply
    assert reply.complete
    client.leave()
    return reply


def belongs_to(param: str, path: Path) -> bool:
    """Whether the place named is the one that was changed, one around or within it, or its neighbour.

    Without its kind an item is judged by what else it has.
    """
    place = spelled(path)
    param = param.removesuffix("[...]")
    return place.startswith(param) or param.startswith((place, spelled(path[:-1]) or place))


def check_refusal(reply: Reply, path: Path, codex: bool, where: str) -> None:
    assert reply.status == 400, where
    if codex:
        assert reply.headers["content-type"] == "text/plain; charset=utf-8", where
        told = reply.body.decode()
        assert not path or str(path[0]) in told or "the request" in told.lower(), (where, told)
    elif path:
        error = reply.error()
        assert error["param"], (where, error)
        assert belongs_to(error["param"], path), (where, error)
        named = error["param"].removesuffix("[...]") in error["message"]
        assert named or error["message"] == "The request holds no message.", (where, error)


@pytest.mark.parametrize("codex", [False, True], ids=["generic", "codex"])
def test_the_full_request_is_served(proxy: MemoryProxy, codex: bool) -> None:
    assert asked(proxy, FULL, codex).last()["status"] == "completed"
    assert sum(1 for request in REQUESTS.values() for _ in own_places(request)) > 250


@pytest.mark.parametrize("codex", [False, True], ids=["generic", "codex"])
@pytest.mark.parametrize("name", REQUESTS)
def test_something_else_in_each_place(proxy: MemoryProxy, name: str, codex: bool) -> None:
    request = REQUESTS[name]
    for path in own_places(request):
        for other in MIXED_UP[:: 3 if codex else 1]:
            where = f"{other!r} at {spelled(path)}"
            reply = asked(proxy, replaced(request, path, other), codex)
            if reply.status == 200:
                streamed = reply.headers["content-type"] == "text/event-stream"
                response = reply.last() if streamed else reply.json()
                assert response["status"] == "completed", where
            else:
                check_refusal(reply, path, codex, where)
    assert_next_is_served(proxy)
