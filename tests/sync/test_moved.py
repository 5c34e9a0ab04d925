"""What a run does with takeovers that are not where it looks: moved, of another home, or forgotten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.report import Outcome
from tests.sync.cc_switch_presets import MIMO_ID, MIMO_KEY, mimo_row, other_vendor_row
from tests.sync.takeover_home import LOCAL, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).with_current(mimo_row(catalog=False), other_vendor_row())


def move_codex(home: Home) -> Path:
    """cc switch is told of another directory, and has written Codex's configuration there."""
    elsewhere = home.path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(home.live, elsewhere)
    home.app.set_setting("codexConfigDir", str(elsewhere))
    return elsewhere / "config.toml"


def test_a_directory_that_codex_no_longer_has_gets_its_route_back(home: Home) -> None:
    before = home.live.read_bytes()
    home.makes_catalog = b"{}"
    home.sync()
    live = move_codex(home)

    home.sync()

    assert home.live.read_bytes() == before
    assert not home.catalog.exists()
    assert LOCAL in live.read_text()
    assert LOCAL in home.app.config_text(MIMO_ID)
    assert home.known.live_path == str(live)


def test_a_restore_finds_the_directory_that_was_taken_over(home: Home) -> None:
    before = home.live.read_bytes()
    home.sync()
    move_codex(home)

    home.restore()

    assert home.live.read_bytes() == before
    assert home.takeover is None


def test_a_restore_names_what_is_remembered_elsewhere(home: Home) -> None:
    home.sync()
    other = Home(home.path)
    other.state_dir = home.state_dir

    report = other.restore()

    assert report.outcome is not Outcome.DONE
    [warning] = report.warnings
    assert f"One is remembered for {home.wanted.database}." in warning


def test_a_restore_of_which_nothing_is_remembered_says_what_to_run_first(home: Home) -> None:
    home.sync()
    home.lose_state()

    report = home.restore()

    [warning] = report.warnings
    assert "'Xiaomi MiMo' leads to http://127.0.0.1:9876/v1" in warning
    assert "Run ccmimolink-sync" in warning
    home.sync()
    home.restore()
    assert LOCAL not in home.app.config_text(MIMO_ID) + home.live.read_text()


@pytest.mark.parametrize(
    "odd", ["wire_api = 5", 'http_headers = { "X-Mimo-Api-Key" = 12345 }', "wire_api = false"]
)
def test_a_value_that_could_not_be_put_back_is_not_replaced(home: Home, odd: str) -> None:
    key = odd.split()[0]
    home.app.edit_in_dialog(MIMO_ID, lambda row: {**row, "config": with_line(row["config"], key, odd)})
    before = home.look()

    with pytest.raises(SyncError, match="has something else than a text at") as raised:
        home.sync()

    assert home.look() == before
    assert MIMO_KEY not in str(raised.value)
    assert "12345" not in str(raised.value)


def with_line(config: str, key: str, line: str) -> str:
    kept = [one for one in config.splitlines() if not one.startswith(f"{key} ")]
    return "\n".join([*kept, line])
