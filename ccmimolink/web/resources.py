"""The resource tree: one resource per endpoint.

Owns paths, methods and content types. What an endpoint does stands in the exchange, the store or the core.
"""

from __future__ import annotations

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
from ccmimolink.web.endpoint import NOT_FOUND, Endpoint, Refusing
from ccmimolink.web.exchange import ResponsesExchange
from ccmimolink.web.guard import Guard, unsuitable_body
from ccmimolink.web.log_text import clipped
from ccmimolink.web.metrics import MetricsEndpoint
from ccmimolink.web.openapi import openapi_json
from ccmimolink.web.record import log_refusal
from ccmimolink.web.services import DRAINING, ProxyServices
from ccmimolink.web.stored import Stored

_log = Logger()


_DEEPEST = 8
"""Segments of a path. Twisted takes one after the other off a list, which is slow for thousands of them."""


class Root(Resource):
    """The way in: every request passes the guard first."""

    def __init__(self, guard: Guard, services: ProxyServices, control: IResource | None = None) -> None:
        """:param control: what our own command asks; None where there is nothing for it. Clients are not
        offered it, so that ``GET /openapi.json`` has nothing of it.
        """
        super().__init__()
        self._guard = guard
        version_one = _Branch()
        version_one.putChild(b"responses", Responses(services))
        version_one.putChild(b"models", Models(services))
        self.putChild(b"v1", version_one)
        self.putChild(b"openapi.json", OpenApi())
        self.putChild(b"health", Health(services))
        self.putChild(b"metrics", MetricsEndpoint(services))
        if control is not None:
            own = _Branch()
            own.putChild(b"model", control)
            self.putChild(b"control", own)

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        refusal = self._guard.check(request.requestHeaders, request.uri)
        if refusal is None and len(request.postpath or ()) > _DEEPEST:
            return Refusing(NOT_FOUND)
        if refusal is None:
            child: IResource = super().getChildWithDefault(path, request)
            return child
        log_refusal(_log, request.requestHeaders, refusal)
        return Refusing(refusal)

    def getChild(self, path: bytes, request: Request) -> IResource:
        return Refusing(NOT_FOUND)


class _Branch(Resource):
    def getChild(self, path: bytes, request: Request) -> IResource:
        return Refusing(NOT_FOUND)

    def render(self, request: Request) -> int:
        return Refusing(NOT_FOUND).render(request)


_NO_TOKEN_COUNT = Failure(
    FailureKind.UNSUPPORTED,
    "Tokens cannot be counted in advance: MiMo offers nothing to ask. Each answer tells its usage.",
)


class Responses(Endpoint):
    """``POST /v1/responses``, and below it the stored responses and ``compact``."""

    allowed = (b"POST",)

    def __init__(self, services: ProxyServices) -> None:
        super().__init__()
        self._services = services
        self.putChild(b"compact", Compact())
        self.putChild(b"input_tokens", Refusing(_NO_TOKEN_COUNT))

    def getChild(self, path: bytes, request: Request) -> IResource:
        return self if not path else Stored(self._services.store, path.decode("utf-8", "replace"))

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
            log_refusal(_log, request.requestHeaders, failure)
            send_failure(request, failure)


class Compact(Endpoint):
    """``POST /v1/responses/compact``: answered here, never upstream."""

    allowed = (b"POST",)

    def serve(self, request: Request) -> None:
        message = (
            "This proxy does not compact conversations remotely. Codex compacts locally when its provider's "
            "name is anything but 'OpenAI'."
        )
        send_failure(request, Failure(FailureKind.COMPACT_UNSUPPORTED, message))


class Models(Endpoint):
    """``GET /v1/models``: the upstream's list, or the local table where the upstream cannot be asked."""

    allowed = (b"GET",)

    def __init__(self, services: ProxyServices) -> None:
        super().__init__()
        self._services = services

    def serve(self, request: Request) -> None:
        answer_later(request, lambda: self._body(request))

    async def _body(self, request: Request) -> bytes:
        services = self._services
        ids = None
        try:
            ids = await upstream_models(services, request)
        except ProxyError as error:
            _log.info("the local model list is served: {reason}", reason=clipped(error.failure.message, 300))
        return listing(ids, services.models)


async def upstream_models(services: ProxyServices, request: Request) -> list[str] | None:
    """The ids that the upstream lists, or None where its answer is no list.

    :raises ProxyError: it cannot be asked.
    """
    headers = request.requestHeaders
    route = await services.route.current()
    target = services.keys.resolve(headers, profile_of(headers), route)
    return read_listing(await services.client.get_models(target))


class OpenApi(Endpoint):
    """``GET /openapi.json``: what there is to ask, and how it is answered."""

    allowed = (b"GET",)

    def serve(self, request: Request) -> None:
        send(request, json_answer(openapi_json()))


class Health(Endpoint):
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
            "tools_not_offered": services.totals.tools_not_offered,
        }
        send(request, json_answer(msgspec.json.encode(body)))


def answer_later(request: Request, work: Callable[[], Any]) -> None:
    """Answer with JSON once the coroutine has it, or with the failure that it raises; stop it if the client
    leaves first.
    """
    running: Deferred[bytes] = Deferred.fromCoroutine(work())
    gone: list[TwistedFailure] = []

    def left(reason: TwistedFailure) -> None:
        gone.append(reason)
        running.cancel()

    request.notifyFinish().addErrback(left)
    running.addCallback(lambda body: None if gone else send(request, json_answer(body)))

    def failed(reason: TwistedFailure) -> None:
        if gone and reason.check(CancelledError, ProxyError):
            return
        if isinstance(reason.value, ProxyError):
            send_failure(request, reason.value.failure)
            return
        _log.failure("internal error", failure=reason)
        if not gone:
            send_failure(
                request, Failure(FailureKind.INTERNAL, "ccmimolink failed on this request. See its log.")
            )

    running.addErrback(failed)
