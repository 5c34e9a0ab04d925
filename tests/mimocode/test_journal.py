"""The journal: what is read back is what was written, and whatever is in its place harms nobody."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccmimolink.mimocode.errors import SetupError
from ccmimolink.mimocode.journal import TEMPORARY, Entry, Journal, Undone, digest, put_back_others, watched
from ccmimolink.mimocode.provider import GONKAGATE
from ccmimolink.mimocode.storage import new_journal, places_of, recover, was_killed
from ccmimolink.private_files import File
from tests.mimocode.mimo_home import tree_of
from tests.mimocode.stage import SCHEMA

in_one_directory = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

modes = st.integers(0, 0o7777)
contents = st.none() | st.binary(max_size=40)
digests = st.none() | st.binary(max_size=8).map(digest)
names = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
) | st.binary(min_size=1, max_size=4).map(lambda name: os.fsdecode(name.translate(None, b"/\0.") or b"\xff"))
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: Path("/", *parts))
entries = st.builds(
    Entry,
    path=paths,
    before=st.builds(File, contents, modes),
    after=digests | st.just(""),
    touched=digests,
    directories=st.lists(paths, max_size=2).map(tuple),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With a file of the user's that looks like one that a setup wrote."""
    (tmp_path / "home" / ".gonkagate" / "mimo-code").mkdir(parents=True, mode=0o700)
    (tmp_path / "home" / "mimocode.jsonc").write_bytes(b"theirs")
    return tmp_path / "home"


def journal_in(home: Path, content: bytes) -> Path:
    path = places_of(GONKAGATE, home).journal
    path.write_bytes(content)
    return path


def recovered(home: Path) -> Undone | None:
    """None where the journal could not be understood, which was said as it should be."""
    places = places_of(GONKAGATE, home)
    assert was_killed(places)
    try:
        return recover(places, GONKAGATE)
    except SetupError as error:
        [blocker] = error.blockers
        assert (blocker.code, blocker.detail) == ("rollback_failed", str(places.journal))
        assert "remove that file, and run this again" in blocker.message
        return None


def entry_of(**changes: Any) -> dict[str, Any]:
    """What a journal may hold of a file that was new."""
    return {
        "path": "/nowhere/mimocode.jsonc",
        "before": None,
        "mode": 0o600,
        "after": digest(b"ours"),
        "touched": None,
        "directories": [],
        **changes,
    }


def document_with(*found: dict[str, Any]) -> bytes:
    return json.dumps({"version": 1, "entries": found}).encode()


# -- its form ------------------------------------------------------------------------------------------------


@given(entries)
def test_an_entry_is_read_back_as_it_was_written(entry: Entry) -> None:
    assert Entry.from_json(json.loads(json.dumps(entry.as_json()))) == entry


def test_what_was_in_a_file_is_not_shown() -> None:
    assert "gp-fake" not in repr(Entry(Path("/f"), File(b"gp-fake-0123456789abcdef"), None))


# -- whatever is in its place --------------------------------------------------------------------------------


@given(content=st.binary() | anything.map(lambda value: json.dumps(value).encode()))
@in_one_directory
def test_whatever_is_in_the_journals_place_changes_nothing(home: Path, content: bytes) -> None:
    path = journal_in(home, content)
    before = tree_of(home)

    undone = recovered(home)

    after = tree_of(home)
    if undone is not None:
        assert undone == Undone()
        del before[str(path)]
    assert after == before


@given(changed=st.dictionaries(st.sampled_from(sorted(entry_of())), anything, min_size=1, max_size=2))
@in_one_directory
def test_an_entry_that_is_damaged_changes_nothing_of_others(home: Path, changed: dict[str, Any]) -> None:
    journal_in(home, document_with(entry_of(**changed)))

    recovered(home)

    assert (home / "mimocode.jsonc").read_bytes() == b"theirs"
    assert {path.name for path in home.iterdir()} == {".gonkagate", "mimocode.jsonc"}


DAMAGES: list[dict[str, Any]] = [
    {"path": "mimocode.jsonc"},
    {"path": ""},
    {"path": "/nowhere/../mimocode.jsonc"},
    {"path": "/nowhere//mimocode.jsonc"},
    {"path": "/nowhere\0/mimocode.jsonc"},
    {"path": None},
    {"directories": ["nowhere"]},
    {"directories": "/nowhere"},
    {"directories": None},
    {"mode": -1},
    {"mode": 0o10000},
    {"mode": True},
    {"mode": "600"},
    {"mode": 1e300},
    {"before": "no base64!"},
    {"before": 5},
    {"after": "5"},
    {"after": 5},
    {"touched": ""},
]
NO_JOURNALS = {
    "empty": b"",
    "deep": b"[" * 100_000,
    "another version": b'{"version": 2, "entries": []}',
    "without entries": b'{"version": 1}',
    **{str(changes): document_with(entry_of(**changes)) for changes in DAMAGES},
}


@pytest.mark.parametrize("content", NO_JOURNALS.values(), ids=map(ascii, NO_JOURNALS))
def test_a_journal_that_is_none_of_ours_is_refused_and_kept(home: Path, content: bytes) -> None:
    path = journal_in(home, content)

    assert recovered(home) is None
    assert path.read_bytes() == content


def test_a_journal_that_is_half_written_is_no_journal(home: Path) -> None:
    path = places_of(GONKAGATE, home).journal
    half = path.with_name(path.name + TEMPORARY)
    half.write_bytes(b'{"version": 1, "ent')

    assert recovered(home) == Undone()
    assert not half.exists()


# -- what it can make us do ----------------------------------------------------------------------------------


def test_no_journal_takes_or_replaces_a_file_that_is_not_as_we_left_it(home: Path) -> None:
    theirs = home / "mimocode.jsonc"
    journal_in(
        home,
        document_with(
            entry_of(path=str(theirs)),
            entry_of(path=str(theirs), before=base64.b64encode(b"bad").decode(), mode=0o4777),
        ),
    )

    undone = recovered(home)

    assert undone == Undone(kept=[theirs])
    assert theirs.read_bytes() == b"theirs"
    assert theirs.stat().st_mode & 0o777 != 0o777


def test_no_journal_takes_a_directory_with_something_in_it(home: Path) -> None:
    journal_in(home, document_with(entry_of(directories=[str(home)])))

    assert recovered(home) == Undone()
    assert (home / "mimocode.jsonc").exists()


def test_root_does_nothing_to_files_of_others_for_a_journal_of_somebody(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose home it is can write what they like into the journal, and must not command root by it."""
    path = journal_in(home, document_with(entry_of(path="/mimocode.json")))
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert recovered(home) is None


def test_root_goes_on_with_a_journal_of_the_files_owner(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = home / "mimocode.jsonc"
    path = journal_in(home, document_with(entry_of(path=str(theirs), after=digest(b"theirs"))))
    if os.geteuid() == 0:
        for one in (path, theirs):
            os.chown(one, 12345, 12345)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert recovered(home) == Undone()
    assert not theirs.exists()


# -- what mimo does to files ---------------------------------------------------------------------------------


def journal_for(home: Path) -> Journal:
    return new_journal(places_of(GONKAGATE, home), GONKAGATE)


def with_schema(content: bytes) -> bytes:
    """As mimo writes it, in its own way."""
    return content.replace(b"{", b'{\n  "$schema": "' + SCHEMA.encode() + b'",', 1)


@given(content=st.binary(max_size=20).map(lambda inner: b"{" + inner))
@in_one_directory
def test_what_mimo_put_into_a_file_of_others_or_of_ours_is_taken_out(home: Path, content: bytes) -> None:
    theirs, ours = home / "config.json", home / "mimocode.json"
    for path in (theirs, ours):
        path.write_bytes(content)
    journal = journal_for(home)
    journal.watch([theirs])
    journal.write(ours, content + b" ", 0o600)
    for path in (theirs, ours):
        path.write_bytes(with_schema(path.read_bytes()))

    undone = journal.undo()

    assert undone == Undone()
    assert theirs.read_bytes() == ours.read_bytes() == content


@given(content=st.binary(max_size=20), change=st.binary(min_size=1, max_size=20))
@in_one_directory
def test_what_somebody_else_put_into_a_file_stays(home: Path, content: bytes, change: bytes) -> None:
    theirs = home / "config.json"
    theirs.write_bytes(b"{" + content)
    entries = watched([theirs])
    changed = with_schema(b"{" + content + b"//" + change)
    theirs.write_bytes(changed)

    put_back_others(entries)

    assert theirs.read_bytes() == changed


def test_what_a_killed_run_left_beside_a_file_of_others_is_removed(home: Path) -> None:
    left = home / f"mimocode.jsonc{TEMPORARY}"
    left.write_bytes(b"half")

    watched([home / "mimocode.jsonc"])

    assert not left.exists()


# -- in the moment of a change -------------------------------------------------------------------------------


def test_a_file_is_not_removed_that_was_changed_just_now(home: Path) -> None:
    theirs = home / "mimocode.jsonc"
    places = places_of(GONKAGATE, home)

    def change(name: str) -> None:
        if name.startswith("remove"):
            theirs.write_bytes(b"theirs again")

    journal = Journal(places.journal, (places.secret, GONKAGATE.secret_reference), change)

    with pytest.raises(OSError, match="it was changed at the same moment"):
        journal.remove(theirs)
    assert journal.undo() == Undone(kept=[theirs])
    assert theirs.read_bytes() == b"theirs again"
    assert journal.is_empty


def test_a_mode_is_put_back_too(home: Path) -> None:
    theirs = home / "mimocode.jsonc"
    theirs.chmod(0o640)
    journal = journal_for(home)
    journal.write(theirs, b"ours", 0o777)

    journal.undo()

    assert (theirs.read_bytes(), theirs.stat().st_mode & 0o777) == (b"theirs", 0o640)
    assert not places_of(GONKAGATE, home).journal.exists()
