"""One text rewritten, with the memory of how it was before.

Owns what is an original: the text as it would be without us, whoever edited it since; and what of a text is
ours although somebody else put it there. It must not decide which values are set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ccmimolink.private_files import File
from ccmimolink.sync.json_text import read_json, with_string
from ccmimolink.sync.rows import Route, table_route
from ccmimolink.sync.state import Made, Written, digest, latest, reverted
from ccmimolink.sync.toml_text import Change, TomlError, changed, lookup, read_toml
from ccmimolink.sync.world import text_of

CATALOG_PATH = ("model_catalog_json",)
Values = Mapping[tuple[str, ...], Any]
"""What is to stand where; None: nothing."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a TOML text is kept in a store's bytes."""

    text: Callable[[bytes], str]
    with_text: Callable[[bytes, str], bytes]


LIVE = Form(text_of, lambda _content, text: text.encode())


def _row_text(content: bytes) -> str:
    return str(read_json(content.decode())["config"])


def _row_with_text(content: bytes, text: str) -> bytes:
    """The same text may be written with other escapes, so it stays as it is written."""
    return content if _row_text(content) == text else with_string(content.decode(), "config", text).encode()


ROW = Form(_row_text, _row_with_text)


@dataclass(frozen=True, slots=True)
class RowEdit:
    """:ivar before: the row's text as it was read; the edit is void if it is another by now."""

    provider_id: str
    before: str = field(repr=False)
    after: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LiveEdit:
    """:ivar after: None takes the file away.
    :ivar mode: the permission bits that it is to have.
    :ivar replaces_ours: the former content is just what we wrote, of which no copy is worth keeping.
    """

    path: Path
    before: File
    after: bytes | None = field(repr=False)
    mode: int
    replaces_ours: bool = False

    @property
    def changes_content(self) -> bool:
        return self.before.content != self.after

    @property
    def needs_backup(self) -> bool:
        return self.before.content is not None and self.changes_content and not self.replaces_ours


@dataclass(frozen=True, slots=True)
class Edit:
    """The two stores, changed together."""

    row: RowEdit | None = None
    live: LiveEdit | None = None

    def __bool__(self) -> bool:
        return self.row is not None or self.live is not None


def rewritten(
    content: bytes,
    values: Values,
    form: Form,
    written: Written | None,
    mode: int | None = None,
    table: tuple[str, ...] = (),
) -> tuple[bytes, Written]:
    """The content with the values in it, and what to remember of it.

    :param written: what is remembered of earlier runs. Its values that are not among these are taken back.
    :param table: made, where it is not there, of the values that belong in it.
    :raises TomlError: it cannot be changed.
    :raises JsonError: the same, of the JSON around it.
    """
    text = form.text(content)
    earlier = written.made if written is not None else ()
    digests: tuple[str, ...] = ()
    original: bytes | None = content
    if written is not None and written.is_ours(content):
        original, digests = written.original, written.digests
    elif written is not None:
        original = form.with_text(content, reverted(text, written))
    document, was = read_toml(text), read_toml(form.text(original)) if original is not None else {}
    dropped = {
        made.path: made.former
        for made in earlier
        if made.path not in values and lookup(document, made.path) in made.ours
    }
    makes_table = bool(table) and lookup(document, table) is None
    changes = [
        Change(path, value)
        for path, value in {**dropped, **values}.items()
        if not makes_table or path[: len(table)] != table
    ]
    if makes_table:
        changes.append(Change(table, _table_of(values, table)))
    after = form.with_text(content, changed(text, changes))
    if after == content and written is not None:
        return after, written
    made = {one.path: one for one in earlier} | {
        path: Made(path, latest(_ours(earlier, path), value), _former(was, path))
        for path, value in values.items()
        if value is not None
    }
    remembered = written.mode if written is not None else None
    made_table = table if makes_table else written.table if written is not None else ()
    return after, Written(
        original=original,
        digests=latest(digests, digest(after)),
        made=tuple(made.values()),
        mode=mode if remembered is None else remembered,
        table=made_table,
    )


def adopted(written: Written | None, route: Route | None, former: str, catalog: str) -> Written | None:
    """What is remembered of a text, and what else in it is ours: cc switch copies our values between the row
    and the live file, and renames tables; and the state may be lost.

    :param route: of the text, if it leads to us.
    :param former: where it would lead without us.
    :param catalog: the path of our model catalog.
    :returns: None where nothing is ours.
    """
    if written is None and route is None:
        return None
    known = written if written is not None else Written(original=None, digests=(), made=())
    made = {one.path: one for one in known.made}
    found = [Made(CATALOG_PATH, (catalog,))]
    if route is not None:
        found.append(Made((*route.table, "base_url"), (route.base_url,), former))
        for name, value in route.headers.items():
            header = (*route.table, "http_headers", name)
            made.setdefault(header, Made(header, (value,)))
    for one in found:
        earlier = made.get(one.path, one)
        made[one.path] = replace(earlier, ours=latest(earlier.ours, one.ours[0]))
    return replace(known, made=tuple(made.values()))


def mended(content: bytes, url: str, is_our_key: Callable[[str], bool]) -> bytes:
    """A live configuration with our address, if cc switch's cleanup took it for one of its own.

    Then our header is there, and no address beside it.

    :raises TomlError: it is no TOML.
    """
    text = text_of(content)
    document = read_toml(text)
    provider = document.get("model_provider")
    table = lookup(document, ("model_providers", str(provider)))
    if not isinstance(provider, str) or not isinstance(table, dict) or "base_url" in table:
        return content
    route = table_route({"model_providers": {provider: {**table, "base_url": url}}}, provider)
    if route is None or not any(map(is_our_key, route.headers.values())):
        return content
    return changed(text, [Change((*route.table, "base_url"), url)]).encode()


def _table_of(values: Values, table: tuple[str, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for path, value in values.items():
        if path[: len(table)] == table:
            *parents, key = path[len(table) :]
            inner = made
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[key] = value
    return made


def _former(document: dict[str, Any], path: tuple[str, ...]) -> str | None:
    """What could be put back."""
    former = lookup(document, path)
    if former is not None and not isinstance(former, str):
        raise TomlError(f"has something else than a text at {'.'.join(path)}")
    return former


def _ours(earlier: tuple[Made, ...], path: tuple[str, ...]) -> tuple[Any, ...]:
    return next((made.ours for made in earlier if made.path == path), ())
