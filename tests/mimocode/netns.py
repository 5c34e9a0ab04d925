"""A machine of a test's own for a command: there, loopback is the network, and the gateway is GonkaGate.

Owns the namespaces and what stands in them: ``lo``, a hosts file with the gateway's name, and the simulated
gateway behind it with a certificate for that name. All that was started there ends with the command.

Needs Linux with user namespaces. Run as ``python -m tests.mimocode.netns FILE``, it is the first process
there; the file says what it does.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tests.e2e.processes import (
    CHECKOUT,
    PATIENCE,
    killed_on_failure,
    start,
    stop,
    wait_until,
)
from tests.mimocode.gateway import written
from tests.mimocode.gateway_api import Answer, Request
from tests.mimocode.gateway_tls import HOST, Authority, authority

NAME = "api.gonkagate.com"
PORT = 443

_UNSHARE = (
    *("unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork"),
    *("--kill-child", "--mount-proc"),
)
_STEERING = frozenset({"SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"})
"""Variables that would lead a client elsewhere, or let it trust others."""

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1
"""SIOCGIFFLAGS, SIOCSIFFLAGS and IFF_UP of Linux."""


@dataclass(frozen=True)
class Behind:
    """What stands behind the name.

    :ivar issuer: of the certificate that is shown; the command trusts :func:`authority` alone.
    :ivar host: the name in the certificate.
    :ivar models: the entries of the catalog, if they are others than usual.
    :ivar answers: scripted, by path; whoever comes later is answered by the rules.
    :ivar accept: keys that are accepted besides the usual one.
    :ivar resolves: whether the name is known at all.
    :ivar listens: whether anything is there to be connected to.
    """

    issuer: Authority = field(default_factory=authority)
    host: str = NAME
    models: Sequence[Mapping[str, Any]] | None = None
    answers: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    accept: Sequence[str] = ()
    resolves: bool = True
    listens: bool = True


@dataclass(frozen=True)
class Ran:
    """A command that has ended, and what the gateway was asked meanwhile."""

    completed: subprocess.CompletedProcess[str]
    requests: tuple[Request, ...]


class Namespace:
    """What is needed to start commands, each in namespaces of its own, one gateway after the other.

    :param folder: of this machine's own; the commands do not look into it.
    """

    def __init__(self, folder: Path, behind: Behind) -> None:
        self._folder, self._numbers = folder, count()
        self.record = folder / "requests.jsonl"
        self._trusted = folder / "authority.pem"
        self._trusted.write_bytes(authority().pem)
        self._hosts = folder / "hosts"
        self._hosts.write_text(f"{HOST} localhost\n" + (f"{HOST} {NAME}\n" if behind.resolves else ""))
        self._gateway = self._gateway_of(behind) if behind.listens else None

    def _gateway_of(self, behind: Behind) -> list[str]:
        certificate, key = behind.issuer.issue(behind.host).write(self._folder / "shown")
        models, answers = self._folder / "models.json", self._folder / "answers.json"
        answers.write_text(
            json.dumps({path: [each.to_json() for each in queue] for path, queue in behind.answers.items()})
        )
        command = [sys.executable, "-m", "tests.mimocode.gateway", "--port", str(PORT)]
        command += ["--cert", str(certificate), "--key", str(key), "--record", str(self.record)]
        command += ["--answers-file", str(answers)]
        if behind.models is not None:
            models.write_text(json.dumps(behind.models))
            command += ["--models-file", str(models)]
        return [*command, *(f"--accept={key}" for key in behind.accept)]

    def command(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> tuple[list[str], Path]:
        """What to start instead of ``argv``, from anywhere, and where its exit status will be found.

        :param env: all of the command's variables, but those that say whom it trusts.
        """
        number = next(self._numbers)
        status, described = self._folder / f"status{number}", self._folder / f"inside{number}.json"
        trusted = {"SSL_CERT_FILE": str(self._trusted), "NODE_EXTRA_CA_CERTS": str(self._trusted)}
        kept = {name: value for name, value in env.items() if name.upper() not in _STEERING}
        inside = {
            "argv": list(argv),
            "cwd": str(cwd),
            "env": {**kept, **trusted},
            "gateway": self._gateway,
            "hosts": str(self._hosts),
            "output": str(self._folder / f"gateway{number}.txt"),
            "status": str(status),
        }
        described.write_text(json.dumps(inside))
        first = [sys.executable, "-m", "tests.mimocode.netns", str(described)]
        return ["env", f"PYTHONPATH={CHECKOUT}", *_UNSHARE, *first], status

    def requests(self) -> tuple[Request, ...]:
        """All that the gateway was asked so far."""
        return written(self.record)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: str | None = None,
        timeout: float = 60.0,
    ) -> Ran:
        """Run a command to its end.

        :param stdin: what it can read; without it, nothing.
        :raises subprocess.TimeoutExpired: it took too long, and was ended.
        """
        before = len(self.requests())
        command, status = self.command(argv, env=env, cwd=cwd)
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process, killed_on_failure(process):
            output, errors = process.communicate(stdin or "", timeout)
        assert status.exists(), f"the namespace did not come about:\n{errors}"
        completed = subprocess.CompletedProcess(list(argv), int(status.read_text()), output, errors)
        return Ran(completed, self.requests()[before:])


@contextmanager
def namespace(behind: Behind | None = None) -> Iterator[Namespace]:
    """Where several commands are run, or one that a test starts in its own way, such as in a terminal."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        yield Namespace(Path(folder), behind or Behind())


def in_namespace(
    argv: Sequence[str],
    behind: Behind | None = None,
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdin: str | None = None,
    timeout: float = 60.0,
) -> Ran:
    """Run one command: see :meth:`Namespace.run`."""
    with namespace(behind) as place:
        return place.run(argv, env=env, cwd=cwd, stdin=stdin, timeout=timeout)


def is_possible() -> bool:
    """Whether this machine lets us make such namespaces."""
    try:
        tried = subprocess.run([*_UNSHARE, "true"], capture_output=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def _bring_up(interface: bytes = b"lo") -> None:
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", interface, 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", interface, flags | _UP))


def _begin_listening(command: Sequence[str], output: Path) -> subprocess.Popen[str]:
    gateway = start(command, output=output, cwd=CHECKOUT, environ={"PYTHONPATH": str(CHECKOUT)})

    def listening() -> bool | None:
        assert gateway.poll() is None, output.read_text()
        return f"listening on {PORT}" in output.read_text() or None

    with killed_on_failure(gateway):
        wait_until(listening, "the gateway")
    return gateway


def main(described: str) -> None:
    inside = json.loads(Path(described).read_text())
    _bring_up()
    subprocess.run(["mount", "--bind", inside["hosts"], "/etc/hosts"], check=True, timeout=PATIENCE)
    gateway = _begin_listening(inside["gateway"], Path(inside["output"])) if inside["gateway"] else None
    try:
        ended = subprocess.run(inside["argv"], cwd=inside["cwd"], env=inside["env"], check=False)
    finally:
        if gateway is not None:
            stop(gateway)
    Path(inside["status"]).write_text(str(ended.returncode))


if __name__ == "__main__":
    main(sys.argv[1])
