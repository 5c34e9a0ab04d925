"""A pytest plugin that takes away what only POSIX has: ``pytest -p tests.without_posix -m portable``.

Our modules and tests find no ``fcntl``, ``pwd`` and the like, no ``os.geteuid``, ``os.fchmod`` or ``SIGHUP``,
and ``sys.platform`` is ``win32``. What others wrote was loaded before and keeps what it has. It is no
Windows: paths, files that are open, and processes stay as they are here.
"""

from __future__ import annotations

import asyncio
import builtins
import importlib
import os
import signal
import socket
import sys
import types
from collections.abc import Mapping, Sequence

_OTHERS = (
    "certifi filelock getpass hypothesis httptools msgspec platformdirs pytest_twisted shtab "
    "shutil sqlite3 subprocess tempfile tomlkit treq twisted.internet.endpoints twisted.internet.reactor "
    "twisted.internet.ssl twisted.internet.testing twisted.internet.threads twisted.plugin "
    "twisted.web.client twisted.web.server urllib.request zstandard"
)
_MODULES = {
    "fcntl",
    "resource",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "spwd",
    "syslog",
    "readline",
    "curses",
}
# Not what others ask for in the middle of a run: O_NONBLOCK (Twisted), fchmod (filelock), WNOHANG and SIGKILL
# (subprocess). Whether our code asks for them, mypy --platform win32 sees.
_OF_OS = (
    "geteuid getuid getegid getgid getpgid getppid getgroups setuid setgid setsid setpgid initgroups chown "
    "fchown lchown killpg fork forkpty mkfifo mknod uname sysconf pathconf statvfs set_blocking "
    "O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_SYNC wait3 wait4"
)
_OF_SIGNAL = "SIGHUP SIGALRM SIGUSR1 SIGUSR2 SIGQUIT SIGSTOP SIGPIPE pthread_kill pthread_sigmask alarm"
_OURS = ("ccmimolink", "tests", "test_", "conftest", "twisted.plugins")


def _console_locks() -> types.ModuleType:
    """What stands in for the module with which Windows locks files."""
    import fcntl

    def locking(descriptor: int, _mode: int, _length: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PermissionError(*error.args) from None

    module = types.ModuleType("msvcrt")
    vars(module).update(locking=locking, LK_NBLCK=2)
    return module


def _take_away() -> None:
    for name in _OTHERS.split():
        importlib.import_module(name)
    asyncio.new_event_loop().close()
    os.environ.setdefault("USERNAME", "nobody")  # it is always set there
    sys.modules["msvcrt"] = _console_locks()
    for owner, names in ((os, _OF_OS), (signal, _OF_SIGNAL), (socket, "AF_UNIX")):
        for name in names.split():
            if hasattr(owner, name):
                delattr(owner, name)
    sys.platform = "win32"
    builtins.__import__ = _import


_really_import = builtins.__import__


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,  # noqa: A002
    locals: Mapping[str, object] | None = None,  # noqa: A002
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> types.ModuleType:
    asks = str((globals or {}).get("__name__", ""))
    if level == 0 and name.partition(".")[0] in _MODULES and asks.startswith(_OURS):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return _really_import(name, globals, locals, fromlist or (), level)


def pytest_configure() -> None:
    """Behind the start of the test runner itself, before anything of ours is imported."""
    _take_away()
