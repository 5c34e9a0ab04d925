"""What all endpoints have in common: refusals in our own error forms.

Owns the base of the resources. It must not know any path.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from ccmimolink.core.errors import Failure, FailureKind
from ccmimolink.web.answers import send_failure


class Endpoint(Resource, ABC):
    """A resource that answers in our error forms, whatever is asked of it.

    :ivar described: whether it belongs to the interface that ``GET /openapi.json`` describes.
    """

    allowed: tuple[bytes, ...] = ()
    described = True

    def render(self, request: Request) -> int:
        method = b"GET" if request.method == b"HEAD" else request.method
        if method not in self.allowed:
            request.responseHeaders.setRawHeaders(b"allow", [b", ".join(self.allowed)])
            message = f"This endpoint takes {' and '.join(m.decode() for m in self.allowed)} only."
            send_failure(request, Failure(FailureKind.METHOD_NOT_ALLOWED, message))
        else:
            self.serve(request)
        return NOT_DONE_YET

    @abstractmethod
    def serve(self, request: Request) -> None:
        """Answer a request whose method is allowed."""

    def getChild(self, path: bytes, request: Request) -> IResource:
        return self if not path else Refusing(NOT_FOUND)


class Refusing(Resource):
    """Answers every request with one failure."""

    isLeaf = True

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self._failure = failure

    def render(self, request: Request) -> int:
        send_failure(request, self._failure)
        return NOT_DONE_YET


NOT_FOUND = Failure(
    FailureKind.NOT_FOUND,
    "No such path. There are POST /v1/responses, POST /v1/responses/compact, GET and DELETE "
    "/v1/responses/{id}, GET /v1/responses/{id}/input_items, GET /v1/models, GET /openapi.json, "
    "GET /health, GET /metrics and GET /status/state.",
)
