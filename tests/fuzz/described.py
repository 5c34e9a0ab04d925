"""What ``GET /openapi.json`` says, as a judge of answers.

Owns the look-up of an operation and the validation of a reply against it. It must not know what the proxy
means to answer: the document alone counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import jsonschema_rs

from ccmimolink.web.openapi import openapi_json
from tests.checker import read_events
from tests.http_wire import Reply

METHODS = ("get", "post", "delete", "put", "patch")

_OPEN = {"StoredItem", "ServerSentEvent"}
"""Shapes of answers that may hold more than they say."""


class Described:
    """The operations of the document, each with validators of what it may answer.

    :param strict: whether members that the document does not name are refused in answers.
    """

    def __init__(self, *, strict: bool = True) -> None:
        self.document: dict[str, Any] = json.loads(openapi_json())
        self._schemas = deepcopy(self.document["components"]["schemas"])
        if strict:
            for name in self.answer_shapes() - _OPEN:
                if "properties" in self._schemas[name]:
                    self._schemas[name]["additionalProperties"] = False
        self._validators: dict[str, jsonschema_rs.Validator] = {}
        # A path without a variable comes before one with, as OpenAPI has it.
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path)
            for path in sorted(self.document["paths"], key=lambda path: "{" in path)
        ]

    def operations(self) -> set[tuple[str, str]]:
        """Each method, in capitals, with its path."""
        paths = self.document["paths"].items()
        return {(m.upper(), path) for path, item in paths for m in item if m in METHODS}

    def answer_shapes(self) -> set[str]:
        """The names of all shapes that answers are made of."""
        found: set[str] = set()
        answers = [op["responses"] for item in self.document["paths"].values() for op in _operations(item)]
        waiting = [json.dumps(answers)]
        while waiting:
            for name in re.findall(r'"#/components/schemas/(\w+)"', waiting.pop()):
                if name not in found:
                    found.add(name)
                    waiting.append(json.dumps(self._schemas[name]))
        return found

    def operation(self, method: str, path: str) -> Mapping[str, Any] | None:
        """The operation that a request is for, or None where the document has none."""
        for pattern, template in self._paths:
            if pattern.fullmatch(path.partition("?")[0]):
                found: Mapping[str, Any] | None = self.document["paths"][template].get(method.lower())
                return found
        return None

    def check(self, method: str, path: str, reply: Reply) -> None:
        """See that the document has this answer.

        :raises AssertionError: it has not.
        """
        operation = self.operation(method, path)
        assert operation is not None, f"{method} {path} is not described"
        response = operation["responses"].get(str(reply.status))
        assert response is not None, f"{method} {path}: {reply.status} is not described: {reply.body!r}"
        kind = reply.headers.get("content-type", "").partition(";")[0]
        content = response["content"].get(kind)
        assert content is not None, f"{method} {path}: {reply.status} as {kind!r} is not described"
        if kind == "text/event-stream":
            for event in read_events(reply.body):
                self.validate({"$ref": "#/components/schemas/StreamEvent"}, event)
        elif kind == "application/json":
            self.validate(content["schema"], json.loads(reply.body))
        for name, header in response.get("headers", {}).items():
            if name.lower() in reply.headers:
                self.validate(header["schema"], json.loads(reply.headers[name.lower()]))

    def validate(self, schema: Any, value: Any) -> None:
        """:raises AssertionError: the value is none of this schema."""
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {"components": {"schemas": self._schemas}, "allOf": [schema]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        errors = list(self._validators[key].iter_errors(value))
        assert not errors, f"{errors[0].message} at {errors[0].instance_path}"


def _operations(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [operation for method, operation in item.items() if method in METHODS]
