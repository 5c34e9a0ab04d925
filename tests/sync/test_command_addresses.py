"""``ccmimolink-sync`` and the proxy's address: who is there, and what does not depend on it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.e2e.processes import free_port
from tests.sync.stage import Command, with_cc_switch


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path, free_port())


@pytest.mark.parametrize(
    "environ",
    [{"MIMO_PROXY_TOKEN": "fake-token"}, {"MIMO_PROXY_PORT": "0"}, {"MIMO_PROXY_LISTEN": "unix:/tmp/socket"}],
    ids=lambda environ: next(iter(environ)),
)
def test_a_route_is_shown_and_given_back_wherever_the_proxy_listens(
    tmp_path: Path, command: Command, environ: dict[str, str]
) -> None:
    app = with_cc_switch(tmp_path)
    before = app.live_text()
    command()
    command.environ |= environ

    assert "Its upstream is" in command("--status").out
    assert command("--restore", "--dry-run").status == 0
    assert command("--restore").status == 0
    assert app.live_text() == before
    assert command().status == 1


def test_another_program_at_the_port_is_not_led_to(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    before = app.live_text()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        ended = command("--port", str(stranger.getsockname()[1]))

    assert ended.status == 1
    assert "Another program answers at" in ended.out
    assert app.live_text() == before


def test_where_nobody_listens_yet_the_proxy_is_to_be_started_first(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    steps = [line for line in command().out.splitlines() if line.startswith("->")]
    assert steps[0].startswith("-> Start the proxy")
    assert steps[1].startswith("-> Restart Codex")


@pytest.mark.parametrize("verb", ["--status", "--restore"])
@pytest.mark.parametrize(
    "option",
    [["--codex-only"], ["--provider", "x"], ["--no-catalog"], ["--upstream", "https://a.example/v1"]],
)
def test_what_a_verb_would_pass_over_is_refused(command: Command, verb: str, option: list[str]) -> None:
    ended = command(verb, *option)
    assert ended.status == 2
    assert f"does not go with {verb}" in ended.err
