"""What MiMoCode is to resolve, and how what it resolves differs from that.

Owns both the value that is written for the provider and the comparison. It must not read files or run
anything, and a difference says where it is, never what is there: a resolved configuration holds keys.

Source: the provider's shape in its public setup documentation; what MiMoCode 0.1.0 makes of each field.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ccmimolink.mimocode.catalog import CatalogModel
from ccmimolink.mimocode.errors import Code
from ccmimolink.mimocode.layers import PLACEHOLDER, value_at
from ccmimolink.mimocode.provider import Provider

MODEL_KEYS = ("model", "small_model")


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    :ivar catalog: all models of the provider.
    :ivar model: the one that was chosen; its id in the catalog.
    """

    provider: Provider
    catalog: Sequence[CatalogModel]
    model: str
    key: str = field(repr=False)

    @property
    def model_reference(self) -> str:
        return self.provider.model_reference(self.model)

    @property
    def provider_path(self) -> tuple[str, str]:
        return ("provider", self.provider.id)

    def provider_value(self) -> dict[str, Any]:
        """What is written under the provider's id. A context of 0 stands for one that is not published."""
        return {
            "npm": self.provider.package,
            "name": self.provider.name,
            "options": {
                "baseURL": self.provider.base_url,
                "apiKey": self.provider.secret_reference,
                "setCacheKey": False,
            },
            "models": {
                model.id: {"name": model.id, "limit": {"context": model.context_length or 0, "output": 0}}
                for model in self.catalog
            },
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """
    :ivar path: where in the configuration.
    :ivar doubtful: what is there holds a placeholder, so only MiMoCode can tell what it is.
    """

    path: tuple[str, ...]
    code: Code = Code.EFFECTIVE_CONFIG_MISMATCH
    doubtful: bool = False

    def __str__(self) -> str:
        return ".".join(self.path)


def differences(resolved: dict[str, Any], wanted: Wanted) -> list[Difference]:
    """The most telling first; none where MiMoCode will do what was asked for."""
    return [*_gates(resolved, wanted), *_provider(resolved, wanted), *_models(resolved, wanted)]


def _differs(resolved: dict[str, Any], path: tuple[str, ...], *meant: Any) -> Iterator[Difference]:
    """
    :param meant: what may be there.
    """
    actual = value_at(resolved, path)
    if not any(actual is one or (type(actual) is type(one) and actual == one) for one in meant):
        yield Difference(path, doubtful=_is_doubtful(actual))


def _is_doubtful(value: Any) -> bool:
    return isinstance(value, str) and PLACEHOLDER.search(value) is not None


def _gates(resolved: dict[str, Any], wanted: Wanted) -> Iterator[Difference]:
    """Lists that take a provider, or a model, out of sight."""
    provider, model = wanted.provider.id, wanted.model
    enabled, disabled = resolved.get("enabled_providers"), resolved.get("disabled_providers")
    if isinstance(disabled, list) and provider in disabled:
        yield Difference(("disabled_providers",), Code.PROVIDER_DISABLED)
    if isinstance(enabled, list) and provider not in enabled:
        yield Difference(("enabled_providers",), Code.PROVIDER_NOT_ENABLED, any(map(_is_doubtful, enabled)))
    allowed, banned = (
        value_at(resolved, (*wanted.provider_path, name)) for name in ("whitelist", "blacklist")
    )
    if isinstance(allowed, list) and model not in allowed:
        path, doubtful = (*wanted.provider_path, "whitelist"), any(map(_is_doubtful, allowed))
        yield Difference(path, Code.MODEL_NOT_WHITELISTED, doubtful)
    if isinstance(banned, list) and model in banned:
        yield Difference((*wanted.provider_path, "blacklist"), Code.MODEL_BLACKLISTED)


def gated_models(resolved: dict[str, Any], wanted: Wanted) -> frozenset[str]:
    """The models that such lists take out of sight."""
    allowed, banned = (
        value_at(resolved, (*wanted.provider_path, name)) for name in ("whitelist", "blacklist")
    )
    ids = frozenset(model.id for model in wanted.catalog)
    hidden = ids - frozenset(allowed) if _is_names(allowed) else frozenset()
    return hidden | (ids & frozenset(banned) if _is_names(banned) else frozenset())


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _provider(resolved: dict[str, Any], wanted: Wanted) -> Iterator[Difference]:
    path, provider = wanted.provider_path, wanted.provider
    if not isinstance(value_at(resolved, path), dict):
        yield Difference(path)
        return
    options = (*path, "options")
    yield from _differs(resolved, (*path, "npm"), provider.package)
    yield from _differs(resolved, (*path, "name"), provider.name)
    yield from _differs(resolved, (*path, "api"), None, provider.base_url)
    yield from _differs(resolved, (*options, "baseURL"), provider.base_url)
    yield from _differs(resolved, (*options, "enterpriseUrl"), None)
    yield from _differs(resolved, (*options, "setCacheKey"), False)
    yield from _key(resolved, (*options, "apiKey"), wanted)
    yield from _credentials(resolved, (*options, "headers"))


def _key(resolved: dict[str, Any], path: tuple[str, ...], wanted: Wanted) -> Iterator[Difference]:
    actual = value_at(resolved, path)
    if not isinstance(actual, str):
        yield Difference(path)
    elif not hmac.compare_digest(actual.encode("utf-8", "surrogatepass"), wanted.key.encode()):
        # Not doubtful either: another placeholder may lead to the same key today, and to none tomorrow.
        yield Difference(path)


def _credentials(resolved: dict[str, Any], path: tuple[str, ...]) -> Iterator[Difference]:
    """A header that would take the key's place."""
    headers = value_at(resolved, path)
    if isinstance(headers, dict):
        yield from (Difference((*path, name)) for name in headers if name.lower() == "authorization")


def _models(resolved: dict[str, Any], wanted: Wanted) -> Iterator[Difference]:
    for key in MODEL_KEYS:
        yield from _differs(resolved, (key,), wanted.model_reference)
    if not isinstance(value_at(resolved, wanted.provider_path), dict):
        return
    for model in wanted.catalog:
        path = (*wanted.provider_path, "models", model.id)
        if not isinstance(value_at(resolved, path), dict):
            yield Difference(path)
            continue
        yield from _differs(resolved, (*path, "id"), None, model.id)
        yield from _differs(resolved, (*path, "provider", "npm"), None, wanted.provider.package)
        yield from _differs(resolved, (*path, "provider", "api"), None, wanted.provider.base_url)
        yield from _credentials(resolved, (*path, "headers"))
