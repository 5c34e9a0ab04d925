"""Whose a service file is: made here and untouched, edited since, or somebody else's.

Owns the mark in the files that are made here: a line with what the file was made for, and with digests of
that and of the rest. It must not write files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from ccmimolink.background.errors import ServiceError

_MARK = "made by ccmimolink-service"
_LINE = re.compile(rf"^.*{_MARK}: (?P<facts>\{{.*\}}).*\n", re.MULTILINE)


class Kind(Enum):
    ABSENT = "not there"
    OURS = "ours"
    EDITED = "ours, and edited since"
    FOREIGN = "somebody else's"


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A service file as it was found.

    :ivar facts: what it was made for; empty unless it is ours and nobody edited just that.
    """

    kind: Kind
    text: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def marked(before: str, rest: str, facts: Mapping[str, str], *, comment: tuple[str, str]) -> str:
    """A text with the mark between its two parts.

    :param comment: what begins and ends a comment there.
    """
    signed = {**facts, "digest": f"{_digest(_canonical(facts))} {_digest(before + rest)}"}
    # An XML comment has no two dashes in a row, and a unit's line goes on behind a backslash at its end.
    content = json.dumps(signed).replace("--", "-\\u002d")
    return f"{before}{comment[0]}{_MARK}: {content}{comment[1]}\n{rest}"


def judged(text: str) -> ServiceFile:
    """Whose this text is."""
    mark = _LINE.search(text)
    if mark is None:
        return ServiceFile(Kind.FOREIGN, text)
    try:
        facts = json.loads(mark["facts"])
    except (ValueError, RecursionError):
        facts = {}
    of_facts, _, of_rest = str(facts.pop("digest", "")).partition(" ")
    if of_facts != _digest(_canonical(facts)):
        return ServiceFile(Kind.EDITED, text)
    rest = text[: mark.start()] + text[mark.end() :]
    return ServiceFile(Kind.OURS if of_rest == _digest(rest) else Kind.EDITED, text, facts)


def look_at(path: Path) -> ServiceFile:
    """:raises ServiceError: it is there and cannot be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        # A link that leads nowhere is somebody's all the same.
        return ServiceFile(Kind.FOREIGN if path.is_symlink() else Kind.ABSENT)
    except OSError as error:
        raise ServiceError(
            f"{path} cannot be read: {error.strerror}. Make it readable, or move it away."
        ) from None
    try:
        return judged(content.decode())
    except UnicodeDecodeError:
        return ServiceFile(Kind.FOREIGN)


def _canonical(facts: Mapping[str, str]) -> str:
    return json.dumps(facts, sort_keys=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
