"""Request targets that are no plain path, and paths that are written oddly: they lead nowhere."""

from __future__ import annotations

import pytest

from tests.hostile.attacks import assert_next_is_served
from tests.hostile.exact_requests import OWN, ask, assert_gives_no_leave
from tests.memory_proxy import MemoryProxy

NO_PATHS = [
    ("POST", "http://evil.example/v1/responses"),
    ("POST", "https://evil.example/v1/responses"),
    ("POST", "HTTP://evil.example/v1/responses"),
    ("POST", "http://127.0.0.1@evil.example/v1/responses"),
    ("GET", "http://evil.example/"),
    ("GET", "ftp://evil.example/health"),
    ("GET", "file:///etc/passwd"),
    ("GET", "evil.example:443"),
    ("CONNECT", "evil.example:443"),
    ("CONNECT", "127.0.0.1:9876"),
    ("CONNECT", "/v1/responses"),
    ("OPTIONS", "*"),
    ("GET", "*"),
    ("POST", "*"),
    ("GET", "?/health"),
    ("GET", "#/health"),
    ("GET", "health"),
    ("GET", "\\health"),
    ("GET", ".."),
]


@pytest.mark.parametrize(("method", "target"), NO_PATHS)
def test_a_target_that_is_no_path_of_ours_is_not_followed(
    proxy: MemoryProxy, method: str, target: str
) -> None:
    for host in (OWN, "evil.example"):
        reply = ask(proxy, method, target, f"host: {host}")
        assert reply.status in (400, 403, 405)
        assert_gives_no_leave(reply)
    assert proxy.upstream == []
    assert_next_is_served(proxy)


@pytest.mark.parametrize(("method", "target"), [("OPTIONS", "*"), ("GET", "*"), ("OPTIONS", "*?x")])
def test_the_asterisk_is_guarded_like_everything_else(proxy: MemoryProxy, method: str, target: str) -> None:
    assert ask(proxy, method, target, "host: evil.example").status == 403
    assert ask(proxy, method, target, f"host: {OWN}", "origin: https://evil.example").status == 403


def test_an_absolute_target_of_our_own_leads_nowhere_else(proxy: MemoryProxy) -> None:
    for authority in (OWN, "localhost:9876", "[::1]"):
        reply = ask(proxy, "GET", f"http://{authority}/health", f"host: {OWN}")
        assert reply.status in (200, 403)
    assert ask(proxy, "GET", f"http://{OWN}/health", "host: evil.example").status == 403
    assert ask(proxy, "GET", "http://evil.example/health", f"host: {OWN}").status == 403
    assert proxy.upstream == []


ODD_PATHS = [
    "//v1/responses",
    "/v1//responses",
    "///health",
    "//evil.example/health",
    "/./v1/responses",
    "/v1/./responses",
    "/x/../v1/responses",
    "/../health",
    "/v1/../health",
    "/%2e%2e/health",
    "/v1/%2e%2e/health",
    "/v1%2fresponses",
    "/v1%5cresponses",
    "/%00",
    "/health%00",
    "/health%0d%0aset-cookie:%20a=b",
    "/v1/responses%00",
    "/v1/responses%20",
    "/V1/responses",
    "/v1/Responses",
    "/v1/responses;a=b",
    "/v1/responses/../../etc/passwd",
    "/v1/%c0%ae%c0%ae/health",
    "/%ff%fe",
    "/%",
    "/%zz",
    "/" + "a/" * 15_000,
    "/" + "%2e" * 10_000,
]


@pytest.mark.parametrize("path", ODD_PATHS, ids=lambda path: path[:30])
def test_an_odd_path_leads_nowhere(proxy: MemoryProxy, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        reply = ask(proxy, method, path, f"host: {OWN}")
        assert reply.status in (400, 404, 405)
        assert_gives_no_leave(reply)
    assert proxy.upstream == []
    assert_next_is_served(proxy)


@pytest.mark.parametrize(
    "query", ["?", "?a", "?a=b&a=c", "?%ff=%00", "?" + "&" * 20_000, "?" + "a=b&" * 10_000]
)
def test_a_query_changes_nothing(proxy: MemoryProxy, query: str) -> None:
    assert ask(proxy, "GET", f"/health{query}", f"host: {OWN}").status == 200
    assert ask(proxy, "POST", f"/v1/responses{query}", f"host: {OWN}").status == 200
    assert b"?" not in proxy.upstream[0].received.split(b"\r\n")[0]
