"""The start, through the launchers that people use, with a service that only listens.

Each test runs a real process: what counts is what stands on stderr, and the status.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]

# The part of the program that this test is not about: something that listens where the settings say.
STAND_IN = """
import runpy, sys, types
from twisted.application import strports
from twisted.internet.protocol import Factory, Protocol

def build_service(settings, plugins, reactor):
    # A signal that comes before this ends the process without a word, as it does in any program.
    reactor.callWhenRunning(lambda: open("running", "w").close())
    return strports.service(settings.listen, Factory.forProtocol(Protocol), reactor)

service = types.ModuleType("ccmimolink.service")
service.build_service = build_service
sys.modules["ccmimolink.service"] = service
{before}
del sys.argv[0]
if sys.argv[0] == "twist":
    runpy.run_module("twisted", run_name="__main__")
else:
    from twisted.scripts.twistd import run
    run()
"""
# The address is taken in the time between the look and the listening.
LATE = "import ccmimolink.tap; ccmimolink.tap.ensure_free = lambda address: None"


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def run(directory: Path, *command: str, before: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MIMO_")}
    return subprocess.run(
        [sys.executable, "-c", STAND_IN.format(before=before), *command],
        cwd=directory,
        env={**inherited, "PYTHONPATH": str(CHECKOUT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


LAUNCHERS = {
    "twistd -n": ("twistd", "-n", "ccmimolink"),
    "twistd": ("twistd", "ccmimolink"),
    "twist": ("twist", "ccmimolink"),
}
foreground = pytest.mark.parametrize("launcher", ["twistd -n", "twist"])
every_launcher = pytest.mark.parametrize("launcher", list(LAUNCHERS))


def assert_one_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1
    assert result.stderr.startswith("ccmimolink: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stdout
    for word in words:
        assert word in result.stderr


@every_launcher
def test_a_busy_port_is_one_line(launcher: str, tmp_path: Path, busy_port: int) -> None:
    result = run(tmp_path, *LAUNCHERS[launcher], "--port", str(busy_port))

    assert_one_line(result, f"127.0.0.1:{busy_port}", "already in use", "--port")
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@foreground
def test_a_port_that_became_busy_is_one_line(launcher: str, tmp_path: Path, busy_port: int) -> None:
    result = run(tmp_path, *LAUNCHERS[launcher], "--port", str(busy_port), before=LATE)

    assert_one_line(result, f"127.0.0.1:{busy_port}", "already in use")
    assert not Path(tmp_path, "twistd.pid").exists()


def test_a_daemon_whose_port_became_busy_is_reported_by_its_parent(tmp_path: Path, busy_port: int) -> None:
    result = run(tmp_path, "twistd", "ccmimolink", "--port", str(busy_port), before=LATE)

    assert result.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{busy_port}" in result.stderr
    assert "Traceback" not in result.stderr
    assert not Path(tmp_path, "twistd.pid").exists()


@every_launcher
@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (["--listen", "unix:/no/such/place/x.sock"], {}, ["/no/such/place/x.sock", "No such file"]),
        (["--listen", "tcp:0:interface=192.0.2.1"], {"MIMO_PROXY_TOKEN": "fake"}, ["192.0.2.1:0"]),
        (["--port", "x"], {}, ["--port is not a whole number"]),
        (["--bogus"], {}, ["--bogus"]),
        ([], {"MIMO_PROXY_RETRIES": "many"}, ["MIMO_PROXY_RETRIES is not a whole number"]),
        ([], {"MIMO_PROXY_DISABLE_PLUGINS": "nothing"}, ["'nothing'", "model-routing"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_whatever_can_be_mended_is_one_line(
    launcher: str, arguments: list[str], environ: dict[str, str], words: list[str], tmp_path: Path
) -> None:
    result = run(tmp_path, *LAUNCHERS[launcher], *arguments, **environ)

    assert_one_line(result, *words)
    assert result.stdout == ""


@every_launcher
def test_a_demanded_takeover_that_cannot_be_made_is_one_whole_line(launcher: str, tmp_path: Path) -> None:
    nowhere = str(tmp_path / ("long" * 30) / "cc-switch.db")
    result = run(tmp_path, *LAUNCHERS[launcher], "--require-sync", "--port", "0", CC_SWITCH_DB_PATH=nowhere)

    assert_one_line(result, "cc switch is not installed or incomplete", nowhere, "--codex-only")
    assert result.stderr.endswith(" to point Codex at the proxy.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_variable_is_in_the_log(tmp_path: Path) -> None:
    run(tmp_path, "twistd", "ccmimolink", "--port", "0", MIMO_PROXY_PROT="1")

    with daemon(tmp_path):
        assert "MIMO_PROXY_PROT" in Path(tmp_path, "twistd.log").read_text()


def test_a_daemon_that_could_start_says_nothing_and_listens(tmp_path: Path) -> None:
    result = run(tmp_path, "twistd", "ccmimolink", "--port", "0")

    with daemon(tmp_path):
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        [port] = re.findall(r"Factory starting on (\d+)", Path(tmp_path, "twistd.log").read_text())
        socket.create_connection(("127.0.0.1", int(port)), timeout=10).close()


@contextmanager
def daemon(directory: Path) -> Iterator[None]:
    """What twistd left running there, once its reactor runs; ended afterwards."""
    pid_file = Path(directory, "twistd.pid")
    pid = int(pid_file.read_text())
    try:
        wait_until(Path(directory, "running").exists)
        yield
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not pid_file.exists())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
