"""The log's one line about a request: how far it came, in which time, and why it ended as it did."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from tests.http_wire import LAST_CHUNK, STREAM_HEAD, answer, body_of, chunk, delta, finish, hello, text, usage
from tests.memory_proxy import MemoryClient, MemoryProxy
from tests.phases import PHASES

LINE = re.compile(
    r"(?P<id>req_\w+) (?P<client>\S+) (?P<turn>\w+) (?P<asked>\S+) -> (?P<used>\S+): (?P<outcome>.*); "
    r"status (?P<status>\S+), phase (?P<phase>\w+); queued (?P<queued>\S+?)(?: s)?, "
    r"connect (?P<connect>\S+?)(?: s)?, first byte (?P<first_byte>\S+?)(?: s)?, total (?P<total>\S+) s; "
    r"tokens (?P<tokens_in>\S+) in (?P<tokens_out>\S+) out; (?P<retries>\d+) retries, "
    r"(?P<amendments>\d+) amendments, (?P<recovered>\d+) calls recovered, (?P<ghosts>\d+) dropped"
)


TIMES = ("queued", "connect", "first_byte", "total")


@pytest.fixture
def lines() -> Any:
    """The lines about requests, as fields."""
    found: list[dict[str, str]] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        said = formatEvent(event)
        match = LINE.fullmatch(said)
        if match is not None:
            found.append(match.groupdict())
        else:
            assert "-> " not in said, f"a line of another form: {said}"

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)


def finished(proxy: MemoryProxy, place: int = 0) -> None:
    proxy.upstream[place].send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    proxy.settle()


def test_an_answer_that_went_well(proxy: MemoryProxy, lines: list[dict[str, str]]) -> None:
    client = proxy.post(body_of(model="gpt-6"), user_agent="OpenAI/Python 3.1")
    proxy.advance(2)
    finished(proxy)
    (line,) = lines
    assert line["id"] == client.reply.headers["x-request-id"]
    assert (line["client"], line["turn"]) == ("OpenAI/Python", "turn")
    assert (line["asked"], line["used"]) == ("gpt-6", "mimo-v2.5")
    assert (line["outcome"], line["status"], line["phase"]) == ("completed", "200", "ended")
    assert (line["tokens_in"], line["tokens_out"]) == ("7", "3")
    assert (line["retries"], line["amendments"]) == ("0", "0")
    assert [line[name] for name in ("queued", "connect", "first_byte", "total")] == ["0.00"] * 2 + [
        "2.00"
    ] * 2


def test_codex_is_named_by_its_originator(proxy: MemoryProxy, lines: list[dict[str, str]]) -> None:
    proxy.post(originator="codex_exec", user_agent="something/1")
    finished(proxy)
    assert lines[0]["client"] == "codex_exec"


def test_the_wait_for_a_turn_and_for_the_connection_are_told_apart(
    proxy: MemoryProxy, lines: list[dict[str, str]]
) -> None:
    proxy.post()
    proxy.reactor.deaf = True
    proxy.post().send(b"")
    proxy.advance(3)
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()))
    proxy.settle()
    proxy.upstream[0].close()
    proxy.advance(4)
    proxy.upstream[1].accept()
    proxy.advance(5)
    finished(proxy, 1)
    second = lines[1]
    assert [second[name] for name in TIMES] == ["3.00", "4.00", "5.00", "12.00"]


def test_further_tries_are_counted_and_the_last_one_is_timed(
    make_proxy: Any, lines: list[dict[str, str]]
) -> None:
    proxy = make_proxy({"MIMO_PROXY_429_BACKOFF_MS": "7000"})
    proxy.post()
    proxy.advance(1)
    proxy.upstream[0].send(answer(429, {"error": {"message": "slow down"}}))
    proxy.advance(8)
    finished(proxy)
    (line,) = lines
    assert line["retries"] == "1"
    assert [line[name] for name in TIMES] == ["0.00", "0.00", "1.00", "9.00"]


def test_the_upstreams_reason_is_in_it_and_the_status_that_the_client_got(
    proxy: MemoryProxy, lines: list[dict[str, str]]
) -> None:
    proxy.post(codex=True)
    proxy.upstream[0].send(answer(400, {"error": {"message": "Param Incorrect", "param": "tools[3] is bad"}}))
    proxy.settle()
    (line,) = lines
    assert "tools[3] is bad" in line["outcome"]
    assert (line["status"], line["phase"]) == ("400", "answered")


def test_a_request_that_was_never_sent_says_so(make_proxy: Any, lines: list[dict[str, str]]) -> None:
    proxy = make_proxy()
    proxy.post(b'{"model": 5}')
    proxy.post(body_of(previous_response_id="resp_nowhere"))
    assert [(line["status"], line["phase"], line["queued"]) for line in lines] == [
        ("400", "received", "-")
    ] * 2
    assert proxy.upstream == []


def test_each_further_try_is_told_under_the_same_id_with_its_reason(
    proxy: MemoryProxy, logged: list[str]
) -> None:
    client = proxy.post()
    proxy.upstream[0].send(answer(503, {"error": {"message": "overloaded\x1b[1m"}}))
    proxy.advance(2)
    finished(proxy)
    request_id = client.reply.headers["x-request-id"]
    (line,) = [line for line in logged if "try 1 failed" in line]
    assert f"{request_id}: try 1 failed (server error: MiMo is not available (503): overloaded" in line


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"origin": "http://evil.example"}, "was refused with 403: Requests from web pages are not served."),
        ({"content_type": "text/plain"}, "was refused with 415: The content-type must be application/json."),
    ],
)
def test_one_that_is_refused_before_it_is_read_has_a_line_too(
    proxy: MemoryProxy, logged: list[str], asked: dict[str, Any], told: str
) -> None:
    proxy.post(user_agent="curl/8", **asked)
    assert [line for line in logged if f"curl/8 {told}" in line]


EXPECTED = {
    "connecting": "connecting",
    "before_headers": "sent",
    "in_the_head": "sent",
    "after_headers": "answered",
    "in_an_error_body": "answered",
}


@pytest.mark.parametrize("phase", PHASES)
def test_the_phase_in_which_a_client_left(
    proxy: MemoryProxy, lines: list[dict[str, str]], phase: Callable[[MemoryProxy], MemoryClient]
) -> None:
    client = phase(proxy)
    answered = not client.silent
    client.leave()
    (line,) = lines
    assert line["outcome"] == "client left"
    assert line["phase"] == EXPECTED.get(phase.__name__, "streaming")
    assert line["status"] == ("200" if answered else "-")


def test_one_who_left_while_queued(proxy: MemoryProxy, lines: list[dict[str, str]]) -> None:
    proxy.post()
    queued = proxy.post()
    proxy.advance(2)
    queued.leave()
    (line,) = lines
    assert (line["phase"], line["queued"], line["connect"]) == ("queued", "2.00", "-")


def test_nothing_of_the_conversation_is_in_it(proxy: MemoryProxy, lines: list[dict[str, str]]) -> None:
    proxy.post(body_of(input="my secret plan", instructions="whisper"))
    proxy.upstream[0].send(
        STREAM_HEAD + chunk(delta(reasoning_content="thought") + text("reply") + finish() + usage())
    )
    proxy.upstream[0].close()
    proxy.settle()
    said = " ".join(lines[0].values())
    assert not [word for word in ("secret", "whisper", "thought", "reply") if word in said]


@pytest.mark.parametrize("hostile", ["x\x1b[31m", "a\x00b", "é\x85z", "x" * 5000])
def test_what_a_client_calls_itself_stays_on_one_line(
    proxy: MemoryProxy, lines: list[dict[str, str]], hostile: str
) -> None:
    client = proxy.connect()
    body = body_of(model=hostile)
    head = f"POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: {hostile[:50]}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    client.send(head.encode("latin-1") + body)
    if proxy.upstream:
        finished(proxy)
    for line in lines:
        assert line["client"].isprintable()
        assert line["asked"].isprintable()
        assert len(line["client"]) < 200
