"""The endpoints of the status page: the page, its assets, its stream, and the same as JSON for programs.

Owns their paths and headers. Who may ask is the guard's to say, before any of them is reached.
"""

# mypy: allow-untyped-calls
# Twisted's templates are only partly annotated.

from __future__ import annotations

import hashlib
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure as TwistedFailure
from twisted.web.http import CACHED
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request
from twisted.web.template import flattenString

from ccmimolink.core.errors import Failure, FailureKind, HttpAnswer
from ccmimolink.page.element import PageElement, read_asset
from ccmimolink.page.language import chosen
from ccmimolink.page.snapshot import Snapshots, encoded
from ccmimolink.page.texts import Texts
from ccmimolink.page.viewers import MOST, Viewers
from ccmimolink.web.answers import json_answer, send, send_failure
from ccmimolink.web.channel import ProxyChannel
from ccmimolink.web.endpoint import NOT_FOUND, Endpoint, Refusing
from ccmimolink.web.services import ProxyServices

_log = Logger()

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
}
"""Of all that a browser gets here: nothing from elsewhere in the page, and the page in nothing of others."""

_ASSETS = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "charts.js": "text/javascript; charset=utf-8",
    "format.js": "text/javascript; charset=utf-8",
}


def put_page(root: Resource, services: ProxyServices, snapshots: Snapshots) -> Viewers:
    """Add the page to the proxy's endpoints; the viewers must be ended when the proxy stops."""
    viewers = Viewers(snapshots, services.activity, services.clock, services.monotonic)
    below = _Below()
    below.putChild(b"events", Events(viewers))
    below.putChild(b"state", StateEndpoint(snapshots))
    for name, kind in _ASSETS.items():
        below.putChild(name.encode(), Asset(read_asset(name), kind))
    root.putChild(b"status", below)
    root.putChild(b"", Page(services, snapshots))
    return viewers


class _Below(Resource):
    def getChild(self, path: bytes, request: Request) -> IResource:
        return Refusing(NOT_FOUND)

    def render(self, request: Request) -> int:
        return Refusing(NOT_FOUND).render(request)


class _ForPeople(Endpoint):
    """Part of the page, and no part of the interface that programs are told of."""

    allowed = (b"GET",)
    described = False


class Page(_ForPeople):
    """``GET /``: the present state, readable without a script."""

    def __init__(self, services: ProxyServices, snapshots: Snapshots) -> None:
        super().__init__()
        self._services, self._snapshots = services, snapshots

    def serve(self, request: Request) -> None:
        asked = cast(dict[bytes, list[bytes]], request.args or {}).get(b"lang", [b""])[-1]
        accepted = request.getHeader("accept-language") or ""
        texts = Texts(chosen(asked.decode("latin-1"), accepted))
        element = PageElement(texts, self._snapshots.whole(), self._services.now(), self._breathe)
        gone: list[TwistedFailure] = []
        request.notifyFinish().addErrback(gone.append)
        rendering: Deferred[bytes] = flattenString(None, element)
        rendering.addErrback(self._failed)
        rendering.addCallback(lambda html: None if gone else self._send(request, html))

    def _breathe(self) -> Deferred[None]:
        return deferLater(self._services.clock, 0)

    def _send(self, request: Request, html: bytes) -> None:
        if not html:
            message = "ccmimolink failed on its status page. See its log."
            send_failure(request, Failure(FailureKind.INTERNAL, message))
            return
        headers = (
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("vary", "Accept-Language"),
            *_HEADERS.items(),
        )
        send(request, HttpAnswer(200, headers, b"<!DOCTYPE html>\n" + html))

    def _failed(self, reason: TwistedFailure) -> bytes:
        _log.failure("the status page could not be made", failure=reason)
        return b""


class Asset(_ForPeople):
    """A file of the package. Browsers ask each time whether it is still the same."""

    def __init__(self, content: bytes, kind: str) -> None:
        super().__init__()
        self._content, self._kind = content, kind
        self._etag = b'"%b"' % hashlib.sha256(content).hexdigest()[:32].encode()

    def serve(self, request: Request) -> None:
        request.responseHeaders.setRawHeaders(b"cache-control", [b"no-cache"])
        if request.setETag(self._etag) is CACHED:
            request.finish()
        else:
            send(request, HttpAnswer(200, (("content-type", self._kind), *_HEADERS.items()), self._content))


class StateEndpoint(Endpoint):
    """``GET /status/state``: all that the page shows."""

    allowed = (b"GET",)

    def __init__(self, snapshots: Snapshots) -> None:
        super().__init__()
        self._snapshots = snapshots

    def serve(self, request: Request) -> None:
        request.responseHeaders.setRawHeaders(b"cache-control", [b"no-store"])
        for name, value in _HEADERS.items():
            request.responseHeaders.setRawHeaders(name.encode(), [value.encode()])
        send(request, json_answer(encoded(self._snapshots.whole())))


class Events(_ForPeople):
    """``GET /status/events``: everything at once, then what changes, as server-sent events."""

    def __init__(self, viewers: Viewers) -> None:
        super().__init__()
        self._viewers = viewers

    def serve(self, request: Request) -> None:
        if len(self._viewers) >= MOST:
            message = f"As many windows as may show the status page live already do ({MOST}). Close one."
            send_failure(request, Failure(FailureKind.TOO_MANY_CONNECTIONS, message))
            return
        headers = {"content-type": "text/event-stream", "cache-control": "no-store", **_HEADERS}
        for name, value in headers.items():
            request.responseHeaders.setRawHeaders(name.encode(), [value.encode()])
        if request.method == b"HEAD":
            request.finish()
            return
        # Whoever wants work done goes first.
        cast(ProxyChannel, request.channel).gives_way = True
        self._viewers.add(request)
