"""One takeover after another: what is given back for it, and what a run that fails leaves as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.errors import NOT_FOUND, SyncError
from ccmimolink.sync.preview import preview_takeover
from ccmimolink.sync.takeover import Wish
from tests.sync.cc_switch_presets import (
    MIMO_ID,
    MIMO_KEY,
    OTHER_ID,
    TOKEN_PLAN_ID,
    TOKEN_PLAN_KEY,
    compact,
    mimo_row,
    other_vendor_row,
    token_plan_row,
)
from tests.sync.takeover_home import HEADER, LOCAL, MIMO_URL, Home

SINGAPORE = "https://token-plan-sgp.xiaomimimo.com/v1"
DEEPSEEK = "https://api.deepseek.com/v1"


def as_another_vendors(form: dict[str, Any]) -> dict[str, Any]:
    """What a user makes of a provider in cc switch's form, which has no field for headers."""
    config = form["config"].replace(LOCAL, DEEPSEEK).replace("mimo-v2.5-pro", "deepseek-chat")
    return {**form, "auth": {"OPENAI_API_KEY": "sk-fake-deepseek"}, "config": config, "modelCatalog": None}


@pytest.mark.parametrize("chosen", ["at the start", "by the user"])
def test_nothing_is_given_back_for_a_provider_that_has_no_key(tmp_path: Path, chosen: str) -> None:
    home = Home(tmp_path).with_current(mimo_row(), token_plan_row(key=""))
    home.sync()
    if chosen == "at the start":
        home.app.switch(TOKEN_PLAN_ID)
    before, known = home.look(), home.known

    with pytest.raises(SyncError, match="API key is empty"):
        home.sync(at_start=True) if chosen == "at the start" else home.sync(provider=TOKEN_PLAN_ID)

    assert home.look() == before
    assert home.known == known


def test_the_choice_holds_though_giving_back_makes_it_one_of_several(tmp_path: Path) -> None:
    """The one that is taken over is preferred, also when it has to be given back elsewhere first."""
    home = Home(tmp_path).with_current(mimo_row(), token_plan_row(), other_vendor_row())
    home.sync()
    home.app.switch(OTHER_ID)
    elsewhere = home.path / "elsewhere"
    elsewhere.mkdir()
    home.app.set_setting("codexConfigDir", str(elsewhere))

    home.sync()

    assert home.known.provider_id == MIMO_ID
    assert LOCAL in home.app.config_text(MIMO_ID)


def test_a_dry_run_shows_the_way_back_and_the_way_on(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row(), token_plan_row())
    home.sync()
    home.app.switch(TOKEN_PLAN_ID)
    before = home.look()

    wish = Wish(local_url=LOCAL)
    diff = preview_takeover(home.synchroniser, wish, alone=False, catalog=None).diff

    assert home.look() == before
    added = [line[1:] for line in diff.splitlines() if line.startswith("+base_url")]
    assert added == [f'base_url = "{MIMO_URL}"', f'base_url = "{LOCAL}"', f'base_url = "{LOCAL}"']


def test_a_later_run_takes_the_current_provider_and_says_so_beforehand(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row(), token_plan_row())

    report = home.sync(provider=TOKEN_PLAN_ID)

    assert any(
        "'Xiaomi MiMo', is Xiaomi MiMo too: a later run takes that one" in line for line in report.lines
    )
    home.sync(at_start=True)
    assert home.known.provider_id == MIMO_ID


def test_a_provider_of_which_another_vendors_was_made_loses_the_key_header(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row(), other_vendor_row())
    home.sync()
    home.app.edit_in_dialog(MIMO_ID, as_another_vendors)
    assert HEADER in home.live.read_text()

    report = home.sync(at_start=True)

    assert report.failed
    assert any("only ccmimolink's own values are taken back" in line for line in report.lines)
    assert any(NOT_FOUND in warning for warning in report.warnings)
    for text in (home.live.read_text(), home.app.config_text(MIMO_ID)):
        assert HEADER not in text
        assert MIMO_KEY not in text
        assert f'base_url = "{DEEPSEEK}"' in text


def test_what_was_given_back_before_a_run_failed_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row(), token_plan_row(key=""))
    home.sync()
    home.app.edit_in_dialog(MIMO_ID, as_another_vendors)

    report = home.sync()

    assert report.failed
    assert any("only ccmimolink's own values are taken back" in line for line in report.lines)
    assert any("API key is empty" in warning for warning in report.warnings)


def test_a_copy_of_which_another_vendors_was_made_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row())
    home.sync()
    copy = as_another_vendors(json.loads(home.app.row_text(MIMO_ID)))
    home.app.add(replace(mimo_row(), id="copy", name="DeepSeek", settings_config=compact(copy)))

    report = home.restore()

    assert any(
        "'DeepSeek' in cc switch has ccmimolink's address or key header" in one for one in report.warnings
    )


def test_a_copy_of_the_provider_leads_where_the_provider_did(tmp_path: Path) -> None:
    row = token_plan_row(host="token-plan-sgp.xiaomimimo.com")
    home = Home(tmp_path).with_current(row)
    home.sync()
    copied = home.app.row_text(TOKEN_PLAN_ID)
    home.app.add(replace(row, id="copy", name="MiMo copy", settings_config=copied, endpoints=()))
    home.app.switch("copy")

    report = home.sync()

    assert home.known.provider_id == "copy"
    assert home.known.upstream == SINGAPORE
    assert LOCAL in home.live.read_text()
    assert TOKEN_PLAN_KEY not in report.as_text()
    home.restore()
    assert f'base_url = "{SINGAPORE}"' in home.app.config_text("copy")


def test_a_state_is_found_however_the_path_of_the_database_is_spelled(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row())
    home.sync()
    link = tmp_path / "link"
    link.symlink_to(home.path)
    spelled = Home(tmp_path)
    spelled.path = link

    spelled.restore()

    assert LOCAL not in home.app.config_text(MIMO_ID)
