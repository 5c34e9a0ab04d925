"""What cc switch does to the text of a config.toml.

Owns edits of text, after the manner of the ``toml_edit`` that cc switch uses: whatever is not edited stays as
it is, a new key comes after the last one of its table, and what goes takes the comments above it along. But
for tables without a header, they are not done with the library that the package under test edits with, so
that the two do not share its faults. Reads and writes no files.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import tomlkit

PLACEHOLDER = "PROXY_MANAGED"
OFFICIAL_ROUTE = "cc-switch-official"
CATALOG_NAME = "cc-switch-model-catalog.json"

_RESERVED = {"amazon-bedrock", "openai", "ollama", "lmstudio", "oss", "ollama-chat"}
_NO_SEARCH_HOSTS = ("xiaomimimo.com", "longcat.chat", "minimax.io", "minimaxi.com")
_NO_SEARCH_MODELS = ("mimo", "longcat", "minimax", "qwen3-coder")
_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://0.0.0.0", "http://[::1]")
_TOKEN = "experimental_bearer_token"

_Path = tuple[str, ...]


@dataclass
class _Statement:
    """Some lines of a document: a table's header, a key with its value, or (without a path) neither.

    :ivar equals: for a key, where its "=" is.
    """

    text: str
    path: _Path | None = None
    equals: int | None = None

    @property
    def header(self) -> bool:
        return self.path is not None and self.equals is None


def _statements(text: str) -> list[_Statement]:
    found: list[_Statement] = []
    table: _Path = ()
    pending = ""
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        pending += line
        # Of the lines of one value, only all together are TOML.
        if not _parses(pending):
            continue
        if not tomllib.loads(pending):
            found.append(_Statement(pending))
        elif pending.lstrip().startswith("["):
            table = _follow(tomllib.loads(pending))
            found.append(_Statement(pending, table))
        else:
            path, equals = _key(pending)
            found.append(_Statement(pending, table + path, equals))
        pending = ""
    if pending:
        tomllib.loads(text)  # says what is wrong
    return found


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _follow(value: Any) -> _Path:
    """The one way through tables which hold one thing each."""
    path: list[str] = []
    while isinstance(value, dict) and value:
        [(key, value)] = value.items()
        value = value[0] if isinstance(value, list) else value
        path.append(key)
    return tuple(path)


def _key(text: str) -> tuple[_Path, int]:
    equals = text.index("=")
    while not _parses(f"{text[:equals]}=0"):  # an "=" in a quoted key
        equals = text.index("=", equals + 1)
    return _follow(tomllib.loads(f"{text[:equals]}=0")), equals


def get(text: str, *path: str) -> Any:
    """A value, or None if there is none."""
    value: Any = tomllib.loads(text)
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def put(text: str, path: _Path, value: Any) -> str:
    """Set a value that is not a table."""
    statements = _statements(text)
    literal = tomlkit.item(value).as_string()
    for statement in statements:
        if statement.path == path and statement.equals is not None:
            statement.text = f"{statement.text[: statement.equals]}= {literal}\n"
            return _join(statements)
    table = path[:-1]
    headers = [index for index, statement in enumerate(statements) if statement.header]
    if table:
        start = next((index for index in headers if statements[index].path == table), None)
        if start is None and get(text, *table) is not None:
            return _elsewhere(text, path, value)
        if start is None:
            names = ".".join(tomlkit.key(name).as_string() for name in table)
            statements.append(_Statement(f"{chr(10) if text else ''}[{names}]\n", table))
            start = len(statements) - 1
    else:
        start = -1
    end = next((index for index in headers if index > start), len(statements))
    while end > start + 1 and statements[end - 1].path is None:
        end -= 1
    key = tomlkit.key(path[-1]).as_string()
    statements.insert(end, _Statement(f"{key} = {literal}\n", path, len(key) + 1))
    return _join(statements)


def drop(text: str, path: _Path) -> str:
    """Take out a value or a table, if it is there."""
    if get(text, *path) is None:
        return text
    kept: list[_Statement] = []
    above: list[_Statement] = []
    for statement in _statements(text):
        if statement.path is None:
            above.append(statement)
            continue
        if statement.path[: len(path)] != path:
            kept += [*above, statement]
        above = []
    after = _join([*kept, *above])
    return after if get(after, *path) is None else _elsewhere(text, path, None)


def _join(statements: list[_Statement]) -> str:
    """A last line may lack its newline; any other needs it."""
    text = "".join(s.text if s.text.endswith("\n") else f"{s.text}\n" for s in statements[:-1])
    return text + "".join(s.text for s in statements[-1:])


def _elsewhere(text: str, path: _Path, value: Any) -> str:
    """Edit a table that has no header of its own: an inline one, or one of dotted keys."""
    document = tomlkit.parse(text)
    table: Any = document
    for key in path[:-1]:
        table = table[key]
    if value is None:
        del table[path[-1]]
    else:
        table[path[-1]] = value
    return document.as_string()


def leaves(table: dict[str, Any], above: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """The values in a table and its tables."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def has_snippet(text: str, snippet: str) -> bool:
    """Whether a text says all that the snippet of common configuration says."""
    parts = list(leaves(tomllib.loads(snippet)))
    return bool(parts) and all(get(text, *path) == value for path, value in parts)


def with_snippet(text: str, snippet: str) -> str:
    for path, value in leaves(tomllib.loads(snippet)):
        if get(text, *path) != value:
            text = put(text, path, value)
    return text


def without_snippet(text: str, snippet: str) -> str:
    for path, value in leaves(tomllib.loads(snippet)):
        if get(text, *path) == value:
            text = drop(text, path)
            while (path := path[:-1]) and get(text, *path) == {}:
                text = drop(text, path)
    return text


def _active_table(text: str) -> _Path:
    """Where the active provider's keys are: at the top if its id is reserved, or its table is missing."""
    active = get(text, "model_provider")
    if not isinstance(active, str) or active in _RESERVED:
        return ()
    path = ("model_providers", active)
    return path if isinstance(get(text, *path), dict) else ()


def base_url(text: str) -> str | None:
    """Where the active provider is."""
    found = get(text, *_active_table(text), "base_url") or get(text, "base_url")
    return found if isinstance(found, str) else None


def token(text: str) -> str | None:
    """The key that a config.toml carries itself."""
    found = get(text, *_active_table(text), _TOKEN) or get(text, _TOKEN)
    return found.strip() or None if isinstance(found, str) else None


def with_token(text: str, key: str) -> str:
    return put(text, (*_active_table(text), _TOKEN), key)


def without_token(text: str, which: Callable[[str], bool] = lambda _: True) -> str:
    for table in {_active_table(text), ()}:
        found = get(text, *table, _TOKEN)
        if isinstance(found, str) and which(found):
            text = drop(text, (*table, _TOKEN))
    return text


def without_mcp_servers(text: str) -> str:
    return drop(text, ("mcp_servers",))


def with_mcp_server(text: str, name: str, server: dict[str, Any]) -> str:
    text = drop(text, ("mcp_servers", name))
    for path, value in leaves(server):
        text = put(text, ("mcp_servers", name, *path), value)
    return text


def with_catalog(text: str, present: bool, search_off: bool) -> str:
    """Point at the catalog, or no longer. What the user set himself stays."""
    pointer = get(text, "model_catalog_json")
    ours = isinstance(pointer, str) and re.split(r"[/\\]", pointer)[-1] == CATALOG_NAME
    if present and (ours or pointer is None):
        text = put(text, ("model_catalog_json",), CATALOG_NAME)
    elif ours:
        text = drop(text, ("model_catalog_json",))
    if search_off:
        return put(text, ("web_search",), "disabled")
    return drop(text, ("web_search",)) if get(text, "web_search") == "disabled" else text


def refuses_search(text: str) -> bool:
    """Whether the provider's own Responses endpoint is known to refuse the web_search tool."""
    host = (urlsplit(base_url(text) or "").hostname or "").lower()
    model = str(get(text, "model") or "").lower().rsplit("/", 1)[-1]
    return any(name in host for name in _NO_SEARCH_HOSTS) or model.startswith(_NO_SEARCH_MODELS)


def with_route(text: str, url: str, *, official: bool) -> str:
    """Send Codex to cc switch's own proxy."""
    if official:
        text = put(text, ("model_provider",), OFFICIAL_ROUTE)
        text = put(text, ("model_providers", OFFICIAL_ROUTE, "name"), "OpenAI")
        text = put(text, ("model_providers", OFFICIAL_ROUTE, "requires_openai_auth"), True)
    table = _active_table(text)
    return put(put(text, (*table, "base_url"), url), (*table, "wire_api"), "responses")


def is_routed(text: str) -> bool:
    return token(text) == PLACEHOLDER or get(text, "model_provider") == OFFICIAL_ROUTE


def without_route(text: str) -> str:
    """The last resort of cc switch's cleanup, which takes any address on this machine for its own."""
    table = _active_table(text)
    for path in {(*table, "base_url"), ("base_url",)}:
        url = get(text, *path)
        if isinstance(url, str) and url.strip().startswith(_LOOPBACK):
            text = drop(text, path)
    text = without_token(text, lambda found: found == PLACEHOLDER)
    if get(text, "model_provider") == OFFICIAL_ROUTE:
        text = drop(drop(text, ("model_provider",)), ("model_providers", OFFICIAL_ROUTE))
    return text
