"""The bounded soak: a minute without faults and a minute with them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import CHECKOUT, PATIENCE, clean_environ, start

pytestmark = pytest.mark.soak


def end(soak: subprocess.Popen[str]) -> None:
    """End it, and let it end what it has started."""
    if soak.poll() is None:
        soak.send_signal(signal.SIGINT)
        soak.wait(PATIENCE)


def test_two_minutes_of_load_leave_no_error_and_nothing_behind(tmp_path: Path) -> None:
    output = tmp_path / "soak-output.txt"
    soak = start(
        [sys.executable, "-m", "tests.soak", "--clean", "60", "--faulty", "60", "--seed", "6"],
        output=output,
        cwd=CHECKOUT,
        environ=clean_environ(tmp_path),
    )
    try:
        status = soak.wait(600)
    finally:
        end(soak)
    print(output.read_text())
    assert status == 0, output.read_text()
