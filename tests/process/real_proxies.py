"""Proxies that others wrote, as programs: tinyproxy for CONNECT, microsocks for SOCKS5.

Owns their command lines, logs and ends. They alone know where ``mimo.test`` is: on loopback. Each has a hosts
file of its own for that, in a mount namespace, so that nobody else can reach that name; needs Linux.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.processes import (
    CHECKOUT,
    clean_environ,
    free_port,
    kill_group,
    killed_on_failure,
    listens,
    wait_until,
)
from tests.e2e.processes import start as start_program

NAME = "mimo.test"
USER, PASSWORD = "fake-user", "fake-password-of-nobody"
PACKAGES = {"tinyproxy": "tinyproxy-bin", "microsocks": "microsocks"}

_OWN_HOSTS = (
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mount --bind "$0" /etc/hosts && exec "$@"',
)


@dataclass(frozen=True)
class RealProxy:
    """A running proxy that asks for :data:`USER` and :data:`PASSWORD`.

    :ivar scheme: how its URL begins.
    """

    scheme: str
    port: int
    log: Path
    process: subprocess.Popen[str]

    def url(self, password: str = PASSWORD) -> str:
        return f"{self.scheme}://{USER}:{password}@127.0.0.1:{self.port}"

    def ways(self, port: int) -> int:
        """How many connections to this port of MiMo's it has made, by its log."""
        return sum(f"{NAME}:{port}" in line and _is_way(line) for line in self.log.read_text().splitlines())

    def stop(self) -> None:
        kill_group(self.process)


def _is_way(line: str) -> bool:
    return "Request (file descriptor" in line or "connected to" in line


def start(name: str, directory: Path) -> RealProxy:
    """:param name: ``tinyproxy`` or ``microsocks``."""
    directory.mkdir()
    port, log, hosts = free_port(), directory / "log.txt", directory / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
    options = _tinyproxy(directory, port, log) if name == "tinyproxy" else _microsocks(port)
    process = start_program(
        [*_OWN_HOSTS, str(hosts), _found(name), *options],
        output=directory / "output.txt" if name == "tinyproxy" else log,
        cwd=CHECKOUT,
        environ=clean_environ(directory),
    )

    def up() -> bool | None:
        assert process.poll() is None, [file.read_text() for file in directory.glob("*.txt")]
        return listens(port) or None

    with killed_on_failure(process):
        wait_until(up, name)
    return RealProxy("http" if name == "tinyproxy" else "socks5h", port, log, process)


def _found(name: str) -> str:
    binary = shutil.which(name)
    if binary is None:
        pytest.fail(f"no {name}. Install it with “apt-get install {PACKAGES[name]}”.", pytrace=False)
    return str(binary)


def _tinyproxy(directory: Path, port: int, log: Path) -> list[str]:
    configuration = directory / "tinyproxy.conf"
    configuration.write_text(
        f'Listen 127.0.0.1\nPort {port}\nTimeout 60\nMaxClients 20\nLogFile "{log}"\nLogLevel Connect\n'
        f"BasicAuth {USER} {PASSWORD}\n"
    )
    return ["-d", "-c", str(configuration)]


def _microsocks(port: int) -> list[str]:
    return ["-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD]
