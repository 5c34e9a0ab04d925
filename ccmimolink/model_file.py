"""The table of models with a file of the user's over it.

Owns the file's form and what is said of a mistake in it. It must not decide which model a request gets.

The file is TOML with a table for each model::

    [models."mimo-v3"]
    modalities = ["text", "image"]     # needed for a model that is not known here
    context_window = 2_000_000         # tokens
    max_output = 131_072               # tokens
    json_schema = true                 # takes response_format json_schema
    successor = "mimo-v4"              # asked in its place once it is retired

    [models."mimo-v3".prices.USD]      # of a million tokens; a table for each currency
    input = 0.14
    cached = 0.0028                    # input that MiMo had cached; as other input where it is left out
    output = 0.28

A row for a model that is known here changes what it names and leaves the rest; its prices change as a whole.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ccmimolink.core.models import BUILTIN_MODELS, Model, ModelTable, Price
from ccmimolink.setting_values import path, word

_Tokens = Annotated[int, Meta(ge=1, le=10**9)]
_Name = Annotated[str, Meta(min_length=1)]
_Amount = Annotated[float, Meta(ge=0, le=10**6)]
_CURRENCY = re.compile(r"[A-Z]{3}")
_Modality = Literal["text", "image", "audio", "video"]


class _PriceRow(Struct, forbid_unknown_fields=True):
    input: _Amount
    output: _Amount
    cached: _Amount | UnsetType = UNSET


class _Row(Struct, forbid_unknown_fields=True):
    modalities: Annotated[list[_Modality], Meta(min_length=1)] | UnsetType = UNSET
    context_window: _Tokens | UnsetType = UNSET
    max_output: _Tokens | UnsetType = UNSET
    json_schema: bool | UnsetType = UNSET
    successor: _Name | UnsetType = UNSET
    prices: dict[str, Any] | UnsetType = UNSET


def model_table(text: str) -> ModelTable:
    """The parser of a setting: the table that the file at this path makes, or ours if there is no path.

    :raises ValueError: the file cannot be read, or something in it cannot be used. The message names both, as
        the rest of a sentence that begins with the setting's name.
    """
    if not text:
        return BUILTIN_MODELS
    file = path(text)
    try:
        return BUILTIN_MODELS.extended(_models(_rows(file)))
    except _Mistake as mistake:
        raise ValueError(f"names the file {str(file)[:200]!r}: {mistake}") from None


class _Mistake(Exception):
    """What is wrong with the file, as a sentence."""


def _rows(file: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(file.read_bytes().decode()) if file.is_file() else None
    except OSError as error:
        raise _Mistake(f"it cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Mistake(f"it is not TOML ({error}).") from None
    if document is None:
        raise _Mistake("there is no such file.")
    for key in document:
        if key != "models":
            raise _Mistake(f'the key {key} is not known. Write a table for each model: [models."name"].')
    rows = document.get("models", {})
    if not isinstance(rows, dict):
        raise _Mistake('models is no table. Write a table for each model: [models."name"].')
    return rows


def _models(rows: dict[str, Any]) -> list[Model]:
    models = [_model(name, row) for name, row in rows.items()]
    table = BUILTIN_MODELS.extended(models)
    for model in models:
        _check_succession(model.name, table)
    return models


def _model(name: str, row: object) -> Model:
    key = f'models."{name}"'
    try:
        word(name or " ")
        given = msgspec.structs.asdict(msgspec.convert(row, _Row))
    except ValueError as error:
        hint = ""
        if isinstance(row, dict) and any(isinstance(row[field], dict) for field in row if field != "prices"):
            hint = ' A name with a dot in it needs quotes: [models."mimo-v2.5"].'
        raise _mistake(key, error, hint) from None
    given = {field: value for field, value in given.items() if value is not UNSET}
    if "modalities" in given:
        given["modalities"] = frozenset(given["modalities"])
    if "prices" in given:
        given["prices"] = tuple(_price(f"{key}.prices", *each) for each in given["prices"].items())
    known = BUILTIN_MODELS.get(name)
    if known is None and "modalities" not in given:
        raise _Mistake(f'{key}.modalities is missing. Say what the model takes, say modalities = ["text"].')
    base = {} if known is None else {field: getattr(known, field) for field in _Row.__struct_fields__}
    return Model(name=name, **(base | given))


def _price(key: str, currency: str, row: object) -> Price:
    if not _CURRENCY.fullmatch(currency):
        raise _Mistake(
            f"{key}: {currency[:40]!r} is no currency. Write a table for each, say [{key}.USD], with three "
            "capital letters."
        )
    try:
        price = msgspec.convert(row, _PriceRow)
    except ValueError as error:
        raise _mistake(f"{key}.{currency}", error) from None
    return Price(currency, price.input, price.input if price.cached is UNSET else price.cached, price.output)


def _mistake(key: str, error: ValueError, hint: str = "") -> _Mistake:
    what, _, where = str(error).replace("`", "'").partition(" - at '$")
    return _Mistake(f"{key}{where.rstrip(chr(39))}: {what.rstrip('.')}.{hint}")


def _check_succession(name: str, table: ModelTable) -> None:
    """Retired models are followed to their successors, so the chain has to have an end."""
    seen = [name]
    while (following := table.successor(seen[-1])) is not None:
        if following in seen:
            raise _Mistake(f'models."{name}".successor leads back: {" -> ".join([*seen, following])}.')
        seen.append(following)
