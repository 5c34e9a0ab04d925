"""What a dry run shows of a change: a unified diff without a single secret.

Owns the masks. Whatever may be a credential is hidden: by where it stands, by its name, and by its look. What
is shown must stay a diff of what is there: two values that differ are two lines, though both are masked. What
does not change is not shown, since a comment there may hold what no rule finds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import unified_diff
from typing import Any

from ccmimolink.printable import printable
from ccmimolink.sync.toml_places import Path, Places
from ccmimolink.sync.toml_text import BOM, TomlError, places_in, read_toml

MASK = "***"
_LEAST = 6
"""A secret that is shorter is hidden where it stands only: everywhere, it would hide harmless words too."""

_SECRET_NAME = re.compile(r"key|token|secret|passw|auth|bearer|credential|cookie|session", re.IGNORECASE)
_SECRET_TABLES = frozenset({"http_headers", "headers", "env", "query_params"})
_SECRET_COMMENT = re.compile(rf"({_SECRET_NAME.pattern}|headers|env|params).*?[=:]", re.IGNORECASE)
_NAMES_A_VARIABLE = re.compile(r"env_key|env_var|env_vars", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]{0,15}(_[A-Z0-9]{0,15})*|_[A-Z0-9_]{0,15}")
"""As variables are named by custom, in words. A key in capitals is one long word."""
_SECRET_LOOK = re.compile(
    r"\b(?:sk|tp|ttp|gp|pk|ghp|gho|xox[a-z])[-_][A-Za-z0-9_\-.]{6,}"
    r"|\beyJ[\w\-.]{10,}"
    r"|(?<=://)[^/\s\"'@]+(?=@)"
    r"|(?<=[?&])[^\s\"'&]+"
    r"|\b(?=\w*[0-9])(?=\w*[A-Za-z])[A-Za-z0-9]{32,}"
)
_URL = re.compile(r"(?<=://)[^\s\"'<>]+")
_WORD = re.compile(r"[\w+~.\-]+")
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z]).{8,}|(?=.*[0-9])(?=.*[A-Za-z]).{20,}")
"""A word that nobody chose: letters of both kinds and digits, or long."""
_TABLES_OF_IDS = frozenset({"model_providers", "mcp_servers", "profiles", "projects"})
_HARMLESS_LINE = re.compile(r"\s*(\[[\w.\- ]*\]\s*)?")
_PLAIN_NAME = re.compile(r"[\w.\- ]+")
_HARMLESS = frozenset({"", "true", "false", MASK})


def masked_diff(before: str, after: str, name: str, keys: Collection[str] = ()) -> str:
    """:param keys: secrets that are known beforehand."""
    name = printable(name)
    secrets = {*keys, *_secrets_in(before), *_secrets_in(after)} - _HARMLESS
    shown: list[str] = []
    numbers: dict[tuple[str, str], str] = {}

    def numbered(text: str) -> list[str]:
        """Stand-ins for the lines, which differ where the lines do."""
        masked_lines = masked(_without_places(text), secrets).split("\n")
        for line in zip(text.split("\n"), masked_lines, strict=True):
            if line not in numbers:
                numbers[line] = str(len(shown))
                shown.append(line[1].removesuffix("\r"))
        lines = [numbers[line] for line in zip(text.split("\n"), masked_lines, strict=True)]
        return lines[:-1] if text.endswith("\n") or not text else lines

    diff = unified_diff(
        numbered(before), numbered(after), f"{name} (now)", f"{name} (then)", n=0, lineterm=""
    )
    lines = (line[0] + shown[int(line[1:])] if line[1:].isdigit() else line for line in diff)
    return "".join(f"{line}\n" for line in lines)


def masked(text: str, secrets: Collection[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _URL.sub(_with_masked_path, _SECRET_LOOK.sub(MASK, text))


def _with_masked_path(url: re.Match[str]) -> str:
    host, slash, path = url[0].partition("/")
    return f"{host}{slash}{_without_mixed_words(path)}"


def _without_mixed_words(text: str) -> str:
    return _WORD.sub(lambda word: MASK if _MIXED.fullmatch(word[0]) else word[0], text)


def _is_secret(path: Path, value: Any) -> bool:
    """By its place and name. The ids of providers and servers are no names of what is in them."""
    if any(key in _SECRET_TABLES for key in path[:-1]):
        return True
    if isinstance(value, list) and any(isinstance(one, str) and _SECRET_NAME.search(one) for one in value):
        return True  # the arguments of a command
    names = path[:1] + path[2:] if path[0] in _TABLES_OF_IDS else path
    if any(_SECRET_NAME.search(name) and not _NAMES_A_VARIABLE.search(name) for name in names):
        return not isinstance(value, (int, float))
    # Some write the key itself where its variable is to be named.
    names_variables = any(map(_NAMES_A_VARIABLE.search, names))
    return names_variables and not all(map(_VARIABLE.fullmatch, _strings(value)))


def _secrets_in(text: str) -> Iterator[str]:
    try:
        for _, value in _secret_places(text.removeprefix(BOM), places_in(text.removeprefix(BOM))):
            yield from (secret for secret in _strings(value) if len(secret) >= _LEAST)
    except (TomlError, ValueError):
        return


def _secret_places(text: str, found: Places) -> Iterator[tuple[tuple[int, int], Any]]:
    for entry in found.entries:
        start, end = entry.value
        value = read_toml(f"x = {text[start:end]}")["x"]
        if _is_secret(entry.path, value):
            yield entry.value, value


def _strings(value: Any) -> Iterator[str]:
    """The lines of the strings: what is masked may not lie across lines of a diff."""
    if isinstance(value, str):
        yield from value.splitlines()
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _without_places(text: str) -> str:
    """Without the secrets that are so by place or name, as many lines as before."""
    text = text.removeprefix(BOM)
    try:
        read_toml(text)
        found = places_in(text)
        spans = [span for span, _ in _secret_places(text, found)]
    except (TomlError, ValueError):
        return "\n".join(map(_with_names_only, text.split("\n")))
    for start, end in _outermost(spans):
        text = text[:start] + re.sub(r"[^\r\n]+", f'"{MASK}"', text[start:end]) + text[end:]
    for comment in found.comments:
        text = text.replace(comment, _masked_comment(comment))
    return text


def _masked_comment(comment: str) -> str:
    secret = _SECRET_COMMENT.search(comment)
    return _without_mixed_words(comment if secret is None else f"{comment[: secret.end()]} {MASK}")


def _with_names_only(line: str) -> str:
    """Of a text that is no TOML nothing is known, so no value is shown."""
    if _HARMLESS_LINE.fullmatch(line):
        return line
    name, sign, _ = line.partition("=")
    return f"{name}= {MASK}" if sign and _PLAIN_NAME.fullmatch(name) else MASK


def _outermost(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """From the last, so that a place stays where it is until its turn."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (-span[1], span[0])):
        if not kept or end <= kept[-1][0]:
            kept.append((start, end))
    return kept
