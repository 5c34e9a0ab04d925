"""``ccmimolink-service``: wrong calls, settings that cannot be used, and systems without such services."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ccmimolink import __version__
from ccmimolink.background.command import run
from tests.background.service_stage import KEY, PASSWORD, Stage
from tests.e2e.processes import CHECKOUT

COMMAND = Path(sys.executable).with_name("ccmimolink-service")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Say what to do: install, uninstall, status or logs"),
        ([KEY], "There is an argument that is not understood"),
        (["status", KEY], "status takes none of the proxy's options"),
        (["status", f"--json={KEY}"], "--json takes no value"),
        (["logs", "-n", KEY], "--lines needs a whole number"),
        (["--print-completion", KEY], "--print-completion needs one of bash, "),
        (["uninstall", "--port", "1"], "uninstall takes none of the proxy's options"),
        (["install", KEY], "there is an argument that is not an option. A key is never given"),
        (["install", "--", KEY], "there is an argument that is not an option. A key is never given"),
        (["install", f"--api-key={KEY}"], "option --api-key not recognized"),
        (["install", f"--force={KEY}"], "--force takes no value"),
        (["install", "--plugins"], "--plugins lists plugins and ends"),
        (["install", "--", "--version"], "--version does not stand behind --"),
        (["install", "--port", "many"], "--port is not a whole number"),
        (["install", "--port", "0"], "A service needs a port that stays"),
        (["install", "--listen", "unix:here"], "A service needs the whole path of its socket"),
        (["install", "--demo", "--require-sync"], "--demo and --require-sync contradict each other"),
    ],
)
def test_a_wrong_call_ends_with_2_and_one_line_without_the_value(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    stage = Stage(tmp_path)

    ended = stage(*arguments)

    assert (ended.status, ended.out, stage.fake.commands) == (2, "", [])
    assert ended.err.startswith(f"ccmimolink-service: {says}")
    assert ended.err.count("\n") == 1
    assert KEY not in ended.err


def test_a_variable_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    ended = Stage(tmp_path)("install", MIMO_PROXY_DRAIN_MS="soon")

    assert ended.status == 2
    assert "MIMO_PROXY_DRAIN_MS is not a whole number" in ended.err


def test_a_proxy_that_cannot_be_used_is_named_and_not_shown(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write_environment(f"HTTPS_PROXY=gopher://somebody:{PASSWORD}@127.0.0.1:70\n")

    ended = stage("install")

    assert ended.status == 2
    assert "HTTPS_PROXY names a kind of proxy that cannot be used" in ended.err
    assert PASSWORD not in ended.err


def test_a_token_that_only_the_shell_has_is_said_to_be_of_no_use(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    ended = stage("install", "--listen", f"tcp:{stage.port}", MIMO_PROXY_TOKEN=KEY)

    assert ended.status == 2
    assert f"write it into {stage.environment_file}, with mode 0600" in ended.err
    assert KEY not in ended.err


def test_on_windows_the_task_scheduler_is_named_with_its_command(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "win32", LOCALAPPDATA=r"C:\Users\some body\AppData\Local")
    stage.python = Path(r"C:\Users\some body\venv\Scripts\python.exe")

    ended = stage("install")

    assert ended.status == 2
    assert (
        r'schtasks /Create /TN ccmimolink /SC ONLOGON /TR "\"C:\Users\some body\venv\Scripts\twistd.exe\"'
        in ended.err
    )
    assert r'--log=\"C:\Users\some body\AppData\Local\ccmimolink\mimo_proxy.log\""' in ended.err


def test_on_another_system_it_says_what_it_knows(tmp_path: Path) -> None:
    ended = Stage(tmp_path, "freebsd14")("status")

    assert ended.status == 2
    assert "There is no service manager on freebsd14" in ended.err


def test_a_configuration_directory_of_the_users_own_is_honoured(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    stage("install", XDG_CONFIG_HOME=str(tmp_path / "conf"))

    assert (tmp_path / "conf" / "systemd" / "user" / "ccmimolink.service").is_file()
    assert (tmp_path / "conf" / "ccmimolink" / "service.env").is_file()


@pytest.mark.parametrize("arguments", [[], ["install"], ["uninstall"], ["status"], ["logs"]])
def test_help_fits_a_terminal_and_names_every_option(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def no_world() -> None:
        raise AssertionError

    assert run([*arguments, "--help"], no_world, io.StringIO(), io.StringIO()) == 0  # type: ignore[arg-type]

    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 110
    if not arguments:
        for part in ("EXAMPLES", "FILES", "EXIT STATUS", "install | uninstall | status | logs"):
            assert part in shown
    if arguments == ["install"]:
        assert {"--print", "--force"} <= set(re.findall(r"--[a-z]+", shown))


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_can_complete_verbs_and_options(shell: str) -> None:
    shown = subprocess.run(
        [COMMAND, "--print-completion", shell], capture_output=True, text=True, timeout=60, check=True
    ).stdout

    for word in ("uninstall", "--follow", "--json"):
        assert word in shown


def test_the_console_script_runs(tmp_path: Path) -> None:
    shown = subprocess.run(
        [COMMAND, "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )

    assert shown.stdout == f"ccmimolink {__version__}\n"


def called_as(directory: Path, code: str) -> subprocess.CompletedProcess[str]:
    """The command, in an interpreter for which this holds beforehand."""
    program = "import sys; from ccmimolink.background.command import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-P", "-c", f"{code}\n{program}", "install", "--print"],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


UNKNOWN_USER = """
import pwd
def getpwuid(_uid): raise KeyError("getpwuid(): uid not found")
pwd.getpwuid = getpwuid
"""


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (f"{UNKNOWN_USER}", "Your home directory is not known"),
        ("import os; os.environ['HOME'] = 'relative'", "Your home directory is not known"),
        ("import os; os.mkdir('x'); os.chdir('x'); os.rmdir('../x')", "The present directory does not exist"),
    ],
)
def test_a_place_that_is_not_known_is_named(tmp_path: Path, code: str, says: str) -> None:
    ended = called_as(tmp_path, code)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"ccmimolink-service: {says}")
    assert ended.stderr.count("\n") == 1


def test_a_user_without_a_name_can_have_a_service(tmp_path: Path) -> None:
    """As in a container that is started for a mere number."""
    ended = called_as(tmp_path, f"import os; os.environ['HOME'] = {str(tmp_path)!r}\n{UNKNOWN_USER}")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "ExecStart=" in ended.stdout
