"""What is remembered: of a restore, of a choice, of a state that is lost or that another version wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccmimolink.sync.errors import Busy, CcSwitchAbsent, SyncError
from ccmimolink.sync.files import locked
from ccmimolink.sync.report import Outcome
from ccmimolink.sync.rules import GIVEN_BACK
from tests.sync.cc_switch_presets import (
    MIMO_ID,
    MIMO_KEY,
    TOKEN_PLAN_ID,
    TOKEN_PLAN_KEY,
    mimo_row,
    other_vendor_row,
    token_plan_row,
)
from tests.sync.takeover_home import HEADER, LOCAL, Home, config_of, given_back, leading_to_us, taken_over

OTHER_PORT = "http://127.0.0.1:9999/v1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """MiMo is current, its token plan and another vendor are there."""
    return Home(tmp_path).with_current(mimo_row(), token_plan_row(), other_vendor_row())


# -- given back ----------------------------------------------------------------------------------------------


def test_what_was_given_back_stays_so_at_a_start(home: Home) -> None:
    home.sync()
    home.restore()
    before, mtimes = home.look(), home.mtimes()

    report = home.sync(at_start=True)

    assert report.outcome is Outcome.NOTHING
    assert report.lines == [GIVEN_BACK]
    assert home.look() == before
    assert home.mtimes() == mtimes


def test_what_was_given_back_is_taken_over_again_by_an_explicit_run_and_by_later_starts(home: Home) -> None:
    before = home.look()
    home.sync()
    home.restore()

    assert home.sync().outcome is Outcome.DONE
    assert home.look().database == taken_over(before, mimo_row()).database

    home.restore(remember=False)
    assert home.sync(at_start=True).outcome is Outcome.DONE


def test_a_proxy_that_gives_back_at_its_stop_takes_over_at_its_start(home: Home) -> None:
    home.sync(at_start=True)

    home.restore(remember=False)

    assert home.sync(at_start=True).outcome is Outcome.DONE


def test_a_restore_before_any_takeover_keeps_a_start_from_it(home: Home) -> None:
    before = home.look()

    report = home.restore()
    assert "No route is taken over" in report.as_text()
    home.sync(at_start=True)

    assert home.look() == before


def test_a_second_restore_changes_nothing(home: Home) -> None:
    home.sync()
    home.restore()
    mtimes = home.mtimes()

    assert home.restore().outcome is Outcome.NOTHING
    assert home.mtimes() == mtimes


def test_a_restore_tells_what_it_did_and_what_to_do(home: Home) -> None:
    home.sync()

    report = home.restore()

    assert report.outcome is Outcome.DONE
    assert report.lines == [
        "The provider 'Xiaomi MiMo' in cc switch gets its original configuration back, to the byte.",
        f"{home.live} gets its original configuration back, to the byte.",
    ]
    assert report.next_steps == ["Restart Codex, so that it reads its configuration anew."]


def test_the_live_configuration_is_given_back_after_cc_switch_was_uninstalled(home: Home) -> None:
    before = home.app.live_text()
    home.sync()
    home.wanted.database.unlink()

    home.restore()

    assert home.app.live_text() == before


# -- the address, the key, the port --------------------------------------------------------------------------


def test_another_port_takes_the_place_of_the_first_and_the_original_is_kept(home: Home) -> None:
    before = home.look()
    home.sync()

    home.sync(url=OTHER_PORT)
    assert home.known.urls == (LOCAL, OTHER_PORT)
    for text in (home.app.config_text(MIMO_ID), home.app.live_text()):
        assert f'base_url = "{OTHER_PORT}"' in text
        assert LOCAL not in text

    home.restore()
    assert home.look().database == before.database
    assert home.look().live() == before.live()


def test_a_key_that_was_changed_in_cc_switch_reaches_both_sides(home: Home) -> None:
    before = home.look()
    home.sync()
    new = "sk-fake-mimo-key-0002"
    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "auth": {"OPENAI_API_KEY": new}})

    assert home.sync().outcome is Outcome.DONE

    for text in (home.app.config_text(MIMO_ID), home.app.live_text()):
        assert f'http_headers = {{ "{HEADER}" = "{new}" }}' in text
        assert MIMO_KEY not in text
    home.restore()
    assert home.app.config_text(MIMO_ID) == home.app.live_text()
    assert home.app.row(MIMO_ID)["auth"] == {"OPENAI_API_KEY": new}
    assert home.look().live() == before.live()


def test_a_key_that_was_taken_out_in_cc_switch_goes_from_both_sides(home: Home) -> None:
    home.sync()
    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "auth": {}})

    home.sync(api_key="sk-fake-of-the-proxy")

    assert MIMO_KEY not in home.app.config_text(MIMO_ID)
    assert MIMO_KEY not in home.app.live_text()


# -- which provider ------------------------------------------------------------------------------------------


def test_another_mimo_provider_gives_the_first_one_back(home: Home) -> None:
    before = home.look()
    home.sync()

    home.sync(provider=TOKEN_PLAN_ID)

    url = "https://token-plan-cn.xiaomimimo.com/v1"
    assert home.look().cell(MIMO_ID) == before.cell(MIMO_ID)
    assert home.look().files == given_back(before).files
    assert home.app.config_text(TOKEN_PLAN_ID) == leading_to_us(
        config_of(before.cell(TOKEN_PLAN_ID)), was=url, key=TOKEN_PLAN_KEY
    )
    assert home.known.provider_id == TOKEN_PLAN_ID
    assert home.known.upstream == url


def test_a_live_configuration_that_a_dialog_made_lead_to_us_does_not_get_the_other_providers_address(
    home: Home,
) -> None:
    home.sync()
    dialog = home.app.open_dialog(MIMO_ID)
    home.sync(provider=TOKEN_PLAN_ID)
    home.app.save_dialog(dialog)
    live = home.app.live_text()

    report = home.restore()

    assert home.app.live_text() == live
    assert "'Xiaomi MiMo' in cc switch has ccmimolink's address or key header too" in report.as_text()


def test_the_provider_that_is_selected_in_cc_switch_is_the_next_one(home: Home) -> None:
    before = home.look()
    home.sync()
    home.app.switch(TOKEN_PLAN_ID)

    home.sync(at_start=True)

    assert home.known.provider_id == TOKEN_PLAN_ID
    assert LOCAL not in home.app.row_text(MIMO_ID)
    assert MIMO_KEY not in home.app.config_text(MIMO_ID)
    home.restore()
    assert home.look().cell(TOKEN_PLAN_ID) == before.cell(TOKEN_PLAN_ID)


def test_the_provider_that_was_named_once_is_remembered(home: Home) -> None:
    home.app.switch(other_vendor_row().id)
    home.sync(provider="xiaomi mimo token plan (china)")
    home.restore()

    home.sync()

    assert home.known.provider_id == TOKEN_PLAN_ID


def test_a_first_provider_that_cannot_be_given_back_stops_the_change_to_another(home: Home) -> None:
    home.sync()
    with home.app._database() as database:
        database.execute("UPDATE providers SET settings_config='{' WHERE id=?", (MIMO_ID,))
    before = home.look()

    with pytest.raises(SyncError, match=r"former route cannot be given back yet.*is not valid JSON"):
        home.sync(provider=TOKEN_PLAN_ID)

    assert home.look() == before
    assert home.known.provider_id == MIMO_ID


@pytest.mark.parametrize(
    ("wanted", "why"),
    [("DeepSeek", "is not Xiaomi MiMo"), ("nobody", "has none that --provider names")],
)
def test_a_provider_that_cannot_be_meant_is_refused(home: Home, wanted: str, why: str) -> None:
    before = home.look()

    with pytest.raises(SyncError, match=why):
        home.sync(provider=wanted)

    assert home.look() == before


# -- our state -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b'{"version": 2, "memories": {}}', b'{"version": 2, "new": [1]}', b"{", b"\xff", b"[]", b"[" * 100_000],
    ids=["newer", "newer-form", "cut", "no-text", "no-object", "deep"],
)
def test_a_state_that_is_not_understood_stops_every_run(home: Home, content: bytes) -> None:
    home.sync()
    (home.state_dir / "state.json").write_bytes(content)
    before, mtimes = home.look(), home.mtimes()

    for run in (home.sync, home.restore):
        with pytest.raises(SyncError, match=r"state\.json is not a state that this version"):
            run()

    assert home.look() == before
    assert home.mtimes() == mtimes


def test_the_state_is_private_and_holds_no_key_of_its_own_accord(home: Home) -> None:
    home.sync()

    file = home.state_dir / "state.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert MIMO_KEY not in "".join(home.known.keys)


def test_another_run_at_the_same_time_is_refused(home: Home) -> None:
    before = home.look()

    with locked(home.state_dir / "lock", 0), pytest.raises(Busy, match="Another ccmimolink is syncing"):
        home.sync()

    assert home.look() == before


def test_without_cc_switch_the_way_out_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)

    for at_start in (False, True):
        with pytest.raises(CcSwitchAbsent, match=r"not installed or incomplete.*--codex-only"):
            home.sync(at_start=at_start)

    assert home.files() == {}


# -- machines that share their providers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value", "warned"),
    [
        ("webdavSync", {"enabled": True, "password": "fake"}, True),
        ("s3Sync", {"bucket": "b"}, True),
        ("webdavSync", {"enabled": False}, False),
        ("webdavSync", {}, False),
    ],
)
def test_a_route_that_will_travel_to_other_machines_is_warned_of(
    home: Home, setting: str, value: object, warned: bool
) -> None:
    home.app.set_setting(setting, value)

    report = home.sync()

    assert any("will travel there too" in warning for warning in report.warnings) is warned
    assert "fake" not in report.as_json()
