"""What MiMoCode 0.1.0 accepts in a configuration, for the stand-in.

Owns the check of one layer and what it drops from it. It must not know files or layers. Only what a provider
is set up with is described in full; of other subjects the outermost type is looked at.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# A shape is a type's name, a list that holds the shape of its items, a dict {"*": shape of every member}, a
# dict of members (a name with "!" must be there, "..." keeps members without a shape, which are dropped
# otherwise), or a tuple of alternatives, where "=x" is the string x itself.
_STRINGS = ["string"]
_COST: dict[str, Any] = {
    "input!": "number",
    "output!": "number",
    "cache_read": "number",
    "cache_write": "number",
}
_KINDS = ("=text", "=audio", "=image", "=video", "=pdf")
_MODEL: dict[str, Any] = {
    "id": "string",
    "name": "string",
    "family": "string",
    "release_date": "string",
    "attachment": "boolean",
    "reasoning": "boolean",
    "temperature": "boolean",
    "tool_call": "boolean",
    "interleaved": ("boolean", {"field!": ("=reasoning", "=reasoning_content", "=reasoning_details")}),
    "cost": {**_COST, "context_over_200k": _COST},
    "limit": {"context!": "number", "input": "number", "output!": "number"},
    "modalities": {"input!": [_KINDS], "output!": [_KINDS]},
    "experimental": "boolean",
    "status": ("=alpha", "=beta", "=deprecated"),
    "cachePromptTTL": ("=5m", "=1h"),
    "provider": {"npm": "string", "api": "string"},
    "options": "object",
    "headers": {"*": "string"},
    "variants": {"*": {"disabled": "boolean", "...": "any"}},
}
_PROVIDER: dict[str, Any] = {
    "api": "string",
    "name": "string",
    "env": _STRINGS,
    "id": "string",
    "npm": "string",
    "whitelist": _STRINGS,
    "blacklist": _STRINGS,
    "options": {
        "apiKey": "string",
        "baseURL": "string",
        "enterpriseUrl": "string",
        "setCacheKey": "boolean",
        "timeout": ("number", "boolean"),
        "chunkTimeout": "number",
        "...": "any",
    },
    "models": {"*": _MODEL},
}
_OBJECTS = (
    "server command skills compose watcher mode agent mcp tool enterprise compaction checkpoint memory "
    "history dream distill voice experimental workflow model_groups"
)
_CONFIG: dict[str, Any] = {
    "$schema": "string",
    "logLevel": "string",
    "snapshot": "boolean",
    "plugin": ["any"],
    "share": ("=manual", "=auto", "=disabled"),
    "autoshare": "boolean",
    "autoupdate": ("boolean", "=notify"),
    "disabled_providers": _STRINGS,
    "enabled_providers": _STRINGS,
    "model": "string",
    "small_model": "string",
    "vision_model": "string",
    "default_agent": "string",
    "username": "string",
    "provider": {"*": _PROVIDER},
    "formatter": ("object", "boolean"),
    "lsp": ("object", "boolean"),
    "instructions": _STRINGS,
    "layout": ("=auto", "=stretch"),
    "permission": ("object", "string"),
    "tools": {"*": "boolean"},
    **dict.fromkeys(_OBJECTS.split(), "object"),
}
# Of an earlier layout of the program; they are dropped without a word.
_LEGACY = ("theme", "keybinds", "tui")


def checked(data: Any) -> tuple[Any, list[str]]:
    """The layer without what the schema does not know, and a line for each thing that is wrong with it."""
    if not isinstance(data, dict):
        return data, list(_issues(data, "object", ""))
    data = {name: value for name, value in data.items() if name not in _LEGACY}
    issues = [issue for name in data if name in _CONFIG for issue in _issues(data[name], _CONFIG[name], name)]
    unknown = [f'"{name}"' for name in data if name not in _CONFIG]
    if unknown:
        issues.append(f"Unrecognized key{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)} ")
    return _kept(data, _CONFIG), issues


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((str, "string"), (dict, "object"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "number"


def _issues(value: Any, shape: Any, path: str) -> Iterator[str]:
    if isinstance(shape, tuple):
        if not any(_matches(value, alternative) for alternative in shape):
            yield f"Invalid input {path}"
    elif isinstance(shape, str):
        if shape not in ("any", _type(value)):
            yield f"Invalid input: expected {shape}, received {_type(value)} {path}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"Invalid input: expected array, received {_type(value)} {path}"
        else:
            for place, item in enumerate(value):
                yield from _issues(item, shape[0], f"{path}.{place}")
    elif not isinstance(value, dict):
        kind = "record" if "*" in shape else "object"
        yield f"Invalid input: expected {kind}, received {_type(value)} {path}"
    else:
        yield from _member_issues(value, shape, path)


def _member_issues(value: dict[str, Any], shape: dict[str, Any], path: str) -> Iterator[str]:
    for name, member in value.items():
        if (expected := _shape_of(name, shape)) is not None:
            yield from _issues(member, expected, f"{path}.{name}")
    for name, expected in shape.items():
        if name.endswith("!") and name[:-1] not in value:
            kind = expected if isinstance(expected, str) else "array"
            yield f"Invalid input: expected {kind}, received undefined {path}.{name[:-1]}"


def _matches(value: Any, alternative: Any) -> bool:
    if isinstance(alternative, str) and alternative.startswith("="):
        return bool(value == alternative[1:])
    return not any(_issues(value, alternative, ""))


def _shape_of(name: str, shape: dict[str, Any]) -> Any:
    return shape.get(name, shape.get(f"{name}!", shape.get("*")))


def _kept(value: Any, shape: Any) -> Any:
    """The value without members that have no shape."""
    if not isinstance(value, dict) or not isinstance(shape, dict):
        return value
    shapes = {name: _shape_of(name, shape) for name in value}
    return {
        name: _kept(member, shapes[name])
        for name, member in value.items()
        if shapes[name] is not None or "..." in shape
    }
