"""Other programs, each run to its end or to a time limit, in a home that is thrown away.

Owns that home, and the end of what runs when the run of checks is broken off. No key is in their environment:
that is the caller's. How programs are started and ended is :mod:`ccmimolink.children`'s.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccmimolink import children

_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """:ivar home: what its home was called."""

    status: int
    out: str
    err: str
    home: str


class Children:
    """Those of one run of checks. They are run in threads, and ended from another one."""

    def __init__(self) -> None:
        self._running: dict[subprocess.Popen[bytes], Mapping[str, str]] = {}

    def run(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        seconds: float,
        furnish: Callable[[Path], None] = lambda _home: None,
    ) -> Ended | None:
        """:param furnish: puts into its home, which is Codex's home too, what is to be there.
        :returns: None where it came to no end in time, printed without end, or cannot be run.
        """
        with tempfile.TemporaryDirectory(prefix="ccmimolink-", ignore_cleanup_errors=True) as home:
            furnish(Path(home))
            own = {**environ, "HOME": home, "CODEX_HOME": home}
            try:
                process = children.start(command, directory=Path(home), environ=own, errors=subprocess.PIPE)
            except OSError:
                return None
            with process:
                self._running[process] = own
                try:
                    printed = children.outputs(process, seconds=seconds, most=_MOST_BYTES)
                finally:
                    children.end(process, own)
                    del self._running[process]
        if printed is None:
            return None
        out, err = printed
        return Ended(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"), home)

    def end(self) -> None:
        """Leave nothing behind, though nobody waits for a result any more."""
        for process, environ in [*self._running.items()]:
            children.end(process, environ)
            shutil.rmtree(environ["HOME"], ignore_errors=True)
