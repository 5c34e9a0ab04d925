"""What is found out of a takeover that is demanded before a daemon leaves its terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccmimolink.keeper import check_beforehand
from ccmimolink.settings import Settings
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.setup import synchroniser, wish_of
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, mimo_row


@pytest.fixture
def app(tmp_path: Path) -> CcSwitch:
    app = CcSwitch(tmp_path)
    app.add(mimo_row(key="sk-fake-mimo-key-0001"))
    app.switch(MIMO_ID)
    return app


def settings_of(app: CcSwitch, state: Path, **environ: str) -> Settings:
    places = {
        "CC_SWITCH_SETTINGS_PATH": str(app.settings_path),
        "CC_SWITCH_DB_PATH": str(app.database_path),
        "CODEX_CONFIG_PATH": str(app.config_path),
        "MIMO_PROXY_STATE_DIR": str(state),
        "MIMO_PROXY_PORT": "0",
        "MIMO_PROXY_REQUIRE_SYNC": "true",
    }
    return Settings.from_environ(places | environ, log=False)


def test_one_that_can_be_made_is_not_made(app: CcSwitch, tmp_path: Path) -> None:
    before = (app.live_text(), app.row_text(MIMO_ID))
    check_beforehand(settings_of(app, tmp_path / "state"))
    assert (app.live_text(), app.row_text(MIMO_ID)) == before
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"CC_SWITCH_DB_PATH": "/nonexistent/cc-switch.db"}, "not installed or incomplete"),
        ({"MIMO_PROXY_TOKEN": "fake-token"}, "has no place for a token"),
        ({"MIMO_PROXY_LISTEN": "unix:/tmp/socket"}, "calls TCP ports only"),
    ],
)
def test_what_stands_in_the_way_is_said(
    app: CcSwitch, tmp_path: Path, environ: dict[str, str], reason: str
) -> None:
    with pytest.raises(SyncError, match=reason):
        check_beforehand(settings_of(app, tmp_path / "state", **environ))


def test_a_route_that_was_given_back_stands_in_the_way(app: CcSwitch, tmp_path: Path) -> None:
    settings = settings_of(app, tmp_path / "state")
    run = synchroniser(settings)
    run.take_over(wish_of(settings, "http://127.0.0.1:9876/v1"))
    run.give_back()
    with pytest.raises(SyncError, match="given back"):
        check_beforehand(settings)


@pytest.mark.parametrize("unless", ["MIMO_PROXY_REQUIRE_SYNC", "MIMO_PROXY_SKIP_CC_SWITCH_SYNC"])
def test_nothing_is_looked_at_where_none_is_demanded(app: CcSwitch, tmp_path: Path, unless: str) -> None:
    value = "false" if unless == "MIMO_PROXY_REQUIRE_SYNC" else "true"
    check_beforehand(
        settings_of(app, tmp_path / "state", **{unless: value}, CC_SWITCH_DB_PATH="/nonexistent/cc-switch.db")
    )
