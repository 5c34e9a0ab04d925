"""The files are looked for where cc switch and Codex have them, in the order in which these decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.places import CcSettings, Places, Wanted, find_places, read_cc_settings


class Home:
    """A user's home, with cc switch in it or without."""

    def __init__(self, path: Path, *, cc_switch: bool) -> None:
        self.path = path
        self.settings = path / ".cc-switch" / "settings.json"
        self.database = path / ".cc-switch" / "cc-switch.db"
        self.settings.parent.mkdir()
        if cc_switch:
            self.database.touch()

    def places(self, *, codex_config: Path | None = None, codex_home: Path | None = None) -> Places:
        return find_places(
            Wanted(
                settings=self.settings,
                database=self.database,
                codex_config=codex_config,
                codex_home=codex_home,
                home=self.path,
                state=self.path / "state.json",
            )
        )

    def set(self, **settings: Any) -> CcSettings:
        self.settings.write_text(json.dumps(settings), "utf-8")
        return read_cc_settings(self.settings)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, cc_switch=True)


@pytest.fixture
def bare_home(tmp_path: Path) -> Home:
    """Without cc switch."""
    return Home(tmp_path, cc_switch=False)


class TestCodexConfiguration:
    def test_is_in_the_home_by_default(self, home: Home) -> None:
        places = home.places()

        assert places.codex_config == home.path / ".codex" / "config.toml"
        assert places.auth == home.path / ".codex" / "auth.json"
        assert places.catalog == home.path / ".codex" / "ccmimolink-models.json"
        assert places.has_cc_switch
        assert places.notes == ()

    @pytest.mark.parametrize(
        ("directory", "expected"),
        [
            ("~", "."),
            ("~/codex", "codex"),
            ("~\\codex", "codex"),
            ("  ~/a b/小米 ", "a b/小米"),
            ("", ".codex"),
            ("  ", ".codex"),
            (None, ".codex"),
            (5, ".codex"),
        ],
    )
    def test_is_where_cc_switch_has_it(self, home: Home, directory: object, expected: str) -> None:
        home.set(codexConfigDir=directory)

        assert home.places().codex_config == home.path / expected / "config.toml"

    @pytest.mark.parametrize("directory", ["/opt/codex", "~other/codex", "$HOME/codex", "C:\\codex"])
    def test_is_where_cc_switch_has_it_with_nothing_else_expanded(self, home: Home, directory: str) -> None:
        home.set(codexConfigDir=directory)

        assert home.places().codex_config == Path(directory, "config.toml")

    def test_is_where_the_variable_says_before_all_else(self, home: Home) -> None:
        home.set(codexConfigDir="~/codex")

        places = home.places(codex_config=Path("/x/my.toml"), codex_home=Path("/y"))

        assert places.codex_config == Path("/x/my.toml")
        assert places.auth == Path("/x/auth.json")
        assert places.notes == ()

    def test_is_in_codex_home_only_without_cc_switch(self, bare_home: Home) -> None:
        bare_home.set(codexConfigDir="~/codex")

        assert bare_home.places(codex_home=Path("/y")).codex_config == Path("/y/config.toml")
        assert bare_home.places().codex_config == bare_home.path / ".codex" / "config.toml"
        assert not bare_home.places().has_cc_switch

    def test_is_not_in_codex_home_with_cc_switch_and_that_is_said(self, home: Home) -> None:
        home.set(codexConfigDir="~/codex")

        places = home.places(codex_home=Path("/y"))

        assert places.codex_config == home.path / "codex" / "config.toml"
        [note] = places.notes
        assert "CODEX_HOME is /y" in note
        assert str(home.path / "codex") in note

    def test_is_in_both_if_they_are_one_and_nothing_is_said(self, home: Home) -> None:
        (home.path / "codex").mkdir()
        (home.path / ".codex").symlink_to(home.path / "codex")

        assert home.places(codex_home=home.path / "codex").notes == ()
        assert home.places(codex_home=home.path / "x" / ".." / ".codex").notes == ()

    def test_a_database_that_is_no_file_is_no_cc_switch(self, bare_home: Home) -> None:
        bare_home.database.mkdir()

        assert not bare_home.places().has_cc_switch


class TestSettingsAlone:
    """cc switch may have its database elsewhere (its override of that directory), and its settings never."""

    @pytest.mark.parametrize("content", ["{}", "", "{"])
    def test_are_a_cc_switch_whose_database_was_not_found(self, bare_home: Home, content: str) -> None:
        bare_home.settings.write_text(content)

        places = bare_home.places()

        assert (places.has_cc_switch, places.settings_alone) == (False, True)

    def test_are_not_alone_beside_the_database(self, home: Home) -> None:
        home.set(currentProviderCodex="a")

        assert (home.places().has_cc_switch, home.places().settings_alone) == (True, False)

    def test_are_not_there_without_cc_switch(self, home: Home) -> None:
        assert not home.places().settings_alone
        home.database.unlink()
        assert not home.places().settings_alone

    def test_are_alone_too_where_the_database_is_no_file(self, bare_home: Home) -> None:
        bare_home.set()
        bare_home.database.mkdir()

        assert bare_home.places().settings_alone


class TestCcSwitchSettings:
    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"null", b"[]", b"\xff\xfe{}", b'{"currentProviderCodex": {}, "codexConfigDir": []}'],
    )
    def test_that_are_broken_are_as_if_nothing_were_set(self, home: Home, content: bytes) -> None:
        home.settings.write_bytes(content)

        assert read_cc_settings(home.settings) == CcSettings(content, "", "", False)
        assert home.places().codex_config == home.path / ".codex" / "config.toml"

    def test_that_are_missing_are_as_if_nothing_were_set(self, home: Home) -> None:
        assert read_cc_settings(home.settings) == CcSettings(None, "", "", False)
        assert read_cc_settings(home.settings / "x") == CcSettings(None, "", "", False)
        assert read_cc_settings(home.path) == CcSettings(None, "", "", False)

    def test_name_the_current_provider(self, home: Home) -> None:
        assert home.set(currentProviderCodex="an-id", currentProviderClaude="x").current == "an-id"
        assert home.set(currentProviderClaude="x").current == ""

    def test_may_begin_with_a_byte_order_mark(self, home: Home) -> None:
        home.settings.write_bytes(b'\xef\xbb\xbf{"currentProviderCodex": "a"}')

        assert read_cc_settings(home.settings).current == "a"

    @pytest.mark.parametrize(
        ("settings", "shared"),
        [
            ({"webdavSync": {"enabled": True, "password": "fake-secret"}}, True),
            ({"s3Sync": {"enabled": True}}, True),
            ({"webdavSync": {"url": "https://h"}}, True),
            ({"webdavSync": {"enabled": False, "url": "https://h"}, "s3Sync": {"enabled": True}}, True),
            ({"webdavSync": {"enabled": False, "url": "https://h"}}, False),
            ({"webdavSync": {}}, False),
            ({"webdavSync": None, "s3Sync": "x"}, False),
            ({}, False),
        ],
    )
    def test_tell_whether_providers_travel_to_other_machines(
        self, home: Home, settings: dict[str, Any], shared: bool
    ) -> None:
        read = home.set(**settings)

        assert read.shared is shared
        assert "fake-secret" not in repr(read)


def test_a_place_that_cannot_be_looked_at_is_no_place_where_nothing_is(home: Home) -> None:
    """A directory that is closed to us answers so, as does a name that is too long."""
    home.database = home.path / ("long" * 100)

    with pytest.raises(SyncError, match="cannot be looked at"):
        home.places()
