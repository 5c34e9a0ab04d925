"""Real Codex through the proxy to an upstream that fails: what the user sees, and that nothing is done twice.

The prompt has one shell command run that leaves a line in a file, so a command that ran twice is seen. Where
not said otherwise a fault strikes twice: the request that the call comes from, and the one that reports it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.codex_cli import Run
from tests.e2e.conftest import MakeCodex, StartProxy
from tests.e2e.processes import (
    CHECKOUT,
    clean_environ,
    free_port,
    killed_on_failure,
    listens,
    start,
    wait_until,
)
from tests.e2e.proxy import RecordingMimo

pytestmark = pytest.mark.codex

PROMPT = 'call exec_command {"cmd": "echo ran >> trace.txt"}'
WIRE = 'wire_api = "responses"\n'

BROKEN = "MiMo's stream ended before the answer was complete."
SILENT = "MiMo's stream was silent for 2 s (MIMO_PROXY_IDLE_TIMEOUT_MS)."
GARBAGE = "MiMo sent a chunk that could not be read."
PAGE = "MiMo answered with a page. Check MiMo's address"
NO_ANSWER = "MiMo sent no answer within 2 s (MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS)"


@dataclass(frozen=True)
class Session:
    """One finished run and what the others saw of it.

    :ivar upstream: the bodies of the upstream's requests.
    :ivar outcomes: what became of each of Codex's requests, by the proxy's log.
    :ivar traces: how often the command ran.
    """

    run: Run
    upstream: list[dict[str, Any]]
    outcomes: list[str]
    traces: int

    def ended_well(self) -> None:
        assert (self.run.status, self.run.failures) == (0, []), self
        assert self.run.message.startswith("exec_command answered"), self
        assert self.traces == 1, self
        # The conversation went on as if nothing had been: one call, and one result of it.
        last = self.upstream[-1]["messages"]
        calls = [call for message in last for call in message.get("tool_calls") or ()]
        results = [message for message in last if message["role"] == "tool"]
        assert [call["id"] for call in calls] == [result["tool_call_id"] for result in results], self
        assert len(calls) == 1, self


_LINE = re.compile(
    r"(?m)\b(req_\w+) codex_exec turn \S+ -> \S+: (.*?); status .*?; (\d+) retries, 0 amendments, "
)


def outcomes(log: str, sent: int) -> list[str]:
    """What the log says became of each request, in one line that counts the proxy's own tries as well."""
    lines = _LINE.findall(log)
    assert len({request_id for request_id, _, _ in lines}) == len(lines), log
    assert sum(1 + int(retries) for _, _, retries in lines) == sent, log
    return [outcome for _, outcome, _ in lines]


Play = Callable[..., Session]


@pytest.fixture
def play(tmp_path: Path, start_proxy: StartProxy, make_codex: MakeCodex) -> Iterator[Play]:
    """Run Codex against these faults. ``tries`` is Codex's ``stream_max_retries``."""
    directory = tmp_path / "faulty"
    directory.mkdir()
    with ExitStack() as at_the_end:

        def run(*faults: str, tries: int = 2, **environ: str) -> Session:
            port, record = free_port(), directory / "record.jsonl"
            record.touch()
            process = start(
                [sys.executable, "-m", "tests.e2e.faulty_mimo", str(port), str(record), *faults],
                output=directory / "mimo-output.txt",
                cwd=CHECKOUT,
                environ=clean_environ(directory),
            )
            upstream = RecordingMimo(port, record, process)
            at_the_end.callback(upstream.stop)
            with killed_on_failure(process):
                wait_until(lambda: listens(port) or None, "the faulty MiMo")
            environ = {"MIMO_PROXY_429_BACKOFF_MS": "500", **environ}
            proxy = start_proxy(MIMO_BASE_URL=upstream.base_url, **environ)
            limits = f"{WIRE}stream_max_retries = {tries}\nrequest_max_retries = 1\n"
            codex = make_codex(proxy, lambda config: config.replace(WIRE, limits))
            finished = codex.exec(PROMPT)
            trace = codex.workspace / "trace.txt"
            traces = len(trace.read_text().splitlines()) if trace.exists() else 0
            assert "Traceback" not in (directory / "mimo-output.txt").read_text()
            asked = upstream.requests()
            return Session(finished, asked, outcomes(proxy.log_text(), len(asked)), traces)

        yield run


def reconnecting(reason: str, attempt: int = 1) -> str:
    return f"Reconnecting... {attempt}/2 (stream disconnected before completion: {reason})"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("reset-in-text", BROKEN),
        ("close", BROKEN),
        ("garbage-in-stream", GARBAGE),
        ("stall", SILENT),
    ],
)
def test_an_answer_that_breaks_is_asked_for_again_by_codex_and_said_once(
    play: Play, fault: str, reason: str
) -> None:
    session = play(fault, "none", fault, MIMO_PROXY_IDLE_TIMEOUT_MS="2000")
    session.ended_well()
    assert len(session.upstream) == 4
    assert session.outcomes == [f"failed ({reason})", "completed"] * 2
    assert session.run.warnings == [reconnecting(reason)] * 2


def test_a_call_that_breaks_off_is_not_run_and_comes_again(play: Play) -> None:
    session = play("reset-in-call")
    session.ended_well()
    assert len(session.upstream) == 3
    assert session.outcomes == [f"failed ({BROKEN})", "completed", "completed"]
    assert session.run.warnings == [reconnecting(BROKEN)]


@pytest.mark.parametrize(
    ("fault", "reason"), [("reset-before-finish", BROKEN), ("stall-before-finish", SILENT)]
)
def test_a_whole_call_in_an_answer_that_breaks_is_run_once_and_not_asked_for_again(
    play: Play, fault: str, reason: str
) -> None:
    session = play(fault, fault, MIMO_PROXY_IDLE_TIMEOUT_MS="2000")
    session.ended_well()
    # The second request brings the call's result already; its own answer breaks too, and is asked for again.
    assert len(session.upstream) == 3
    assert session.outcomes == [f"failed ({reason})"] * 2 + ["completed"]
    assert session.run.warnings == [reconnecting(reason, 1), reconnecting(reason, 2)]


def test_an_answer_without_its_last_word_is_complete(play: Play) -> None:
    session = play("no-done", "no-done")
    session.ended_well()
    session.run.quiet()
    assert (len(session.upstream), session.outcomes) == (2, ["completed"] * 2)


@pytest.mark.parametrize(
    "faults",
    [
        "reset none reset",
        "garbage-first none garbage-first",
        "429 429 none 429 429",
        "429-one-second 429-one-second none 429-one-second",
        "503 none 503",
    ],
)
def test_what_fails_before_the_answer_is_tried_again_by_the_proxy_and_codex_notices_nothing(
    play: Play, faults: str
) -> None:
    struck = faults.split()
    session = play(*struck)
    session.ended_well()
    session.run.quiet()
    assert (len(session.upstream), session.outcomes) == (
        2 + len(struck) - struck.count("none"),
        ["completed"] * 2,
    )


@pytest.mark.parametrize(
    ("fault", "reason", "kind"),
    [("silence", NO_ANSWER, "upstream timeout"), ("page", PAGE, "upstream down")],
)
def test_what_the_proxy_must_not_send_again_is_said_once_and_sent_again_by_codex(
    play: Play, fault: str, reason: str, kind: str
) -> None:
    session = play(fault, MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS="2000")
    session.ended_well()
    assert len(session.upstream) == 3
    [warning] = session.run.warnings
    assert reason in warning
    assert warning.startswith("Reconnecting... 1/2 (")
    assert session.outcomes[0].startswith(f"{kind} ({reason}")
    assert session.outcomes[1:] == ["completed"] * 2


@pytest.mark.parametrize(("before", "traces"), [((), 0), (("none",), 1)], ids=["at first", "after the tool"])
def test_a_rejected_key_ends_the_session_with_one_message(
    play: Play, before: tuple[str, ...], traces: int
) -> None:
    session = play(*before, "401")
    [message] = session.run.failures
    assert message.startswith("MiMo rejected the API key.")
    assert session.run.warnings == [message]
    assert (session.run.status, session.traces) == (1, traces)
    assert len(session.upstream) == len(session.outcomes) == 1 + len(before)
    assert session.outcomes[-1].startswith("key rejected (")


@pytest.mark.parametrize(
    ("fault", "sent", "said"),
    [
        ("reset-in-text", 1, BROKEN),
        ("garbage-in-stream", 1, GARBAGE),
        ("page", 1, PAGE),
        ("503", 2, "Service temporarily unavailable"),
        ("reset", 2, "The connection to MiMo broke before it answered."),
        # Codex has its own words for this status, whatever comes with it.
        ("429", 2, "last status: 429 Too Many Requests"),
    ],
)
def test_what_does_not_get_better_ends_the_session_with_one_message(
    play: Play, fault: str, sent: int, said: str
) -> None:
    """After the tool has run. Codex tries twice, and for each of these the proxy sends as often as it may."""
    session = play("none", *[fault] * 2 * sent, tries=1, MIMO_PROXY_RETRIES="1")
    [message] = session.run.failures
    assert said.rstrip(".") in message
    [warning, last] = session.run.warnings
    assert warning.startswith("Reconnecting... 1/1 (")
    assert last == message
    assert (session.run.status, session.traces) == (1, 1)
    assert len(session.upstream) == 1 + 2 * sent
    assert len(session.outcomes) == 3
