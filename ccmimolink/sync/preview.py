"""What a run would change, without changing anything.

Owns the dry run: the same plans as the run's own, made from a look that writes nothing, shown as a diff.
"""

from __future__ import annotations

from msgspec.structs import replace

from ccmimolink.sync.alone import has_other_providers, may_have_catalog, plan_alone
from ccmimolink.sync.database import peek
from ccmimolink.sync.edits import LIVE, ROW, Edit
from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.files import check_writable
from ccmimolink.sync.masking import masked_diff
from ccmimolink.sync.places import Places, find_places
from ccmimolink.sync.report import Outcome, Report
from ccmimolink.sync.restore import plan_restore
from ccmimolink.sync.rules import (
    abouts_of,
    checked_about,
    is_alone,
    is_another_takeover,
    is_only_provider,
    places_of_takeover,
    upstream_with_cc_switch,
)
from ccmimolink.sync.state import load
from ccmimolink.sync.succession import next_wish, plan_succession
from ccmimolink.sync.takeover import Wish, candidate_for, plan_takeover
from ccmimolink.sync.world import look


def preview_takeover(run: Synchroniser, wish: Wish, *, alone: bool, catalog: bool | None) -> Report:
    """:raises SyncError: the run could not be made either."""
    report = Report()
    places, state = find_places(run.wanted), load(run.state_file)
    report.say(*places.notes)
    alone = alone or is_alone(places, state)
    about = checked_about(places, alone)
    memory = state.memory(about)
    memory = memory if catalog is None else replace(memory, wants_catalog=catalog)
    if alone:
        world = look(places, None)
        named = None
        if may_have_catalog(world, memory, places):
            named = _named(run.make_catalog(not has_other_providers(world, places)), places)
        alone_plan = plan_alone(
            world,
            memory,
            wish,
            places,
            model=run.model,
            catalog=named,
            earlier=upstream_with_cc_switch(state, places),
        )
        edit = alone_plan.edit
        report.warn(*alone_plan.warnings)
    else:
        world = look(places, peek(places.database))
        candidate = candidate_for(world, memory, wish)
        if is_another_takeover(memory, candidate.row.id, places):
            wish = next_wish(wish, candidate.row.id)
            name = memory.takeover.provider_name if memory.takeover is not None else ""
            succession = plan_succession(world, memory, places, lambda before: look(before, world.contents))
            report.say(f"The provider {name!r} would be given back first.")
            _show(succession.ending.edit, succession.places, report, wish.api_key)
            world, memory = succession.world, succession.memory
        plan = plan_takeover(world, memory, wish, places, None)
        if plan.may_have_catalog:
            named = _named(run.make_catalog(is_only_provider(world, candidate.row.id)), places)
            plan = plan_takeover(world, memory, wish, places, named)
        edit = plan.edit
        report.say(*plan.notes)
        report.warn(*plan.warnings)
    if edit.live is not None:
        check_writable(edit.live.path)
    _show(edit, places, report, wish.api_key)
    return report


def preview_restore(run: Synchroniser, api_key: str) -> Report:
    """:raises SyncError: the run could not be made either."""
    report = Report()
    places, state = find_places(run.wanted), load(run.state_file)
    for about in abouts_of(places):
        memory = state.memory(about)
        if memory.takeover is not None:
            before = places_of_takeover(memory, places)
            with_rows = places.has_cc_switch and about == places.database
            world = look(before, peek(places.database) if with_rows else None)
            plan = plan_restore(world, memory, before)
            report.say(*plan.notes)
            report.warn(*plan.warnings)
            _show(plan.edit, before, report, api_key)
    return report


def _named(catalog: bytes | None, places: Places) -> str | None:
    return str(places.catalog) if catalog is not None else None


def _show(edit: Edit, places: Places, report: Report, api_key: str) -> None:
    if not edit:
        return
    keys = [api_key] if api_key else []
    report.say("This would be changed:")
    if edit.row is not None:
        report.diff += masked_diff(
            ROW.text(edit.row.before.encode()),
            ROW.text(edit.row.after.encode()),
            f"cc switch, provider {edit.row.provider_id}",
            keys,
        )
    if edit.live is not None:
        report.diff += masked_diff(
            LIVE.text(edit.live.before.content or b""),
            LIVE.text(edit.live.after or b""),
            str(places.codex_config),
            keys,
        )
    report.outcome = Outcome.WOULD
    report.then("Nothing was changed. Run it without --dry-run to make these changes.")
