"""``ccmimolink-model`` as a person calls it while no proxy runs, and whatever is wrong with the call."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from ccmimolink.control.files import Found, announce
from tests.control.model_call import Call
from tests.e2e.processes import free_port

SECRET = "tp-fake-typed-by-mistake"


@pytest.fixture
def call(tmp_path: Path) -> Call:
    return Call(tmp_path, free_port())


# -- the next start -----------------------------------------------------------------------------------------


def test_without_a_proxy_a_choice_is_for_its_next_start(call: Call) -> None:
    ended = call("set", "mimo-v2.5-pro")
    assert (ended.status, ended.err) == (0, "")
    assert f"No ccmimolink runs (port {call.port})." in ended.out
    assert "After the next start, mimo-v2.5-pro answers every text request" in ended.out
    assert json.loads(call.memory.read_text())["model"] == "mimo-v2.5-pro"


def test_a_model_that_takes_no_images_says_where_those_go(call: Call) -> None:
    assert "requests with one go to mimo-v2.5 (MIMO_PROXY_VISION_MODEL)" in call("set", "mimo-v2.5-pro").out
    assert "images" not in call("set", "mimo-v2.6-pro").out


def test_it_says_that_codex_needs_nothing(call: Call) -> None:
    assert "Codex needs nothing" in call("set", "mimo-v2.5-pro").out
    assert "Codex" not in call("reset").out


def test_reset_forgets_the_choice(call: Call) -> None:
    call("set", "mimo-v2.5-pro")
    ended = call("reset")
    assert ended.status == 0
    assert "Nobody chose one for all." in ended.out
    assert not call.memory.exists()


def test_without_a_proxy_only_the_table_is_known(call: Call) -> None:
    ended = call("set", "mimo-v9")
    assert ended.status == 1
    assert "no proxy runs that could ask" in ended.out
    assert "Known are mimo-v2.6-pro, mimo-v2.6-flash, mimo-v2.5-pro, mimo-v2.5." in ended.out
    assert call("set", "mimo-v9", "--force").status == 0
    assert "mimo-v9 is remembered" in call("set", "--force", "mimo-v9").out


def test_a_model_of_the_users_own_file_is_known(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(
        '[models."mimo-v9"]\nmodalities = ["text"]\n[models."mimo-v9".prices.EUR]\ninput = 1\noutput = 2'
    )
    call.environ["MIMO_PROXY_MODELS"] = str(file)
    assert call("set", "mimo-v9").status == 0
    assert "EUR 1 / 1 / 2" in call("list").out


def test_a_retired_model_names_its_successor(call: Call) -> None:
    ended = call("set", "mimo-v2-omni")
    assert ended.status == 1
    assert "MiMo has retired this model. Its successor is mimo-v2.5." in ended.out


def test_status_without_a_proxy_is_not_done(call: Call) -> None:
    call("set", "mimo-v2.5-pro")
    ended = call("status")
    assert ended.status == 1
    assert "After the next start, mimo-v2.5-pro" in ended.out
    assert f"! No ccmimolink runs (port {call.port})." in ended.out


def test_list_shows_what_each_model_takes_and_costs_and_marks_the_one_in_force(call: Call) -> None:
    call("set", "mimo-v2.5-pro")
    ended = call("list")
    assert ended.status == 0
    lines = {line[1:].split()[0]: " ".join(line.split()) for line in ended.out.splitlines()}
    assert lines["mimo-v2.5-pro"] == (
        "* mimo-v2.5-pro text 1,048,576 USD 0.435 / 0.0036 / 0.87, CNY 3 / 0.025 / 6 to be followed by "
        "mimo-v2.6-pro"
    )
    assert lines["mimo-v2.6-flash"].startswith("mimo-v2.6-flash audio, image, text, video 1,048,576 USD 0.14")


def test_a_model_that_no_table_has_is_listed_where_it_is_in_force(call: Call) -> None:
    call("set", "mimo-v9", "--force")
    assert "*  mimo-v9" in call("list").out
    assert "not known" in call("list").out


def test_a_variable_of_the_shell_wins_at_a_start_and_that_is_said(call: Call) -> None:
    call.environ["MIMO_MODEL"] = "mimo-v2.6-pro"
    ended = call("set", "mimo-v2.5-pro")
    assert ended.status == 0
    assert (
        "After the next start, mimo-v2.6-pro answers every text request (chosen by MIMO_MODEL)." in ended.out
    )
    assert "! MIMO_MODEL is set here (mimo-v2.6-pro)" in ended.out


def test_the_simulated_mimo_remembers_nothing(call: Call) -> None:
    call.environ["MIMO_PROXY_DEMO"] = "true"
    ended = call("set", "mimo-v2.5-pro")
    assert ended.status == 1
    assert "Nothing was changed: the simulated MiMo remembers nothing." in ended.out
    assert not call.memory.exists()


def test_another_port_has_another_choice(call: Call, tmp_path: Path) -> None:
    other = Call(tmp_path, free_port())
    call("set", "mimo-v2.5-pro")
    assert other.state("status")["model"] == "mimo-v2.5"
    assert call.state("status", "--port", str(other.port))["model"] == "mimo-v2.5"
    assert other.state("status", "--port", str(call.port))["model"] == "mimo-v2.5-pro"


def test_a_socket_has_a_choice_of_its_own(call: Call, tmp_path: Path) -> None:
    endpoint = f"unix:{tmp_path / 'sock'}"
    assert call("set", "mimo-v2.5-pro", "--listen", endpoint).status == 0
    assert call.state("status")["model"] == "mimo-v2.5"
    assert call.state("status", "--listen", endpoint)["model"] == "mimo-v2.5-pro"


def test_a_broken_memory_is_told_of(call: Call) -> None:
    call("set", "mimo-v2.5-pro")
    call.memory.write_text("{")
    assert str(call.memory) in call("status").out
    assert call("set", "mimo-v2.6-pro").status == 0


def test_a_memory_that_cannot_be_written_is_not_done(call: Call) -> None:
    call.environ["MIMO_PROXY_STATE_DIR"] = "/dev/null/state"
    ended = call("set", "mimo-v2.5-pro")
    assert ended.status == 1
    assert "MIMO_PROXY_STATE_DIR" in ended.out


def test_a_free_port_has_to_be_named(call: Call) -> None:
    call.environ["MIMO_PROXY_PORT"] = "0"
    ended = call("status")
    assert ended.status == 1
    assert "--port" in ended.out


# -- who is there instead -----------------------------------------------------------------------------------


def test_a_file_of_a_proxy_that_was_killed_is_told_of(call: Call) -> None:
    announce(call.control, Found(f"http://127.0.0.1:{call.port}", "fake-token", 2**22 + 1))
    ended = call("set", "mimo-v2.5-pro")
    assert ended.status == 0
    assert f"{call.control} was left by a proxy that was killed (process {2**22 + 1})" in ended.out


def test_a_broken_control_file_is_named_with_the_fix(call: Call) -> None:
    call("set", "mimo-v2.5-pro")
    call.control.write_text("{")
    ended = call("set", "mimo-v2.6-pro")
    assert ended.status == 1
    assert f"{call.control} is not a file" in ended.out
    assert json.loads(call.memory.read_text())["model"] == "mimo-v2.5-pro"


def test_somebody_who_left_no_file_is_not_asked(call: Call) -> None:
    with socket.create_server(("127.0.0.1", call.port)):
        ended = call("set", "mimo-v2.5-pro")
    assert ended.status == 1
    assert f"Somebody listens on http://127.0.0.1:{call.port}, but there is no {call.control}" in ended.out
    assert not call.memory.exists()


def test_a_proxy_on_another_port_is_pointed_to(call: Call) -> None:
    announce(call.control.with_name("control-4711.json"), Found("http://127.0.0.1:4711", "fake-token", 1))
    assert "A ccmimolink was started on port 4711: give --port" in call("status").out


# -- the call -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give one of the commands"),
        ([SECRET], "give one of the commands"),
        (["set"], "set takes the name of one model"),
        (["status", SECRET], "the other commands take none"),
        (["set", "mimo-v2.5", SECRET], "an argument that is not known"),
        (["list", "--force"], "--force goes with set"),
        (["list", "--port"], "--port needs a value"),
        (["list", "--port", SECRET], "--port is not a port"),
        (["list", "--port", "0"], "--port is not a port"),
        (["list", f"--json={SECRET}"], "--json takes no value"),
        (["list", f"--{SECRET}"], "an argument that is not known"),
        (["list", "--port", "1", "--listen", "tcp:1"], "--port does not go with --listen"),
        (["list", "--print-completion", SECRET], "--print-completion has no such value"),
    ],
)
def test_a_wrong_call_is_told_without_repeating_it(call: Call, arguments: list[str], said: str) -> None:
    ended = call(*arguments)
    assert ended.status == 2
    assert said in ended.err
    assert "See --help." in ended.err
    assert SECRET not in ended.out + ended.err
    assert not call.memory.exists()


def test_a_key_in_the_place_of_a_name_is_not_repeated_or_kept(call: Call) -> None:
    ended = call("set", SECRET, "--force")
    assert ended.status == 1
    assert "looks like a key" in ended.out
    assert SECRET not in ended.out + ended.err
    assert not call.memory.exists()


def test_a_setting_that_cannot_be_used_is_a_wrong_call(call: Call) -> None:
    call.environ["MIMO_PROXY_MODELS"] = "/nonexistent"
    ended = call("list")
    assert ended.status == 2
    assert "MIMO_PROXY_MODELS names the file" in ended.err


def test_json_has_the_state_and_what_was_said(call: Call) -> None:
    document = json.loads(call("set", "mimo-v2.5-pro", "--json").out)
    assert document["outcome"] == "done"
    assert (document["running"], document["model"], document["origin"]) == (
        False,
        "mimo-v2.5-pro",
        "ccmimolink-model",
    )
    assert "token" not in document


def test_json_tells_why_something_was_not_done(call: Call) -> None:
    ended = call("set", "mimo-v9", "--json")
    assert (ended.status, json.loads(ended.out)["outcome"]) == (1, "not done")


def test_the_help_names_every_command_file_and_status(call: Call) -> None:
    out = call("--help").out
    for word in (
        "list",
        "set NAME",
        "reset",
        "status",
        "control-PORT.json",
        "model-PORT.json",
        "EXIT STATUS",
    ):
        assert word in out
