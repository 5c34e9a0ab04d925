"""Which proxy leads where: the variables' texts, and the decision for each server."""

from __future__ import annotations

import ipaddress
import string
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ccmimolink.tunnel.choice import (
    NoProxy,
    Proxies,
    ProxyServer,
    is_loopback,
    no_proxy,
    proxy_server,
)

PASSWORD = "fake-password-of-nobody"
PROXY = ProxyServer("HTTPS_PROXY", "http", "proxy.test", 3128)
OTHER = ProxyServer("ALL_PROXY", "socks5h", "other.test", 1080)


def server(text: str) -> ProxyServer:
    found = proxy_server("HTTPS_PROXY")(text)
    assert found is not None
    return found


def refusal(text: str) -> str:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        server(text)
    return str(caught.value)


def complaint(parse: Callable[[str], object], text: str) -> str:
    """What is said of a text that cannot be used; of another one a full stop."""
    try:
        parse(text)
    except ValueError as error:
        return str(error)
    return "."


# -- the URL of a proxy ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port"),
    [
        ("http://proxy.test:3128", "http", "proxy.test", 3128),
        ("HTTP://Proxy.TEST:3128/", "http", "proxy.test", 3128),
        ("proxy.test:3128", "http", "proxy.test", 3128),
        ("localhost:3128", "http", "localhost", 3128),
        ("https://proxy.test:8443", "https", "proxy.test", 8443),
        ("socks5://127.0.0.1:1080", "socks5", "127.0.0.1", 1080),
        ("socks5h://[::1]:1080", "socks5h", "::1", 1080),
        ("socks://127.0.0.1:7890/", "socks5h", "127.0.0.1", 7890),
        ("http://proxy.test", "http", "proxy.test", 80),
        ("proxy.test", "http", "proxy.test", 80),
        ("https://proxy.test", "https", "proxy.test", 443),
        ("socks5://proxy.test", "socks5", "proxy.test", 1080),
    ],
)
def test_a_proxy_is_named_by_scheme_host_and_port(text: str, scheme: str, host: str, port: int) -> None:
    assert server(text) == ProxyServer("HTTPS_PROXY", scheme, host, port)


def test_an_empty_text_names_no_proxy() -> None:
    assert proxy_server("HTTPS_PROXY")("") is None


@pytest.mark.parametrize("scheme", ["", "http://", "https://", "socks5://", "socks5h://"])
def test_user_and_password_may_be_written_with_percent_signs(scheme: str) -> None:
    found = server(f"{scheme}some%40one:p%3Aw%2F%C3%A9@proxy.test:1")
    assert (found.user, found.password) == (b"some@one", "p:w/é".encode())
    assert found.has_credentials
    assert not server(f"{scheme}proxy.test:1").has_credentials


def test_a_user_may_have_no_password() -> None:
    found = server("http://someone@proxy.test:1")
    assert (found.user, found.password, found.has_credentials) == (b"someone", b"", True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("socks4://proxy.test:1", "kind of proxy"),
        ("socks4a://proxy.test:1", "kind of proxy"),
        ("ftp://proxy.test:1", "kind of proxy"),
        ("http://", "no host"),
        ("http://:3128", "no host"),
        ("http://proxy.test:0", "port 0"),
        ("http://proxy.test:port", "not the URL"),
        ("http://proxy.test:99999", "not the URL"),
        ("http://[::1:3128", "not the URL"),
        ("http://proxy..test:1", "not the URL"),
        ("http://pro xy.test:1", "blank"),
        ("http://pröxy.test:1", "outside ASCII"),
        ("http://wpad.test/wpad.dat", "chooses proxies"),
        ("http://proxy.test:1?x", "chooses proxies"),
        ("http://some%3Aone:x@proxy.test:1", "user with ':'"),
        (f"socks5://someone:{'x' * 256}@proxy.test:1", "255 bytes"),
    ],
)
def test_what_names_no_usable_proxy_is_refused_with_the_reason_and_a_way_out(text: str, reason: str) -> None:
    assert reason in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://someone:{}@proxy.test:1",
        "socks4://someone:{}@proxy.test:1",
        "http://someone:{}#@proxy.test:1",
        "http://someone:{}/@proxy.test:1",
        "http://someone:{}@proxy.test:x",
        "http://someone:{} @proxy.test:1",
        "http://someone:{}@proxy.test/x",
        "http://some%3Aone:{}@proxy.test:1",
        "someone:{}@",
    ],
)
def test_a_refusal_does_not_repeat_the_password(text: str) -> None:
    assert PASSWORD not in refusal(text.format(PASSWORD))


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused_in_a_sentence(text: str) -> None:
    assert complaint(proxy_server("HTTPS_PROXY"), text).endswith(".")


def test_neither_user_nor_password_are_in_what_is_shown() -> None:
    found = server(f"http://fake-user:{PASSWORD}@proxy.test:3128")
    shown = f"{found} {found!r} {found.place} {Proxies(found).told('https://mimo.test/v1')}"
    assert PASSWORD not in shown
    assert "fake-user" not in shown
    assert "proxy.test:3128" in found.place


# -- what is reached without one ---------------------------------------------------------------------------

labels = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
names = st.lists(labels, min_size=2, max_size=4).map(".".join).filter(lambda name: not name[-1].isdigit())
addresses = st.ip_addresses()
ports = st.integers(1, 65535)


def spelt(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


@given(names, labels, ports, st.sampled_from(["", ".", "*."]))
def test_a_name_stands_for_itself_and_for_all_below_it(name: str, label: str, port: int, dot: str) -> None:
    excepted = no_proxy(f"{dot}{name}")
    assert excepted.holds(name, port)
    assert excepted.holds(f"{label}.{name}", port)
    assert excepted.holds(f"{label}.{name}.".upper(), port)
    assert not excepted.holds(f"{label}{name}", port)
    assert not excepted.holds(f"{name}.{label}x", port)


@given(names, ports, ports)
def test_an_entry_with_a_port_counts_for_that_port(name: str, port: int, other: int) -> None:
    assume(port != other)
    excepted = no_proxy(f"{name}:{port}")
    assert excepted.holds(name, port)
    assert not excepted.holds(name, other)


@given(addresses, ports, ports)
def test_an_address_counts_with_its_port_or_with_any(
    address: ipaddress.IPv4Address, at: int, other: int
) -> None:
    assume(at != other)
    assert no_proxy(str(address)).holds(str(address), at)
    assert no_proxy(spelt(address)).holds(str(address), at)
    excepted = no_proxy(f"{spelt(address)}:{at}")
    assert excepted.holds(str(address), at)
    assert not excepted.holds(str(address), other)


@given(addresses, addresses, st.integers(0, 128), ports)
def test_a_network_holds_the_addresses_in_it_and_no_others(
    address: ipaddress.IPv4Address, other: ipaddress.IPv4Address, length: int, port: int
) -> None:
    assume(length <= address.max_prefixlen)
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    excepted = no_proxy(f"{address}/{length}")
    assert excepted.holds(str(address), port)
    mapped = getattr(other, "ipv4_mapped", None) or other
    assert excepted.holds(str(other), port) == (other in network or mapped in network)


@given(st.lists(names, min_size=1, max_size=5), st.sampled_from([",", ", ", " ", ",,", "\t"]), ports)
def test_entries_are_separated_by_commas_or_blanks(entries: list[str], between: str, port: int) -> None:
    excepted = no_proxy(between.join(entries))
    assert all(excepted.holds(entry, port) for entry in entries)


@given(names | addresses.map(str), ports, st.sampled_from(["*", "x.test,*", "*, x.test"]))
def test_a_star_stands_for_everything(host: str, port: int, text: str) -> None:
    assert no_proxy(text).holds(host, port)


@given(names | addresses.map(str), ports)
def test_nothing_excepts_nothing(host: str, port: int) -> None:
    assert not no_proxy("").holds(host, port)
    assert not no_proxy(" , ").holds(host, port)


def test_a_name_outside_ascii_is_the_one_that_is_asked_for() -> None:
    assert no_proxy("bücher.test").holds("xn--bcher-kva.test", 443)


def test_an_address_in_an_ipv6_coat_is_in_the_network_of_the_address() -> None:
    assert no_proxy("10.0.0.0/8").holds("::ffff:10.1.2.3", 443)


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.0/33", "https://mimo.test", "mimo.test/v1", "mimo.test:0", "[::1]:70000", "*:443", "mimo.test:"],
)
def test_an_entry_that_cannot_be_meant_so_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="has an entry"):
        no_proxy(f"x.test,{entry}")


@given(st.text(max_size=40))
def test_any_list_is_understood_or_refused_in_a_sentence(text: str) -> None:
    assert complaint(no_proxy, text).endswith(".")


# -- the decision ------------------------------------------------------------------------------------------


@given(names, ports)
def test_the_scheme_of_the_upstream_selects_and_the_common_one_stands_in(host: str, port: int) -> None:
    both = Proxies(https=PROXY, http=OTHER, fallback=OTHER)
    assert both.leading_to("https", host, port) is PROXY
    assert both.leading_to("http", host, port) is OTHER
    assert Proxies(https=PROXY).leading_to("http", host, port) is None
    assert Proxies(fallback=OTHER).leading_to("https", host, port) is OTHER
    assert Proxies(fallback=OTHER).leading_to("http", host, port) is OTHER


@given(st.sampled_from(["https", "http"]), names | addresses.map(str), ports)
def test_without_a_proxy_everything_is_reached_directly(scheme: str, host: str, port: int) -> None:
    assert Proxies().leading_to(scheme, host, port) is None


@given(names, ports)
def test_what_is_excepted_is_reached_directly(host: str, port: int) -> None:
    proxies = Proxies(https=PROXY, fallback=OTHER, excepted=no_proxy(host))
    assert proxies.leading_to("https", host, port) is None
    assert proxies.leading_to("https", f"x{host}", port) is PROXY


LOOPBACK = [
    "127.0.0.1",
    "127.255.0.3",
    "::1",
    "::ffff:127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "mimo.localhost",
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_is_never_reached_through_a_proxy(host: str) -> None:
    assert is_loopback(host)
    assert Proxies(PROXY, PROXY, PROXY).leading_to("https", host, 443) is None


@pytest.mark.parametrize(
    "host", ["128.0.0.1", "10.0.0.1", "::2", "localhost.test", "notlocalhost", "126.0.0.1"]
)
def test_other_machines_may_be(host: str) -> None:
    assert Proxies(https=PROXY).leading_to("https", host, 443) is PROXY


def test_the_log_is_told_which_proxy_and_why() -> None:
    proxies = Proxies(https=PROXY, fallback=OTHER, excepted=NoProxy(hosts=(("direct.test", 8443),)))
    assert proxies.told("https://mimo.test/v1") == ", through the proxy proxy.test:3128 (HTTPS_PROXY)"
    assert proxies.told("http://mimo.test/v1") == ", through the proxy other.test:1080 (ALL_PROXY)"
    assert proxies.told("https://direct.test:8443/v1") == ""
    assert proxies.told("http://[::1]:8000/v1") == ""


@pytest.mark.parametrize(
    "entry", ["http://someone:fake-password@proxy.test/", "[someone:fake-password@h]:99999"]
)
def test_an_entry_that_may_hold_a_password_is_not_repeated(entry: str) -> None:
    with pytest.raises(ValueError, match="not shown") as refused:
        no_proxy(f"mimo.test,{entry}")
    assert "fake-password" not in str(refused.value)
