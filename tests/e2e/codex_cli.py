"""The real Codex CLI in a home of its own, and what a run of it showed its user.

Owns the command line, the configuration and the reading of ``--json`` lines. It must not judge a run beyond
whether it was quiet.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import CHECKOUT, clean_environ, kill_group
from tests.e2e.proxy import Proxy

PATIENCE = 90.0
"""Seconds for one run of Codex on a busy machine."""

_README_BLOCK = re.compile(r"<!-- codex-config -->\s*```toml\n(.*?\n)[ ]*```", re.DOTALL)

_HARMLESS = ("Reading additional input from stdin...",)
"""What Codex prints on stderr whatever its provider does."""


def find_codex() -> str:
    """The Codex CLI that the tests drive: ``CODEX_BIN``, else the one on the PATH."""
    binary = os.environ.get("CODEX_BIN") or shutil.which("codex")
    if binary is None or not os.access(binary, os.X_OK):
        pytest.fail(
            f"no Codex CLI ({binary or 'CODEX_BIN is unset, and there is no codex on the PATH'}). Install it "
            "with “npm install @openai/codex@0.169.0” and set CODEX_BIN to node_modules/.bin/codex.",
            pytrace=False,
        )
    return str(binary)


def recommended_config() -> str:
    """The configuration that the README tells users to write."""
    block = _README_BLOCK.search((CHECKOUT / "README.md").read_text())
    assert block is not None, "README.md has no “<!-- codex-config -->” before a toml block"
    return textwrap.dedent(block[1])


def config_for(proxy: Proxy) -> str:
    """The recommended configuration with the port and the catalog of this proxy."""
    text, ports = re.subn(r"127\.0\.0\.1:9876", f"127.0.0.1:{proxy.port}", recommended_config())
    text, catalogs = re.subn(
        r'(?m)^model_catalog_json = ".*"', f'model_catalog_json = "{proxy.catalog}"', text
    )
    assert (ports, catalogs) == (1, 1), f"not a configuration that can be filled in:\n{text}"
    return text


@dataclass(frozen=True)
class Run:
    """One finished run.

    :ivar events: the ``--json`` lines.
    """

    status: int
    events: list[dict[str, Any]]
    stderr: str

    def items(self, kind: str) -> list[dict[str, Any]]:
        """The completed items of one type, in order."""
        return [
            event["item"]
            for event in self.events
            if event["type"] == "item.completed" and event["item"]["type"] == kind
        ]

    @property
    def messages(self) -> list[str]:
        return [item["text"] for item in self.items("agent_message")]

    @property
    def message(self) -> str:
        """The final message."""
        assert self.messages, self
        return self.messages[-1]

    @property
    def warnings(self) -> list[str]:
        """Every error and warning that was shown: items, stream errors and lines on stderr."""
        shown = [item["message"] for item in self.items("error")]
        shown += [event["message"] for event in self.events if event["type"] == "error"]
        return shown + [line for line in self.stderr.splitlines() if line and line not in _HARMLESS]

    @property
    def failures(self) -> list[str]:
        """The messages of failed turns."""
        return [event["error"]["message"] for event in self.events if event["type"] == "turn.failed"]

    @property
    def usage(self) -> dict[str, int]:
        usage: dict[str, int] = next(e["usage"] for e in self.events if e["type"] == "turn.completed")
        return usage

    def quiet(self) -> Run:
        """Itself, if the turn ended well and nothing was complained about on the way."""
        assert self.warnings == [], self
        assert self.failures == [], self
        assert self.status == 0, self
        return self


class Codex:
    """A user's Codex: a clean home with a configuration, and an empty workspace.

    :param config: None leaves to others what is in the home, which may be there already.
    :param home: its name in the directory.
    :ivar variables: what the user's shell exports besides.
    """

    def __init__(self, binary: str, directory: Path, config: str | None, *, home: str = "codex-home") -> None:
        self._binary = binary
        self.home, self.workspace = directory / home, directory / "workspace"
        self._temporary = directory / "tmp"
        self.variables: dict[str, str] = {}
        self._running: list[RunningCodex] = []
        for made in (self.home, self.workspace, self._temporary):
            made.mkdir(parents=True, exist_ok=config is None)
        if config is not None:
            (self.home / "config.toml").write_text(config)

    def trust_workspace(self) -> None:
        """Answer the question that Codex asks first in a directory it does not know."""
        with (self.home / "config.toml").open("a") as config:
            config.write(f'\n[projects."{self.workspace}"]\ntrust_level = "trusted"\n')

    def interactive(self, prompt: str) -> list[str]:
        """The command line of the full-screen program, with the first thing to say."""
        return [self._binary, "--dangerously-bypass-approvals-and-sandbox", prompt]

    @property
    def environ(self) -> dict[str, str]:
        # Codex complains of a home below the directory for temporary files, and pytest's is there.
        own = {"CODEX_HOME": str(self.home), "TMPDIR": str(self._temporary)}
        return clean_environ(self.home.parent, **own, **self.variables)

    def exec(self, prompt: str, *options: str) -> Run:
        return self.begin(prompt, *options).result()

    def resume(self, prompt: str) -> Run:
        """Go on with the latest session."""
        return self.begin(prompt, subcommand=("resume", "--last")).result()

    def begin(self, prompt: str, *options: str, subcommand: tuple[str, ...] = ()) -> RunningCodex:
        command = [
            self._binary,
            "exec",
            "--json",
            "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox",
            *options,
            *subcommand,
            "--",
            prompt,
        ]
        process = subprocess.Popen(
            command,
            cwd=self.workspace,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._running.append(RunningCodex(process))
        return self._running[-1]

    def end(self) -> None:
        """End what a failed test left running."""
        for running in self._running:
            running.end()


@dataclass(frozen=True)
class RunningCodex:
    process: subprocess.Popen[str]

    def result(self, patience: float = PATIENCE) -> Run:
        """Wait for its end."""
        output, stderr = self.process.communicate(timeout=patience)
        return Run(self.process.returncode, [json.loads(line) for line in output.splitlines()], stderr)

    def end(self) -> None:
        kill_group(self.process)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
