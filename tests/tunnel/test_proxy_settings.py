"""The variables of a way through a proxy, as a person sets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccmimolink.settings import Settings, SettingsError
from ccmimolink.tunnel.choice import ProxyServer
from tests.mimocode.gateway_tls import authority

VARIABLES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
PASSWORD = "fake-password-of-nobody"


def read(**environ: str) -> Settings:
    return Settings.from_environ(environ)


def leading_to(url_host: str, scheme: str = "https", **environ: str) -> str:
    """The variable whose proxy leads there, with the proxy's host."""
    server = read(**environ).proxies.leading_to(scheme, url_host, 443)
    return "" if server is None else f"{server.variable} {server.host}"


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(**environ)
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_proxy_may_be_set_in_either_spelling(name: str) -> None:
    expected = ProxyServer(name, "http", "proxy.test", 3128)
    for spelling in (name, name.lower()):
        assert getattr(read(**{spelling: "http://proxy.test:3128"}), name.lower()) == expected


@pytest.mark.parametrize("name", VARIABLES)
def test_lower_case_wins_unless_it_is_empty(name: str) -> None:
    both = {name: "http://upper.test:1", name.lower(): "http://lower.test:1"}
    assert getattr(read(**both), name.lower()).host == "lower.test"
    assert getattr(read(**both | {name.lower(): ""}), name.lower()).host == "upper.test"


def test_no_proxy_has_both_spellings_too() -> None:
    assert leading_to("mimo.test", HTTPS_PROXY="proxy.test", no_proxy="mimo.test", NO_PROXY="x.test") == ""
    assert leading_to("mimo.test", HTTPS_PROXY="proxy.test", NO_PROXY="*") == ""


def test_the_scheme_of_the_upstream_selects_the_variable() -> None:
    environ = {"HTTPS_PROXY": "a.test", "http_proxy": "b.test", "ALL_PROXY": "c.test"}
    assert leading_to("mimo.test", "https", **environ) == "HTTPS_PROXY a.test"
    assert leading_to("mimo.test", "http", **environ) == "HTTP_PROXY b.test"
    del environ["HTTPS_PROXY"]
    assert leading_to("mimo.test", "https", **environ) == "ALL_PROXY c.test"
    assert leading_to("127.0.0.1", "https", **environ) == ""


@pytest.mark.parametrize("name", [*VARIABLES, *map(str.lower, VARIABLES)])
@pytest.mark.parametrize("scheme", ["socks4", "ftp"])
def test_a_proxy_that_cannot_be_used_is_refused_by_its_variable_and_not_shown(name: str, scheme: str) -> None:
    message = refusal(**{name: f"{scheme}://fake-user:{PASSWORD}@proxy.test:1"})
    assert message.startswith(f"{name} names a kind of proxy that cannot be used. Give http://")
    for hidden in (PASSWORD, "fake-user", "proxy.test"):
        assert hidden not in message


def test_no_credentials_are_in_what_settings_show() -> None:
    shown = repr(read(HTTPS_PROXY=f"http://fake-user:{PASSWORD}@proxy.test:1"))
    assert PASSWORD not in shown
    assert "fake-user" not in shown


def test_who_sends_nothing_need_not_understand_a_proxy() -> None:
    settings = Settings.from_environ({"ALL_PROXY": "socks4://proxy.test:1", "NO_PROXY": "a/b"}, log=False)
    assert settings.all_proxy is None


# -- authorities ---------------------------------------------------------------------------------------------


def test_a_file_of_authorities_is_named_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "authorities.pem"
    file.write_bytes(b"# of the company\n" + authority().pem + authority().pem)
    assert read(MIMO_PROXY_CA_FILE=str(file)).ca_file == file
    assert read().ca_file is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no certificate"),
        (b"no certificate", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate"),
        (b"\x30\x82\x01\x00", "no certificate"),
    ],
    ids=["empty", "text", "damaged", "DER"],
)
def test_a_file_without_a_certificate_ends_the_start(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "authorities.pem"
    file.write_bytes(content)
    message = refusal(MIMO_PROXY_CA_FILE=str(file))
    assert message.startswith("MIMO_PROXY_CA_FILE holds")
    assert reason in message
    assert message.endswith("Give a file of certificates in PEM, as -----BEGIN CERTIFICATE----- begins one.")


def test_a_file_with_a_damaged_certificate_beside_a_good_one_ends_the_start(tmp_path: Path) -> None:
    file = tmp_path / "authorities.pem"
    file.write_bytes(authority().pem + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert "no certificate" in refusal(MIMO_PROXY_CA_FILE=str(file))


def test_a_file_that_cannot_be_read_ends_the_start(tmp_path: Path) -> None:
    message = refusal(MIMO_PROXY_CA_FILE=str(tmp_path / "nowhere.pem"))
    assert message.startswith("MIMO_PROXY_CA_FILE cannot be read")
    assert "No such file" in message
    assert "directory" in refusal(MIMO_PROXY_CA_FILE=str(tmp_path)).lower()
