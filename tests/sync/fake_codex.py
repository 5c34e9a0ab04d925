"""A ``codex`` for tests: a script on a ``PATH``, which notes how it was called and does as it is told.

Owns the script. It stands for a program of others, so that it knows nothing of the package under test.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

BUNDLED = {
    "models": [{"slug": "gpt-5.5", "context_window": 272_000}, {"slug": "mimo-v2.5-pro", "theirs": True}]
}

_SCRIPT = """#!{python}
import json, os, sys, time
log, bundled, refuses = {log!r}, {bundled!r}, {refuses!r}
with open(log, "a") as file:
    command = open("/proc/self/cmdline").read()
    file.write(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(), command]) + "\\n")
{body}
if "--bundled" in sys.argv:
    sys.stdout.write(bundled)
else:
    [named] = [argument for argument in sys.argv if argument.startswith("model_catalog_json=")]
    with open(json.loads(named.partition("=")[2])) as file:
        json.load(file)
    sys.exit(refuses)
"""


class FakeCodex:
    """:ivar path: the directory for ``PATH``."""

    def __init__(
        self, directory: Path, *, bundled: str = json.dumps(BUNDLED), refuses: int = 0, body: str = ""
    ) -> None:
        """:param bundled: what it prints as its models.
        :param refuses: its exit status when it is given a catalog.
        :param body: what it does beforehand.
        """
        self.path = directory / "bin"
        self.path.mkdir(parents=True)
        self._log = directory / "codex.log"
        script = _SCRIPT.format(
            python=sys.executable, log=str(self._log), bundled=bundled, refuses=refuses, body=body
        )
        program = self.path / "codex"
        program.write_text(script)
        program.chmod(0o755)

    def calls(self) -> list[Call]:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [Call(*json.loads(line)) for line in lines]


class Call:
    """How it was called."""

    def __init__(self, arguments: list[str], environ: dict[str, str], directory: str, command: str) -> None:
        self.arguments, self.environ, self.directory, self.command = arguments, environ, directory, command

    def all(self) -> str:
        values: list[Any] = [self.arguments, self.environ, self.directory, self.command]
        return json.dumps(values)
