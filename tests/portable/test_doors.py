"""The doors to the system, on any system: what they do there that does not depend on it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ccmimolink import children
from ccmimolink.log_file import LogFile, why_not
from ccmimolink.private_files import (
    PRIVATE,
    close_to_others,
    is_ours,
    make_directory,
    open_lock,
    open_made,
    read_file,
    replace_file,
    try_lock,
)
from ccmimolink.process import make_room, on_signals
from ccmimolink.terminal import Progress, Tone, paint_for


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def log(tmp_path: Path, told: list[str]) -> LogFile:
    return LogFile(tmp_path / "proxy.log", max_bytes=20, kept=1, tell=told.append)


# -- files --------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole_in_a_directory_that_is_made(tmp_path: Path) -> None:
    target = tmp_path / "some" / "where" / "file"

    for content in (b"first\n", b"second\r\n"):
        replace_file(target, target.with_name("temporary"), content, PRIVATE, owned_like=target)

    assert read_file(target).content == b"second\r\n"
    assert [one.name for one in target.parent.iterdir()] == ["file"]


def test_a_directory_that_is_there_is_not_made(tmp_path: Path) -> None:
    assert make_directory(tmp_path / "new") == [tmp_path / "new"]
    assert make_directory(tmp_path / "new") == []


def test_what_is_to_be_made_must_not_be_there(tmp_path: Path) -> None:
    os.close(open_made(tmp_path / "file"))

    with pytest.raises(FileExistsError):
        open_made(tmp_path / "file")


def test_a_file_is_locked_for_one_at_a_time(tmp_path: Path) -> None:
    first, second = (open_lock(tmp_path / "lock") for _ in range(2))

    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)
    os.close(second)


def test_what_was_made_here_is_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    close_to_others(tmp_path / "file", PRIVATE)

    assert is_ours((tmp_path / "file").stat())


# -- the log ------------------------------------------------------------------------------------------------


def test_the_log_is_written_and_rotated(tmp_path: Path, log: LogFile, told: list[str]) -> None:
    for line in ("one two three\n", "four five six\n"):
        log.write(line)
    log.close()

    assert (tmp_path / "proxy.log.1").read_bytes() == b"one two three\n"
    assert (tmp_path / "proxy.log").read_bytes() == b"four five six\n"
    assert told == []


def test_a_log_in_no_directory_is_objected_to(tmp_path: Path) -> None:
    assert why_not(tmp_path / "proxy.log") == ""
    assert why_not(tmp_path / "missing" / "proxy.log") == "its directory does not exist"


# -- programs and signals -----------------------------------------------------------------------------------


def test_a_program_is_found_on_absolute_parts_of_the_search_path_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tool.exe"
    program.touch(0o755)
    monkeypatch.chdir(tmp_path)

    assert children.find_program("tool.exe", os.pathsep.join(["", ".", str(tmp_path)])) == program
    assert children.find_program("tool.exe", os.pathsep.join(["", "."])) is None


def test_a_program_is_found_by_its_bare_name(tmp_path: Path) -> None:
    script, program = tmp_path / "tool", tmp_path / "tool.cmd"
    for file in (script, program):
        file.touch(0o755)

    expected = program if sys.platform == "win32" else script
    assert children.find_program("tool", str(tmp_path)) == expected


def test_a_program_is_run_with_what_it_is_given(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name in ("SYSTEMROOT", "PATH")}
    code = "import os; print(os.getcwd(), os.environ['GIVEN'])"

    with children.start(
        [sys.executable, "-c", code], directory=tmp_path, environ={**environ, "GIVEN": "yes"}
    ) as process:
        printed, _ = process.communicate()

    assert printed.decode().split() == [str(tmp_path.resolve()), "yes"]
    children.end(process, environ)
    assert process.returncode == 0


PRINTS_FOR_EVER = "import sys\nwhile True: sys.{stream}.write('x' * 1000)"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_that_prints_for_ever_is_not_read_for_ever(tmp_path: Path, stream: str) -> None:
    environ = {name: value for name, value in os.environ.items() if name in ("SYSTEMROOT", "PATH")}
    command = [sys.executable, "-c", PRINTS_FOR_EVER.format(stream=stream)]

    with children.start(command, directory=tmp_path, environ=environ, errors=subprocess.PIPE) as process:
        assert children.outputs(process, seconds=5, most=10_000) is None
        children.end(process, environ)


def test_what_a_program_prints_is_there_once_it_has_ended(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name in ("SYSTEMROOT", "PATH")}
    code = "import sys; sys.stdout.write('out' * 30_000); sys.stderr.write('err' * 30_000)"

    with children.start(
        [sys.executable, "-c", code], directory=tmp_path, environ=environ, errors=subprocess.PIPE
    ) as process:
        assert children.outputs(process, seconds=30, most=100_000) == (b"out" * 30_000, b"err" * 30_000)

    assert process.returncode == 0


def test_an_ending_signal_is_handled_until_that_is_undone() -> None:
    seen: list[str] = []
    before = signal.getsignal(signal.SIGINT)

    undo = on_signals(lambda: seen.append("ends"))
    signal.raise_signal(signal.SIGINT)
    undo()

    assert seen == ["ends"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_few_connections_have_room_everywhere() -> None:
    assert make_room(1, 1) == ""


# -- the terminal -------------------------------------------------------------------------------------------


def test_what_is_no_terminal_gets_words_alone() -> None:
    stream = io.StringIO()

    with Progress(stream, {}, after=0).waiting("Waiting"):
        stream.write(paint_for(stream, {})(Tone.OK, "done"))

    assert stream.getvalue() == "done"
