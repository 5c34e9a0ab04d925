"""Both sides of the route as they are, what differs, and what to do.

Owns this comparison. It writes nothing, also not beside the database, and shows no key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ccmimolink.sync.database import peek
from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.errors import (
    CODEX_STALE,
    KEY_EMPTY,
    NOT_CURRENT,
    NOT_INSTALLED,
    ROUTE_INCORRECT,
    SyncError,
)
from ccmimolink.sync.finder import Candidate, choose, survey
from ccmimolink.sync.places import Places, find_places
from ccmimolink.sync.report import Outcome, Report
from ccmimolink.sync.rows import Route
from ccmimolink.sync.rules import ALONE_REMEDY
from ccmimolink.sync.state import Memory, Takeover, key_digest, load
from ccmimolink.sync.takeover import Wish
from ccmimolink.sync.toml_text import TomlError
from ccmimolink.sync.urls import same, shown
from ccmimolink.sync.world import World, live_route, look

SYNC = "Run ccmimolink-sync."


def status(run: Synchroniser, wish: Wish, is_listening: Callable[[str], bool]) -> Report:
    """:param is_listening: whether the proxy answers at an address.
    :raises SyncError: something is there and cannot be read.
    """
    report = Report()
    places, state = find_places(run.wanted), load(run.state_file)
    about = places.database if places.has_cc_switch else places.codex_config
    memory = state.memory(about)
    world = look(places, peek(places.database) if places.has_cc_switch else None)
    report.say(*places.notes)
    candidate = _cc_switch_side(world, memory, wish, places, report)
    _codex_side(world, memory, candidate, wish, places, report)
    _proxy_side(memory, wish, is_listening, report)
    if report.next_steps and report.outcome is Outcome.NOTHING:
        report.outcome = Outcome.FAILED
    if not report.next_steps:
        report.say("All is as it should be.")
    return report


def _cc_switch_side(
    world: World, memory: Memory, wish: Wish, places: Places, report: Report
) -> Candidate | None:
    facts: dict[str, Any] = {"database": str(places.database), "present": places.has_cc_switch}
    report.facts["cc_switch"] = facts
    if not places.has_cc_switch:
        if memory.takeover is None:
            report.say(f"{NOT_INSTALLED}: there is no {places.database}.")
            report.then(ALONE_REMEDY)
        else:
            report.say("cc switch: there is none, and the route was made without it.")
            report.say(f"           Its upstream is {memory.takeover.upstream}.")
        return None
    urls = (*(memory.takeover.urls if memory.takeover else ()), wish.local_url)
    found = survey(world.rows, urls, memory.takeover.provider_id if memory.takeover else None)
    facts["providers"] = [{"id": one.row.id, "name": one.row.name} for one in found.candidates]
    report.warn(*(f"{problem[0].upper()}{problem[1:]}." for problem in found.unreadable))
    try:
        candidate = choose(world, memory, urls, wish.provider)
    except SyncError as error:
        report.warn(str(error))
        report.then("See to that in cc switch, and run ccmimolink-sync.")
        return None
    _row(candidate, world, memory, wish, report, facts)
    return candidate


def _row(
    candidate: Candidate, world: World, memory: Memory, wish: Wish, report: Report, facts: dict[str, Any]
) -> None:
    provider, row, current = candidate.provider, candidate.row, world.current
    is_current = current is not None and current.id == row.id
    leads_to_us = same(provider.route.base_url, wish.local_url)
    facts |= {
        "provider": {"id": row.id, "name": row.name},
        "route": shown(provider.route.base_url),
        "key": bool(provider.key),
        "current": is_current,
        "local_routing": world.is_routed,
    }
    report.say(f"cc switch: {row.name!r} leads to {shown(provider.route.base_url)}.")
    if memory.takeover is not None and memory.takeover.provider_id == row.id:
        facts["upstream"] = memory.takeover.upstream
        report.say(f"           Its upstream is {memory.takeover.upstream}.")
    if not is_current:
        report.say(f"           {NOT_CURRENT}{f' ({current.name!r})' if current is not None else ''}.")
    if world.is_routed:
        report.say("           cc switch's local routing is on.")
    if not provider.key and wish.api_key:
        report.say("           It has no key; the proxy uses MIMO_API_KEY.")
    elif not provider.key:
        report.warn(f"{KEY_EMPTY}.")
        report.then(f"Enter the key of {row.name!r} in cc switch.")
    if memory.given_back:
        report.say("           The route was given back (--restore); ccmimolink-sync takes it over again.")
    elif not leads_to_us:
        report.warn(f"{ROUTE_INCORRECT}: it does not lead to {wish.local_url}.")
        report.then(SYNC)


def _codex_side(
    world: World,
    memory: Memory,
    candidate: Candidate | None,
    wish: Wish,
    places: Places,
    report: Report,
) -> None:
    facts: dict[str, Any] = {"config": str(places.codex_config)}
    report.facts["codex"] = facts
    content = world.live.content
    if content is None:
        report.say(f"Codex: there is no {places.codex_config}.")
        return
    try:
        route = live_route(content)
    except TomlError as error:
        report.warn(f"{places.codex_config} {error}.")
        report.then(f"Mend {places.codex_config}.")
        return
    facts["route"] = shown(route.base_url) if route is not None else None
    if route is None:
        report.say(f"Codex: {places.codex_config} names no provider of its own.")
    else:
        report.say(f"Codex: {places.codex_config} leads to {shown(route.base_url)}.")
    row_id = candidate.row.id if candidate is not None else None
    is_ours = (
        world.current is not None and world.current.id == row_id if row_id else memory.takeover is not None
    )
    if is_ours and not world.is_routed and not memory.given_back:
        _compare(route, candidate, memory.takeover, wish, report, facts)


def _compare(
    route: Route | None,
    candidate: Candidate | None,
    takeover: Takeover | None,
    wish: Wish,
    report: Report,
    facts: dict[str, Any],
) -> None:
    if route is None or not same(route.base_url, wish.local_url):
        report.warn(f"{CODEX_STALE}: its configuration does not lead to {wish.local_url}.")
        report.then(SYNC)
        return
    facts["key"] = bool(route.headers)
    if candidate is not None and not candidate.provider.key:
        return  # there is none to compare, which is said already
    held = set(route.headers.values())
    if candidate is not None and held != {candidate.provider.key}:
        if takeover is not None and held and {key_digest(key) for key in held} <= set(takeover.keys):
            report.say("       It holds the former key; the proxy uses the one in cc switch all the same.")
            return
        report.warn(f"{CODEX_STALE}: the key in its configuration is not the one in cc switch.")
        report.then(SYNC)
    elif not route.headers:
        report.warn(f"{CODEX_STALE}: its configuration holds no key.")
        report.then(SYNC)


def _proxy_side(memory: Memory, wish: Wish, is_listening: Callable[[str], bool], report: Report) -> None:
    listening = is_listening(wish.local_url)
    report.facts["proxy"] = {"url": wish.local_url, "listening": listening}
    report.say(f"Proxy: {'answers' if listening else 'nobody answers'} at {wish.local_url}.")
    if not listening and memory.takeover is not None:
        report.then("Start the proxy: twistd -n ccmimolink.")
