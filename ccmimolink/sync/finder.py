"""Which of cc switch's providers is Xiaomi MiMo.

Owns the judgement and the choice. It must not take a provider that merely offers MiMo models for MiMo: its
key would be sent to a host that it was not made for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from ccmimolink.printable import printable
from ccmimolink.sync.errors import NOT_FOUND, SyncError
from ccmimolink.sync.json_text import JsonError
from ccmimolink.sync.rows import Provider, Row, read_provider
from ccmimolink.sync.state import Memory
from ccmimolink.sync.toml_text import TomlError
from ccmimolink.sync.urls import MIMO_DOMAIN, host_of, is_loopback, is_mimo, same
from ccmimolink.sync.world import World

_NAME = re.compile(r"mimo|小米", re.IGNORECASE)
_OFFICIAL = "official"
_MIDDLEMEN = frozenset({"aggregator", "third_party", "cloud_provider"})


class Found(Enum):
    """By what a provider was recognised: the host of its route, a route that leads to us, or its name."""

    HOST = auto()
    OURS = auto()
    NAME = auto()


@dataclass(frozen=True, slots=True)
class Candidate:
    provider: Provider
    found: Found

    @property
    def row(self) -> Row:
        return self.provider.row

    def __str__(self) -> str:
        host = host_of(self.provider.route.base_url)
        return f"{self.row.name!r} (--provider {printable(self.row.id)}), which leads to {host}"

    @property
    def is_sure(self) -> bool:
        """Not by its name alone; unless it leads to this machine, where no key is lost."""
        return self.found is not Found.NAME or is_loopback(self.provider.route.base_url)


@dataclass(frozen=True, slots=True)
class Survey:
    """All rows, judged.

    :ivar unreadable: what is wrong with rows that may be MiMo's, as sentences.
    """

    candidates: tuple[Candidate, ...]
    unreadable: tuple[str, ...]


def survey(rows: Iterable[Row], our_urls: Collection[str], taken_id: str | None) -> Survey:
    """:param our_urls: addresses of ours that were written, or would be.
    :param taken_id: the row that we took over, as far as we remember.
    """
    candidates, unreadable = [], []
    for row in rows:
        if row.category == _OFFICIAL:
            continue
        try:
            provider = read_provider(row)
        except (JsonError, TomlError) as error:
            if _NAME.search(row.name) or MIMO_DOMAIN in row.settings.lower() or row.id == taken_id:
                unreadable.append(f"the provider {row.name!r} {error}")
            continue
        found = _recognised(provider, our_urls, taken_id)
        if found is not None:
            candidates.append(Candidate(provider, found))
    return Survey(tuple(candidates), tuple(unreadable))


def _recognised(provider: Provider, our_urls: Collection[str], taken_id: str | None) -> Found | None:
    url = provider.route.base_url
    if is_mimo(url):
        return Found.HOST
    if any(same(url, ours) for ours in our_urls) or (provider.row.id == taken_id and is_loopback(url)):
        return Found.OURS
    return Found.NAME if _is_named(provider) else None


def _is_named(provider: Provider) -> bool:
    """The name alone says little, so all else has to fit: MiMo's models and no others, and no middleman."""
    models = [provider.route.model, *provider.models]
    return (
        _NAME.search(provider.row.name) is not None
        and provider.row.category not in _MIDDLEMEN
        and all(model.lower().startswith("mimo-") for model in models)
    )


def choose(world: World, memory: Memory, our_urls: Collection[str], wanted: str | None) -> Candidate:
    """The one provider to take over.

    :param wanted: the id or name that the user gave.
    :raises SyncError: there is none, or there are several.
    """
    taken = memory.takeover.provider_id if memory.takeover is not None else None
    found = survey(world.rows, our_urls, taken)
    if wanted is not None:
        return _named(found.candidates, world, wanted)
    sure = [candidate for candidate in found.candidates if candidate.found is not Found.NAME]
    candidates = sure or [candidate for candidate in found.candidates if candidate.is_sure]
    if not candidates:
        raise SyncError(_none(found))
    current = world.current
    for preferred in (current.id if current is not None else None, memory.provider, taken):
        for candidate in candidates:
            if candidate.row.id == preferred:
                return candidate
    if len(candidates) > 1:
        raise SyncError(
            "There are several Xiaomi MiMo providers in cc switch. Select one there, or name one: "
            + "; ".join(str(candidate) for candidate in candidates)
            + "."
        )
    return candidates[0]


def _named(candidates: Iterable[Candidate], world: World, wanted: str) -> Candidate:
    rows = [row for row in world.rows if row.id == wanted] or [
        row for row in world.rows if row.name.lower() == wanted.lower()
    ]
    chosen = [candidate for candidate in candidates if any(candidate.row is row for row in rows)]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        listed = "; ".join(str(candidate) for candidate in chosen)
        raise SyncError(f"Several providers in cc switch have that name: {listed}.")
    for row in rows:
        if row.category == _OFFICIAL:
            continue
        try:
            read_provider(row)
        except (JsonError, TomlError) as error:
            raise SyncError(f"The provider {row.name!r} {error}. Edit it in cc switch.") from None
    if rows:
        raise SyncError(
            f"The provider {rows[0].name!r} in cc switch is not Xiaomi MiMo: its route leads elsewhere. "
            "Run ccmimolink-sync --status to see which is."
        )
    raise SyncError(f"{NOT_FOUND}: cc switch has none that --provider names. See --status.")


def _none(found: Survey) -> str:
    if found.unreadable:
        return f"{NOT_FOUND}: {'; '.join(found.unreadable)}. Edit it in cc switch."
    if found.candidates:
        listed = "; ".join(str(candidate) for candidate in found.candidates)
        return f"{NOT_FOUND}. By its name it could be {listed}: if it is, name it so."
    return f"{NOT_FOUND}. Add a Xiaomi MiMo provider for Codex in cc switch, and enter the API key there."
