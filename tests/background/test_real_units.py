"""The service's files in real hands: systemd's, another reader's of property lists, and the kernel's."""

from __future__ import annotations

import json
import os
import plistlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.background.clock import Clock
from ccmimolink.background.commands import Commands
from ccmimolink.background.env_file import variables
from ccmimolink.background.health import Answer, ask_health
from ccmimolink.background.launchd import Launchd
from ccmimolink.background.plan import Plan, Shell, make_plan
from ccmimolink.background.systemd import UNIT
from ccmimolink.background.unit_file import unit_text
from ccmimolink.listen import TCPAddress, UnixAddress
from tests.background.service_stage import KEY
from tests.background.unit_reading import Unit
from tests.background.user_manager import UserManager
from tests.e2e.processes import free_port, killed_on_failure, start, stop, wait_until

pytestmark = pytest.mark.process

HARD_WORDS = (
    "",
    " two  blanks ",
    "tab\tand\nline end",
    "%h %% %",
    "$HOME ${HOME} $$ $",
    "\"double\" 'single' `back`",
    "back\\slash \\n \\x41 \\",
    ";",
    "a;b # c",
    "-@:+!",
    "grüße 工作 \u2028 \u0085",
    "~/*?[a]{b}",
)
SHOW = (
    "import json, os, sys; json.dump([sys.argv[1:], dict(os.environ), os.getcwd()], open('seen.json', 'w'))"
)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[UserManager]:
    with UserManager(tmp_path) as manager:
        yield manager


def plan_for(directory: Path, *options: str) -> Plan:
    shell = Shell(environ={}, directory=directory, home=directory, python=Path(sys.executable))
    plan = make_plan(shell, ["--demo", "--port", str(free_port()), f"--log={directory}/proxy.log", *options])
    return replace(plan, directory=directory)


# -- systemd ------------------------------------------------------------------------------------------------


def test_a_service_lives_as_its_user_expects(manager: UserManager) -> None:
    port = free_port()

    def health() -> dict[str, object]:
        return ask_health(TCPAddress("127.0.0.1", port), "").body

    installed = manager.service("install", "--demo", "--port", str(port))

    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert manager.service("status").returncode == 0
    first = manager.main_pid()
    assert health()["status"] == "ok"

    # It comes again when it is killed,
    manager.run("kill", "-KILL", str(first))
    wait_until(lambda: manager.main_pid() not in (0, first) or None, "another process")
    wait_until(lambda: health() or None, "its answer")
    assert manager.service("status").returncode == 0

    # is restarted by an install that changes something, and by no other,
    second = manager.main_pid()
    again = manager.service("install", "--demo", "--port", str(port))
    assert (again.returncode, manager.main_pid()) == (0, second)
    changed = manager.service("install", "--demo", "--port", str(port), "--model", "mimo-v2.5-pro")
    assert changed.returncode == 0, changed.stdout
    assert manager.main_pid() not in (0, second)

    # and when it is ended it is over.
    assert "ccmimolink listens on" in manager.service("logs").stdout
    removed = manager.service("uninstall")
    assert removed.returncode == 0, removed.stdout
    assert manager.service("status").returncode == 4
    assert ask_health(TCPAddress("127.0.0.1", port), "").answer is Answer.NOBODY
    assert "ccmimolink has stopped" in (manager.home / ".local/state/ccmimolink/mimo_proxy.log").read_text()
    left = [path.name for path in manager.home.rglob("*") if not path.is_dir()]
    assert left == ["mimo_proxy.log"]


def test_an_end_by_sigterm_is_one_in_good_order(manager: UserManager) -> None:
    """twistd ends by the signal that it was sent: no failure, and no reason to start again."""
    manager.service("install", "--demo", "--port", str(free_port()))

    manager.systemctl("kill", "--signal=TERM", UNIT)

    wait_until(lambda: manager.main_pid() == 0 or None, "the end")
    shown = manager.systemctl("show", UNIT, "--property=ActiveState,Result,NRestarts").stdout.split()
    assert sorted(shown) == ["ActiveState=inactive", "NRestarts=0", "Result=success"]
    assert manager.service("status").returncode == 3


def test_it_runs_again_after_a_power_failure(manager: UserManager) -> None:
    port = free_port()
    manager.service("install", "--demo", "--port", str(port))

    manager.lose_power()
    assert ask_health(TCPAddress("127.0.0.1", port), "").answer is Answer.NOBODY
    manager.boot()

    wait_until(lambda: ask_health(TCPAddress("127.0.0.1", port), "").body or None, "an answer")
    assert manager.service("status").returncode == 0


def test_it_may_write_codexs_configuration(manager: UserManager) -> None:
    """A start brings the route up to date, and nothing that the unit forbids stands in the way."""
    config = manager.home / ".codex" / "config.toml"
    sync = str(Path(sys.executable).with_name("ccmimolink-sync"))
    assert manager.run(sync, "--codex-only", "--port", "1", MIMO_API_KEY=KEY).returncode == 0
    port = free_port()

    assert manager.service("install", "--port", str(port)).returncode == 0

    wait_until(lambda: f"http://127.0.0.1:{port}/v1" in config.read_text() or None, "the route")
    assert config.stat().st_mode & 0o777 == 0o600


def test_a_service_that_cannot_start_makes_install_fail(manager: UserManager) -> None:
    """There is no cc switch and no Codex, and a takeover is demanded."""
    ended = manager.service("install", "--require-sync", "--port", str(free_port()))

    assert ended.returncode == 1
    assert "does not answer on 127.0.0.1:" in ended.stdout
    assert "exit-code 1" in ended.stdout
    assert manager.service("uninstall").returncode == 0


def test_systemd_finds_nothing_to_object_to(manager: UserManager) -> None:
    (manager.home / UNIT).write_text(unit_text(plan_for(manager.home)))

    ended = manager.run("systemd-analyze", "verify", "--user", str(manager.home / UNIT))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_systemd_reads_words_variables_and_paths_as_they_were_meant(manager: UserManager) -> None:
    directory = manager.home / "% $HOME [a]* \"b\" 'c' ü"
    directory.mkdir()
    environment_file = directory / "service.env"
    environment_file.write_text(
        f"MIMO_API_KEY={KEY}\n# no\n; no\nEMPTY=\n"
        "QUOTED=\"two  words # $HOME %h\"\nSINGLE='$HOME' \n  BARE=a b # c \n"
    )
    meant = {f"WORD_{number}": word for number, word in enumerate(HARD_WORDS)}
    plan = replace(
        plan_for(manager.home),
        command=(sys.executable, "-c", SHOW, *HARD_WORDS),
        variables=meant,
        directory=directory,
        environment_file=environment_file,
    )
    units = manager.home / ".config/systemd/user"
    units.mkdir(parents=True)
    (units / "odd.service").write_text(unit_text(plan))

    manager.systemctl("daemon-reload")
    begun = manager.systemctl("start", "odd.service")

    assert begun.returncode == 0, begun.stderr
    seen = wait_until(lambda: _json(directory / "seen.json"), "what the program saw")
    words, environ, where = seen
    assert words == list(HARD_WORDS)
    assert environ.items() >= {**meant, **variables(environment_file.read_text(), environment_file)}.items()
    assert where == str(directory)


def _json(file: Path) -> list[Any] | None:
    try:
        found: list[Any] = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found


# -- the command of a file, as it stands there --------------------------------------------------------------


def runs(
    command: Sequence[str], environ: Mapping[str, str], directory: Path, address: TCPAddress, token: str
) -> int:
    """Run it until it answers, end it, and give its status."""
    process = start(
        command, output=directory / "output.txt", cwd=directory, environ={"HOME": str(directory), **environ}
    )
    with killed_on_failure(process):
        wait_until(lambda: ask_health(address, token).body or None, "an answer")
    return stop(process)


def test_the_units_command_answers_and_ends_by_the_signal_it_was_sent(tmp_path: Path) -> None:
    plan = plan_for(tmp_path)
    (tmp_path / "service.env").write_text(f"MIMO_PROXY_TOKEN={KEY}\n")
    unit = Unit(unit_text(replace(plan, environment_file=tmp_path / "service.env")))
    environ = {**unit.variables, **variables(Path(unit.environment_file).read_text(), tmp_path)}
    assert isinstance(plan.address, TCPAddress)

    status = runs(unit.command, environ, Path(unit.directory), plan.address, KEY)

    assert status == -signal.SIGTERM
    assert "Traceback" not in (tmp_path / "output.txt").read_text()


def test_the_property_lists_command_does_so_too(tmp_path: Path) -> None:
    (tmp_path / "service.env").write_text(f"MIMO_PROXY_TOKEN={KEY}\n")
    plan = replace(plan_for(tmp_path), environment_file=tmp_path / "service.env")
    manager = Launchd(Commands({}), Clock(), tmp_path, os.getuid(), Path(sys.executable))
    found = plistlib.loads(manager.text(plan).encode())
    assert isinstance(plan.address, TCPAddress)

    status = runs(
        found["ProgramArguments"],
        found["EnvironmentVariables"],
        Path(found["WorkingDirectory"]),
        plan.address,
        KEY,
    )

    assert status == -signal.SIGTERM
    assert "Traceback" not in (tmp_path / "output.txt").read_text()


def test_a_service_on_a_unix_socket_is_asked_there(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    shell = Shell(environ={}, directory=tmp_path, home=tmp_path, python=Path(sys.executable))
    plan = make_plan(shell, ["--demo", "--listen", f"unix:{socket}", "--log=proxy.log"])
    assert ask_health(plan.address, "").answer is Answer.NOBODY
    process = start(
        plan.command, output=tmp_path / "output.txt", cwd=tmp_path, environ={"HOME": str(tmp_path)}
    )
    with killed_on_failure(process):
        wait_until(lambda: ask_health(UnixAddress(str(socket)), "").body or None, "an answer")
    assert stop(process) == -signal.SIGTERM


def test_another_reader_of_property_lists_reads_the_same(tmp_path: Path) -> None:
    manager = Launchd(Commands({}), Clock(), tmp_path, os.getuid(), Path(sys.executable))
    written, read = tmp_path / "written.plist", tmp_path / "read.plist"
    words = tuple(word for word in HARD_WORDS if word)
    written.write_text(manager.text(replace(plan_for(tmp_path), command=words)))

    subprocess.run(["plistutil", "-i", written, "-o", read, "-f", "bin"], check=True, timeout=60)

    assert plistlib.loads(read.read_bytes()) == plistlib.loads(written.read_bytes())
