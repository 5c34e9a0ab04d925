"""What ``killed_setup`` played, for the tests: its programs run beside each other."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.mimocode.killed_setup import OUTCOMES, Played

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_S = 200.0


class Theatre:
    """Programs that play scenarios.

    :param directory: for what they leave.
    """

    def __init__(self, directory: Path, way: str, names: Sequence[str]) -> None:
        self._results = {name: directory / str(number) for number, name in enumerate(names)}
        self._programs = {name: self._start(way, name) for name in names}

    def _start(self, way: str, name: str) -> subprocess.Popen[bytes]:
        self._results[name].mkdir()
        module = "tests.mimocode.killed_setup"
        arguments = [sys.executable, "-m", module, way, str(self._results[name]), name]
        return subprocess.Popen(arguments, cwd=_ROOT)

    def played(self, name: str) -> Played:
        assert self._programs[name].wait(_LONGEST_S) == 0
        played = pickle.loads((self._results[name] / OUTCOMES).read_bytes())
        assert isinstance(played, Played)
        return played

    def close(self) -> None:
        for program in self._programs.values():
            program.kill()
            program.wait()
