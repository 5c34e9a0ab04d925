"""Between the upstream's finish and the end of its body: what leaves at once, and what the end brings."""

from __future__ import annotations

from typing import Any

import pytest

from ccmimolink.plugins import PluginSet
from ccmimolink.web.relay import TAIL_TIMEOUT
from tests.conftest import LoggedFailures
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, body_of, call, chunk, finish, text
from tests.memory_proxy import MemoryClient, MemoryProxy

TOOLS = [
    {"type": "function", "name": "read", "parameters": {"type": "object"}},
    {"type": "custom", "name": "apply_patch"},
]


def finished(proxy: MemoryProxy, *parts: bytes, reason: str = "stop", stream: bool = True) -> MemoryClient:
    """A request whose upstream has said this and its finish, and keeps the connection."""
    client = proxy.post(body_of(tools=TOOLS, stream=stream))
    proxy.upstream[-1].send(STREAM_HEAD + b"".join(map(chunk, [*parts, finish(reason)])))
    proxy.settle()
    return client


def wait(proxy: MemoryProxy) -> None:
    # The relay looks at its silence every 10 s at the most.
    proxy.advance(TAIL_TIMEOUT + 10)


def end(proxy: MemoryProxy) -> None:
    proxy.upstream[-1].send(LAST_CHUNK)
    proxy.settle()


def abort(proxy: MemoryProxy) -> None:
    proxy.services.live.abort_all()
    proxy.settle()


UNTIL = pytest.mark.parametrize("until", [wait, end, abort])


def test_a_complete_call_leaves_with_the_finish(proxy: MemoryProxy) -> None:
    client = finished(proxy, call("read", '{"a":1}'), reason="tool_calls")
    assert client.reply.types()[-1] == "output_item.done"
    assert not client.reply.complete


@UNTIL
def test_a_call_that_is_not_complete_by_then_is_given_up(proxy: MemoryProxy, until: Any) -> None:
    client = finished(proxy, call("apply_patch", '{"input":"rm -rf /tmp'), reason="tool_calls")
    until(proxy)
    assert "output_item.done" not in client.reply.types()
    assert client.reply.last()["error"]["message"] == "MiMo's tool call broke off."
    proxy.assert_at_rest()


@UNTIL
def test_a_call_without_arguments_is_made_by_then(proxy: MemoryProxy, until: Any) -> None:
    client = finished(proxy, call("read", ""), reason="tool_calls")
    until(proxy)
    assert client.reply.last()["output"][0]["arguments"] == "{}"
    assert client.reply.last()["status"] == "completed"


class _EndlessSession:
    def feed(self, _text: str) -> Any:
        return []

    def finish(self) -> Any:
        raise ZeroDivisionError("on purpose")


class _Endless:
    name, priority, markers = "endless", 1, ("<oops>",)

    def begin(self, *_: Any) -> _EndlessSession:
        return _EndlessSession()


@UNTIL
@pytest.mark.parametrize("stream", [True, False])
def test_a_parser_that_fails_on_the_end_is_named(
    make_proxy: Any, logged_failures: LoggedFailures, until: Any, stream: bool
) -> None:
    plugins: Any = PluginSet(fallback_parsers=(_Endless(),))  # type: ignore[arg-type]
    proxy: MemoryProxy = make_proxy(plugins=plugins)
    client = finished(proxy, text("Look: <oops>"), stream=stream)
    until(proxy)
    assert logged_failures.take(ZeroDivisionError)
    reply = client.reply
    failed = reply.last()["error"] if stream else reply.error()
    assert "'endless'" in failed["message"]
    proxy.assert_at_rest()


def test_comments_behind_the_finish_do_not_keep_the_answer_open(proxy: MemoryProxy) -> None:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a") + finish()))
    for _ in range(12):
        proxy.advance(0.5)
        proxy.upstream[0].send(chunk(b": still here\n\n"))
        proxy.settle()
    assert client.reply.last()["status"] == "completed"
    proxy.assert_at_rest()
