"""What is there: both sides of the route as they were found at one moment.

Owns the snapshot, which two looks can be compared by, and what it says of who is in charge. It must not
change anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ccmimolink.private_files import File
from ccmimolink.sync.database import Contents
from ccmimolink.sync.files import backups_of, read_file
from ccmimolink.sync.json_text import JsonError, read_json
from ccmimolink.sync.places import CcSettings, Places, read_cc_settings
from ccmimolink.sync.rows import Route, Row, route_of
from ccmimolink.sync.toml_text import BOM, TomlError, lookup, read_toml
from ccmimolink.sync.urls import is_loopback

_MANAGED = "PROXY_MANAGED"
_MANAGED_PROVIDER = "cc-switch-official"


@dataclass(frozen=True, slots=True)
class World:
    """Compared whole: whatever differs between two looks is a reason to look a third time.

    :ivar contents: of cc switch's database; None without cc switch.
    :ivar live: Codex's configuration.
    :ivar key_is_managed: ``auth.json`` holds cc switch's placeholder in place of a key.
    :ivar backups: the addresses in our backups of the live configuration, the newest first.
    """

    settings: CcSettings
    contents: Contents | None
    live: File
    key_is_managed: bool = False
    backups: tuple[str, ...] = field(default=(), compare=False)

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.contents.rows if self.contents is not None else ()

    @property
    def current(self) -> Row | None:
        """The provider that Codex has now. Source: the settings file wins over the database."""
        for row in self.rows:
            if row.id == self.settings.current:
                return row
        return next((row for row in self.rows if row.is_current), None)

    @property
    def is_routed(self) -> bool:
        """cc switch's own local routing owns the live configuration."""
        backup = self.contents is not None and self.contents.routing_backup
        return backup or self.key_is_managed or self._live_is_managed()

    def _live_is_managed(self) -> bool:
        content = self.live.content or b""
        try:
            document = read_toml(content.decode())
        except (TomlError, UnicodeDecodeError):
            return _MANAGED.encode() in content
        provider = str(document.get("model_provider"))
        token = lookup(document, ("model_providers", provider, "experimental_bearer_token"))
        return provider == _MANAGED_PROVIDER or _MANAGED in (
            token,
            document.get("experimental_bearer_token"),
        )


def look(places: Places, contents: Contents | None) -> World:
    """The world around what was read of the database.

    :raises SyncError: a file is there and cannot be read.
    """
    return World(
        read_cc_settings(places.settings),
        contents,
        read_file(places.codex_config),
        _key_is_managed(places),
        tuple(_backup_urls(places)),
    )


def _backup_urls(places: Places) -> Iterator[str]:
    for content in backups_of(places.codex_config):
        try:
            route = live_route(content)
        except TomlError:
            continue
        if route is not None and not is_loopback(route.base_url):
            yield route.base_url


def _key_is_managed(places: Places) -> bool:
    content = read_file(places.auth).content
    try:
        return content is not None and read_json(content.decode()).get("OPENAI_API_KEY") == _MANAGED
    except (JsonError, UnicodeDecodeError):
        return False


def text_of(content: bytes) -> str:
    """:raises TomlError: it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise TomlError(f"is not valid UTF-8 (byte {error.start})") from None


def live_route(content: bytes) -> Route | None:
    """The active route of a live configuration.

    :raises TomlError: it is no TOML.
    """
    return route_of(text_of(content).removeprefix(BOM))
