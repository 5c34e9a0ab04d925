"""Where the files are: cc switch's, Codex's and ours.

Owns the order in which places are looked for. It must not read more than cc switch's own settings file, which
says where Codex's directory is.

Source: cc switch honours no ``CODEX_HOME``; its ``codexConfigDir`` decides for the Codex that it configures.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ccmimolink.sync.errors import NOT_INSTALLED, SyncError
from ccmimolink.sync.json_text import JsonError, read_json

CATALOG = "ccmimolink-models.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the settings say of places.

    :ivar codex_config: ``CODEX_CONFIG_PATH`` where it is set.
    :ivar codex_home: ``CODEX_HOME`` where it is set.
    """

    settings: Path
    database: Path
    codex_config: Path | None
    codex_home: Path | None
    home: Path
    state: Path


@dataclass(frozen=True, slots=True)
class CcSettings:
    """What cc switch's settings file says. Whatever cannot be read there is as if it were not set.

    :ivar raw: its bytes, or None where there is no file.
    :ivar shared: cc switch copies its providers to other machines.
    """

    raw: bytes | None = field(repr=False)
    current: str
    codex_directory: str
    shared: bool


def read_cc_settings(path: Path) -> CcSettings:
    """Source: cc switch itself falls back to its defaults where this file is broken."""
    try:
        raw = path.read_bytes()
    except OSError:
        return CcSettings(None, "", "", False)
    try:
        document = read_json(raw.decode("utf-8-sig"))
    except (JsonError, UnicodeDecodeError):
        document = {}
    current, directory = document.get("currentProviderCodex"), document.get("codexConfigDir")
    return CcSettings(
        raw,
        current if isinstance(current, str) else "",
        directory.strip() if isinstance(directory, str) else "",
        any(_is_on(document.get(name)) for name in ("webdavSync", "s3Sync")),
    )


def _is_on(sync: object) -> bool:
    return isinstance(sync, dict) and sync.get("enabled", True) is not False and bool(sync)


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is.

    :ivar has_cc_switch: its database is where we look for it.
    :ivar settings_alone: cc switch's settings file is there, and no database beside it. Then cc switch is
        here all the same: it lets its user choose another directory for the database while the settings stay.
        A route that is made without cc switch would be copied into whatever row is current.
    :ivar notes: what a person should know of the choice.
    """

    settings: Path
    database: Path
    codex_config: Path
    state: Path
    has_cc_switch: bool
    settings_alone: bool
    notes: tuple[str, ...] = ()

    @property
    def auth(self) -> Path:
        return self.codex_config.with_name("auth.json")

    @property
    def catalog(self) -> Path:
        return self.codex_config.with_name(CATALOG)


def find_places(wanted: Wanted) -> Places:
    """Nothing has to exist.

    :raises SyncError: it cannot be told whether it does.
    """
    try:
        has_cc_switch, has_settings = wanted.database.is_file(), wanted.settings.exists()
    except OSError as error:
        raise SyncError(
            f"{NOT_INSTALLED}: {error.filename} cannot be looked at ({error.strerror}). Make it readable."
        ) from None
    default = wanted.home / ".codex" / "config.toml"
    notes = []
    if wanted.codex_config is not None:
        config = wanted.codex_config
    elif not has_cc_switch:
        config = wanted.codex_home / "config.toml" if wanted.codex_home is not None else default
    else:
        directory = read_cc_settings(wanted.settings).codex_directory
        config = _expanded(directory, wanted.home) / "config.toml" if directory else default
        if wanted.codex_home is not None and not _same_file(wanted.codex_home / "config.toml", config):
            notes.append(
                f"CODEX_HOME is {wanted.codex_home}, but cc switch configures the Codex of {config.parent}, "
                "and so does ccmimolink. Unset CODEX_HOME, or set that directory in cc switch."
            )
    return Places(
        settings=wanted.settings,
        database=wanted.database,
        codex_config=config,
        state=wanted.state,
        has_cc_switch=has_cc_switch,
        settings_alone=not has_cc_switch and has_settings,
        notes=tuple(notes),
    )


def _expanded(directory: str, home: Path) -> Path:
    """As cc switch expands it: a leading tilde alone or before a slash of either kind."""
    if directory == "~":
        return home
    if directory.startswith(("~/", "~\\")):
        return home / directory[2:]
    return Path(directory)


def _same_file(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
