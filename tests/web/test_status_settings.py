"""The settings as they are shown: what differs from the default, and no secret."""

from __future__ import annotations

from ccmimolink.page.setting_view import SettingSeen, settings_seen
from ccmimolink.setting_rows import SETTINGS
from ccmimolink.settings import Settings

FAKE = "tp-fake-key-of-nobody"


def seen(**environ: str) -> dict[str, SettingSeen]:
    settings = Settings.from_environ(environ)
    return {one.name: one for one in settings_seen(settings)}


def test_every_setting_is_shown_and_none_differs_where_nothing_is_set() -> None:
    found = seen()
    assert list(found) == [row.name for row in SETTINGS]
    assert [one.name for one in found.values() if one.changed] == []


def test_of_a_secret_only_whether_it_is_set_is_shown() -> None:
    found = seen(MIMO_API_KEY=FAKE, MIMO_PROXY_TOKEN=FAKE, HTTPS_PROXY=f"http://me:{FAKE}@127.0.0.1:1")
    for name in ("MIMO_API_KEY", "MIMO_PROXY_TOKEN", "HTTPS_PROXY"):
        assert (found[name].value, found[name].is_set, found[name].changed) == (None, True, True)
    assert FAKE not in repr(found)
    assert not seen()["MIMO_API_KEY"].is_set


def test_a_value_is_shown_as_it_would_be_written() -> None:
    found = seen(
        MIMO_PROXY_MIN_INTERVAL_MS="250",
        MIMO_PROXY_WEB_SEARCH="yes",
        MIMO_PROXY_DISABLE_PLUGINS="one, two",
        MIMO_PROXY_LISTEN="tcp:9877:interface=127.0.0.1",
    )
    assert found["MIMO_PROXY_MIN_INTERVAL_MS"].value == "250"
    assert found["MIMO_PROXY_WEB_SEARCH"].value == "true"
    assert found["MIMO_PROXY_DISABLE_PLUGINS"].value == "one,two"
    assert found["MIMO_PROXY_LISTEN"].value == "tcp:9877:interface=127.0.0.1"
    assert found["MIMO_PROXY_LISTEN"].changed
