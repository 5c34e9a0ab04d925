"""The reference to our model catalog: in the live configuration only, and never to a file that is missing."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.takeover import Wish
from tests.sync.cc_switch_presets import MIMO_ID, OTHER_ID, compact, mimo_row, other_vendor_row
from tests.sync.cc_switch_schema import ProviderRow
from tests.sync.takeover_home import CATALOG, CATALOG_BYTES, LOCAL, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """MiMo is current, of which cc switch has no catalog, and another vendor is there."""
    home = Home(tmp_path).with_current(mimo_row(catalog=False), other_vendor_row())
    home.makes_catalog = CATALOG_BYTES
    return home


def named(home: Home) -> object:
    return tomllib.loads(home.app.live_text()).get("model_catalog_json")


def test_the_live_configuration_names_our_catalog_and_the_row_does_not(home: Home) -> None:
    home.sync()

    assert named(home) == str(home.catalog)
    assert home.catalog.read_bytes() == CATALOG_BYTES
    assert home.catalog.stat().st_mode & 0o777 == 0o600
    assert CATALOG not in home.app.row_text(MIMO_ID)


def test_a_restore_takes_the_reference_and_the_file_away(home: Home) -> None:
    before = home.look()
    home.sync()

    home.restore()

    assert home.look().live() == before.live()
    assert not home.catalog.exists()


def test_at_no_step_is_a_catalog_named_that_is_missing(home: Home) -> None:
    steps: list[str] = []

    def step(name: str) -> None:
        steps.append(name)
        assert named(home) is None or home.catalog.exists()

    run = replace(home.synchroniser, step=step)
    run.take_over(Wish(local_url=LOCAL))
    run.give_back()

    assert steps.index("write catalog") < steps.index("live written") < steps.index("remove catalog")


def test_a_row_that_the_reference_was_copied_to_loses_it_in_the_next_run(home: Home) -> None:
    home.sync()
    home.app.switch(OTHER_ID)
    assert CATALOG in home.app.row_text(MIMO_ID)

    home.sync()

    assert CATALOG not in home.app.row_text(MIMO_ID)
    assert not home.catalog.exists()
    home.app.switch(MIMO_ID)
    home.sync()
    assert named(home) == str(home.catalog)
    assert home.catalog.exists()


def test_a_row_that_the_reference_was_copied_to_loses_it_in_a_restore_too(home: Home) -> None:
    home.sync()
    home.app.switch(OTHER_ID)

    home.restore()

    assert CATALOG not in home.app.row_text(MIMO_ID)
    assert not home.catalog.exists()


def test_a_row_that_was_synced_with_the_reference_in_it_is_given_back_without(home: Home) -> None:
    home.sync()
    home.app.switch(OTHER_ID)
    home.app.switch(MIMO_ID)
    home.sync()

    home.restore()

    assert CATALOG not in home.app.row_text(MIMO_ID)
    assert CATALOG not in home.app.live_text()
    assert not home.catalog.exists()


def test_without_a_catalog_there_is_no_reference(home: Home) -> None:
    home.makes_catalog = None

    home.sync()

    assert named(home) is None
    assert not home.catalog.exists()


def test_no_catalog_is_remembered_until_one_is_wanted_again(home: Home) -> None:
    home.sync()

    home.sync(catalog=False)
    assert named(home) is None
    assert not home.catalog.exists()
    assert LOCAL in home.app.live_text()

    home.sync(at_start=True)
    assert named(home) is None
    home.restore()
    home.sync()
    assert named(home) is None

    home.sync(catalog=True)
    assert named(home) == str(home.catalog)


def test_a_catalog_that_can_no_longer_be_made_is_taken_away(home: Home) -> None:
    home.sync()
    home.makes_catalog = None

    home.sync()

    assert named(home) is None
    assert not home.catalog.exists()


def test_another_content_is_written_without_a_second_backup(home: Home) -> None:
    home.sync()
    before = home.look()
    home.makes_catalog = b'{"models":[1]}'

    home.sync()

    assert home.look() == before.with_file(CATALOG, b'{"models":[1]}')


def test_a_catalog_of_the_users_own_is_left_alone(home: Home) -> None:
    home.live.write_text(f'model_catalog_json = "mine.json"\n{home.app.live_text()}')

    home.sync()

    assert named(home) == "mine.json"
    assert home.asked_for_catalog == []
    assert not home.catalog.exists()
    home.restore()
    assert named(home) == "mine.json"


def test_a_catalog_of_cc_switchs_own_is_left_alone(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row())
    home.makes_catalog = CATALOG_BYTES
    theirs = home.app.catalog_path.read_bytes()

    home.sync()

    assert named(home) == "cc-switch-model-catalog.json"
    assert home.app.catalog_path.read_bytes() == theirs
    assert not home.catalog.exists()


def test_a_catalog_that_cc_switch_gets_later_takes_the_place_of_ours(home: Home) -> None:
    home.sync()
    catalog = {"models": [{"model": "mimo-v2.5"}]}
    home.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "modelCatalog": catalog})

    home.sync()
    assert named(home) is None
    assert not home.catalog.exists()

    home.app.switch(MIMO_ID)
    assert named(home) == "cc-switch-model-catalog.json"


@pytest.mark.parametrize(
    ("others", "only"), [((), True), ((other_vendor_row(),), False), ((mimo_row(id="m2"),), True)]
)
def test_the_maker_of_the_catalog_is_told_whether_mimo_is_alone(
    tmp_path: Path, others: tuple[ProviderRow, ...], only: bool
) -> None:
    home = Home(tmp_path).with_current(mimo_row(catalog=False), *others)

    home.sync()

    assert home.asked_for_catalog == [only]


def test_no_catalog_is_named_on_a_machine_that_shares_its_providers(home: Home) -> None:
    home.sync()
    home.app.set_setting("webdavSync", {"enabled": True})

    home.sync()

    assert named(home) is None
    assert not home.catalog.exists()


def test_a_catalog_is_kept_while_local_routing_keeps_the_configuration_aside_that_names_it(
    home: Home,
) -> None:
    with home.app._database() as database:
        database.execute("UPDATE providers SET meta=?", (compact({"apiFormat": "openai_responses"}),))
    home.sync()
    home.app.start_local_routing()
    reference = f'model_catalog_json = "{home.catalog}"\n'
    assert reference in home.app.live_text()
    home.live.write_text(home.app.live_text().replace(reference, ""))

    home.sync()
    assert home.catalog.exists()
    home.app.stop_local_routing()

    assert named(home) == str(home.catalog)
    assert home.catalog.exists()


def test_a_catalog_that_had_to_stay_for_a_while_goes_with_the_next_restore(home: Home) -> None:
    home.sync()
    with home.app._database() as database:
        database.execute("UPDATE providers SET meta=?", (compact({"apiFormat": "openai_responses"}),))
    home.app.start_local_routing()
    home.app.switch(OTHER_ID)
    assert not home.restore().failed
    assert home.catalog.exists()
    home.app.stop_local_routing()

    home.restore()

    assert not home.catalog.exists()


def test_a_run_that_fails_leaves_no_catalog_behind(home: Home) -> None:
    def step(name: str) -> None:
        if name == "commit":
            raise SyncError("no")

    before = home.look()

    with pytest.raises(SyncError, match="no"):
        replace(home.synchroniser, step=step).take_over(Wish(local_url=LOCAL))

    assert home.look().database == before.database
    assert home.look().live() == before.live()
    assert not home.catalog.exists()


def test_a_catalog_in_a_directory_whose_name_is_written_with_escapes_is_kept_while_it_is_named(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path).with_current(mimo_row(catalog=False))
    home.makes_catalog = CATALOG_BYTES
    odd = home.path / 'a "b" \\c'
    home.codex.rename(odd)
    home.app.set_setting("codexConfigDir", str(odd))
    home.sync()
    assert tomllib.loads(home.app.live_text())["model_catalog_json"] == str(odd / CATALOG)

    home.app.config_path.write_text(home.app.live_text().replace(LOCAL, "https://llm.example.com/v1"))
    home.sync()
    assert (odd / CATALOG).exists()

    home.restore()
    assert not (odd / CATALOG).exists()
