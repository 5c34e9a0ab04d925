"""Plugins that do worse than to raise an ordinary error: it costs one request, and no other."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed

from ccmimolink.core.responses import Message
from ccmimolink.core.tools import Dropped
from ccmimolink.plugins import PluginSet
from tests.conftest import LoggedFailures
from tests.hostile.attacks import assert_next_is_served
from tests.http_wire import DONE, STREAM_HEAD, Reply, body_of, chunk, chunked, finish, hello, text
from tests.memory_proxy import MemoryProxy

MakeProxy = Callable[..., MemoryProxy]
TOOLS = [{"type": "function", "name": "read", "parameters": {"type": "object"}}]
ERRORS = [SystemExit, KeyboardInterrupt, RecursionError, MemoryError, StopIteration]
EVERY_ERROR = pytest.mark.parametrize("error", ERRORS)


class Plugin:
    """Any of the three, which does what it is told the first time, and nothing after."""

    name, priority, markers = "unruly", 1, ("<oops>",)

    def __init__(self, act: Callable[..., Any]) -> None:
        self._act = act
        self._calls = 0

    def _first(self, *arguments: Any) -> bool:
        self._calls += 1
        return self._calls == 1

    def transform(self, request: Any, context: Any) -> Any:
        return self._act(request) if self._first() else request

    def filter(self, tool: Any, context: Any) -> Any:
        return self._act(tool) if self._first() else tool

    def begin(self, tools: Any, marker: str = "") -> Any:
        return self._act(tools) if self._first() else None


def proxy_with(make_proxy: MakeProxy, kind: str, act: Callable[..., Any]) -> MemoryProxy:
    return make_proxy(plugins=PluginSet(**{kind: (Plugin(act),)}))  # type: ignore[arg-type]


def raising(error: type[BaseException]) -> Callable[..., Any]:
    def act(*_: Any) -> Any:
        raise error("on purpose")

    return act


def recursing(*_: Any) -> Any:
    def again() -> Any:
        return again()

    return again()


def change(value: Any, name: str, other: Any) -> None:
    """In place, if that is possible: not to be changed is one way to hold."""
    with contextlib.suppress(AttributeError):
        setattr(value, name, other)


def contained(step: Callable[..., Any], *arguments: Any) -> Any:
    """Take a step in which nothing may escape to the reactor."""
    try:
        return step(*arguments)
    except BaseException as error:  # as it is here, it would end the tests
        pytest.fail(f"{error!r} escaped to the reactor")


def assert_named(reply: Reply) -> None:
    assert reply.status == 400
    assert reply.error()["code"] == "plugin_failed"
    assert "'unruly'" in reply.error()["message"]


@EVERY_ERROR
@pytest.mark.parametrize("kind", ["transforms", "tool_filters"])
def test_an_error_that_ends_programs_ends_the_request(
    make_proxy: MakeProxy, logged_failures: LoggedFailures, kind: str, error: type[BaseException]
) -> None:
    proxy = proxy_with(make_proxy, kind, raising(error))
    reply = contained(proxy.post, body_of(tools=TOOLS)).reply
    assert logged_failures.take()
    assert proxy.upstream == []
    assert_next_is_served(proxy)
    assert_named(reply)


@EVERY_ERROR
def test_nor_does_one_that_comes_later(
    make_proxy: MakeProxy, logged_failures: LoggedFailures, error: type[BaseException]
) -> None:
    proxy = proxy_with(make_proxy, "transforms", lambda _: fail(error("on purpose")))
    reply = contained(proxy.post).reply
    assert logged_failures.take()
    assert_next_is_served(proxy)
    assert_named(reply)


@EVERY_ERROR
@pytest.mark.parametrize("at", ["begin", "feed", "finish"])
@pytest.mark.parametrize("stream", [True, False])
def test_one_of_a_parser_ends_the_answer(
    make_proxy: MakeProxy, logged_failures: LoggedFailures, error: type[BaseException], at: str, stream: bool
) -> None:
    class Session:
        def feed(self, text: str) -> Any:
            return raising(error)() if at == "feed" else ()

        def finish(self) -> Any:
            return raising(error)() if at == "finish" else ()

    proxy = proxy_with(
        make_proxy, "fallback_parsers", raising(error) if at == "begin" else lambda _: Session()
    )
    client = proxy.post(body_of(tools=TOOLS, stream=stream))
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("fine so far. ")))
    proxy.settle()
    proxy.upstream[0].send(chunk(text("<oops> and so on")) + chunk(finish() + DONE))
    contained(proxy.advance, 20)
    assert logged_failures.take()
    proxy.assert_at_rest()
    assert client.reply.complete
    assert b"'unruly'" in client.reply.body
    assert_next_is_served(proxy)


@pytest.mark.parametrize("kind", ["transforms", "tool_filters"])
def test_a_recursion_without_end_ends_the_request(
    make_proxy: MakeProxy, logged_failures: LoggedFailures, kind: str
) -> None:
    proxy = proxy_with(make_proxy, kind, recursing)
    assert_named(proxy.post(body_of(tools=TOOLS)).reply)
    assert logged_failures.take(RecursionError)
    assert_next_is_served(proxy)


WRONG = {
    "nothing": None,
    "a number": 5,
    "a text": "x",
    "a list": [],
    "an object": object(),
    "a type": int,
    "a failure as a value": ValueError("x"),
    "an iterator": iter(()),
    "true": True,
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("kind", ["transforms", "tool_filters"])
@pytest.mark.parametrize("later", [False, True])
def test_an_answer_of_a_wrong_type_ends_the_request(
    make_proxy: MakeProxy, logged_failures: LoggedFailures, kind: str, answer: Any, later: bool
) -> None:
    proxy = proxy_with(make_proxy, kind, lambda _: succeed(answer) if later else answer)
    assert_named(proxy.post(body_of(tools=TOOLS)).reply)
    assert logged_failures.take(TypeError)
    assert proxy.upstream == []
    assert_next_is_served(proxy)


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("at", ["begin", "feed", "finish"])
def test_a_parser_that_answers_with_something_else_ends_no_more_than_its_answer(
    make_proxy: MakeProxy, logged_failures: LoggedFailures, answer: Any, at: str
) -> None:
    class Session:
        def feed(self, text: str) -> Any:
            return answer if at == "feed" else ()

        def finish(self) -> Any:
            return answer if at == "finish" else ()

    proxy = proxy_with(make_proxy, "fallback_parsers", lambda _: answer if at == "begin" else Session())
    client = proxy.post(body_of(tools=TOOLS))
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("<oops> and so on")) + chunk(finish() + DONE))
    proxy.advance(20)
    proxy.assert_at_rest()
    told = client.reply
    assert told.complete
    if logged_failures.take():
        assert b"'unruly'" in told.body
    else:
        assert told.last()["status"] == "completed"
    assert_next_is_served(proxy)


@pytest.mark.parametrize("leaves", [True, False])
def test_a_transform_that_never_answers_holds_nothing_of_others(make_proxy: MakeProxy, leaves: bool) -> None:
    stuck: list[Deferred[Any]] = []

    def never(_: Any) -> Deferred[Any]:
        stuck.append(Deferred())
        return stuck[-1]

    proxy = proxy_with(make_proxy, "transforms", never)
    client = proxy.post()
    state = proxy.services.limiter.state
    assert (state.in_flight, state.waiting) == (0, 0)
    other = proxy.post(body_of(stream=False))
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert other.reply.json()["status"] == "completed"
    if leaves:
        client.leave()
    else:
        proxy.services.live.abort_all()
        proxy.settle()
        assert client.reply.status == 429
    proxy.assert_at_rest()
    assert stuck[0].called


def test_a_deferred_that_cannot_be_cancelled_keeps_no_request(make_proxy: MakeProxy) -> None:
    """Twisted passes over what such a one gives later."""
    stubborn: Deferred[Any] = Deferred(lambda _: None)
    proxy = proxy_with(make_proxy, "transforms", lambda _: stubborn)
    client = proxy.post()
    client.leave()
    proxy.assert_at_rest()
    if not stubborn.called:
        stubborn.callback(None)
    assert proxy.upstream == []
    assert_next_is_served(proxy)


def test_a_transform_that_changes_its_request_in_place_changes_that_one_only(make_proxy: MakeProxy) -> None:
    def spoil(request: Any) -> Any:
        request.input.clear()
        request.tools.clear()
        change(request, "model", "spoilt")
        change(request, "metadata", {"a": "spoilt"})
        return replace(request, input=request.input)

    proxy = proxy_with(make_proxy, "transforms", spoil)
    client = proxy.post(body_of(stream=False, store=True, tools=TOOLS))
    for connection in proxy.upstream:
        connection.send(chunked(hello()))
    proxy.settle()
    assert client.reply.status in (200, 400)
    assert_next_is_served(proxy)
    sent = json.loads(proxy.upstream[-1].received.rpartition(b"\r\n\r\n")[2])
    assert sent["model"] != "spoilt"
    assert sent["messages"] == [{"role": "user", "content": "hello"}]


def test_what_a_request_continues_cannot_be_spoilt_by_a_transform(make_proxy: MakeProxy) -> None:
    def spoil(request: Any) -> Any:
        for item in request.input:
            if isinstance(item, Message):
                change(item, "content", "spoilt")
        return request

    act: list[Callable[[Any], Any]] = [lambda request: request]

    class Spoiler(Plugin):
        def transform(self, request: Any, context: Any) -> Any:
            return act[0](request)

    proxy = make_proxy(plugins=PluginSet(transforms=(Spoiler(spoil),)))  # type: ignore[arg-type]
    first = proxy.post(body_of(stream=False, store=True, input="one"))
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    stored = first.reply.json()["id"]
    act[0] = spoil
    client = proxy.post(body_of(stream=False, store=True, input="two", previous_response_id=stored))
    client.leave()
    act[0] = lambda request: request
    client = proxy.post(body_of(stream=False, input="three", previous_response_id=stored))
    sent = json.loads(proxy.upstream[-1].received.rpartition(b"\r\n\r\n")[2])
    assert [each["content"] for each in sent["messages"]] == ["one", "Hello", "three"]
    client.leave()


def test_a_filter_that_changes_a_tool_in_place_changes_no_other_request(make_proxy: MakeProxy) -> None:
    def spoil(tool: Any) -> Any:
        for name in ("description", "upstream_name", "name"):
            change(tool, name, "spoilt")
        return Dropped("spoilt")

    proxy = proxy_with(make_proxy, "tool_filters", spoil)
    client = proxy.post(body_of(stream=False, tools=TOOLS))
    for connection in proxy.upstream:
        connection.send(chunked(hello()))
    proxy.settle()
    assert client.reply.status in (200, 400)
    client = proxy.post(body_of(stream=False, tools=TOOLS))
    assert b"spoilt" not in proxy.upstream[-1].received.rpartition(b"\r\n\r\n")[2]
    client.leave()


def test_a_plugin_that_logs_and_prints_what_it_was_given_is_its_own_affair(make_proxy: MakeProxy) -> None:
    """What it is given holds no key, so that it cannot pass one on."""
    seen: list[str] = []

    def look(request: Any) -> Any:
        seen.append(repr(request))
        return request

    proxy = proxy_with(make_proxy, "transforms", look)
    proxy.post(x_mimo_api_key="fake-secret-key", authorization="Bearer fake-secret-key")
    assert seen
    assert "fake-secret" not in seen[0]
