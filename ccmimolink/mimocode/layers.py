"""The files that MiMoCode reads its configuration from, in their order.

Owns which file counts more than which. It reads them as they are written, without what MiMoCode replaces in
them, so it can tell beforehand what would hide a setup, and afterwards who did; the proof is MiMoCode's own.

Source: MiMoCode 0.1.0 as it was observed, its oddities included: of the ``.mimocode`` directories the one
farthest up wins, and that of the home directory beats those of projects, but for those above it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from ccmimolink.mimocode.errors import Code, SetupError, Source, blocked
from ccmimolink.mimocode.jsonc_text import JsoncError, read_object
from ccmimolink.private_files import read_file

GLOBAL_NAMES = ("config.json", "mimocode.json", "mimocode.jsonc")
"""Of the user's configuration; all of them count, the last one most."""
NEW_GLOBAL_NAME = "mimocode.jsonc"
LOCAL_NAMES = ("mimocode.json", "mimocode.jsonc")
LOCAL_DIRECTORY = ".mimocode"
PROJECT_NAME = "mimocode.json"
PLACEHOLDER = re.compile(r"\{(?:env|file):[^}]+\}")
"""What MiMoCode replaces before it reads a file as JSON, whether it stands in a string or not."""


class Kind(Enum):
    GLOBAL = "the user's configuration"
    PROJECT = "a project's configuration"
    HOME = "the home directory's .mimocode"
    MANAGED = "an administrator's configuration"


@dataclass(frozen=True, slots=True)
class Layer:
    path: Path
    kind: Kind


@dataclass(frozen=True, slots=True)
class Where:
    """What decides which files there are.

    :ivar config_directory: of the user's configuration.
    :ivar directory: where ``mimo`` is started.
    :ivar repository: the root of the repository around it; None where there is none.
    """

    config_directory: Path
    directory: Path
    repository: Path | None
    home: Path
    managed_directory: Path

    @property
    def project(self) -> Path:
        """Where a project's configuration goes."""
        return self.repository or self.directory

    @property
    def project_file(self) -> Path:
        return self.project / LOCAL_DIRECTORY / PROJECT_NAME

    @property
    def legacy_file(self) -> Path:
        """The user's configuration in a form of old. Whatever all global files resolve to, placeholders
        replaced, goes into ``config.json`` when ``mimo`` finds it."""
        return self.config_directory / "config"

    def global_target(self) -> Path:
        """The user's configuration that counts most, so that what is written there is effective."""
        for name in reversed(GLOBAL_NAMES):
            if os.path.exists(self.config_directory / name):
                return self.config_directory / name
        return self.config_directory / NEW_GLOBAL_NAME

    def layers(self) -> list[Layer]:
        """All files that count, whether they are there or not; the last one counts most."""
        upwards = self._upwards()
        # One that comes twice has its first place.
        hidden = dict.fromkeys(directory / LOCAL_DIRECTORY for directory in [*upwards, self.home])
        return [
            *(Layer(self.config_directory / name, Kind.GLOBAL) for name in GLOBAL_NAMES),
            *(
                Layer(directory / name, self._kind(directory))
                for directory in [*reversed(upwards), *hidden]
                for name in LOCAL_NAMES
            ),
            *(Layer(self.managed_directory / name, Kind.MANAGED) for name in LOCAL_NAMES),
        ]

    def _kind(self, directory: Path) -> Kind:
        if directory == self.home / LOCAL_DIRECTORY:
            return Kind.HOME
        # Started in there, mimo reads the user's own files once more, as those of a project.
        return Kind.GLOBAL if directory == self.config_directory else Kind.PROJECT

    def _upwards(self) -> list[Path]:
        """The directories that are looked at for a project's configuration, the nearest first."""
        chain = [self.directory, *self.directory.parents]
        return chain if self.repository is None else chain[: chain.index(self.repository) + 1]


def repository_around(directory: Path) -> Path | None:
    """The nearest directory, this one included, that has a ``.git``; a worktree's is a file."""
    for candidate in (directory, *directory.parents):
        if os.path.exists(candidate / ".git"):
            return candidate
    return None


def decoded(content: bytes) -> str:
    """A file's text, with the mark at its beginning if it has one. What is not UTF-8 is kept in it, as what
    cannot be edited."""
    return content.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes that such a text was."""
    return text.encode("utf-8", "surrogateescape")


def unreadable(path: Path, why: str) -> SetupError:
    return blocked(
        Code.CONFIG_PARSE_FAILED,
        Source.CONFIG,
        f"{path} {why}. Nothing in it was changed. Mend it, or move it away, and run this again.",
        str(path),
    )


@dataclass(frozen=True, slots=True)
class Content:
    """A layer that is there.

    :ivar value: what it says, placeholders as they are written. None where only what MiMoCode puts in their
        place could make it readable.
    """

    layer: Layer
    text: str
    value: dict[str, Any] | None


def read_layers(layers: Sequence[Layer]) -> list[Content]:
    """Those that are there.

    :raises SetupError: one cannot be read, so that no ``mimo`` could.
    """
    return list(_read(layers))


def _read(layers: Sequence[Layer]) -> Iterator[Content]:
    for layer in layers:
        try:
            content = read_file(layer.path).content
        except OSError as error:
            raise unreadable(layer.path, f"cannot be read ({error.strerror})") from None
        if content is not None:
            yield content_of(layer, decoded(content))


def content_of(layer: Layer, text: str) -> Content:
    """:raises SetupError: the text is no configuration, whatever MiMoCode replaces in it."""
    try:
        return Content(layer, text, read_object(_as_mimo_decodes(text)))
    except JsoncError as error:
        if PLACEHOLDER.search(text):
            return Content(layer, text, None)
        raise unreadable(layer.path, str(error)) from None


def _as_mimo_decodes(text: str) -> str:
    return encoded(text).decode("utf-8", "replace")


def merged(contents: Sequence[Content]) -> dict[str, Any]:
    """As MiMoCode merges them: objects key by key, anything else as a whole.

    Of the lists that it puts together, ``instructions`` and ``plugin``, the highest one stands for all.
    """
    result: dict[str, Any] = {}
    for content in contents:
        result = _merge(result, content.value or {})
    return result


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        present = result.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            value = _merge(present, value)
        result[key] = value
    return result


def value_at(document: Any, path: Sequence[str]) -> Any:
    """The value at a path of keys; None where there is none."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def who_says(contents: Sequence[Content], path: Sequence[str]) -> Path | None:
    """The file that decides the value at a path, if one does."""
    for content in reversed(contents):
        if content.value is not None and _decides(content.value, path):
            return content.layer.path
    return None


def _decides(document: Any, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(document, dict):
            return True  # it is in the place of an object in which the value could be
        if key not in document:
            return False
        document = document[key]
    return True
