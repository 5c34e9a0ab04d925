"""Keys and tokens: MiMo's one key leaves, in its one header. None stands in an answer or the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.hostile.attacks import BODY, LogText
from tests.http_wire import CODEX, Reply, chunked, hello, request
from tests.memory_proxy import KEY, MemoryProxy

MakeProxy = Callable[..., MemoryProxy]

JWT = "eyJhbGciOiJub25lIn0.eyJmYWtlIjoiand0In0.c2lnbmF0dXJl"
FOREIGN = {
    "a login token": JWT,
    "a project key": "sk-proj-fakefakefake",
    "a service account's key": "sk-svcacct-fakefakefake",
    "another provider's key": "sk-ant-fakefakefake",
    "what another proxy wrote": "PROXY_MANAGED",
}
CARRIERS: dict[str, Callable[[str], Mapping[str, str]]] = {
    "authorization": lambda key: {"authorization": f"Bearer {key}"},
    "authorization in small letters": lambda key: {"authorization": f"bearer {key}"},
    "authorization with blanks": lambda key: {"authorization": f"Bearer   {key}  "},
    "authorization without a scheme": lambda key: {"authorization": key},
    "basic authorization": lambda key: {"authorization": f"Basic {key}"},
    "x-mimo-api-key": lambda key: {"x-mimo-api-key": key},
    "api-key": lambda key: {"api-key": key},
    "x-api-key": lambda key: {"x-api-key": key},
    "openai-api-key": lambda key: {"openai-api-key": key},
    "proxy-authorization": lambda key: {"proxy-authorization": f"Bearer {key}"},
    "cookie": lambda key: {"cookie": f"session={key}"},
    "chatgpt-account-id": lambda key: {"chatgpt-account-id": key},
    "x-goog-api-key": lambda key: {"x-goog-api-key": key},
    "all together": lambda key: {
        "authorization": f"Bearer {key}",
        "x-mimo-api-key": key,
        "api-key": key,
        "x-api-key": key,
        "cookie": key,
    },
}
EVERY_CLIENT = pytest.mark.parametrize("codex", [False, True], ids=["generic", "codex"])


def ask(proxy: MemoryProxy, headers: Mapping[str, str] | list[bytes], *, codex: bool = False) -> Reply:
    client = proxy.connect()
    if isinstance(headers, list):
        data = request("POST", "/v1/responses", BODY, CODEX if codex else {})
        data = data.replace(b"\r\n\r\n", b"\r\n" + b"\r\n".join(headers) + b"\r\n\r\n", 1)
    else:
        data = request("POST", "/v1/responses", BODY, {**headers, **(CODEX if codex else {})})
    client.send(data)
    for connection in proxy.upstream:
        connection.send(chunked(hello()))
    proxy.settle()
    return client.reply


def upstream_bytes(proxy: MemoryProxy) -> bytes:
    return b"".join(connection.received for connection in proxy.upstream)


@EVERY_CLIENT
@pytest.mark.parametrize("key", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("has_key", [True, False], ids=["with a key of ours", "without"])
def test_what_is_another_services_stays_here(
    make_proxy: MakeProxy, log_text: LogText, key: str, codex: bool, has_key: bool
) -> None:
    proxy = make_proxy({} if has_key else {"MIMO_API_KEY": ""})
    for name, carry in CARRIERS.items():
        before = len(upstream_bytes(proxy))
        reply = ask(proxy, carry(key), codex=codex)
        sent = upstream_bytes(proxy)[before:]
        assert key.encode() not in sent, name
        assert key.encode() not in reply.body, name
        if has_key:
            assert sent.count(b"Authorization: Bearer " + KEY.encode() + b"\r\n") == 1, name
        else:
            assert reply.status == (400 if codex else 401), name
            assert sent == b"", name
    assert key not in log_text.whole


UNSENDABLE = {
    "beyond ASCII": "sk-fäke".encode(),
    "beyond Latin": "sk-фake".encode(),
    "a high byte": b"sk-f\xffke",
    "a blank": b"sk-f ke",
    "a tab": b"sk-f\tke",
    "DEL": b"sk-f\x7fke",
    "a control character": b"sk-f\x01ke",
    "an escape": b"sk-f\x1b[31m",
    "a folded line": b"sk-f\r\n x-injected: yes",
    "nothing": b"",
    "blanks": b"   ",
}


@EVERY_CLIENT
@pytest.mark.parametrize("key", UNSENDABLE.values(), ids=UNSENDABLE)
def test_a_key_that_no_header_can_hold_is_not_sent(
    make_proxy: MakeProxy, log_text: LogText, key: bytes, codex: bool
) -> None:
    proxy = make_proxy({"MIMO_API_KEY": ""})
    for name in (b"x-mimo-api-key: ", b"api-key: ", b"authorization: Bearer "):
        reply = ask(proxy, [name + key], codex=codex)
        assert reply.status in ((400,) if codex else (400, 401)), name
        if key.strip():
            assert key not in reply.body
            assert key.decode("latin-1") not in log_text.whole
    assert proxy.upstream == []


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\0"])
def test_a_line_end_in_a_key_makes_no_second_header(proxy: MemoryProxy, end: bytes) -> None:
    client = proxy.connect()
    data = request("POST", "/v1/responses", BODY)
    head = b"\r\nx-mimo-api-key: tp-f" + end + b"x-injected: yes\r\n\r\n"
    client.send(data.replace(b"\r\n\r\n", head, 1))
    assert b"injected" not in upstream_bytes(proxy).lower()
    client.leave()


TOKEN = "fake-token-of-this-test"
GUARDED = {"MIMO_PROXY_TOKEN": TOKEN}


def told(proxy: MemoryProxy, *values: bytes) -> Reply:
    return ask(proxy, [b"authorization: " + value for value in values])


@pytest.mark.parametrize(
    "listen", [{}, {"MIMO_PROXY_LISTEN": "tcp:0:interface=0.0.0.0"}], ids=["local", "open"]
)
@pytest.mark.parametrize(
    "values",
    [
        [],
        [b""],
        [b"Bearer"],
        [b"Bearer "],
        [TOKEN.encode()],
        [b"Bearer " + TOKEN[:-1].encode()],
        [b"Bearer " + TOKEN.encode() + b"x"],
        [b"Bearer x" + TOKEN.encode()],
        [b"Bearer " + TOKEN.upper().encode()],
        [b"Bearer " + TOKEN.encode() + b" " + TOKEN.encode()],
        [b"Bearer " + TOKEN.encode() + b"," + TOKEN.encode()],
        [b"Bearer Bearer " + TOKEN.encode()],
        [b"Bearer\t" + TOKEN.encode()],
        [b"Basic " + TOKEN.encode()],
        [b"Token " + TOKEN.encode()],
        [b"Bearer \xff" + TOKEN.encode()],
        [b"Bearer " + TOKEN.encode() + b"\xe9"],
        [b"Bearer wrong", b"Bearer " + TOKEN.encode()],
        [b"Bearer " + TOKEN.encode(), b"Bearer wrong"],
        [b"Bearer " + TOKEN.encode(), b"Bearer " + TOKEN.encode()],
    ],
)
def test_without_exactly_the_token_nobody_is_served(
    make_proxy: MakeProxy, log_text: LogText, listen: Mapping[str, str], values: list[bytes]
) -> None:
    proxy = make_proxy(GUARDED | dict(listen))
    reply = told(proxy, *values)
    assert (reply.status, reply.error()["code"]) == (403, "forbidden")
    assert proxy.upstream == []
    assert TOKEN.encode() not in reply.body
    assert TOKEN not in log_text.whole
    for path in ("/health", "/v1/models", "/v1/responses/resp_1", "/nowhere", "/openapi.json"):
        assert proxy.ask("GET", path).reply.status == 403
    assert proxy.upstream == []


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"Bearer    "])
def test_with_the_token_one_is_served_and_the_token_stays_here(
    make_proxy: MakeProxy, log_text: LogText, scheme: bytes
) -> None:
    proxy = make_proxy(GUARDED)
    assert told(proxy, scheme + TOKEN.encode()).status == 200
    assert TOKEN.encode() not in upstream_bytes(proxy)
    assert upstream_bytes(proxy).count(KEY.encode()) == 1
    assert TOKEN not in log_text.whole


@EVERY_CLIENT
def test_the_token_is_no_key_where_there_is_none(make_proxy: MakeProxy, codex: bool) -> None:
    proxy = make_proxy(GUARDED | {"MIMO_API_KEY": ""})
    for headers in (
        [b"authorization: Bearer " + TOKEN.encode()],
        [b"authorization: Bearer " + TOKEN.encode(), b"x-mimo-api-key: " + TOKEN.encode()],
        [b"authorization: Bearer " + TOKEN.encode(), b"api-key: " + TOKEN.encode()],
    ):
        reply = ask(proxy, headers, codex=codex)
        assert TOKEN.encode() not in upstream_bytes(proxy)
        assert reply.status == (400 if codex else 401)


EXPECTED = {
    b"authorization: bearer " + KEY.encode(),
    b"accept: text/event-stream",
    b"accept-encoding: identity",
    b"content-type: application/json",
    b"host: 127.0.0.1:9",
    b"connection: keep-alive",
}
ODD_HEADERS = [
    "connection: keep-alive, x-odd-01, authorization, content-length",
    "keep-alive: timeout=5",
    "proxy-connection: keep-alive",
    "proxy-authorization: Basic fake",
    "proxy-authenticate: Basic",
    "te: trailers, deflate",
    "trailer: x-odd",
    "upgrade: h2c",
    "http2-settings: AAMAAABk",
    "transfer-encoding: identity",
    "x-forwarded-for: 10.0.0.1",
    "x-forwarded-host: evil.example",
    "x-forwarded-proto: https",
    "x-real-ip: 10.0.0.1",
    "forwarded: for=10.0.0.1;host=evil.example",
    "via: 1.1 evil",
    "x-original-url: /admin",
    "x-rewrite-url: /admin",
    "x-http-method-override: DELETE",
    "x-host: evil.example",
    "accept: text/html",
    "accept-encoding: gzip, br",
    "accept-language: de",
    "user-agent: codex_exec/0.169.0",
    "originator: other",
    "cookie: a=b",
    "cookie2: $Version=1",
    "referer: http://127.0.0.1/",
    "from: a@b.example",
    "range: bytes=0-10",
    "if-match: *",
    "if-none-match: *",
    "if-modified-since: Sat, 28 Nov 2026 00:00:00 GMT",
    "cache-control: no-cache",
    "pragma: no-cache",
    "expect: something",
    "max-forwards: 0",
    "date: Sat, 28 Nov 2026 00:00:00 GMT",
    "content-language: de",
    "content-location: /x",
    "content-md5: AAAA",
    "content-disposition: attachment",
    "session-id: s",
    "thread-id: t",
    "x-client-request-id: r",
    "x-codex-window-id: w",
    "x-codex-turn-metadata: {}",
    "x-codex-beta-features: f",
    "x-openai-subagent: collab_spawn",
    "x-codex-turn-state: state",
    "openai-beta: responses_websockets=2026-02-06",
    "openai-organization: org",
    "openai-project: proj",
    "idempotency-key: k",
    "traceparent: 00-aa-bb-01",
    "baggage: a=b",
    "x-stainless-os: Linux",
    "api-version: 1",
    "x-odd-01: 1",
    "x_odd_02: 2",
]


@EVERY_CLIENT
def test_the_upstream_gets_these_headers_and_no_others(proxy: MemoryProxy, codex: bool) -> None:
    reply = ask(proxy, [line.encode() for line in ODD_HEADERS], codex=codex)
    assert reply.status == 200
    head, _, body = upstream_bytes(proxy).partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    assert line == b"POST /v1/chat/completions HTTP/1.1"
    assert len(fields) == len({field.partition(b":")[0].lower() for field in fields}), "one of each"
    own = {b": ".join(part.strip().lower() for part in field.split(b":", 1)) for field in fields}
    assert own - EXPECTED == {b"content-length: %d" % len(body)}
    assert EXPECTED - own <= {b"connection: keep-alive"}


def test_nor_does_the_question_for_models_pass_any_on(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    lines = {name: value for name, _, value in (line.partition(": ") for line in ODD_HEADERS)}
    client.send(request("GET", "/v1/models?client_version=0.169.0", b"", lines))
    line, headers, body = proxy.upstream[0].request
    assert (line, body) == ("GET /v1/models HTTP/1.1", b"")
    assert set(headers) <= {"authorization", "accept", "accept-encoding", "host", "connection"}
    assert headers["authorization"] == f"Bearer {KEY}"
    client.leave()


def test_an_id_of_the_clients_is_neither_used_nor_returned(proxy: MemoryProxy, log_text: LogText) -> None:
    reply = ask(proxy, {"x-request-id": "req_chosen", "x-client-request-id": "req_chosen"})
    assert reply.headers["x-request-id"].startswith("req_")
    assert "req_chosen" not in reply.headers["x-request-id"] + log_text.whole
    assert b"req_chosen" not in upstream_bytes(proxy)
