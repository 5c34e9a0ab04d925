"""One takeover after another: what has to be given back first, and whether the next one can be made then.

Owns the look ahead: the world as it will be once the first one is given back, so that nothing is given back
for a run that fails. It must not change anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as replaced

from msgspec.structs import replace

from ccmimolink.private_files import File
from ccmimolink.sync.edits import Edit
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.places import Places
from ccmimolink.sync.restore import RestorePlan, plan_restore
from ccmimolink.sync.rules import places_of_takeover
from ccmimolink.sync.state import Memory
from ccmimolink.sync.takeover import Wish
from ccmimolink.sync.world import World


@dataclass(frozen=True, slots=True)
class Succession:
    """The takeover that ends, and what the next one finds.

    :ivar places: of the one that ends.
    :ivar world: as it will be.
    """

    ending: RestorePlan
    places: Places
    world: World
    memory: Memory


def plan_succession(
    world: World, memory: Memory, places: Places, look_at: Callable[[Places], World]
) -> Succession:
    """:param look_at: looks at the places of the takeover that ends, if these are others.
    :raises SyncError: it cannot be given back wholly.
    """
    before = places_of_takeover(memory, places)
    ending = plan_restore(world if before == places else look_at(before), memory, before)
    if not ending.complete:
        raise SyncError(" ".join(("The former route cannot be given back yet.", *ending.warnings)))
    live = ending.edit.live if before == places else None
    after = world_after(world, Edit(ending.edit.row, live))
    return Succession(ending, before, after, replace(memory, takeover=None))


def world_after(world: World, edit: Edit) -> World:
    """The world, were the edit made."""
    if edit.live is not None:
        world = replaced(world, live=File(edit.live.after, edit.live.mode))
    if edit.row is not None and world.contents is not None:
        rows = tuple(
            replaced(row, settings=edit.row.after) if row.id == edit.row.provider_id else row
            for row in world.rows
        )
        world = replaced(world, contents=replaced(world.contents, rows=rows))
    return world


def next_wish(wish: Wish, chosen: str) -> Wish:
    """The choice was made with the takeover known, and holds once it is forgotten."""
    return replaced(wish, chosen=chosen)
