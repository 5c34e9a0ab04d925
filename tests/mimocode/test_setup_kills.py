"""Setups that are killed before each thing that they do to the disk, rollbacks and recoveries among them.

What must hold after each: the key is nowhere but in its file, in the journal and in temporaries of ours, all
of them private; MiMoCode's configuration names no file that is missing; a run that comes next completes as if
nothing had happened; and one that is refused leaves the tree as it was before.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mimocode.killed_setup import AGAIN, BLOCKED, Ending, Played, Tree
from tests.mimocode.played_setup import Theatre
from tests.mimocode.setup_runs import SCENARIOS
from tests.mimocode.stage import KEY, OTHER_KEY, REFERENCE

OURS = "/home/.gonkagate/mimo-code/"
# As a journal holds the file of the key.
KEYS = [form for key in (KEY, OTHER_KEY) for form in (key.encode(), base64.b64encode(f"{key}\n".encode()))]


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    theatre = Theatre(tmp_path_factory.mktemp("killed"), "kill", list(SCENARIOS))
    yield theatre
    theatre.close()


def is_done(played: Played, ending: Ending) -> bool:
    """Whether it was killed after the journal's end, when the setup counts."""
    return played.after.status == "success" and ending.left == played.after.tree


def but_for_the_state(tree: Tree) -> Tree:
    return {path: entry for path, entry in tree.items() if not path.endswith("/install-state.json")}


def check_key_is_private(tree: Tree) -> None:
    for path, entry in tree.items():
        if any(key in entry.content for key in KEYS):
            assert path.endswith((f"{OURS}api-key", f"{OURS}journal.json", ".mimo-code-setup.tmp"))
            assert entry.mode == 0o600
            assert tree[str(Path(path).parent)].mode == 0o700


def check_no_missing_file_is_named(tree: Tree) -> None:
    naming = [
        path for path, entry in tree.items() if REFERENCE.encode() in entry.content and OURS not in path
    ]
    assert not naming or any(path.endswith(f"{OURS}api-key") for path in tree)


def check_key_is_in_its_file_alone(tree: Tree) -> None:
    holding = [path for path, entry in tree.items() if any(key in entry.content for key in KEYS)]
    assert all(path.endswith(f"{OURS}api-key") for path in holding)


def check_later_runs(played: Played, ending: Ending) -> None:
    again, blocked = ending.later[AGAIN], ending.later[BLOCKED]
    assert again.status == played.after.status, again.said
    assert blocked.status == "blocked", blocked.said
    if is_done(played, ending):
        assert but_for_the_state(again.tree) == but_for_the_state(played.after.tree)
        assert blocked.tree == played.after.tree
    else:
        assert again.tree == played.after.tree
        assert blocked.tree == played.before
    for left in (again, blocked):
        check_key_is_in_its_file_alone(left.tree)
        assert KEY not in left.said
        assert OTHER_KEY not in left.said


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_setup_that_is_killed_anywhere_is_completed_or_undone_by_the_next_run(
    theatre: Theatre, name: str
) -> None:
    played = theatre.played(name)

    assert len(played.endings) > 30
    for ending in played.endings:
        try:
            check_key_is_private(ending.left)
            check_no_missing_file_is_named(ending.left)
            check_later_runs(played, ending)
        except AssertionError as error:
            error.add_note(f"killed before: {ending.point}")
            raise
