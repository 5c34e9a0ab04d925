"""The bounded soak: a minute without faults and a minute with them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.processes import CHECKOUT

pytestmark = pytest.mark.soak


def test_two_minutes_of_load_leave_no_error_and_nothing_behind() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--clean", "60", "--faulty", "60"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
