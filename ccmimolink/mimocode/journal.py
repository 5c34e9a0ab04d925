"""What a run has changed so far, on the disk: enough to undo it, also after the run was killed.

Owns the changes and how they are undone. Each one is written down before it is made. A file that somebody
else changed since is left as it is, and told. The journal holds what was in the files before, a former key
perhaps, so it is readable by nobody else and gone at the end.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ccmimolink import private_files
from ccmimolink.mimocode.provider import SCHEMA_URL
from ccmimolink.private_files import File, read_file, replace_file

VERSION = 1
CHANGED = "it was changed at the same moment"
TEMPORARY = ".mimo-code-setup.tmp"
_IGNORED = {"node_modules", "package.json", "package-lock.json", "bun.lock", ".gitignore"}
"""What MiMoCode has git ignore in a directory with its configuration."""
_BLANKS = re.compile(rb"\s+")
_MOST_MODE = 0o7777
_DIGEST = re.compile(r"[0-9a-f]{64}")

Step = Callable[[str], None]
"""Told what is done next, before it is; tests end the process there."""


def no_step(_name: str) -> None:
    """What a step does in ordinary runs: nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change.

    :ivar path: the file itself, no link to it.
    :ivar before: as it was found.
    :ivar after: the digest of what it becomes; None where it is removed. Empty for a file that is not ours,
        which ``mimo`` may touch in its own way.
    :ivar touched: the digest of what ``mimo`` may make of that, blanks apart; None where it would not.
    :ivar directories: those that the change makes, the outermost first.
    """

    path: Path
    before: File
    after: str | None
    touched: str | None = None
    directories: tuple[Path, ...] = ()

    @property
    def temporary(self) -> Path:
        return self.path.with_name(self.path.name + TEMPORARY)

    def as_json(self) -> dict[str, Any]:
        content = self.before.content
        return {
            "path": str(self.path),
            "before": None if content is None else base64.b64encode(content).decode(),
            "mode": self.before.mode,
            "after": self.after,
            "touched": self.touched,
            "directories": [str(one) for one in self.directories],
        }

    @classmethod
    def from_json(cls, value: Any) -> Entry:
        """:raises (KeyError, TypeError, ValueError): it is none that we write."""
        before, mode = value["before"], value["mode"]
        content = None if before is None else base64.b64decode(before, validate=True)
        if type(mode) is not int or not 0 <= mode <= _MOST_MODE:
            raise ValueError("no mode")
        return cls(
            path=_absolute(value["path"]),
            before=File(content, mode),
            after=value["after"] if value["after"] == "" else _digest_or_none(value["after"]),
            touched=_digest_or_none(value["touched"]),
            directories=tuple(map(_absolute, value["directories"])),
        )


def _absolute(text: str) -> Path:
    if "\0" in text or not os.path.isabs(text) or os.path.normpath(text) != text:
        raise ValueError("no path")
    return Path(text)


def _digest_or_none(value: str | None) -> str | None:
    if value is not None and not _DIGEST.fullmatch(value):
        raise ValueError("no digest")
    return value


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(slots=True)
class Undone:
    """What became of an attempt to undo.

    :ivar kept: files that somebody else changed since, and what has to stay for their sake.
    :ivar failed: files that could not be put back, with the reason.
    :ivar tried: the number of changes that there were to undo.
    """

    kept: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    tried: int = field(default=0, compare=False)


class Journal:
    """The changes of one run.

    :param path: where they are written down.
    :param secret: the key's file, and how configurations name it: while one does, the file must stay, because
        ``mimo`` does not start without it.
    """

    def __init__(self, path: Path, secret: tuple[Path, str], step: Step = no_step) -> None:
        self._path, self._secret, self._step = path, secret, step
        self._entries: list[Entry] = []

    @property
    def is_empty(self) -> bool:
        return not self._entries

    def load(self) -> None:
        """Take over what a killed run had written down.

        :raises (OSError, ValueError, KeyError, TypeError, RecursionError): it cannot be read, or is none that
            we write.
        """
        document = json.loads(self._path.read_bytes())
        if document["version"] != VERSION:
            raise ValueError("another version")
        entries = [Entry.from_json(value) for value in document["entries"]]
        _check_owner(self._path, entries)
        self._entries = entries

    def write(self, path: Path, content: bytes, mode: int) -> None:
        """Replace a file. A link is written through, and missing directories are made.

        Undone, the file is no more open to others than with this mode.

        :raises OSError: it cannot be done; it is as before then.
        """
        target = private_files.target_of(path)
        found = read_file(target)
        before = File(found.content, found.mode & mode)
        entry = Entry(target, before, digest(content), _touched(content), _missing(target.parent))
        self._add(entry)
        self._step(f"write {path.name}")
        _check_unchanged(entry)
        replace_file(target, entry.temporary, content, mode, owned_like=target)

    def remove(self, path: Path) -> None:
        """:raises OSError: it cannot be done; it is as before then."""
        target = private_files.target_of(path)
        entry = Entry(target, read_file(target), None)
        self._add(entry)
        self._step(f"remove {path.name}")
        _check_unchanged(entry)
        target.unlink(missing_ok=True)
        private_files.sync_directory(target.parent)

    def watch(self, paths: Sequence[Path]) -> None:
        """Files of others that ``mimo`` may touch when it is run; one that is not there, ``.gitignore``."""
        self._add(*watched(paths))

    def _add(self, *entries: Entry) -> None:
        self._save([*self._entries, *entries])

    def _save(self, entries: list[Entry]) -> None:
        text = json.dumps({"version": VERSION, "entries": [entry.as_json() for entry in entries]})
        temporary = self._path.with_name(self._path.name + TEMPORARY)
        self._step("write down")
        replace_file(
            self._path, temporary, text.encode(), private_files.PRIVATE, owned_like=self._path.parent
        )
        self._entries = entries

    def put_back_what_is_not_ours(self) -> None:
        """What :func:`put_back_others` does, with the files that are watched and were not written."""
        ours = {entry.path for entry in self._entries if entry.after != ""}
        put_back_others([entry for entry in self._entries if entry.path not in ours])

    def end(self) -> None:
        """The changes are to stay.

        :raises OSError: the journal cannot be removed.
        """
        self._step("end")
        self._path.unlink(missing_ok=True)
        private_files.sync_directory(self._path.parent)
        self._entries = []

    def undo(self) -> Undone:
        """Put everything back, the last change first, and forget what was put back."""
        result = Undone(tried=len(self._entries))
        left: list[Entry] = []
        for entry in reversed(self._entries):
            try:
                self._step(f"undo {entry.path.name}")
                if not self._undo_one(entry, result) and entry.path not in result.kept:
                    result.kept.append(entry.path)
                _remove_empty(entry.directories)
            except OSError as error:
                result.failed.append((entry.path, error.strerror or "refused"))
                left.insert(0, entry)
        try:
            if left:
                self._save(left)
            else:
                self.end()
        except OSError as error:
            result.failed.append((self._path, error.strerror or "refused"))
        return result

    def _undo_one(self, entry: Entry, result: Undone) -> bool:
        """:returns: whether it is as before."""
        _remove_temporary(entry)
        if entry.path == self._secret[0] and entry.before.content is None:
            if any(self._names_secret(path) for path, _ in result.failed):
                raise OSError(errno.EBUSY, "a file that could not be put back names it")
            if any(self._names_secret(path) for path in result.kept):
                return False
        return _put_back(entry)

    def _names_secret(self, path: Path) -> bool:
        return path.is_file() and self._secret[1].encode() in (read_file(path).content or b"")


def _check_owner(journal: Path, entries: Sequence[Entry]) -> None:
    """Root may run in another user's home, and what that user could write down must not be root's command.

    :raises ValueError: the files do not belong to whom the journal belongs to.
    """
    owner = journal.stat().st_uid
    if private_files.is_root() and owner != 0:
        for entry in entries:
            known = [path for path in (entry.path, *entry.path.parents) if os.path.lexists(path)]
            if known[0].lstat().st_uid != owner:
                raise ValueError("somebody else's file")


def _check_unchanged(entry: Entry) -> None:
    """:raises OSError: it is not as it was found."""
    if read_file(entry.path).content != entry.before.content:
        raise OSError(errno.EBUSY, CHANGED)


def _remove_temporary(entry: Entry) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        entry.temporary.unlink()


def watched(paths: Sequence[Path]) -> list[Entry]:
    """Files of others as they are now. What a killed run left beside one is removed.

    :raises OSError: one cannot be read.
    """
    entries = [Entry(target, read_file(target), "") for target in map(private_files.target_of, paths)]
    for entry in entries:
        _remove_temporary(entry)
    return entries


def put_back_others(entries: Sequence[Entry]) -> None:
    """Take out of files of others what ``mimo`` put there; a ``.gitignore`` of its own stays."""
    for entry in entries:
        if entry.after == "" and entry.before.content is not None:
            with contextlib.suppress(OSError):  # it will be there again after the next start of mimo
                _put_back(entry)


def _put_back(entry: Entry) -> bool:
    """:returns: whether it is as before; not, where somebody else changed it since.
    :raises OSError: it cannot be put back.
    """
    if _is_no_file(entry.path):
        return False
    now, before = read_file(entry.path), entry.before
    if now.content == before.content:
        return True
    if not _is_by_us(entry, now.content):
        return False
    if before.content is None:
        entry.path.unlink()
        private_files.sync_directory(entry.path.parent)
    else:
        replace_file(entry.path, entry.temporary, before.content, before.mode, owned_like=entry.path)
    return True


def _is_no_file(path: Path) -> bool:
    """Whether somebody put something else there: what we leave is a file, and no link to one."""
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_by_us(entry: Entry, content: bytes | None) -> bool:
    """Whether it is what this run, or ``mimo`` while it was run for it, left there."""
    if content is None:
        return entry.after is None
    if entry.after == "":
        if entry.before.content is None:
            return set(content.split()) == {name.encode() for name in _IGNORED}
        return _without_blanks(content) == _touched(entry.before.content)
    return digest(content) == entry.after or _without_blanks(content) == entry.touched


def _touched(content: bytes) -> str | None:
    """What ``mimo`` does to a configuration that it reads: it names the schema. As a digest, blanks apart."""
    head, brace, tail = content.partition(b"{")
    named = head.removeprefix(codecs.BOM_UTF8) + brace + f'"$schema":"{SCHEMA_URL}",'.encode() + tail
    return _without_blanks(named) if brace else None


def _without_blanks(content: bytes) -> str:
    return digest(_BLANKS.sub(b"", content))


def _missing(directory: Path) -> tuple[Path, ...]:
    missing: list[Path] = []
    while not directory.is_dir():
        missing.insert(0, directory)
        directory = directory.parent
    return tuple(missing)


def _remove_empty(directories: Sequence[Path]) -> None:
    """Those of them that hold nothing, or what ``mimo`` puts into a directory with its configuration.

    :raises OSError: one cannot be removed.
    """
    for directory in reversed(directories):
        ignored = directory / ".gitignore"
        try:
            names = [one.name for one in directory.iterdir()]
            if names == [".gitignore"] and stat.S_ISREG(ignored.lstat().st_mode):
                if set(ignored.read_text(errors="replace").split()) != _IGNORED:
                    return
                ignored.unlink()
            directory.rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            return  # somebody put something there
