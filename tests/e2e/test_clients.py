"""Clients that others wrote, each with a conversation in two turns that call a tool, and a structured answer.

The programs stand in ``tests/e2e/clients``; each prints what it saw as one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartProxy
from tests.e2e.processes import clean_environ
from tests.e2e.proxy import FAKE_KEY, RecordingMimo

pytestmark = pytest.mark.clients

PROGRAMS = Path(__file__).with_name("clients")
PATIENCE = 90.0
"""Seconds for one program on a busy machine."""
CALL_OSLO = 'call get_weather {"city": "Oslo"}'
CALL_LIMA = 'call get_weather {"city": "Lima"}'
PYTHON_PACKAGES = "openai openai-agents langchain-openai"
NODE_PACKAGES = "openai @openai/agents ai @ai-sdk/openai zod jsonc-parser"


def required(variable: str, packages: str) -> str:
    """Where the clients are installed. Without them these tests fail: nobody selects them by accident."""
    place = os.environ.get(variable, "")
    if not place or not os.path.exists(place):
        pytest.fail(f"{variable} must name an installation of {packages}; see .ci/run.", pytrace=False)
    return place


def python(program: str, _scratch: Path) -> list[str]:
    return [required("CLIENTS_PYTHON", PYTHON_PACKAGES), str(PROGRAMS / program)]


def node(program: str, scratch: Path) -> list[str]:
    """Node looks for packages beside the program, and nowhere else."""
    modules = required("CLIENTS_NODE_MODULES", NODE_PACKAGES)
    (scratch / "node_modules").symlink_to(modules, target_is_directory=True)
    copy = scratch / program
    copy.write_text((PROGRAMS / program).read_text())
    return ["node", str(copy)]


@pytest.mark.parametrize("program", sorted(path.name for path in PROGRAMS.glob("with_*")))
def test_a_conversation_with_tools_and_a_structured_answer(
    start_proxy: StartProxy, mimo: RecordingMimo, tmp_path: Path, program: str
) -> None:
    proxy = start_proxy()
    scratch = tmp_path / "client"
    scratch.mkdir()
    command = (python if program.endswith(".py") else node)(program, scratch)
    environ = clean_environ(
        scratch,
        OPENAI_BASE_URL=proxy.base_url,
        OPENAI_API_KEY=FAKE_KEY,
        PROMPTS=json.dumps([CALL_OSLO, CALL_LIMA, "what did I ask first?"]),
        STRUCTURED="Fix the tests",
    )

    run = subprocess.run(
        command, cwd=scratch, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert run.returncode == 0, run.stderr
    seen: dict[str, Any] = json.loads(run.stdout)
    assert seen == {
        "answers": [
            "get_weather answered: “12 degrees in Oslo”",
            "get_weather answered: “12 degrees in Lima”",
            f"First you asked: “{CALL_OSLO}”.",
        ],
        "cities": ["Oslo", "Lima"],
        "structured": {"title": "Fix the tests"},
    }
    # The thinking that led to a call went back to MiMo with it, word for word.
    for request in mimo.requests():
        for message in request["messages"]:
            if message.get("tool_calls"):
                assert message["reasoning_content"].startswith("The user told me what to call")


def test_there_are_as_many_programs_as_clients() -> None:
    assert len(list(PROGRAMS.glob("with_*.py"))) == 3
    assert len(list(PROGRAMS.glob("with_*.mjs"))) == 3
