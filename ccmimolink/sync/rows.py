"""A provider as cc switch keeps it: what its row says of route, key and protocol.

Owns the reading of ``settings_config`` and ``meta``. It must not choose among rows, and must not show a key.

Source: cc switch's schema and the order in which it looks for a row's key itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ccmimolink.sync.json_text import JsonError, check_encodable, read_json
from ccmimolink.sync.toml_text import TomlError, lookup, read_toml

PLACEHOLDERS = frozenset({"PROXY_MANAGED", "local-mimo-proxy"})
"""What stands in a key's place where none is meant to be."""

KEY_HEADER = "X-Mimo-Api-Key"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of ``providers``, for Codex.

    :ivar id: exact, so that it is found again; not fit to be shown as it is.
    :ivar name: fit to be shown.
    :ivar settings: the text of ``settings_config``, byte for byte.
    :ivar endpoints: the URLs of the row in ``provider_endpoints``, in their order.
    """

    id: str
    name: str
    settings: str = field(repr=False)
    category: str = ""
    meta: str = field(default="{}", repr=False)
    is_current: bool = False
    endpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """The active route of a Codex configuration.

    :ivar provider: the id of the active provider's table.
    :ivar base_url: as it is written there.
    :ivar headers: the key header in each spelling that is there, with its value.
    """

    provider: str
    base_url: str
    name: str
    model: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def table(self) -> tuple[str, ...]:
        return ("model_providers", self.provider)


def route_of(text: str) -> Route | None:
    """The route of a configuration that has one of its own; Codex's built-in providers have none.

    :raises TomlError: it is no TOML.
    """
    document = read_toml(text)
    provider = document.get("model_provider")
    return table_route(document, provider) if isinstance(provider, str) else None


def table_route(document: Mapping[str, Any], provider: str) -> Route | None:
    """The route of one table of ``model_providers``, active or not, if it has an address."""
    table = lookup(document, ("model_providers", provider))
    if not _is_table(table) or not isinstance(table.get("base_url"), str):
        return None
    headers = table.get("http_headers")
    entries = headers.items() if _is_table(headers) else ()
    return Route(
        provider=provider,
        base_url=table["base_url"],
        name=_text(table.get("name")),
        model=_text(document.get("model")),
        headers={name: _text(value) for name, value in entries if name.lower() == KEY_HEADER.lower()},
    )


@dataclass(frozen=True, slots=True)
class Provider:
    """A row that was understood.

    :ivar config: the text of the configuration in it.
    :ivar api_format: the protocol that cc switch's own routing speaks to it; empty where the row says none.
    :ivar is_full_url: cc switch's routing takes the address as a whole endpoint.
    :ivar has_catalog: cc switch makes a model catalog from the row.
    :ivar models: the names of the catalog's models.
    """

    row: Row
    config: str = field(repr=False)
    route: Route
    key: str = field(repr=False)
    api_format: str
    is_full_url: bool
    models: tuple[str, ...]

    @property
    def has_catalog(self) -> bool:
        return bool(self.models)


def read_provider(row: Row) -> Provider:
    """:raises JsonError: the row is no JSON with a configuration.
    :raises TomlError: the configuration is no TOML, or has no route.
    """
    check_encodable(row.id, row.settings)
    settings = read_json(row.settings)
    config = settings.get("config")
    if not isinstance(config, str):
        raise JsonError("has no configuration text (config)")
    check_encodable(config)
    route = route_of(config)
    if route is None:
        raise TomlError("names no provider with a base_url")
    key = _key(settings, config, route)
    check_encodable(key)
    meta = _meta(row)
    catalog = lookup(settings, ("modelCatalog", "models"))
    models = [item.get("model") for item in catalog if _is_table(item)] if isinstance(catalog, list) else []
    return Provider(
        row=row,
        config=config,
        route=route,
        key=key,
        api_format=_text(meta.get("apiFormat") or settings.get("apiFormat") or settings.get("api_format")),
        is_full_url=meta.get("isFullUrl") is True,
        models=tuple(model for model in models if isinstance(model, str)),
    )


def _meta(row: Row) -> dict[str, Any]:
    try:
        return read_json(row.meta)
    except JsonError:
        return {}


def _key(settings: Mapping[str, Any], config: str, route: Route) -> str:
    document = read_toml(config)
    places = (
        lookup(settings, ("env", "OPENAI_API_KEY")),
        lookup(settings, ("auth", "OPENAI_API_KEY")),
        settings.get("apiKey"),
        settings.get("api_key"),
        lookup(document, (*route.table, "experimental_bearer_token")),
        document.get("experimental_bearer_token"),
    )
    for place in places:
        key = _text(place).strip()
        if key and key not in PLACEHOLDERS:
            return key
    return ""


def _is_table(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
