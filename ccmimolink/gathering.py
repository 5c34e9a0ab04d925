"""Bodies in the pieces in which they arrived, from an agent that gives them in smaller ones.

Owns the collecting: Twisted's agent calls once for each HTTP chunk, and a stream of small events is one chunk
per event. It must not read a body.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.components import proxyForInterface
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer


@implementer(IAgent)
class GatheringAgent:
    """An agent whose answers give what came in one turn of the reactor in one piece."""

    def __init__(self, agent: IAgent, clock: IReactorTime) -> None:
        self._agent, self._clock = agent, clock

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Deferred[IResponse]:
        answered = self._agent.request(method, uri, headers, bodyProducer)
        return answered.addCallback(_GatheringResponse, self._clock)


class _GatheringResponse(proxyForInterface(IResponse)):  # type: ignore[misc]  # a class that is made
    def __init__(self, response: IResponse, clock: IReactorTime) -> None:
        super().__init__(response)
        self._clock = clock

    def deliverBody(self, protocol: Protocol) -> None:
        self.original.deliverBody(_Gatherer(protocol, self._clock))


class _Gatherer(Protocol):
    """Stands before the protocol that reads the body, which has the body's own transport."""

    def __init__(self, reader: Protocol, clock: IReactorTime) -> None:
        self._reader, self._clock = reader, clock
        self._pieces: list[bytes] = []
        self._turn: IDelayedCall | None = None

    def connectionMade(self) -> None:
        self._reader.makeConnection(cast(Any, self.transport))

    def dataReceived(self, data: bytes) -> None:
        self._pieces.append(data)
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._give)

    def _give(self) -> None:
        self._turn = None
        gathered = b"".join(self._pieces)
        self._pieces.clear()
        self._reader.dataReceived(gathered)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._give()
        self._reader.connectionLost(reason)
