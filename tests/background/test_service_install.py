"""``ccmimolink-service install`` and ``uninstall``: what is written, commanded and left alone.

Both service managers are asked for the same; what differs between them is in their own files.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ccmimolink.background.health import Answer
from ccmimolink.background.install import PATIENCE
from ccmimolink.background.launchd import LABEL
from ccmimolink.background.systemd import UNIT
from tests.background.service_stage import KEY, PASSWORD, UID, USER, Stage, mode

BEGIN = {
    "linux": [
        f"systemctl --user {words}" for words in ("daemon-reload", f"enable {UNIT}", f"restart {UNIT}")
    ],
    "darwin": [f"launchctl enable gui/{UID}/{LABEL}", f"launchctl bootstrap gui/{UID} {{file}}"],
}
END = {
    "linux": [f"systemctl --user disable --now {UNIT}", "systemctl --user daemon-reload"],
    "darwin": [f"launchctl bootout gui/{UID}/{LABEL}"],
}


@pytest.fixture(params=["linux", "darwin"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return Stage(tmp_path, request.param)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# -- install ------------------------------------------------------------------------------------------------


def test_install_writes_the_files_starts_the_service_and_sees_it_answer(stage: Stage) -> None:
    ended = stage("install")

    assert (ended.status, ended.err) == (0, "")
    assert stage.fake.changes() == [words.format(file=stage.file) for words in BEGIN[stage.platform]]
    assert f"wrote {stage.file}\n" in ended.out
    assert f"runs as process 4242, and answers on 127.0.0.1:{stage.port}\n" in ended.out
    assert f"its log: {stage.state / 'mimo_proxy.log'}\n" in ended.out


def test_a_secret_can_stand_in_the_environment_file_alone_which_its_user_alone_can_read(stage: Stage) -> None:
    stage("install")

    assert mode(stage.file) == 0o644
    assert mode(stage.environment_file) == 0o600
    assert mode(stage.environment_file.parent) == mode(stage.state) == 0o700


def test_a_second_install_changes_nothing_and_restarts_nothing(stage: Stage) -> None:
    stage("install")
    before = stage.file.read_bytes()

    ended = stage("install")

    assert ended.status == 0
    assert (stage.file.read_bytes(), stage.fake.starts_counted) == (before, 1)
    assert "wrote" not in ended.out


def test_an_install_with_other_options_restarts_it(stage: Stage) -> None:
    stage("install")

    stage("install", "--model", "mimo-v2.5-pro")

    assert "--model=mimo-v2.5-pro" in stage.file.read_text()
    assert stage.fake.starts_counted == 2


def test_options_may_stand_behind_two_dashes(stage: Stage) -> None:
    stage("install", "--v2.5-pro", "--", "--skip-sync")

    assert "--v2.5-pro" in stage.file.read_text()
    assert "--skip-sync" in stage.file.read_text()


def test_print_shows_the_file_and_writes_nothing(stage: Stage) -> None:
    ended = stage("install", "--print")

    assert (ended.status, stage.fake.commands) == (0, [])
    assert names(stage.home) == []
    stage("install")
    assert stage.file.read_text() == ended.out


@pytest.mark.parametrize("change", ["# a line of mine\n", ""], ids=["edited", "foreign"])
def test_a_file_that_is_not_as_it_was_made_is_left_alone(stage: Stage, change: str) -> None:
    stage("install")
    text = stage.file.read_text() + change if change else "[Service]\nExecStart=/bin/true\n"
    stage.file.write_text(text)
    stage.fake.commands.clear()

    ended = stage("install", "--model", "mimo-v2.5-pro")

    assert ended.status == 1
    assert f"! {stage.file} was " in ended.out
    assert (stage.file.read_text(), stage.fake.commands) == (text, [])


def test_with_force_such_a_file_is_kept_beside(stage: Stage) -> None:
    for text in ("mine", "mine again"):
        stage.file.parent.mkdir(parents=True, exist_ok=True)
        stage.file.write_text(text)
        assert stage("install", "--force").status == 0

    file = stage.file
    assert [file.with_name(f"{file.name}.{number}.bak").read_text() for number in (1, 2)] == [
        "mine",
        "mine again",
    ]
    assert names(file.parent) == [file.name, f"{file.name}.1.bak", f"{file.name}.2.bak"]


def test_a_link_in_its_place_is_somebodys(stage: Stage) -> None:
    """A unit is masked by a link to /dev/null, or linked from a repository of somebody's own."""
    stage.file.parent.mkdir(parents=True)
    stage.file.symlink_to("/dev/null")

    assert stage("install").status == 1
    assert stage.file.is_symlink()


def test_an_environment_file_that_is_there_is_kept_and_made_private(stage: Stage) -> None:
    stage.write_environment(f"MIMO_API_KEY={KEY}\n")
    stage.environment_file.chmod(0o644)

    ended = stage("install")

    assert stage.environment_file.read_text() == f"MIMO_API_KEY={KEY}\n"
    assert mode(stage.environment_file) == 0o600
    assert f"took {stage.environment_file} from other users" in ended.out
    assert KEY not in ended.out + stage.file.read_text()


def test_a_broken_line_in_it_is_named_and_not_shown(stage: Stage) -> None:
    stage.write_environment(f"# mine\nexport MIMO_API_KEY={KEY}\n")

    ended = stage("install")

    assert ended.status == 1
    assert f"{stage.environment_file}, line 2: this is not NAME=value" in ended.out
    assert KEY not in ended.out
    assert not stage.file.exists()


def test_its_variables_count_for_the_checks(stage: Stage) -> None:
    stage.write_environment(f"MIMO_PROXY_LISTEN=tcp:{stage.port}\nMIMO_PROXY_TOKEN={KEY}\n")

    assert stage("install").status == 0
    assert stage.asked[-1] == (f"0.0.0.0:{stage.port}", KEY)


# -- what stands in the way ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (Answer.OURS, "A ccmimolink that is not this service listens on"),
        (Answer.OTHER, "Another program listens on"),
    ],
)
def test_an_address_at_which_somebody_answers_is_refused(stage: Stage, answers: Answer, says: str) -> None:
    stage.answers = answers

    ended = stage("install")

    assert (ended.status, stage.fake.changes(), names(stage.home)) == (1, [], [])
    assert says in ended.out


def test_an_address_that_is_taken_in_silence_is_refused(stage: Stage) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stage.port))
        taken.listen()

        ended = stage("install")

    assert ended.status == 1
    assert f"Cannot listen on 127.0.0.1:{stage.port}" in ended.out
    assert names(stage.home) == []


def test_without_a_manager_nothing_is_written(stage: Stage) -> None:
    stage.fake.broken = {"show": "Failed to connect to bus", "print": "Failed to connect to bus"}

    ended = stage("install")

    assert (ended.status, names(stage.home)) == (1, [])
    assert "cannot be reached: Failed to connect to bus. Log in " in ended.out


@pytest.mark.parametrize("step", range(3))
def test_a_command_that_fails_is_named_and_a_further_install_goes_on(stage: Stage, step: int) -> None:
    commands = BEGIN[stage.platform]
    command = commands[min(step, len(commands) - 1)].format(file=stage.file)
    stage.fake.broken = {command: "it did not work"}

    ended = stage("install")

    assert ended.status == 1
    assert f"wrote {stage.file}\n" in ended.out
    assert f"! {command.removesuffix(str(stage.file)).split(' --now')[0]}" in ended.out
    assert "it did not work" in ended.out
    stage.fake.broken = {}
    assert stage("install").status == 0
    assert stage.fake.running


def test_a_service_that_does_not_come_up_is_a_failure_and_its_last_words_are_shown(stage: Stage) -> None:
    stage.fake.starts = False

    ended = stage("install")

    assert ended.status == 1
    assert "  | what the program said\n" in ended.out
    assert f"does not answer on 127.0.0.1:{stage.port}" in ended.out
    assert f"-> See in a terminal what it says: {stage.twistd} " in ended.out
    assert stage.waited == 0
    assert stage("status").status == 3


def test_a_service_that_runs_and_says_nothing_is_waited_for_and_then_a_failure(stage: Stage) -> None:
    stage.is_deaf = True

    ended = stage("install")

    assert ended.status == 1
    assert "does not answer on" in ended.out
    assert stage.waited >= PATIENCE


def test_a_directory_that_cannot_be_made_is_named(stage: Stage) -> None:
    (stage.home / "state").write_text("a file in its place")

    ended = stage("install")

    assert ended.status == 1
    assert f"! {stage.state} cannot be written: File exists" in ended.out
    assert not stage.file.exists()


def test_a_log_that_cannot_be_written_is_refused(stage: Stage) -> None:
    ended = stage("install", "--log", "nowhere/proxy.log")

    assert ended.status == 2
    assert f"The log {stage.cwd}/nowhere/proxy.log: its directory does not exist" in ended.err
    assert not stage.file.exists()


# -- what is told -------------------------------------------------------------------------------------------


def test_secrets_of_the_shell_are_named_and_not_taken_over(stage: Stage) -> None:
    ended = stage(
        "install",
        MIMO_API_KEY=KEY,
        MIMO_PROXY_TOKEN=KEY,
        https_proxy=f"http://somebody:{PASSWORD}@127.0.0.1:3128",
        ALL_PROXY="http://127.0.0.1:3129",
    )

    assert "it may be a secret: MIMO_API_KEY, MIMO_PROXY_TOKEN, https_proxy. Where" in ended.out
    written = "".join(path.read_text() for path in (stage.file, stage.environment_file)) + ended.out
    assert KEY not in written
    assert PASSWORD not in written
    assert "http://127.0.0.1:3129" in stage.file.read_text()


def test_a_secret_that_the_environment_file_has_is_not_missed(stage: Stage) -> None:
    stage.write_environment(f"MIMO_API_KEY={KEY}\n")

    assert "may be a secret" not in stage("install", MIMO_API_KEY=KEY).out


def test_lingering_is_advised_where_it_is_off(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    advice = f"loginctl enable-linger {USER}\n"
    assert advice in stage("install").out

    stage.fake.linger = "yes"

    assert advice not in stage("install").out
    assert not any("enable-linger" in words for words in stage.fake.commands)


# -- uninstall ----------------------------------------------------------------------------------------------


def test_uninstall_ends_the_service_and_removes_what_install_made(stage: Stage) -> None:
    stage("install")
    stage.fake.commands.clear()

    ended = stage("uninstall")

    assert ended.status == 0
    assert stage.fake.changes() == END[stage.platform]
    assert not stage.file.exists()
    assert not stage.environment_file.exists()
    assert "ccmimolink-sync --restore" in ended.out


def test_uninstall_waits_as_long_as_the_end_may_take(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MIMO_PROXY_DRAIN_MS="600000")
    stage("install")

    stage("uninstall")

    assert stage.fake.seconds[END["linux"][0]] > 600


def test_uninstall_leaves_variables_that_somebody_wrote(stage: Stage) -> None:
    stage("install")
    stage.write_environment(f"MIMO_API_KEY={KEY}\n")

    ended = stage("uninstall")

    assert f"stays: {stage.environment_file}, which you wrote" in ended.out
    assert stage.environment_file.exists()


def test_uninstall_keeps_an_edited_file_under_another_name(stage: Stage) -> None:
    stage("install")
    with stage.file.open("a") as file:
        file.write("# mine\n")

    assert stage("uninstall").status == 0

    assert names(stage.file.parent) == [f"{stage.file.name}.1.bak"]


def test_uninstall_touches_no_file_of_somebody_elses(stage: Stage) -> None:
    stage.file.parent.mkdir(parents=True)
    stage.file.write_text("mine")

    ended = stage("uninstall")

    assert (ended.status, stage.fake.changes(), stage.file.read_text()) == (1, [], "mine")
    assert "was not made by ccmimolink-service" in ended.out


def test_uninstall_of_nothing_is_done(stage: Stage) -> None:
    ended = stage("uninstall")

    assert (ended.status, stage.fake.commands) == (0, [])
    assert "There is no service" in ended.out


def test_a_service_that_cannot_be_ended_keeps_its_file(stage: Stage) -> None:
    stage("install")
    stage.fake.broken = {END[stage.platform][0]: "it did not work"}

    ended = stage("uninstall")

    assert (ended.status, stage.file.exists()) == (1, True)
    assert "it did not work" in ended.out
