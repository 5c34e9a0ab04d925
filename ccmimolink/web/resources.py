"""The resource tree: one resource per endpoint.

Owns paths, methods and content types. What an endpoint does stands in the exchange, the store or the core.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure as TwistedFailure
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from ccmimolink import __version__
from ccmimolink.core.catalog import listing, read_listing
from ccmimolink.core.errors import Failure, FailureKind, ProxyError
from ccmimolink.web.answers import json_answer, send, send_failure
from ccmimolink.web.client import profile_of
from ccmimolink.web.exchange import ResponsesExchange
from ccmimolink.web.guard import Guard, unsuitable_body
from ccmimolink.web.services import DRAINING, ProxyServices

_log = Logger()


class _Endpoint(Resource, ABC):
    """A resource that answers in our error forms, whatever is asked of it."""

    allowed: tuple[bytes, ...] = ()

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
        return self if not path else _Refusing(_NOT_FOUND)


class _Refusing(Resource):
    """Answers every request with one failure."""

    isLeaf = True

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self._failure = failure

    def render(self, request: Request) -> int:
        send_failure(request, self._failure)
        return NOT_DONE_YET


_NOT_FOUND = Failure(
    FailureKind.NOT_FOUND,
    "No such path. There are POST /v1/responses, POST /v1/responses/compact, GET /v1/responses/{id}, "
    "GET /v1/models and GET /health.",
)


class Root(Resource):
    """The way in: every request passes the guard first."""

    def __init__(self, guard: Guard, services: ProxyServices) -> None:
        super().__init__()
        self._guard = guard
        version_one = _Branch()
        version_one.putChild(b"responses", Responses(services))
        version_one.putChild(b"models", Models(services))
        self.putChild(b"v1", version_one)
        self.putChild(b"health", Health(services))

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        refusal = self._guard.check(request.requestHeaders)
        return _Refusing(refusal) if refusal is not None else super().getChildWithDefault(path, request)

    def getChild(self, path: bytes, request: Request) -> IResource:
        return _Refusing(_NOT_FOUND)


class _Branch(Resource):
    def getChild(self, path: bytes, request: Request) -> IResource:
        return _Refusing(_NOT_FOUND)

    def render(self, request: Request) -> int:
        return _Refusing(_NOT_FOUND).render(request)


class Responses(_Endpoint):
    """``POST /v1/responses``, and below it the stored responses and ``compact``."""

    allowed = (b"POST",)

    def __init__(self, services: ProxyServices) -> None:
        super().__init__()
        self._services = services
        self.putChild(b"compact", Compact())

    def getChild(self, path: bytes, request: Request) -> IResource:
        return self if not path else StoredResponseResource(self._services, path.decode("utf-8", "replace"))

    def render(self, request: Request) -> int:
        upgrade = request.requestHeaders.getRawHeaders(b"upgrade") or [b""]
        if request.method == b"GET" and upgrade[-1].lower() == b"websocket":
            # The one answer after which Codex goes over to POST at once.
            request.setResponseCode(426, b"Upgrade Required")
            request.responseHeaders.setRawHeaders(b"content-length", [b"0"])
            request.finish()
            return NOT_DONE_YET
        return super().render(request)

    def serve(self, request: Request) -> None:
        failure = DRAINING if self._services.live.draining else unsuitable_body(request.requestHeaders)
        if failure is None:
            ResponsesExchange(self._services, request).begin()
        else:
            send_failure(request, failure)


class Compact(_Endpoint):
    """``POST /v1/responses/compact``: answered here, never upstream."""

    allowed = (b"POST",)

    def serve(self, request: Request) -> None:
        message = (
            "This proxy does not compact conversations remotely. Codex compacts locally when its provider's "
            "name is anything but 'OpenAI'."
        )
        send_failure(request, Failure(FailureKind.COMPACT_UNSUPPORTED, message))


class StoredResponseResource(_Endpoint):
    """``GET /v1/responses/{id}``."""

    allowed = (b"GET",)

    def __init__(self, services: ProxyServices, response_id: str) -> None:
        super().__init__()
        self._services, self._response_id = services, response_id

    def serve(self, request: Request) -> None:
        stored = self._services.store.get(self._response_id)
        if stored is None:
            message = (
                "No stored response has this id. Responses are kept in memory, for requests with store: true."
            )
            send_failure(request, Failure(FailureKind.NOT_FOUND, message))
        elif (request.args or {}).get(b"stream", [b"false"])[-1].lower() in (b"true", b"1"):
            message = "A stored response cannot be streamed again. Leave the 'stream' parameter out."
            send_failure(request, Failure(FailureKind.UNSUPPORTED, message, param="stream"))
        else:
            send(request, json_answer(stored.body))


class Models(_Endpoint):
    """``GET /v1/models``: the upstream's list, or the local table where the upstream cannot be asked."""

    allowed = (b"GET",)

    def __init__(self, services: ProxyServices) -> None:
        super().__init__()
        self._services = services

    def serve(self, request: Request) -> None:
        _answer_later(request, lambda: self._body(request))

    async def _body(self, request: Request) -> bytes:
        services = self._services
        ids = None
        try:
            key = services.keys.resolve(request.requestHeaders, profile_of(request.requestHeaders))
            ids = read_listing(await services.client.get_models(key))
        except ProxyError as error:
            _log.info("the local model list is served: {reason}", reason=error.failure.message)
        return listing(ids, services.models)


class Health(_Endpoint):
    """``GET /health``: what costs nothing to know. No key, no content."""

    allowed = (b"GET",)

    def __init__(self, services: ProxyServices) -> None:
        super().__init__()
        self._services = services
        self._since = services.monotonic()

    def serve(self, request: Request) -> None:
        services = self._services
        state = services.limiter.state
        body = {
            "status": "draining" if services.live.draining else "ok",
            "version": __version__,
            "uptime_seconds": round(services.monotonic() - self._since, 3),
            "requests": len(services.live),
            "in_flight": state.in_flight,
            "waiting": state.waiting,
            "back_off_seconds": round(state.back_off_left, 3),
            "stored_responses": len(services.store),
            "tools_not_offered": sum(services.dropped_tools.values()),
        }
        send(request, json_answer(msgspec.json.encode(body)))


def _answer_later(request: Request, work: Callable[[], Any]) -> None:
    """Answer with JSON once the coroutine has it; stop it if the client leaves first."""
    running: Deferred[bytes] = Deferred.fromCoroutine(work())
    gone: list[TwistedFailure] = []

    def left(reason: TwistedFailure) -> None:
        gone.append(reason)
        running.cancel()

    request.notifyFinish().addErrback(left)
    running.addCallback(lambda body: None if gone else send(request, json_answer(body)))

    def failed(reason: TwistedFailure) -> None:
        if gone and reason.check(CancelledError):
            return
        _log.failure("internal error", failure=reason)
        if not gone:
            send_failure(
                request, Failure(FailureKind.INTERNAL, "ccmimolink failed on this request. See its log.")
            )

    running.addErrback(failed)
