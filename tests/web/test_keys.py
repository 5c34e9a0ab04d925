"""Which key goes upstream: DESIGN's table, row by row."""

from __future__ import annotations

import pytest
from twisted.web.http_headers import Headers

from ccmimolink.core.errors import FailureKind, Profile, RequestError
from ccmimolink.route import Route
from ccmimolink.web.keys import KeyResolver, account_of
from tests.memory_proxy import KEY, MemoryProxy

PLAN = "https://token-plan-cn.xiaomimimo.com/v1"
PAY = "https://api.xiaomimimo.com/v1"
HEADERS = {
    "x-mimo-api-key": "fake-of-x-mimo",
    "api-key": "fake-of-api-key",
    "authorization": "Bearer fake-of-bearer",
}
ROW, FALLBACK = "fake-of-row", "fake-of-environment"


class Keys:
    """A resolver, and the route that it is asked about."""

    def __init__(
        self,
        base_url: str = PAY,
        fallback: str = FALLBACK,
        row: str = ROW,
        token: str = "",
        written: str = "",
    ) -> None:
        self._resolver = KeyResolver(fallback, token=token)
        self._route = Route(base_url, row, lambda key: key == written)

    def resolve(self, headers: Headers, profile: Profile) -> str:
        target = self._resolver.resolve(headers, profile, self._route)
        assert target.base_url == self._route.base_url
        return target.key


resolver = Keys


def resolve(keys: Keys, profile: Profile = Profile.CODEX, **headers: str) -> str:
    sent = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return keys.resolve(Headers(sent), profile)


def reason(keys: Keys, profile: Profile = Profile.CODEX, **headers: str) -> str:
    with pytest.raises(RequestError) as raised:
        resolve(keys, profile, **headers)
    assert raised.value.failure.kind is FailureKind.KEY_MISSING
    return raised.value.failure.message


ORDER_OF_CODEX = ["fake-of-x-mimo", "fake-of-api-key", ROW, FALLBACK, "fake-of-bearer"]
ORDER_OF_OTHERS = ["fake-of-x-mimo", "fake-of-api-key", "fake-of-bearer", ROW, FALLBACK]


@pytest.mark.parametrize(
    ("profile", "order"), [(Profile.CODEX, ORDER_OF_CODEX), (Profile.GENERIC, ORDER_OF_OTHERS)]
)
def test_sources_are_asked_in_the_order_of_the_profile(profile: Profile, order: list[str]) -> None:
    headers, row, fallback = dict(HEADERS), ROW, FALLBACK
    found = []
    while True:
        keys = resolver(row=row, fallback=fallback)
        try:
            key = keys.resolve(Headers({name: [value] for name, value in headers.items()}), profile)
        except RequestError:
            break
        found.append(key)
        headers = {name: value for name, value in headers.items() if not value.endswith(key)}
        row, fallback = "" if key == row else row, "" if key == fallback else fallback
    assert found == order


@pytest.mark.parametrize(
    "never",
    [
        "local-mimo-proxy",
        "PROXY_MANAGED",
        "eyJhbGciOi.fake.jwt",
        "sk-proj-fake",
        "sk-svcacct-fake",
        "sk-ant-fake",
    ],
)
@pytest.mark.parametrize("header", ["x_mimo_api_key", "api_key", "authorization"])
def test_a_key_that_must_never_be_sent_yields_to_the_next(never: str, header: str) -> None:
    value = f"Bearer {never}" if header == "authorization" else never
    assert resolve(resolver(row=""), Profile.GENERIC, **{header: value}) == FALLBACK


@pytest.mark.parametrize("never", ["local-mimo-proxy", "PROXY_MANAGED", "eyJhbGciOi.fake.jwt", "sk-ant-fake"])
def test_the_row_and_the_environment_are_held_to_the_same_rule(never: str) -> None:
    assert resolve(resolver(row=never, fallback="fake-other")) == "fake-other"
    assert "MIMO_API_KEY" in reason(resolver(row="", fallback=never))


@pytest.mark.parametrize(
    ("base_url", "right", "wrong"),
    [(PLAN, "tp-fake-1", "sk-fake-1"), (PAY, "sk-fake-1", "tp-fake-1"), (PAY, "sk-fake-1", "ttp-fake-1")],
)
def test_a_key_goes_only_to_the_kind_of_host_that_it_is_for(base_url: str, right: str, wrong: str) -> None:
    keys = resolver(base_url=base_url, row="", fallback=right)
    assert resolve(keys, x_mimo_api_key=wrong) == right


def test_a_key_for_the_other_kind_of_host_is_said_to_be_one() -> None:
    message = reason(resolver(base_url=PLAN, row="", fallback=""), x_mimo_api_key="sk-fake-1")
    assert "pay-as-you-go" in message
    assert "sk-fake-1" not in message


def test_a_host_that_only_looks_like_the_token_plan_gets_no_plan_key() -> None:
    keys = resolver(base_url="https://token-plan-cn.xiaomimimo.com.example.org/v1", row="", fallback="")
    assert "token-plan" in reason(keys, api_key="tp-fake-1")


def test_without_any_key_the_message_says_where_to_put_one() -> None:
    message = reason(resolver(row="", fallback=""))
    assert "MIMO_API_KEY" in message
    assert "X-Mimo-Api-Key" in message


@pytest.mark.parametrize(
    "authorization", ["Basic fake-of-basic", "fake-without-scheme", "Bearer", "Bearer  "]
)
def test_only_a_bearer_is_a_key_in_authorization(authorization: str) -> None:
    assert reason(resolver(row="", fallback=""), Profile.GENERIC, authorization=authorization)


def test_the_scheme_is_read_in_any_case() -> None:
    assert resolve(resolver(), Profile.GENERIC, authorization="bEARER fake-of-bearer") == "fake-of-bearer"


def test_the_token_of_our_own_listener_is_no_key() -> None:
    keys = resolver(row="", token="fake-listener-token")
    assert resolve(keys, Profile.GENERIC, authorization="Bearer fake-listener-token") == FALLBACK


@pytest.mark.parametrize("odd", ["fake key", "fäke", "fake\tkey"])
def test_a_key_that_cannot_stand_in_a_header_is_not_sent(odd: str) -> None:
    assert resolve(resolver(row=odd)) == FALLBACK


def test_a_key_that_a_takeover_wrote_yields_to_the_one_in_cc_switch_now() -> None:
    keys = resolver(row="fake-entered-since", written="fake-written")
    assert resolve(keys, x_mimo_api_key="fake-written") == "fake-entered-since"
    assert resolve(keys, api_key="fake-written") == "fake-entered-since"
    assert resolve(keys, x_mimo_api_key="fake-of-the-clients-own") == "fake-of-the-clients-own"


def test_a_key_that_a_takeover_wrote_serves_while_cc_switch_has_none() -> None:
    assert resolve(resolver(row="", written="fake-written"), x_mimo_api_key="fake-written") == "fake-written"


def test_an_account_does_not_tell_the_key_and_tells_keys_apart() -> None:
    assert account_of(KEY) == account_of(KEY) != account_of(KEY + "x")
    assert KEY not in account_of(KEY)


# Through the door.


def authorization(proxy: MemoryProxy) -> str:
    return proxy.upstream[0].request[1]["authorization"]


def test_the_key_goes_upstream_as_a_bearer(proxy: MemoryProxy) -> None:
    proxy.post()
    assert authorization(proxy) == f"Bearer {KEY}"


def test_a_header_of_the_client_wins(proxy: MemoryProxy) -> None:
    proxy.post(x_mimo_api_key="sk-fake-of-client")
    assert authorization(proxy) == "Bearer sk-fake-of-client"


def test_the_login_that_codex_sends_stays_here(proxy: MemoryProxy) -> None:
    proxy.post(codex=True, authorization="Bearer eyJfake.fake.fake", chatgpt_account_id="fake-account")
    assert authorization(proxy) == f"Bearer {KEY}"
    assert b"eyJ" not in proxy.upstream[0].received
    assert b"fake-account" not in proxy.upstream[0].received


@pytest.mark.parametrize("codex", [True, False])
def test_without_a_key_nothing_is_sent_and_the_answer_names_the_remedy(make_proxy, codex: bool) -> None:  # type: ignore[no-untyped-def]
    proxy = make_proxy({"MIMO_API_KEY": ""})
    reply = proxy.post(codex=codex).reply
    assert reply.status == (400 if codex else 401)
    assert b"MIMO_API_KEY" in reply.body
    assert reply.headers["content-type"].startswith("text/plain" if codex else "application/json")
    assert proxy.upstream == []


@pytest.mark.parametrize(
    ("key", "base_url", "says"),
    [
        ("sk-fake-key", PLAN, "Set MIMO_BASE_URL to https://api.xiaomimimo.com/v1"),
        ("tp-fake-key", PAY, "Set MIMO_BASE_URL to the host of its region"),
    ],
)
def test_a_key_of_the_wrong_plan_is_met_with_the_host_to_set(key: str, base_url: str, says: str) -> None:
    message = reason(resolver(base_url=base_url, fallback=key, row=""))
    assert message.startswith("The key is a")
    assert says in message
    assert key not in message
