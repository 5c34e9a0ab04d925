"""``ccmimolink-model`` in this process, on a state directory of the test's.

Owns the call. It must not judge what comes of it.
"""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccmimolink.control.command import run


@dataclass(frozen=True)
class Ended:
    """What a call left."""

    status: int
    out: str
    err: str


class Call:
    """:ivar environ: what is set for it."""

    def __init__(self, directory: Path, port: int, **environ: str) -> None:
        self.directory, self.port = directory / "state", port
        self.environ = {"MIMO_PROXY_PORT": str(port), "MIMO_PROXY_STATE_DIR": str(self.directory), **environ}

    @property
    def control(self) -> Path:
        return self.directory / f"control-{self.port}.json"

    @property
    def memory(self) -> Path:
        return self.directory / f"model-{self.port}.json"

    def __call__(self, *arguments: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(arguments, self.environ, out)
        return Ended(status, out.getvalue(), err.getvalue())

    def state(self, *arguments: str) -> dict[str, Any]:
        """What ``--json`` says."""
        document: dict[str, Any] = json.loads(self(*arguments, "--json").out)
        return document
