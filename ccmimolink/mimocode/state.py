"""What is remembered of the last setup that was proved.

Owns the file's form, and which model choices in MiMoCode's files are ours to take out again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ccmimolink.mimocode.choices import Scope
from ccmimolink.mimocode.provider import TRANSPORT, Audited, Provider

VERSION = 1


@dataclass(frozen=True, slots=True)
class Activation:
    """A file in which we chose the model.

    :ivar reference: as it was written there.
    :ivar keys: under which we wrote it; not those under which the user had it already.
    :ivar created: whether the file was not there before us.
    """

    path: Path
    reference: str
    keys: tuple[str, ...]
    created: bool

    def holds(self, key: str, value: object) -> bool:
        """Whether what is found under a key is still what we wrote there."""
        return key in self.keys and value == self.reference


@dataclass(frozen=True, slots=True)
class State:
    """
    :ivar reference: the model that the last setup chose; None before the first one.
    """

    activations: tuple[Activation, ...] = ()
    reference: str | None = None

    def activation_in(self, path: Path) -> Activation | None:
        return next((one for one in self.activations if one.path == path), None)

    def with_activation(self, activation: Activation) -> State:
        others = self.without(activation.path).activations
        return replace(self, activations=(*others, activation))

    def without(self, path: Path) -> State:
        return replace(self, activations=tuple(one for one in self.activations if one.path != path))


class StateError(Exception):
    """What is there is no state of ours."""


def read_state(content: bytes | None) -> State:
    """:raises StateError: it cannot be understood."""
    if content is None:
        return State()
    try:
        document = json.loads(content)
        activations = tuple(map(_activation, document["activations"]))
        if document["schemaVersion"] != VERSION:
            raise StateError
        return State(activations, str(document["managedModelRef"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StateError from None


def _activation(value: Any) -> Activation:
    keys = tuple(map(str, value["keys"]))
    return Activation(Path(value["path"]), str(value["modelRef"]), keys, value["created"] is True)


@dataclass(frozen=True, slots=True)
class Installed:
    """What a setup did.

    :ivar at: the time of its proof, ISO 8601.
    :ivar mimocode: the version that it was proved with.
    :ivar global_target: the user's configuration that was written.
    :ivar project_target: the project's, if one was.
    """

    installer: str
    at: str
    mimocode: str
    scope: Scope
    model: str
    global_target: Path
    project_target: Path | None


def state_file(
    installed: Installed,
    state: State,
    activations: Sequence[Activation],
    provider: Provider,
    audited: Audited,
) -> bytes:
    """:param state: as it was before."""
    reference = provider.model_reference(installed.model)
    document = {
        "schemaVersion": VERSION,
        "installerVersion": installed.installer,
        "lastDurableSetupAt": installed.at,
        "mimoCodeVersion": installed.mimocode,
        "auditedMimoCodeBaseline": audited.version,
        "providerPackage": provider.package,
        "transport": TRANSPORT,
        "scope": installed.scope,
        "selectedModelKey": installed.model,
        "managedModelRef": reference,
        "previousManagedModelRef": state.reference,
        "globalConfigTarget": str(installed.global_target),
        "projectConfigTarget": None if installed.project_target is None else str(installed.project_target),
        "activations": [
            {
                "path": str(one.path),
                "modelRef": one.reference,
                "keys": list(one.keys),
                "created": one.created,
            }
            for one in activations
        ],
    }
    present = {name: value for name, value in document.items() if value is not None}
    return (json.dumps(present, indent=2) + "\n").encode()
