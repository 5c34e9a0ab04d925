"""The route without cc switch: a complete one in Codex's own configuration, planned.

Owns which values it consists of. It must not be used where cc switch is: that would carry it into whatever
provider is current there.

Source: what Codex takes of a provider. The table is not named OpenAI, since that name makes Codex expect
services that only OpenAI has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from ccmimolink.private_files import PRIVATE
from ccmimolink.sync.edits import CATALOG_PATH, LIVE, Edit, LiveEdit, rewritten
from ccmimolink.sync.errors import KEY_EMPTY, SyncError
from ccmimolink.sync.places import Places
from ccmimolink.sync.rows import KEY_HEADER, Route, table_route
from ccmimolink.sync.state import Made, Memory, Takeover, Written, key_digest, latest
from ccmimolink.sync.takeover import Wish
from ccmimolink.sync.toml_text import TomlError, lookup, read_toml
from ccmimolink.sync.upstreams import by_key, named_upstream
from ccmimolink.sync.urls import fits, is_loopback, upstream_of
from ccmimolink.sync.world import World, text_of

PROVIDER = "mimo"
NAME = "MiMo via ccmimolink"
TABLE = ("model_providers", PROVIDER)
PROVIDER_PATH, MODEL_PATH = ("model_provider",), ("model",)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlonePlan:
    """What is to be done, and said.

    :ivar memory: to be remembered before anything is changed.
    """

    edit: Edit
    memory: Memory
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_alone(
    world: World,
    memory: Memory,
    wish: Wish,
    places: Places,
    *,
    model: str,
    catalog: str | None,
    at_start: bool = False,
    earlier: str | None = None,
) -> AlonePlan:
    """:param wish: ``api_key`` is the key, if one was given now.
    :param model: what Codex is to ask for.
    :param at_start: what the user chose since in Codex is left as it is.
    :param earlier: the upstream of a takeover that was made with cc switch.
    :raises SyncError: nothing may be done, and why.
    """
    path, live = places.codex_config, world.live
    content = live.content if live.content is not None else b""
    try:
        document = read_toml(text_of(content))
        if at_start and document.get("model_provider") != PROVIDER:
            note = f"{path} has another provider by now, and was left as it is."
            return AlonePlan(edit=Edit(), memory=memory, notes=(note,))
        present = table_route(document, PROVIDER)
        key = _key(wish, present, at_start)
        if not key:
            raise SyncError(f"{KEY_EMPTY}. Give it with --api-key-stdin, or in MIMO_API_KEY.")
        known = memory.takeover
        upstream, doubt = _upstream(known, present, wish, key, earlier, world.backups)
        written = known.live if known is not None else _forgotten(document, present)
        values = _values(document, present, wish.local_url, key, catalog)
        if not at_start or _is_mimo_model(document):
            values[MODEL_PATH] = document["model"] if _is_mimo_model(document) else model
        after, remembered = rewritten(content, values, LIVE, written, live.mode, TABLE)
    except TomlError as error:
        raise SyncError(f"{path} {error}. Nothing was changed: mend it, and run again.") from None
    if live.content is None:
        remembered = replace(remembered, original=None)
    takeover = Takeover(
        provider_id=None,
        provider_name=NAME,
        upstream=upstream,
        urls=latest(known.urls if known else (), wish.local_url),
        live=remembered,
        keys=latest(known.keys if known else (), key_digest(key)),
        catalog=catalog or (known.catalog if known else None),
        live_path=str(path),
    )
    unchanged = after == live.content and live.mode == PRIVATE
    was_ours = written is not None and written.is_ours(content)
    return AlonePlan(
        edit=Edit(live=None if unchanged else LiveEdit(path, live, after, PRIVATE, was_ours)),
        memory=Memory(takeover=takeover, wants_catalog=memory.wants_catalog),
        warnings=(doubt,) if doubt else (),
    )


def _key(wish: Wish, present: Route | None, at_start: bool) -> str:
    """At a start the key that is there stays: it was given for this, and ``MIMO_API_KEY`` perhaps was not."""
    there = next((value for value in present.headers.values() if value), "") if present is not None else ""
    return (there or wish.api_key) if at_start else (wish.api_key or there)


def _forgotten(document: dict[str, Any], present: Route | None) -> Written | None:
    """What would be remembered of a route of ours, had the state not been lost."""
    if present is None or not is_loopback(present.base_url) or not present.headers:
        return None
    table: dict[tuple[str, ...], Any] = {
        (*TABLE, "base_url"): present.base_url,
        (*TABLE, "wire_api"): "responses",
    }
    table |= {(*TABLE, "http_headers", name): value for name, value in present.headers.items()}
    is_our_table = present.name == NAME
    if is_our_table:
        table[(*TABLE, "name")] = NAME
    chosen: dict[tuple[str, ...], Any] = {PROVIDER_PATH: PROVIDER, MODEL_PATH: document.get("model")}
    made = [Made(path, (value,)) for path, value in {**table, **chosen}.items() if value is not None]
    return Written(original=None, digests=(), made=tuple(made), table=TABLE if is_our_table else ())


def may_have_catalog(world: World, memory: Memory, places: Places) -> bool:
    """Whether the configuration names none, or ours."""
    try:
        named = read_toml(text_of(world.live.content or b"")).get(CATALOG_PATH[0])
    except TomlError:
        return False
    known = memory.takeover.catalog if memory.takeover is not None else None
    return memory.wants_catalog and (named is None or named in (known, str(places.catalog)))


def has_other_providers(world: World, places: Places) -> bool:
    """Whether Codex has a provider beside ours, or a login at OpenAI."""
    try:
        tables = read_toml(text_of(world.live.content or b"")).get("model_providers", {})
    except TomlError:
        return True
    return places.auth.exists() or not isinstance(tables, dict) or not set(tables) <= {PROVIDER}


def _values(
    document: dict[str, Any],
    present: Route | None,
    local_url: str,
    key: str,
    catalog: str | None,
) -> dict[tuple[str, ...], Any]:
    """A table that is there, written by hand perhaps, keeps what else is in it."""
    values: dict[tuple[str, ...], Any] = {PROVIDER_PATH: PROVIDER}
    if lookup(document, (*TABLE, "name")) in (None, "", "OpenAI", NAME):
        values[(*TABLE, "name")] = NAME
    values[(*TABLE, "base_url")] = local_url
    values[(*TABLE, "wire_api")] = "responses"
    for spelling in (present.headers if present is not None else ()) or (KEY_HEADER,):
        values[(*TABLE, "http_headers", spelling)] = key
    if catalog is not None:
        values[CATALOG_PATH] = catalog
    return values


def _is_mimo_model(document: dict[str, Any]) -> bool:
    """A MiMo model that is chosen already stays."""
    return str(document.get("model", "")).startswith("mimo-")


def _upstream(
    known: Takeover | None,
    present: Route | None,
    wish: Wish,
    key: str,
    earlier: str | None,
    backups: Sequence[str],
) -> tuple[str, str]:
    there = present.base_url if present is not None else None
    remembered = known.upstream if known is not None else None
    # A key that was given now may be of another plan than what was there.
    found = [url for url in (there, remembered, earlier, *backups) if url is not None and fits(key, url)]
    for url in (named_upstream(wish), wish.base_url, *found):
        if url is not None and not is_loopback(url):
            return upstream_of(url), ""
    return by_key(key)
