"""What is configured, as data: the provider, and the MiMoCode that was audited with it.

Owns the one provider that is public. Nothing here does anything; whoever wants another provider makes another
value, and every other module works from the value that it is given.

Source: the provider's public documentation of its API and of its setup for MiMoCode 0.1.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

TRANSPORT = "chat_completions"
SCHEMA_URL = "https://opencode.ai/config.json"
"""What the audited MiMoCode writes into a configuration that names no schema, and only there."""


@dataclass(frozen=True, slots=True)
class Provider:
    """
    :ivar id: its key in MiMoCode's configuration, and the first segment of a model reference.
    :ivar package: the provider SDK that MiMoCode is told to use.
    :ivar key_pattern: what a key must match as a whole.
    :ivar key_variable: the environment variable that may hold the key.
    :ivar directory: of everything that is ours, relative to the home directory, with "/".
    :ivar validated: the models whose whole workflow was tried with MiMoCode, the best first.
    """

    id: str
    name: str
    package: str
    base_url: str
    catalog_url: str
    key_pattern: re.Pattern[str]
    key_variable: str
    directory: str
    validated: tuple[str, ...]

    @property
    def secret_reference(self) -> str:
        """How MiMoCode's configuration names the key's file; MiMoCode replaces it by what is in there."""
        return f"{{file:~/{self.directory}/api-key}}"

    def model_reference(self, model: str) -> str:
        return f"{self.id}/{model}"


@dataclass(frozen=True, slots=True)
class Audited:
    """The MiMoCode that the setup was checked against.

    :ivar command: how a user starts it.
    :ivar version: no other one is accepted.
    """

    command: str = "mimo"
    package: str = "@mimo-ai/cli"
    version: str = "0.1.0"

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"npm install -g {self.package}@{self.version}"


@dataclass(frozen=True, slots=True)
class Places:
    """Where what is ours is kept."""

    root: Path
    secret: Path = field(init=False)
    state: Path = field(init=False)
    journal: Path = field(init=False)
    backups: Path = field(init=False)
    lock: Path = field(init=False)

    def __post_init__(self) -> None:
        for name, file in (
            ("secret", "api-key"),
            ("state", "install-state.json"),
            ("journal", "journal.json"),
            ("backups", "backups"),
            ("lock", "lock"),
        ):
            object.__setattr__(self, name, self.root / file)


GONKAGATE = Provider(
    id="gonkagate",
    name="GonkaGate",
    package="@ai-sdk/openai-compatible",
    base_url="https://api.gonkagate.com/v1",
    catalog_url="https://api.gonkagate.com/v1/models",
    key_pattern=re.compile(r"gp-[A-Za-z0-9_-]+"),
    key_variable="GONKAGATE_API_KEY",
    directory=".gonkagate/mimo-code",
    validated=("moonshotai/kimi-k2.6",),
)
AUDITED = Audited()
