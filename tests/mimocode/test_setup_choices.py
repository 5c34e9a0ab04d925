"""Which model and which scope: what is recommended, what a person picks, and where nobody can be asked."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.mimocode.catalog import CatalogModel
from ccmimolink.mimocode.choices import Asked, choose_model
from ccmimolink.mimocode.errors import Code, SetupError
from ccmimolink.mimocode.provider import GONKAGATE
from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import (
    KIMI,
    KIMI_REFERENCE,
    MINIMAX,
    MODELS,
    NOBODY,
    QWEN,
    QWEN_REFERENCE,
    FakeCatalog,
    Person,
    codes,
)

NOT_ONE = "That is not one of them."


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


def pick(person: Person, *models: CatalogModel) -> str:
    return choose_model(GONKAGATE, models or MODELS, Asked(), person.terminal())


@pytest_twisted.ensureDeferred
async def test_the_validated_model_is_recommended_wherever_it_stands(stage: SettledStage) -> None:
    result = await stage.set_up("user")

    assert (result.model, result.ok) == (KIMI.id, True)
    assert stage.config()["model"] == KIMI_REFERENCE


@pytest_twisted.ensureDeferred
async def test_without_a_validated_model_the_gateways_first_is_recommended(stage: SettledStage) -> None:
    stage.catalog = FakeCatalog((QWEN, MINIMAX))

    result = await stage.set_up("user")

    assert stage.config()["model"] == QWEN_REFERENCE
    assert f"The work with {QWEN.id} in MiMoCode has not been validated." in result.warnings


@pytest_twisted.ensureDeferred
async def test_a_model_that_is_named_counts_more_than_the_recommended_one(stage: SettledStage) -> None:
    result = await stage.set_up("user", QWEN.id)

    assert result.ok, result.as_text()
    assert stage.config()["model"] == stage.config()["small_model"] == QWEN_REFERENCE


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("kimi-k2.6", KIMI.id),
        (KIMI_REFERENCE, KIMI.id),
        ("moonshotai/Kimi-K2.6", None),
        ("moonshotai/kimi-k2", None),
        (f"{KIMI.id} ", None),
        ("2", None),
        ("", None),
        ("gp-fake-0123456789abcdef", None),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_model_is_named_whole_and_exactly(stage: SettledStage, named: str, meant: str | None) -> None:
    before = stage.settled()

    result = await stage.set_up("user", named)

    assert (codes(result), result.status) == ([Code.UNSUPPORTED_MODEL], "blocked")
    message = result.blockers[0].message
    assert result.blockers[0].source == "model_registry"
    assert (f"Did you mean {meant}?" if meant else "Run it without --model") in message
    assert meant or not named.strip() or len(named) < 2 or named.strip() not in message
    assert stage.settled() == before


@pytest.mark.parametrize(
    ("how", "missing"),
    [
        ({}, "--scope and --model"),
        ({"scope": "user"}, "--model"),
        ({"model": KIMI.id}, "--scope"),
    ],
)
@pytest.mark.parametrize("from_stdin", [True, False])
@pytest_twisted.ensureDeferred
async def test_where_nobody_can_be_asked_choices_are_asked_for_before_the_key_is_read(
    stage: SettledStage, how: dict[str, Any], missing: str, from_stdin: bool
) -> None:
    before = stage.settled()
    person = Person(answers="gp-fake-0123456789abcdef", tty=from_stdin)

    result = await stage.set_up(**how, yes=False, key=None, from_stdin=from_stdin, person=person)

    assert codes(result) == [Code.NON_INTERACTIVE_CHOICE_REQUIRED]
    assert f"Give {missing}, or --yes" in result.blockers[0].message
    assert ("Stdin holds the key" in result.blockers[0].message) is from_stdin
    assert person.screen.getvalue() == ""
    assert stage.catalog.keys == []
    assert stage.settled() == before


@pytest_twisted.ensureDeferred
async def test_where_both_are_given_nobody_is_needed(stage: SettledStage) -> None:
    result = await stage.set_up("user", KIMI.id, yes=False, person=NOBODY)

    assert result.ok, result.as_text()


@pytest_twisted.ensureDeferred
async def test_a_person_is_asked_for_both_on_stderr(stage: SettledStage) -> None:
    person = Person(answers="1\n1\n")

    result = await stage.set_up(yes=False, person=person)

    assert result.ok, result.as_text()
    assert (result.model, result.scope) == (QWEN.id, "user")
    assert person.screen.getvalue() == (
        "GonkaGate models:\n"
        "   1) qwen/qwen3-235b-a22b-instruct-2507-fp8\n"
        "   2) moonshotai/kimi-k2.6  validated with MiMoCode\n"
        "   3) minimaxai/minimax-m2.7\n"
        "Model, by number or id [2]: "
        "Use the model\n"
        "   1) user: wherever you start mimo\n"
        f"   2) project: in {stage.project} only; what is written there holds no secret\n"
        "Scope [2]: "
    )


@pytest.mark.parametrize(
    ("answer", "picked"),
    [
        ("\n", KIMI),
        ("  \n", KIMI),
        ("1\n", QWEN),
        (" 3 \n", MINIMAX),
        (f"{QWEN.id}\n", QWEN),
        (f"{KIMI.id}\r\n", KIMI),
        ("0\n3\n", MINIMAX),
        ("4\n-1\n1\n", QWEN),
        ("kimi-k2.6\n2\n", KIMI),
        ("MOONSHOTAI/KIMI-K2.6\n\n", KIMI),
    ],
)
def test_a_model_is_picked_by_its_number_or_its_id_or_left_at_the_default(
    answer: str, picked: CatalogModel
) -> None:
    person = Person(answers=answer)

    assert pick(person) == picked.id
    assert person.screen.getvalue().count(NOT_ONE) == answer.count("\n") - 1


def test_three_wrong_answers_are_enough() -> None:
    person = Person(answers="gp-fake-0123456789abcdef\n9\nno\n1\n")

    with pytest.raises(SetupError) as caught:
        pick(person)

    assert [blocker.code for blocker in caught.value.blockers] == [Code.USAGE_ERROR]
    assert person.screen.getvalue().count(NOT_ONE) == 3
    assert "gp-fake" not in person.screen.getvalue() + str(caught.value)


def test_no_answer_is_an_end() -> None:
    with pytest.raises(SetupError) as caught:
        pick(Person(answers=""))

    assert [blocker.code for blocker in caught.value.blockers] == [Code.INTERRUPTED]


def test_a_number_is_the_one_in_the_list_even_where_an_id_is_one() -> None:
    models = (CatalogModel("2", None), CatalogModel("other", None), CatalogModel("7", None))

    assert pick(Person(answers="2\n"), *models) == "other"
    assert pick(Person(answers="1\n"), *models) == "2"
    assert pick(Person(answers="7\n"), *models) == "7"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20, unique=True), st.data())
def test_whatever_the_models_are_called_each_is_picked_by_its_number_and_drives_no_terminal(
    ids: list[str], data: st.DataObject
) -> None:
    models = [CatalogModel(name, None) for name in ids]
    number = data.draw(st.integers(1, len(models)))
    person = Person(answers=f"{number}\n")

    assert pick(person, *models) == models[number - 1].id
    shown = person.screen.getvalue()
    assert shown.count("\n") == len(models) + 1
    assert not set(shown) & {"\x1b", "\r", "\x07", "\x08", "\x9b", "\u202e", "\u2028"}


@pytest.mark.parametrize(
    ("answer", "scope"),
    [("\n", "project"), ("1\n", "user"), ("user\n", "user"), ("2\n", "project"), ("project\n", "project")],
)
@pytest_twisted.ensureDeferred
async def test_a_scope_is_picked_by_its_number_or_its_name_or_left_at_the_default(
    stage: SettledStage, answer: str, scope: str
) -> None:
    result = await stage.set_up(model=KIMI.id, yes=False, person=Person(answers=answer))

    assert (result.ok, result.scope) == (True, scope)
    assert not any("scope was chosen" in note for note in result.notes)


@pytest_twisted.ensureDeferred
async def test_wrong_answers_to_the_last_question_leave_everything_as_it_was(stage: SettledStage) -> None:
    before = stage.settled()

    result = await stage.set_up(yes=False, person=Person(answers="1\nboth\nall\n3\n"))

    assert (codes(result), result.status) == ([Code.USAGE_ERROR], "blocked")
    assert stage.settled() == before


@pytest_twisted.ensureDeferred
async def test_the_scope_that_was_asked_for_counts_more_than_the_recommended_one(stage: SettledStage) -> None:
    result = await stage.set_up("user")

    assert (result.scope, stage.project_file.exists()) == ("user", False)
    assert not any("scope was chosen" in note for note in result.notes)


@pytest.mark.parametrize("where", ["the root", "a directory below"])
@pytest.mark.parametrize("kind", ["repository", "worktree"])
@pytest_twisted.ensureDeferred
async def test_in_a_repository_the_project_scope_is_recommended_and_said(
    stage: SettledStage, kind: str, where: str
) -> None:
    if kind == "worktree":
        shutil.rmtree(stage.project / ".git")
        (stage.project / ".git").write_text("gitdir: /elsewhere/.git/worktrees/project\n")
    below = stage.project / "deep" / "down"
    below.mkdir(parents=True)

    result = await stage.set_up(cwd=stage.project if where == "the root" else below)

    assert (result.ok, result.scope) == (True, "project")
    assert "The project scope was chosen because this directory is in a git repository." in result.notes
    assert stage.project_file.exists()
    assert not list(below.iterdir())


@pytest_twisted.ensureDeferred
async def test_in_no_repository_the_user_scope_is_recommended_and_said(stage: SettledStage) -> None:
    elsewhere = stage.root / "elsewhere"
    elsewhere.mkdir()

    result = await stage.set_up(cwd=elsewhere)

    assert (result.ok, result.scope) == (True, "user")
    assert "The user scope was chosen because this directory is in no git repository." in result.notes
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("repository", ["home", "."], ids=["is the home", "is above the home"])
@pytest.mark.parametrize("by_a_link", [False, True])
@pytest_twisted.ensureDeferred
async def test_in_a_repository_that_holds_the_home_the_user_scope_is_recommended_and_said(
    stage: SettledStage, repository: str, by_a_link: bool
) -> None:
    (stage.root / repository / ".git").mkdir()
    there = stage.home / "notes"
    there.mkdir()
    link = stage.root.with_name(f"{stage.root.name} link")
    link.symlink_to(stage.home)

    result = await stage.set_up(cwd=there, env={"HOME": str(link)} if by_a_link else None)

    assert (result.ok, result.scope) == (True, "user"), result.as_text()
    assert (
        "The user scope was chosen because the git repository here holds your home directory." in result.notes
    )


@pytest_twisted.ensureDeferred
async def test_a_repository_in_the_home_is_a_project(stage: SettledStage) -> None:
    repository = stage.home / "work"
    (repository / ".git").mkdir(parents=True)

    result = await stage.set_up(cwd=repository)

    assert (result.ok, result.scope) == (True, "project")


@pytest_twisted.ensureDeferred
async def test_a_person_is_recommended_the_user_scope_outside_of_repositories(stage: SettledStage) -> None:
    elsewhere = stage.root / "elsewhere"
    elsewhere.mkdir()
    person = Person(answers="\n")

    result = await stage.set_up(model=KIMI.id, yes=False, person=person, cwd=elsewhere)

    assert (result.ok, result.scope) == (True, "user")
    assert person.screen.getvalue().endswith("Scope [1]: ")
