"""The table of errors as OpenAPI's Response Objects.

Owns nothing but that form: every status, code and header is read off the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ccmimolink.core.errors import Failure, FailureKind, HttpAnswer, Profile, http_answer
from ccmimolink.core.openapi import Schema, reference
from ccmimolink.core.openapi_bodies import ErrorAnswer, ErrorDetails

_RETRY_AFTER: Schema = {
    "description": "Seconds after which another try makes sense.",
    "schema": {"type": "integer", "minimum": 1},
}


def error_responses(kinds: Iterable[FailureKind]) -> Schema:
    """What an operation that can end with these failures answers, by status: OpenAPI's Response Objects.

    Both profiles are in it: Codex is told of most failures by a 400 in plain words.
    """
    answers: dict[int, dict[FailureKind, list[HttpAnswer]]] = {}
    for kind in kinds:
        for profile in Profile:
            answer = http_answer(Failure(kind, "…"), profile)
            answers.setdefault(answer.status, {}).setdefault(kind, []).append(answer)
    return {str(status): _error_response(answers[status]) for status in sorted(answers)}


def _error_response(by_kind: Mapping[FailureKind, list[HttpAnswer]]) -> Schema:
    bodies = []
    plain, waits = False, False
    reasons = []
    for kind, answers in by_kind.items():
        for answer in answers:
            headers = dict(answer.headers)
            waits = waits or "retry-after" in headers
            if headers["content-type"] == "application/json":
                bodies.append(msgspec.json.decode(answer.body, type=ErrorAnswer).error)
                reasons.append(kind.value)
            else:
                plain = True
    content: Schema = {}
    if bodies:
        content["application/json"] = {"schema": _one_of(bodies)}
    if plain:
        content["text/plain"] = {
            "schema": {"description": "To Codex: the message alone.", "type": "string"},
        }
    described = "; ".join(dict.fromkeys(reasons)) or "whatever is the reason"
    response: Schema = {"description": described[:1].upper() + described[1:] + ".", "content": content}
    if waits:
        response["headers"] = {"Retry-After": _RETRY_AFTER}
    return response


def _one_of(bodies: Iterable[ErrorDetails]) -> Schema:
    """An error with one of these types and codes."""
    types = list(dict.fromkeys(body.type for body in bodies))
    codes = list(dict.fromkeys(body.code for body in bodies))
    words = {"type": {"enum": types}, "code": {"enum": codes}}
    return {"allOf": [reference("ErrorAnswer"), {"properties": {"error": {"properties": words}}}]}
