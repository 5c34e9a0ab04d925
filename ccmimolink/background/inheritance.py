"""Which variables of the shell a service gets.

Owns that choice: the settings that are set and hold no secret, and where programs, certificates and proxies
are. It must not let a secret through: what it gives is written into a file that shows in backups and reports.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ccmimolink.model_file import model_table
from ccmimolink.setting_rows import SETTINGS, Setting
from ccmimolink.setting_values import paths, secret

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
_OTHERS = (*_PROXIES, "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_STATE_HOME")
"""Those that are settings are none of the others."""

_CREDENTIALS = re.compile(r"//[^/]*@")


@dataclass(frozen=True, slots=True)
class Inheritance:
    """:ivar variables: what goes into the service's file.
    :ivar withheld: variables that are set and may hold a secret, by name.
    """

    variables: Mapping[str, str]
    withheld: tuple[str, ...] = field(default=())


def inherited(environ: Mapping[str, str], directory: Path) -> Inheritance:
    """:param directory: where a relative path begins."""
    variables: dict[str, str] = {}
    withheld: list[str] = []
    settings = {setting.name: setting for setting in SETTINGS}
    for name in dict.fromkeys((*settings, *_OTHERS)):
        text, setting = environ.get(name, "").strip(), settings.get(name)
        if text and _may_be_a_secret(name, text, setting):
            withheld.append(name)
        elif text:
            variables[name] = text if setting is None else _whole(setting, text, directory)
    # Codex is looked for there, and a service manager's own path is short.
    if places := [place for place in environ.get("PATH", "").split(os.pathsep) if os.path.isabs(place)]:
        variables["PATH"] = os.pathsep.join(dict.fromkeys(places))
    return Inheritance(variables, tuple(withheld))


def _may_be_a_secret(name: str, text: str, setting: Setting | None) -> bool:
    if setting is not None and setting.parse is secret:
        return True
    return ("@" in text and name in _PROXIES) or _CREDENTIALS.search(text) is not None


def _whole(setting: Setting, text: str, directory: Path) -> str:
    """A path that means the same file from any directory; whatever else it is stays as it is."""
    try:
        value = setting.parse(text)
    except ValueError:
        return text  # which is said where the settings are read
    if isinstance(value, Path) or setting.parse is model_table:
        return _absolute(text, directory)
    if setting.parse is paths:
        return os.pathsep.join(_absolute(part, directory) for part in text.split(os.pathsep) if part)
    return text


def _absolute(text: str, directory: Path) -> str:
    return text if text.startswith("~") else str(directory / text)
