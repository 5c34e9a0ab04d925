"""What systems do differently is asked behind few doors, one for each question."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ccmimolink"

DOORS = {
    "private_files.py": "modes, owners, links and locks of files",
    "children.py": "the start and the end of other programs",
    "process.py": "signals, and how many files may be open",
    "terminal.py": "consoles",
    "trust.py": "certificate authorities",
    "listen.py": "addresses that linger",
    "mimocode/settings.py": "the user's home, and an administrator's directory",
    "background/command.py": "the service manager",
    "background/health.py": "sockets that are files",
    "control/files.py": "whether another process lives",
    "doctor/storage.py": "whether there are modes to look at",
}
_MODULES = {
    "fcntl",
    "resource",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "syslog",
    "msvcrt",
    "winreg",
    "ctypes",
}
_OF_OS = {
    *("name", "uname", "fork", "kill", "killpg", "setsid", "umask", "set_blocking"),
    *("getuid", "geteuid", "getgid", "getegid", "setuid", "chown", "fchown", "fchmod"),
    *("O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"),
}
_ELSEWHERE = {"sys.platform", "signal.SIGHUP", "signal.SIGKILL", "socket.AF_UNIX"}
_QUESTIONS = {f"os.{name}" for name in _OF_OS} | _ELSEWHERE
_WORDS = {"start_new_session", "process_group", "preexec_fn", "creationflags"}


def questions(file: Path) -> Iterator[str]:
    """Everything in a module that not every system has or that has another meaning there."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in _QUESTIONS:
            yield ast.unparse(node)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in _MODULES)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module in _MODULES:
            yield str(node.module)
        elif isinstance(node, ast.keyword) and node.arg in _WORDS:
            yield str(node.arg)


def modules() -> list[str]:
    return [file.relative_to(PACKAGE).as_posix() for file in sorted(PACKAGE.rglob("*.py"))]


@pytest.mark.parametrize("name", modules())
def test_only_a_door_asks_which_system_this_is(name: str) -> None:
    if name not in DOORS:
        assert list(questions(PACKAGE / name)) == []


@pytest.mark.parametrize("name", DOORS)
def test_no_door_stands_open_for_nothing(name: str) -> None:
    assert list(questions(PACKAGE / name))
