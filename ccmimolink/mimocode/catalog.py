"""The models that the provider offers to the owner of a key.

Owns what is taken for a catalog. No word of an answer gets into an error, and it must not choose a model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from ccmimolink.mimocode.errors import Code, SetupError, Source, blocked

MAX_ID = 256
"""Characters of a model's id. The longest known one has 40."""

_SUBSTITUTED = ("{env:", "{file:")
"""What MiMoCode replaces wherever it stands in a configuration: an id with it would read the user's files."""


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """
    :ivar context_length: in tokens, as published; None where the catalog says nothing that can be one.
    """

    id: str
    context_length: int | None


def unavailable(message: str, detail: str | None, code: Code = Code.CATALOG_FETCH_FAILED) -> SetupError:
    return blocked(code, Source.MODEL_REGISTRY, message, detail)


def read_catalog(body: bytes, detail: str | None = None) -> tuple[CatalogModel, ...]:
    """The models that a catalog lists, in its order, each once.

    :param detail: of the answer, for an error.
    :raises SetupError: it is none, it lists none, or one of them could not be written into a configuration.
    """
    document = parsed(body)
    if not isinstance(document, dict) or document.get("object") != "list":
        raise _unreadable("it is no list", detail)
    items = document.get("data")
    if not isinstance(items, list):
        raise _unreadable("its data is no list", detail)
    models: dict[str, CatalogModel] = {}
    for index, item in enumerate(items):
        model = _model(item)
        if model is None:
            raise _unreadable(f"its entry {index} has no usable id", detail)
        models.setdefault(model.id, model)
    if not models:
        message = "The model catalog lists no models. Look at the account, or run the setup again later."
        raise unavailable(message, detail, Code.CATALOG_EMPTY)
    return tuple(models.values())


def _unreadable(why: str, detail: str | None) -> SetupError:
    message = f"The model catalog could not be understood: {why}. Run the setup again later, or a newer one."
    return unavailable(message, detail, Code.CATALOG_PARSE_FAILED)


def parsed(body: bytes) -> Any:
    """The document, or None. Neither a constant that JSON lacks nor a key given twice passes."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is given twice")
    return members


def _model(item: object) -> CatalogModel | None:
    if not isinstance(item, dict) or not _is_usable(item.get("id")):
        return None
    length = item.get("context_length")
    # A bool is an int to Python, and from 2**53 on MiMoCode's numbers have gaps.
    is_length = type(length) is int and 0 < length < 2**53
    return CatalogModel(item["id"], length if is_length else None)


def _is_usable(name: object) -> bool:
    """Whether an id can be a key of a configuration and a word on a command line."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_ID
        and name.isprintable()
        and " " not in name
        and not any(text in name for text in _SUBSTITUTED)
        and name != "__proto__"
    )
