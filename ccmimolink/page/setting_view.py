"""The settings as a person may see them: no secret, and what differs from the default.

Owns the masking. It must not read the environment, nor decide what a setting is: that is the table's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from msgspec import Struct

from ccmimolink.setting_rows import SETTINGS, Setting
from ccmimolink.setting_values import secret
from ccmimolink.settings import Settings

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


class SettingSeen(Struct, frozen=True, kw_only=True):
    """One row.

    :ivar value: as it would be written; None for a secret and what has no short form, of which only
        ``is_set`` is told.
    :ivar default: the text that stands for an unset variable.
    """

    name: str
    value: str | None
    is_set: bool
    default: str
    changed: bool


def settings_seen(settings: Settings) -> list[SettingSeen]:
    """Every row of the table, in its order."""
    return [_seen(row, settings) for row in SETTINGS]


def _seen(row: Setting, settings: Settings) -> SettingSeen:
    value = getattr(settings, row.attribute)
    default = row.parse(row.default)
    if row.attribute == "listen":
        # It is filled in from the port.
        default = f"tcp:{settings.port}:interface=127.0.0.1"
    changed = value != default
    hidden = row.parse is secret or not isinstance(value, (str, int, float, Path, tuple, type(None)))
    text = None if hidden else _without_credentials(_text(row, value))
    return SettingSeen(
        name=row.name,
        value=text,
        is_set=changed if hidden else bool(text),
        default=row.default,
        changed=changed,
    )


def _text(row: Setting, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if row.name.endswith("_MS"):
        return str(round(value * 1000))
    if isinstance(value, tuple):
        between = os.pathsep if all(isinstance(part, Path) for part in value) else ","
        return between.join(map(str, value))
    return str(value)


def _without_credentials(text: str) -> str:
    return _CREDENTIALS.sub("***@", text)
