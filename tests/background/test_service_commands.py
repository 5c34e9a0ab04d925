"""The two doors of ``ccmimolink-service`` to what runs: the manager's commands, and the proxy's address."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ccmimolink.background.commands import NOT_FOUND, TOO_LATE, Commands, Ran
from ccmimolink.background.health import Answer, ask_health
from ccmimolink.listen import TCPAddress, UnixAddress
from tests.background.service_stage import KEY
from tests.e2e.processes import free_port

PRINT_ENVIRON = "import os; print(sorted(os.environ))"


def test_a_command_sees_no_key() -> None:
    commands = Commands({"MIMO_API_KEY": KEY, "HOME": "/home/somebody", "XDG_RUNTIME_DIR": "/run/user/1"})

    ran = commands.run([sys.executable, "-I", "-c", PRINT_ENVIRON])

    assert {"HOME", "XDG_RUNTIME_DIR"} <= set(ran.output.strip("[]\n").replace("'", "").split(", "))
    assert "MIMO_API_KEY" not in ran.output


def test_status_and_both_outputs_are_given() -> None:
    program = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"

    assert Commands({}).run([sys.executable, "-c", program]) == Ran(7, "out\n", "err\n")


def test_a_command_that_is_not_there_has_the_status_that_a_shell_gives(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")

    assert Commands({}).run([gone]) == Ran(
        NOT_FOUND, complaint="it cannot be started (No such file or directory)"
    )
    assert Commands({}).show([gone]) == NOT_FOUND


def test_a_command_that_does_not_end_is_ended() -> None:
    ran = Commands({}).run([sys.executable, "-c", "import time; time.sleep(600)"], seconds=0.2)

    assert ran == Ran(TOO_LATE, complaint="it did not end within 0.2 seconds")


@pytest.mark.parametrize(
    ("ran", "why"),
    [
        (Ran(1, "out", "Failed to\nconnect.\n"), "Failed to connect"),
        (Ran(1, "out\n"), "out"),
        (Ran(5), "exit status 5"),
    ],
)
def test_a_failure_is_said_on_one_line(ran: Ran, why: str) -> None:
    assert ran.why() == why


# -- who answers --------------------------------------------------------------------------------------------


@contextmanager
def answering(status: int, body: bytes) -> Iterator[TCPAddress]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield TCPAddress("127.0.0.1", server.server_port)
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, b'{"uptime_seconds": 1}', Answer.OURS),
        (403, b"The bearer token (MIMO_PROXY_TOKEN) is missing or wrong.", Answer.OURS),
        (403, b"no", Answer.OTHER),
        (200, b"MIMO_PROXY_TOKEN", Answer.OTHER),
        (200, b'{"status": "ok"}', Answer.OTHER),
        (200, b"[]", Answer.OTHER),
        (200, b"<html>", Answer.OTHER),
        (200, b"\xff", Answer.OTHER),
    ],
)
def test_a_ccmimolink_is_known_by_what_it_answers(status: int, body: bytes, answer: Answer) -> None:
    with answering(status, body) as address:
        assert ask_health(address, "").answer is answer
        # An address that means every one of the machine is asked on loopback.
        assert ask_health(TCPAddress("", address.port), "").answer is answer


def test_where_nobody_listens_nobody_answers(tmp_path: Path) -> None:
    assert ask_health(TCPAddress("127.0.0.1", free_port()), "").answer is Answer.NOBODY
    assert ask_health(UnixAddress(str(tmp_path / "socket")), "").answer is Answer.NOBODY


def test_who_hangs_up_is_another_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()

        assert ask_health(TCPAddress("127.0.0.1", server.getsockname()[1]), "").answer is Answer.OTHER

        thread.join()
