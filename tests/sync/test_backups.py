"""Of what a run changed in Codex's configuration a copy is kept: once, privately, and not for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccmimolink.sync.report import Outcome
from tests.sync.cc_switch import CcSwitch
from tests.sync.stage import PORT, backups, synchroniser, wish, with_cc_switch


@pytest.fixture
def app(tmp_path: Path) -> CcSwitch:
    return with_cc_switch(tmp_path)


def test_a_change_of_content_leaves_one_backup(tmp_path: Path, app: CcSwitch) -> None:
    before = app.config_path.read_bytes()

    synchroniser(tmp_path).take_over(wish())

    assert backups(tmp_path) == [before]


def test_what_changes_no_content_leaves_none(tmp_path: Path, app: CcSwitch) -> None:
    run = synchroniser(tmp_path)
    run.take_over(wish())

    again = run.take_over(wish())
    app.config_path.chmod(0o644)
    tightened = run.take_over(wish())

    assert len(backups(tmp_path)) == 1
    assert again.outcome is Outcome.NOTHING
    assert tightened.outcome is Outcome.DONE
    assert app.config_path.stat().st_mode & 0o777 == 0o600


def test_of_what_is_just_as_we_wrote_it_no_copy_is_kept(tmp_path: Path, app: CcSwitch) -> None:
    """It would hold a key, and nothing that anybody could miss."""
    before = app.config_path.read_bytes()
    run = synchroniser(tmp_path)
    run.take_over(wish())
    run.take_over(wish(PORT + 1))
    run.give_back()

    assert backups(tmp_path) == [before]
    assert app.config_path.read_bytes() == before


def test_many_changes_leave_five_private_backups(tmp_path: Path, app: CcSwitch) -> None:
    contents = []
    for number in range(8):
        with app.config_path.open("a") as config:
            config.write(f"\n# the user's note {number}\n")
        contents.append(app.config_path.read_bytes())
        synchroniser(tmp_path).take_over(wish(PORT + number))

    kept = [path.stat().st_mode & 0o777 for path in app.codex_dir.glob("*.bak")]
    assert kept == [0o600] * 5
    assert set(backups(tmp_path)) <= set(contents)
