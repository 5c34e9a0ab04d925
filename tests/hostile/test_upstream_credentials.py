"""Secrets in the address of the upstream: refused where a person set them, and shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccmimolink.settings import Settings, SettingsError
from ccmimolink.sync.errors import SyncError
from tests.hostile.attacks import LogText
from tests.memory_proxy import SETTINGS
from tests.sync.cc_switch_presets import MIMO_ID, mimo_row
from tests.sync.takeover_home import MIMO_URL, Home

SECRET = "fake-secret-0815"


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@api.xiaomimimo.com/v1",
        f"https://{SECRET}@api.xiaomimimo.com/v1",
        f"https://:{SECRET}@api.xiaomimimo.com/v1",
        "https://@api.xiaomimimo.com/v1",
        f"https://user:{SECRET}@127.0.0.1:9/v1",
        f"https://user:{SECRET}@[::1]:9/v1",
        f"https://user%40x:{SECRET}@api.xiaomimimo.com/v1",
        f"https://a@b@{SECRET}@api.xiaomimimo.com/v1",
        f"https://evil.example\\{SECRET}@api.xiaomimimo.com/v1",
        f"https://api.xiaomimimo.com:{SECRET}@evil.example/v1",
        f"//user:{SECRET}@api.xiaomimimo.com/v1",
        f"HTTPS:user:{SECRET}@api.xiaomimimo.com/v1",
        f"https://api.xiaomimimo.com/v1?key={SECRET}",
        f"https://api.xiaomimimo.com/v1#{SECRET}",
        f"https://user:{SECRET}@api.xiaomimimo.com:0/v1",
        f"https://user:{SECRET}@api.xiaomimimo.com:99999/v1",
        f"ftp://user:{SECRET}@api.xiaomimimo.com/v1",
    ],
)
def test_a_base_url_with_a_secret_ends_the_start_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(SETTINGS | {"MIMO_BASE_URL": url})
    assert str(caught.value).startswith("MIMO_BASE_URL ")
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None


def leading_to(tmp_path: Path, url: str) -> Home:
    """A home whose MiMo row leads there."""
    home = Home(tmp_path).with_current(mimo_row())
    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "config": form["config"].replace(MIMO_URL, url)})
    return home


@pytest.mark.parametrize(
    ("url", "upstream"),
    [
        (f"https://user:{SECRET}@api.xiaomimimo.com/v1", MIMO_URL),
        (f"https://api.xiaomimimo.com/v1?key={SECRET}#{SECRET}", MIMO_URL),
        (f"https://api.xiaomimimo.com:{SECRET}@evil.example/v1", "https://evil.example/v1"),
    ],
)
def test_of_a_row_only_the_host_and_the_path_are_used(
    tmp_path: Path, log_text: LogText, url: str, upstream: str
) -> None:
    home = leading_to(tmp_path, url)
    report = home.sync(provider=MIMO_ID)
    assert home.known.upstream == upstream
    assert SECRET not in repr(report)
    assert SECRET not in log_text.whole
    home.restore()
    assert url in home.app.live_text(), "what is the user's own is given back as it was"


def test_a_row_that_only_begins_like_mimos_is_not_taken_for_it(tmp_path: Path) -> None:
    home = leading_to(tmp_path, f"https://api.xiaomimimo.com:{SECRET}@evil.example/v1")
    with pytest.raises(SyncError) as caught:
        home.sync()
    assert SECRET not in str(caught.value)
    assert home.takeover is None


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://user:{SECRET}@api.xiaomimimo.com/v1",
        f"https://user:{SECRET}@api.xiaomimimo.com:99999/v1",
    ],
)
def test_a_row_whose_address_cannot_be_read_is_not_taken_over(
    tmp_path: Path, log_text: LogText, url: str
) -> None:
    home = leading_to(tmp_path, url)
    with pytest.raises(SyncError) as caught:
        home.sync(provider=MIMO_ID)
    assert SECRET not in str(caught.value)
    assert SECRET not in log_text.whole
    assert home.takeover is None


def test_an_upstream_that_was_named_is_not_shown_with_its_secret(tmp_path: Path) -> None:
    home = leading_to(tmp_path, MIMO_URL)
    report = home.sync(upstream=f"https://user:{SECRET}@gateway.example/v1")
    assert SECRET not in repr(report)
    assert "@" not in home.known.upstream
    state = (home.state_dir / "state.json").read_text()
    assert SECRET not in state
