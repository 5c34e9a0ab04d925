"""What cc switch does with a takeover: each row of the table of what survives what, made by our own runs.

The sequences at random are in ``test_switching_machine``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.report import Outcome
from tests.sync.cc_switch_presets import (
    MIMO_ID,
    MIMO_KEY,
    OFFICIAL_ID,
    OTHER_ID,
    OTHER_KEY,
    mimo_row,
    official_row,
    other_vendor_row,
)
from tests.sync.takeover_home import HEADER, LOCAL, MIMO_URL, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """MiMo is current, and two others are there."""
    return Home(tmp_path).with_current(mimo_row(), other_vendor_row(), official_row())


def table(text: str) -> dict[str, Any]:
    document = tomllib.loads(text)
    found: dict[str, Any] = document["model_providers"][document["model_provider"]]
    return found


def leads_to_us(text: str) -> bool:
    found = table(text)
    return found.get("base_url") == LOCAL and found.get("http_headers") == {HEADER: MIMO_KEY}


def taken(home: Home) -> bool:
    """Whether row and live configuration lead to us, and the other vendor's row is as it was."""
    assert home.app.row_text(OTHER_ID) == other_vendor_row().settings_config
    return leads_to_us(home.app.config_text(MIMO_ID)) and leads_to_us(home.app.live_text())


def direct(text: str) -> bool:
    found = table(text)
    return found["base_url"] == MIMO_URL and "http_headers" not in found


def test_a_takeover_survives_being_switched_away_from_and_back_to(home: Home) -> None:
    home.sync()

    home.app.switch(OTHER_ID)
    assert leads_to_us(home.app.config_text(MIMO_ID))
    assert home.app.live_text() == home.app.config_text(OTHER_ID)
    assert home.app.live_auth() == {"OPENAI_API_KEY": OTHER_KEY}

    home.app.switch(MIMO_ID)
    assert taken(home)
    assert home.sync().outcome is Outcome.NOTHING


def test_a_takeover_survives_the_official_provider(home: Home) -> None:
    home.sync()

    home.app.switch(OFFICIAL_ID)
    assert home.app.row_text(OFFICIAL_ID) == official_row().settings_config
    home.app.switch(MIMO_ID)

    assert taken(home)


def test_a_takeover_of_a_provider_that_is_not_current_counts_once_it_is(home: Home) -> None:
    home.app.switch(OTHER_ID)
    home.sync()

    home.app.switch(MIMO_ID)

    assert taken(home)


def test_a_takeover_survives_an_edit_in_the_dialog(home: Home) -> None:
    home.sync()

    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "config": form["config"].replace("high", "none")})

    assert taken(home)
    assert 'model_reasoning_effort = "none"' in home.app.live_text()


def test_a_takeover_survives_a_restart(home: Home) -> None:
    home.sync()

    home.app.restart()

    assert taken(home)


@pytest.mark.parametrize("placeholder", ["config", "auth"])
def test_a_takeover_survives_local_routing(home: Home, placeholder: Any) -> None:
    home.sync()
    live = home.app.live_text()

    home.app.start_local_routing(placeholder)
    assert home.app.upstream() == LOCAL
    assert home.sync().outcome is Outcome.NOTHING
    home.app.stop_local_routing()

    assert home.app.live_text() == live
    assert taken(home)
    home.restore()
    assert direct(home.app.live_text())


def test_a_dialog_that_was_open_undoes_the_takeover_and_the_next_run_repairs_it(home: Home) -> None:
    dialog = home.app.open_dialog(MIMO_ID)
    home.sync()

    home.app.save_dialog(dialog)
    assert direct(home.app.config_text(MIMO_ID))
    assert direct(home.app.live_text())

    home.sync()
    assert taken(home)
    assert home.known.upstream == MIMO_URL


def test_a_dialog_of_another_provider_that_was_open_does_no_harm(home: Home) -> None:
    dialog = home.app.open_dialog(OTHER_ID)
    home.sync()

    home.app.save_dialog(dialog)

    assert taken(home)


def test_the_cleanup_after_a_crash_takes_our_address_and_the_next_run_repairs_it(home: Home) -> None:
    home.sync()
    live = tomllib.loads(home.app.live_text())
    home.app.start_local_routing()
    address = table(home.app.live_text())["base_url"]
    home.live.write_text(home.app.live_text().replace(address, LOCAL))

    assert home.app.crash_cleanup()
    assert "base_url" not in table(home.app.live_text())
    home.sync()

    assert taken(home)
    assert tomllib.loads(home.app.live_text()) == live


def test_a_restore_repairs_what_the_cleanup_after_a_crash_took(home: Home) -> None:
    before = home.look()
    home.sync()
    home.app.start_local_routing()
    home.app.crash_cleanup()

    report = home.restore()

    assert not report.failed
    assert direct(home.app.live_text())
    assert home.look().cell(MIMO_ID) == before.cell(MIMO_ID)


def test_a_table_without_an_address_that_has_no_header_of_ours_is_left_alone(home: Home) -> None:
    home.live.write_text('model_provider = "custom"\n[model_providers.custom]\nname = "theirs"\n')
    live = home.app.live_text()

    home.sync()

    assert home.app.live_text() == live


def test_the_table_may_be_renamed_by_cc_switch_in_between(home: Home) -> None:
    legacy = mimo_row(id="legacy", era="legacy", name="Xiaomi MiMo 旧")
    home.app.add(legacy)
    home.app.switch("legacy")
    home.sync()

    home.app.edit_in_dialog(
        "legacy", lambda form: {**form, "config": form["config"].replace("xiaomi_mimo", "custom")}
    )
    home.restore()

    assert direct(home.app.config_text("legacy"))
    assert direct(home.app.live_text())


def test_a_renamed_table_that_was_synced_again_is_given_back_too(home: Home) -> None:
    legacy = mimo_row(id="legacy", era="legacy", name="Xiaomi MiMo 旧")
    home.app.add(legacy)
    home.app.switch("legacy")
    home.sync()
    home.app.edit_in_dialog(
        "legacy", lambda form: {**form, "config": form["config"].replace("xiaomi_mimo", "custom")}
    )

    home.sync()
    home.restore()

    assert direct(home.app.config_text("legacy"))
    assert direct(home.app.live_text())


@pytest.mark.parametrize("again", [True, False], ids=["synced-again", "not-synced-again"])
def test_both_sides_get_the_same_protocol_back_if_cc_switch_made_the_live_configuration(
    home: Home, again: bool
) -> None:
    chat = home.app.config_text(MIMO_ID).replace('wire_api = "responses"', 'wire_api = "chat"')
    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "config": chat})
    home.app.switch(OTHER_ID)
    home.sync()
    home.app.switch(MIMO_ID)
    if again:
        home.sync(url="http://127.0.0.1:9999/v1")

    home.restore()

    for text in (home.app.live_text(), home.app.config_text(MIMO_ID)):
        assert direct(text)
        assert table(text)["wire_api"] == "chat"


def test_an_address_that_was_changed_in_cc_switch_is_the_new_upstream_on_both_sides(home: Home) -> None:
    home.sync()
    home.app.switch(OTHER_ID)
    other = "https://token-plan-sgp.xiaomimimo.com/v1"
    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "config": form["config"].replace(LOCAL, other)})
    home.sync()
    assert home.known.upstream == other

    home.app.switch(MIMO_ID)
    home.restore()

    assert table(home.app.live_text())["base_url"] == other
    assert table(home.app.config_text(MIMO_ID))["base_url"] == other


# -- local routing -------------------------------------------------------------------------------------------


def test_under_local_routing_only_the_row_is_changed(home: Home) -> None:
    home.app.start_local_routing()
    before = home.look()

    report = home.sync()

    assert leads_to_us(home.app.config_text(MIMO_ID))
    assert home.look() == before.with_cell(MIMO_ID, home.app.row_text(MIMO_ID))
    assert "local routing is on and owns" in report.as_text()
    assert home.app.upstream() == LOCAL


@pytest.mark.parametrize("era", ["openai_chat", "legacy"])
def test_under_local_routing_a_row_that_is_no_responses_row_is_refused(tmp_path: Path, era: Any) -> None:
    home = Home(tmp_path).with_current(mimo_row(era=era))
    home.app.start_local_routing()
    before = home.look()

    with pytest.raises(SyncError, match=r"Nothing was changed\. In cc switch turn local routing off"):
        home.sync()

    assert home.look() == before


def test_under_local_routing_a_whole_endpoint_is_refused(home: Home) -> None:
    with home.app._database() as database:
        database.execute("""UPDATE providers SET meta='{"apiFormat":"openai_responses","isFullUrl":true}'""")
    home.app.start_local_routing()

    with pytest.raises(SyncError, match="full URL"):
        home.sync()


def test_what_cc_switch_brings_back_from_before_the_takeover_is_taken_over_by_the_next_run(
    home: Home,
) -> None:
    home.app.start_local_routing()
    home.sync()
    home.app.stop_local_routing()
    assert direct(home.app.live_text())

    home.sync()

    assert taken(home)


def test_a_restore_under_local_routing_is_completed_once_it_is_off(home: Home) -> None:
    home.sync()
    home.app.start_local_routing()
    live = home.app.live_text()

    report = home.restore()
    assert report.failed
    assert "Once it is off, run ccmimolink-sync --restore again" in report.as_text()
    assert direct(home.app.config_text(MIMO_ID))
    assert home.app.live_text() == live

    home.app.stop_local_routing()
    assert not home.restore().failed
    assert direct(home.app.live_text())


def test_a_restore_under_the_local_routing_of_another_provider_is_complete(home: Home) -> None:
    home.sync()
    home.app.switch(OTHER_ID)
    home.app.start_local_routing()

    assert not home.restore().failed

    assert direct(home.app.config_text(MIMO_ID))
    home.app.stop_local_routing()
    assert home.app.live_text() == home.app.config_text(OTHER_ID)


# -- the shared snippet, MCP servers, and the login that is kept ---------------------------------------------


def test_a_shared_snippet_and_mcp_servers_travel_as_they_do_without_us(home: Home) -> None:
    home.app.set_common_config("[tools]\nview_image = true\n")
    home.app.add_mcp_server("git", {"command": "git"})
    home.app.switch(OTHER_ID)
    home.app.switch(MIMO_ID)
    before = home.look()
    home.sync()

    home.app.switch(OTHER_ID)
    home.app.switch(MIMO_ID)
    assert leads_to_us(home.app.live_text())
    home.restore()

    assert home.look().live() == before.live()
    assert home.look().cell(OTHER_ID) == before.cell(OTHER_ID)


def test_a_login_that_cc_switch_keeps_is_kept_with_us_too(tmp_path: Path) -> None:
    home = Home(tmp_path, preserve_official_auth=True)
    home.with_current(mimo_row(), other_vendor_row())
    auth = {"tokens": {"access_token": "fake"}}
    home.app._write_auth(auth)

    home.sync()
    home.app.switch(OTHER_ID)
    home.app.switch(MIMO_ID)

    assert leads_to_us(home.app.config_text(MIMO_ID))
    live = table(home.app.live_text())
    assert live.pop("experimental_bearer_token") == MIMO_KEY
    assert live == table(home.app.config_text(MIMO_ID))
    assert MIMO_KEY not in home.app.row_text(OTHER_ID)
    assert LOCAL not in home.app.row_text(OTHER_ID)
    assert home.app.live_auth() == auth
    assert home.app.row(MIMO_ID)["auth"] == {"OPENAI_API_KEY": MIMO_KEY}
