"""Running another program: what it gets, what is taken from it, and that it ends in any case."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from ccmimolink.mimocode.child import ChildError, Ended, run_child
from tests.mimocode.processes import is_running
from tests.scripted_upstream import until

PATH = {"PATH": os.environ["PATH"]}
FAMILY = """
trap '' TERM HUP INT
{start}
echo $! > {pids}.part
echo $$ >> {pids}.part
mv {pids}.part {pids}
echo begun
{then}
"""
"""A program that shrugs off every gentle signal, with a child that holds its pipe."""
STUBBORN_CHILD = "sleep 600 &"
ESCAPED_CHILD = "setsid sleep 600 &"


class ClockedReactor:
    """The reactor, but that a test says when time passes."""

    def __init__(self) -> None:
        from twisted.internet import reactor

        self.clock = Clock()
        self.callLater = self.clock.callLater
        self.callFromThread = reactor.callFromThread  # type: ignore[attr-defined]


class Family:
    """A program that started another one."""

    def __init__(self, directory: Path, start: str = STUBBORN_CHILD, then: str = "wait") -> None:
        self._pids = directory / "pids"
        self._script = directory / "program"
        self._script.write_text(FAMILY.format(start=start, pids=self._pids, then=then))
        self.reactor = ClockedReactor()

    def start(self, **limits: Any) -> Deferred[Ended]:
        return run_child(
            self.reactor,
            ["/bin/sh", str(self._script)],
            directory=self._script.parent,
            environ=PATH,
            **{"seconds": 60.0, **limits},
        )

    async def born(self) -> None:
        from twisted.internet import reactor

        await until(reactor, self._pids.exists)

    async def gone(self, *, which: slice = slice(None)) -> None:
        from twisted.internet import reactor

        await until(reactor, lambda: not any(map(is_running, self.pids()[which])))

    def pids(self) -> list[int]:
        """The child's, and the program's."""
        return [int(line) for line in self._pids.read_text().split()] if self._pids.exists() else []

    def end(self) -> None:
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def families() -> Iterator[list[Family]]:
    made: list[Family] = []
    yield made
    for family in made:
        family.end()


def python(code: str, directory: Path, seconds: float = 60.0, **how: Any) -> Deferred[Ended]:
    from twisted.internet import reactor

    command = [sys.executable, "-ISc", code]
    environ = how.pop("environ", PATH)
    return run_child(reactor, command, directory=directory, environ=environ, seconds=seconds, **how)


@pytest_twisted.ensureDeferred
async def test_a_program_is_told_by_its_status_and_its_output(tmp_path: Path) -> None:
    ended = await python("import sys; print('said'); sys.exit(3)", tmp_path)

    assert ended == Ended(3, b"said\n")


@pytest_twisted.ensureDeferred
async def test_an_end_by_a_signal_is_no_status_of_success(tmp_path: Path) -> None:
    ended = await python("import os; os.kill(os.getpid(), 9)", tmp_path)

    assert ended.status != 0


@pytest_twisted.ensureDeferred
async def test_a_program_runs_where_it_is_told_with_nothing_but_the_environment_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GONKAGATE_API_KEY", "gp-fake-0123456789")
    code = f"import os; print(os.path.samefile('.', {str(tmp_path)!r}), set(os.environ.items()) - {{LOCALE}})"
    code = code.replace("LOCALE", "('LC_CTYPE', 'C.UTF-8')")  # Python sets it by itself

    ended = await python(code, tmp_path, environ={"ONE": "1"})

    assert ended.output == b"True {('ONE', '1')}\n"


@pytest.fixture
def piped_stdin() -> Iterator[None]:
    """This process has something to read."""
    former = os.dup(0)
    reading, writing = os.pipe()
    os.write(writing, b"meant for this process")
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    yield
    os.dup2(former, 0)
    os.close(former)


@pytest.mark.usefixtures("piped_stdin")
@pytest_twisted.ensureDeferred
async def test_a_program_has_nothing_to_read_and_no_terminal(tmp_path: Path) -> None:
    code = "import os; print(os.read(0, 9), os.path.sameopenfile(0, os.open('/dev/null', 0)), os.getsid(0))"

    ended = await python(code, tmp_path)

    read, is_null, session = ended.output.decode().split()
    assert (read, is_null) == ("b''", "True")
    assert int(session) != os.getsid(0)


@pytest_twisted.ensureDeferred
async def test_what_is_said_on_stderr_is_kept_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ended = await python("import sys; print('gp-fake-key', file=sys.stderr); print('answer')", tmp_path)

    assert ended.output == b"answer\n"
    assert capfd.readouterr() == ("", "")


OUTPUTS = {
    "nothing": b"",
    "no end of line": b"word",
    "each byte": bytes(range(256)),
    "ends of lines": b"\r\n\n\r\x00\x85\xe2\x80\xa8",
    "more than a pipe holds": bytes(range(251)) * 4_000,
}


@pytest.mark.parametrize("content", OUTPUTS.values(), ids=list(OUTPUTS))
@pytest_twisted.ensureDeferred
async def test_the_output_is_taken_byte_for_byte(tmp_path: Path, content: bytes) -> None:
    from twisted.internet import reactor

    file = tmp_path / "content"
    file.write_bytes(content)
    ended = await run_child(reactor, ["cat", str(file)], directory=tmp_path, environ=PATH, seconds=60)

    assert ended == Ended(0, content)


def test_the_output_is_not_shown_with_the_rest() -> None:
    assert "gp-fake" not in repr(Ended(0, b"gp-fake-0123456789"))


@pytest_twisted.ensureDeferred
async def test_a_program_that_closes_its_output_is_waited_for_all_the_same(tmp_path: Path) -> None:
    code = "import os, sys, time; print('early', flush=True); os.close(1); time.sleep(0.2); os._exit(4)"

    assert await python(code, tmp_path) == Ended(4, b"early\n")


@pytest_twisted.ensureDeferred
async def test_a_child_that_holds_the_pipe_a_while_longer_is_waited_for(tmp_path: Path) -> None:
    code = """
import os, time
print("one", flush=True)
if not os.fork():
    time.sleep(0.2)
    print("two")
"""

    assert (await python(code, tmp_path)).output == b"one\ntwo\n"


@pytest.mark.parametrize("missing", ["program", "directory", "right", "format"])
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_started_is_an_error_that_says_so(tmp_path: Path, missing: str) -> None:
    from twisted.internet import reactor

    program = tmp_path / "program"
    if missing != "program":
        program.write_bytes(b"\x7fnothing" if missing == "format" else b"#!/bin/sh\n")
        program.chmod(0o644 if missing == "right" else 0o755)
    directory = tmp_path / "none" if missing == "directory" else tmp_path
    started = run_child(reactor, [str(program)], directory=directory, environ=PATH, seconds=60)

    with pytest.raises(ChildError, match=r"^it cannot be started \([A-Z][a-z ]+\)$"):
        await started


@pytest_twisted.ensureDeferred
async def test_a_program_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, families: list[Family]
) -> None:
    family = Family(tmp_path)
    families.append(family)
    running = family.start(seconds=60)
    await family.born()
    family.reactor.clock.advance(59.9)
    assert all(map(is_running, family.pids()))
    family.reactor.clock.advance(0.1)

    with pytest.raises(ChildError, match=r"^it did not end within 60 seconds$"):
        await running
    await family.gone()
    assert not family.reactor.clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_a_program_that_ended_but_left_a_child_with_the_pipe_is_ended_with_it(
    tmp_path: Path, families: list[Family]
) -> None:
    family = Family(tmp_path, then="exit 0")
    families.append(family)
    running = family.start(seconds=60)
    await family.born()
    family.reactor.clock.advance(60)

    with pytest.raises(ChildError, match="within 60 seconds"):
        await running
    await family.gone()


@pytest_twisted.ensureDeferred
async def test_a_child_that_escaped_with_the_pipe_holds_nobody_up(
    tmp_path: Path, families: list[Family]
) -> None:
    from twisted.internet import reactor

    family = Family(tmp_path, start=ESCAPED_CHILD)
    families.append(family)
    running = family.start(seconds=60)
    await family.born()
    escaped = family.pids()[0]
    await until(reactor, lambda: os.getsid(escaped) == escaped)
    family.reactor.clock.advance(60)

    with pytest.raises(ChildError, match="within 60 seconds"):
        await running
    await family.gone(which=slice(1, None))
    assert is_running(escaped)


@pytest_twisted.ensureDeferred
async def test_cancelling_ends_a_program_with_all_that_it_started(
    tmp_path: Path, families: list[Family]
) -> None:
    family = Family(tmp_path)
    families.append(family)
    running = family.start()
    await family.born()
    running.cancel()

    with pytest.raises(CancelledError):
        await running
    await family.gone()
    assert not family.reactor.clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_a_program_that_prints_without_end_is_ended_with_all_that_it_started(
    tmp_path: Path, families: list[Family]
) -> None:
    family = Family(tmp_path, then="exec yes")
    families.append(family)

    with pytest.raises(ChildError, match=r"^it printed more than could be meant$"):
        await family.start(most_output=1_000_000)
    await family.gone()


@pytest.mark.parametrize(("more", "is_taken"), [(0, True), (1, False)])
@pytest_twisted.ensureDeferred
async def test_output_is_taken_up_to_the_limit(tmp_path: Path, more: int, is_taken: bool) -> None:
    printed = python(f"print('x' * {99_999 + more})", tmp_path, most_output=100_000)

    if is_taken:
        assert len((await printed).output) == 100_000
    else:
        with pytest.raises(ChildError):
            await printed


@pytest_twisted.ensureDeferred
async def test_no_process_is_left_behind_by_an_ordinary_end(tmp_path: Path) -> None:
    ended = await python("import os; print(os.getpid())", tmp_path)

    assert not is_running(int(ended.output))
