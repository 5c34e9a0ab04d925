"""The systemd unit: whatever stands in a path or an option, systemd reads what was meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.background.errors import ServiceError
from ccmimolink.background.plan import Plan
from ccmimolink.background.unit_file import unit_text
from ccmimolink.listen import TCPAddress
from tests.background.service_stage import Stage
from tests.background.unit_reading import Unit

MEANINGFUL = [
    "%",
    "%h",
    "$",
    "$$",
    "${HOME}",
    "\\",
    '"',
    "'",
    ";",
    " ",
    "\n",
    "\t",
    "#",
    "{",
    "*",
    "?",
    "[",
    "]",
    "~",
]
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXT = st.lists(st.sampled_from(MEANINGFUL) | st.text(LETTERS, max_size=3)).map("".join)
PATH = TEXT.map(lambda text: "/" + text.replace("/", "-"))
BARE_PATH = PATH.map(
    lambda text: "/a" + "".join(one for one in text if one.isprintable() and one != "\\").strip() + "z"
)
NAME = st.from_regex(r"[A-Z_][A-Z0-9_]*", fullmatch=True)

PLAN = Plan(
    command=("/venv/bin/twistd", "--nodaemon", "ccmimolink"),
    variables={},
    environment_file=Path("/home/somebody/.config/ccmimolink/service.env"),
    directory=Path("/home/somebody/.local/state/ccmimolink"),
    log=Path("/home/somebody/.local/state/ccmimolink/mimo_proxy.log"),
    address=TCPAddress("127.0.0.1", 9876),
    listen="tcp:9876:interface=127.0.0.1",
    token="",
    stop_seconds=45,
    withheld=(),
)


@given(st.tuples(PATH, TEXT, TEXT))
def test_a_command_is_read_back_word_for_word(command: tuple[str, ...]) -> None:
    assert Unit(unit_text(replace(PLAN, command=command))).command == list(command)


@given(st.dictionaries(NAME, TEXT))
def test_variables_are_read_back(variables: dict[str, str]) -> None:
    assert Unit(unit_text(replace(PLAN, variables=variables))).variables == variables


@given(BARE_PATH)
def test_paths_are_read_back(path: str) -> None:
    unit = Unit(unit_text(replace(PLAN, environment_file=Path(path), directory=Path(path))))

    assert (unit.environment_file, unit.directory) == (str(Path(path)), str(Path(path)))


@pytest.mark.parametrize("path", ["/a\nExecStart=/bin/false", "/a\\", "/a ", "/a\tb"])
def test_a_directory_that_no_unit_can_name_is_refused(path: str) -> None:
    with pytest.raises(ServiceError, match="cannot stand in a systemd unit"):
        unit_text(replace(PLAN, directory=Path(path)))


@pytest.mark.parametrize("character", ["\udcff", "\x01", "\x7f"])
def test_a_character_that_no_file_can_hold_is_refused(tmp_path: Path, character: str) -> None:
    ended = Stage(tmp_path)("install", "--print", "--log", f"/tmp/{character}.log")

    assert ended.status == 1
    assert "holds a character that no service file can hold" in ended.out


def test_the_time_to_end_is_more_than_running_answers_get(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write_environment("MIMO_PROXY_DRAIN_MS=61500\n")

    assert Unit(stage("install", "--print").out).one("TimeoutStopSec") == "77"


def test_it_starts_at_login_and_again_when_it_fails_but_not_for_ever() -> None:
    unit = Unit(unit_text(PLAN))

    assert unit.one("WantedBy", "Install") == "default.target"
    assert unit.one("Restart") == "on-failure"
    pause, window, most = (
        int(unit.one(name, section))
        for section, name in (
            ("Service", "RestartSec"),
            ("Unit", "StartLimitIntervalSec"),
            ("Unit", "StartLimitBurst"),
        )
    )
    assert pause * most < window


def test_what_it_makes_is_its_users_alone() -> None:
    unit = Unit(unit_text(PLAN))

    assert (unit.one("UMask"), unit.one("NoNewPrivileges")) == ("0077", "yes")
