"""What of a request leaves: exactly its bytes, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.web.client import ResponseDone, ResponseFailed, ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IResponse
from zope.interface.verify import verifyObject

from ccmimolink.transport import BytesBody
from tests.http1.agent_stage import EMPTY, FOUR, OK, UNTIL_THE_END, AgentStage, SlowBody


def test_a_request_without_a_body(stage: AgentStage) -> None:
    verifyObject(IAgent, stage.agent)
    asked = stage.ask()
    assert stage.servers[0].received == b"GET /v1 HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n"
    assert asked.is_waiting


def test_a_request_with_a_body_and_headers_as_they_were_given(stage: AgentStage) -> None:
    headers = Headers({b"x-a": [b"1", b"2"], b"accept": [b"text/event-stream"]})
    stage.ask(b"POST", b"http://127.0.0.1:9/v1/chat?a=b&c", headers, BytesBody(b'{"a": 1}'))
    head, _, body = stage.servers[0].received.partition(b"\r\n\r\n")
    line, host, *fields, length = head.split(b"\r\n")
    assert (line, host) == (b"POST /v1/chat?a=b&c HTTP/1.1", b"Host: 127.0.0.1:9")
    assert sorted(fields) == [b"Accept: text/event-stream", b"X-A: 1", b"X-A: 2"]
    assert (length, body) == (b"Content-Length: 8", b'{"a": 1}')


def test_an_empty_body_has_its_length(stage: AgentStage) -> None:
    stage.ask(b"POST", body=BytesBody(b""))
    assert stage.servers[0].received.endswith(b"\r\nContent-Length: 0\r\n\r\n")


def test_the_headers_of_the_caller_are_left_as_they_are(stage: AgentStage) -> None:
    headers = Headers({b"x-a": [b"1"]})
    stage.ask(b"POST", headers=headers, body=BytesBody(b"a"))
    assert headers == Headers({b"x-a": [b"1"]})


@pytest.mark.parametrize(
    ("uri", "line", "host"),
    [
        (b"http://127.0.0.1/", b"GET / HTTP/1.1", b"127.0.0.1"),
        (b"http://127.0.0.1", b"GET / HTTP/1.1", b"127.0.0.1"),
        (b"http://127.0.0.1:80/a", b"GET /a HTTP/1.1", b"127.0.0.1"),
        (b"http://127.0.0.1:443/a", b"GET /a HTTP/1.1", b"127.0.0.1:443"),
        (b"http://[::1]/a", b"GET /a HTTP/1.1", b"[::1]"),
        (b"http://[::1]:8080/a?b", b"GET /a?b HTTP/1.1", b"[::1]:8080"),
        (b"http://127.0.0.1/a#part", b"GET /a HTTP/1.1", b"127.0.0.1"),
    ],
)
def test_where_a_request_goes(stage: AgentStage, uri: bytes, line: bytes, host: bytes) -> None:
    stage.ask(uri=uri)
    assert stage.servers[0].received == b"%b\r\nHost: %b\r\n\r\n" % (line, host)


def test_a_host_that_is_given_stands_alone(stage: AgentStage) -> None:
    stage.ask(headers=Headers({b"host": [b"example.test"]}))
    assert stage.servers[0].received == b"GET /v1 HTTP/1.1\r\nHost: example.test\r\n\r\n"


def test_a_line_end_in_a_header_starts_no_line(stage: AgentStage) -> None:
    stage.ask(headers=Headers({b"x-a": [b"1\r\nx-b: 2"]}))
    assert stage.servers[0].received.endswith(b"\r\nX-A: 1 x-b: 2\r\n\r\n")


@pytest.mark.parametrize("method", [b"", b"GET ", b"G\r\nET", b"get", b"GET\n", "GÉT".encode()])
def test_a_method_that_is_none(stage: AgentStage, method: bytes) -> None:
    with pytest.raises(ValueError, match="not valid"):
        stage.ask(method)
    assert stage.servers == []


@pytest.mark.parametrize(
    "end", [b" ", b"\n", b"\r\nx: y", b"\x00", b"\x7f", "é".encode(), b"a HTTP/1.1\r\nx: y"]
)
def test_a_uri_that_is_none(stage: AgentStage, end: bytes) -> None:
    with pytest.raises(ValueError, match="not valid"):
        stage.ask(uri=b"http://127.0.0.1:9/" + end)
    assert stage.servers == []


def test_a_body_without_a_length(stage: AgentStage) -> None:
    with pytest.raises(ValueError, match="length"):
        stage.ask(b"POST", body=SlowBody(UNKNOWN_LENGTH))
    assert stage.servers == []


def test_the_answer_is_what_treq_takes_for_one(stage: AgentStage) -> None:
    asked = stage.ask(b"POST", body=BytesBody(b"a"))
    stage.sends(b"HTTP/1.1 299 Fine\r\nx-a: 1\r\nX-A: 2\r\ncontent-length: 4\r\n\r\n")
    answer = asked.answer
    verifyObject(IResponse, answer)
    assert (answer.version, answer.code, answer.phrase) == ((b"HTTP", 1, 1), 299, b"Fine")
    assert answer.headers.getRawHeaders(b"x-a") == [b"1", b"2"]
    assert (answer.request.method, answer.request.absoluteURI) == (
        b"POST",
        b"http://127.0.0.1:9/v1",
    )
    answer.setPreviousResponse(earlier := asked.answer)
    assert answer.previousResponse is earlier


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        (b"content-length: 4\r\n", 4),
        (b"content-length: 0\r\n", 0),
        (b"transfer-encoding: chunked\r\n", UNKNOWN_LENGTH),
        (b"transfer-encoding: chunked\r\ncontent-length: 4\r\n", UNKNOWN_LENGTH),
        (b"", UNKNOWN_LENGTH),
    ],
)
def test_the_length_of_an_answer_is_told_where_it_is_known(
    stage: AgentStage, fields: bytes, length: Any
) -> None:
    asked = stage.ask()
    stage.sends(OK + fields + b"\r\n")
    assert asked.answer.length == length


# -- bodies that leave in parts ---------------------------------------------------------------------------


def test_a_body_may_leave_in_parts(stage: AgentStage) -> None:
    body = SlowBody(4)
    asked = stage.ask(b"POST", body=body)
    body.consumer.write(b"ab")
    body.consumer.write(b"cd")
    body.done.callback(None)
    assert stage.servers[0].received.endswith(b"\r\nContent-Length: 4\r\n\r\nabcd")
    stage.sends(EMPTY)
    assert asked.read().ended(ResponseDone)
    stage.ask()
    assert len(stage.servers) == 1


def test_behind_half_a_body_no_other_request_follows(stage: AgentStage) -> None:
    body = SlowBody(4)
    asked = stage.ask(b"POST", body=body)
    body.consumer.write(b"ab")
    stage.sends(EMPTY)
    assert asked.read().ended(ResponseDone)
    assert stage.servers[0].dropped
    stage.ask()
    assert len(stage.servers) == 2
    body.done.callback(None)


def test_a_body_that_fails_ends_the_request(stage: AgentStage) -> None:
    body = SlowBody(4)
    asked = stage.ask(b"POST", body=body)
    body.done.errback(ZeroDivisionError("on purpose"))
    assert asked.failed(ResponseNeverReceived)
    assert asked.failure is not None
    (reason,) = asked.failure.value.reasons  # type: ignore[union-attr]
    assert reason.check(ZeroDivisionError)
    assert stage.servers[0].dropped


def test_a_body_that_cannot_begin_ends_the_request(stage: AgentStage) -> None:
    body = SlowBody(4)
    body.startProducing = lambda _: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    asked = stage.ask(b"POST", body=body)
    assert asked.failed(ResponseNeverReceived)
    assert stage.servers[0].dropped


@pytest.mark.parametrize("head", [FOUR, UNTIL_THE_END])
def test_a_body_that_fails_cuts_the_answer_that_has_begun(stage: AgentStage, head: bytes) -> None:
    body = SlowBody(4)
    asked = stage.ask(b"POST", body=body)
    stage.sends(head)
    reader = asked.read()
    body.done.errback(ZeroDivisionError("on purpose"))
    assert reader.ended(ResponseFailed)
    assert stage.servers[0].dropped
    stage.turn()


def test_a_body_that_fails_behind_its_answer_disturbs_no_other_request(stage: AgentStage) -> None:
    body = SlowBody(4)
    stage.ask(b"POST", body=body)
    stage.sends(EMPTY)
    other = stage.ask()
    body.done.errback(ZeroDivisionError("on purpose"))
    stage.sends(EMPTY)
    assert other.read().ended(ResponseDone)
