"""What the running proxy reads of the takeover: the true upstream and the provider's present key.

Owns the reading, and the cheap look at whether there is something to read. It writes nothing, but where cc
switch left a log in WAL mode SQLite brings the log's index (``-shm``) up to date.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ccmimolink.sync.database import peek, read_settings_config
from ccmimolink.sync.finder import survey
from ccmimolink.sync.json_text import JsonError
from ccmimolink.sync.places import Places, Wanted, find_places
from ccmimolink.sync.rows import Row, read_provider
from ccmimolink.sync.rules import abouts_of
from ccmimolink.sync.state import Takeover, key_digest, load
from ccmimolink.sync.toml_text import TomlError

_NEVER: object = object()
"""No stamp."""

_PATIENCE = 1.0
"""Seconds to wait for cc switch while a request waits for us."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A route that was taken over.

    :ivar key: of the provider's row now; empty where there is no row, or no key in it.
    :ivar was_written: whether a takeover wrote this key.
    :ivar url: where the route leads, which is to a proxy on this machine.
    :ivar origin: what a person would change to change ``upstream``.
    """

    upstream: str
    key: str = field(repr=False)
    was_written: Callable[[str], bool] = field(repr=False)
    url: str
    origin: str


class Watch:
    """Reads anew as often as asked.

    :param wanted: where to look.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._state_file, self._database = str(wanted.state / "state.json"), str(wanted.database)
        self._log_of_database, self._stamp_of_links = "", _NEVER

    def stamp(self) -> object:
        """Differs once the state or the database was written, its log in WAL mode included."""
        database = _stamp(self._database)
        if database != self._stamp_of_links:
            # SQLite writes beside the file itself. Links are followed anew only once another file is there.
            self._log_of_database = f"{os.path.realpath(self._database)}-wal"
            self._stamp_of_links = database
        return _stamp(self._state_file), database, _stamp(self._log_of_database)

    def read(self) -> Taken | None:
        """:raises SyncError: it cannot be read now."""
        places = find_places(self._wanted)
        takeover = self._takeover(places)
        if takeover is None:
            return None
        return _taken(takeover, self._key(takeover) if places.has_cc_switch else "")

    def remembered(self) -> Taken | None:
        """The same without the key, where cc switch cannot be read.

        :raises SyncError: we have no memory that can be read either.
        """
        takeover = self._takeover(find_places(self._wanted))
        return None if takeover is None else _taken(takeover, "")

    def _takeover(self, places: Places) -> Takeover | None:
        """Whether cc switch came or went since, the route leads to us until it is given back."""
        state = load(Path(self._state_file))
        abouts = abouts_of(places) if places.has_cc_switch else reversed(abouts_of(places))
        takeovers = (state.memory(about).takeover for about in abouts)
        return next((takeover for takeover in takeovers if takeover is not None), None)

    def _key(self, takeover: Takeover) -> str:
        if takeover.provider_id is None:
            return ""
        settings = read_settings_config(self._wanted.database, takeover.provider_id, _PATIENCE)
        try:
            return read_provider(Row(takeover.provider_id, "", settings or "")).key
        except (JsonError, TomlError):
            return ""


def key_is_known(wanted: Wanted) -> bool:
    """Whether there is a MiMo provider with a key, or a route that was made without cc switch.

    :raises SyncError: it cannot be read now.
    """
    places, state = find_places(wanted), load(wanted.state / "state.json")
    if not places.has_cc_switch:
        return state.memory(places.codex_config).takeover is not None
    known = state.memory(places.database).takeover
    taken = known.provider_id if known is not None else None
    urls = known.urls if known is not None else ()
    found = survey(peek(places.database).rows, urls, taken)
    return any(candidate.provider.key for candidate in found.candidates)


def _taken(takeover: Takeover, key: str) -> Taken:
    digests, alone = frozenset(takeover.keys), takeover.provider_id is None
    return Taken(
        upstream=takeover.upstream,
        key=key,
        was_written=lambda sent: key_digest(sent) in digests,
        url=takeover.urls[-1],
        origin="ccmimolink-sync --codex-only --upstream" if alone else "the provider in cc switch",
    )


def _stamp(path: str) -> object:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
