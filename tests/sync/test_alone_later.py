"""A route without cc switch, later: what the user chose since, a state that was lost, cc switch that came."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.errors import CcSwitchAbsent, SyncError
from ccmimolink.sync.report import Outcome
from ccmimolink.sync.watch import Taken, Watch
from tests.sync.cc_switch_presets import (
    AGGREGATOR_ID,
    MIMO_KEY,
    OTHER_ID,
    aggregator_row,
    mimo_row,
    other_vendor_row,
    token_plan_row,
)
from tests.sync.takeover_home import HEADER, LOCAL, Home

SINGAPORE = "https://token-plan-sgp.xiaomimimo.com/v1"
BEFORE = '# mine\nmodel = "gpt-5.5"\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A route to Singapore, made over a configuration of the user's."""
    home = Home(tmp_path)
    home.codex.mkdir()
    home.live.write_text(BEFORE)
    home.sync(alone=True, api_key="tp-fake-mimo-key-0001", upstream=SINGAPORE)
    return home


def config(home: Home) -> dict[str, Any]:
    return tomllib.loads(home.live.read_text())


def edit(home: Home, old: str, new: str) -> None:
    text = home.live.read_text()
    assert old in text
    home.live.write_text(text.replace(old, new))


def taken(home: Home) -> Taken:
    found = Watch(home.wanted).read()
    assert found is not None
    return found


# -- what the user chose since ---------------------------------------------------------------------------


def test_a_start_leaves_another_provider_that_was_chosen_since(home: Home) -> None:
    edit(home, 'model_provider = "mimo"', 'model_provider = "openai"')
    text = home.live.read_text()

    report = home.sync(at_start=True)

    assert home.live.read_text() == text
    assert report.outcome is Outcome.NOTHING
    assert any("has another provider by now" in line for line in report.lines)


def test_a_start_leaves_another_model_that_was_chosen_since(home: Home) -> None:
    edit(home, 'model = "mimo-v2.5"', 'model = "gpt-5.5-codex"')

    home.sync(at_start=True, url="http://127.0.0.1:9999/v1")

    assert config(home)["model"] == "gpt-5.5-codex"
    assert config(home)["model_providers"]["mimo"]["base_url"] == "http://127.0.0.1:9999/v1"


def test_a_start_leaves_the_key_that_was_given_for_the_route(home: Home) -> None:
    home.sync(at_start=True, api_key="tp-fake-of-the-environment")
    assert config(home)["model_providers"]["mimo"]["http_headers"][HEADER] == "tp-fake-mimo-key-0001"


def test_the_command_alone_keeps_the_route_up_to_date(home: Home) -> None:
    report = home.sync(url="http://127.0.0.1:9999/v1")

    assert report.outcome is Outcome.DONE
    assert config(home)["model_providers"]["mimo"]["base_url"] == "http://127.0.0.1:9999/v1"


def test_without_a_route_the_command_alone_has_nothing_to_go_by(tmp_path: Path) -> None:
    with pytest.raises(CcSwitchAbsent, match="--codex-only"):
        Home(tmp_path).sync()


def test_a_restore_leaves_no_mimo_model_with_a_provider_that_has_none(home: Home) -> None:
    edit(home, 'model = "mimo-v2.5"', 'model = "mimo-v2.5-pro"')
    home.restore()
    assert home.live.read_text() == BEFORE


def test_a_restore_leaves_another_vendors_model(home: Home) -> None:
    edit(home, 'model = "mimo-v2.5"', 'model = "gpt-5.5-codex"')
    home.restore()
    assert config(home) == {"model": "gpt-5.5-codex"}


# -- a state that was lost -------------------------------------------------------------------------------


def test_a_route_of_which_nothing_is_remembered_is_known_again_and_can_be_given_back(home: Home) -> None:
    home.lose_state()

    report = home.sync(alone=True)

    assert any("--upstream" in warning for warning in report.warnings)
    home.restore()
    assert config(home) == {}
    assert home.live.read_text().startswith("# mine\n")


# -- cc switch that came or went -------------------------------------------------------------------------


def test_where_cc_switch_has_its_database_elsewhere_no_route_is_made_without_it(tmp_path: Path) -> None:
    """Its next switch would copy the route, with the key, into another vendor's row."""
    home = Home(tmp_path).with_current(other_vendor_row(), mimo_row())
    home.app.database_path.rename(tmp_path / "elsewhere.db")
    text = home.live.read_text()

    with pytest.raises(SyncError, match="CC_SWITCH_DB_PATH"):
        home.sync(alone=True, api_key=MIMO_KEY)

    assert home.live.read_text() == text


def test_the_upstream_stays_known_when_cc_switch_comes(home: Home) -> None:
    _ = home.app
    assert taken(home).upstream == SINGAPORE


def test_the_upstream_stays_known_when_cc_switch_goes(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(token_plan_row(host="token-plan-sgp.xiaomimimo.com"))
    home.sync()
    home.app.database_path.unlink()
    home.app.settings_path.unlink()

    assert taken(home).upstream == SINGAPORE
    home.sync(alone=True, api_key="tp-fake-mimo-key-0002")
    assert taken(home).upstream == SINGAPORE


def test_a_restore_touches_nothing_of_a_provider_that_cc_switch_made_current_since(home: Home) -> None:
    """It has the model that the route without cc switch had."""
    row = aggregator_row()
    same_model = row.settings_config.replace("mimo-v2.5-pro", "mimo-v2.5")
    home.with_current(replace(row, settings_config=same_model), other_vendor_row())
    text = home.live.read_text()

    home.restore()

    assert home.live.read_text() == text
    home.app.switch(OTHER_ID)
    assert 'model = "mimo-v2.5"' in home.app.config_text(AGGREGATOR_ID)
    assert LOCAL not in home.app.config_text(AGGREGATOR_ID)
