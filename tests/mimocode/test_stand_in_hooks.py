"""The stand-in does what hooks ask of it and records its calls; a home shows what a test wants to see."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.mimocode.mimo_home import (
    HOOKS_NAME,
    CommandHooks,
    Entry,
    Hooks,
    MimoHome,
    install_mimo,
    needs_stand_in,
    tree_of,
)

pytestmark = needs_stand_in
LONG = 30.0


def hooked(tmp_path: Path, command: str, hooks: CommandHooks) -> MimoHome:
    home = MimoHome(tmp_path)
    home.mimo("--version")
    home.install(commands={command: hooks})
    return home


def started(home: MimoHome, *args: str) -> subprocess.Popen[bytes]:
    command = [str(home.program), *args]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=home.environ(), cwd=home.project, stdout=pipe, stderr=pipe, start_new_session=True
    )


@pytest.mark.parametrize("version", ["0.0.9\n", "0.1.13\n", "mimo 0.1.0-rc.1", "local\n", ""])
def test_a_version_is_chosen(tmp_path: Path, version: str) -> None:
    assert MimoHome(tmp_path, Hooks(version=version)).mimo("--version").stdout == version


def test_a_status_is_chosen(tmp_path: Path) -> None:
    done = hooked(tmp_path, "--version", {"rc": 7}).mimo("--version")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_an_answer_and_a_status_are_chosen(tmp_path: Path) -> None:
    hooks: CommandHooks = {"stdout": "junk {\n", "stderr": "more junk\n", "rc": 3}
    done = hooked(tmp_path, "debug config", hooks).mimo("--pure", "debug", "config")
    assert (done.returncode, done.stdout, done.stderr) == (3, "junk {\n", "more junk\n")


def test_stderr_is_added_to_the_answer(tmp_path: Path) -> None:
    done = hooked(tmp_path, "--version", {"stderr": "warning\n"}).mimo("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0.1.0\n", "warning\n")


@pytest.mark.parametrize("command", ["debug config", "debug paths", "models", "models gonkagate"])
def test_hooks_are_of_one_command(tmp_path: Path, command: str) -> None:
    key = command.partition(" gonkagate")[0]
    home = hooked(tmp_path, key, {"stdout": "hooked"})
    assert home.mimo(*command.split()).stdout == "hooked"
    assert home.mimo("--version").stdout == "0.1.0\n"


def test_a_star_is_every_other_command(tmp_path: Path) -> None:
    home = MimoHome(tmp_path)
    home.install(commands={"*": {"rc": 4}, "models": {"rc": 5}})
    assert [home.mimo(*args.split()).returncode for args in ("--version", "debug paths", "models")] == [
        4,
        4,
        5,
    ]


def test_huge_output_is_of_that_size(tmp_path: Path) -> None:
    done = hooked(tmp_path, "models", {"huge": 1_000_001}).mimo("models")
    assert (done.returncode, done.stdout) == (0, "x" * 1_000_001)


def test_an_answer_is_delayed(tmp_path: Path) -> None:
    home = hooked(tmp_path, "--version", {"sleep": 0.2})
    began = time.monotonic()
    assert home.mimo("--version").stdout == "0.1.0\n"
    assert time.monotonic() - began >= 0.2


def test_a_program_that_hangs_ends_with_sigterm(tmp_path: Path) -> None:
    process = started(hooked(tmp_path, "--version", {"hang": True}), "--version")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.terminate()
    assert process.communicate(timeout=LONG) == (b"", b"")
    assert process.returncode == -signal.SIGTERM


def test_a_program_that_ignores_sigterm_is_killed_with_its_child(tmp_path: Path) -> None:
    home = hooked(tmp_path, "--version", {"hang": True, "ignore_sigterm": True, "stdout": ""})
    process = started(home, "--version")
    assert process.stdout is not None
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.kill()
    process.wait(LONG)
    os.set_blocking(process.stdout.fileno(), False)
    # None, not the end of the file: the child holds the pipe.
    assert process.stdout.read(1) is None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=LONG)


def test_a_child_is_left_behind_that_holds_the_pipes(tmp_path: Path) -> None:
    process = started(hooked(tmp_path, "--version", {"lingers": LONG}), "--version")
    assert process.wait(LONG) == 0
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=0.2)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.communicate(timeout=LONG) == (b"0.1.0\n", b"")


def test_calls_are_recorded_in_order(tmp_path: Path) -> None:
    home = MimoHome(tmp_path)
    home.mimo("--version", LANGUAGE="de")
    home.mimo("--pure", "debug", "config", cwd=home.home)
    home.mimo("no", "such")
    first, second, third = home.calls()
    assert [call.command for call in home.calls()] == ["--version", "debug config", "no such"]
    assert (first.argv, first.cwd) == (["--version"], str(home.project))
    assert first.environ == home.environ(LANGUAGE="de")
    assert (second.argv, second.cwd) == (["--pure", "debug", "config"], str(home.home))
    assert (third.stdin, third.stdin_path) == (b"", "/dev/null")
    home.forget_calls()
    assert not home.calls()


def test_what_stdin_held_is_recorded(tmp_path: Path) -> None:
    home = MimoHome(tmp_path)
    subprocess.run([home.program, "--version"], input=b"gp-fake-in\n", env=home.environ(), check=True)
    with subprocess.Popen([home.program, "--version"], stdin=subprocess.PIPE, env=home.environ()) as process:
        process.wait(LONG)
    written, silent = home.calls()
    assert written.stdin in (b"gp-fake-in\n", b"")  # the writer may have been late
    assert silent.stdin == b""
    assert {written.stdin_path[:5], silent.stdin_path[:5]} == {"pipe:"}


def test_odd_bytes_are_recorded(tmp_path: Path) -> None:
    home = MimoHome(tmp_path)
    home.mimo("--version", ODD="\udcff\U0001f600\n=")
    assert home.calls()[0].environ["ODD"] == "\udcff\U0001f600\n="


def test_nothing_in_the_environment_reaches_the_hooks(tmp_path: Path) -> None:
    home = MimoHome(tmp_path, Hooks(version="9.9.9\n"))
    assert subprocess.check_output([home.program, "-v"], env={}) == b"9.9.9\n"


def test_a_program_is_installed_without_a_home(tmp_path: Path) -> None:
    program = install_mimo(tmp_path / "bin")
    environ = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    assert (
        subprocess.check_output(["mimo", "--version"], env=environ, stderr=subprocess.DEVNULL) == b"0.1.0\n"
    )
    assert sorted(path.name for path in program.parent.iterdir()) == [HOOKS_NAME, "mimo"]


def test_a_home_has_nothing_of_the_tests_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MIMOCODE_HOME", "XDG_CONFIG_HOME", "GONKAGATE_API_KEY"):
        monkeypatch.setenv(name, "/nowhere")
    home = MimoHome(tmp_path)
    assert set(home.environ()) == {"HOME", "PATH", "LANG"}
    assert home.environ(EXTRA="x")["EXTRA"] == "x"


def test_without_a_program_there_is_none(tmp_path: Path) -> None:
    home = MimoHome(tmp_path)
    home.uninstall()
    assert not list(home.bin_dir.glob("mimo"))


def test_a_tree_has_kinds_modes_and_bytes(tmp_path: Path) -> None:
    home = MimoHome(tmp_path)
    home.write("home/file", b"\0bytes").chmod(0o600)
    (home.home / "link").symlink_to("nowhere")
    os.mkfifo(home.home / "pipe", 0o600)
    tree = home.tree()
    assert tree[str(home.home / "file")] == Entry("file", 0o600, b"\0bytes")
    assert tree[str(home.home / "link")] == Entry("link", 0, b"nowhere")
    assert tree[str(home.home / "pipe")].kind == "other"
    assert tree[str(home.project / ".git")].kind == "dir"
    assert tree_of(home.root / "missing") == {}
