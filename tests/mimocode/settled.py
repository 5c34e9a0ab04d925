"""A stage that was used before, so that what a setup changes can be told from what ``mimo`` always leaves.

Owns what is compared before and after a run. It must not know what a setup is to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ccmimolink.mimocode.result import Result
from tests.mimocode.mimo_home import Entry
from tests.mimocode.stage import Stage


@dataclass
class SettledStage(Stage):
    """``mimo`` was started once, so its directories and its database are there."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.mimo("debug", "paths")
        self.forget_calls()

    def settled(self) -> dict[str, Entry]:
        """All paths but the log that ``mimo`` writes at each start."""
        log = str(self.home / ".local" / "share" / "mimocode" / "log")
        return {path: entry for path, entry in self.tree().items() if not path.startswith(log)}

    def configs(self) -> dict[str, bytes]:
        """What all of MiMoCode's configuration files hold, and backups of them."""
        state = str(self.state_file)
        return {
            path: entry.content
            for path, entry in self.settled().items()
            if entry.kind == "file" and path != state and ".local" not in path
        }

    def times(self) -> dict[str, int]:
        """When each of these files was written."""
        return {path: Path(path).stat().st_mtime_ns for path in self.configs()}

    def commands(self) -> list[str]:
        """What ``mimo`` was asked since the calls were forgotten."""
        return [call.command for call in self.calls()]

    def check_named_before_writing(self, result: Result, before: dict[str, Entry], *names: Path) -> None:
        """Refused, with the files named, nothing written and no configuration loaded."""
        assert result.status == "blocked"
        assert not result.wrote
        assert self.settled() == before
        assert self.commands() == ["--version", "debug paths"]
        for name in names:
            assert any(str(name) in blocker.message for blocker in result.blockers)
            assert str(name) in [blocker.detail for blocker in result.blockers]

    def check_rolled_back(self, result: Result, before: dict[str, Entry]) -> None:
        """Failed behind the writes, and nothing is left of them."""
        assert result.status == "failed"
        assert result.wrote
        assert "debug config" in self.commands()
        assert self.settled() == before
