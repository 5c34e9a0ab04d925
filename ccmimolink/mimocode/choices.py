"""Which model, and for whom: what was asked for, what is recommended, and what a person picks.

Owns the recommended defaults and the two questions. It must not decide for somebody who did not ask for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ccmimolink.mimocode.catalog import CatalogModel
from ccmimolink.mimocode.errors import Code, SetupError, Source, blocked
from ccmimolink.mimocode.layers import Where
from ccmimolink.mimocode.provider import Places, Provider
from ccmimolink.mimocode.terminal import Terminal

_QUESTIONS = 3


class Scope(StrEnum):
    USER = "user"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says.

    :ivar yes: take what is recommended wherever nothing is said.
    :ivar key_from_stdin: stdin holds the key, and can answer no question.
    """

    scope: Scope | None = None
    model: str | None = None
    yes: bool = False
    key_from_stdin: bool = False


def check_answerable(asked: Asked, terminal: Terminal) -> None:
    """See beforehand that each choice is made, or that there is somebody to make it.

    :raises SetupError: it is not, and there is nobody.
    """
    missing = [
        option
        for option, value in (("--scope", asked.scope), ("--model", asked.model))
        if value is None and not asked.yes
    ]
    if not missing or (terminal.is_interactive and not asked.key_from_stdin):
        return
    why = "Stdin holds the key, so" if asked.key_from_stdin else "There is no terminal, so"
    raise blocked(
        Code.NON_INTERACTIVE_CHOICE_REQUIRED,
        Source.CLI,
        f"{why} nobody can be asked for {' and '.join(missing)}. Give {' and '.join(missing)}, or --yes for "
        "what is recommended.",
    )


def recommended_model(provider: Provider, catalog: Sequence[CatalogModel]) -> str:
    """The first one whose workflow was validated, else the gateway's first."""
    for model in catalog:
        if model.id in provider.validated:
            return model.id
    return catalog[0].id


def choose_model(
    provider: Provider, catalog: Sequence[CatalogModel], asked: Asked, terminal: Terminal
) -> str:
    """:raises SetupError: the catalog does not have it."""
    if asked.model is not None:
        if asked.model not in {model.id for model in catalog}:
            raise _unsupported(provider, catalog, asked.model)
        return asked.model
    recommended = recommended_model(provider, catalog)
    return recommended if asked.yes else _picked_model(provider, catalog, recommended, terminal)


def _unsupported(provider: Provider, catalog: Sequence[CatalogModel], asked: str) -> SetupError:
    near = [
        model.id
        for model in catalog
        if model.id.endswith(f"/{asked}") or provider.model_reference(model.id) == asked
    ]
    hint = f"Did you mean {near[0]}?" if near else "Run it without --model to choose from the list."
    return blocked(
        Code.UNSUPPORTED_MODEL,
        Source.MODEL_REGISTRY,
        f"--model is not an id in {provider.name}'s catalog. An id is given whole and exactly. {hint}",
    )


def _picked_model(
    provider: Provider, catalog: Sequence[CatalogModel], recommended: str, terminal: Terminal
) -> str:
    terminal.say(f"{provider.name} models:")
    for number, model in enumerate(catalog, 1):
        mark = "  validated with MiMoCode" if model.id in provider.validated else ""
        terminal.say(f"  {number:>2}) {model.id}{mark}")
    default = [model.id for model in catalog].index(recommended) + 1
    by_id = {model.id: model.id for model in catalog}
    by_number = {str(number): model.id for number, model in enumerate(catalog, 1)}
    # An id may be a number too; the list shows the numbers in front.
    return _answer(f"Model, by number or id [{default}]: ", by_id | by_number, recommended, terminal)


def recommended_scope(where: Where, places: Places) -> tuple[Scope, str]:
    """With the reason. A repository that the key's file lies in, such as a home directory, is no project."""
    if where.repository is None:
        return Scope.USER, "this directory is in no git repository"
    if places.root.resolve().is_relative_to(where.repository):
        return Scope.USER, "the git repository here holds your home directory"
    return Scope.PROJECT, "this directory is in a git repository"


def choose_scope(where: Where, places: Places, asked: Asked, terminal: Terminal) -> tuple[Scope, str | None]:
    """:returns: the scope, and why, where it was chosen for the user."""
    if asked.scope is not None:
        return asked.scope, None
    recommended, reason = recommended_scope(where, places)
    if asked.yes:
        return recommended, reason
    terminal.say("Use the model")
    terminal.say("   1) user: wherever you start mimo")
    terminal.say(f"   2) project: in {where.project} only; what is written there holds no secret")
    answers = {"1": Scope.USER, "user": Scope.USER, "2": Scope.PROJECT, "project": Scope.PROJECT}
    default = "1" if recommended is Scope.USER else "2"
    return Scope(_answer(f"Scope [{default}]: ", answers, recommended, terminal)), None


def _answer(question: str, answers: Mapping[str, str], default: str, terminal: Terminal) -> str:
    """:raises SetupError: none of several answers could be understood."""
    for _ in range(_QUESTIONS):
        answer = terminal.ask(question)
        if not answer:
            return default
        if answer in answers:
            return answers[answer]
        terminal.say("That is not one of them.")
    raise blocked(
        Code.USAGE_ERROR, Source.CLI, "There was no answer that could be used. Run this again to choose."
    )
