"""The catalog over the wire: one request with the key, to one address, whatever answers there."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol

from ccmimolink import __version__
from ccmimolink.mimocode.catalog_request import CatalogClient, https_agent
from ccmimolink.mimocode.errors import Code, Source
from tests.mimocode import gateway_api as api
from tests.mimocode.gateway_api import DEACTIVATED_KEY, KEY, Answer
from tests.mimocode.gateway_stage import CATALOG, MARK, Stage, on_stage, provider_at, refusal, stage
from tests.mimocode.gateway_tls import HOST, authority, stranger
from tests.scripted_upstream import until

ECHO = json.dumps({"error": {"message": f"{MARK} {KEY}", "code": f"{MARK}-{KEY}"}}).encode()
"""A body that no message may quote."""

SOON = 0.5
"""Seconds: a time limit that is met, and within which a busy machine has sent and read a head."""


@on_stage
async def test_the_catalog_of_the_gateway(here: Stage) -> None:
    assert await here.fetch() == CATALOG
    await here.quiet()


@on_stage
async def test_what_is_asked(here: Stage) -> None:
    await here.fetch()

    (request,) = here.gateway.requests
    assert (request.method, request.path, request.body) == ("GET", "/v1/models", b"")
    assert request.header("authorization") == f"Bearer {KEY}"
    assert request.header("accept") == "application/json"
    assert request.header("accept-encoding") == "identity"
    assert request.header("user-agent") == f"mimo-code-setup/{__version__}"
    assert {name for name, _ in request.headers} == {
        "host",
        "connection",
        "authorization",
        "accept",
        "accept-encoding",
        "user-agent",
    }


@on_stage
async def test_no_cookie_is_kept(here: Stage) -> None:
    headers = (("set-cookie", "session=1; Path=/; Secure"),)
    here.gateway.script(Answer(503, headers), replace(api.catalog(), headers=headers))

    await here.fetch()
    await here.fetch()

    assert [request.all("cookie") for request in here.gateway.requests] == [[], [], []]


REFUSED = [
    (401, Code.INVALID_API_KEY, Source.SECRET, "Copy it again"),
    (403, Code.INVALID_API_KEY, Source.SECRET, "may be deactivated"),
    (400, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "newer version"),
    (404, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "newer version"),
    (407, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "proxies"),
    (429, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "quota"),
    (500, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "later"),
    (502, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "later"),
    (204, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "proxies"),
    (206, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "proxies"),
    (301, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "redirect"),
    (302, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "redirect"),
    (307, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "redirect"),
    (308, Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "redirect"),
]


@pytest.mark.parametrize(("status", "code", "source", "advice"), REFUSED)
@pytest_twisted.ensureDeferred
async def test_a_refusal_is_told_with_its_status_and_what_to_do(
    status: int, code: Code, source: Source, advice: str
) -> None:
    async with stage() as here:
        here.gateway.script(Answer(status, body=b"" if status == 204 else ECHO))

        blocker = await here.blocker()

        assert (blocker.code, blocker.source) == (code, source)
        assert blocker.detail == f"status={status} x-request-id=req-1"
        assert advice in blocker.message
        assert len(here.gateway.requests) == 1
        await here.quiet()


@on_stage
async def test_an_unknown_key(here: Stage) -> None:
    blocker = await here.blocker("gp-fake-unknown")

    assert (blocker.code, blocker.source) == (Code.INVALID_API_KEY, Source.SECRET)


@on_stage
async def test_a_key_of_a_deactivated_account(here: Stage) -> None:
    blocker = await here.blocker(DEACTIVATED_KEY)

    assert (blocker.code, blocker.source) == (Code.INVALID_API_KEY, Source.SECRET)
    assert "is deactivated" in blocker.message


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error": "account_deactivated"}', b'{"error": {"code": 5}}'])
@pytest_twisted.ensureDeferred
async def test_a_403_without_a_known_code_is_one_all_the_same(body: bytes) -> None:
    async with stage() as here:
        here.gateway.script(Answer(403, body=body))

        assert "may be deactivated" in (await here.blocker()).message


@pytest.mark.parametrize("how", [{"then": "stall", "announced": 9999}, {"then": "reset", "announced": 9999}])
@pytest.mark.parametrize("status", [401, 403])
@pytest_twisted.ensureDeferred
async def test_a_refusal_is_one_before_its_body_is_there(how: dict[str, Any], status: int) -> None:
    async with stage() as here:
        here.gateway.script(Answer(status, body=ECHO, **how))

        blocker = await here.blocker(seconds=SOON)

        assert blocker.code is Code.INVALID_API_KEY
        await here.quiet()


@pytest_twisted.ensureDeferred
async def test_the_key_does_not_go_to_where_a_redirect_points() -> None:
    async with stage() as here, stage() as elsewhere:
        here.gateway.script(api.redirect(f"{elsewhere.provider.catalog_url}?{MARK}", 307))

        blocker = await here.blocker()

        assert HOST not in blocker.message
        assert elsewhere.gateway.requests == []


@on_stage
async def test_a_redirect_within_the_gateway_is_not_followed_either(here: Stage) -> None:
    here.gateway.script(api.redirect("/v1/models"))

    assert "redirect" in (await here.blocker()).message
    assert len(here.gateway.requests) == 1


@pytest.mark.parametrize(
    "request_id", ["", "two words", "x" * 101, "über", "<script>", f"{MARK}\x1b", "a;b", "a\tb"]
)
@pytest_twisted.ensureDeferred
async def test_a_strange_request_id_is_not_repeated(request_id: str) -> None:
    async with stage() as here:
        here.gateway.script(Answer(500, (("x-request-id", request_id),)))

        assert (await here.blocker()).detail == "status=500"


@on_stage
async def test_an_answer_that_is_no_catalog_is_told_with_its_request_id(here: Stage) -> None:
    here.gateway.script(Answer(body=ECHO, headers=(("x-request-id", "A.b_c-9"),)))

    blocker = await here.blocker()

    assert (blocker.code, blocker.source) == (Code.CATALOG_PARSE_FAILED, Source.MODEL_REGISTRY)
    assert blocker.detail == "status=200 x-request-id=A.b_c-9"


@on_stage
async def test_an_empty_catalog(here: Stage) -> None:
    here.gateway.script(api.json_answer(200, {"object": "list", "data": []}))

    assert (await here.blocker()).code is Code.CATALOG_EMPTY


@on_stage
async def test_a_catalog_that_comes_in_pieces(here: Stage) -> None:
    here.gateway.script(api.catalog(pieces=40, announced=-1))

    assert await here.fetch() == CATALOG


@on_stage
async def test_a_catalog_whose_end_is_the_connections(here: Stage) -> None:
    here.gateway.script(Answer(raw=b"HTTP/1.0 200 OK\r\n\r\n" + api.catalog().body))

    assert await here.fetch() == CATALOG


@on_stage
async def test_such_a_catalog_that_is_cut(here: Stage) -> None:
    here.gateway.script(Answer(raw=b"HTTP/1.0 200 OK\r\n\r\n" + api.catalog().body[:-9]))

    assert (await here.blocker()).code is Code.CATALOG_PARSE_FAILED


@on_stage
async def test_a_catalog_of_the_largest_size_is_read(here: Stage) -> None:
    body = api.catalog().body
    here.gateway.script(api.catalog())

    assert await here.fetch(max_body=len(body)) == CATALOG


@pytest.mark.parametrize("announced", [None, -1])
@pytest_twisted.ensureDeferred
async def test_a_huge_answer_is_dropped(announced: int | None) -> None:
    async with stage() as here:
        here.gateway.script(Answer(body=b" " * 8_000_000, announced=announced, then="stall"))

        blocker = await here.blocker()

        assert (blocker.code, blocker.detail) == (Code.CATALOG_FETCH_FAILED, "reason=size")
        assert len(here.gateway.requests) == 1
        await here.quiet()


@pytest.mark.parametrize("body", [api.catalog().body, b" " * 200_000_000], ids=["catalog", "bomb"])
@pytest_twisted.ensureDeferred
async def test_a_compressed_answer_is_not_unpacked(body: bytes) -> None:
    async with stage() as here:
        here.gateway.script(api.gzipped(body))

        blocker = await here.blocker()

        assert blocker.code is Code.CATALOG_FETCH_FAILED
        assert "compressed" in blocker.message


@on_stage
async def test_an_answer_that_says_that_it_is_not_compressed(here: Stage) -> None:
    here.gateway.script(replace(api.catalog(), headers=(("content-encoding", "Identity"),)))

    assert await here.fetch() == CATALOG


FAULTS: dict[str, tuple[Answer, str, int]] = {
    "silence": (api.stalled(), "reason=timeout", 3),
    "half a head": (Answer(raw=b"HTTP/1.1 200 OK\r\nX-A: b\r\n", then="stall"), "reason=timeout", 3),
    "no body": (Answer(body=ECHO, announced=9999, then="stall"), "reason=timeout", 1),
    "a trickle": (Answer(body=b" " * 1000, pieces=1000, pause=0.02), "reason=timeout", 1),
    "a reset": (api.reset(), "reason=reset", 3),
    "a close": (Answer(raw=b""), "reason=reset", 3),
    "half a head and a close": (Answer(raw=b"HTTP/1.1 200 OK\r\nX-A: b\r\n"), "reason=reset", 3),
    "half a body": (Answer(body=ECHO, announced=9999), "reason=reset", 3),
    "half a body and a reset": (Answer(body=ECHO, announced=9999, then="reset"), "reason=reset", 3),
    "no HTTP": (Answer(raw=f"{MARK} {KEY}\r\n\r\n".encode()), "reason=protocol", 1),
    "no chunk": (
        Answer(raw=f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{MARK}{KEY}\r\n".encode()),
        "reason=reset",
        3,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest_twisted.ensureDeferred
async def test_a_fault_of_the_connection(fault: str) -> None:
    answer, detail, tries = FAULTS[fault]
    async with stage() as here:
        here.gateway.script(*[answer] * 3)

        blocker = await here.blocker(seconds=SOON if "timeout" in detail else 10.0)

        assert (blocker.code, blocker.source) == (Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY)
        assert blocker.detail == detail
        assert len(here.gateway.requests) == tries
        await here.quiet()


@pytest.mark.parametrize("answer", [api.reset(), Answer(503), Answer(raw=b"")], ids=["reset", "503", "close"])
@pytest.mark.parametrize("times", [1, 2])
@pytest_twisted.ensureDeferred
async def test_what_passes_is_waited_for(answer: Answer, times: int) -> None:
    async with stage() as here:
        here.gateway.script(*[answer] * times)

        assert await here.fetch() == CATALOG
        assert [request.key for request in here.gateway.requests] == [KEY] * (times + 1)


@on_stage
async def test_a_catalog_that_does_not_get_ready(here: Stage) -> None:
    here.gateway.script(*[api.error(503, "service_unavailable", f"{MARK} {KEY}")] * 9)

    blocker = await here.blocker()

    assert (blocker.code, blocker.source) == (Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY)
    assert blocker.detail == "status=503 x-request-id=req-3"
    assert len(here.gateway.requests) == 3


UNVERIFIED = {
    "of an unknown authority": lambda: stranger().issue(HOST),
    "for another name": lambda: authority().issue("other.invalid"),
    "for another address": lambda: authority().issue("127.0.0.2"),
    "of yesterday": lambda: authority().issue(HOST, expired=True),
}


@pytest.mark.parametrize("which", UNVERIFIED)
@pytest_twisted.ensureDeferred
async def test_a_certificate_that_proves_nothing(which: str) -> None:
    async with stage(UNVERIFIED[which]()) as here:
        blocker = await here.blocker()

        assert (blocker.code, blocker.source) == (Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY)
        assert blocker.detail == "reason=certificate"
        assert "certificate" in blocker.message
        assert "SSL_CERT_FILE" in blocker.message
        assert here.gateway.requests == []
        await here.quiet()


class Plain(Protocol):
    """Speaks HTTP without TLS, as a proxy does that wants to be asked first."""

    def dataReceived(self, data: bytes) -> None:
        assert KEY.encode() not in data
        assert self.transport is not None
        self.transport.write(f"HTTP/1.1 400 Bad Request\r\n\r\n{MARK}".encode())
        self.transport.loseConnection()


@pytest_twisted.ensureDeferred
async def test_an_answer_without_tls() -> None:
    from twisted.internet import reactor

    port = await TCP4ServerEndpoint(reactor, 0, interface=HOST).listen(Factory.forProtocol(Plain))
    blocker = await refusal(stranger_to_tls(reactor, port.getHost().port), KEY)
    await port.stopListening()

    assert blocker.detail == "reason=tls"
    assert "SSL_CERT_FILE" in blocker.message


def stranger_to_tls(reactor: Any, port: int) -> Deferred[Any]:
    client = CatalogClient(reactor, https_agent(reactor, authority().trusted()), pauses=())
    return Deferred.fromCoroutine(client.fetch(provider_at(port), KEY))


@pytest_twisted.ensureDeferred
async def test_nobody_listens() -> None:
    async with stage() as here:
        pass

    blocker = await here.blocker(pauses=())

    assert blocker.detail == "reason=connect"
    assert "network" in blocker.message


@on_stage
async def test_cancelling_drops_a_silent_connection(here: Stage) -> None:
    here.gateway.script(api.stalled())
    fetched = here.fetch()
    await until(here.reactor, lambda: here.gateway.requests)

    fetched.cancel()

    with pytest.raises(CancelledError):
        await fetched
    await here.quiet()


@on_stage
async def test_cancelling_drops_a_body(here: Stage) -> None:
    here.gateway.script(Answer(body=b" " * 1000, pieces=1000, pause=0.005))
    fetched = here.fetch()
    await until(here.reactor, lambda: here.gateway.requests)

    fetched.cancel()

    with pytest.raises(CancelledError):
        await fetched
    await here.quiet()
