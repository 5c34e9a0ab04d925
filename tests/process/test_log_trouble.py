"""The log cannot be written any more: the program serves on, says so once, and writes again when it can."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from signal import SIGTERM

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults.script import Send
from tests.faults.upstream import answers
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, chunk, hello
from tests.process.program import Program, Stage

pytestmark = pytest.mark.process

HELLO = (Send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK),)
FAILS = "cannot be written"
AGAIN = "is written again"


async def started(stage: Stage, log: Path, **more: object) -> Program:
    await stage.serve(answers(HELLO))
    program = await stage.start(log=log, **more)
    await stage.until(lambda: "upstream http" in program.said())
    return program


async def serves(stage: Stage, program: Program, times: int = 1) -> None:
    for _ in range(times):
        assert (await stage.answered(program)).types()[-1] == "completed"


async def ends_well(stage: Stage, program: Program) -> None:
    program.signal(SIGTERM)
    assert await stage.ends(program) == -SIGTERM
    program.assert_no_trouble()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest_twisted.ensureDeferred
async def test_a_log_whose_directory_is_removed_is_missed_once_and_written_again(
    stage: Stage, tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "proxy.log"
    log.parent.mkdir()
    program = await started(stage, log)
    shutil.rmtree(log.parent)
    await serves(stage, program, 3)
    assert program.said().count(FAILS) == 1
    assert AGAIN not in program.said()
    log.parent.mkdir()
    await serves(stage, program)
    await stage.until(lambda: "completed" in program.log_text())
    assert program.said().count(AGAIN) == 1
    assert mode(log) == 0o600
    await ends_well(stage, program)


@pytest_twisted.ensureDeferred
async def test_a_log_that_is_removed_is_made_anew_for_its_owner_alone(stage: Stage, tmp_path: Path) -> None:
    log = tmp_path / "proxy.log"
    program = await started(stage, log)
    log.unlink()
    await serves(stage, program)
    await stage.until(lambda: "completed" in program.log_text())
    assert mode(log) == 0o600
    assert FAILS not in program.said()
    await ends_well(stage, program)


@pytest_twisted.ensureDeferred
async def test_with_a_log_that_takes_nothing_it_starts_serves_and_says_so_once(stage: Stage) -> None:
    program = await started(stage, Path("/dev/full"))
    await serves(stage, program, 3)
    assert program.said().count(FAILS) == 1
    assert "No space left on device" in program.said()
    program.signal(SIGTERM)
    assert await stage.ends(program) == -SIGTERM
    assert "Traceback" not in program.said()


@pytest_twisted.ensureDeferred
async def test_at_the_largest_size_of_a_file_it_serves_on_and_writes_again_once_there_is_room(
    stage: Stage, tmp_path: Path
) -> None:
    log = tmp_path / "proxy.log"
    log.write_text("x" * 63_500 + "\n")
    program = await started(stage, log, prefix=["prlimit", "--fsize=65536"])
    await serves(stage, program, 12)
    await stage.until(lambda: FAILS in program.said())
    await serves(stage, program, 3)
    assert program.said().count(FAILS) == 1
    log.write_text("")
    await serves(stage, program)
    await stage.until(lambda: "completed" in program.log_text())
    assert program.said().count(AGAIN) == 1
    await ends_well(stage, program)


ALONE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
"""Runs a program in a mount namespace of its own, with a right to mount there."""


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)


def in_its_place(program: Program, *command: str) -> None:
    """Run a command where the program sees its files."""
    enter = ["nsenter", f"--target={program.pid}", "--mount"]
    if os.geteuid() != 0:
        enter += ["--user", "--preserve-credentials"]
    subprocess.run([*enter, *command], check=True)


@pytest_twisted.ensureDeferred
async def test_on_a_full_disk_it_serves_on_and_writes_again_once_there_is_room(
    stage: Stage, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=64k none "{disk}" && exec "$@"'
    program = await started(stage, disk / "proxy.log", prefix=[*ALONE, "sh", "-c", mount, "sh"])
    seen = Path(f"/proc/{program.pid}/root{disk}")
    fill(seen / "filler")
    await serves(stage, program, 40)
    await stage.until(lambda: FAILS in program.said())
    await serves(stage, program, 3)
    assert program.said().count(FAILS) == 1
    written = (seen / "proxy.log").read_text().count("completed")
    (seen / "filler").unlink()
    await serves(stage, program, 2)
    await stage.until(lambda: program.said().count(AGAIN) == 1)
    await stage.until(lambda: (seen / "proxy.log").read_text().count("completed") == written + 2)
    await ends_well(stage, program)


@pytest_twisted.ensureDeferred
async def test_in_a_directory_that_became_read_only_it_serves_on_and_writes_again_later(
    stage: Stage, tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "proxy.log"
    log.parent.mkdir()
    program = await started(stage, log, prefix=ALONE)
    in_its_place(program, "mount", "--bind", "-o", "ro", str(log.parent), str(log.parent))
    log.unlink()
    await serves(stage, program, 3)
    assert program.said().count(FAILS) == 1
    in_its_place(program, "umount", str(log.parent))
    await serves(stage, program)
    await stage.until(lambda: "completed" in program.log_text())
    assert program.said().count(AGAIN) == 1
    await ends_well(stage, program)


@pytest_twisted.ensureDeferred
async def test_without_its_log_the_program_still_ends_in_order(stage: Stage, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "proxy.log"
    log.parent.mkdir()
    program = await started(stage, log)
    shutil.rmtree(log.parent)
    await ends_well(stage, program)
    assert "ccmimolink has stopped" in program.said()


@pytest_twisted.ensureDeferred
async def test_an_output_that_cannot_be_written_is_told_once_in_the_log(stage: Stage, tmp_path: Path) -> None:
    await stage.serve(answers(HELLO))
    program = await stage.start(
        log=tmp_path / "proxy.log", prefix=["sh", "-c", 'exec "$@" > /dev/full 2>&1', "sh"]
    )
    await serves(stage, program, 5)
    await stage.until(lambda: program.log_text().count("completed") == 5)
    assert program.log_text().count("No space left on device") <= 2  # in words and in a traceback
    program.signal(SIGTERM)
    assert await stage.ends(program) == -SIGTERM
    assert "ccmimolink has stopped" in program.log_text()


@pytest_twisted.ensureDeferred
async def test_rotation_happens_at_its_size_and_keeps_its_number_of_files(
    stage: Stage, tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "proxy.log"
    log.parent.mkdir()
    program = await started(stage, log, MIMO_PROXY_LOG_BYTES="1024", MIMO_PROXY_LOG_FILES="2")
    await serves(stage, program, 30)
    await ends_well(stage, program)
    assert sorted(path.name for path in log.parent.iterdir()) == ["proxy.log", "proxy.log.1", "proxy.log.2"]
    for path in log.parent.iterdir():
        assert mode(path) == 0o600
        assert 0 < path.stat().st_size <= 1024
    assert "has stopped" in log.read_text()


@pytest_twisted.ensureDeferred
async def test_a_log_of_others_permissions_is_made_private(stage: Stage, tmp_path: Path) -> None:
    log = tmp_path / "proxy.log"
    log.touch(0o666)
    log.chmod(0o666)
    await started(stage, log)
    assert mode(log) == 0o600


SOMEBODY = 4321
AS_ANOTHER = ["unshare", "--user", "--map-user=1000"]
"""Runs a program as a user without rights, to whom this user's files are its own and all others are not."""


def theirs(tmp_path: Path, lies: str) -> Path:
    """A path for the log that is, or leads to, another user's file. Only root can give files away."""
    root = os.geteuid() == 0
    file = tmp_path / "theirs.txt" if root else Path("/etc/passwd")
    if root:
        file.write_text("precious")
        file.chmod(0o666)
    link = tmp_path / "proxy.log"
    match lies:
        case "the file itself":
            log = file
        case "a link of ours":
            link.symlink_to(file)
            log = link
        case _ if root:
            link.symlink_to(tmp_path / "ours.txt")
            os.lchown(link, SOMEBODY, SOMEBODY)
            log = link
        case _:
            log = Path("/etc/mtab")
    if root:
        os.chown(file, SOMEBODY, SOMEBODY)
    return log


@pytest.mark.parametrize("lies", ["a link of ours", "a link of theirs", "the file itself"])
@pytest_twisted.ensureDeferred
async def test_a_log_that_leads_to_somebody_elses_file_is_refused_at_the_start(
    stage: Stage, tmp_path: Path, lies: str
) -> None:
    log = theirs(tmp_path, lies)
    leads_to = log.resolve()
    before = leads_to.read_bytes() if leads_to.is_file() else None
    program = stage.launch(log=log, prefix=AS_ANOTHER)
    assert await stage.ends(program) == 1
    [line] = program.said().splitlines()
    assert line.startswith(f"ccmimolink: --log '{log}'")
    assert "another user" in line
    assert (leads_to.read_bytes() if leads_to.is_file() else None) == before
