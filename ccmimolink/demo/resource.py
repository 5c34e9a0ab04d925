"""The simulated MiMo's resource tree: ``/v1/models`` and ``/v1/chat/completions``.

Owns HTTP: paths, methods, keys, bodies. It must not judge a request's content or make up an answer.
"""

# mypy: allow-untyped-calls
# Twisted's web and application modules are only partly annotated.

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.web.error import UnsupportedMethod
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from .agent import answer
from .faults import INVALID_KEY, NOT_FOUND, MimoError, method_not_allowed, param_incorrect
from .pacing import PacedWriter
from .validate import DEFAULT_RULES, Rules, validate
from .wire import Stamp, completion, make_reply, stream_events

_PLACEHOLDER_KEYS = frozenset({"local-mimo-proxy", "PROXY_MANAGED"})
_LAUNCHED = 1_776_000_000
"""A fixed birthday for all models, seconds since the epoch."""


def make_root(
    clock: IReactorTime,
    delta_delay: float = 0.0,
    rules: Rules = DEFAULT_RULES,
    now: Callable[[], float] = time.time,
) -> IResource:
    """The whole tree, to be given to a ``Site``.

    :param clock: paces the streams.
    :param delta_delay: seconds between two events of a stream. 0 writes them all at once.
    :param rules: which models are served, and whether there is a search.
    :param now: dates the answers, in seconds since the epoch.
    """
    chat = _Endpoint()
    chat.putChild(b"completions", ChatCompletions(clock, delta_delay, rules, now))
    v1 = _Endpoint()
    v1.putChild(b"models", Models(rules))
    v1.putChild(b"chat", chat)
    root = _Endpoint()
    root.putChild(b"v1", v1)
    return root


class _Endpoint(Resource):
    """A resource whose refusals are MiMo's JSON. By itself it is nothing but a way to its children."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        return _Endpoint()

    def render(self, request: Request) -> bytes | int:
        if not hasattr(self, "render_GET") and not hasattr(self, "render_POST"):
            return _refuse(request, NOT_FOUND)
        try:
            rendered: bytes | int = super().render(request)
        except UnsupportedMethod as refused:
            request.setHeader(b"allow", b", ".join(sorted(refused.allowedMethods)))
            return _refuse(request, method_not_allowed(request.method.decode("ascii", "replace")))
        return rendered


class Models(_Endpoint):
    """``GET /v1/models``: the served models as an OpenAI list."""

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def render_GET(self, request: Request) -> bytes:
        if not _has_key(request):
            return _refuse(request, INVALID_KEY)
        data = [
            {"id": name, "object": "model", "created": _LAUNCHED, "owned_by": "xiaomi"}
            for name in self._rules.models
        ]
        return _json(request, msgspec.json.encode({"object": "list", "data": data}))


class ChatCompletions(_Endpoint):
    """``POST /v1/chat/completions``, streaming and not."""

    def __init__(
        self, clock: IReactorTime, delta_delay: float, rules: Rules, now: Callable[[], float]
    ) -> None:
        super().__init__()
        self._rules = rules
        self._clock, self._now = clock, now
        self._delta_delay = delta_delay
        self._numbers = count(1)

    def render_POST(self, request: Request) -> bytes | int:
        content = request.content
        try:
            body = msgspec.json.decode(b"" if content is None else content.read())
        except (ValueError, RecursionError):
            return _refuse(request, param_incorrect("The body is not valid JSON"))
        streamed = isinstance(body, dict) and body.get("stream") is True
        fault = validate(body, self._rules) if _has_key(request) else INVALID_KEY
        if fault is not None:
            return _refuse(request, fault, streamed=streamed)
        reply = make_reply(body, answer(body))
        stamp = Stamp(
            completion_id=f"chatcmpl-demo-{next(self._numbers)}",
            model=body["model"],
            created=int(self._now()),
        )
        if not streamed:
            return _json(request, completion(reply, stamp))
        include_usage = body.get("stream_options", {}).get("include_usage", False)
        request.setHeader(b"content-type", b"text/event-stream")
        request.setHeader(b"cache-control", b"no-cache")
        events = stream_events(reply, stamp, include_usage=include_usage)
        PacedWriter(request, events, self._clock, self._delta_delay).start()
        return NOT_DONE_YET


def _has_key(request: Request) -> bool:
    """Whether the request brings something that could be a MiMo key: not a login token, not a stand-in."""
    key = request.getHeader("api-key")
    if key is None:
        scheme, _, credentials = (request.getHeader("authorization") or "").partition(" ")
        key = credentials.strip() if scheme.lower() == "bearer" else ""
    return bool(key) and not key.startswith("eyJ") and key not in _PLACEHOLDER_KEYS


def _refuse(request: Request, fault: MimoError, *, streamed: bool = False) -> bytes:
    request.setResponseCode(fault.status)
    return _json(request, fault.encode(streamed=streamed))


def _json(request: Request, body: bytes) -> bytes:
    request.setHeader(b"content-type", b"application/json")
    return body
