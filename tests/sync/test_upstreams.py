"""Where the true upstream is known from, also when the route leads to us and nothing is remembered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.takeover import Wish
from tests.sync.cc_switch_presets import MIMO_ID, MIMO_KEY, mimo_row, token_plan_row
from tests.sync.cc_switch_schema import ProviderRow
from tests.sync.takeover_home import LOCAL, MIMO_URL, Home, config_of

CHINA = "https://token-plan-cn.xiaomimimo.com/v1"
SINGAPORE = "https://token-plan-sgp.xiaomimimo.com/v1"
AMSTERDAM = "https://token-plan-ams.xiaomimimo.com/v1"


def lost(tmp_path: Path, row: ProviderRow, *endpoints: str) -> Home:
    """A home in which the current provider leads to us, and our state is gone.

    :param endpoints: what cc switch has of them; none of it is changed by a takeover.
    """
    home = Home(tmp_path).with_current(row)
    home.sync()
    home.lose_state()
    with home.app._database() as database:
        database.execute("DELETE FROM provider_endpoints")
        for url in endpoints:
            statement = "INSERT INTO provider_endpoints (provider_id, app_type, url) VALUES (?, 'codex', ?)"
            database.execute(statement, (row.id, url))
    return home


def forget_backups(home: Home) -> None:
    for backup in home.codex.glob("*.bak"):
        backup.unlink()


def leading_to(home: Home, url: str) -> None:
    """The user enters another address in the dialog."""
    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "config": form["config"].replace(MIMO_URL, url)})


def test_the_address_of_the_row_is_the_upstream(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(token_plan_row(host="token-plan-ams.xiaomimimo.com"))

    home.sync()

    assert home.known.upstream == AMSTERDAM


@pytest.mark.parametrize(
    ("address", "upstream"),
    [
        (f"{MIMO_URL}/", MIMO_URL),
        (f"{MIMO_URL}/responses", MIMO_URL),
        (f"{MIMO_URL}/chat/completions", MIMO_URL),
        ("https://api.xiaomimimo.com", MIMO_URL),
        ("https://api.xiaomimimo.com/anthropic", MIMO_URL),
    ],
)
def test_the_upstream_is_where_chat_completions_are(tmp_path: Path, address: str, upstream: str) -> None:
    home = Home(tmp_path).with_current(mimo_row())
    leading_to(home, address)

    home.sync()

    assert home.known.upstream == upstream
    home.restore()
    assert f'base_url = "{address}"' in home.app.live_text()


def test_without_a_state_the_one_endpoint_tells(tmp_path: Path) -> None:
    row = token_plan_row(host="token-plan-sgp.xiaomimimo.com")
    home = lost(tmp_path, row, LOCAL, f"{SINGAPORE}/", SINGAPORE, "https://example.com/v1")

    report = home.sync()

    assert home.known.upstream == SINGAPORE
    assert report.warnings == []


def test_without_a_state_an_endpoint_of_another_plan_than_the_key_does_not_count(tmp_path: Path) -> None:
    home = lost(tmp_path, token_plan_row(), MIMO_URL, AMSTERDAM)

    home.sync()

    assert home.known.upstream == AMSTERDAM


def test_without_a_state_several_endpoints_leave_a_doubt(tmp_path: Path) -> None:
    home = lost(tmp_path, token_plan_row(), SINGAPORE, AMSTERDAM)
    forget_backups(home)

    report = home.sync()

    assert home.known.upstream == SINGAPORE
    assert any(f"or {AMSTERDAM}" in warning for warning in report.warnings)


def test_without_a_state_a_backup_tells_which_of_several_endpoints(tmp_path: Path) -> None:
    home = lost(tmp_path, token_plan_row(), SINGAPORE, CHINA)

    report = home.sync()

    assert home.known.upstream == CHINA
    assert report.warnings == []


def test_without_a_state_an_endpoint_of_the_presets_region_is_not_taken_for_the_users_in_silence(
    tmp_path: Path,
) -> None:
    """cc switch's preset is China's; the address was typed over, the list was not."""
    home = lost(tmp_path, token_plan_row(host="token-plan-sgp.xiaomimimo.com"), CHINA)

    report = home.sync()

    [warning] = report.warnings
    assert f"taken to be {CHINA}" in warning
    assert f"or {SINGAPORE}" in warning
    assert "--upstream URL" in warning
    home.sync(upstream=SINGAPORE)
    assert home.known.upstream == SINGAPORE


@pytest.mark.parametrize("endpoints", [(), (LOCAL,), (SINGAPORE, AMSTERDAM)])
def test_without_a_state_the_proxys_own_setting_tells(tmp_path: Path, endpoints: tuple[str, ...]) -> None:
    home = lost(tmp_path, token_plan_row(), *endpoints)

    report = home.sync(base_url=AMSTERDAM)

    assert home.known.upstream == AMSTERDAM
    assert report.warnings == []


def test_without_a_state_the_kind_of_the_key_tells_pay_as_you_go(tmp_path: Path) -> None:
    home = lost(tmp_path, mimo_row())

    report = home.sync(base_url="http://127.0.0.1:4000/v1")

    assert home.known.upstream == MIMO_URL
    assert report.warnings == []


def test_without_a_state_the_kind_of_the_key_leaves_the_region_open(tmp_path: Path) -> None:
    home = lost(tmp_path, token_plan_row())

    report = home.sync()

    assert home.known.upstream == CHINA
    assert any("--upstream" in warning for warning in report.warnings)


def test_without_a_state_the_user_tells_above_all(tmp_path: Path) -> None:
    home = lost(tmp_path, token_plan_row(), CHINA)

    home.sync(upstream=SINGAPORE, base_url=AMSTERDAM)
    assert home.known.upstream == SINGAPORE

    home.sync()
    assert home.known.upstream == SINGAPORE


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9876/v1", "http://localhost:1/v1", "http://[::1]/v1", "http://0.0.0.0:80"]
)
def test_this_machine_is_never_the_upstream(tmp_path: Path, url: str) -> None:
    home = Home(tmp_path).with_current(mimo_row())
    before = home.look()

    with pytest.raises(SyncError, match="this machine"):
        home.sync(upstream=url)

    assert home.look() == before
    assert home.takeover is None


def test_a_route_to_us_without_a_state_is_given_back_to_what_was_found(tmp_path: Path) -> None:
    home = lost(tmp_path, token_plan_row(), SINGAPORE)
    home.sync()

    home.restore()

    for text in (home.app.config_text(token_plan_row().id), home.app.live_text()):
        assert f'base_url = "{SINGAPORE}"' in text
        assert "http_headers" not in text


def test_a_header_of_ours_with_a_former_key_is_known_for_ours_without_a_state(tmp_path: Path) -> None:
    home = lost(tmp_path, mimo_row(), MIMO_URL)
    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "auth": {"OPENAI_API_KEY": "sk-fake-new"}})

    home.sync()
    home.restore()

    assert "http_headers" not in home.app.config_text(MIMO_ID)
    assert "http_headers" not in home.app.live_text()


def test_a_route_to_another_port_of_ours_is_known_by_our_header(tmp_path: Path) -> None:
    home = lost(tmp_path, mimo_row(), MIMO_URL)

    home.sync(url="http://127.0.0.1:4321/v1")
    home.restore()

    assert f'base_url = "{MIMO_URL}"' in home.app.config_text(MIMO_ID)
    assert f'base_url = "{MIMO_URL}"' in home.app.live_text()


def test_another_program_on_this_machine_before_mimo_comes_back(tmp_path: Path) -> None:
    theirs = "http://127.0.0.1:8317/v1"
    home = Home(tmp_path).with_current(mimo_row())
    leading_to(home, theirs)
    before = home.look()

    home.sync()
    assert home.known.upstream == MIMO_URL
    assert LOCAL in home.app.live_text()
    home.restore()

    assert home.look().cell(MIMO_ID) == before.cell(MIMO_ID)
    assert home.look().live() == before.live()


def test_the_true_upstream_is_on_the_disk_before_anything_is_changed(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row())
    seen: dict[str, str] = {}

    def step(name: str) -> None:
        if name in ("update row", "write live"):
            seen[name] = home.known.upstream
            assert LOCAL not in home.app.live_text()

    replace(home.synchroniser, step=step).take_over(Wish(local_url=LOCAL))

    assert seen == {"update row": MIMO_URL, "write live": MIMO_URL}


def test_a_dialog_that_brings_the_route_back_after_a_restore_does_not_make_the_upstream_unknown(
    tmp_path: Path,
) -> None:
    row = token_plan_row(host="token-plan-sgp.xiaomimimo.com")
    home = lost(tmp_path, row)
    home.sync(upstream=SINGAPORE)
    dialog = home.app.open_dialog(row.id)
    home.restore()
    home.app.save_dialog(dialog)

    home.sync()

    assert home.known.upstream == SINGAPORE


def test_a_key_of_another_plan_than_the_address_is_warned_of(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row(key="tp-fake-1"))

    report = home.sync()

    assert any("is of another plan than its address" in warning for warning in report.warnings)
    assert "tp-fake-1" not in report.as_json()


def test_a_provider_that_is_known_by_its_name_only_has_to_be_named_and_is_warned_of(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row(host="relay.example.com"))
    before = home.look()

    with pytest.raises(SyncError, match=rf"By its name it could be .*--provider {MIMO_ID}.*relay\.example"):
        home.sync()
    assert home.look() == before
    report = home.sync(provider=MIMO_ID)

    assert any("by its name only" in warning for warning in report.warnings)
    assert home.known.upstream == "https://relay.example.com/v1"


def test_nothing_of_a_report_shows_the_key(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row())
    original = config_of(home.app.row_text(MIMO_ID))

    reports = [home.sync(), home.sync(), home.restore()]

    assert home.app.config_text(MIMO_ID) == original
    assert not any(MIMO_KEY in report.as_json() + repr(report) for report in reports)
