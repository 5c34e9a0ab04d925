"""Where a request is recorded: at the client's connection, and before the agent that reaches MiMo.

Owns two wrappers that stand in the way only where there is a dump. What passes is not changed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from io import BytesIO
from typing import Any, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.components import proxyForInterface
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from ccmimolink.dump.recording import CURRENT, Message, Recording, Try, fields_of
from ccmimolink.prompt_write import flush
from ccmimolink.web.channel import ProxyRequest

_ID = b"x-request-id"
"""The header by which each request for an answer is known, from the beginning."""

_LONGEST_ERROR = 300
"""Characters."""


class Recorder(Protocol):
    """Who keeps recordings."""

    def begin(self) -> Recording | None:
        """A recording for a request that has come, or None where none is kept."""
        ...


class RecordedRequest(ProxyRequest):
    """A client's request whose answer is recorded as it is written."""

    def __init__(self, recorder: Recorder, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._recorder = recorder
        self._recording: Recording | None = None

    def process(self) -> None:
        recording = self._recording = self._recorder.begin()
        if recording is None:
            super().process()
            return
        request = recording.request
        request.line = (self.method, self.uri, self.clientproto)
        request.headers = fields_of(self.requestHeaders)
        request.body.add(cast(BytesIO, self.content).getvalue())
        copy_context().run(self._process_in_context, recording)
        recording.request_id = (self.responseHeaders.getRawHeaders(_ID) or [b""])[0].decode("latin-1")
        if not recording.request_id:
            # Nothing that is asked of MiMo: a look at the proxy, which may last for days.
            self._is_over()

    def _process_in_context(self, recording: Recording) -> None:
        CURRENT.set(recording)
        super().process()

    def write(self, data: bytes) -> None:
        if self._recording is not None:
            self._recording.answer.body.add(data)
        super().write(data)

    def write_promptly(self, data: bytes) -> None:
        if data:
            self.write(data)
            flush(self.channel.transport)

    def finish(self) -> None:
        super().finish()
        self._is_over()

    def connectionLost(self, reason: Failure) -> None:
        if self._recording is not None:
            self._recording.client_left = True
        super().connectionLost(reason)
        self._is_over()

    def _is_over(self) -> None:
        recording, self._recording = self._recording, None
        if recording is None:
            return
        ids = self.responseHeaders.getRawHeaders(_ID) or [b""]
        recording.request_id = ids[0].decode("latin-1")
        if self.startedWriting:
            recording.answer.line = (self.clientproto, b"%d" % self.code, self.code_message)
            recording.answer.headers = fields_of(self.responseHeaders)
        recording.close()


@implementer(IAgent)
class RecordingAgent:
    """Records what is sent upstream and answered, where the request that it is for is recorded."""

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Deferred[IResponse]:
        recording = CURRENT.get()
        if recording is None:
            return self._agent.request(method, uri, headers, bodyProducer)
        attempt = recording.begin_try()
        attempt.sent.line = (method, uri, b"HTTP/1.1")
        attempt.sent.headers = fields_of(headers)
        body = None if bodyProducer is None else _SentBody(bodyProducer, attempt.sent)
        try:
            asked = self._agent.request(method, uri, headers, body)
        except BaseException:
            recording.close()
            raise
        return asked.addCallbacks(
            _answered, _failed, callbackArgs=(recording, attempt), errbackArgs=(recording, attempt)
        )


def _answered(response: IResponse, recording: Recording, attempt: Try) -> IResponse:
    attempt.answered = recording.elapsed
    attempt.answer.line = (b"HTTP/%d.%d" % response.version[1:], b"%d" % response.code, response.phrase)
    attempt.answer.headers = fields_of(response.headers)
    recording.close()
    return cast(IResponse, _RecordedResponse(response, recording, attempt))


def _failed(reason: Failure, recording: Recording, attempt: Try) -> Failure:
    attempt.ended = recording.elapsed
    attempt.error = f"{type(reason.value).__name__}: {reason.getErrorMessage()}"[:_LONGEST_ERROR]
    recording.close()
    return reason


class _SentBody(proxyForInterface(IBodyProducer)):  # type: ignore[misc]  # a class that is made
    def __init__(self, producer: IBodyProducer, sent: Message) -> None:
        super().__init__(producer)
        self._sent = sent

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        started: Deferred[None] = self.original.startProducing(_Tee(consumer, self._sent.body.add))
        return started


class _Tee(proxyForInterface(IConsumer)):  # type: ignore[misc]  # a class that is made
    def __init__(self, consumer: IConsumer, told: Callable[[bytes], None]) -> None:
        super().__init__(consumer)
        self._told = told

    def write(self, data: bytes) -> None:
        self._told(data)
        self.original.write(data)


class _RecordedResponse(proxyForInterface(IResponse)):  # type: ignore[misc]  # a class that is made
    def __init__(self, response: IResponse, recording: Recording, attempt: Try) -> None:
        super().__init__(response)
        self._recording, self._attempt = recording, attempt

    def deliverBody(self, protocol: TwistedProtocol) -> None:
        self._recording.reopen()
        self.original.deliverBody(_RecordedBody(protocol, self._recording, self._attempt))


class _RecordedBody(TwistedProtocol):
    """Stands before the protocol that reads the body, which has the body's own transport."""

    def __init__(self, reader: TwistedProtocol, recording: Recording, attempt: Try) -> None:
        self._reader, self._recording, self._attempt = reader, recording, attempt

    def connectionMade(self) -> None:
        self._reader.makeConnection(cast(Any, self.transport))

    def dataReceived(self, data: bytes) -> None:
        self._attempt.answer.body.add(data)
        self._reader.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._attempt.ended = self._recording.elapsed
        name = type(reason.value).__name__
        self._attempt.error = "" if name == "ResponseDone" else name
        try:
            self._reader.connectionLost(reason)
        finally:
            self._recording.close()
