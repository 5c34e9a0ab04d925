"""Where the key comes from, what can be one, and who never gets it."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.mimocode.errors import Code, SetupError
from ccmimolink.mimocode.key import take_key
from ccmimolink.mimocode.provider import GONKAGATE
from ccmimolink.mimocode.settings import Settings
from ccmimolink.mimocode.terminal import Terminal
from tests.mimocode.mimo_home import needs_stand_in
from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KEY, NOBODY, OTHER_KEY, Person, Screen, codes

THIRD_KEY = "gp-fake-1122334455667788"
VARIABLE = "GONKAGATE_API_KEY"


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


def settings(environ: Mapping[str, str] | None = None) -> Settings:
    return Settings.from_environ(GONKAGATE, {"HOME": "/", **(environ or {})})


def unasked(_question: str, _stream: Any) -> str:
    raise AssertionError("asked for the key")


def piped(content: str | bytes) -> Terminal:
    raw = content.encode() if isinstance(content, str) else content
    return Terminal(io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"), Screen(tty=False), unasked)


def from_stdin(content: str | bytes) -> str:
    return take_key(GONKAGATE, settings(), piped(content), from_stdin=True)


def from_environment(content: str) -> str:
    return take_key(GONKAGATE, settings({VARIABLE: content}), piped(""), from_stdin=False)


def from_prompt(content: str) -> str:
    terminal = Person(key=content).terminal()
    return take_key(GONKAGATE, settings(), terminal, from_stdin=False)


SOURCES = {"on stdin": from_stdin, "in GONKAGATE_API_KEY": from_environment, "given": from_prompt}
every_source = pytest.mark.parametrize(("where", "take"), SOURCES.items(), ids=list(SOURCES))


def test_stdin_counts_more_than_the_environment_and_that_more_than_a_person() -> None:
    person = Person(key=THIRD_KEY).terminal()
    both = settings({VARIABLE: OTHER_KEY})

    assert take_key(GONKAGATE, both, piped(KEY), from_stdin=True) == KEY
    assert take_key(GONKAGATE, both, person, from_stdin=False) == OTHER_KEY
    assert take_key(GONKAGATE, settings(), person, from_stdin=False) == THIRD_KEY


def test_stdin_is_left_alone_unless_it_is_said_to_hold_the_key() -> None:
    terminal = piped(KEY)

    assert take_key(GONKAGATE, settings({VARIABLE: OTHER_KEY}), terminal, from_stdin=False) == OTHER_KEY
    assert terminal.stdin.read() == KEY


def test_a_key_that_somebody_types_on_stdin_is_hidden_too() -> None:
    person = Person(answers=f"{OTHER_KEY}\n", key=KEY)

    assert take_key(GONKAGATE, settings(), person.terminal(), from_stdin=True) == KEY
    assert person.screen.getvalue() == "GonkaGate API key (not shown): "


AROUND = {
    "nothing": "{}",
    "a line end": "{}\n",
    "a Windows line end": "{}\r\n",
    "blank lines": "\n\n{}\n\n",
    "blanks": "  \t{} ",
    "a byte order mark": "\ufeff{}\r\n",
}


@every_source
@pytest.mark.parametrize("around", AROUND.values(), ids=list(AROUND))
def test_what_is_around_a_key_is_dropped(where: str, take: Any, around: str) -> None:
    assert where
    assert take(around.format(KEY)) == KEY


@every_source
@pytest.mark.parametrize("content", ["", "\n", " \t\r\n ", "\ufeff"])
def test_without_a_key_the_reason_says_where_it_was_looked_for(where: str, take: Any, content: str) -> None:
    with pytest.raises(SetupError) as caught:
        take(content)

    (blocker,) = caught.value.blockers
    assert (blocker.code, blocker.source) == (Code.MISSING_API_KEY, "secret")
    assert f"There is no GonkaGate key {where}." in blocker.message


NO_KEYS = {
    "another provider's": "sk-fake-0123456789",
    "the beginning alone": "gp-",
    "in capitals": "GP-FAKE-0123456789",
    "quoted": f'"{KEY}"',
    "with a name": f"{VARIABLE}={KEY}",
    "with a word before": f"Bearer {KEY}",
    "two on two lines": f"{KEY}\n{OTHER_KEY}\n",
    "two on one line": f"{KEY} {OTHER_KEY}",
    "a line end inside": "gp-fake-01\n23456789",
    "a letter of another alphabet": "gp-fake-0123\u0430456789",
    "digits of another alphabet": "gp-fake-\u0660\u0661\u0662",
    "an invisible character": "gp-fake-\u200b0123456789",
    "a mark at the end": f"{KEY}\ufeff",
    "a reference": "{file:~/.gonkagate/mimo-code/api-key}",
    "NUL": "gp-fake-\x000123456789",
}


@every_source
@pytest.mark.parametrize("content", NO_KEYS.values(), ids=list(NO_KEYS))
def test_what_can_be_no_key_is_refused_and_not_repeated(where: str, take: Any, content: str) -> None:
    with pytest.raises(SetupError) as caught:
        take(content)

    (blocker,) = caught.value.blockers
    assert (blocker.code, blocker.source) == (Code.INVALID_API_KEY, "secret")
    assert f"What is {where} is no GonkaGate key" in blocker.message
    assert not any(word in blocker.message for word in content.split() if len(word) > 3)


BYTES = {
    "a stray byte": b"gp-fake-0123\xff456789",
    "a stray byte behind": f"{KEY}\n".encode() + b"\xff",
    "two bytes per character": KEY.encode("utf-16"),
    "a megabyte": b"gp-" + b"a" * 1_000_000,
    "much behind": f"{KEY}\n".encode() + b"\n" * 100_000,
}


@pytest.mark.parametrize("content", BYTES.values(), ids=list(BYTES))
def test_bytes_on_stdin_that_are_no_key_are_refused(content: bytes) -> None:
    with pytest.raises(SetupError) as caught:
        from_stdin(content)

    assert [blocker.code for blocker in caught.value.blockers] == [Code.INVALID_API_KEY]


@given(st.one_of(st.binary(), st.text(alphabet="gp-fake_09 \n\r\ufeff").map(str.encode)))
def test_whatever_is_on_stdin_a_key_is_one_whole_word_of_it(content: bytes) -> None:
    try:
        taken: str | Code = from_stdin(content)
    except SetupError as error:
        taken = error.blockers[0].code
    if taken not in (Code.MISSING_API_KEY, Code.INVALID_API_KEY):
        assert GONKAGATE.key_pattern.fullmatch(taken)
        assert content.decode().removeprefix("\ufeff").split() == [taken]


@given(st.from_regex(GONKAGATE.key_pattern, fullmatch=True), st.sampled_from(list(AROUND.values())))
def test_every_key_is_taken_as_it_is(key: str, around: str) -> None:
    assert from_stdin(around.format(key)) == key
    assert from_environment(around.format(key)) == key


def test_a_key_is_asked_for_on_stderr_and_nothing_of_it_is_shown_there() -> None:
    person = Person(key=KEY)

    take_key(GONKAGATE, settings(), person.terminal(), from_stdin=False)

    assert person.screen.getvalue() == "GonkaGate API key (not shown): "


def test_where_nobody_can_be_asked_the_other_ways_are_named() -> None:
    with pytest.raises(SetupError) as caught:
        take_key(GONKAGATE, settings(), NOBODY.terminal(), from_stdin=False)

    (blocker,) = caught.value.blockers
    assert blocker.code == Code.NON_INTERACTIVE_SECRET_REQUIRED
    assert "--api-key-stdin" in blocker.message
    assert VARIABLE in blocker.message


@pytest.mark.parametrize("tty", [(True, False), (False, True)], ids=["stderr", "stdin"])
def test_a_person_needs_both_ends_of_the_terminal(tty: tuple[bool, bool]) -> None:
    terminal = Terminal(Screen(tty=tty[0]), Screen(tty=tty[1]), unasked)

    with pytest.raises(SetupError, match="There is no terminal"):
        take_key(GONKAGATE, settings(), terminal, from_stdin=False)


@pytest_twisted.ensureDeferred
async def test_an_empty_variable_is_a_missing_key_even_where_somebody_could_be_asked(
    stage: SettledStage,
) -> None:
    before = stage.settled()

    result = await stage.set_up("user", key="", person=Person(key=KEY))

    assert codes(result) == [Code.MISSING_API_KEY]
    assert stage.catalog.keys == []
    assert stage.settled() == before


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"key": "sk-fake-0123456789"}, Code.INVALID_API_KEY),
        (
            {"key": None, "from_stdin": True, "person": Person(answers="nothing", tty=False)},
            Code.INVALID_API_KEY,
        ),
        ({"key": None}, Code.NON_INTERACTIVE_SECRET_REQUIRED),
        ({"key": None, "person": Person(key="")}, Code.MISSING_API_KEY),
    ],
)
@pytest_twisted.ensureDeferred
async def test_without_a_key_nobody_is_asked_for_models_and_nothing_changes(
    stage: SettledStage, how: Mapping[str, Any], code: Code
) -> None:
    before = stage.settled()

    result = await stage.set_up("user", **how)

    assert (codes(result), result.status) == ([code], "blocked")
    assert stage.catalog.keys == []
    assert stage.settled() == before


@pytest.mark.parametrize(
    "how",
    [
        {"key": KEY},
        {"key": OTHER_KEY, "from_stdin": True, "person": Person(answers=f"{KEY}\n", tty=False)},
        {"key": None, "person": Person(key=KEY)},
    ],
    ids=["environment", "stdin", "prompt"],
)
@pytest_twisted.ensureDeferred
async def test_a_key_goes_to_the_catalog_and_to_its_file_and_nowhere_else(
    stage: SettledStage, how: Mapping[str, Any]
) -> None:
    result = await stage.set_up("user", **how)

    assert result.ok, result.as_text()
    assert stage.catalog.keys == [KEY]
    assert stage.secret.read_text() == f"{KEY}\n"


@needs_stand_in
@pytest.mark.parametrize("key", [KEY, ""])
@pytest_twisted.ensureDeferred
async def test_no_mimo_is_given_the_variable_or_anything_to_read(stage: SettledStage, key: str) -> None:
    typed = Person(answers=f"{KEY}\n", tty=False)
    result = await stage.set_up("user", key=key, from_stdin=True, person=typed, env={"KEPT": "as it is"})

    assert result.ok, result.as_text()
    assert {call.command for call in stage.calls()} == {
        "--version",
        "debug paths",
        "debug config",
        "models gonkagate",
    }
    for call in stage.calls():
        assert VARIABLE not in call.environ
        assert call.environ["KEPT"] == "as it is"
        assert (call.stdin_path, call.stdin) == ("/dev/null", b"")
