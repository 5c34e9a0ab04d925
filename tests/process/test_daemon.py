"""The program in the background, as the README starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import PATIENCE, clean_environ, free_port, listens, wait_until
from tests.readme_halves import ENGLISH as README

pytestmark = pytest.mark.process


def readme_command(port: int) -> list[str]:
    (shown,) = re.findall(r"^\.venv/bin/(twistd --logger .*) --port 9876$", README, re.MULTILINE)
    _twistd, *arguments = shown.split()
    twistd = Path(sys.executable).with_name("twistd")
    return [str(twistd), *arguments, "--port", str(port), "--demo"]


def is_gone(pid: int) -> bool | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return None


def test_a_daemon_leaves_one_log_that_its_user_alone_can_read(tmp_path: Path) -> None:
    port = free_port()
    subprocess.run(
        readme_command(port), cwd=tmp_path, env=clean_environ(tmp_path), check=True, timeout=PATIENCE
    )
    pid = int(wait_until(lambda: (tmp_path / "twistd.pid").read_text() or None, "its pid"))
    try:
        wait_until(lambda: listens(port) or None, "the daemon")
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: is_gone(pid), "its end")
    left = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.is_file()}
    assert left == {"mimo_proxy.log": 0o600}
    assert "ccmimolink has stopped" in (tmp_path / "mimo_proxy.log").read_text()
