"""What we changed, remembered: the true upstream, the originals, and what was chosen.

Owns the state file. It must not be read for anything that cc switch or Codex say themselves, and is written
before anything of theirs is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.files import read_file, write_file
from ccmimolink.sync.toml_text import Change, TomlError, changed, lookup, read_toml

_PROVIDER, _MODEL = ("model_provider",), ("model",)

KEPT = 16
"""Of what we wrote, how many values and digests are recognised as ours."""


class Made(Struct, frozen=True):
    """One value that we set.

    :ivar ours: what we set it to, the latest last.
    :ivar former: what stood there before; None: nothing.
    """

    path: tuple[str, ...]
    ours: tuple[Any, ...]
    former: str | None = None


class Written(Struct, frozen=True):
    """One text that we changed.

    :ivar original: it without our changes, exactly; None where there was no file.
    :ivar digests: of what we wrote from this original, the latest last.
    :ivar mode: the file's, before.
    :ivar table: one that was not there and that we made; empty where we made none.
    """

    original: bytes | None
    digests: tuple[str, ...]
    made: tuple[Made, ...]
    mode: int | None = None
    table: tuple[str, ...] = ()

    def is_ours(self, content: bytes) -> bool:
        """Whether this is just what we wrote."""
        return digest(content) in self.digests


class Takeover(Struct, frozen=True):
    """One route that leads to us.

    :ivar provider_id: of the row; None without cc switch.
    :ivar upstream: where it led before. Never a loopback address.
    :ivar urls: our own addresses that were written, the latest last.
    :ivar keys: digests of the keys that were written, the latest last.
    :ivar catalog: the model catalog that the live configuration names for us.
    :ivar live_path: where the live configuration was.
    """

    provider_id: str | None
    provider_name: str
    upstream: str
    urls: tuple[str, ...]
    row: Written | None = None
    live: Written | None = None
    keys: tuple[str, ...] = ()
    catalog: str | None = None
    live_path: str | None = None


class Memory(Struct, frozen=True):
    """What is known of one cc switch, by its database, or of one Codex without, by its configuration.

    :ivar provider: the id that the user chose.
    :ivar wants_catalog: false after ``--no-catalog``.
    :ivar given_back: the user gave the route back, and a start leaves it so.
    :ivar upstreams: of each provider that ever led to us, by its id and by its key's digest. A dialog of cc
        switch that was open meanwhile can bring such a route back later, and a copy be made of such a row.
    """

    takeover: Takeover | None = None
    provider: str | None = None
    wants_catalog: bool = True
    given_back: bool = False
    upstreams: dict[str, str] = {}


class State(Struct, frozen=True):
    version: int = 1
    memories: dict[str, Memory] = {}

    def memory(self, about: Path) -> Memory:
        return self.memories.get(_name(about), Memory())

    def remembering(self, about: Path, memory: Memory) -> State:
        return replace(self, memories={**self.memories, _name(about): memory})


def _name(about: Path) -> str:
    """One for a file, however its path is spelled."""
    return os.path.realpath(about)


_decoder = msgspec.json.Decoder(State)


def load(path: Path) -> State:
    """:raises SyncError: it cannot be understood; nothing is done then, since it knows the originals."""
    content = read_file(path).content
    if content is None:
        return State()
    try:
        state = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        state = State(version=0)
    if state.version != 1:
        raise SyncError(
            f"{path} is not a state that this version of ccmimolink can read. Update ccmimolink, or move the "
            "file away: then the upstream is found anew, and --restore has no originals."
        )
    return state


def save(path: Path, state: State) -> None:
    """Written, private and on the disk when this returns."""
    content = msgspec.json.format(msgspec.json.encode(state), indent=1)
    if read_file(path).content != content:
        write_file(path, content)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def key_digest(key: str) -> str:
    """Recognises a key without telling it."""
    return digest(b"ccmimolink key\0" + key.encode())


def latest(values: Iterable[Any], value: Any) -> tuple[Any, ...]:
    """The values with this one last, once, and the oldest forgotten."""
    return (*[known for known in values if known != value], value)[-KEPT:]


def reverted(text: str, written: Written) -> str:
    """The text with those of our values taken back that are still there; all else stays.

    :raises TomlError: it cannot be changed.
    """
    document = read_toml(text)
    made = [one for one in written.made if _is_ours(one, document, written)]
    changes = [Change(one.path, one.former) for one in made]
    if written.table and lookup(document, written.table) is not None:
        inside = [one for one in made if one.path[: len(written.table)] == written.table]
        changes = [change for change in changes if change.path[: len(written.table)] != written.table]
        if _leaves(lookup(document, written.table)) == len(inside):
            changes.append(Change(written.table, None))
        else:
            # Somebody else uses the table too, and it is none without its name.
            changes += [Change(one.path, one.former) for one in inside if one.path[-1] != "name"]
    return _without_empty_tables(changed(text, changes), changes)


def _is_ours(one: Made, document: dict[str, Any], written: Written) -> bool:
    """Whether our value is still there.

    What others write too is ours only where our address is: the protocol in the same table, whichever
    provider has a table of that name by now, and the choice of provider and model while that is our table.
    """
    present = lookup(document, one.path)
    if one.path[-1] == "wire_api":
        return present in one.ours and _has_our_address(one.path[:-1], document, written) is not False
    if one.path in (_PROVIDER, _MODEL):
        provider = document.get("model_provider")
        ours = _has_our_address(("model_providers", str(provider)), document, written) is True
        # A MiMo model that was chosen meanwhile could be had from nobody else.
        is_mimo = one.path == _MODEL and str(present).startswith("mimo-")
        return ours and (present in one.ours or is_mimo)
    return present in one.ours


def _has_our_address(table: tuple[str, ...], document: dict[str, Any], written: Written) -> bool | None:
    """None where no address was ever ours in that table."""
    address = (*table, "base_url")
    known = next((other for other in written.made if other.path == address), None)
    return None if known is None else lookup(document, address) in known.ours


def _leaves(value: Any) -> int:
    return sum(map(_leaves, value.values())) if isinstance(value, dict) else 1


def _without_empty_tables(text: str, changes: Iterable[Change]) -> str:
    """A table that held nothing but our header goes with it."""
    for change in changes:
        parent = change.path[:-1]
        if change.value is None and len(parent) > 2 and lookup(read_toml(text), parent) == {}:
            try:
                text = changed(text, [Change(parent, None)])
            except TomlError:
                continue  # an empty table does no harm
    return text
