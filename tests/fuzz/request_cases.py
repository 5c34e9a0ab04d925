"""Cases of clients: requests that are valid, nearly valid, or bytes of no form.

Owns their making, and what must be true of the answers. The upstream answers well throughout.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from random import Random
from typing import Any

import zstandard
from openai.types.responses import Response
from pydantic import TypeAdapter, ValidationError

from tests.fuzz.described import Described
from tests.fuzz.house import House, replies
from tests.fuzz.mutation import mutated, pieces, random_bytes, spoiled, text_of
from tests.fuzz.seeds import FULL, TOOLS, UPSTREAM
from tests.http_wire import CODEX, Reply, answer, chunk, chunked, request
from tests.memory_proxy import MemoryClient, UpstreamConnection

ANSWERS = {name: chunked(stream) for name, stream in UPSTREAM.items()}
_BAD = ("filtered", "failed", "broken")
GOOD = [stream for name, stream in ANSWERS.items() if name not in _BAD]
LISTING = answer(200, {"data": [{"id": "mimo-v2.5-pro"}]})

described = cache(Described)


Give = Callable[[UpstreamConnection], None]


def gives_one_of(random: Random, answers: Iterable[bytes]) -> Give:
    """An upstream that gives one of these answers, each time that it is asked."""
    chosen = list(answers)
    return lambda connection: connection.send(random.choice(chosen))


# -- bodies -------------------------------------------------------------------------------------------------


def valid_request(random: Random) -> dict[str, Any]:
    """Some of the fields of the full request, with some of its items and tools in any order."""
    fields = {name: value for name, value in FULL.items() if random.random() < 0.3}
    items = [random.choice(FULL["input"]) for _ in range(random.randrange(5))]
    said = {
        "role": "user",
        "content": random.choice(("Hi", "🙂", "</think>", [{"type": "input_text", "text": "a"}])),
    }
    fields["input"] = random.choice(("hello", [*items, said], [said, *items]))
    if random.random() < 0.5:
        fields["tools"] = random.sample(TOOLS, random.randrange(len(TOOLS) + 1))
    fields["model"] = random.choice(("gpt-5.5", "mimo-v2.5-pro", "mimo-v2.5", "unheard-of"))
    fields["stream"] = random.random() < 0.5
    return fields


def run_request(random: Random, house: House) -> None:
    """A well-formed HTTP request with a body that is valid, nearly valid, or no JSON.

    :raises AssertionError: the answer is not one that the document has, or something is left.
    """
    value: Any = valid_request(random)
    if house.stored and random.random() < 0.2:
        value["previous_response_id"] = random.choice(house.stored)
    kind = random.random()
    changes = 0 if kind < 0.3 else random.choice((1, 1, 2, 5))
    body = text_of(mutated(random, value, changes)).encode()
    if kind > 0.85:
        body = spoiled(random, body, random.choice((1, 2, 10))) if kind < 0.97 else random_bytes(random)
    if kind > 0.99:
        body += b" " * 250_000
    headers = CODEX if random.random() < 0.4 else {}
    if kind > 0.3 and random.random() < 0.1:
        body, headers = _compressed(random, body, headers)
        if kind > 0.85:
            body = spoiled(random, body)
    client = house.connect()
    house.client_sends(client, [request("POST", "/v1/responses", body, headers)])
    reply = _answered(house, client, gives_one_of(random, GOOD if kind < 0.3 else ANSWERS.values()))
    if kind < 0.3:
        assert reply.status == 200, f"a valid request is refused: {reply.status} {reply.body!r}"
        if reply.headers["content-type"] == "application/json" and value.get("store", True):
            house.stored = [*house.stored[-20:], reply.json()["id"]]
    _check("POST", "/v1/responses", reply)


def _compressed(random: Random, body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    coding = random.choice(("gzip", "deflate", "zstd", "identity", "br", "gzip, zstd"))
    if "gzip" in coding:
        body = gzip.compress(body, 1)
    if coding == "deflate":
        body = zlib.compress(body, 1)
    if "zstd" in coding:
        body = zstandard.compress(body)
    return body, headers | {"content-encoding": coding}


def _answered(house: House, client: MemoryClient, give: Give) -> Reply:
    def over() -> bool:
        return bool(client.transport.value()) and all(reply.complete for reply in replies(client))

    house.until(over, give)
    (reply,) = replies(client)
    house.leave()
    return reply


def _check(method: str, path: str, reply: Reply) -> None:
    assert reply.status != 500, reply.body
    described().check(method, path, reply)
    if reply.headers["content-type"] == "text/event-stream":
        reply.last()
    elif method == "POST" and reply.status == 200:
        read_by_the_sdk(reply)


_response: TypeAdapter[Any] = TypeAdapter(Response)


def read_by_the_sdk(reply: Reply) -> None:
    """:raises AssertionError: the official SDK's model does not take the response."""
    try:
        _response.validate_json(reply.body, strict=True)
    except ValidationError as error:
        raise AssertionError(f"the SDK refuses {reply.body!r}: {error}") from error


# -- what is stored -----------------------------------------------------------------------------------------


def run_stored(random: Random, house: House) -> None:
    """A look at what was stored, or at what was not, or at something else that costs nothing.

    :raises AssertionError: see :func:`run_request`.
    """
    if not house.stored or random.random() < 0.3:
        client = house.connect()
        body = json.dumps(valid_request(random) | {"stream": False, "store": True}).encode()
        house.client_sends(client, [request("POST", "/v1/responses", body)])
        reply = _answered(house, client, gives_one_of(random, GOOD))
        if reply.status == 200:
            house.stored = [*house.stored[-20:], reply.json()["id"]]
    known = random.choice(house.stored) if house.stored else "resp_1"
    response_id = random.choice((known, known, "resp_" + "0" * 32, "%00", "a%2Fb", "%ff", known + "%20"))
    method = random.choice(("GET", "GET", "GET", "DELETE"))
    path = f"/v1/responses/{response_id}"
    if method == "GET":
        path = random.choice(
            (path, path, f"{path}/input_items", f"{path}/input_items", "/v1/models", "/health")
        )
        path += random.choice(
            ("", "", "?limit=3&order=asc", "?limit=%FF", "?after=x", "?stream=1", "?&&=;", "?a")
        )
    client = house.connect()
    house.client_sends(client, [request(method, path, b"", CODEX if random.random() < 0.3 else {})])

    def list_models(connection: UpstreamConnection) -> None:
        connection.send(LISTING)

    house.until(lambda: bool(client.transport.value()), list_models)
    (reply,) = replies(client)
    house.leave()
    _check(method, path, reply)


# -- bytes --------------------------------------------------------------------------------------------------

LINES = (
    "POST /v1/responses HTTP/1.1",
    "POST /v1/responses HTTP/1.1",
    "POST /v1/responses HTTP/1.0",
    "POST /v1/responses/compact HTTP/1.1",
    "GET /health HTTP/1.1",
    "GET /openapi.json HTTP/1.1",
    "DELETE /v1/responses/resp_1 HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "GET http://127.0.0.1/health HTTP/1.1",
    "POST http://evil.example/v1/responses HTTP/1.1",
    "CONNECT evil.example:443 HTTP/1.1",
    "GET  /health  HTTP/1.1",
    "GET /v1/responses/%00%ff/../x?a=%zz&a HTTP/1.1",
    "get /health http/1.1",
    "PRI * HTTP/2.0",
    "GET /health",
    "",
)
FIELDS = (
    "host: 127.0.0.1",
    "host: localhost:9876",
    "host: evil.example",
    "content-type: application/json",
    "content-type: text/plain",
    "content-type: multipart/form-data; boundary=x",
    "content-length: 5",
    "content-length: +5",
    "content-length: 5, 5",
    "content-length: 99999999999999999999",
    "transfer-encoding: chunked",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: identity",
    "content-encoding: gzip",
    "expect: 100-continue",
    "connection: close",
    "connection: keep-alive, Upgrade",
    "upgrade: websocket",
    "upgrade: h2c",
    "originator: codex_exec",
    'x-codex-turn-metadata: {"request_kind":"compaction"}',
    'x-codex-turn-metadata: {"request_kind":[[',
    "origin: null",
    "origin: http://127.0.0.1",
    "sec-fetch-site: cross-site",
    "authorization: Bearer sk-fake-other",
    "authorization: Basic \x80\xff",
    "x-mimo-api-key: sk-fake-key\x01",
    "cookie: a=b",
    " folded: continuation",
    "no colon",
    ": no name",
    "bad name : x",
    "x-long: " + "y" * 4000,
)
PLAIN_STATUSES = {400, 404, 405, 411, 426, 501, 505}
"""What is answered to what is no request of the document."""


def _wire_request(random: Random) -> bytes:
    body = text_of(valid_request(random)).encode()
    how = random.random()
    if how < 0.4:
        data = request("POST", "/v1/responses", body, CODEX if random.random() < 0.3 else {})
    elif how < 0.7:
        fields = {"transfer-encoding": "chunked", "content-length": "", "content-type": "application/json"}
        at = random.randrange(len(body))
        data = request("POST", "/v1/responses", b"", fields)
        data += chunk(body[:at]) * (at > 0) + chunk(body[at:]) + b"0\r\n\r\n"
    else:
        fields_used = [random.choice(FIELDS) for _ in range(random.randrange(6))]
        if random.random() < 0.7:
            fields_used.append("host: 127.0.0.1")
        head = "\r\n".join([random.choice(LINES), *fields_used, "", ""]).encode("latin-1")
        data = head + random.choice((b"", b"", body, random_bytes(random)))
    return data


def run_wire(random: Random, house: House) -> None:
    """Bytes on a connection: requests with broken framing, several at once, in any pieces, or of no form.

    :raises AssertionError: what is answered is not HTTP, or is a 500, or something hangs or is left.
    """
    data = b"".join(_wire_request(random) for _ in range(random.choice((1, 1, 1, 2, 3))))
    kind = random.random()
    if kind < 0.6:
        data = spoiled(random, data, random.choice((1, 1, 2, 4)))
    elif kind < 0.7:
        data = random_bytes(random, 300)
    client = house.connect()
    house.client_sends(client, pieces(random, data))
    give = gives_one_of(random, ANSWERS.values())
    if random.random() < 0.1:
        house.serve(give)
        client.leave()
    # A connection that says nothing more is closed in the end, by one limit or another.
    house.until(lambda: client.transport.ended, give)
    found = replies(client) if b"HEAD" not in data else []
    for reply in found[:-1]:
        assert reply.complete, reply
    for reply in found:
        known = reply.status in PLAIN_STATUSES or str(reply.status) in _documented()
        assert known, f"an answer that nobody expects: {reply}"
        assert reply.status != 500, reply
    house.leave()


@cache
def _documented() -> frozenset[str]:
    responses = [
        op["responses"] for item in described().document["paths"].values() for op in _operations(item)
    ]
    return frozenset(status for each in responses for status in each)


def _operations(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for name, operation in item.items() if name != "parameters"]
