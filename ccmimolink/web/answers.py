"""Whole HTTP answers: JSON bodies and errors.

Owns how an answer that is not a stream is written. It must not decide what is answered.
"""

from __future__ import annotations

from http import HTTPStatus

from twisted.web.server import Request

from ccmimolink.core.errors import Failure, FailureKind, HttpAnswer, http_answer
from ccmimolink.web.client import profile_of


def send(request: Request, answer: HttpAnswer) -> None:
    """Write the answer and finish the request. The client must still be there."""
    # Twisted has no phrase for the younger statuses.
    request.setResponseCode(answer.status, HTTPStatus(answer.status).phrase.encode())
    for name, value in answer.headers:
        request.responseHeaders.setRawHeaders(name.encode(), [value.encode()])
    request.responseHeaders.setRawHeaders(b"content-length", [b"%d" % len(answer.body)])
    # Of the answer to HEAD, Twisted writes the headers only.
    request.write(answer.body)
    request.finish()


def send_failure(request: Request, failure: Failure) -> None:
    """Answer with the failure, in the words that this client understands."""
    if failure.kind is FailureKind.DRAINING:
        request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        request.channel.persistent = False
    send(request, http_answer(failure, profile_of(request.requestHeaders)))


def json_answer(body: bytes, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, (("content-type", "application/json"),), body)
