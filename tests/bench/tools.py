"""The two C programs of the benchmark: compiled on first use, kept by the hash of their sources.

Owns the cache directory of the benchmark. It must not start what it compiles.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ccmimolink-bench"
_HERE = Path(__file__).parent
_FLAGS = ["-O2", "-std=gnu11", "-Wall", "-Wextra"]


@dataclass(frozen=True)
class Tools:
    """Where the compiled programs are, and whether the client acknowledges at once what arrives."""

    upstream: Path
    load: Path
    quick_ack: bool = False


def tools(*, quick_ack: bool = False) -> Tools:
    """:raises SystemExit: there is no compiler, or it fails; the message says what to do."""
    sources = sorted([*_HERE.glob("*.c"), *_HERE.glob("*.h")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = CACHE / digest
    upstream, load = (_compiled(_HERE / f"{name}.c", folder / name) for name in ("upstream", "load"))
    return Tools(upstream, load, quick_ack)


def _compiled(source: Path, program: Path) -> Path:
    if program.exists():
        return program
    name = os.environ.get("CC", "cc")
    compiler = shutil.which(name)
    if compiler is None:
        raise SystemExit(
            f"The benchmark needs a C compiler, and there is no {name!r}: install one (Debian: apt install "
            "gcc libc6-dev) or name another in CC."
        )
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(f".{os.getpid()}")
    command = [compiler, *_FLAGS, "-o", str(unfinished), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed (on Debian libc6-dev is needed):\n{done.stderr}")
    unfinished.replace(program)
    return program
