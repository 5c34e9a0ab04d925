"""What web pages and rebound names can send: nothing of it reaches the upstream.

On the wire, for every endpoint: what the guard decides by itself is tested with the guard.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.hostile.attacks import BODY, Target, assert_next_is_served
from tests.hostile.exact_requests import OWN, ask, assert_gives_no_leave, assert_refused
from tests.memory_proxy import MemoryProxy

ENDPOINTS = [
    ("POST", "/v1/responses"),
    ("POST", "/v1/responses/"),
    ("POST", "/v1/responses/compact"),
    ("POST", "/v1/responses/input_tokens"),
    ("GET", "/v1/models"),
    ("GET", "/health"),
    ("GET", "/v1/responses/resp_1"),
    ("GET", "/v1/responses/resp_1/input_items"),
    ("DELETE", "/v1/responses/resp_1"),
    ("HEAD", "/health"),
    ("OPTIONS", "/v1/responses"),
    ("GET", "/v1/responses"),
    ("POST", "/nowhere"),
    ("GET", "/"),
    ("GET", "/favicon.ico"),
    ("GET", "/openapi.json"),
    ("GET", "/status/state"),
    ("GET", "/status/events"),
    ("GET", "/status/page.js"),
]


FOREIGN_HOSTS = [
    "evil.example",
    "localhost.evil.example",
    "localhost.evil.example.",
    "127.0.0.1.evil.example",
    "evil.example:9876",
    "127.0.0.1@evil.example",
    "localhost:9876@evil.example",
    "evil.example#127.0.0.1",
    "evil.example/127.0.0.1",
    "evil.example?127.0.0.1",
    "evil.example\\127.0.0.1",
    "evil.example,127.0.0.1",
    "evil.example 127.0.0.1",
    "xlocalhost",
    "localhostx",
    "notlocalhost:9876",
    "127.0.0.1.nip.io",
    "1.0.0.127.in-addr.arpa",
    "0.0.0.0",
    "0",
    "192.168.0.1",
    "169.254.169.254",
    "10.0.0.1:9876",
    "[::]",
    "[::2]",
    "[fe80::1]",
    "[2001:db8::1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "::1",
    "[::1",
    "[::1]evil.example",
    "[127.0.0.1]",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "017700000001",
    "\xff",
    "\xb9\xb2\xb7.0.0.1",
    "localhost\xad",
    "",
    " ",
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_host_that_is_not_plainly_this_machine_is_refused(proxy: MemoryProxy, host: str) -> None:
    """A browser that was led here by a name of the attacker's sends that name; it may write numbers oddly."""
    for method, path in ENDPOINTS:
        assert_refused(proxy, ask(proxy, method, path, f"host: {host}"))
    assert_next_is_served(proxy)


OWN_HOSTS = [
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:65535",
    "127.8.8.8:80",
    "localhost",
    "LocalHost:9876",
    "localhost.",
    "codex.localhost:9876",
    "[::1]",
    "[::1]:9876",
    "[0:0:0:0:0:0:0:1]",
]


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_a_name_of_this_machine_is_served_with_any_port(proxy: MemoryProxy, host: str) -> None:
    """A tunnel or a container may lead here from another port."""
    assert ask(proxy, "POST", "/v1/responses", f"host: {host}").status == 200


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["host: localhost", "host: localhost"],
        ["host: localhost", "host: evil.example"],
        ["host: evil.example", "host: localhost"],
    ],
    ids=["none", "twice the same", "a foreign one behind", "a foreign one before"],
)
def test_a_request_without_exactly_one_host_is_refused(proxy: MemoryProxy, lines: list[str]) -> None:
    for method, path in ENDPOINTS:
        assert_refused(proxy, ask(proxy, method, path, *lines))


FOREIGN_ORIGINS = [
    "https://evil.example",
    "http://evil.example:9876",
    "http://127.0.0.1.evil.example:9876",
    "http://127.0.0.1:9876@evil.example",
    "http://localhost.evil.example",
    "null",
    "",
    "file://",
    "chrome-extension://abcdef",
    "moz-extension://abcdef",
    "http://127.0.0.1:3000",
    "http://127.0.0.1",
    "https://127.0.0.1:9876",
    "http://localhost:9876",
    "http://[::1]:9876",
    "http://127.0.0.1:9876/",
    "http://127.0.0.1:9876 https://evil.example",
    "http://127.0.0.1:9876, https://evil.example",
    "//127.0.0.1:9876",
    "127.0.0.1:9876",
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_page_of_any_other_origin_is_refused_everywhere(proxy: MemoryProxy, origin: str) -> None:
    for method, path in ENDPOINTS:
        assert_refused(proxy, ask(proxy, method, path, f"host: {OWN}", f"origin: {origin}"))
        assert_refused(
            proxy, ask(proxy, method, path, f"host: {OWN}", f"origin: http://{OWN}", f"origin: {origin}")
        )
    assert_next_is_served(proxy)


@pytest.mark.parametrize(
    "site", ["cross-site", "same-site", "CROSS-SITE", "", "same-origin, cross-site", "?"]
)
def test_what_a_browser_says_of_another_site_is_refused_everywhere(proxy: MemoryProxy, site: str) -> None:
    for method, path in ENDPOINTS:
        assert_refused(proxy, ask(proxy, method, path, f"host: {OWN}", f"sec-fetch-site: {site}"))


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_the_user_opens_is_served(proxy: MemoryProxy, site: str) -> None:
    assert ask(proxy, "GET", "/health", f"host: {OWN}", f"sec-fetch-site: {site}").status == 200
    assert ask(proxy, "GET", "/health", f"host: {OWN}", f"origin: http://{OWN}").status == 200
    assert ask(proxy, "GET", "/health", f"host: {OWN}", f"referer: http://{OWN}/health").status == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/responses"), ("GET", "/v1/models")])
def test_what_a_redirect_can_make_a_browser_open_asks_nobody(
    proxy: MemoryProxy, method: str, path: str
) -> None:
    """Of an address that a person typed a browser says the same, wherever it leads."""
    assert_refused(proxy, ask(proxy, method, path, f"host: {OWN}", "sec-fetch-site: none"))


FOREIGN_REFERERS = [
    "https://evil.example/",
    "http://evil.example/127.0.0.1:9876/",
    "http://127.0.0.1:9876.evil.example/",
    "http://127.0.0.1:9876@evil.example/",
    "http://127.0.0.1:3000/",
    "http://127.0.0.1/",
    "https://127.0.0.1:9876/",
    "http:/127.0.0.1:9876/",
    "127.0.0.1:9876",
    "about:blank",
    "android-app://evil.example",
]


@pytest.mark.parametrize("referer", FOREIGN_REFERERS)
def test_a_page_that_only_its_referer_tells_of_is_refused(proxy: MemoryProxy, referer: str) -> None:
    for method, path in ENDPOINTS:
        assert_refused(proxy, ask(proxy, method, path, f"host: {OWN}", f"referer: {referer}"))


SIMPLE_TYPES = [
    "text/plain",
    "text/plain; charset=utf-8",
    "text/plain;application/json",
    "text/plain, application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/csp-report",
    "application/reports+json",
    "text/json",
    "*/*",
    "",
]


@pytest.mark.parametrize("kind", SIMPLE_TYPES)
@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/"])
def test_a_post_that_needs_no_leave_of_ours_is_refused(proxy: MemoryProxy, kind: str, path: str) -> None:
    """Old browsers send no origin with a form."""
    reply = ask(proxy, "POST", path, f"host: {OWN}", f"content-type: {kind}")
    assert_refused(proxy, reply, 415)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/responses"), ("GET", "/health"), ("GET", "/v1/models")]
)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"http://{OWN}", None])
def test_a_preflight_is_never_given_leave(
    proxy: MemoryProxy, method: str, path: str, origin: str | None
) -> None:
    lines = [
        f"host: {OWN}",
        f"access-control-request-method: {method}",
        "access-control-request-headers: content-type, authorization",
        "access-control-request-private-network: true",
    ]
    lines += [f"origin: {origin}"] if origin else []
    reply = ask(proxy, "OPTIONS", path, *lines)
    assert reply.status in (403, 405)
    assert_gives_no_leave(reply)
    assert proxy.upstream == []


def test_no_answer_of_any_kind_gives_a_page_leave(proxy: MemoryProxy) -> None:
    for method, path in ENDPOINTS:
        if path != "/v1/models":
            assert_gives_no_leave(ask(proxy, method, path, f"host: {OWN}", f"origin: http://{OWN}"))
    assert_gives_no_leave(ask(proxy, "POST", "/v1/responses", f"host: {OWN}", body=b"broken"))


@pytest_twisted.ensureDeferred
async def test_on_a_socket_a_foreign_page_costs_nothing(target: Target) -> None:
    await target.start()
    for lines in ("origin: https://evil.example", "sec-fetch-site: cross-site"):
        head = (
            f"POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{lines}\r\n"
        )
        told = await target.reaction(f"{head}content-length: {len(BODY)}\r\n\r\n".encode() + BODY)
        assert told.startswith(b"HTTP/1.1 403 ")
    await target.assert_serving()
