"""Other proxies of the same kind: how they are installed and started.

Owns their virtual environments, which are made on first use, one for each. It must not measure.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import twisted

from tests.bench.bodies import KEY, MODEL
from tests.bench.tools import CACHE

Command = Callable[[Path, Path, int, int], list[str]]
"""Of the virtual environment's programs, the folder for files, the port, and the upstream's port."""


@dataclass(frozen=True)
class Peer:
    """:ivar package: as pip takes it; None for what is no proxy of this kind, but the floor.
    :ivar share: of the requests that it gets; less than 1 where it is slow.
    :ivar start_seconds: that it may take to listen.
    :ivar stays: whether one start serves all scenarios.
    """

    name: str
    package: str | None
    command: Command
    share: float = 1
    start_seconds: float = 20
    stays: bool = False


def _relay(programs: Path, _folder: Path, port: int, upstream: int) -> list[str]:
    base = f"http://127.0.0.1:{upstream}/v1"
    return [str(programs / "codex-relay"), "--port", str(port), "--upstream", base, "--api-key", KEY]


def _bridge(programs: Path, _folder: Path, port: int, upstream: int) -> list[str]:
    base = f"http://127.0.0.1:{upstream}/v1"
    program = str(programs / "codex-bridge-python")
    return [program, "--port", str(port), "--upstream", base, "--api-key", KEY]


def _litellm(programs: Path, folder: Path, port: int, upstream: int) -> list[str]:
    parameters = {
        "model": f"openai/{MODEL}",
        "api_base": f"http://127.0.0.1:{upstream}/v1",
        "api_key": KEY,
        "use_chat_completions_api": True,
    }
    models = [{"model_name": MODEL, "litellm_params": parameters}]
    general = {"master_key": KEY, "dangerously_permit_weak_or_unset_master_key": True}
    config = {"model_list": models, "general_settings": general}
    # JSON is YAML.
    (folder / "config.yaml").write_text(json.dumps(config))
    where = ["--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    return [str(programs / "litellm"), *where, "--num_workers", "1", "--telemetry", "False"]


def _forwarder(_programs: Path, _folder: Path, port: int, upstream: int) -> list[str]:
    return [sys.executable, "-m", "tests.bench.forwarder", str(port), str(upstream)]


_ALL = [
    Peer("twisted-forwarder", None, _forwarder),
    Peer("codex-relay", "codex-relay", _relay),
    Peer("codex-bridge-python", "codex-bridge-python", _bridge),
    Peer("litellm", "litellm[proxy]", _litellm, share=0.1, start_seconds=180, stays=True),
]
PEERS = {peer.name: peer for peer in _ALL}


def installed(peer: Peer) -> tuple[Path, str]:
    """The folder of the peer's programs, and its version.

    :raises SystemExit: pip fails; the message holds what it said.
    """
    if peer.package is None:
        return Path(sys.executable).parent, twisted.__version__
    python = environment(peer.name, [peer.package])
    name = peer.package.partition("[")[0]
    code = f"import importlib.metadata; print(importlib.metadata.version({name!r}))"
    version = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout
    return python.parent, version.strip()


def environment(name: str, packages: list[str]) -> Path:
    """The Python of a virtual environment with these packages."""
    folder = CACHE / "venvs" / name
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        print(f"installing {' '.join(packages)} into {folder}", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        complete.touch()
    return python
