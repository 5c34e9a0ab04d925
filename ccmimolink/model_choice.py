"""What the running proxy and ``ccmimolink-model`` tell each other of the choice of the model.

Owns the form of the control endpoint's bodies, which choice is in force, and which names are taken. It must
not change a choice, and it must not read or send anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec import Struct

from ccmimolink.core.models import LONG_WINDOW, ModelTable

CONTROL_PATH = "/control/model"
CONTROL_HEADER = "X-Ccmimolink-Control-Token"
COMMAND = "ccmimolink-model"
"""The origin of a choice that was made while a proxy ran, or for its next start."""

DEFAULT = "default"
"""The origin of a model that nobody chose."""

_LONGEST = 100
_NAME = re.compile(r"[!-~]+")
_KEY = re.compile(r"(sk|tp|ttp|api)-|eyJ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Choice:
    """The model for text requests.

    :ivar origin: what a person would change to change it: an option, a variable, the command, or nothing yet.
    """

    model: str
    origin: str

    @property
    def chosen(self) -> bool:
        """Whether it wins over what a request asks for."""
        return self.origin != DEFAULT


def start_choice(model: str, origin: str) -> Choice:
    """What a start's own settings say.

    :param origin: the option or variable that names the model; empty for none.
    """
    return Choice(model.removesuffix(LONG_WINDOW), origin or DEFAULT)


def in_force(start: Choice, remembered: str | None) -> Choice:
    """The choice that a start begins with.

    :param start: what its option or variable says. It wins: it was given for this very start.
    :param remembered: what the command chose before.
    """
    if start.chosen or remembered is None:
        return start
    return Choice(remembered, COMMAND)


class PriceFacts(Struct, frozen=True):
    currency: str
    input: float
    cached: float
    output: float


class ModelFacts(Struct, frozen=True):
    """A model that can be offered, as :class:`ccmimolink.core.models.Model` has it."""

    name: str
    modalities: list[str]
    context_window: int
    max_output: int
    prices: list[PriceFacts]
    successor: str | None = None


class ModelState(Struct, frozen=True, kw_only=True):
    """The body of an answer.

    :ivar start_model: what ``reset`` goes back to, with its origin.
    :ivar remembered: the choice that the next start finds.
    :ivar forgets: why this proxy's choices end with it; empty where they do not.
    :ivar complaint: why the change that was asked for could not be remembered.
    :ivar upstream: the models that MiMo lists, if that was asked for and could be had.
    :ivar no_upstream: why not.
    """

    model: str
    chosen: bool
    origin: str
    start_model: str
    start_origin: str
    vision_model: str
    models: list[ModelFacts]
    remembered: str | None = None
    forgets: str = ""
    complaint: str = ""
    upstream: list[str] | None = None
    no_upstream: str = ""


def state_of(
    choice: Choice,
    start: Choice,
    table: ModelTable,
    *,
    vision_model: str,
    remembered: str | None,
    forgets: str,
    complaint: str = "",
) -> ModelState:
    return ModelState(
        model=choice.model,
        chosen=choice.chosen,
        origin=choice.origin,
        start_model=start.model,
        start_origin=start.origin,
        vision_model=vision_model,
        models=facts_of(table),
        remembered=remembered,
        forgets=forgets,
        complaint=complaint,
    )


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a change.

    :ivar model: None goes back to what the start chose.
    :ivar force: take a name of which nothing is known.
    """

    model: str | None
    force: bool = False


def facts_of(table: ModelTable) -> list[ModelFacts]:
    return [
        ModelFacts(
            name=model.name,
            modalities=sorted(model.modalities),
            context_window=model.context_window,
            max_output=model.max_output,
            prices=[
                PriceFacts(price.currency, price.input, price.cached, price.output) for price in model.prices
            ],
            successor=model.successor,
        )
        for model in table
    ]


def name_of_model(text: str) -> str:
    """The name that is meant.

    :raises ValueError: it can be none. The message is a sentence that does not repeat it: it may be a key.
    """
    name = text.strip().removesuffix(LONG_WINDOW)
    if not name or len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise ValueError(
            f"A model's name is 1 to {_LONGEST} letters, digits and signs without a blank, say mimo-v2.5."
        )
    if _KEY.match(name):
        raise ValueError(
            "What was given as the model's name looks like a key (it is not shown). Name a model."
        )
    return name


def is_listed(name: str, table: ModelTable) -> bool:
    """Whether the table alone is enough to take the name."""
    model = table.get(name)
    return model is not None and model.listed


def refusal(name: str, table: ModelTable, upstream: Sequence[str] | None, no_upstream: str) -> str | None:
    """Why a name is not taken without force, or None. It does not repeat the name.

    :param upstream: what MiMo lists; None where that is not known.
    :param no_upstream: why not, as a sentence.
    """
    if is_listed(name, table) or name in (upstream or ()):
        return None
    if table.get(name) is not None and (successor := _last_successor(name, table)) is not None:
        return f"MiMo has retired this model. Its successor is {successor}. --force takes it all the same."
    known = ", ".join(dict.fromkeys([*_names(table), *(upstream or ())]))
    where = "is neither in the table of models nor in MiMo's list"
    if upstream is None:
        where = (
            f"is not in the table of models, and MiMo's own list could not be had ({no_upstream.rstrip('.')})"
        )
    return f"This name {where}. Known are {known}. --force takes it all the same."


def _names(table: ModelTable) -> Iterable[str]:
    return (model.name for model in table)


def _last_successor(name: str, table: ModelTable) -> str | None:
    """The first of its successors that is offered; a chain of the table has an end."""
    following = table.successor(name)
    while following is not None and not is_listed(following, table):
        following = table.successor(following)
    return following
