"""The route without cc switch: complete, beside whatever is there, and given back to the byte."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.alone import NAME
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.report import Outcome
from tests.sync.cc_switch_presets import mimo_row
from tests.sync.takeover_home import BACKUP, CATALOG, CATALOG_BYTES, HEADER, LOCAL, MIMO_URL, Home

KEY = "sk-fake-alone-0001"
OTHER_PLAN_KEY = "tp-fake-alone-0001"
CHINA = "https://token-plan-cn.xiaomimimo.com/v1"
THEIRS = """# mine
model = "gpt-5.5"
model_provider = "corp" # at work

[model_providers.corp]
name = "Corp"
base_url = "https://llm.example.com/v1"

# the end
"""
BY_HAND = """model_provider = "mimo"
model = "mimo-v2.5-pro"

[model_providers.mimo]
name = "My MiMo"
base_url = "https://token-plan-sgp.xiaomimimo.com/v1"
wire_api = "chat"
http_headers = { "x-mimo-api-key" = "tp-fake-by-hand" }
request_max_retries = 9
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Codex's directory, and no cc switch."""
    home = Home(tmp_path)
    home.codex.mkdir()
    return home


def config(home: Home) -> dict[str, Any]:
    return tomllib.loads(home.live.read_text())


def route(**more: Any) -> dict[str, Any]:
    return {
        "name": NAME,
        "base_url": LOCAL,
        "wire_api": "responses",
        "http_headers": {HEADER: KEY},
        **more,
    }


def upstream(home: Home) -> str:
    takeover = home.state.memory(home.live).takeover
    assert takeover is not None
    return takeover.upstream


def write(home: Home, text: str, mode: int = 0o644) -> None:
    home.live.write_bytes(text.encode())
    home.live.chmod(mode)


@pytest.mark.parametrize("directory", [True, False], ids=["no-file", "no-directory"])
def test_where_nothing_is_a_complete_route_is_made_and_taken_away_again(home: Home, directory: bool) -> None:
    if not directory:
        home.codex.rmdir()

    report = home.sync(alone=True, api_key=KEY)

    assert report.outcome is Outcome.DONE
    assert config(home) == {
        "model_provider": "mimo",
        "model": "mimo-v2.5",
        "model_providers": {"mimo": route()},
    }
    assert stat.S_IMODE(home.live.stat().st_mode) == 0o600
    assert list(home.files()) == [".codex/config.toml"]
    assert upstream(home) == MIMO_URL

    assert f"{home.live} goes, since there was none before." in home.restore().lines
    assert not home.live.exists()


def test_the_route_is_not_named_as_codex_names_its_own(home: Home) -> None:
    home.sync(alone=True, api_key=KEY)

    assert config(home)["model_providers"]["mimo"]["name"].lower() != "openai"


@pytest.mark.parametrize(
    "text",
    ["", "\n", THEIRS, THEIRS.replace("\n", "\r\n"), f"\ufeff{THEIRS}", BY_HAND, "[tools]\nx = 1"],
    ids=["empty", "blank", "theirs", "crlf", "byte-order-mark", "by-hand", "no-last-line-end"],
)
def test_a_file_that_is_there_comes_back_to_the_byte_with_its_mode(home: Home, text: str) -> None:
    write(home, text)
    before = home.files()

    home.sync(alone=True, api_key=KEY)
    assert home.files()[f".codex/{BACKUP}"].content == text.encode()
    mtimes = home.mtimes()
    assert home.sync(alone=True).outcome is Outcome.NOTHING
    assert home.mtimes() == mtimes
    home.restore()

    assert home.files()[".codex/config.toml"] == before[".codex/config.toml"]


def test_the_comments_and_providers_of_a_user_stay(home: Home) -> None:
    write(home, THEIRS)

    home.sync(alone=True, api_key=KEY)

    text = home.live.read_text()
    assert [line for line in THEIRS.splitlines() if line not in text.splitlines()] == [
        'model = "gpt-5.5"',
        'model_provider = "corp" # at work',
    ]
    assert 'model_provider = "mimo" # at work' in text
    assert config(home)["model_providers"] == {
        "corp": tomllib.loads(THEIRS)["model_providers"]["corp"],
        "mimo": route(),
    }


def test_a_table_that_was_written_by_hand_keeps_what_else_is_in_it(home: Home) -> None:
    write(home, BY_HAND)

    home.sync(alone=True)

    assert config(home) == {
        "model_provider": "mimo",
        "model": "mimo-v2.5-pro",
        "model_providers": {
            "mimo": {
                "name": "My MiMo",
                "base_url": LOCAL,
                "wire_api": "responses",
                "http_headers": {"x-mimo-api-key": "tp-fake-by-hand"},
                "request_max_retries": 9,
            }
        },
    }
    assert upstream(home) == "https://token-plan-sgp.xiaomimimo.com/v1"


def test_the_name_that_codex_takes_for_its_own_is_replaced(home: Home) -> None:
    write(home, BY_HAND.replace("My MiMo", "OpenAI"))

    home.sync(alone=True)

    assert config(home)["model_providers"]["mimo"]["name"] == NAME


def test_another_key_and_port_take_the_place_of_the_first(home: Home) -> None:
    home.sync(alone=True, api_key=KEY)

    home.sync(alone=True, api_key=OTHER_PLAN_KEY, url="http://127.0.0.1:9999/v1")

    assert config(home)["model_providers"]["mimo"] == route(
        base_url="http://127.0.0.1:9999/v1", http_headers={HEADER: OTHER_PLAN_KEY}
    )
    assert KEY not in home.live.read_text()
    assert upstream(home) == CHINA
    home.restore()
    assert not home.live.exists()


def test_a_key_is_needed_once(home: Home) -> None:
    with pytest.raises(SyncError, match="Xiaomi MiMo API key is empty"):
        home.sync(alone=True)
    assert home.files() == {}

    home.sync(alone=True, api_key=KEY)
    home.sync(alone=True, url="http://127.0.0.1:9999/v1")

    assert config(home)["model_providers"]["mimo"]["http_headers"] == {HEADER: KEY}


def test_a_start_of_the_proxy_follows_its_port_without_being_told_of_the_mode(home: Home) -> None:
    home.sync(alone=True, api_key=KEY)

    home.sync(at_start=True, url="http://127.0.0.1:9999/v1")

    assert config(home)["model_providers"]["mimo"]["base_url"] == "http://127.0.0.1:9999/v1"


def test_what_was_given_back_stays_so_at_a_start(home: Home) -> None:
    home.sync(alone=True, api_key=KEY)
    home.restore()

    assert home.sync(at_start=True).outcome is Outcome.NOTHING

    assert not home.live.exists()


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ({"upstream": f"{MIMO_URL}/", "base_url": CHINA}, MIMO_URL),
        ({"base_url": CHINA}, CHINA),
        ({"base_url": "http://127.0.0.1:4000/v1"}, MIMO_URL),
        ({}, MIMO_URL),
    ],
)
def test_the_upstream_is_what_was_said_or_what_the_key_tells(
    home: Home, hints: dict[str, str], expected: str
) -> None:
    home.sync(alone=True, api_key=KEY, **hints)  # type: ignore[arg-type]

    assert upstream(home) == expected


def test_this_machine_is_never_the_upstream(home: Home) -> None:
    with pytest.raises(SyncError, match="this machine"):
        home.sync(alone=True, api_key=KEY, upstream=LOCAL)

    assert home.files() == {}


def test_a_key_whose_region_is_open_leaves_a_doubt(home: Home) -> None:
    report = home.sync(alone=True, api_key=OTHER_PLAN_KEY)

    assert any("--upstream" in warning for warning in report.warnings)


# -- edited in between ---------------------------------------------------------------------------------------


def test_a_restore_keeps_what_the_user_added_elsewhere(home: Home) -> None:
    write(home, THEIRS)
    home.sync(alone=True, api_key=KEY)
    with home.live.open("a") as file:
        file.write("[tools]\nview_image = true\n")

    report = home.restore()

    assert config(home) == {**tomllib.loads(THEIRS), "tools": {"view_image": True}}
    assert "# the end" in home.live.read_text()
    assert "only ccmimolink's own values are taken back" in report.as_text()


def test_a_restore_keeps_our_table_where_the_user_added_to_it(home: Home) -> None:
    write(home, THEIRS)
    home.sync(alone=True, api_key=KEY)
    text = home.live.read_text()
    home.live.write_text(text.replace("[model_providers.mimo]\n", "[model_providers.mimo]\nstream_max = 3\n"))

    home.restore()

    assert config(home)["model_provider"] == "corp"
    assert config(home)["model"] == "gpt-5.5"
    assert config(home)["model_providers"]["mimo"] == {"name": NAME, "stream_max": 3}


def test_a_restore_leaves_a_model_and_a_provider_that_the_user_chose_since(home: Home) -> None:
    write(home, THEIRS)
    home.sync(alone=True, api_key=KEY)
    home.live.write_text(
        home.live.read_text()
        .replace('model = "mimo-v2.5"', 'model = "gpt-6"')
        .replace('model_provider = "mimo"', 'model_provider = "openai"')
    )

    home.restore()

    assert config(home)["model"] == "gpt-6"
    assert config(home)["model_provider"] == "openai"
    assert list(config(home)["model_providers"]) == ["corp"]


def test_a_file_that_was_made_by_us_and_edited_since_is_kept(home: Home) -> None:
    home.sync(alone=True, api_key=KEY)
    with home.live.open("a") as file:
        file.write("[tools]\nview_image = true\n")

    home.restore()

    assert config(home) == {"tools": {"view_image": True}}


# -- refusals, links and the catalog -------------------------------------------------------------------------


def test_it_is_refused_where_cc_switch_is(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row())
    before = home.look()

    with pytest.raises(SyncError, match="cc switch is here"):
        home.sync(alone=True, api_key=KEY)

    assert home.look() == before


@pytest.mark.parametrize("text", ["model = ", 'model_providers = "none"\n', "[model_providers]\nmimo = 1\n"])
def test_a_file_in_which_no_route_can_be_is_refused(home: Home, text: str) -> None:
    write(home, text)
    before = home.files()

    with pytest.raises(SyncError, match=r"config\.toml .*Nothing was changed"):
        home.sync(alone=True, api_key=KEY)

    assert home.files() == before


def test_a_read_only_file_is_refused(home: Home) -> None:
    write(home, THEIRS, 0o444)
    before = home.files()

    with pytest.raises(SyncError, match="read-only"):
        home.sync(alone=True, api_key=KEY)

    assert home.files() == before


def test_a_link_to_nothing_is_written_through_and_is_one_again(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    home.live.symlink_to(target)

    home.sync(alone=True, api_key=KEY)
    assert LOCAL in target.read_text()
    home.restore()

    assert home.live.is_symlink()
    assert not target.exists()


def test_the_catalog_comes_and_goes_with_the_route(home: Home) -> None:
    home.makes_catalog = CATALOG_BYTES
    home.sync(alone=True, api_key=KEY)
    assert config(home)["model_catalog_json"] == str(home.catalog)
    assert home.asked_for_catalog == [True]

    home.sync(alone=True, catalog=False)
    assert "model_catalog_json" not in config(home)
    assert not home.catalog.exists()

    home.sync(alone=True, catalog=True)
    home.restore()
    assert list(home.files()) == [name for name in home.files() if CATALOG not in name]


@pytest.mark.parametrize("other", ["provider", "login"])
def test_the_maker_of_the_catalog_is_told_of_other_models(home: Home, other: str) -> None:
    if other == "provider":
        write(home, THEIRS)
    else:
        (home.codex / "auth.json").write_text("{}")

    home.sync(alone=True, api_key=KEY)

    assert home.asked_for_catalog == [False]


def test_nothing_of_a_report_shows_the_key(home: Home) -> None:
    reports = [home.sync(alone=True, api_key=KEY), home.sync(alone=True), home.restore()]

    assert not any(KEY in report.as_json() for report in reports)
