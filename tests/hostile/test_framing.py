"""Bytes that are no request, or that two readers could take for different requests.

Each costs its own connection at most: nothing reaches the upstream, nothing is logged as a failure, and the
next client is served.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hostile.attacks import BODY, GET_HEALTH, assert_next_is_served, sent_upstream
from tests.http_wire import LAST_CHUNK, chunk, chunked, hello, request
from tests.memory_proxy import MemoryClient, MemoryProxy

MakeProxy = Callable[..., MemoryProxy]


def post(*lines: bytes, body: bytes = BODY, line: bytes = b"POST /v1/responses HTTP/1.1") -> bytes:
    """A request with exactly these header lines beside host and content type."""
    head = [line, b"host: 127.0.0.1", b"content-type: application/json", *lines, b"", b""]
    return b"\r\n".join(head) + body


LENGTH = b"content-length: %d" % len(BODY)
CHUNKED = b"transfer-encoding: chunked"
CHUNKS = chunk(BODY) + LAST_CHUNK


def statuses(client: MemoryClient) -> list[bytes]:
    return [
        line.split(b" ")[1]
        for line in client.transport.value().split(b"\r\n")
        if line.startswith(b"HTTP/1.1 ")
    ]


def attack(proxy: MemoryProxy, data: bytes) -> MemoryClient:
    client = proxy.connect()
    client.send(data)
    # For what is refused before it was read to its end, the connection closes a little later.
    proxy.advance(30, step=5)
    return client


NO_REQUEST = {
    "HTTP/0.9": b"GET /health\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "HTTP/1.2": GET_HEALTH.replace(b"HTTP/1.1", b"HTTP/1.2"),
    "HTTP/3.0": GET_HEALTH.replace(b"HTTP/1.1", b"HTTP/3.0"),
    "http/1.1 in small letters": GET_HEALTH.replace(b"HTTP/1.1", b"http/1.1"),
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2 + b"\r\n\r\n",
    "an SSH hello": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a SOCKS hello and a line": b"\x05\x01\x00\r\n",
    "no method": b" /health HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "no target": b"GET  HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "no version": b"GET /health\r\nhost: localhost\r\n\r\n",
    "a fourth word": b"GET /health x HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "a tab for a blank": b"GET\t/health HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "a method that is no token": b"G(E)T /health HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "NUL in the target": b"GET /hea\0lth HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "a bare CR in the target": b"GET /hea\rlth HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "NUL in a value": post(LENGTH, b"x-a: b\0c"),
    "a bare CR in a value": post(LENGTH, b"x-a: b\rc"),
    "a bare LF in a value": post(LENGTH, b"x-a: b\nc: d"),
    "a bare LF for every line end": post(LENGTH, body=b"").replace(b"\r\n", b"\n") + BODY + b"\r\n\r\n",
    "a blank before the colon": post(b"content-length : %d" % len(BODY)),
    "a tab before the colon": post(b"content-length\t: %d" % len(BODY)),
    "a blank in a name": post(LENGTH, b"x a: b"),
    "NUL in a name": post(LENGTH, b"x\0a: b"),
    "an empty name": post(LENGTH, b": b"),
    "a line without a colon": post(LENGTH, b"nothing"),
    "a folded line as the first": b"GET /health HTTP/1.1\r\n host: localhost\r\n\r\n",
    "a letter beyond ASCII in a name": post(LENGTH, "x-ä: b".encode()),
    "two blank lines first": b"\r\n\r\n" + GET_HEALTH,
}

BAD_LENGTH = {
    "negative": [b"content-length: -1"],
    "with a plus": [b"content-length: +%d" % len(BODY)],
    "hexadecimal": [b"content-length: 0x10"],
    "with a point": [b"content-length: 5.0"],
    "empty": [b"content-length:"],
    "no number": [b"content-length: many"],
    "with an underscore": [b"content-length: 1_0"],
    "in other digits": ["content-length: ١٢".encode()],
    "a list": [b"content-length: %d, %d" % (len(BODY), len(BODY))],
    "two different ones": [LENGTH, b"content-length: 5"],
    "twice the same": [LENGTH, LENGTH],
    "before chunked": [LENGTH, CHUNKED],
    "behind chunked": [CHUNKED, LENGTH],
    "nought before chunked": [b"content-length: 0", CHUNKED],
    "chunked twice": [CHUNKED, CHUNKED],
    "chunked, chunked": [b"transfer-encoding: chunked, chunked"],
    "gzip, chunked": [b"transfer-encoding: gzip, chunked"],
    "chunked, identity": [b"transfer-encoding: chunked, identity"],
    "xchunked": [b"transfer-encoding: xchunked"],
    "chunked with a vertical tab": [b"transfer-encoding: \x0bchunked"],
    "chunked in quotes": [b'transfer-encoding: "chunked"'],
    "an empty transfer encoding": [b"transfer-encoding:"],
    "of five thousand digits": [b"content-length: " + b"9" * 5000],
    "of five thousand noughts and a length": [b"content-length: " + b"0" * 5000 + b"%d" % len(BODY)],
}


@pytest.mark.parametrize("data", NO_REQUEST.values(), ids=NO_REQUEST)
def test_what_is_no_request_is_refused_and_closed(proxy: MemoryProxy, data: bytes) -> None:
    client = attack(proxy, data)
    assert statuses(client) == [b"400"]
    assert client.closed
    assert proxy.upstream == []
    assert_next_is_served(proxy)


@pytest.mark.parametrize("lines", BAD_LENGTH.values(), ids=BAD_LENGTH)
@pytest.mark.parametrize("body", [BODY, CHUNKS], ids=["plain", "in chunks"])
def test_a_length_that_can_be_read_in_two_ways_is_refused(
    proxy: MemoryProxy, lines: list[bytes], body: bytes
) -> None:
    client = attack(proxy, post(*lines, body=body) + GET_HEALTH)
    assert statuses(client) in ([b"400"], [b"413"])
    assert client.closed
    assert proxy.upstream == []
    assert_next_is_served(proxy)


@pytest.mark.parametrize("length", [60_000_000_000, 2**63, 10**400])
def test_a_huge_length_is_refused_before_anything_is_kept(proxy: MemoryProxy, length: int) -> None:
    client = attack(proxy, post(b"content-length: %d" % length, body=BODY))
    assert statuses(client) == [b"413"]
    assert client.closed
    assert proxy.upstream == []
    assert_next_is_served(proxy)


BAD_CHUNKS = {
    "no size": b"\r\n" + BODY,
    "no number": b"zz\r\n" + BODY,
    "negative": b"-1\r\n" + BODY,
    "with a plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "with a blank before": b" 5\r\nhello\r\n0\r\n\r\n",
    "with a blank behind": b"5 \r\nhello\r\n0\r\n\r\n",
    "with an underscore": b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n",
    "more data than its size": b"3\r\nhello\r\n0\r\n\r\n",
    "a bare LF behind the size": b"5\nhello\r\n0\r\n\r\n",
    "a bare LF behind the data": b"5\r\nhello\n0\r\n\r\n",
    "a size line without end": b"5;" + b"x" * 5000,
    "control characters in an extension": b"5;a=\x01\x7f\nb\r\nhello\r\n0\r\n\r\n",
    "trailers without end": chunk(BODY) + b"0\r\n" + b"x: y\r\n" * 20_000,
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_broken_chunks_are_refused_and_closed(proxy: MemoryProxy, body: bytes) -> None:
    client = attack(proxy, post(CHUNKED, body=body) + GET_HEALTH)
    assert statuses(client) == [b"400"]
    assert client.closed
    assert proxy.upstream == []
    assert_next_is_served(proxy)


@pytest.mark.parametrize("size", [b"f" * 16, b"7" + b"f" * 15, b"f" * 900, b"0" * 900 + b"fffffffff"])
def test_a_chunk_of_a_size_beyond_all_measure_is_counted_as_it_comes(
    make_proxy: MakeProxy, size: bytes
) -> None:
    proxy = make_proxy({"MIMO_PROXY_MAX_BODY_BYTES": "5000"})
    client = proxy.connect()
    client.send(post(CHUNKED, body=size + b"\r\n" + b" " * 4000))
    assert client.silent
    client.send(b" " * 4000)
    proxy.advance(30, step=5)
    assert statuses(client) == [b"413"]
    assert client.closed
    assert_next_is_served(proxy)


def test_chunk_extensions_and_trailers_are_passed_over(proxy: MemoryProxy) -> None:
    body = b"%x;a=b;c\r\n%s\r\n" % (len(BODY), BODY) + b"0;last\r\nx-mimo-api-key: fake\r\nhost: evil\r\n\r\n"
    client = proxy.connect()
    client.send(post(CHUNKED, body=body))
    assert b"fake\r\n" not in proxy.upstream[0].received
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert statuses(client) == [b"200"]
    assert_next_is_served(proxy)


def test_a_folded_line_is_one_value(proxy: MemoryProxy) -> None:
    """An obsolete form. Whoever reads it, no line of it becomes a header of its own."""
    client = proxy.connect()
    client.send(post(LENGTH, b"x-mimo-api-key: first", b" content-length: 5"))
    if proxy.upstream:
        assert b"content-length: 5" not in proxy.upstream[0].received.lower().partition(b"\r\n\r\n")[0]
        client.leave()
    else:
        assert statuses(client)[0] in (b"400", b"401")
    assert_next_is_served(proxy)


ENORMOUS = {
    "method": b"M" * 100_000 + b" /health HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "path": b"GET /" + b"p" * 100_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "query": b"GET /health?" + b"a=b&" * 25_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "header name": b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + b"n" * 100_000 + b": v\r\n\r\n",
    "header value": b"GET /health HTTP/1.1\r\nhost: localhost\r\nn: " + b"v" * 100_000 + b"\r\n\r\n",
    "count of headers": b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
    "count of empty headers": b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + b"a:\r\n" * 10_000 + b"\r\n",
    "folded value": b"GET /health HTTP/1.1\r\nhost: localhost\r\na: b\r\n" + b" b\r\n" * 30_000 + b"\r\n",
    "line without an end": b"G" * 500_000,
    "header without an end": b"GET /health HTTP/1.1\r\nhost: localhost\r\na: " + b"b" * 500_000,
}


@pytest.mark.parametrize("data", ENORMOUS.values(), ids=ENORMOUS)
@pytest.mark.parametrize("piece", [1 << 16, 1 << 20])
def test_an_enormous_head_is_refused_and_closed(proxy: MemoryProxy, data: bytes, piece: int) -> None:
    client = proxy.connect()
    for start in range(0, len(data), piece):
        client.send(data[start : start + piece])
    proxy.advance(30, step=5)
    assert statuses(client) in ([b"400"], [b"431"])
    assert client.closed
    assert_next_is_served(proxy)


@pytest.mark.parametrize("method", ["BREW", "get", "TRACE", "PROPFIND", "SEARCH", "PRI", "M" * 1000])
def test_an_unknown_method_is_refused(proxy: MemoryProxy, method: str) -> None:
    for path in ("/v1/responses", "/health", "/v1/models", "/v1/responses/resp_1"):
        assert statuses(proxy.ask(method, path)) == [b"405"]
    assert proxy.upstream == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_where_none_belongs_is_no_second_request(
    make_proxy: MakeProxy, method: str, in_chunks: bool
) -> None:
    proxy = make_proxy({"MIMO_API_KEY": ""})
    smuggled = request("POST", "/v1/responses", BODY, {"x-mimo-api-key": "fake-smuggled"})
    for path in ("/health", "/v1/models", "/v1/responses/resp_1", "/nowhere"):
        line = f"{method} {path} HTTP/1.1".encode()
        if in_chunks:
            data = post(CHUNKED, body=chunk(smuggled) + LAST_CHUNK, line=line)
        else:
            data = post(b"content-length: %d" % len(smuggled), body=smuggled, line=line)
        client = proxy.connect()
        client.send(data)
        assert len(statuses(client)) == 1
    assert proxy.upstream == []


def test_two_content_types_do_not_make_a_form_of_json(proxy: MemoryProxy) -> None:
    """Of two headers one could be judged and the other be acted on."""
    form = b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    for first, second in [
        (b"multipart/form-data; boundary=x", b"application/json"),
        (b"multipart/form-data", b"application/json"),
        (b"multipart/form-data; boundary=\xff", b"application/json"),
        (b"application/x-www-form-urlencoded", b"application/json"),
        (b"application/json", b"multipart/form-data; boundary=x"),
    ]:
        for body in (form, b"--x\r\nbroken", b"a=%zz&=&&b", b"--x--"):
            head = [b"POST /v1/responses HTTP/1.1", b"host: localhost", b"content-type: " + first]
            head += [b"content-type: " + second, b"content-length: %d" % len(body), b"", b""]
            client = attack(proxy, b"\r\n".join(head) + body)
            assert statuses(client)[0] in (b"400", b"415")
    assert proxy.upstream == []
    assert_next_is_served(proxy)


def test_expect_is_answered_once_and_only_for_a_body_that_is_wanted(proxy: MemoryProxy) -> None:
    for lines, told in [
        ([LENGTH, b"expect: 100-continue"], [b"100"]),
        ([CHUNKED, b"expect: 100-Continue"], [b"100"]),
        ([LENGTH, b"expect: 200-ok"], []),
        ([b"content-length: 99999999999", b"expect: 100-continue"], [b"413"]),
        ([LENGTH, b"expect: 100-continue", b"origin: https://evil.example"], [b"403"]),
        ([LENGTH, b"expect: 100-continue", b"content-encoding: br"], [b"415"]),
    ]:
        client = proxy.connect()
        client.send(post(*lines, body=b""))
        assert statuses(client) == told
    assert proxy.upstream == []


def test_a_body_that_was_waved_on_is_served_or_refused(proxy: MemoryProxy) -> None:
    for body, told in [(BODY, b"200"), (b"no json", b"400")]:
        client = proxy.connect()
        client.send(post(b"content-length: %d" % len(body), b"expect: 100-continue", body=b""))
        client.send(body)
        for connection in proxy.upstream:
            connection.send(chunked(hello()))
        proxy.settle()
        assert statuses(client) == [b"100", told]


@pytest.mark.parametrize("lines", [[b"connection: close"], [b"connection: Close"]])
def test_after_connection_close_nothing_more_is_served(proxy: MemoryProxy, lines: list[bytes]) -> None:
    client = proxy.connect()
    client.send(post(LENGTH, *lines) + post(LENGTH))
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert statuses(client) == [b"200"]
    assert client.closed
    assert sent_upstream(proxy) == [b"POST /v1/chat/completions HTTP/1.1"]


@pytest.mark.parametrize("connection", [b"close, keep-alive", b"keep-alive, close", b"close,x", b"x,close"])
def test_close_in_a_list_closes_as_well(proxy: MemoryProxy, connection: bytes) -> None:
    client = proxy.connect()
    client.send(post(LENGTH, b"connection: " + connection))
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert statuses(client) == [b"200"]
    assert client.closed


@pytest.mark.parametrize("lines", [[], [b"connection: keep-alive"]])
def test_a_connection_of_http_1_0_ends_with_its_answer(proxy: MemoryProxy, lines: list[bytes]) -> None:
    client = proxy.connect()
    whole = post(LENGTH, *lines, line=b"POST /v1/responses HTTP/1.0")
    client.send(whole + whole)
    proxy.upstream[0].send(chunked(hello()))
    proxy.settle()
    assert client.closed
    assert b"transfer-encoding" not in client.transport.value().lower()
    assert sent_upstream(proxy) == [b"POST /v1/chat/completions HTTP/1.1"]
