"""Codex as people mostly use it: full screen, with a second request for the conversation's title."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import MakeCodex, StartProxy
from tests.e2e.proxy import Proxy, RecordingMimo
from tests.e2e.terminal import Terminal, end_all_with

pytestmark = pytest.mark.codex


@pytest.fixture
def proxy(start_proxy: StartProxy) -> Proxy:
    return start_proxy()


@pytest.fixture
def terminal(proxy: Proxy, make_codex: MakeCodex) -> Iterator[Terminal]:
    """Codex in a terminal, in a directory that its user trusts."""
    codex = make_codex(proxy)
    codex.trust_workspace()
    terminal = Terminal(codex.interactive("how are you?"), cwd=codex.workspace, environ=codex.environ)
    yield terminal
    terminal.end()
    # The background server and its updater live on by design.
    end_all_with(f"CODEX_HOME={codex.home}")
    # The server's own copy of Codex takes 400 MB, and pytest keeps the directories of several runs.
    shutil.rmtree(codex.home / "packages")


def test_the_conversation_and_its_title_are_answered_side_by_side(
    terminal: Terminal, proxy: Proxy, mimo: RecordingMimo
) -> None:
    terminal.wait_for_text("Hello! This is the simulated mimo-v2.5. You asked: “how are you?”.")
    terminal.wait_for_title("how are you |")
    assert not terminal.shows("Reconnecting")
    assert sorted(re.findall(r"req_\w+ \S+ (\w+) .* (\w+); status", proxy.log_text())) == [
        ("title", "completed"),
        ("turn", "completed"),
    ]
    turn, title = sorted(mimo.requests(), key=lambda request: "response_format" in request)
    assert ("response_format" in turn, title["response_format"]) == (False, {"type": "json_object"})
    # A title is a form to fill in; thinking would cost more than the turn itself.
    assert (turn.get("thinking"), title["thinking"]) == (None, {"type": "disabled"})
