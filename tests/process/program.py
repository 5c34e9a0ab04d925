"""The real program in a process of its own, in front of a scripted upstream of the test's own.

Owns starting it in odd surroundings, looking at it from outside (``/proc``, ``/health``, its log and what it
prints) and ending it, by its pid. It must not judge what it sees.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.e2e.processes import CHECKOUT, PATIENCE, clean_environ, free_port, kill_group, listens, start
from tests.e2e.proxy import Proxy
from tests.faults.upstream import FaultyUpstream, Plan
from tests.http_wire import Reply, body_of, read_reply, request

KEY = "sk-fake-key-of-a-process-test"
POST = request("POST", "/v1/responses", body_of())
MEGABYTE = 1 << 20
TROUBLE = ("Traceback", "Unhandled", "#critical", "Fatal", KEY)
"""What neither the log nor the output may hold."""

_POLL = 0.01
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Client(Protocol):
    """A raw client.

    :ivar count: bytes that have come. Only the first two megabytes and the last four kilobytes are kept.
    """

    transport: Any

    def __init__(self) -> None:
        self.head = b""
        self.tail = b""
        self.count = 0
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.count += len(data)
        if len(self.head) < 2 * MEGABYTE:
            self.head += data
        self.tail = (self.tail + data)[-4096:]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    @property
    def reply(self) -> Reply:
        """What has come, if that is no more than is kept."""
        assert self.count == len(self.head)
        return read_reply(self.head, closed=self.lost)

    @property
    def complete(self) -> bool:
        """Whether an answer has come whole. A long stream is known by the last of its chunks."""
        head, found, _ = self.head.partition(b"\r\n\r\n")
        if not found:
            return False
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return self.count >= len(head) + 4 + int(line.partition(b":")[2])
        return self.tail.endswith(b"\r\n0\r\n\r\n")


class Program:
    """A ``twistd -n ccmimolink`` that is starting.

    :param prefix: a command that runs the program in its own place, such as ``prlimit``.
    :param pid_file: given to twistd; empty for none.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        log: Path,
        *options: str,
        prefix: Sequence[str] = (),
        pid_file: str = "",
        **environ: str,
    ) -> None:
        self.port, self.log = port, log
        directory.mkdir(exist_ok=True)
        self.output = directory / "output.txt"
        command = Proxy.command(port, log, *options)
        command[command.index("--pidfile=")] = f"--pidfile={pid_file}"
        if any(option.startswith("--listen") for option in options):
            # It stands in the port's place.
            at = command.index("--port")
            del command[at : at + 2]
        self.process: subprocess.Popen[str] = start(
            [*prefix, *command],
            output=self.output,
            cwd=directory,
            environ=clean_environ(directory, PYTHONPATH=str(CHECKOUT), MIMO_API_KEY=KEY, **environ),
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self) -> bool:
        return self.process.poll() is not None

    def is_up(self) -> bool:
        assert not self.ended(), self.output.read_text()
        return listens(self.port)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    # -- what is seen from outside ---------------------------------------------------------------------------

    def _status(self, field: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0])
        raise AssertionError(f"the kernel tells no {field}")

    def resident(self) -> float:
        """Megabytes in memory."""
        return self._status("VmRSS") / 1024

    def peak(self) -> float:
        """The most megabytes in memory since :meth:`forget_peak`."""
        return self._status("VmHWM") / 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def threads(self) -> int:
        return self._status("Threads")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        """Of its own and of the kernel's on its behalf."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def log_text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def said(self) -> str:
        return self.output.read_text()

    def assert_no_trouble(self) -> None:
        text = self.log_text() + self.said()
        for trouble in TROUBLE:
            assert trouble not in text, text


class Stage:
    """Programs, one upstream and clients, all ended with the test.

    :ivar upstream: set by :meth:`serve`.
    """

    def __init__(self, reactor: Any, directory: Path) -> None:
        self.reactor, self.directory = reactor, directory
        self.programs: list[Program] = []
        self.clients: list[Client] = []
        self.upstream: FaultyUpstream
        self.upstream_port = free_port()
        self._serves = False

    async def serve(self, plan: Plan | Sequence[Plan], *, certificate: Any = None) -> FaultyUpstream:
        """From now on the upstream does this.

        :param certificate: as for :meth:`FaultyUpstream.listen`.
        """
        self.upstream = FaultyUpstream.of(self.reactor, plan)
        await self.upstream.listen(self.upstream_port, certificate=certificate)
        self._serves = True
        return self.upstream

    def launch(self, *options: str, port: int | None = None, log: Path | None = None, **more: Any) -> Program:
        """Start a program without waiting for it. Variables and arguments of :class:`Program` as keywords."""
        name = f"program{len(self.programs)}"
        settings = {
            "MIMO_BASE_URL": f"http://127.0.0.1:{self.upstream_port}/v1",
            "MIMO_PROXY_MIN_INTERVAL_MS": "0",
            "MIMO_PROXY_SKIP_CC_SWITCH_SYNC": "true",
        }
        program = Program(
            self.directory / name,
            free_port() if port is None else port,
            log or self.directory / f"{name}.log",
            *options,
            **(settings | more),
        )
        self.programs.append(program)
        return program

    async def start(self, *options: str, **more: Any) -> Program:
        """A program that listens."""
        program = self.launch(*options, **more)
        await self.until(program.is_up)
        return program

    async def until(self, condition: Callable[[], Any], patience: float = PATIENCE) -> None:
        deadline = self.reactor.seconds() + patience
        while not condition():
            assert self.reactor.seconds() < deadline, "waited in vain\n" + "\n".join(
                program.said()[-2000:] for program in self.programs
            )
            await self.rest(_POLL)

    async def rest(self, seconds: float) -> None:
        await deferLater(self.reactor, seconds)

    async def connect(self, program: Program) -> Client:
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", program.port)
        client: Client = await connectProtocol(endpoint, Client())
        self.clients.append(client)
        return client

    async def ask(self, program: Program, data: bytes = POST) -> Client:
        """A request over a connection of its own."""
        client = await self.connect(program)
        client.send(data)
        return client

    async def finished(self, client: Client) -> None:
        """Wait for the end of an answer."""
        await self.until(lambda: client.complete or client.lost)

    async def answered(self, program: Program, data: bytes = POST) -> Reply:
        """The whole answer to a request."""
        client = await self.ask(program, data)
        await self.finished(client)
        client.transport.abortConnection()
        return client.reply

    async def health(self, program: Program) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.answered(program, request("GET", "/health"))).body)
        return found

    async def until_health(self, program: Program, **wanted: int) -> None:
        """Wait until ``/health`` shows these figures."""
        deadline = self.reactor.seconds() + PATIENCE
        while True:
            seen = await self.health(program)
            if seen.items() >= wanted.items():
                return
            assert self.reactor.seconds() < deadline, seen
            await self.rest(0.05)

    async def ends(self, program: Program) -> int:
        """The exit status, once the program has ended by itself."""
        await self.until(program.ended)
        status: int = program.process.returncode
        return status

    async def clean_up(self) -> None:
        for client in self.clients:
            if not client.lost:
                client.transport.abortConnection()
        for program in self.programs:
            kill_group(program.process)
        if self._serves:
            await self.upstream.stop()
        await self.until(lambda: all(client.lost for client in self.clients))
