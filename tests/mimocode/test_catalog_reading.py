"""What is taken for a catalog, and what is not."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.mimocode.catalog import MAX_ID, CatalogModel, read_catalog
from ccmimolink.mimocode.errors import Blocker, Code, SetupError, Source
from tests.mimocode.gateway_api import KIMI, MODELS

MARK = "said-by-the-gateway"


def listing(*items: object) -> bytes:
    return json.dumps({"object": "list", "data": items}).encode()


def refusal(body: bytes) -> Blocker:
    with pytest.raises(SetupError) as caught:
        read_catalog(body)
    assert MARK not in "".join(traceback.format_exception(caught.value))
    (blocker,) = caught.value.blockers
    assert blocker.source is Source.MODEL_REGISTRY
    assert MARK not in repr(blocker)
    return blocker


def test_the_models_come_in_the_gateways_order() -> None:
    models = read_catalog(listing(*MODELS))

    assert [model.id for model in models] == [model["id"] for model in MODELS]
    assert models[1] == CatalogModel(KIMI, 262144)


def test_a_model_that_is_listed_twice_is_there_once_where_it_came_first() -> None:
    models = read_catalog(listing({"id": "b", "context_length": 1}, {"id": "a"}, {"id": "b"}))

    assert models == (CatalogModel("b", 1), CatalogModel("a", None))


def test_what_else_an_entry_says_does_not_matter() -> None:
    models = read_catalog(listing({"id": "a", "pricing": {"input": [1.5, None]}, "name": ["no", "text"]}))

    assert models == (CatalogModel("a", None),)


@pytest.mark.parametrize("length", [1, 262144, 2**53 - 1])
def test_a_published_context_length_is_kept(length: int) -> None:
    assert read_catalog(listing({"id": "a", "context_length": length})) == (CatalogModel("a", length),)


@pytest.mark.parametrize("length", [0, -1, 2**53, True, False, 262144.0, "262144", None, [1], {}])
def test_what_can_be_no_context_length_is_none(length: object) -> None:
    assert read_catalog(listing({"id": "a", "context_length": length})) == (CatalogModel("a", None),)


def test_no_other_name_of_a_context_length_is_read() -> None:
    assert read_catalog(listing({"id": "a", "context_window": 5})) == (CatalogModel("a", None),)


@pytest.mark.parametrize(
    "name", ["a", "moonshotai/kimi-k2.6", "a/b/c:free", "modèle", "模型", "m" * MAX_ID, "{a}", "env:A"]
)
def test_a_usable_id(name: str) -> None:
    assert read_catalog(listing({"id": name})) == (CatalogModel(name, None),)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        f"{MARK} x",
        f" {MARK}",
        f"{MARK}\n",
        f"{MARK}\t",
        f"{MARK}\0",
        f"{MARK}\x1b[31m",
        f"{MARK}\x7f",
        f"{MARK}\x85",
        f"{MARK}\u00a0",
        f"{MARK}\u2028",
        f"{MARK}\u200b",
        f"{MARK}\u202e",
        f"{MARK}\ufeff",
        f"{MARK}\ud800",
        "m" * (MAX_ID + 1),
        f"{MARK}{{env:HOME}}",
        f"{MARK}{{file:~/.ssh/id_rsa}}",
        "__proto__",
        None,
        5,
        True,
        ["a"],
        {"id": "a"},
    ],
    ids=repr,
)
def test_one_unusable_id_spoils_the_catalog_and_is_named_by_its_place(name: object) -> None:
    blocker = refusal(listing({"id": "a"}, {"id": name}))

    assert blocker.code is Code.CATALOG_PARSE_FAILED
    assert "entry 1" in blocker.message


@pytest.mark.parametrize("item", [{}, None, "a", 5, ["id", "a"], {"ID": "a"}])
def test_an_entry_that_is_no_model(item: object) -> None:
    blocker = refusal(listing(item))

    assert blocker.code is Code.CATALOG_PARSE_FAILED
    assert "entry 0" in blocker.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"list"',
        b"5",
        b"{}",
        f"<html>{MARK}</html>".encode(),
        b'{"object":"list"}',
        b'{"object":"list","data":null}',
        b'{"object":"list","data":{"id":"a"}}',
        b'{"object":"List","data":[{"id":"a"}]}',
        b'{"data":[{"id":"a"}]}',
        b'{"object":["list"],"data":[{"id":"a"}]}',
        b'{"object":"list","data":[{"id":"a"}]',
        b'{"object":"list","data":[{"id":"a"}]} x',
        b'\xef\xbb\xbf{"object":"list","data":[{"id":"a"}]}',
        '{"object":"list","data":[{"id":"é"}]}'.encode("latin-1"),
        '{"object":"list","data":[{"id":"a"}]}'.encode("utf-16"),
        b'{"object":"list","data":[{"id":"a","created":NaN}]}',
        b'{"object":"list","data":[{"id":"a","created":-Infinity}]}',
        b'{"object":"list","data":[{"id":"a","id":"b"}]}',
        b'{"object":"list","data":[],"data":[{"id":"a"}]}',
        b'{"object":"list","data":[{"id":"a","created":' + b"9" * 5000 + b"}]}",
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b'{"object":"list","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_no_catalog(body: bytes) -> None:
    assert refusal(body).code is Code.CATALOG_PARSE_FAILED


def test_a_catalog_without_models() -> None:
    assert refusal(listing()).code is Code.CATALOG_EMPTY


def test_an_error_says_which_answer_it_was() -> None:
    with pytest.raises(SetupError) as caught:
        read_catalog(b"", "status=200")

    assert caught.value.blockers[0].detail == "status=200"


def outcome(body: bytes) -> tuple[CatalogModel, ...] | SetupError:
    try:
        return read_catalog(body)
    except SetupError as error:
        return error


def check(body: bytes) -> None:
    """A catalog of usable ids, or a reason."""
    models = outcome(body)
    if isinstance(models, SetupError):
        assert models.blockers[0].code in (Code.CATALOG_PARSE_FAILED, Code.CATALOG_EMPTY)
        assert models.__context__ is None
        return
    ids = [model.id for model in models]
    assert ids
    assert len(set(ids)) == len(ids)
    assert all(0 < len(name) <= MAX_ID and len(name.split()) == 1 and name.isprintable() for name in ids)
    assert all(model.context_length is None or model.context_length > 0 for model in models)


@given(st.binary())
def test_no_bytes_do_any_harm(body: bytes) -> None:
    check(body)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
documents: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("id"), inner), max_leaves=20
)
entries = st.fixed_dictionaries(
    {"id": st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=300) | scalars},
    optional={"context_length": scalars, "name": documents},
)


@given(documents)
def test_no_document_does_any_harm(document: Any) -> None:
    check(json.dumps(document).encode())
    check(json.dumps({"object": "list", "data": document}).encode())


@given(st.lists(entries | documents))
def test_no_entries_do_any_harm(items: list[Any]) -> None:
    check(listing(*items))
