"""The stand-in's providers and models: which a configuration offers, and how they are listed.

Owns what hides a provider or a model. It must not send anything and must not read configuration.
"""

from __future__ import annotations

from tests.mimocode.stand_in_jsonc import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMPATIBLE = "@ai-sdk/openai-compatible"
# What is taken for a model that states no limit.
ASSUMED_CONTEXT = 1_000_000
# The order of the root collation; letters of one kind come together, the small one first.
_COLLATED = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"


def offered(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The models of each provider that a resolved configuration leaves; one without models is not there."""
    providers = {
        name: {key: model for key, model in entry.get("models", {}).items() if _is_offered(key, model, entry)}
        for name, entry in config.get("provider", {}).items()
        if _is_allowed(name, config)
    }
    return {name: models for name, models in providers.items() if models}


def _is_allowed(name: str, config: dict[str, Any]) -> bool:
    enabled = config.get("enabled_providers")
    return (enabled is None or name in enabled) and name not in config.get("disabled_providers", [])


def _is_offered(key: str, model: dict[str, Any], provider: dict[str, Any]) -> bool:
    if model.get("status") in ("alpha", "deprecated") or key in provider.get("blacklist", []):
        return False
    return "whitelist" not in provider or key in provider["whitelist"]


def listing(config: dict[str, Any], only: str, verbose: bool) -> str:
    """The lines of ``mimo models``, of one provider or of all; empty if the one is not there."""
    providers = offered(config)
    names = [only] if only else sorted(providers, key=_opencode_first)
    lines = []
    for name in names:
        for key in sorted(providers.get(name, {}), key=collated):
            lines.append(f"{name}/{key}\n")
            if verbose:
                lines.append(dumps(described(name, key, config["provider"][name]), 2) + "\n")
    return "".join(lines)


def collated(text: str) -> tuple[list[int], list[bool]]:
    """A key that sorts names as ``localeCompare`` does."""
    places = {character: _COLLATED.find(character.lower()) for character in text}
    weights = [places[character] if places[character] >= 0 else ord(character) for character in text]
    return weights, [character.isupper() for character in text]


def _opencode_first(name: str) -> tuple[bool, tuple[list[int], list[bool]]]:
    return not name.startswith("opencode"), collated(name)


def described(provider: str, key: str, entry: dict[str, Any]) -> dict[str, Any]:
    """A model as ``--verbose`` prints it."""
    model: dict[str, Any] = entry["models"][key]
    override, cost = model.get("provider", {}), model.get("cost", {})
    limit: dict[str, Any] = model.get("limit") or {"context": ASSUMED_CONTEXT, "output": 0}
    return {
        "id": key,
        "api": {
            "id": model.get("id", key),
            "npm": override.get("npm") or entry.get("npm") or COMPATIBLE,
            "url": override.get("api") or entry.get("api") or "",
        },
        "status": model.get("status", "active"),
        "name": model.get("name") or model.get("id") or key,
        "providerID": provider,
        "capabilities": _capabilities(model),
        "cost": {
            "input": cost.get("input", 0),
            "output": cost.get("output", 0),
            "cache": {"read": cost.get("cache_read", 0), "write": cost.get("cache_write", 0)},
        },
        "options": model.get("options", {}),
        "limit": limit,
        "headers": model.get("headers", {}),
        "family": model.get("family", ""),
        "release_date": model.get("release_date", ""),
        "variants": model.get("variants", {}),
    }


def _capabilities(model: dict[str, Any]) -> dict[str, Any]:
    modalities = model.get("modalities", {"input": ["text"], "output": ["text"]})
    kinds = ("text", "audio", "image", "video", "pdf")
    return {
        "temperature": model.get("temperature", False),
        "reasoning": model.get("reasoning", False),
        "attachment": model.get("attachment", False),
        "toolcall": model.get("tool_call", True),
        "input": {kind: kind in modalities["input"] for kind in kinds},
        "output": {kind: kind in modalities["output"] for kind in kinds},
        "interleaved": model.get("interleaved", False),
    }
