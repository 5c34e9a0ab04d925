"""The request log: one line of JSON for each request that is over."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.activity.values import Finished, Tokens
from ccmimolink.log_file import LogFile
from ccmimolink.request_log import RequestLog
from tests.http_wire import body_of, chunked, hello
from tests.memory_proxy import KEY, MemoryProxy
from tests.records import requests
from tests.web.amending import respond

README = Path(__file__).parents[2] / "README.md"


class Lines:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def read(self) -> list[dict[str, Any]]:
        assert self.text == "" or self.text.endswith("\n")
        return [json.loads(line) for line in self.text.splitlines()]


def finished(**fields: Any) -> Finished:
    shown: dict[str, Any] = {
        "id": "req_1",
        "at": 1_795_874_402.4578,
        "client": "codex_exec",
        "kind": "turn",
        "asked": "gpt-5.5",
        "used": "mimo-v2.5",
        "status": 200,
        "outcome": "completed",
        "failure": None,
        "queued": 0.0,
        "first_token": 1.25,
        "total": 3.25,
        "tokens": Tokens(input=10, cached=4, output=8, reasoning=2),
        "retries": 1,
        "amendments": 2,
        "recovered": 3,
        "cost": {"USD": 0.00000123, "CNY": 0.5},
    }
    return Finished(**(shown | fields))


def test_a_line_has_all_that_is_known_of_a_request() -> None:
    lines = Lines()
    RequestLog(lines, UTC).add(finished())
    assert lines.read() == [
        {
            "time": "2026-11-28T14:00:02.457+00:00",
            "epoch": 1795874402.458,
            "id": "req_1",
            "client": "codex_exec",
            "kind": "turn",
            "model_asked": "gpt-5.5",
            "model_used": "mimo-v2.5",
            "status": 200,
            "outcome": "completed",
            "failure": None,
            "queued_seconds": 0.0,
            "first_token_seconds": 1.25,
            "total_seconds": 3.25,
            "input_tokens": 10,
            "cached_tokens": 4,
            "output_tokens": 8,
            "reasoning_tokens": 2,
            "tokens_per_second": 4.0,
            "retries": 1,
            "amendments": 2,
            "recovered_calls": 3,
            "cost": {"USD": 0.00000123, "CNY": 0.5},
        }
    ]


def test_what_is_not_known_is_null() -> None:
    lines = Lines()
    unknown = finished(status=None, queued=None, first_token=None, tokens=None, cost={}, failure="internal")
    RequestLog(lines, UTC).add(unknown)
    (line,) = lines.read()
    nulls = {name for name, value in line.items() if value is None}
    assert nulls == {
        "status",
        "queued_seconds",
        "first_token_seconds",
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "reasoning_tokens",
        "tokens_per_second",
    }
    assert (line["failure"], line["cost"]) == ("internal", {})


def test_the_time_is_this_machines_with_its_offset() -> None:
    lines = Lines()
    RequestLog(lines).add(finished())
    time = lines.read()[0]["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", time)
    assert datetime.fromisoformat(time).timestamp() == pytest.approx(1_795_874_402.457)


def test_each_field_stands_in_the_readme() -> None:
    lines = Lines()
    RequestLog(lines).add(finished())
    part = README.read_text().partition("### The request log")[2].partition("\n### ")[0]
    cells = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(lines.read()[0])


@pytest.fixture
def lines(proxy: MemoryProxy) -> Lines:
    written = Lines()
    proxy.services.activity.listen(RequestLog(written).add)
    return written


ENDS: dict[str, dict[str, Any]] = {
    "completed": {"outcome": "completed", "client": "codex_exec", "status": 200},
    "key_rejected": {"outcome": "key_rejected", "failure": "key_rejected", "status": 401},
    "retried": {"outcome": "completed", "retries": 1},
    "amended": {"outcome": "completed", "amendments": 1},
    "client_left": {"outcome": "client_left", "status": 200, "output_tokens": None},
    "recovered": {"outcome": "completed", "recovered_calls": 1},
    "unreadable": {"outcome": "invalid_request", "model_used": "-", "status": 400},
}


@pytest.mark.parametrize(("end", "told"), ENDS.items(), ids=ENDS)
def test_each_request_has_one_line_whatever_became_of_it(
    proxy: MemoryProxy, lines: Lines, end: str, told: dict[str, Any]
) -> None:
    requests.ENDS[end](proxy)
    (line,) = lines.read()
    assert {name: line[name] for name in told} == told


def test_what_is_refused_before_it_is_read_has_none(proxy: MemoryProxy, lines: Lines) -> None:
    proxy.post(origin="http://evil.example")
    proxy.post(content_type="text/plain")
    proxy.ask("GET", "/health")
    assert lines.read() == []


def test_no_key_and_nothing_of_the_conversation_stands_there(proxy: MemoryProxy, lines: Lines) -> None:
    proxy.post(body_of(input="the-users-own-words"), x_mimo_api_key="sk-fake-key-of-nobody")
    respond(proxy, chunked(hello()))
    requests.failed(proxy)
    for secret in ("the-users-own-words", "Hello", KEY, "sk-fake-key"):
        assert secret not in lines.text


def test_a_name_of_a_client_breaks_no_line(proxy: MemoryProxy, lines: Lines) -> None:
    proxy.post(b"{", originator='codex"\\\x85\u00e9', user_agent="x")
    assert len(lines.read()) == 1


def test_it_is_rotated_as_the_log_is(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    log = RequestLog(LogFile(path, max_bytes=2000, kept=2, tell=pytest.fail))
    for number in range(20):
        log.add(finished(id=f"req_{number}"))
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["requests.jsonl", "requests.jsonl.1", "requests.jsonl.2"]
    for file in tmp_path.iterdir():
        assert file.stat().st_size <= 2000
        assert file.stat().st_mode & 0o777 == 0o600
        assert [json.loads(line) for line in file.read_text().splitlines()]
