"""A real Chromium without a screen, for one page.

Owns its command line, its profile and its end. It must not know what the page does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.processes import clean_environ, kill_group, start

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    # Reports to a server leave within a second instead of a minute.
    "--short-reporting-delay",
    # What a click of the user would allow.
    "--disable-popup-blocking",
    "--autoplay-policy=no-user-gesture-required",
    # Names that the attacker owns, and has resolve to this machine.
    "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebind.example 127.0.0.1",
)


def find_chromium() -> str:
    """The Chromium that the tests drive: ``CHROMIUM_BIN``, else the one on the PATH."""
    binary = os.environ.get("CHROMIUM_BIN") or shutil.which("chromium") or "chromium"
    if not os.access(binary, os.X_OK):
        pytest.fail(
            f"no Chromium ({binary}). Install it with “apt-get install --no-install-recommends chromium”, or "
            "set CHROMIUM_BIN.",
            pytrace=False,
        )
    return binary


class Chromium:
    """Runs until it is ended.

    :ivar output: where it writes its complaints.
    """

    def __init__(self, directory: Path, address: str) -> None:
        """:param address: as if its user had typed it."""
        self.output = directory / "chromium-output.txt"
        profile = f"--user-data-dir={directory / 'profile'}"
        self._process: subprocess.Popen[str] = start(
            [find_chromium(), *OPTIONS, profile, address],
            output=self.output,
            cwd=directory,
            environ=clean_environ(directory),
        )

    def end(self) -> None:
        kill_group(self._process)
