"""Each kind of tool call, all the way: model, proxy, Codex, tool, and the result back to the model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.e2e import calculator_mcp
from tests.e2e.codex_cli import Codex
from tests.e2e.conftest import MakeCodex
from tests.e2e.proxy import Proxy

pytestmark = pytest.mark.codex

PATCH = """\
*** Begin Patch
*** Add File: notes.txt
+first line
+second "line" with <markup> & ünïcode
*** End Patch"""


def test_a_tool_of_an_mcp_server_is_called_under_its_namespace(demo: Proxy, make_codex: MakeCodex) -> None:
    server = f"""
[mcp_servers.calculator]
command = "{sys.executable}"
args = ["{Path(calculator_mcp.__file__)}"]
"""
    codex = make_codex(demo, lambda config: config + server)
    run = codex.exec('call add {"a": 19, "b": 23}').quiet()
    [call] = run.items("mcp_tool_call")
    assert (call["server"], call["tool"], call["status"]) == ("calculator", "add", "completed")
    assert call["arguments"] == {"a": 19, "b": 23}
    assert call["result"]["content"] == [{"type": "text", "text": "42"}]
    assert "42" in run.message


def test_a_freeform_tool_gets_its_input_verbatim(codex: Codex) -> None:
    run = codex.exec(f"call apply_patch <<\n{PATCH}").quiet()
    [change] = run.items("file_change")
    assert change["status"] == "completed"
    assert [(Path(entry["path"]).name, entry["kind"]) for entry in change["changes"]] == [
        ("notes.txt", "add")
    ]
    written = (codex.workspace / "notes.txt").read_text()
    assert written == 'first line\nsecond "line" with <markup> & ünïcode\n'
    assert "apply_patch answered" in run.message


def test_parallel_calls_are_all_run_and_all_answered(codex: Codex) -> None:
    run = codex.exec(
        'call exec_command {"cmd": "echo one > 1.txt; cat 1.txt"}\n'
        'call exec_command {"cmd": "echo two > 2.txt; cat 2.txt"}'
    ).quiet()
    assert [command["aggregated_output"] for command in run.items("command_execution")] == ["one\n", "two\n"]
    assert {file.name for file in codex.workspace.iterdir()} == {"1.txt", "2.txt"}
    assert run.message.count("exec_command answered") == 2


def test_a_call_written_into_the_text_is_recovered_and_run(codex: Codex) -> None:
    arguments = json.dumps({"cmd": "echo 'recovered <ok>' > out.txt"})
    run = codex.exec(f"text-call exec_command {arguments}").quiet()
    [command] = run.items("command_execution")
    assert command["exit_code"] == 0
    assert (codex.workspace / "out.txt").read_text() == "recovered <ok>\n"
    assert not any(mark in text for text in run.messages for mark in ("<tool_call>", "<function", "</"))
    assert "exec_command answered" in run.message
