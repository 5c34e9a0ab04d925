"""``GET /``: the page as it is served: what stands on it, who gets it, and what a browser is told of it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.http_wire import LAST_CHUNK, STREAM_HEAD, Reply, answer, body_of, chunk, hello, request, text
from tests.memory_proxy import KEY, MemoryProxy

ASSETS = ("page.css", "page.js", "charts.js", "format.js")
OTHERS = ("/", "/status/state", "/status/events", *(f"/status/{name}" for name in ASSETS))


class _Visible(HTMLParser):
    """The text of a page, and the attributes of its elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


def page(proxy: MemoryProxy, path: str = "/", **headers: Any) -> _Visible:
    reply = proxy.ask("GET", path, **headers).reply
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return _Visible(reply.body.decode())


def banner(shown: _Visible) -> dict[str, str | None]:
    return next(attributes for _, attributes in shown.elements if attributes.get("id") == "back-off")


def answered(proxy: MemoryProxy, body: bytes | None = None, **headers: Any) -> None:
    """A request from its beginning to its end."""
    proxy.post(body, **headers)
    proxy.upstream[-1].send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    proxy.settle()


# -- what stands on it --------------------------------------------------------------------------------------


def test_without_a_script_it_shows_what_runs_and_what_ran(proxy: MemoryProxy) -> None:
    answered(proxy, originator="codex_exec")
    proxy.post(body_of(model="mimo-v2.5-pro"))
    proxy.upstream[-1].send(STREAM_HEAD + chunk(text("a") + text("b")))
    proxy.advance(3)
    texts = page(proxy).texts
    assert {"Completed", "gpt-5.5 → mimo-v2.5", "codex_exec"} <= set(texts)
    assert {"Streaming", "≈ 2", "3.0 s", "mimo-v2.5-pro"} <= set(texts)


def test_a_failed_request_says_why_in_words(proxy: MemoryProxy) -> None:
    proxy.post()
    proxy.upstream[0].send(answer(401))
    proxy.settle()
    assert "Key rejected (401)" in page(proxy).texts


def test_a_back_off_is_counted_down(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_429_BACKOFF_MS": "20000"})
    hidden = banner(page(proxy))
    proxy.post()
    proxy.upstream[0].send(answer(429))
    proxy.advance(5)
    shown = page(proxy)
    assert "hidden" in hidden
    assert "hidden" not in banner(shown)
    assert {"15 s", "no. 1, in 15.0 s at the earliest"} <= set(shown.texts)


def test_a_model_and_a_client_are_text_whatever_they_are_called(proxy: MemoryProxy) -> None:
    answered(proxy, body_of(model="<b>&amp;\"'"), originator="<script>alert(1)</script>")
    reply = proxy.ask("GET", "/").reply
    assert b"<script>alert" not in reply.body
    assert b"<b>" not in reply.body
    assert any("<script>alert(1)</script>" in shown for shown in _Visible(reply.body.decode()).texts)


def test_nothing_of_a_conversation_and_no_key_is_on_it(make_proxy: Any) -> None:
    proxy = make_proxy({"HTTPS_PROXY": "http://somebody:fake-password@127.0.0.1:1"})
    answered(proxy, body_of(input="the-users-own-words", instructions="be-the-users-friend"))
    for path in ("/", "/status/state"):
        body = proxy.ask("GET", path).reply.body.decode()
        for said in ("the-users-own-words", "be-the-users-friend", "Hello", KEY, "fake-password"):
            assert said not in body


def test_plugins_and_settings_are_listed(make_proxy: Any) -> None:
    texts = page(make_proxy({"MIMO_PROXY_RETRIES": "7"})).texts
    for shown in ("model-routing", "Request transform", "MIMO_PROXY_RETRIES", "7", "MIMO_API_KEY", "set"):
        assert shown in texts, shown


def test_a_reader_who_leaves_while_the_page_is_made_is_not_missed(proxy: MemoryProxy) -> None:
    client = proxy.connect()
    client.transport.deliver(request("GET", "/"))
    assert client.silent
    client.leave()
    assert len(page(proxy).texts) > 50


# -- languages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "accepted", "language", "title"),
    [
        ("/", "", "en", "Running now"),
        ("/", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN", "正在进行"),
        ("/", "de, en;q=0.3, zh-TW;q=0.7", "zh-CN", "正在进行"),
        ("/", "zh;q=0, fr", "en", "Running now"),
        ("/", "zh;q=much", "en", "Running now"),
        ("/?lang=zh", "en", "zh-CN", "正在进行"),
        ("/?lang=en", "zh-CN", "en", "Running now"),
        ("/?lang=%FF", "zh-CN", "zh-CN", "正在进行"),
    ],
)
def test_it_speaks_the_language_that_is_asked_for(
    proxy: MemoryProxy, path: str, accepted: str, language: str, title: str
) -> None:
    shown = page(proxy, path, accept_language=accepted)
    assert dict(shown.elements)["html"] == {"lang": language}
    assert title in shown.texts


# -- what a browser is told of it ---------------------------------------------------------------------------


def test_it_holds_no_script_and_no_style_of_its_own_and_nothing_from_elsewhere(proxy: MemoryProxy) -> None:
    shown = page(proxy)
    for tag, attributes in shown.elements:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        assert tag != "script" or attributes["src"]
        for name in ("src", "href"):
            assert re.match(r"/(?!/)|#|data:image/", attributes.get(name) or "/"), attributes


@pytest.mark.parametrize("path", OTHERS)
def test_each_part_of_it_is_kept_to_itself(proxy: MemoryProxy, path: str) -> None:
    headers = proxy.ask("GET", path).reply.headers
    rules = dict(rule.partition(" ")[::2] for rule in headers["content-security-policy"].split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_is_sent_once_and_then_known_again(proxy: MemoryProxy, name: str) -> None:
    first = proxy.ask("GET", f"/status/{name}").reply
    again = proxy.ask("GET", f"/status/{name}", if_none_match=first.headers["etag"]).reply
    changed = proxy.ask("GET", f"/status/{name}", if_none_match='"another"').reply
    assert (first.status, again.status, changed.status) == (200, 304, 200)
    assert first.headers["cache-control"] == "no-cache"
    assert first.body
    assert again.body == b""
    assert changed.body == first.body


@pytest.mark.parametrize("path", OTHERS)
def test_head_is_answered_with_the_headers_alone(proxy: MemoryProxy, path: str) -> None:
    client = proxy.ask("HEAD", path)
    head, _, rest = client.transport.value().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert rest == b""


# -- who gets it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    ],
)
@pytest.mark.parametrize("path", OTHERS)
def test_no_other_page_gets_any_of_it(proxy: MemoryProxy, path: str, headers: dict[str, Any]) -> None:
    assert proxy.ask("GET", path, **headers).reply.status == 403


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/?lang=zh", 200), ("/status/events", 403)])
def test_of_it_only_the_page_can_be_opened_by_its_address(proxy: MemoryProxy, path: str, status: int) -> None:
    typed: dict[str, Any] = {
        "sec_fetch_site": "none",
        "sec_fetch_mode": "navigate",
        "sec_fetch_dest": "document",
    }
    assert proxy.ask("GET", path, **typed).reply.status == status


@pytest.mark.parametrize("path", OTHERS)
def test_where_other_machines_reach_the_proxy_there_is_none_of_it(make_proxy: Any, path: str) -> None:
    proxy = make_proxy({"MIMO_PROXY_LISTEN": "tcp:9876", "MIMO_PROXY_TOKEN": "fake-token"})
    reply: Reply = proxy.ask("GET", path, authorization="Bearer fake-token").reply
    assert reply.status == 404


def test_with_a_token_it_is_for_programs_that_send_it(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_TOKEN": "fake-token"})
    assert proxy.ask("GET", "/").reply.status == 403
    reply = proxy.ask("GET", "/status/state", authorization="Bearer fake-token").reply
    assert reply.status == 200
    assert b"fake-token" not in reply.body


# -- the same for programs ----------------------------------------------------------------------------------


def test_the_state_is_told_as_json(proxy: MemoryProxy) -> None:
    answered(proxy)
    proxy.post()
    reply = proxy.ask("GET", "/status/state").reply
    state = json.loads(reply.body)
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    assert [one["outcome"] for one in state["recent"]] == ["completed"]
    assert [one["phase"] for one in state["state"]["running"]] == ["sent"]
    assert state["state"]["in_flight"] == 1
    assert state["summary"]["requests"] == 1
    assert state["about"]["max_concurrent"] == 1
