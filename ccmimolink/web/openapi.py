"""The description of the proxy's own interface: the body of ``GET /openapi.json``, an OpenAPI 3.1 document.

Owns the paths, their parameters and what each can fail with. The shapes and the statuses of errors stand in
the core. It must not serve anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from ccmimolink import __version__
from ccmimolink.core.errors import FailureKind
from ccmimolink.core.item_list import MAX_LIMIT
from ccmimolink.core.openapi import EVENT_STREAM, Schema, reference, schemas
from ccmimolink.core.openapi_errors import error_responses

_K = FailureKind
_ANYWHERE = (
    _K.FORBIDDEN,
    _K.REQUEST_TIMEOUT,
    _K.BODY_TOO_LARGE,
    _K.UNSUPPORTED_MEDIA,
    _K.TOO_MANY_CONNECTIONS,
    _K.QUEUE_FULL,
    _K.DRAINING,
    _K.INVALID_REQUEST,
    _K.HEAD_TOO_LARGE,
)
"""What a request can be refused for before it matters which path it names."""

_OF_ONE_PATH = (_K.NOT_FOUND, _K.METHOD_NOT_ALLOWED, _K.COMPACT_UNSUPPORTED)
_OF_A_TURN = tuple(kind for kind in FailureKind if kind not in (*_ANYWHERE, *_OF_ONE_PATH))

_ABOUT = """\
A loopback proxy that serves the Responses API from Xiaomi MiMo's chat completions.

Who sends an `originator` that begins with `codex`, or an `x-codex-*` header, is told of most errors by a \
400 in plain text, and of the upstream's by a stream that ends in `response.failed`, as Codex needs it.

Other methods are answered with 405, `HEAD` as `GET` without the body, and other paths with 404. A request \
from a web page, or whose `Host` is not this machine, gets 403."""

_ABOUT_KEYS = """\
The key for MiMo is looked for in `X-Mimo-Api-Key`, `api-key`, `Authorization`, cc switch's provider and \
`MIMO_API_KEY`, in this order; Codex's `Authorization` comes last, as it may be its own login. A proxy with \
a token (`MIMO_PROXY_TOKEN`) wants that in `Authorization`."""

_ABOUT_RESPONSES = f"""\
Streamed with `stream: true`, else whole. The body may be compressed with gzip, deflate or zstd.

{_ABOUT_KEYS}

`GET` with `Upgrade: websocket` is answered with 426."""

_EXAMPLES = {
    "text": {"value": {"model": "mimo-v2.5-pro", "input": "Say hello.", "stream": True}},
    "tool": {
        "value": {
            "model": "mimo-v2.5-pro",
            "instructions": "Use the tool.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "What is the weather in Oslo?"}]},
                {
                    "type": "function_call",
                    "call_id": "call_1",
                    "name": "weather",
                    "arguments": '{"city": "Oslo"}',
                },
                {"type": "function_call_output", "call_id": "call_1", "output": "Rain."},
            ],
            "tools": [
                {
                    "type": "function",
                    "name": "weather",
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                }
            ],
            "store": False,
        }
    },
}


@cache
def openapi_json() -> bytes:
    """The document. It is made when it is first asked for, and is the same as long as the program runs."""
    return msgspec.json.encode(_document())


def _document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "ccmimolink", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}, {"mimoKey": []}, {"apiKey": []}],
        "paths": _paths(),
        "components": {
            "schemas": schemas(),
            "parameters": _PARAMETERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": _ABOUT_KEYS},
                "mimoKey": {"type": "apiKey", "in": "header", "name": "X-Mimo-Api-Key"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "api-key"},
            },
        },
    }


def _paths() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {
        "/v1/responses": {
            "post": _operation(
                "createResponse",
                "Answer a conversation",
                {**_json("Response"), EVENT_STREAM: {"schema": reference("ServerSentEvent")}},
                _OF_A_TURN,
                description=_ABOUT_RESPONSES,
                requestBody=_body("ResponsesRequest", examples=_EXAMPLES),
            )
        },
        "/v1/responses/compact": {
            "post": _operation(
                "compactResponse",
                "Refused: Codex compacts locally",
                None,
                (_K.COMPACT_UNSUPPORTED,),
                requestBody={"content": {"application/json": {}}},
            )
        },
        "/v1/responses/{response_id}": {
            "parameters": _refer("originator", "response_id"),
            "get": _operation(
                "getResponse",
                "A stored response",
                _json("Response"),
                (_K.NOT_FOUND, _K.UNSUPPORTED),
                parameters=_refer("stream"),
            ),
            "delete": _operation(
                "deleteResponse",
                "Forget a stored response",
                _json("DeletedResponse"),
                (_K.NOT_FOUND, _K.UNSUPPORTED),
            ),
        },
        "/v1/responses/{response_id}/input_items": {
            "parameters": _refer("originator", "response_id"),
            "get": _operation(
                "listInputItems",
                "What a stored response was made from, with what it continues",
                _json("ItemPage"),
                (_K.NOT_FOUND, _K.INVALID_REQUEST),
                parameters=_refer("order", "limit", "after"),
            ),
        },
        "/v1/models": {
            "get": _operation(
                "listModels",
                "The upstream's models",
                _json("ModelList"),
                (_K.INTERNAL,),
                description=f"Where the upstream cannot be asked, those that are known.\n\n{_ABOUT_KEYS}",
            )
        },
        "/openapi.json": {
            "get": _operation(
                "getOpenApi", "This document", {"application/json": {"schema": {"type": "object"}}}
            )
        },
        "/health": {
            "get": _operation("getHealth", "What is going on, without asking anybody", _json("Health"))
        },
        "/status/state": {
            "get": _operation(
                "getState",
                "What the status page shows",
                {"application/json": {"schema": {"type": "object"}}},
                (_K.NOT_FOUND,),
                description="Not served where the listener can be reached from other machines.",
            )
        },
        "/metrics": {"get": _operation("getMetrics", "The same and more, for Prometheus", _METRICS)},
    }
    return {path: {"parameters": _refer("originator"), **operations} for path, operations in paths.items()}


def _operation(
    name: str,
    summary: str,
    success: Schema | None,
    failures: Sequence[FailureKind] = (),
    **more: Any,
) -> dict[str, Any]:
    """:param success: the content of its 200, or None if it always fails."""
    answered = {} if success is None else {"200": {"description": "OK", "content": success}}
    responses = {**answered, **error_responses((*_ANYWHERE, *failures))}
    return {"operationId": name, "summary": summary, **more, "responses": responses}


_METRICS = {kind: {"schema": {"type": "string"}} for kind in ("text/plain", "application/openmetrics-text")}


def _json(shape: str) -> Schema:
    return {"application/json": {"schema": reference(shape)}}


def _body(shape: str, *, examples: Schema) -> Schema:
    return {
        "required": True,
        "content": {"application/json": {"schema": reference(shape), "examples": examples}},
    }


def _refer(*names: str) -> list[Schema]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _parameter(place: str, name: str, schema: Schema, description: str = "") -> Schema:
    said = {"description": description} if description else {}
    return {"name": name, "in": place, "required": place == "path", **said, "schema": schema}


_PARAMETERS = {
    "response_id": _parameter("path", "response_id", {"type": "string", "pattern": "^resp_[0-9a-f]{32}$"}),
    "originator": _parameter("header", "originator", {"type": "string"}, "The client's name for itself."),
    "stream": _parameter(
        "query",
        "stream",
        {"type": "boolean", "default": False},
        "True is refused: it cannot be streamed again.",
    ),
    "order": _parameter("query", "order", {"enum": ["asc", "desc"], "default": "desc"}),
    "limit": _parameter(
        "query", "limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 20}
    ),
    "after": _parameter("query", "after", {"type": "string"}, "The id of the last item of the page before."),
}
