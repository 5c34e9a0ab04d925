"""What a run and its preview both ask before anything is done.

Owns these questions: by what a takeover is remembered, where it was, and what stands in the way of another.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ccmimolink.sync.errors import CcSwitchAbsent, SyncError
from ccmimolink.sync.finder import survey
from ccmimolink.sync.json_text import JsonError
from ccmimolink.sync.places import Places
from ccmimolink.sync.rows import read_provider
from ccmimolink.sync.state import Memory, State, key_digest
from ccmimolink.sync.toml_text import TomlError
from ccmimolink.sync.world import World

ALONE_REMEDY = "Without cc switch, run ccmimolink-sync --codex-only to point Codex at the proxy."
GIVEN_BACK = (
    "The route was given back by ccmimolink-sync --restore, and stays so until ccmimolink-sync is run again."
)


def abouts_of(places: Places) -> tuple[Path, ...]:
    """What takeovers are remembered by: of cc switch, and of Codex without it."""
    return places.database, places.codex_config


def places_of_takeover(memory: Memory, places: Places) -> Places:
    """The places as they were: cc switch may configure the Codex of another directory by now."""
    takeover = memory.takeover
    if takeover is None or takeover.live_path is None:
        return places
    return replace(places, codex_config=Path(takeover.live_path))


def is_another_takeover(memory: Memory, provider_id: str, places: Places) -> bool:
    """Whether what is taken over has to be given back first: there is one upstream at a time, one place."""
    return memory.takeover is not None and (
        memory.takeover.provider_id != provider_id or places_of_takeover(memory, places) != places
    )


def upstream_with_cc_switch(state: State, places: Places) -> str | None:
    """The upstream of a route that was taken over while cc switch was here."""
    takeover = state.memory(places.database).takeover
    here = takeover is not None and takeover.live_path == str(places.codex_config)
    return takeover.upstream if takeover is not None and here else None


def has_left(world: World, memory: Memory) -> bool:
    """Whether the user made another vendor's provider of the one that was taken over. cc switch's form leaves
    our header in it, and with that the key would be sent to that vendor."""
    takeover = memory.takeover
    row = next((row for row in world.rows if takeover is not None and row.id == takeover.provider_id), None)
    if takeover is None or row is None:
        return False
    try:
        route = read_provider(row).route
    except (JsonError, TomlError):
        return False  # said where it is looked for
    found = survey([row], takeover.urls, row.id)
    return not found.candidates and any(key_digest(key) in takeover.keys for key in route.headers.values())


def is_only_provider(world: World, provider_id: str) -> bool:
    """Whether nobody could miss another's models."""
    return len(survey(world.rows, (), provider_id).candidates) == len(world.rows)


def is_alone(places: Places, state: State) -> bool:
    """There is no cc switch, and the route was set up without one."""
    memory = state.memory(places.codex_config)
    return not places.has_cc_switch and (memory.takeover is not None or memory.given_back)


def checked_about(places: Places, alone: bool) -> Path:
    """What the memory of a takeover goes by.

    :raises SyncError: it cannot be made here.
    """
    if alone and places.settings_alone:
        raise SyncError(
            f"cc switch seems to be here: there is {places.settings}, but no {places.database}. Name its "
            "database in CC_SWITCH_DB_PATH; or move that file away, if cc switch is gone."
        )
    if alone and places.has_cc_switch:
        raise SyncError(
            f"cc switch is here ({places.database}), and would carry a route made with --codex-only into "
            "whatever provider is current. Run ccmimolink-sync without it."
        )
    if not alone and not places.has_cc_switch:
        raise CcSwitchAbsent(places.database, ALONE_REMEDY)
    return places.codex_config if alone else places.database
