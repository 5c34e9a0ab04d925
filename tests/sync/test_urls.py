"""A base URL is MiMo's, this machine's, or another's, however it is written."""

from __future__ import annotations

import pytest

from ccmimolink.sync.urls import fits, host_of, is_loopback, is_mimo, is_token_plan, same, shown, upstream_of

MIMO = [
    "https://api.xiaomimimo.com/v1",
    "https://xiaomimimo.com",
    "https://token-plan-cn.xiaomimimo.com/v1",
    "https://token-plan-sgp.xiaomimimo.com/v1",
    "https://token-plan-ams.xiaomimimo.com/anthropic",
    "https://token-plan-new.xiaomimimo.com/v1/",
    "HTTPS://API.XiaomiMiMo.COM/v1",
    "https://api.xiaomimimo.com./v1",
    "https://user:secret@api.xiaomimimo.com:443/v1",
    "  https://api.xiaomimimo.com/v1\n",
]
OTHERS = [
    "https://xiaomimimo.com.evil.org/v1",
    "https://api.xiaomimimo.com.evil.org/v1",
    "https://notxiaomimimo.com/v1",
    "https://api-xiaomimimo.com/v1",
    "https://xiaomimimo.org/v1",
    "https://xiaomimimo.com@evil.org/v1",
    "https://evil.org/https://api.xiaomimimo.com/v1",
    "https://evil.org?api.xiaomimimo.com",
    "https://evil.org#.xiaomimimo.com",
    f"https://{'a' * 64}.xiaomimimo.com/v1",
    "https://opencode.ai/zen/go/v1",
    "ftp://api.xiaomimimo.com/v1",
    "api.xiaomimimo.com/v1",
    "https://[api.xiaomimimo.com/v1",
    "https://api.xiaomimimo.com:port/v1",
    "",
]


class TestMiMo:
    @pytest.mark.parametrize("url", MIMO)
    def test_is_recognised_by_the_host_in_every_plan_and_region(self, url: str) -> None:
        assert is_mimo(url)

    @pytest.mark.parametrize("url", OTHERS)
    def test_is_no_host_that_only_looks_like_one(self, url: str) -> None:
        assert not is_mimo(url)

    def test_has_token_plans_on_hosts_of_their_own(self) -> None:
        assert is_token_plan("https://TOKEN-PLAN-SGP.xiaomimimo.com/v1")
        assert not is_token_plan("https://api.xiaomimimo.com/v1")
        assert not is_token_plan("https://token-plan-cn.evil.org/v1")


class TestThisMachine:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:9876/v1",
            "http://127.1.2.3/v1",
            "http://LOCALHOST:1/v1",
            "http://localhost./v1",
            "http://a.localhost/v1",
            "http://[::1]:9876/v1",
            "http://0.0.0.0:9876/v1",
            "http://[::]/v1",
            "http://127.1:9876/v1",
            "http://[::ffff:127.0.0.1]:9876/v1",
        ],
    )
    def test_is_recognised_in_every_spelling(self, url: str) -> None:
        assert is_loopback(url)

    @pytest.mark.parametrize(
        "url",
        ["http://192.168.1.2:9876/v1", "http://localhost.evil.org", "http://mylocalhost/v1", *MIMO, *OTHERS],
    )
    def test_is_no_other_machine(self, url: str) -> None:
        assert not is_loopback(url)


class TestSameAddress:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("http://127.0.0.1:9876/v1", "http://localhost:9876/v1/"),
            ("http://127.0.0.1:9876/v1", "http://[::1]:9876/v1"),
            ("https://API.xiaomimimo.com/v1/", "https://api.xiaomimimo.com:443/v1"),
            ("https://api.xiaomimimo.com./v1", "https://api.xiaomimimo.com/v1"),
            ("no url", "no url"),
        ],
    )
    def test_may_be_written_differently(self, one: str, other: str) -> None:
        assert same(one, other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("http://127.0.0.1:9876/v1", "http://127.0.0.1:9877/v1"),
            ("http://127.0.0.1:9876/v1", "https://127.0.0.1:9876/v1"),
            ("http://127.0.0.1:9876/v1", "http://127.0.0.1:9876"),
            ("https://api.xiaomimimo.com/v1", "https://token-plan-cn.xiaomimimo.com/v1"),
            ("https://h/V1", "https://h/v1"),
            ("https://h/v1?a=1", "https://h/v1"),
            ("no url", "other"),
        ],
    )
    def test_is_not_one_that_leads_elsewhere(self, one: str, other: str) -> None:
        assert not same(one, other)


class TestUpstream:
    @pytest.mark.parametrize(
        ("url", "upstream"),
        [
            ("https://api.xiaomimimo.com/v1", "https://api.xiaomimimo.com/v1"),
            ("https://api.xiaomimimo.com/v1/", "https://api.xiaomimimo.com/v1"),
            ("https://api.xiaomimimo.com", "https://api.xiaomimimo.com/v1"),
            ("https://api.xiaomimimo.com/v1/responses", "https://api.xiaomimimo.com/v1"),
            (
                "https://token-plan-sgp.xiaomimimo.com/v1/chat/completions/",
                "https://token-plan-sgp.xiaomimimo.com/v1",
            ),
            ("https://token-plan-ams.xiaomimimo.com/anthropic", "https://token-plan-ams.xiaomimimo.com/v1"),
            ("https://api.xiaomimimo.com/anthropic/v1/messages", "https://api.xiaomimimo.com/v1"),
            ("https://gateway.example/mimo/v1", "https://gateway.example/mimo/v1"),
            ("https://gateway.example/anthropic", "https://gateway.example/anthropic"),
            ("http://gateway.example:8080/v1/responses?x=1#y", "http://gateway.example:8080/v1"),
            ("https://user:secret@gateway.example/v1", "https://gateway.example/v1"),
        ],
    )
    def test_is_the_base_of_the_chat_side(self, url: str, upstream: str) -> None:
        assert upstream_of(url) == upstream
        assert upstream_of(upstream) == upstream

    def test_of_something_that_is_no_url_is_the_same(self) -> None:
        assert upstream_of("no url") == "no url"


class TestShown:
    def test_holds_no_credentials_and_no_query(self) -> None:
        assert shown("https://user:sk-fake@h:1/v1?key=sk-fake#sk-fake") == "https://h:1/v1"

    def test_of_something_that_is_no_url_is_nothing_of_it(self) -> None:
        assert "sk-fake" not in shown("sk-fake")

    def test_the_host_of_something_that_is_no_url_is_nothing(self) -> None:
        assert host_of("sk-fake") == ""
        assert host_of("https://user:sk-fake@Host./v1") == "host"


class TestPlans:
    @pytest.mark.parametrize(
        ("key", "url", "expected"),
        [
            ("sk-fake", "https://api.xiaomimimo.com/v1", True),
            ("sk-fake", "https://token-plan-cn.xiaomimimo.com/v1", False),
            ("tp-fake", "https://token-plan-sgp.xiaomimimo.com/v1", True),
            ("tp-fake", "https://api.xiaomimimo.com/v1", False),
            ("ttp-fake", "https://api.xiaomimimo.com/v1", False),
            ("other-fake", "https://api.xiaomimimo.com/v1", True),
            ("tp-fake", "https://gateway.example/v1", True),
        ],
    )
    def test_a_key_fits_the_hosts_of_its_plan(self, key: str, url: str, expected: bool) -> None:
        assert fits(key, url) is expected
