"""Whether cc switch is here, can be read, has MiMo with a key, and leads to us.

Owns these checks. What is right is for the sync to say: its comparison of both sides is asked, so that this
command and ``ccmimolink-sync --status`` never disagree.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

from ccmimolink.doctor.findings import Finding, failed, not_checked, ok, split, warning
from ccmimolink.doctor.scene import Scene
from ccmimolink.private_files import read_file
from ccmimolink.sync.database import peek, read_settings_config
from ccmimolink.sync.errors import CODEX_STALE, KEY_EMPTY, ROUTE_INCORRECT, Busy, SyncError
from ccmimolink.sync.finder import choose
from ccmimolink.sync.json_text import JsonError, read_json
from ccmimolink.sync.places import find_places
from ccmimolink.sync.rules import ALONE_REMEDY
from ccmimolink.sync.setup import has_key, synchroniser, wish_of
from ccmimolink.sync.status import status
from ccmimolink.sync.toml_text import TomlError
from ccmimolink.sync.urls import same, shown
from ccmimolink.sync.world import live_route, look

SYNC = "ccmimolink-sync"
_RUN_IT = "Let ccmimolink-sync write it, and restart Codex."
_NOT_CURRENT = "MiMo is not the current provider in cc switch."
_PATIENCE = 1.0


def installed(scene: Scene) -> Finding:
    try:
        places = scene.places = find_places(synchroniser(scene.settings).wanted)
    except SyncError as error:
        return failed(*split(str(error)))
    if places.has_cc_switch:
        if places.notes:
            return warning(*split(places.notes[0]))
        return ok(f"{places.database}.")
    if places.settings_alone:
        return failed(
            f"There is {places.settings}, but no {places.database}.",
            "Start cc switch once, or name its database in CC_SWITCH_DB_PATH.",
        )
    if reason := _why_not_needed(scene):
        return ok(f"There is none, and {reason}.")
    return failed(
        f"cc switch is not installed: there is no {places.database}.",
        f"Install cc switch and add Xiaomi MiMo for Codex there. {ALONE_REMEDY}",
        f"{SYNC} --codex-only",
    )


def _why_not_needed(scene: Scene) -> str:
    """What there is in place of the key that it would have."""
    if scene.settings.demo:
        return "the simulated MiMo needs no key"
    if scene.settings.api_key:
        return "the key is in MIMO_API_KEY"
    if _leads_here(scene) or has_key(scene.settings):
        return "Codex was configured without it"
    return ""


def _leads_here(scene: Scene) -> bool:
    try:
        route = live_route(read_file(scene.places.codex_config).content or b"")
    except (OSError, TomlError):
        return False
    return route is not None and same(route.base_url, scene.local_url)


def absent(scene: Scene) -> str:
    return "" if scene.places.has_cc_switch else "There is no cc switch here."


def settings_file(scene: Scene) -> Finding:
    """Source: cc switch itself falls back to its defaults where this file is broken."""
    path = scene.places.settings
    try:
        content = read_file(path).content
        if content is not None:
            read_json(content.decode("utf-8-sig"))
    except OSError as error:
        return warning(
            f"{path} cannot be read ({error.strerror}), so that its choices are not known.",
            "Make it readable for you.",
            f"chmod u+r {shlex.quote(str(path))}",
        )
    except (JsonError, UnicodeDecodeError):
        return warning(
            f"{path} is no JSON, and cc switch itself goes by its defaults.",
            "Choose the provider in cc switch once more, which writes the file anew.",
        )
    return ok(f"{path}." if content is not None else f"There is no {path}; cc switch goes by its defaults.")


def database(scene: Scene) -> Finding:
    """Reads what a takeover needs of it, also while it is held."""
    try:
        scene.contents = peek(scene.places.database)
    except SyncError as error:
        return failed(*split(str(error)))
    for row in scene.contents.rows:
        scene.keep_secret(*_keys_in(row.settings))
    return ok(f"It can be read; it has {len(scene.contents.rows)} providers for Codex.")


def _keys_in(settings: str) -> Iterable[str]:
    try:
        auth = json.loads(settings)["auth"]
        return [value for value in auth.values() if isinstance(value, str)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()


def lock(scene: Scene) -> Finding:
    """Whether the running proxy could read a key there now."""
    path = scene.places.database
    if path.with_name(f"{path.name}-wal").exists():
        return ok("It is in use, in a mode in which nobody waits for another.")
    try:
        read_settings_config(path, "", _PATIENCE)
    except Busy:
        return warning(
            f"Another program holds {path}, and a takeover would wait for it.",
            "Let cc switch finish what it does, or quit it; then run this again.",
        )
    except SyncError as error:
        return warning(*split(str(error)))
    return ok("Nobody holds it.")


def provider(scene: Scene) -> Finding:
    settings, memory = scene.settings, scene.state.memory(scene.places.database)
    urls = (*(memory.takeover.urls if memory.takeover else ()), scene.local_url)
    try:
        candidate = scene.candidate = choose(look(scene.places, scene.contents), memory, urls, None)
        scene.keep_secret(candidate.provider.key, *candidate.provider.route.headers.values())
        wish = wish_of(settings, scene.local_url)
        scene.comparison = status(synchroniser(settings), wish, lambda _url: True)
    except SyncError as error:
        return failed(
            *split(str(error), "Select it in cc switch, or name it: ccmimolink-sync --provider NAME.")
        )
    return ok(f"{candidate.row.name!r}.")


def key(scene: Scene) -> Finding:
    name = scene.candidate.row.name
    if scene.candidate.provider.key:
        return ok(f"{name!r} has a key.")
    if scene.settings.api_key:
        return ok(f"{name!r} has none, and the proxy uses MIMO_API_KEY.")
    return failed(
        f"{KEY_EMPTY}: {name!r} has none in cc switch, and MIMO_API_KEY is not set.",
        f"Enter the API key of {name!r} in cc switch, and save.",
    )


def current(scene: Scene) -> Finding:
    name = scene.candidate.row.name
    if scene.comparison.facts["cc_switch"].get("current"):
        return ok(f"{name!r} is the current provider of Codex.")
    return warning(
        f"Codex has another provider now, not {name!r}.",
        f"Select {name!r} in cc switch and restart Codex, if MiMo is to answer.",
    )


def left_alone(scene: Scene) -> str:
    """Why the row in cc switch is none of our business."""
    if absent(scene):
        return absent(scene)
    if scene.settings.skip_sync:
        return "cc switch is left as it is (MIMO_PROXY_SKIP_CC_SWITCH_SYNC or the demo)."
    return without_url(scene)


def without_url(scene: Scene) -> str:
    return "" if scene.local_url else "The proxy has no fixed TCP port that Codex could be led to."


def route(scene: Scene) -> Finding:
    name, facts = scene.candidate.row.name, scene.comparison.facts["cc_switch"]
    if scene.state.memory(scene.places.database).given_back:
        return warning(
            "The route was given back (ccmimolink-sync --restore), and stays so.",
            "Take it over again, if Codex is to go through the proxy.",
            SYNC,
        )
    if complaint(scene, ROUTE_INCORRECT):
        return failed(
            f"{ROUTE_INCORRECT}: {name!r} leads to {facts['route']}, not to {scene.local_url}.", _RUN_IT, SYNC
        )
    note = "; cc switch's local routing is on" if facts["local_routing"] else ""
    return ok(f"{name!r} leads to {scene.local_url}{note}.")


def complaint(scene: Scene, heading: str) -> str:
    """What the comparison says under one heading."""
    return next((one for one in scene.comparison.warnings if one.startswith(heading)), "")


def is_anothers(scene: Scene) -> bool:
    """Whether cc switch gave Codex another provider than MiMo."""
    comparison = getattr(scene, "comparison", None)
    return comparison is not None and comparison.facts["cc_switch"].get("current") is False


def without_places(scene: Scene) -> str:
    return "" if hasattr(scene, "places") else "It cannot be told where Codex's configuration is."


def codex_route(scene: Scene) -> Finding:
    """Where the route is nobody's to compare, Codex may have any provider."""
    present = scene.codex_route
    if present is not None and same(present.base_url, scene.local_url):
        return ok(f"{scene.places.codex_config} leads to {scene.local_url}.")
    where = "names no provider of its own" if present is None else f"leads to {shown(present.base_url)}"
    if is_anothers(scene):
        return not_checked(_NOT_CURRENT)
    if hasattr(scene, "comparison") and not scene.settings.skip_sync:
        if scene.comparison.facts["cc_switch"].get("local_routing"):
            return not_checked("cc switch's local routing is on: it owns Codex's configuration.")
        if scene.state.memory(scene.places.database).given_back:
            return not_checked("The route was given back.")
    return failed(
        f"{CODEX_STALE}: {scene.places.codex_config} {where}, not to {scene.local_url}.",
        _RUN_IT,
        SYNC if scene.places.has_cc_switch else f"{SYNC} --codex-only",
    )


def codex_key(scene: Scene) -> Finding:
    found = complaint(scene, CODEX_STALE)
    if found:
        return failed(found, _RUN_IT, SYNC)
    if not scene.candidate.provider.key:
        return ok("There is none in cc switch to compare with; the proxy has MIMO_API_KEY.")
    assert scene.codex_route is not None
    if set(scene.codex_route.headers.values()) == {scene.candidate.provider.key}:
        return ok("It is the one in cc switch.")
    return ok("It is a former one; the proxy uses the one in cc switch all the same.")


def no_comparison(scene: Scene) -> str:
    return left_alone(scene) or (_NOT_CURRENT if is_anothers(scene) else "")
