"""The environment, read once: what a setup is told by it, and what ``mimo`` is given of it.

Owns every variable that counts here. Nothing else in this package reads the environment, and the key that is
in it goes to no other program.

Source: MiMoCode 0.1.0 as it was observed; ``MIMOCODE_HOME`` and the XDG variables count on every system.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ccmimolink.mimocode.errors import Code, Source, blocked
from ccmimolink.mimocode.provider import Provider
from ccmimolink.terminal import VARIABLES

CONFIG = "MIMOCODE_CONFIG"
CONFIG_CONTENT = "MIMOCODE_CONFIG_CONTENT"
CONFIG_DIRECTORY = "MIMOCODE_CONFIG_DIR"
AUTH_CONTENT = "MIMOCODE_AUTH_CONTENT"
DISABLE_PROJECT_CONFIG = "MIMOCODE_DISABLE_PROJECT_CONFIG"
MIMO_ONLY = "MIMOCODE_MIMO_ONLY"
SESSION_VARIABLES = (
    CONFIG,
    CONFIG_CONTENT,
    CONFIG_DIRECTORY,
    AUTH_CONTENT,
    DISABLE_PROJECT_CONFIG,
    MIMO_ONLY,
)
"""What changes a MiMoCode session from the shell that starts it, without a trace in any file."""
_SWITCHES = {DISABLE_PROJECT_CONFIG, MIMO_ONLY}
_HOME_VARIABLE = "USERPROFILE" if os.name == "nt" else "HOME"


def terminal_environ() -> dict[str, str]:
    """What counts of this process's environment for what is shown on a terminal."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


@dataclass(frozen=True, slots=True)
class Settings:
    """
    :ivar home: the user's home directory, absolute.
    :ivar search_path: where programs are looked for.
    :ivar key: what the key's variable holds; None where it is not set, which is not the same as empty.
    """

    home: Path
    search_path: str
    key: str | None = field(repr=False)
    key_variable: str
    _environ: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_environ(cls, provider: Provider, environ: Mapping[str, str] | None = None) -> Settings:
        """
        :param environ: None stands for the environment of this process.
        :raises SetupError: it names no home directory that could be used.
        """
        environ = dict(os.environ if environ is None else environ)
        home = _home(environ)
        if home is None or not home.is_absolute():
            raise blocked(
                Code.SECRET_STORAGE_FAILED,
                Source.STORAGE,
                f"{_HOME_VARIABLE} names no absolute path, so there is no place for the key. Set it to your "
                "home directory, and run this again.",
            )
        return cls(
            home=home,
            search_path=environ.get("PATH", os.defpath),
            key=environ.get(provider.key_variable),
            key_variable=provider.key_variable,
            _environ=environ,
        )

    def session_environ(self) -> dict[str, str]:
        """What ``mimo`` has when the user types it in this shell, but for the key."""
        return {name: value for name, value in self._environ.items() if name != self.key_variable}

    def durable_environ(self) -> dict[str, str]:
        """The same without what only this shell changes."""
        environ = self.session_environ()
        return {name: value for name, value in environ.items() if name not in SESSION_VARIABLES}

    def session_value(self, name: str) -> str:
        """What one of the session's variables holds; empty where it is not set: the same to ``mimo``."""
        return self._environ.get(name, "")

    def session_overrides(self) -> tuple[str, ...]:
        """Those of the session's variables that are set to something that counts."""
        return tuple(name for name in SESSION_VARIABLES if self._counts(name))

    def _counts(self, name: str) -> bool:
        value = self.session_value(name)
        return value.lower() in ("1", "true") if name in _SWITCHES else bool(value)

    @property
    def mimocode_home(self) -> str:
        return self._environ.get("MIMOCODE_HOME", "")

    def config_directory(self) -> Path:
        """Where ``mimo`` keeps its configuration, where it does not tell."""
        if self.mimocode_home:
            return Path(self.mimocode_home, "config")
        return Path(self._environ.get("XDG_CONFIG_HOME") or self.home / ".config", "mimocode")

    def managed_directory(self) -> Path:
        """Where an administrator's configuration is. MiMoCode's own tests may name another."""
        named = self._environ.get("MIMOCODE_TEST_MANAGED_CONFIG_DIR")
        if named:
            return Path(named)
        if os.name == "nt":
            return Path(self._environ.get("PROGRAMDATA", r"C:\ProgramData"), "opencode")
        mac = Path("/Library/Application Support")
        return (mac if mac.is_dir() else Path("/etc")) / "opencode"


def _home(environ: Mapping[str, str]) -> Path | None:
    if _HOME_VARIABLE in environ:
        return Path(environ[_HOME_VARIABLE])
    try:
        return Path.home()
    except RuntimeError:  # the system does not know this user
        return None
