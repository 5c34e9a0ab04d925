"""Settings: the environment and the options over it, understood once or refused by name."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmimolink.setting_rows import SETTINGS
from ccmimolink.settings import Settings, SettingsError

FAKE_KEY = "sk-fake-0123456789"

# The variables of the design page that users already have, with what they mean when unset.
DOCUMENTED = {
    "MIMO_API_KEY": ("api_key", ""),
    "MIMO_BASE_URL": ("base_url", "https://token-plan-cn.xiaomimimo.com/v1"),
    "MIMO_MODEL": ("model", "mimo-v2.5"),
    "MIMO_PROXY_PORT": ("port", 9876),
    "MIMO_PROXY_MAX_CONCURRENT": ("max_concurrent", 1),
    "MIMO_PROXY_MIN_INTERVAL_MS": ("min_interval", 1.5),
    "MIMO_PROXY_429_BACKOFF_MS": ("back_off", 30.0),
    "MIMO_PROXY_LOG": ("log", Path("mimo_proxy.log")),
    "MIMO_PROXY_SKIP_CC_SWITCH_SYNC": ("skip_sync", False),
    "CC_SWITCH_SETTINGS_PATH": ("cc_switch_settings_path", Path("~/.cc-switch/settings.json")),
    "CC_SWITCH_DB_PATH": ("cc_switch_db_path", Path("~/.cc-switch/cc-switch.db")),
    "CODEX_CONFIG_PATH": ("codex_config_path", Path("~/.codex/config.toml")),
}
DURATIONS = [row for row in SETTINGS if row.name.endswith("_MS")]
ZERO_IS_A_VALUE = [
    "MIMO_PROXY_PORT",
    "MIMO_PROXY_MIN_INTERVAL_MS",
    "MIMO_PROXY_429_BACKOFF_MS",
    "MIMO_PROXY_MAX_WAITING",
    "MIMO_PROXY_MAX_WAIT_MS",
    "MIMO_PROXY_RETRIES",
    "MIMO_PROXY_RETRY_BUDGET_MS",
    "MIMO_PROXY_DRAIN_MS",
    "MIMO_PROXY_STORE_ENTRIES",
    "MIMO_PROXY_STORE_BYTES",
    "MIMO_PROXY_REASONING_CACHE_ENTRIES",
]


def read(overrides: dict[str, str] | None = None, /, **environ: str) -> Settings:
    return Settings.from_environ(environ, overrides)


def attribute(name: str) -> str:
    (row,) = (row for row in SETTINGS if row.name == name)
    return row.attribute


@pytest.mark.parametrize("name", DOCUMENTED)
def test_an_unset_variable_has_its_documented_default(name: str) -> None:
    wanted_attribute, default = DOCUMENTED[name]

    expected = default.expanduser() if isinstance(default, Path) else default
    assert getattr(read(), wanted_attribute) == expected


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_an_empty_variable_counts_as_unset(row: Any) -> None:
    assert getattr(read(**{row.name: " "}), row.attribute) == getattr(read(), row.attribute)


def test_every_field_is_in_the_table_or_derived_from_it() -> None:
    chosen = {"model_chosen", "model_origin", "base_url_chosen", "codex_config_chosen"}
    derived = {*chosen, "listen_address", "unknown_variables", "child_environ"}

    assert {field.name for field in dataclasses.fields(Settings)} - derived == {
        row.attribute for row in SETTINGS
    }


def test_names_and_meanings_in_the_table_are_unique() -> None:
    assert len({row.name for row in SETTINGS}) == len({row.meaning for row in SETTINGS}) == len(SETTINGS)


@pytest.mark.parametrize("row", DURATIONS, ids=lambda row: row.name)
def test_milliseconds_become_seconds(row: Any) -> None:
    assert getattr(read(**{row.name: "2500"}), row.attribute) == 2.5


@pytest.mark.parametrize("name", ZERO_IS_A_VALUE)
def test_zero_is_a_value(name: str) -> None:
    assert getattr(read(**{name: "0"}), attribute(name)) == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MIMO_PROXY_PORT", "98x76"),
        ("MIMO_PROXY_PORT", "65536"),
        ("MIMO_PROXY_PORT", "-1"),
        ("MIMO_PROXY_PORT", "９８７６"),
        ("MIMO_PROXY_MAX_CONCURRENT", "0"),
        ("MIMO_PROXY_MAX_CONCURRENT", "1.5"),
        ("MIMO_PROXY_MAX_BODY_BYTES", "0"),
        ("MIMO_PROXY_MIN_INTERVAL_MS", "-5"),
        ("MIMO_PROXY_MIN_INTERVAL_MS", "1_000"),
        ("MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS", "0"),
        ("MIMO_PROXY_STORE_BYTES", "9" * 5000),
        ("MIMO_PROXY_SKIP_CC_SWITCH_SYNC", "maybe"),
        ("MIMO_PROXY_THIRD_PARTY_PLUGINS", "2"),
        ("MIMO_PROXY_DEMO", "sometimes"),
        ("MIMO_MODEL", "mimo v2.5"),
        ("MIMO_BASE_URL", "token-plan-cn.xiaomimimo.com/v1"),
        ("MIMO_BASE_URL", "ftp://example.test/v1"),
        ("MIMO_BASE_URL", "https://"),
        ("MIMO_BASE_URL", "https:///v1"),
        ("MIMO_BASE_URL", "https://example.test:http/v1"),
        ("MIMO_BASE_URL", "https://[::1/v1"),
        ("MIMO_BASE_URL", f"https://{'a' * 64}.test/v1"),
        ("MIMO_BASE_URL", "https://example..test/v1"),
        ("MIMO_BASE_URL", "https://example.test/v1?x=1"),
        ("MIMO_BASE_URL", "https://example.test/v1#x"),
        ("MIMO_BASE_URL", "https://exam\tple.test/v1"),
        ("MIMO_PROXY_LOG", "~no-such-user-here/log"),
        ("MIMO_PROXY_LISTEN", "9876"),
        ("MIMO_PROXY_LISTEN", "tcp:http"),
        ("MIMO_PROXY_LISTEN", "tcp:70000:interface=127.0.0.1"),
        ("MIMO_PROXY_LISTEN", "tcp:1:interface=example.test"),
        ("MIMO_PROXY_LISTEN", "tcp:1:intrface=127.0.0.1"),
        ("MIMO_PROXY_LISTEN", "ssl:1:interface=127.0.0.1"),
        ("MIMO_PROXY_LISTEN", "unix:"),
        ("MIMO_PROXY_LISTEN", "tcp:1\\"),
        ("MIMO_API_KEY", "sk-fake-with\nnewline"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name_in_one_line(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(**{name: text})

    message = str(caught.value)
    assert message.startswith(f"{name} ")
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400


def test_the_command_line_wins_over_the_environment() -> None:
    assert read({"MIMO_PROXY_PORT": "1234"}, MIMO_PROXY_PORT="9999").port == 1234


def test_an_empty_override_hides_the_variable() -> None:
    assert read({"MIMO_PROXY_LISTEN": ""}, MIMO_PROXY_LISTEN="tcp:1:interface=127.0.0.1").listen == (
        "tcp:9876:interface=127.0.0.1"
    )


def test_a_refused_option_is_called_by_the_option() -> None:
    with pytest.raises(SettingsError, match=r"^--port is not a whole number: 'x'"):
        read({"MIMO_PROXY_PORT": "x"})


@pytest.mark.parametrize("text", ["1", "true", "YES", "On"])
def test_words_for_true(text: str) -> None:
    assert read(MIMO_PROXY_SKIP_CC_SWITCH_SYNC=text).skip_sync is True


@pytest.mark.parametrize("text", ["0", "false", "NO", "Off"])
def test_words_for_false(text: str) -> None:
    assert read(MIMO_PROXY_THIRD_PARTY_PLUGINS=text).third_party_plugins is False


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.test/v1/", "https://example.test/v1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_a_base_url_loses_its_trailing_slash(text: str, url: str) -> None:
    assert read(MIMO_BASE_URL=text).base_url == url


def test_credentials_in_the_base_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="MIMO_API_KEY") as caught:
        read(MIMO_BASE_URL=f"https://user:{FAKE_KEY}@example.test/v1")

    assert FAKE_KEY not in str(caught.value)


def test_a_key_pasted_into_the_url_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        read(MIMO_BASE_URL=FAKE_KEY)

    assert FAKE_KEY not in str(caught.value)


def test_keys_and_tokens_stay_out_of_the_repr() -> None:
    assert FAKE_KEY not in repr(read(MIMO_API_KEY=FAKE_KEY, MIMO_PROXY_TOKEN=FAKE_KEY))


@pytest.mark.parametrize("text", ["nowhere/proxy.log", "file/proxy.log", "."])
def test_a_log_that_has_no_place_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^--log .*Give another file with --log\.$"):
        read({"MIMO_PROXY_LOG": str(tmp_path / text)})


@pytest.mark.parametrize("name", ["there.log", "not-there.log"])
def test_a_log_that_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "there.log").touch()
    assert read(MIMO_PROXY_LOG=str(tmp_path / name)).log == tmp_path / name

    # The superuser, as whom tests may run, may write everywhere.
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)
    with pytest.raises(
        SettingsError, match=r"^MIMO_PROXY_LOG .*not writable\. Give another file with --log\.$"
    ):
        read(MIMO_PROXY_LOG=str(tmp_path / name))


def test_a_home_directory_is_filled_in() -> None:
    assert read(CODEX_CONFIG_PATH="~/elsewhere.toml").codex_config_path == Path.home() / "elsewhere.toml"


def test_a_model_of_the_environment_is_chosen() -> None:
    chosen = read(MIMO_MODEL="mimo-v2.5-pro")

    assert (chosen.model, chosen.model_chosen) == ("mimo-v2.5-pro", True)


def test_the_default_model_is_not_chosen() -> None:
    assert read().model_chosen is False


def test_the_default_chosen_explicitly_is_chosen() -> None:
    assert read({"MIMO_MODEL": "mimo-v2.5"}).model_chosen is True


def test_the_demo_leaves_cc_switch_alone() -> None:
    demo = read(MIMO_PROXY_DEMO="true", MIMO_PROXY_SKIP_CC_SWITCH_SYNC="false")

    assert (demo.demo, demo.skip_sync) == (True, True)


@pytest.mark.parametrize(("key", "demo"), [("", True), (FAKE_KEY, False)])
def test_a_demo_for_want_of_a_key(key: str, demo: bool) -> None:
    chosen = read(MIMO_PROXY_DEMO="if-no-key", MIMO_API_KEY=key)

    assert (chosen.demo, chosen.skip_sync) == (demo, demo)


def test_plugin_directories_are_a_list() -> None:
    assert read(MIMO_PROXY_PLUGIN_PATH=os.pathsep.join(["/one", "", "/two"])).plugin_path == (
        Path("/one"),
        Path("/two"),
    )


def test_disabled_plugins_are_a_list() -> None:
    assert read(MIMO_PROXY_DISABLE_PLUGINS="one, two,").disabled_plugins == ("one", "two")


def test_a_misspelt_variable_is_listed_and_not_fatal() -> None:
    assert read(MIMO_PROXY_PROT="1", HOME="/").unknown_variables == ("MIMO_PROXY_PROT",)


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp:9876:interface=127.0.0.1",
        "tcp:9876:127.0.0.1",
        "tcp:9876:interface=127.8.9.1",
        "tcp:9876:interface=localhost",
        r"tcp:9876:interface=\:\:1",
        r"tcp6:9876:interface=\:\:1",
        "unix:/tmp/ccmimolink.sock",
    ],
)
def test_an_address_of_this_machine_needs_no_token(endpoint: str) -> None:
    assert read(MIMO_PROXY_LISTEN=endpoint).listen == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp:9876",
        "tcp:9876:interface=",
        "tcp:9876:interface=0.0.0.0",
        "tcp:9876:interface=192.168.0.7",
        "tcp6:9876",
        r"tcp6:9876:interface=\:\:",
        r"tcp:9876:interface=\:\:ffff\:10.0.0.1",
        "tcp:port=9876",
        r"tcp:9876:interf\ace=0.0.0.0",
    ],
)
def test_an_address_beyond_this_machine_needs_a_token(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="MIMO_PROXY_TOKEN"):
        read(MIMO_PROXY_LISTEN=endpoint)

    assert read(MIMO_PROXY_LISTEN=endpoint, MIMO_PROXY_TOKEN="secret-fake").listen == endpoint


def test_the_port_makes_the_endpoint() -> None:
    assert read(MIMO_PROXY_PORT="1234").listen == "tcp:1234:interface=127.0.0.1"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().port = 1  # type: ignore[misc]


def refusal(**environ: str) -> str | None:
    """Why it was refused, or None. Any other exception than the one for it fails the test."""
    try:
        read(**environ)
    except SettingsError as error:
        return str(error)
    return None


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([row for row in SETTINGS if row.name != "MIMO_PROXY_LISTEN"]),
    st.text() | st.from_regex(r"-?[0-9]{1,4}"),
)
def test_any_text_is_understood_or_refused_by_name(row: Any, text: str) -> None:
    assert (refusal(**{row.name: text}) or row.name).startswith(row.name)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["tcp:", "tcp6:", "unix:", ""]), st.text(st.sampled_from("0127.:=\\abinterface é\0")))
def test_any_endpoint_is_understood_or_refused_by_name(kind: str, rest: str) -> None:
    name = "MIMO_PROXY_LISTEN"

    assert (refusal(**{name: kind + rest}) or name).startswith(name)


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=8, alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_refused_secret_is_never_shown(text: str) -> None:
    secret = f"sk-fake {text}"

    with pytest.raises(SettingsError) as caught:
        read(MIMO_API_KEY=secret)

    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None
