"""What is to be written into MiMoCode's configuration, as texts.

Owns the edits of both files and which model choices of ours are taken out again. It must not write anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ccmimolink.mimocode.choices import Scope
from ccmimolink.mimocode.jsonc_edit import with_value, without
from ccmimolink.mimocode.jsonc_text import BOM, JsoncError, is_blank, read_object
from ccmimolink.mimocode.layers import Content, Kind, Layer, Where, content_of, encoded, unreadable
from ccmimolink.mimocode.provider import SCHEMA_URL
from ccmimolink.mimocode.state import Activation, State
from ccmimolink.mimocode.wanted import MODEL_KEYS, Wanted

_SCHEMA = "$schema"
_ONLY_THE_SCHEMA = re.compile(r'\ufeff?\{("\$schema":"[^"]*",?)?\}')


@dataclass(frozen=True, slots=True)
class Change:
    """
    :ivar before: what the file was found to hold; None where it is not there.
    :ivar text: what the file is to hold; None where it is to be removed.
    """

    path: Path
    before: bytes | None = field(repr=False)
    text: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """
    :ivar changes: the user's configuration before the project's.
    :ivar contents: all layers as they will be then.
    :ivar activations: where the model will be chosen by us.
    :ivar stripped: the files from which a choice of ours is taken out.
    """

    changes: tuple[Change, ...]
    contents: tuple[Content, ...]
    activations: tuple[Activation, ...]
    stripped: tuple[Path, ...]


def make_plan(where: Where, contents: Sequence[Content], wanted: Wanted, scope: Scope, state: State) -> Plan:
    """
    :param contents: the layers that are there.
    :raises SetupError: a file cannot be edited.
    """
    planner = _Planner(where, contents, wanted, state)
    target = where.global_target()
    chosen_in = target if scope is Scope.USER else where.project_file
    planner.edit(target, planner.with_provider)
    if chosen_in != target:
        planner.edit(chosen_in, planner.with_schema)
    planner.choose(chosen_in)
    for path in planner.others_of_ours(chosen_in):
        planner.strip(path)
    return planner.plan()


class _Planner:
    def __init__(self, where: Where, contents: Sequence[Content], wanted: Wanted, state: State) -> None:
        self._where, self._wanted, self._state = where, wanted, state
        self._before = {content.layer.path: content.text for content in contents}
        self._texts: dict[Path, str | None] = dict(self._before)
        self._order: list[Path] = []
        self._stripped: list[Path] = []

    def edit(self, path: Path, editing: Callable[[str], str | None]) -> None:
        try:
            self._texts[path] = editing(self._texts.get(path) or "")
        except JsoncError as error:
            raise unreadable(path, str(error)) from None
        if path not in self._order:
            self._order.append(path)

    def with_schema(self, text: str) -> str:
        """Where none is named, ``mimo`` would write one into the file, in its own way."""
        if read_object(text).get(_SCHEMA):  # an empty one is none to it
            return text
        return with_value(text, [_SCHEMA], SCHEMA_URL, first=True)

    def with_provider(self, text: str) -> str:
        wanted = self._wanted
        reference = frozenset([wanted.provider.secret_reference])
        value = wanted.provider_value()
        return self.with_schema(with_value(text, wanted.provider_path, value, literal=reference))

    def choose(self, path: Path) -> None:
        reference = self._wanted.model_reference
        earlier = self._state.activation_in(path) if path in self._before else None
        ours: list[str] = []

        def chosen(text: str) -> str:
            present = read_object(text)
            for key in MODEL_KEYS:
                was_ours = earlier is not None and earlier.holds(key, present.get(key))
                if was_ours or present.get(key) != reference:
                    ours.append(key)
                text = with_value(text, [key], reference)
            return text

        self.edit(path, chosen)
        created = path not in self._before if earlier is None else earlier.created
        self._state = self._state.with_activation(Activation(path, reference, tuple(ours), created))

    def others_of_ours(self, chosen_in: Path) -> list[Path]:
        """Where else we chose the model at an earlier time: for the user, or in this very project."""
        here = {layer.path for layer in self._where.layers() if layer.kind is Kind.GLOBAL}
        here.add(self._where.project_file)
        ours = (one.path for one in self._state.activations)
        return [path for path in ours if path != chosen_in and path in here and path in self._before]

    def strip(self, path: Path) -> None:
        activation = self._state.activation_in(path)
        assert activation is not None

        def stripped(text: str) -> str | None:
            document = read_object(text)
            for key in MODEL_KEYS:
                if activation.holds(key, document.get(key)):
                    text = without(text, [key])
            emptied = _ONLY_THE_SCHEMA.fullmatch(re.sub(r"\s+", "", text))
            return None if activation.created and emptied else self.with_schema(text)

        self.edit(path, stripped)
        self._state = self._state.without(path)
        if self._texts[path] != self._before[path]:
            self._stripped.append(path)

    def plan(self) -> Plan:
        changed = [path for path in self._order if self._texts[path] != self._before.get(path)]
        contents = [
            _content_of(layer, text)
            for layer in self._where.layers()
            if (text := self._texts.get(layer.path)) is not None
        ]
        return Plan(
            changes=tuple(Change(path, self._found(path), self._texts[path]) for path in changed),
            contents=tuple(contents),
            activations=self._state.activations,
            stripped=tuple(self._stripped),
        )

    def _found(self, path: Path) -> bytes | None:
        text = self._before.get(path)
        return None if text is None else encoded(text)


def _content_of(layer: Layer, text: str) -> Content:
    """:raises SetupError: it is left as it is, and MiMoCode would not take it."""
    if text.removeprefix(BOM) and is_blank(text):
        raise unreadable(layer.path, "holds nothing but blanks, which is no JSON to MiMoCode")
    return content_of(layer, text)
