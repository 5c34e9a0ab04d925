"""ResponsesExchange: one ``POST /v1/responses``, from its body to the end of its answer.

Owns the walk of a request through the proxy, and the promise that every way out of it releases the slot,
drops what is no longer wanted upstream and ends the client's answer. It must not translate: the core does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import cast

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure as TwistedFailure
from twisted.web.iweb import IResponse
from twisted.web.server import Request

from ccmimolink.activity.values import Running
from ccmimolink.core.amend import Alternatives
from ccmimolink.core.chat import encode_request
from ccmimolink.core.context import RequestContext
from ccmimolink.core.errors import (
    Failure,
    FailureKind,
    Profile,
    ProxyError,
    answers_with_stream,
)
from ccmimolink.core.events import encode_events, encode_response
from ccmimolink.core.request import Plan, translate_request
from ccmimolink.core.request_body import parse_request
from ccmimolink.core.responses import Item, ResponsesRequest
from ccmimolink.core.stream import ResponseStream
from ccmimolink.core.template import response_template
from ccmimolink.core.tools import ToolTable
from ccmimolink.core.upstream_errors import Refusal, without_key
from ccmimolink.core.writers import carrier
from ccmimolink.inflate import deliver_body
from ccmimolink.journey import Journey, Phase
from ccmimolink.limiter import Permit
from ccmimolink.web.amendments import Amendments
from ccmimolink.web.answers import json_answer, send, send_failure
from ccmimolink.web.bodies import codings, decoded
from ccmimolink.web.channel import ProxyRequest
from ccmimolink.web.client import name_of, profile_of, turn_of
from ccmimolink.web.keys import account_of
from ccmimolink.web.log_text import clipped
from ccmimolink.web.notes import note_answer, note_oddities
from ccmimolink.web.record import Record
from ccmimolink.web.references import resolved
from ccmimolink.web.relay import Relay
from ccmimolink.web.remember import own_input, remember_reasoning, remember_response
from ccmimolink.web.services import ProxyServices


class ResponsesExchange:
    """Made by the resource, which then calls :meth:`begin` and forgets it."""

    _log = Logger()

    def __init__(self, services: ProxyServices, request: Request) -> None:
        self._services, self._http = services, request
        self._profile = profile_of(request.requestHeaders)
        self._id = services.new_id("req")
        request.responseHeaders.setRawHeaders(b"x-request-id", [self._id.encode()])
        self._context = RequestContext(
            request_id=self._id,
            profile=self._profile,
            turn=turn_of(request.requestHeaders),
            settings=services.settings,
            models=services.models,
        )
        self._journey = Journey.begin(self._id, services.monotonic)
        self._record = Record(self._id, services.now(), name_of(request.requestHeaders), self._context.turn)
        self._running: Deferred[None] | None = None
        self._waiting: Deferred[Permit] | Permit | None = None
        self._relay: Relay | None = None
        self._stream: ResponseStream | None = None
        self._aborted: Failure | None = None
        self._client_gone = False
        self._streaming = False

    def begin(self) -> None:
        """Serve the request. Nothing is left to do for the caller."""
        self._services.live.add(self)
        self._http.notifyFinish().addErrback(self._client_left)
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._unexpected)
        self._running.addBoth(self._ended)

    def abort(self, failure: Failure) -> None:
        """End it now: a running stream gets its terminal event, a request without one this failure."""
        if self._relay is not None and not self._relay.finished.called:
            self._relay.fail(failure)
        elif self._running is not None:
            self._aborted = failure
            self._running.cancel()

    def seen(self) -> Running:
        """What a person is shown of it while it runs."""
        journey, record = self._journey, self._record
        is_queued = self._waiting is not None and journey.phase is Phase.QUEUED
        place = self._services.limiter.place_of(self._waiting) if is_queued and self._waiting else None
        return Running(
            id=self._id,
            client=clipped(record.client, 40),
            kind=record.turn.value,
            asked=clipped(record.asked),
            used=clipped(record.used),
            phase=journey.phase.value,
            elapsed=journey.elapsed,
            received=0 if self._relay is None else self._relay.received,
            position=None if place is None else place.position,
            starts_in=None if place is None else place.starts_in,
            retries=journey.retries,
        )

    def _client_left(self, _reason: TwistedFailure) -> None:
        self._client_gone = True
        if self._running is not None:
            self._running.cancel()

    # -- the walk -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._serve()
        except ProxyError as error:
            if error.failure.kind is FailureKind.KEY_REJECTED:
                self._services.route.doubt()
            self._refuse(error.failure)
        except CancelledError:
            if self._aborted is not None:
                self._refuse(self._aborted)
            elif not self._client_gone:
                raise

    async def _serve(self) -> None:
        services = self._services
        original, size = self._read()
        self._streaming = original.stream
        route = await services.route.current()
        target = services.keys.resolve(self._http.requestHeaders, self._profile, route)
        account = account_of(target.key)
        amendments = Amendments(
            services.lessons,
            Alternatives(services.models, services.settings.vision_model),
            account=account,
            request_id=self._id,
        )
        note_oddities(self._id, original, services.passed_over)
        history = self._history(original, account)
        own_items, referenced = resolved(
            original.input,
            history,
            lambda item_ids: services.store.find_items(item_ids, account),
            services.limits.max_decompressed_bytes,
        )
        expanded = msgspec.structs.replace(original, input=[*history, *own_items])
        transformed = await services.plugins.run_transforms(expanded, self._context)
        plan = self._plan(transformed, account)
        # A transform may keep a request from being stored, never have one stored against the client's wish.
        original = msgspec.structs.replace(original, store=original.store and transformed.store)
        self._record.asked, self._record.used = original.model or "-", plan.model
        self._stream = stream = self._make_stream(original, plan)
        upstream_body = encode_request(plan.chat)
        size += referenced
        input_text = own_input(original, own_items, stream)
        # While it waits and is answered a request is held once, as the bytes to send: histories are long.
        original = msgspec.structs.replace(original, input=[], tools=[], raw_tools=[])
        del history, own_items, expanded, transformed, plan
        self._journey.queue()
        cast(ProxyRequest, self._http).let_go()
        self._waiting = acquiring = services.limiter.acquire(len(upstream_body))
        self._waiting = permit = await acquiring
        try:
            hide_key = partial(without_key, key=target.key)
            read = partial(self._relayed, stream, amendments, hide_key)
            amend = partial(self._amended, stream, amendments)
            answer = services.client.open_stream(upstream_body, target, permit, read, self._journey, amend)
            del upstream_body  # an amended body may take its place
            await answer
        finally:
            permit.release()
        note_answer(self._id, stream, self._relay, services.limits)
        remember_reasoning(services.reasoning, account, stream)
        remember_response(services.store, account, original, input_text, stream, size)
        self._complete(stream)

    def _read(self) -> tuple[ResponsesRequest, int]:
        """The request, and the bytes of its body. Those are gone from here on, as far as they were read."""
        # Not "read", which would make a second copy of what may be megabytes.
        content = cast(BytesIO, self._http.content)
        body = content.getvalue()
        content.close()
        limit = self._services.limits.max_decompressed_bytes
        body = decoded(body, codings(self._http.requestHeaders), limit)
        return parse_request(body), len(body)

    def _history(self, request: ResponsesRequest, account: str) -> tuple[Item, ...]:
        """The stored conversation that the request continues."""
        if request.previous_response_id is None:
            return ()
        return self._services.store.history(request.previous_response_id, account)

    def _plan(self, request: ResponsesRequest, account: str) -> Plan:
        services = self._services
        tools = ToolTable.build(request, services.plugins.bound_filters(self._context))
        if tools.dropped:
            services.totals.tools_not_offered += sum(tools.dropped.values())
            listed = ", ".join(f"{what} ({count})" for what, count in tools.dropped.items())
            self._log.info("{id}: tools not offered: {tools}", id=self._id, tools=clipped(listed, 1000))
        plan = translate_request(
            request,
            tools,
            model=services.models.get(request.model or ""),
            recall=lambda call_id: services.reasoning.get(account, call_id),
        )
        chat = services.lessons.applied(account, plan.chat)
        return msgspec.structs.replace(plan, chat=chat, model=chat.model)

    def _make_stream(self, original: ResponsesRequest, plan: Plan) -> ResponseStream:
        services = self._services
        template = response_template(
            original,
            response_id=services.new_id("resp"),
            created_at=int(services.now()),
            model=plan.model,
            profile=self._profile,
        )
        wants_carrier = "reasoning.encrypted_content" in original.include
        return ResponseStream(
            template,
            tools=plan.tools,
            parsers=services.plugins.bound_parsers(list(plan.tools)),
            new_id=services.new_id,
            now=services.now,
            profile=self._profile,
            carry=carrier(summary_is_complete=self._profile is Profile.CODEX) if wants_carrier else None,
            options=plan.response_options,
            max_calls=services.limits.max_calls,
        )

    def _amended(
        self, stream: ResponseStream, amendments: Amendments, refusal: Refusal, body: bytes
    ) -> bytes | None:
        """The body to send in place of the one that MiMo refused, or None."""
        chat = amendments.amended(refusal, body)
        if chat is None:
            return None
        # Nothing of the answer was made yet, so it can still say who gives it.
        stream.response = msgspec.structs.replace(stream.response, model=chat.model)
        self._record.used = chat.model
        return encode_request(chat)

    async def _relayed(
        self,
        stream: ResponseStream,
        amendments: Amendments,
        without_key: Callable[[bytes], bytes],
        response: IResponse,
    ) -> None:
        """The whole answer, from its first byte to its terminal event.

        :raises UpstreamError: it failed before anything was sent to the client.
        """
        services = self._services

        def accepted() -> None:
            self._journey.stream()
            amendments.accepted()

        self._relay = Relay(
            stream,
            self if self._streaming else None,
            clock=services.clock,
            monotonic=services.monotonic,
            limits=services.limits,
            accepted=accepted,
            without_key=without_key,
            lingering=services.lingering,
            parser_failed=lambda error: services.plugin_failed(error.name, error.__cause__ or error).failure,
        )
        deliver_body(response, self._relay, services.clock)
        await self._relay.finished

    # -- the client's side --------------------------------------------------------------------------------

    def open(self, producer: Relay) -> None:
        """The relay's first events are due: the answer is a stream from here on."""
        self._open_headers()
        self._http.registerProducer(producer, True)

    def _open_headers(self) -> None:
        headers = self._http.responseHeaders
        self._http.setResponseCode(200)
        headers.setRawHeaders(b"content-type", [b"text/event-stream"])
        headers.setRawHeaders(b"cache-control", [b"no-cache"])

    def write(self, data: bytes) -> None:
        if not self._client_gone:
            cast(ProxyRequest, self._http).write_promptly(data)

    def _complete(self, stream: ResponseStream) -> None:
        self._journey.end()
        self._record.responded(stream)
        if self._client_gone:
            return
        if self._streaming:
            self._http.unregisterProducer()
            self._http.finish()
        elif stream.failure is not None:
            # Nothing was sent yet, so the failure can be an HTTP error, which clients know how to raise.
            self._refuse(stream.failure)
        else:
            send(self._http, json_answer(encode_response(stream.response)))

    def _refuse(self, failure: Failure) -> None:
        """End the client's answer with a failure, in the form that still fits what was sent."""
        self._record.failed(failure)
        if self._client_gone:
            return
        if self._http.startedWriting:
            # Only a client that stopped reading is left without its terminal event: it would not see one.
            self._http.unregisterProducer()
            self._http.channel.forceAbortClient()
        elif self._streaming and self._stream is not None and answers_with_stream(failure, self._profile):
            self._open_headers()
            self._http.write(encode_events([*self._stream.start(), *self._stream.fail(failure)]))
            self._http.finish()
        else:
            send_failure(self._http, failure)

    def _unexpected(self, reason: TwistedFailure) -> None:
        """A fault of ours. The client is told where in the log to look."""
        self._log.failure("{id}: internal error", failure=reason, id=self._id)
        message = f"ccmimolink failed on this request. Its log says more under {self._id}."
        failure = Failure(FailureKind.INTERNAL, message)
        self._record.failed(failure)
        if self._http.startedWriting and self._stream is not None and not self._client_gone:
            self.write(encode_events(self._stream.fail(failure)))
            self._http.unregisterProducer()
            self._http.finish()
        else:
            self._refuse(failure)

    def _ended(self, result: object) -> None:
        services = self._services
        services.live.remove(self)
        if isinstance(result, TwistedFailure):
            # The fault is in what would have made the last event.
            self._log.failure("{id}: the answer was not ended", failure=result, id=self._id)
            if not self._client_gone:
                self._http.channel.forceAbortClient()
        status = self._http.code if self._http.startedWriting else None
        stream = self._stream
        # The answer must not live until somebody collects the cycle of which they are parts.
        self._relay = self._stream = self._waiting = None
        self._record.write(self._log, self._journey, status, stream)
        services.activity.add(self._record.finished(self._journey, status, stream, services.models))
