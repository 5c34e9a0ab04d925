"""A plugin that fails costs its request and nothing else; the answer and the log name it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail

from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.plugins import PluginSet
from tests.conftest import LoggedFailures
from tests.http_wire import DONE, STREAM_HEAD, Reply, body_of, chunk, chunked, finish, hello, request, text
from tests.memory_proxy import MemoryProxy

TOOLS = [{"type": "function", "name": "read", "parameters": {"type": "object"}}]


class Plugin:
    """Any of the three, which does what it is told."""

    name, priority, markers = "clumsy", 1, ("<oops>",)

    def __init__(self, act: Any) -> None:
        self.transform = self.filter = self.begin = act


def raises(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("on purpose")


class FailingSession:
    def feed(self, text: str) -> Any:
        raise ZeroDivisionError("on purpose")

    finish = feed


class FailingAtTheEnd:
    def feed(self, text: str) -> Any:
        return ()

    def finish(self) -> Any:
        raise ZeroDivisionError("on purpose")


def proxy_with(make_proxy: Any, kind: str, act: Any) -> MemoryProxy:
    made: MemoryProxy = make_proxy(plugins=PluginSet(**{kind: (Plugin(act),)}))  # type: ignore[arg-type]
    return made


def assert_named(reply: Reply, codex: bool) -> None:
    assert reply.status == 400
    assert b"'clumsy'" in reply.body
    assert reply.headers["content-type"].startswith("text/plain" if codex else "application/json")
    if not codex:
        assert reply.error()["code"] == "plugin_failed"


@pytest.mark.parametrize("codex", [False, True])
@pytest.mark.parametrize(
    "act", [raises, lambda *_: fail(ZeroDivisionError("on purpose"))], ids=["raises", "fails later"]
)
def test_a_failing_transform_is_named(
    make_proxy: Any, logged_failures: LoggedFailures, logged: list[str], act: Any, codex: bool
) -> None:
    proxy = proxy_with(make_proxy, "transforms", act)
    assert_named(proxy.post(codex=codex).reply, codex)
    assert len(logged_failures.take(ZeroDivisionError)) == 1
    assert [line for line in logged if "clumsy" in line]
    assert proxy.upstream == []


def test_a_transform_that_answers_with_something_else_is_named(
    make_proxy: Any, logged_failures: LoggedFailures
) -> None:
    proxy = proxy_with(make_proxy, "transforms", lambda *_: None)
    assert_named(proxy.post().reply, codex=False)
    assert logged_failures.take(TypeError)


def test_a_failing_filter_is_named(make_proxy: Any, logged_failures: LoggedFailures) -> None:
    proxy = proxy_with(make_proxy, "tool_filters", raises)
    assert_named(proxy.post(body_of(tools=TOOLS)).reply, codex=False)
    assert logged_failures.take(ZeroDivisionError)


PARSERS = pytest.mark.parametrize("act", [raises, lambda *_: FailingSession()], ids=["begin", "feed"])


@PARSERS
@pytest.mark.parametrize("stream", [True, False])
def test_a_failing_parser_is_named_while_nothing_was_sent(
    make_proxy: Any, logged_failures: LoggedFailures, act: Any, stream: bool
) -> None:
    proxy = proxy_with(make_proxy, "fallback_parsers", act)
    client = proxy.post(body_of(tools=TOOLS, stream=stream))
    proxy.upstream[0].send(chunked(text("<oops> and so on"), finish(), DONE))
    proxy.settle()
    assert logged_failures.take(ZeroDivisionError)
    if client.reply.headers["content-type"] == "text/event-stream":
        assert client.reply.types()[-1] == "failed"
        assert "'clumsy'" in client.reply.last()["error"]["message"]
    else:
        assert_named(client.reply, codex=False)


@PARSERS
def test_a_parser_that_fails_in_the_stream_ends_it(
    make_proxy: Any, logged_failures: LoggedFailures, act: Any
) -> None:
    proxy = proxy_with(make_proxy, "fallback_parsers", act)
    client = proxy.post(body_of(tools=TOOLS))
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("fine so far. ")))
    proxy.settle()
    proxy.upstream[0].send(chunk(text("<oops>")))
    proxy.settle()
    assert logged_failures.take(ZeroDivisionError)
    assert client.reply.complete
    assert client.reply.types()[-1] == "failed"
    assert "'clumsy'" in client.reply.last()["error"]["message"]
    assert proxy.upstream[0].dropped
    proxy.assert_at_rest()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("end", ["said", "closed", "waited for", "drained"])
def test_a_parser_that_fails_on_the_end_of_a_turn_is_named_however_the_turn_ends(
    make_proxy: Any, logged_failures: LoggedFailures, end: str, stream: bool
) -> None:
    proxy = proxy_with(make_proxy, "fallback_parsers", lambda *_: FailingAtTheEnd())
    client = proxy.post(body_of(tools=TOOLS, stream=stream))
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("<oops>")) + chunk(finish()))
    proxy.settle()
    if end == "said":
        proxy.upstream[0].send(chunk(DONE))
        proxy.settle()
    elif end == "closed":
        proxy.upstream[0].close()
    elif end == "waited for":
        proxy.advance(11)
    else:
        proxy.services.live.abort_all()
    assert len(logged_failures.take(ZeroDivisionError)) == 1
    assert client.reply.complete
    assert b"'clumsy'" in client.reply.body
    assert proxy.upstream[0].dropped
    proxy.assert_at_rest()


def test_the_process_lives_on(make_proxy: Any, logged_failures: LoggedFailures) -> None:
    calls: list[Any] = []

    def once(request: Any, _: Any) -> Any:
        calls.append(request)
        if len(calls) == 1:
            raise ZeroDivisionError
        return request

    proxy = proxy_with(make_proxy, "transforms", once)
    assert proxy.post().reply.status == 400
    client = proxy.post()
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert client.reply.output_text() == "Hello"
    logged_failures.take(ZeroDivisionError)


def test_a_transform_may_take_its_time(make_proxy: Any) -> None:
    later: list[tuple[Deferred[Any], Any]] = []

    def wait(request: Any, _: Any) -> Deferred[Any]:
        later.append((Deferred(), request))
        return later[-1][0]

    proxy = proxy_with(make_proxy, "transforms", wait)
    client = proxy.post()
    assert proxy.upstream == []
    deferred, request = later[0]
    deferred.callback(request)
    proxy.settle()
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert client.reply.output_text() == "Hello"


def test_a_transform_may_refuse_in_its_own_words(make_proxy: Any) -> None:
    def refuse(*_: Any) -> Any:
        raise RequestError(Failure(FailureKind.UNSUPPORTED, "Not on a Sunday."))

    reply = proxy_with(make_proxy, "transforms", refuse).post().reply
    assert (reply.status, reply.error()["message"]) == (400, "Not on a Sunday.")


@pytest.mark.parametrize(
    ("asked", "answered", "stored"),
    [(True, False, False), (False, True, False), (True, True, True), (False, False, False)],
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_transform_may_keep_an_answer_from_being_stored_and_never_have_it_stored(
    make_proxy: Any, asked: bool, answered: bool, stored: bool, stream: bool
) -> None:
    proxy = proxy_with(make_proxy, "transforms", lambda request, _: replace(request, store=answered))
    client = proxy.post(body_of(store=asked, stream=stream, input="mine"))
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    response = client.reply.last() if stream else client.reply.json()
    assert response["store"] is stored
    assert (proxy.services.store.get(response["id"]) is not None) is stored


def test_what_the_client_asked_for_is_echoed_and_stored_whatever_a_transform_makes_of_it(
    make_proxy: Any,
) -> None:
    def change(request: Any, _: Any) -> Any:
        redacted = [replace(request.input[0], content="[redacted]")]
        return replace(
            request, input=redacted, instructions="Be kind.", max_output_tokens=7, stream=False, include=[]
        )

    proxy = proxy_with(make_proxy, "transforms", change)
    client = proxy.post(body_of(store=True, input="mine", instructions="Be terse.", max_output_tokens=99))
    body = json.loads(proxy.upstream[0].request[2])
    assert [each["content"] for each in body["messages"]] == ["Be kind.", "[redacted]"]
    assert body["max_completion_tokens"] == 7
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    response = client.reply.last()
    assert (response["instructions"], response["max_output_tokens"]) == ("Be terse.", 99)
    items = proxy.ask("GET", f"/v1/responses/{response['id']}/input_items").reply.json()["data"]
    assert "mine" in str(items)


def test_a_fault_of_our_own_is_told_with_the_id_to_look_for(
    proxy: MemoryProxy, logged_failures: LoggedFailures, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmimolink.web.exchange.translate_request", raises)
    reply = proxy.post().reply
    assert (reply.status, reply.error()["code"]) == (500, "internal_error")
    name = next(word for word in reply.error()["message"].split() if word.startswith("req_")).rstrip(".")
    assert [line for line in logged if name in line]
    assert logged_failures.take(ZeroDivisionError)
    assert proxy.upstream == []


@pytest.mark.parametrize("broken", ["receive", "receive_eof", "keep_alive"])
def test_a_fault_of_our_own_in_the_stream_ends_it(
    proxy: MemoryProxy, logged_failures: LoggedFailures, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    monkeypatch.setattr(f"ccmimolink.core.stream.ResponseStream.{broken}", raises)
    if broken == "receive":
        proxy.upstream[0].send(chunk(text("b")))
    elif broken == "receive_eof":
        proxy.upstream[0].close()
    proxy.advance(16)
    assert logged_failures.take(ZeroDivisionError)
    assert client.reply.complete
    assert client.reply.types()[-1] == "failed"
    assert "req_" in client.reply.last()["error"]["message"]
    assert proxy.upstream[0].dropped
    proxy.assert_at_rest()


def test_a_fault_of_our_own_behind_the_last_event_ends_the_answer_once(
    proxy: MemoryProxy, logged_failures: LoggedFailures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmimolink.web.exchange.remember_response", raises)
    client = proxy.post()
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert logged_failures.take(ZeroDivisionError)
    assert client.reply.types()[-1] == "completed"
    assert client.transport.value().endswith(b"\n\n\r\n0\r\n\r\n")
    client.transport.clear()
    client.send(request("GET", "/health"))
    assert client.reply.status == 200
    proxy.assert_at_rest()


def test_a_fault_in_the_last_event_itself_closes_the_connection(
    proxy: MemoryProxy, logged_failures: LoggedFailures, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    monkeypatch.setattr("ccmimolink.core.stream.ResponseStream.receive", raises)
    monkeypatch.setattr("ccmimolink.core.stream.ResponseStream.fail", raises)
    proxy.upstream[0].send(chunk(text("b")))
    proxy.settle()
    assert len(logged_failures.take(ZeroDivisionError)) == 2
    assert client.closed
    proxy.assert_at_rest()
