"""The stand-in's layers of configuration: where they lie, how one is read, and what they resolve to.

Owns the directories, the substitution in a text, the rewriting of files without ``$schema`` and the order of
the layers. It must not print and must not end the program: what is wrong is a ``Failure``.
"""

from __future__ import annotations

import os

from tests.mimocode.stand_in_jsonc import JsoncError, dumps, parse, quoted
from tests.mimocode.stand_in_schema import checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SCHEMA = "https://opencode.ai/config.json"
APP = "mimocode"
GIT_IGNORED = "node_modules\npackage.json\npackage-lock.json\nbun.lock\n.gitignore"
# What JavaScript's trim takes away.
JS_BLANK = (
    "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029"
    + ("\u202f\u205f\u3000\ufeff")
)
_BOM = "\ufeff"
_CONTENT = "MIMOCODE_CONFIG_CONTENT"
_MIMO: dict[str, Any] = {
    "name": "MiMo Auto (free)",
    "npm": "@ai-sdk/openai-compatible",
    "api": "https://api.xiaomimimo.com/api/free-ai/openai",
    "options": {"apiKey": "anonymous"},
    "models": {},
}
_MIMO_AUTO: dict[str, Any] = {
    "name": "MiMo Auto",
    "attachment": True,
    "reasoning": True,
    "tool_call": True,
    "temperature": True,
    "modalities": {"input": ["text", "image"], "output": ["text"]},
    "limit": {"context": 1_000_000, "output": 128_000},
    "cost": {"input": 0, "output": 0},
}


class Failure(Exception):
    """What a command ends with: its message for stderr."""


class Places:
    """The program's directories, as the environment decides.

    :raises Failure: a ``MIMOCODE_HOME`` that is no absolute path.
    """

    def __init__(self, env: dict[str, str]) -> None:
        self.home = env.get("HOME") or os.path.expanduser("~")
        own = env.get("MIMOCODE_HOME", "")
        if own and not os.path.isabs(own):
            raise Failure(f"MIMOCODE_HOME must be an absolute path, got: {quoted(own)}")
        self.config = self._place(own, "config", env.get("XDG_CONFIG_HOME"), ".config")
        self.data = self._place(own, "data", env.get("XDG_DATA_HOME"), ".local/share")
        self.cache = self._place(own, "cache", env.get("XDG_CACHE_HOME"), ".cache")
        self.state = self._place(own, "state", env.get("XDG_STATE_HOME"), ".local/state")
        self.bin = os.path.join(self.cache, "bin")
        self.log = os.path.join(self.data, "log")

    def _place(self, own: str, name: str, xdg: str | None, default: str) -> str:
        if own:
            return os.path.normpath(os.path.join(own, name))
        return os.path.normpath(os.path.join(xdg or os.path.join(self.home, default), APP))


def is_on(env: dict[str, str], name: str) -> bool:
    """Whether a switch is set: nothing but "1" and "true" sets it."""
    return env.get(name, "").lower() in ("1", "true")


def merged(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """Objects merged member by member; whatever else they hold is the higher one's."""
    result = {**low, **high}
    for name, value in high.items():
        below = low.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            result[name] = merged(below, value)
    return result


def _without_repeats(items: list[Any]) -> list[Any]:
    return [item for place, item in enumerate(items) if item not in items[:place]]


class Reader:
    """Reads one layer: text, substitution, JSONC, schema.

    :ivar env: the environment, for ``{env:…}``.
    :ivar home: for ``{file:~/…}``.
    """

    def __init__(self, env: dict[str, str], home: str) -> None:
        self.env, self.home = env, home

    def file(self, path: str) -> dict[str, Any]:
        """The layer in a file, which is rewritten if it lacks ``$schema``. A missing file is an empty one."""
        try:
            with open(path, "rb") as stream:
                text = stream.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise Failure(f"Unexpected error\n\n{problem}") from None
        # Decoding takes one BOM away, so a file that is rewritten has lost it.
        text = text.removeprefix(_BOM)
        if not text:
            return {}
        layer = self.text(text, path, os.path.dirname(path))
        if not layer.get("$schema"):
            layer["$schema"] = SCHEMA
            _rewrite(path, text)
        return layer

    def text(self, text: str, source: str, directory: str) -> dict[str, Any]:
        """The layer that a text is, with ``{file:…}`` relative to ``directory``."""
        expanded = self.with_files(self.with_variables(text), source, directory)
        try:
            data = parse(expanded)
        except JsoncError as error:
            raise Failure(
                f"Config file at {source} is not valid JSON(C): \n--- JSONC Input ---\n{expanded}\n"
                f"--- Errors ---\n{_pointed_at(expanded, error)}\n--- End ---"
            ) from None
        layer, issues = checked(data)
        if issues:
            raise Failure(
                "\n".join([f"Configuration is invalid at {source}", *("↳ " + line for line in issues)])
            )
        return dict(layer)

    def with_variables(self, text: str) -> str:
        """The text with each ``{env:NAME}`` replaced, by nothing if it is not set."""
        parts, at = [], 0
        for start, end in _tokens(text, "{env:"):
            parts += [text[at:start], self.env.get(text[start + 5 : end - 1], "")]
            at = end
        return "".join([*parts, text[at:]])

    def with_files(self, text: str, source: str, directory: str) -> str:
        """The text with each ``{file:PATH}`` replaced, but on lines that begin with ``//``."""
        parts, at = [], 0
        for start, end in _tokens(text, "{file:"):
            line = text[text.rfind("\n", 0, start) + 1 : start]
            if line.lstrip(JS_BLANK).startswith("//"):
                continue
            parts += [text[at:start], self.referred(text[start:end], source, directory)]
            at = end
        return "".join([*parts, text[at:]])

    def referred(self, token: str, source: str, directory: str) -> str:
        """What a ``{file:…}`` stands for, as the inside of a JSON string."""
        path = token[6:-1]
        if path.startswith("~/"):
            path = os.path.join(self.home, path[2:])
        path = os.path.normpath(os.path.join(os.getcwd(), directory, path))
        problem = f'Configuration is invalid at {source}: bad file reference: "{token}"'
        try:
            with open(path, "rb") as stream:
                content = stream.read().decode("utf-8", "replace")
        except FileNotFoundError:
            raise Failure(f"{problem} {path} does not exist") from None
        except OSError:
            raise Failure(problem) from None
        return quoted(content.strip(JS_BLANK))[1:-1]


def _tokens(text: str, opening: str) -> Iterator[tuple[int, int]]:
    """The start and the end of each ``{env:…}`` or ``{file:…}``; an empty one is none."""
    at = text.find(opening)
    while at >= 0:
        end = text.find("}", at + len(opening)) + 1
        if not end:
            return
        if end == at + len(opening) + 1:
            end = at + 1
        else:
            yield at, end
        at = text.find(opening, end)


def _pointed_at(text: str, error: JsoncError) -> str:
    before = text[: error.offset].split("\n")
    line, column = len(before), len(before[-1]) + 1
    problem = f"{error.code} at line {line}, column {column}"
    shown = text.split("\n")[line - 1]
    return f"{problem}\n   Line {line}: {shown}\n{'':>{column + 9}}^" if shown else problem


def _rewrite(path: str, text: str) -> None:
    rest = text.lstrip(JS_BLANK)
    if rest.startswith("{"):
        text = f'{{\n  "$schema": "{SCHEMA}",{rest[1:]}'
    try:
        # In place: the mode is kept, and a link is followed.
        with open(path, "wb") as stream:
            stream.write(text.encode("utf-8", "replace"))
    except OSError:
        pass  # a file that cannot be written is used as it is


class Layers:
    """All layers, from the lowest to the highest, in the order in which they are read."""

    def __init__(self, env: dict[str, str], places: Places, cwd: str) -> None:
        self.env, self.places, self.cwd = env, places, cwd
        self.reader = Reader(env, places.home)
        self.result: dict[str, Any] = {}
        self.project = not is_on(env, "MIMOCODE_DISABLE_PROJECT_CONFIG")
        self.extra_dir = env.get("MIMOCODE_CONFIG_DIR", "")

    def resolve(self) -> dict[str, Any]:
        """What the layers resolve to, built-in additions included."""
        self.merge(self.global_layer())
        if self.env.get("MIMOCODE_CONFIG"):
            self.merge(self.reader.file(self.env["MIMOCODE_CONFIG"]))
        for path in self.project_files():
            self.merge(self.reader.file(path))
        for name, empty in (("agent", {}), ("mode", {}), ("plugin", [])):
            self.result.setdefault(name, empty)
        for directory in self.directories():
            self.config_dir(directory)
        if self.env.get(_CONTENT):
            self.merge(self.reader.text(self.env[_CONTENT], _CONTENT, self.cwd))
        managed = self.env.get("MIMOCODE_TEST_MANAGED_CONFIG_DIR") or "/etc/opencode"
        if os.path.exists(managed):
            self.merge_dir(managed)
        self.tweak()
        self.add_built_in()
        return self.result

    def merge(self, layer: dict[str, Any]) -> None:
        """Put a layer on top. Instructions and plugins of the layers below are kept beside its own."""
        low, self.result = self.result, merged(self.result, layer)
        if "instructions" in low and "instructions" in layer:
            self.result["instructions"] = _without_repeats(low["instructions"] + layer["instructions"])
        # An empty list of plugins, though, takes those of the layers below away.
        if low.get("plugin") and layer.get("plugin"):
            self.result["plugin"] = _without_repeats(low["plugin"] + layer["plugin"])

    def merge_dir(self, directory: str) -> None:
        for name in (f"{APP}.json", f"{APP}.jsonc"):
            self.merge(self.reader.file(os.path.join(directory, name)))

    def global_layer(self) -> dict[str, Any]:
        """The three global files as one layer: among them instructions are replaced, as any list is."""
        layer: dict[str, Any] = {}
        for name in ("config.json", f"{APP}.json", f"{APP}.jsonc"):
            layer = merged(layer, self.reader.file(os.path.join(self.places.config, name)))
        legacy = os.path.join(self.places.config, "config")
        return _migrated(legacy, layer) if os.path.exists(legacy) else layer

    def upwards(self) -> Iterator[str]:
        """The directories from the current one to the work tree's root; outside of a repository to ``/``."""
        above = [self.cwd]
        while above[-1] != os.path.dirname(above[-1]):
            above.append(os.path.dirname(above[-1]))
        for directory in above:
            yield directory
            # In a linked work tree it is a file.
            if os.path.exists(os.path.join(directory, ".git")):
                return

    def project_files(self) -> list[str]:
        if not self.project:
            return []
        names = (f"{APP}.jsonc", f"{APP}.json")
        paths = [os.path.join(directory, name) for directory in self.upwards() for name in names]
        return [path for path in reversed(paths) if os.path.exists(path)]

    def directories(self) -> list[str]:
        """The directories of configuration. One that comes twice has its first place."""
        above = [*self.upwards()] if self.project else []
        own = [os.path.join(directory, f".{APP}") for directory in [*above, self.places.home]]
        found = [self.places.config, *(path for path in own if os.path.exists(path))]
        return _without_repeats(found + ([self.extra_dir] if self.extra_dir else []))

    def config_dir(self, directory: str) -> None:
        """Merge what a directory holds, and make it ignore what packages of plugins leave there."""
        if directory.endswith(f".{APP}") or directory == self.extra_dir:
            self.merge_dir(directory)
        ignore = os.path.join(directory, ".gitignore")
        if os.path.exists(ignore):
            return
        try:
            os.makedirs(directory, exist_ok=True)
            with open(ignore, "w", encoding="ascii") as stream:
                stream.write(GIT_IGNORED)
        except PermissionError:
            pass
        except OSError as problem:
            raise Failure(f"Unexpected error\n\n{problem}") from None

    def tweak(self) -> None:
        """What variables of the environment and members of old layouts change in the end."""
        result, env = self.result, self.env
        for name, mode in dict(result["mode"]).items():
            result["agent"] = merged(result["agent"], {name: {**mode, "mode": "primary"}})
        result.setdefault("command", {})
        if env.get("MIMOCODE_PERMISSION"):
            permission = _as_permission(result.get("permission", {}))
            result["permission"] = merged(permission, parse(env["MIMOCODE_PERMISSION"]))
        if "tools" in result:
            tools = {_tool(name): "allow" if on else "deny" for name, on in result["tools"].items()}
            result["permission"] = merged(tools, _as_permission(result.get("permission", {})))
        result["username"] = result.get("username") or env.get("USER") or "unknown"
        if result.get("autoshare") is True and not result.get("share"):
            result["share"] = "auto"
        for name in ("autocompact", "prune"):
            if is_on(env, f"MIMOCODE_DISABLE_{name.upper()}"):
                result["compaction"] = {**result.get("compaction", {}), name.removesuffix("compact"): False}

    def add_built_in(self) -> None:
        """What the program's own plugins add to every configuration."""
        providers = self.result.setdefault("provider", {})
        providers.setdefault("xiaomi", {"name": "MiMo"})
        mimo = providers.setdefault("mimo", {**_MIMO, "models": {}})
        mimo.setdefault("models", {}).setdefault("mimo-auto", dict(_MIMO_AUTO))
        disabled = self.result.get("disabled_providers", [])
        self.result["disabled_providers"] = _without_repeats([*disabled, "opencode", "opencode-go"])


def _tool(name: str) -> str:
    return "edit" if name in ("write", "edit", "patch", "multiedit") else name


def _as_permission(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"*": value}


def _migrated(legacy: str, layer: dict[str, Any]) -> dict[str, Any]:
    """Merge the TOML file of old into ``config.json`` beside it, and delete it."""
    import tomllib

    try:
        with open(legacy, "rb") as stream:
            old = tomllib.load(stream)
    except (OSError, ValueError):
        return layer
    provider, model = old.pop("provider", None), old.pop("model", None)
    if provider and model:
        layer["model"] = f"{provider}/{model}"
    layer = merged({**layer, "$schema": SCHEMA}, old)
    with open(f"{legacy}.json", "w", encoding="utf-8") as stream:
        stream.write(dumps(layer, 2))
    os.unlink(legacy)
    return layer
