"""A user's home where MiMoCode is installed, for the tests of the command that sets it up.

Owns the home, its project, the installed ``mimo`` (the stand-in, or the real one that ``MIMO_BIN`` names) and
what is read back from them. It must not know what the stand-in answers: that is ``stand_in_mimo.py``'s.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

import pytest

REAL_MIMO = os.environ.get("MIMO_BIN", "")
"""The path of a real ``mimo``; empty where the stand-in is used."""

needs_stand_in = pytest.mark.skipif(
    bool(REAL_MIMO), reason="asks the stand-in for what a real mimo does not do"
)
"""Mark of a test that asks for hooks."""

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
HOOKS_NAME = ".mimo-hooks.json"
CALLS_NAME = ".mimo-calls"
TIME_LIMIT_S = 60.0

_ROOT = Path(__file__).resolve().parents[2]
# Written so that one start costs little: the stand-in itself is imported, hence compiled once.
_WRAPPER = """#!{python} -IS
import sys
sys.path.insert(0, {root!r})
from tests.mimocode.stand_in_mimo import main
main({hooks!r})
"""


class CommandHooks(TypedDict, total=False):
    """What the stand-in does in place of, or beside, what a command does.

    :ivar sleep: seconds to wait before anything is answered.
    :ivar hang: answer nothing, ever.
    :ivar ignore_sigterm: with ``hang``: SIGTERM is ignored, and a grandchild that ignores it too holds the
        pipes open.
    :ivar stdout: is printed in place of the command's own answer.
    :ivar stderr: is printed on stderr before the answer.
    :ivar rc: exit status, in place of the command's own. With neither ``stdout`` nor ``huge`` the command's
        answer is left out.
    :ivar huge: so many bytes of "x" are printed in place of the answer.
    :ivar lingers: a child is left behind that holds the pipes open for so many seconds.
    """

    sleep: float
    hang: bool
    ignore_sigterm: bool
    stdout: str
    stderr: str
    rc: int
    huge: int
    lingers: float


class Hooks(TypedDict, total=False):
    """Hooks of an installed stand-in.

    :ivar version: what ``--version`` prints, newline included (``"0.1.0\\n"``).
    :ivar commands: hooks of a command: ``"--version"``, ``"debug config"``, ``"debug paths"``, ``"models"``,
        ``"run"``; ``"*"`` for each command that has no hooks of its own.
    :ivar record: a directory (made where it is missing) where each call leaves a file.
    """

    version: str
    commands: Mapping[str, CommandHooks]
    record: str


class Entry(NamedTuple):
    """One path of a tree: its kind ("file", "dir", "link", "other"), permission bits, and bytes or target."""

    kind: str
    mode: int
    content: bytes


class Call(NamedTuple):
    """One recorded call of the stand-in, without the program's name in ``argv``.

    :ivar stdin: the first bytes that could be read at once; empty for ``/dev/null``.
    :ivar stdin_path: what file descriptor 0 was (``/dev/null``, ``pipe:[…]``, ``/dev/pts/…``).
    """

    argv: list[str]
    cwd: str
    environ: dict[str, str]
    stdin: bytes
    stdin_path: str

    @property
    def command(self) -> str:
        """The words of the call that are no options: ``"debug config"``, or ``"--version"``."""
        return " ".join(word for word in self.argv if not word.startswith("-")) or " ".join(self.argv)


def install_mimo(bin_dir: Path, **hooks: Unpack[Hooks]) -> Path:
    """Write an executable ``mimo`` to ``bin_dir``, or link it to the real one if no hooks are asked for."""
    bin_dir.mkdir(parents=True, exist_ok=True)
    program = bin_dir / "mimo"
    program.unlink(missing_ok=True)
    if REAL_MIMO and not hooks:
        program.symlink_to(Path(REAL_MIMO).resolve(strict=True))
        return program
    hooks_file = bin_dir / HOOKS_NAME
    hooks_file.write_text(json.dumps(hooks), encoding="utf-8")
    python = os.path.realpath(sys.executable)
    program.write_text(
        _WRAPPER.format(python=python, root=str(_ROOT), hooks=str(hooks_file)), encoding="utf-8"
    )
    program.chmod(0o755)
    return program


def make_repository(directory: Path) -> None:
    """Make a directory what git, which mimo asks, takes for a work tree."""
    for name in ("objects", "refs"):
        (directory / ".git" / name).mkdir(parents=True, exist_ok=True)
    (directory / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="ascii")


def tree_of(*roots: Path) -> dict[str, Entry]:
    """Every path at and below the roots, links not followed."""
    return {str(path): _entry(path) for root in roots for path in _walk(root)}


def _walk(root: Path) -> Iterator[Path]:
    if not root.is_symlink() and not root.exists():
        return
    yield root
    for directory, names, files in os.walk(root):
        for name in sorted(names + files):
            yield Path(directory, name)


def _entry(path: Path) -> Entry:
    mode = path.lstat().st_mode
    bits = stat.S_IMODE(mode)
    if stat.S_ISLNK(mode):
        # The mode of a link means nothing, and differs between systems.
        return Entry("link", 0, os.fsencode(os.readlink(path)))
    if stat.S_ISDIR(mode):
        return Entry("dir", bits, b"")
    if stat.S_ISREG(mode):
        return Entry("file", bits, path.read_bytes())
    return Entry("other", bits, b"")


@dataclass
class MimoHome:
    """A home with MiMoCode in it and a git repository beside it.

    :ivar root: an empty or missing directory that holds all of it.
    :ivar hooks: of the stand-in; none leaves the choice of the program to ``MIMO_BIN``.
    """

    root: Path
    hooks: Hooks = field(default_factory=Hooks)

    def __post_init__(self) -> None:
        # As a program sees its own directory: mimo's walk starts from there.
        self.root.mkdir(parents=True, exist_ok=True)
        self.root = self.root.resolve()
        self.home = self.root / "home"
        self.config_dir = self.home / ".config" / "mimocode"
        self.bin_dir = self.root / "bin"
        self.project = self.root / "project"
        self.record = self.root / CALLS_NAME
        self.home.mkdir(exist_ok=True)
        make_repository(self.project)
        self.program = self.install(**self.hooks)

    def install(self, **hooks: Unpack[Hooks]) -> Path:
        """Install ``mimo`` again, with other hooks. The stand-in's calls are recorded."""
        self.hooks = hooks
        if REAL_MIMO and not hooks:
            self.program = install_mimo(self.bin_dir)
        else:
            recorded: Hooks = {"record": str(self.record), **hooks}
            self.program = install_mimo(self.bin_dir, **recorded)
        return self.program

    def uninstall(self) -> None:
        """Take ``mimo`` away."""
        self.program.unlink()

    def environ(self, **extra: str) -> dict[str, str]:
        """A small environment for programs: nothing of the tests' own environment is in it."""
        return {"HOME": str(self.home), "PATH": f"{self.bin_dir}:{SYSTEM_PATH}", "LANG": "C.UTF-8", **extra}

    def mimo(self, *args: str, cwd: Path | str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the installed ``mimo`` in ``cwd`` (the project) and wait for it."""
        return subprocess.run(
            [str(self.program), *args],
            cwd=cwd or self.project,
            env=self.environ(**env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=TIME_LIMIT_S,
            check=False,
        )

    def resolved(self, cwd: Path | str | None = None, **env: str) -> dict[str, Any]:
        """What ``mimo --pure debug config`` resolves; a failure of it is an error."""
        done = self.mimo("--pure", "debug", "config", cwd=cwd, **env)
        if done.returncode:
            raise AssertionError(f"mimo debug config: {done.returncode}\n{done.stderr}")
        config: dict[str, Any] = json.loads(done.stdout)
        return config

    def models(self, provider: str = "gonkagate", cwd: Path | str | None = None, **env: str) -> list[str]:
        """The first word of each line that ``mimo models`` prints."""
        lines = self.mimo("models", provider, cwd=cwd, **env).stdout.splitlines()
        return [line.split()[0] for line in lines if line.strip()]

    def calls(self) -> Sequence[Call]:
        """The recorded calls of the stand-in, in their order."""
        files = sorted(self.record.glob("*.json")) if self.record.is_dir() else []
        return [_call(json.loads(file.read_bytes())) for file in files]

    def forget_calls(self) -> None:
        """Drop what was recorded."""
        for file in self.record.glob("*.json"):
            file.unlink()

    def tree(self) -> dict[str, Entry]:
        """Every path at and below the home and the project."""
        return tree_of(self.home, self.project)

    def write(self, path: str | Path, content: str | bytes | Mapping[str, Any]) -> Path:
        """Write a file below the root, its directories too. A mapping is written as JSON."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Mapping):
            content = json.dumps(content, indent=2) + "\n"
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target


def _call(record: Mapping[str, Any]) -> Call:
    return Call(
        argv=record["argv"],
        cwd=record["cwd"],
        environ=record["environ"],
        stdin=bytes.fromhex(record["stdin"]),
        stdin_path=record["stdin_path"],
    )
