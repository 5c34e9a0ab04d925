"""Whether Codex is here, starts, and takes its configuration.

Owns these checks. Codex is asked itself whether it takes the configuration, by a command that reads it, asks
nobody and costs nothing; it is run in a home of its own with links to what the configuration names, so that
it writes nothing beside the user's.

Source: ``codex features list`` fails for whatever would keep Codex from starting; what else trips it up was
seen with Codex 0.169.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccmimolink.children import find_program
from ccmimolink.doctor.cc_switch import is_anothers
from ccmimolink.doctor.child import Ended
from ccmimolink.doctor.findings import Finding, failed, ok, warning
from ccmimolink.doctor.scene import Scene
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.files import read_file
from ccmimolink.sync.places import Places
from ccmimolink.sync.toml_text import TomlError, lookup, read_toml
from ccmimolink.sync.world import live_route, text_of

_INSTALL = "npm install -g @openai/codex"
_SECONDS = 20.0
_QUOTED = re.compile(r"\s*\d*\s*\|")
"""A line of the configuration, as Codex quotes it in what it says of a mistake."""
_RESERVED = frozenset({"OpenAI"})
_LEAST_IDLE_MS = 60_000
_NAMED_FILES = frozenset({".json", ".md", ".toml", ".txt"})


def program(scene: Scene) -> Finding:
    found = find_program("codex", scene.settings.child_environ.get("PATH", ""))
    if found is None:
        return failed(
            "There is no codex on the PATH.", "Install Codex, or put its directory on the PATH.", _INSTALL
        )
    codex = str(found)
    ended = scene.children.run([codex, "--version"], scene.settings.child_environ, _SECONDS)
    if ended is None or ended.status != 0:
        said = "gave no answer in time, or an endless one" if ended is None else f"ended with {ended.status}"
        return failed(f"{codex} does not run: codex --version {said}.", "Install Codex once more.", _INSTALL)
    scene.codex = codex
    return ok(f"{codex}, {ended.out.strip()[:60]}.")


def config(scene: Scene) -> Finding:
    """It is there and is TOML."""
    path = scene.places.codex_config
    try:
        content = scene.config_bytes = read_file(path).content
        if content is None:
            return failed(
                f"There is no {path}, so that Codex asks OpenAI.",
                "Select MiMo in cc switch, which writes it, or make the route without cc switch.",
                "ccmimolink-sync --codex-only" if not scene.places.has_cc_switch else "ccmimolink-sync",
            )
        scene.config = read_toml(text_of(content))
        scene.codex_route = live_route(content)
    except SyncError as error:
        return failed(str(error), "Make it readable for you.", f"chmod u+r {shlex.quote(str(path))}")
    except TomlError as error:
        return failed(
            f"{path} {error}.",
            "Mend it there, or put the newest backup beside it in its place; then restart Codex.",
            _backup_command(scene.places),
        )
    for route in _tables(scene.config):
        scene.keep_secret(*_secrets(route))
    return ok(f"{path} is TOML.")


def _backup_command(places: Places) -> str:
    backups = sorted(places.codex_config.parent.glob(f"{places.codex_config.name}.ccmimolink-*.bak"))
    if not backups:
        return ""
    return f"cp {shlex.quote(str(backups[-1]))} {shlex.quote(str(places.codex_config))}"


def _tables(document: Any) -> Iterator[dict[str, Any]]:
    providers = document.get("model_providers")
    yield from (
        table
        for table in (providers if isinstance(providers, dict) else {}).values()
        if isinstance(table, dict)
    )


def _secrets(table: dict[str, Any]) -> Iterator[str]:
    headers = table.get("http_headers")
    values = [
        table.get("experimental_bearer_token"),
        *(headers.values() if isinstance(headers, dict) else ()),
    ]
    for value in values:
        if isinstance(value, str):
            yield value.removeprefix("Bearer ")


def provider(scene: Scene) -> Finding:
    """What ccmimolink writes there is as it has to be."""
    active, path = scene.config.get("model_provider"), scene.places.codex_config
    table = lookup(scene.config, ("model_providers", str(active)))
    if is_anothers(scene):
        return ok("Codex has another provider than MiMo now, and its table is none of ours.")
    if not isinstance(active, str) or not isinstance(table, dict):
        return failed(
            f"{path} names no provider of its own (model_provider), so that Codex asks OpenAI.",
            "Select MiMo in cc switch, and let ccmimolink-sync write the route.",
            "ccmimolink-sync",
        )
    where = f"[model_providers.{active}]"
    if table.get("wire_api") not in (None, "responses"):
        return failed(
            f'{path}: wire_api in {where} is not "responses", which alone Codex and the proxy speak.',
            f'Set wire_api = "responses" in {where}; ccmimolink-sync does.',
            "ccmimolink-sync",
        )
    if table.get("name") in _RESERVED:
        return failed(
            f"{path}: the name in {where} is OpenAI, which makes Codex expect what only OpenAI has.",
            f'Give another name in {where}, say name = "MiMo via ccmimolink".',
        )
    return _catalog(scene) or ok(f"{where} is as the proxy needs it.")


def _catalog(scene: Scene) -> Finding | None:
    """What is wrong with the model list that Codex is told of: without a good one it does not start."""
    named = scene.config.get("model_catalog_json")
    if named is None:
        return None
    file = scene.places.codex_config.parent / str(named)
    try:
        models = json.loads(file.read_bytes())["models"]
        whole = bool(models) and all(isinstance(model["slug"], str) for model in models)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if whole:
        return None
    return failed(
        f"{file} (model_catalog_json) is missing or is no model list, and Codex does not start with it.",
        "Let ccmimolink-sync write the catalog, or take model_catalog_json out of Codex's configuration.",
        "ccmimolink-sync",
    )


def features(scene: Scene) -> Finding:
    """What Codex takes and trips over later."""
    trips = list(_trips(scene))
    if not trips:
        return ok("Nothing in it is known to trip Codex up.")
    return warning(
        f"{'; '.join(trip for trip, _ in trips)}.",
        f"In {scene.places.codex_config}: {'; '.join(fix for _, fix in trips)}.",
    )


def _trips(scene: Scene) -> Iterator[tuple[str, str]]:
    document = scene.config
    active = document.get("model_provider")
    table = lookup(document, ("model_providers", str(active)))
    if not isinstance(table, dict):
        table = {}
    if table.get("supports_websockets") is True:
        yield (
            "supports_websockets is on, and every start of Codex tries a websocket in vain",
            f"take supports_websockets out of [model_providers.{active}]",
        )
    if "openai_base_url" in document:
        yield (
            "openai_base_url leads OpenAI's own provider elsewhere, with its login and its websockets",
            "take openai_base_url out",
        )
    idle = table.get("stream_idle_timeout_ms")
    if isinstance(idle, int) and idle < _LEAST_IDLE_MS:
        yield (
            f"stream_idle_timeout_ms is {idle}, and a model that thinks is cut off",
            f"raise stream_idle_timeout_ms to {_LEAST_IDLE_MS} or more, or take it out",
        )
    chosen = lookup(document, ("profiles", str(document.get("profile")), "model_provider"))
    if isinstance(chosen, str) and chosen != active:
        yield (
            f"the profile that is chosen leads to another provider ({chosen})",
            "take the line profile = … out, or its model_provider",
        )


def accepted(scene: Scene) -> Finding:
    path = scene.places.codex_config
    ended = scene.children.run(
        [scene.codex, "features", "list"],
        scene.settings.child_environ,
        _SECONDS,
        lambda home: _furnish(home, path, scene.config_bytes or b""),
    )
    if ended is None:
        return failed(
            "codex features list gave no answer in time, or an endless one.",
            "Install Codex once more.",
            _INSTALL,
        )
    if ended.status == 0:
        return ok("Codex takes it (codex features list).")
    return failed(
        f"Codex does not start with {path}: {_reason(ended, path.parent)}.",
        f"Correct that in {path}, or let ccmimolink-sync write the route anew.",
        "codex features list",
    )


def _furnish(home: Path, config: Path, content: bytes) -> None:
    """Links to the configuration and to what it names beside itself. The key is not copied."""
    for entry in sorted(config.parent.iterdir()):
        is_named = entry.suffix in _NAMED_FILES and entry.name.encode() in content
        if entry == config or (is_named and entry.is_file()):
            _link(entry, home / entry.name)


def _link(entry: Path, place: Path) -> None:
    try:
        place.symlink_to(entry.absolute(), target_is_directory=entry.is_dir())
    except OSError:  # a system where links are for administrators
        shutil.copy(entry, place)
        os.chmod(place, 0o600)


def _reason(ended: Ended, real: Path) -> str:
    """What Codex says of it, without the lines that it quotes: a key may stand in them."""
    lines = ended.err.partition("Stack backtrace")[0].splitlines()
    said = [line.strip() for line in lines if line.strip() and not _QUOTED.match(line)]
    said = [line for line in said if not line.startswith(("WARNING:", "Caused by:"))]
    said = [re.sub(r"^\d+: ", "", line.removeprefix("Error: ")) for line in said]
    unique = list(dict.fromkeys(said))
    return "; ".join(unique).replace(ended.home, str(real))[:400].rstrip(".:; ") or "it does not say why"
