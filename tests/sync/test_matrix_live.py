"""Taking over and giving back, over every state in which Codex's configuration is found."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.report import Outcome
from tests.sync.cc_switch_presets import (
    MIMO_ID,
    OTHER_ID,
    aggregator_row,
    chatgpt_login,
    mimo_row,
    official_row,
    other_vendor_row,
)
from tests.sync.cc_switch_schema import ProviderRow
from tests.sync.takeover_home import (
    BACKUP,
    MIMO_URL,
    Home,
    Look,
    config_of,
    given_back,
    leading_to_us,
    taken_over,
    with_config,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """MiMo is current, and another vendor is there."""
    return Home(tmp_path).with_current(mimo_row(), other_vendor_row())


def only_row(before: Look) -> Look:
    """What is to be where Codex's configuration is not for us to change."""
    cell = before.cell(MIMO_ID)
    return before.with_cell(MIMO_ID, with_config(cell, leading_to_us(config_of(cell))))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_missing_file_is_left_to_cc_switch(home: Home) -> None:
    home.live.unlink()
    before = home.look()

    report = home.sync()

    assert home.look() == only_row(before)
    assert f"There is no {home.live}" in report.as_text()
    assert report.next_steps == ["Select 'Xiaomi MiMo' in cc switch."]
    home.restore()
    assert home.look() == before


def test_the_file_that_cc_switch_makes_after_that_leads_to_us_and_is_given_back(home: Home) -> None:
    home.app.switch(OTHER_ID)
    before = home.look()
    home.sync()

    home.app.switch(MIMO_ID)
    assert leading_to_us(config_of(before.cell(MIMO_ID))) in home.app.live_text()
    permissions = mode(home.live)
    home.restore()

    assert f'base_url = "{MIMO_URL}"' in home.app.live_text()
    assert "http_headers" not in home.app.live_text()
    assert home.look().cell(MIMO_ID) == before.cell(MIMO_ID)
    assert mode(home.live) == permissions


@pytest.mark.parametrize("content", ["", "# nothing yet\n", 'model = "gpt-5.5"\n'], ids=ascii)
def test_a_file_without_a_provider_of_its_own_stays(home: Home, content: str) -> None:
    home.live.write_text(content)
    before = home.look()

    report = home.sync()

    assert home.look() == only_row(before)
    assert "leads to no provider of its own" in report.as_text()
    home.restore()
    assert home.look() == before


def test_another_vendors_content_stays_although_the_settings_say_mimo(home: Home) -> None:
    home.live.write_text(home.app.config_text(OTHER_ID))
    before = home.look()

    report = home.sync()

    assert home.look() == only_row(before)
    assert "leads to api.deepseek.com, although 'Xiaomi MiMo' is the current provider" in report.as_text()
    home.restore()
    assert home.look() == before


def test_an_official_login_stays(home: Home) -> None:
    home.live.write_text('model = "gpt-5.5"\n')
    home.app._write_auth(chatgpt_login())
    before = home.look()

    home.sync()

    assert home.look() == only_row(before)


@pytest.mark.parametrize(
    "current",
    [
        pytest.param(other_vendor_row(id="other"), id="vendor"),
        pytest.param(aggregator_row(), id="aggregator"),
        pytest.param(official_row(), id="official"),
    ],
)
def test_mimo_is_prepared_while_another_provider_is_current(home: Home, current: ProviderRow) -> None:
    home.app.add(current)
    home.app.switch(current.id)
    before = home.look()

    report = home.sync()

    assert home.look() == only_row(before)
    assert "Current provider is not Xiaomi MiMo" in report.as_text()
    assert report.next_steps == ["Select 'Xiaomi MiMo' in cc switch."]
    home.restore()
    assert home.look() == before


@pytest.mark.parametrize("content", [b"model = ", b'model = "\xff"'], ids=["toml", "utf-8"])
def test_a_broken_file_stops_the_run_and_nothing_is_changed(home: Home, content: bytes) -> None:
    home.live.write_bytes(content)
    before = home.look()

    with pytest.raises(SyncError, match=r"config\.toml is not valid .*Nothing was changed"):
        home.sync()

    assert home.look() == before


@pytest.mark.parametrize("permissions", [0o644, 0o640, 0o600, 0o666])
def test_the_file_is_private_while_it_holds_the_key_and_as_before_afterwards(
    home: Home, permissions: int
) -> None:
    home.live.chmod(permissions)
    before = home.look()

    home.sync()
    taken = home.look()
    assert taken == taken_over(before, mimo_row())
    home.sync()
    home.restore()

    assert home.look() == given_back(before)


def test_a_file_that_is_opened_to_others_meanwhile_is_closed_without_a_second_backup(home: Home) -> None:
    home.sync()
    taken = home.look()
    home.live.chmod(0o644)

    report = home.sync()

    assert report.outcome is Outcome.DONE
    assert "only you can read it now" in report.as_text()
    assert home.look() == taken


def test_a_read_only_file_is_refused_and_nothing_is_changed(home: Home) -> None:
    home.makes_catalog = b"{}"
    home.live.chmod(0o444)
    before = home.look()

    with pytest.raises(SyncError, match="read-only"):
        home.sync()

    assert home.look() == before
    assert home.takeover is None


def test_a_link_is_written_through_and_stays_a_link(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "codex.toml"
    target.parent.mkdir()
    home.live.rename(target)
    home.live.symlink_to(target)
    target.chmod(0o644)
    content, before = target.read_bytes(), home.look()

    report = home.sync()
    assert target.read_bytes() == leading_to_us(content.decode()).encode()
    assert mode(target) == 0o600
    assert home.look() == only_row(before).with_file(BACKUP, content)
    assert f"the key now is in {target}" in report.as_text()

    home.restore()
    assert target.read_bytes() == content
    assert mode(target) == 0o644
    assert home.live.is_symlink()
    assert home.look().database == before.database


def test_a_link_to_nothing_stays_one(home: Home, tmp_path: Path) -> None:
    home.live.unlink()
    home.live.symlink_to(tmp_path / "gone.toml")
    before = home.look()

    home.sync()
    assert home.look() == only_row(before)
    home.restore()

    assert home.look() == before
    assert not (tmp_path / "gone.toml").exists()


def test_the_directory_that_cc_switch_names_is_the_one_that_is_changed(home: Home) -> None:
    elsewhere = home.path / "elsewhere"
    home.codex.rename(elsewhere)
    home.app.set_setting("codexConfigDir", "~/elsewhere")
    live = (elsewhere / "config.toml").read_text()

    home.sync()

    assert (elsewhere / "config.toml").read_text() == leading_to_us(live)
    assert not home.codex.exists()


# -- edited in between ---------------------------------------------------------------------------------------


def test_a_restore_keeps_what_the_user_wrote_into_the_file_meanwhile(home: Home) -> None:
    original = home.app.live_text()
    home.sync()
    note = "\n# my note\n[tools]\nview_image = true\n"
    home.live.write_text(home.app.live_text() + note)

    report = home.restore()

    assert home.app.live_text() == original + note
    assert f"{home.live} was changed since, so only ccmimolink's own values are taken back." in report.lines
    assert "The provider 'Xiaomi MiMo' in cc switch gets its original configuration back" in report.as_text()


def test_a_restore_keeps_what_was_edited_in_cc_switch_meanwhile(home: Home) -> None:
    before = home.look()
    home.sync()
    home.app.edit_in_dialog(
        MIMO_ID, lambda form: {**form, "config": form["config"].replace('"high"', '"none"')}
    )

    report = home.restore()

    wanted = config_of(before.cell(MIMO_ID)).replace('"high"', '"none"')
    assert [line for line in wanted.splitlines() if line not in home.app.config_text(MIMO_ID)] == []
    for text in (home.app.config_text(MIMO_ID), home.app.live_text()):
        assert f'base_url = "{MIMO_URL}"\nwire_api' in text
    assert "'Xiaomi MiMo' in cc switch was changed since" in report.as_text()


def test_a_restore_leaves_values_of_ours_that_the_user_has_replaced(home: Home) -> None:
    home.sync()
    theirs = home.app.live_text().replace("http://127.0.0.1:9876/v1", "https://proxy.example.com/v1")
    home.live.write_text(theirs)

    home.restore()

    assert 'base_url = "https://proxy.example.com/v1"' in home.app.live_text()
    assert "http_headers" not in home.app.live_text()


@pytest.mark.parametrize("selected", [True, False], ids=["in-cc-switch", "by-hand"])
def test_a_restore_leaves_the_protocol_in_another_vendors_table_of_the_same_name(
    home: Home, selected: bool
) -> None:
    chat = home.app.config_text(MIMO_ID).replace('wire_api = "responses"', 'wire_api = "chat"')
    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "config": chat})
    home.sync()
    if selected:
        home.app.switch(OTHER_ID)
    else:
        home.live.write_text(home.app.config_text(OTHER_ID))
    before = home.look()

    home.restore()

    assert home.look().files == before.files
    assert 'wire_api = "chat"' in home.app.config_text(MIMO_ID)


def test_a_restore_does_not_take_a_file_for_its_own_that_was_broken_meanwhile(home: Home) -> None:
    original = home.app.row_text(MIMO_ID)
    home.sync()
    home.live.write_text("model = ")

    report = home.restore()

    assert report.failed
    assert home.app.live_text() == "model = "
    assert home.app.row_text(MIMO_ID) == original
    assert home.takeover is not None


def test_a_restore_of_a_provider_that_is_gone_says_so(home: Home) -> None:
    home.sync()
    home.app.switch(OTHER_ID)
    with home.app._database() as database:
        database.execute("DELETE FROM providers WHERE id=?", (MIMO_ID,))

    report = home.restore()

    assert "'Xiaomi MiMo' is no longer in cc switch" in report.as_text()
    assert home.takeover is None


def test_a_copy_that_leads_to_us_too_is_named(home: Home) -> None:
    home.sync()
    copied = mimo_row(id="copy", name="Xiaomi MiMo copy")
    home.app.add(copied)
    home.app.edit_in_dialog("copy", lambda _form: home.app.row(MIMO_ID))

    assert (
        "'Xiaomi MiMo copy' in cc switch has ccmimolink's address or key header too"
        in home.restore().as_text()
    )
