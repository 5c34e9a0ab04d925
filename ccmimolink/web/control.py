"""``/control/model``: which model answers text requests, and another one from now on.

Owns the endpoint and the present choice. It is for ``ccmimolink-model`` alone: the guard lets nobody in who
has not read the token of this run. It must not know where a choice is remembered.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from msgspec.structs import replace
from twisted.logger import Logger
from twisted.web.server import NOT_DONE_YET, Request

from ccmimolink.core.catalog import conversational
from ccmimolink.core.errors import Failure, FailureKind, ProxyError, RequestError
from ccmimolink.model_choice import (
    COMMAND,
    Choice,
    ModelState,
    Wish,
    in_force,
    is_listed,
    name_of_model,
    refusal,
    state_of,
)
from ccmimolink.web.answers import send_failure
from ccmimolink.web.bodies import codings
from ccmimolink.web.endpoint import Endpoint
from ccmimolink.web.guard import Guard, unsuitable_body
from ccmimolink.web.log_text import clipped
from ccmimolink.web.record import log_refusal
from ccmimolink.web.resources import answer_later, upstream_models
from ccmimolink.web.services import ProxyServices

_log = Logger()

_LARGEST = 4096
"""Bytes of a body that names one model."""


class Memory(Protocol):
    """Where a choice outlasts the proxy.

    :ivar model: what was remembered; None for nothing.
    :ivar forgets: why nothing is remembered; empty where it is.
    :ivar complaint: what was wrong with what was remembered.
    """

    model: str | None
    forgets: str
    complaint: str

    def remember(self, model: str | None) -> str:
        """:returns: why that could not be done; empty if it was."""


@dataclass(frozen=True, slots=True)
class Control:
    """What a running proxy has for its command.

    :ivar token: of this run.
    """

    token: str = field(repr=False)
    memory: Memory


class ModelControl(Endpoint):
    """``GET /control/model`` and ``PUT /control/model``.

    :param start: what the start's own option or variable chose.
    """

    allowed = (b"GET", b"PUT")

    def __init__(self, guard: Guard, services: ProxyServices, start: Choice, memory: Memory) -> None:
        super().__init__()
        self._guard, self._services, self._start, self._memory = guard, services, start, memory
        if memory.complaint:
            _log.warn("{complaint}", complaint=memory.complaint)
        self._choice = in_force(start, memory.model)
        self._put_in_force()
        if self._choice.origin == COMMAND:
            _log.info("text requests go to {model}, as {origin} chose", **_of(self._choice))
        elif memory.model not in (None, start.model):
            _log.warn(
                "text requests go to {model} ({origin}); ccmimolink-model had chosen {remembered}",
                remembered=memory.model,
                **_of(self._choice),
            )

    def render(self, request: Request) -> int:
        """Whatever is asked, the guard comes first."""
        failure = self._guard.check_control(request.requestHeaders)
        if failure is None:
            return super().render(request)
        log_refusal(_log, request.requestHeaders, failure)
        send_failure(request, failure)
        return NOT_DONE_YET

    def serve(self, request: Request) -> None:
        if request.method == b"PUT":
            answer_later(request, lambda: self._change(request))
        else:
            with_upstream = b"upstream" in (request.args or {})
            answer_later(request, lambda: self._look(request, with_upstream=with_upstream))

    async def _look(self, request: Request, *, with_upstream: bool) -> bytes:
        if not with_upstream:
            return msgspec.json.encode(self._state())
        upstream, no_upstream = await self._listed(request)
        return msgspec.json.encode(replace(self._state(), upstream=upstream, no_upstream=no_upstream))

    async def _change(self, request: Request) -> bytes:
        """:raises RequestError: the body is none, or names a model that is not taken."""
        wish = _wish_of(request)
        name = None
        if wish.model is not None:
            try:
                name = name_of_model(wish.model)
            except ValueError as error:
                raise _refused(str(error)) from None
            if not wish.force:
                await self._check(name, request)
        return msgspec.json.encode(self._choose(name))

    async def _check(self, name: str, request: Request) -> None:
        table = self._services.models
        if is_listed(name, table):
            return
        upstream, no_upstream = await self._listed(request)
        if (reason := refusal(name, table, upstream, no_upstream)) is not None:
            raise _refused(reason)

    async def _listed(self, request: Request) -> tuple[list[str] | None, str]:
        """What MiMo lists, or why that is not known."""
        try:
            listed = await upstream_models(self._services, request)
        except ProxyError as error:
            return None, error.failure.message
        return (None, "its answer is no list of models") if listed is None else (conversational(listed), "")

    def _choose(self, name: str | None) -> ModelState:
        """From the next request on; one that is under way keeps its model.

        It is written here and now, a line that a person seldom changes: so two changes cannot overtake each
        other between the file and the proxy.
        """
        former, self._choice = self._choice, self._start if name is None else Choice(name, COMMAND)
        complaint = self._memory.remember(name)
        self._put_in_force()
        _log.info(
            "ccmimolink-model: text requests go to {model} ({origin}) from now on, no longer to {former}",
            former=clipped(former.model),
            **_of(self._choice),
        )
        if complaint:
            _log.warn("The choice of the model ends with this proxy: {complaint}", complaint=complaint)
        return self._state(complaint)

    def _put_in_force(self) -> None:
        choices = self._services.choices
        choices.view = dataclasses.replace(
            choices.view, text_model=self._choice.model, text_model_chosen=self._choice.chosen
        )

    def _state(self, complaint: str = "") -> ModelState:
        return state_of(
            self._choice,
            self._start,
            self._services.models,
            vision_model=self._services.settings.vision_model,
            remembered=self._memory.model,
            forgets=self._memory.forgets,
            complaint=complaint,
        )


def _of(choice: Choice) -> dict[str, str]:
    return {"model": clipped(choice.model), "origin": choice.origin}


def _wish_of(request: Request) -> Wish:
    """:raises RequestError: the body says nothing that can be done."""
    headers = request.requestHeaders
    failure = unsuitable_body(headers)
    if failure is None and codings(headers):
        failure = Failure(FailureKind.UNSUPPORTED_MEDIA, "content-encoding: send the body as it is.")
    if failure is not None:
        raise RequestError(failure)
    assert request.content is not None
    body = request.content.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        message = f"The body is longer than {_LARGEST} bytes."
        raise RequestError(Failure(FailureKind.BODY_TOO_LARGE, message))
    try:
        return msgspec.json.decode(body, type=Wish)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _refused('Send {"model": NAME} or {"model": null}.') from None


def _refused(message: str) -> RequestError:
    return RequestError(Failure(FailureKind.INVALID_REQUEST, message, param="model"))
