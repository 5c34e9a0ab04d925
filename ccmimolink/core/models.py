"""What each MiMo model accepts, as one table.

Owns the table and look-ups in it. It must not decide which model a request gets: that is a transform's.

Source: the vendor's model and price pages (windows, output caps, modalities) and its retirement notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONG_WINDOW = "[1m]"
"""Clients write it behind a name to ask for the window of a million tokens, which every MiMo model has."""

_TEXT = frozenset({"text"})
_ALL = frozenset({"text", "image", "audio", "video"})


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost in one currency, at the prices of pay as you go."""

    currency: str
    input: float
    cached: float
    output: float

    def of(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> float:
        """:param cached_tokens: those of the input that MiMo had cached."""
        fresh = input_tokens - cached_tokens
        return (fresh * self.input + cached_tokens * self.cached + output_tokens * self.output) / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model.

    :ivar modalities: the kinds of input it takes.
    :ivar context_window: tokens, input and output together.
    :ivar max_output: tokens, the highest ``max_completion_tokens`` that is accepted.
    :ivar json_schema: whether it takes ``response_format: json_schema``; others are told the schema in words.
    :ivar successor: what the vendor names in its place once it is retired.
    :ivar prices: one for each currency; none where they are not known.
    :ivar listed: whether to offer it; one that was retired is known only so that its successor is.
    """

    name: str
    modalities: frozenset[str]
    context_window: int = 1_048_576
    max_output: int = 131_072
    json_schema: bool = False
    successor: str | None = None
    prices: tuple[Price, ...] = ()
    listed: bool = True


class ModelTable:
    """The known models. An unknown name is a model of which nothing is known."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models = {model.name: model for model in models}

    def __iter__(self) -> Iterator[Model]:
        """The models that can be offered, in the order to list them."""
        return (model for model in self._models.values() if model.listed)

    def get(self, name: str) -> Model | None:
        return self._models.get(name)

    def extended(self, models: Iterable[Model]) -> ModelTable:
        """A table with these models too; one whose name is known already takes that one's place."""
        return ModelTable([*(self._models | {model.name: model for model in models}).values()])

    def takes(self, name: str, modality: str) -> bool:
        """Whether the model takes this kind of input. An unknown model is given the benefit of the doubt."""
        model = self._models.get(name)
        return model is None or modality in model.modalities

    def successor(self, name: str) -> str | None:
        """What to ask in place of a model that the upstream no longer has. It may have one in turn."""
        model = self._models.get(name)
        return None if model is None else model.successor


_PRO = (Price("USD", 0.435, 0.0036, 0.87), Price("CNY", 3, 0.025, 6))
_FLASH = (Price("USD", 0.14, 0.0028, 0.28), Price("CNY", 1, 0.02, 2))


def _retired(
    name: str, modalities: frozenset[str], successor: str, *, context_window: int = 1_048_576
) -> Model:
    return Model(
        name=name, modalities=modalities, successor=successor, context_window=context_window, listed=False
    )


BUILTIN_MODELS = ModelTable(
    (
        Model(name="mimo-v2.6-pro", modalities=_ALL, prices=_PRO),
        Model(name="mimo-v2.6-flash", modalities=_ALL, prices=_FLASH),
        Model(name="mimo-v2.5-pro", modalities=_TEXT, successor="mimo-v2.6-pro", prices=_PRO),
        Model(name="mimo-v2.5", modalities=_ALL, successor="mimo-v2.6-flash", prices=_FLASH),
        _retired("mimo-v2.5-pro-ultraspeed", _TEXT, "mimo-v2.5-pro"),
        _retired("mimo-v2-pro", _TEXT, "mimo-v2.5-pro"),
        _retired("mimo-v2-omni", _ALL, "mimo-v2.5", context_window=262_144),
        _retired("mimo-v2-flash", _TEXT, "mimo-v2.5", context_window=262_144),
    )
)
