"""Who may speak to the proxy: nobody's web page, and nobody who found a name for loopback."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web.http_headers import Headers

from ccmimolink.core.errors import FailureKind
from ccmimolink.web.guard import Guard
from tests.http_wire import body_of, request
from tests.memory_proxy import MemoryProxy


def verdict(guard: Guard, **headers: Any) -> FailureKind | None:
    failure = guard.check(Headers({name.replace("_", "-"): [value] for name, value in headers.items()}))
    return None if failure is None else failure.kind


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:9876",
        "localhost",
        "localhost:9876",
        "LOCALHOST.",
        "mimo.localhost",
        "[::1]:9876",
        "127.9.9.9",
    ],
)
def test_names_of_this_machine_are_served(host: str) -> None:
    assert verdict(Guard(), host=host) is None


REBOUND = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "192.168.1.2:9876",
    "0.0.0.0",
    "[::2]",
    "[::1",
    "",
]


@pytest.mark.parametrize("host", ["[::ffff:127.0.0.1]:9876", "[::ffff:7f00:1]"])
def test_an_ipv4_address_in_ipv6_is_none_of_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As from Python 3.13 on.
    monkeypatch.setattr("ipaddress.IPv6Address.is_loopback", True)
    assert verdict(Guard(), host=host) is FailureKind.FORBIDDEN


@pytest.mark.parametrize("host", REBOUND)
def test_any_other_host_name_is_refused(host: str) -> None:
    assert verdict(Guard(), host=host) is FailureKind.FORBIDDEN


def test_a_missing_or_doubled_host_is_refused() -> None:
    assert Guard().check(Headers()) is not None
    assert Guard().check(Headers({"host": ["localhost", "evil.example"]})) is not None


@pytest.mark.parametrize("host", ["localhost:9876", "127.0.0.1", "[::1]:80"])
def test_a_page_of_our_own_is_served(host: str) -> None:
    assert verdict(Guard(), host=host, origin=f"http://{host}") is None


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "http://127.0.0.1:9876", "https://localhost:9876"]
)
def test_a_page_of_another_port_name_or_scheme_of_this_machine_is_refused(origin: str) -> None:
    assert verdict(Guard(), host="localhost:9876", origin=origin) is FailureKind.FORBIDDEN


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "something"])
def test_what_a_browser_sends_for_another_page_is_refused_without_an_origin_too(site: str) -> None:
    assert verdict(Guard(), host="localhost", sec_fetch_site=site) is FailureKind.FORBIDDEN


@pytest.mark.parametrize("target", [b"/v1/models", b"/health"])
def test_what_a_browser_sends_for_a_page_of_ours_is_served(target: bytes) -> None:
    assert Guard().check(Headers({"host": ["localhost"], "sec-fetch-site": ["same-origin"]}), target) is None


@pytest.mark.parametrize(
    ("target", "served"),
    [
        (b"/", True),
        (b"/?lang=zh", True),
        (b"/status/events", False),
        (b"/health", True),
        (b"/openapi.json", True),
        (b"/v1/models", False),
        (b"/v1/responses/resp_1", False),
    ],
)
def test_an_address_that_was_typed_opens_what_asks_nobody(target: bytes, served: bool) -> None:
    """A redirect from an address that was typed is told in the same way."""
    failure = Guard().check(Headers({"host": ["localhost"], "sec-fetch-site": ["none"]}), target)
    assert (failure is None) is served


@pytest.mark.parametrize(
    ("referer", "served"),
    [
        ("http://localhost:9876/status?x=/", True),
        ("http://localhost:9876", True),
        ("http://localhost:3000/", False),
        ("https://evil.example/http://localhost:9876/", False),
        ("about:blank", False),
        ("", False),
    ],
)
def test_where_an_older_browser_comes_from_counts_too(referer: str, served: bool) -> None:
    assert (verdict(Guard(), host="localhost:9876", referer=referer) is None) is served


@pytest.mark.parametrize(("mode", "served"), [("no-cors", True), ("cors", True), ("navigate", False)])
def test_a_program_on_a_browsers_network_stack_is_served_but_for_navigation(mode: str, served: bool) -> None:
    """Such programs send "none" with every request; a page's request says where it comes from."""
    failure = verdict(Guard(), host="localhost", sec_fetch_site="none", sec_fetch_mode=mode)
    assert (failure is None) is served


def test_of_several_origins_each_counts() -> None:
    headers = Headers({"host": ["localhost"], "origin": ["http://evil.example", "http://localhost"]})
    assert Guard().check(headers) is not None


@pytest.mark.parametrize(
    "target", [b"http://evil.example/v1/models", b"http://localhost/health", b"*", b"a:443"]
)
def test_a_target_that_is_no_path_is_refused(target: bytes) -> None:
    assert Guard().check(Headers({"host": ["localhost"]}), target) is not None


FOREIGN = [
    "https://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://[",
    "file://",
    "localhost",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_or_unreadable_origin_is_refused(origin: str) -> None:
    assert verdict(Guard(), host="localhost", origin=origin) is FailureKind.FORBIDDEN
    assert (
        verdict(Guard("fake-token"), host="x", origin=origin, authorization="Bearer fake-token") is not None
    )


def test_beyond_loopback_the_token_stands_in_for_the_host_name() -> None:
    guard = Guard("fake-token", local=False)
    assert verdict(guard, host="mimo.lan", authorization="Bearer fake-token") is None
    assert verdict(guard, host="localhost") is FailureKind.FORBIDDEN
    assert verdict(guard, host="localhost", authorization="Bearer fake-tokem") is FailureKind.FORBIDDEN
    assert verdict(guard, host="localhost", authorization="bearer  fake-token") is None
    assert verdict(guard, host="localhost", authorization="Basic fake-token") is FailureKind.FORBIDDEN


def test_a_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    digest = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return digest(one, other)

    monkeypatch.setattr("hmac.compare_digest", compare)
    guard = Guard("fake-token")
    assert verdict(guard, host="localhost", authorization="Bearer fake-tokem") is FailureKind.FORBIDDEN
    assert verdict(guard, host="localhost") is FailureKind.FORBIDDEN
    assert compared == [(b"fake-tokem", b"fake-token"), (b"", b"fake-token")]


def test_on_loopback_a_token_is_asked_for_beside_the_host_name() -> None:
    guard = Guard("fake-token", local=True)
    assert verdict(guard, host="localhost", authorization="Bearer fake-token") is None
    assert verdict(guard, host="mimo.lan", authorization="Bearer fake-token") is FailureKind.FORBIDDEN
    assert verdict(guard, host="localhost") is FailureKind.FORBIDDEN


printable = st.binary(max_size=40).filter(lambda value: not set(value) & {0, 10, 13})


@given(printable, printable)
def test_no_header_value_makes_the_guard_raise(host: bytes, origin: bytes) -> None:
    assert verdict(Guard(), host=host, origin=origin) in {None, FailureKind.FORBIDDEN}


# Through the door: nothing of it reaches the upstream.


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/compact", "/nowhere"])
def test_dns_rebinding_is_refused_on_every_path(proxy: MemoryProxy, path: str) -> None:
    assert proxy.ask("POST", path, body_of(), host="evil.example:9876").reply.status == 403
    assert proxy.upstream == []


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/v1/responses/resp_1"])
def test_pages_read_nothing_either(proxy: MemoryProxy, path: str) -> None:
    assert proxy.ask("GET", path, origin="https://evil.example").reply.status == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json", ""]
)
def test_what_a_page_may_post_without_leave_is_refused(proxy: MemoryProxy, kind: str) -> None:
    """A browser asks before it sends JSON to another site, and not before these; old ones send no Origin."""
    reply = proxy.ask("POST", "/v1/responses", body_of(), content_type=kind).reply
    assert reply.status == 415
    assert proxy.upstream == []


def test_no_answer_gives_a_page_leave(proxy: MemoryProxy) -> None:
    client = proxy.ask("OPTIONS", "/v1/responses", access_control_request_method="POST")
    assert not [name for name in client.reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "kind", ["\x0capplication/json", "application/json\x1c", "application/json;\x85", "\x0b"]
)
@pytest.mark.parametrize("body", [body_of(), b""], ids=["body", "no body"])
@pytest.mark.parametrize("path", ["/v1/responses", "/health"])
def test_a_type_that_is_no_text_is_refused_before_twisted_reads_it(
    proxy: MemoryProxy, kind: str, body: bytes, path: str
) -> None:
    client = proxy.connect()
    sent = request("POST", path, body, {"content-type": kind, "content-length": str(len(body))})
    client.send(sent)
    assert client.reply.status == 415
    assert proxy.upstream == []
