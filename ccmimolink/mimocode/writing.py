"""The writes of a setup, each of them undone if the setup is not proved.

Owns their order, the backups, and what is said where one fails. It must not decide what is written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ccmimolink.mimocode.errors import Blocker, Code, SetupError, Source, blocked
from ccmimolink.mimocode.journal import CHANGED, Journal, Undone
from ccmimolink.mimocode.jsonc_text import JsoncError, read_object
from ccmimolink.mimocode.layers import LOCAL_DIRECTORY, Kind, Where, value_at
from ccmimolink.mimocode.plan import Change
from ccmimolink.mimocode.provider import Places
from ccmimolink.mimocode.storage import (
    PROJECT_BACKUPS,
    close_directory,
    read_secret,
    storage_failed,
    store_secret,
)
from ccmimolink.mimocode.wanted import Wanted
from ccmimolink.private_files import PRIVATE, read_file

_PROJECT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Writer:
    """
    :ivar now: the time, for the names of backups.
    """

    places: Places
    where: Where
    wanted: Wanted
    journal: Journal
    now: Callable[[], datetime]

    def watch(self) -> None:
        """Write down what ``mimo`` may touch of files that are not ours.

        :raises SetupError: there is no place for the journal.
        """
        layers = [layer.path for layer in self.where.layers()]
        directories = {path.parent for path in layers if path.parent.name == LOCAL_DIRECTORY}
        directories.add(self.where.config_directory)
        ignored = [path / ".gitignore" for path in sorted(directories) if path.is_dir()]
        try:
            close_directory(self.places)
            self.journal.watch(
                [path for path in layers if path.exists()] + [path for path in ignored if not path.exists()]
            )
        except OSError as error:
            raise storage_failed(self.places.journal, f"cannot be written ({error.strerror})") from None

    def write(self, changes: Sequence[Change]) -> None:
        """The key first: ``mimo`` does not start while its configuration names a file that is not there.

        :raises SetupError: one of the writes failed.
        """
        former = self._former_key()
        store_secret(self.places, self.wanted.key, self.journal)
        for change in changes:
            try:
                self._write(change, former)
            except OSError as error:
                raise _write_failed(change.path, error.strerror or "refused") from None

    def write_state(self, content: bytes) -> None:
        """:raises SetupError: it failed."""
        try:
            self.journal.write(self.places.state, content, PRIVATE)
        except OSError as error:
            raise storage_failed(self.places.state, f"cannot be written ({error.strerror})") from None

    def end(self) -> None:
        """All of it is to stay.

        :raises SetupError: the journal cannot be removed, so that the next run would undo everything.
        """
        try:
            self.journal.end()
        except OSError as error:
            raise storage_failed(self.places.journal, f"cannot be removed ({error.strerror})") from None

    def _former_key(self) -> str:
        """What is kept so far, if it is a key; empty otherwise."""
        content = (read_secret(self.places).content or b"").decode("utf-8", "replace").strip()
        return content if self.wanted.provider.key_pattern.fullmatch(content) else ""

    def _write(self, change: Change, former: str) -> None:
        found = read_file(change.path)
        if found.content != change.before:
            raise _write_failed(change.path, CHANGED)
        if found.content is not None:
            self._back_up(change.path, found.content, former)
        if change.text is None:
            self.journal.remove(change.path)
            return
        new_mode = _PROJECT_MODE if self._is_project(change.path) else PRIVATE
        mode = new_mode if found.content is None else found.mode
        self.journal.write(change.path, change.text.encode(), mode)

    def _is_project(self, path: Path) -> bool:
        return any(layer.path == path and layer.kind is Kind.PROJECT for layer in self.where.layers())

    def _key_in(self, content: bytes) -> str:
        """The key that a configuration has in clear; empty where it has none."""
        try:
            document = read_object(content.decode())
        except (UnicodeDecodeError, JsoncError):
            return ""
        key = value_at(document, (*self.wanted.provider_path, "options", "apiKey"))
        is_key = isinstance(key, str) and self.wanted.provider.key_pattern.fullmatch(key)
        return str(key) if is_key else ""

    def _back_up(self, path: Path, content: bytes, former: str) -> None:
        """A key that stood there in clear is not copied, nor is the former one: the reference means it."""
        reference = self.wanted.provider.secret_reference.encode()
        keys = {self.wanted.key, former, self._key_in(content)} - {""}
        for key in sorted(keys, key=len, reverse=True):
            content = content.replace(key.encode(), reference)
        now = self.now()
        stamp = f"{now:%Y-%m-%dT%H-%M-%S}-{now.microsecond // 1000:03}Z"
        if self._is_project(path):
            which = hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()[:12]
            backup = self.places.backups / PROJECT_BACKUPS / f"{which}-{path.name}.{stamp}.bak"
        else:
            backup = self.places.backups / f"{path.name}.{stamp}.bak"
        self.journal.write(_unused(backup), content, PRIVATE)


def _unused(path: Path) -> Path:
    number = 1
    candidate = path
    while os.path.lexists(candidate):
        candidate = path.with_name(f"{path.name.removesuffix('.bak')}-{number}.bak")
        number += 1
    return candidate


def _write_failed(path: Path, why: str) -> SetupError:
    return blocked(
        Code.CONFIG_WRITE_FAILED,
        Source.STORAGE,
        f"{path} cannot be written: {why}. See to that, and run this again.",
        str(path),
    )


def what_remains(undone: Undone) -> list[Blocker]:
    """What could not be put back, in words."""
    kept = [
        Blocker(
            Code.ROLLBACK_FAILED,
            Source.STORAGE,
            f"{path} was changed by something else meanwhile, or is needed by such a file, and was left as "
            "it is. Look whether it is as you want it.",
            str(path),
        )
        for path in undone.kept
    ]
    failed = [
        Blocker(
            Code.ROLLBACK_FAILED,
            Source.STORAGE,
            f"{path} could not be put back, or removed ({why}). See to that, and run this again: it will be "
            "tried once more.",
            str(path),
        )
        for path, why in undone.failed
    ]
    return [*failed, *kept]
