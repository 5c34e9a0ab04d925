"""``GET /openapi.json``: a valid document, about all that there is, and true of what is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from twisted.web.resource import Resource
from twisted.web.test.requesthelper import DummyRequest

from ccmimolink.core.errors import Failure, FailureKind, Profile, http_answer
from ccmimolink.web.endpoint import Endpoint
from ccmimolink.web.openapi import openapi_json
from tests.fuzz.described import Described
from tests.http_wire import Reply
from tests.memory_proxy import MemoryProxy

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def described() -> Described:
    return Described()


# -- the document -------------------------------------------------------------------------------------------


def test_it_is_a_valid_document(described: Described) -> None:
    validate(described.document, cls=OpenAPIV31SpecValidator)


def test_every_shape_in_it_is_used(described: Described) -> None:
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described.document)))
    assert set(described.document["components"]["schemas"]) == used


def test_its_words_are_for_who_reads_json(described: Described) -> None:
    assert "``" not in json.dumps(described.document)
    assert ":class:" not in json.dumps(described.document)


def allowed(resource: object, path: str) -> Iterator[tuple[str, str]]:
    """What can be asked of a resource and of all below it."""
    if isinstance(resource, Endpoint) and resource.described:
        yield from ((method.decode(), path) for method in resource.allowed)
    if not isinstance(resource, Resource) or resource.isLeaf:
        return
    for name, child in resource.children.items():
        yield from allowed(child, f"{path}/{name.decode()}")
    if path.startswith("/v1/responses"):
        for name in ("input_items",) if "{" in path else ("{response_id}",):
            child = resource.getChild(name.encode(), DummyRequest([]))
            if child is not resource and path.count("/") < 4:
                yield from allowed(child, f"{path}/{name}")


def test_it_has_every_endpoint_and_nothing_else(described: Described, proxy: MemoryProxy) -> None:
    assert described.operations() == set(allowed(proxy.graph.site.resource, ""))


def test_the_readme_lists_the_same_endpoints(described: Described) -> None:
    rows = re.findall(r"^\| `([A-Z]+) (/\S+)` \|", README.read_text(), re.MULTILINE)
    assert {
        (method, path.replace("{id}", "{response_id}")) for method, path in rows
    } == described.operations()


def test_a_path_that_is_not_there_is_told_all_that_are(described: Described, proxy: MemoryProxy) -> None:
    message = proxy.ask("GET", "/nowhere").reply.error()["message"]
    for _, path in described.operations():
        assert re.search(rf"{re.escape(path.replace('response_id', 'id'))}[ ,.]", message), path


# -- its endpoint -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("originator", ["", "codex_exec"])
def test_it_is_served_as_json(proxy: MemoryProxy, originator: str) -> None:
    reply = proxy.ask("GET", "/openapi.json", originator=originator).reply
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.body == openapi_json()
    assert proxy.upstream == []


def test_it_is_made_once() -> None:
    assert openapi_json() is openapi_json()


def test_a_web_page_does_not_get_it(proxy: MemoryProxy) -> None:
    assert proxy.ask("GET", "/openapi.json", origin="http://evil.example").reply.status == 403


def test_it_cannot_be_written(proxy: MemoryProxy) -> None:
    reply = proxy.ask("PUT", "/openapi.json").reply
    assert (reply.status, reply.headers["allow"]) == (405, "GET")


# -- failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", Profile, ids=lambda profile: profile.value)
@pytest.mark.parametrize(
    "kind", [kind for kind in FailureKind if kind is not FailureKind.METHOD_NOT_ALLOWED], ids=lambda k: k.name
)
def test_every_failure_is_described_where_it_can_happen(
    described: Described, kind: FailureKind, profile: Profile
) -> None:
    made = http_answer(Failure(kind, "Why.", param="input", retry_after=2.5), profile)
    reply = Reply(made.status, dict(made.headers), made.body, complete=True, rest=b"")
    method, path = {
        FailureKind.COMPACT_UNSUPPORTED: ("POST", "/v1/responses/compact"),
        FailureKind.NOT_FOUND: ("GET", "/v1/responses/resp_1"),
    }.get(kind, ("POST", "/v1/responses"))
    described.check(method, path, reply)
    if kind in (FailureKind.FORBIDDEN, FailureKind.BODY_TOO_LARGE, FailureKind.HEAD_TOO_LARGE):
        for each in described.operations():
            described.check(*each, reply)


def test_a_status_with_the_code_of_another_is_not_described(described: Described) -> None:
    made = http_answer(Failure(FailureKind.KEY_MISSING, "Why."), Profile.GENERIC)
    reply = Reply(402, dict(made.headers), made.body, complete=True, rest=b"")
    with pytest.raises(AssertionError, match="missing_api_key"):
        described.check("POST", "/v1/responses", reply)
