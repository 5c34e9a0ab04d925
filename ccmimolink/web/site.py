"""The HTTP server: which connections there are.

Owns their number, and their end when the proxy drains. It must not know any endpoint, nor what arrives on a
connection.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource
from twisted.web.server import Site

from ccmimolink.core.errors import Failure, FailureKind
from ccmimolink.web.channel import IDLE_TIMEOUT, ProxyChannel, ProxyRequest, RequestLimits
from ccmimolink.web.services import DRAINING


class ProxySite(Site):
    """A site that keeps bodies in memory and knows its connections.

    :param max_connections: one more takes the place of the one that has been idle longest, or of one that
        gives way, or is refused.
    :param refusal: why a body is not even read, judged by its headers, or None.
    :param request_factory: makes a request of a channel.
    """

    protocol = ProxyChannel  # type: ignore[assignment]  # HTTP/1.1 only: no channel that negotiates
    noisy = False

    def __init__(
        self,
        root: IResource,
        *,
        limits: RequestLimits,
        max_connections: int,
        reactor: Any,
        refusal: Callable[[Headers], Failure | None],
        request_factory: Callable[..., ProxyRequest] = ProxyRequest,
    ) -> None:
        super().__init__(
            root,
            requestFactory=request_factory,
            # No endpoint takes a form, and finding out that a body is none takes longer than routing it.
            parsePOSTFormSubmission=False,
            timeout=IDLE_TIMEOUT,
            reactor=reactor,
        )
        self.limits, self.refusal = limits, refusal
        self.arriving = 0
        self._max_connections = max_connections
        # All that are open, the one that has been idle longest first among those that are idle.
        self._channels: dict[ProxyChannel, None] = {}
        self._closing: set[ProxyChannel] = set()
        self._reactor = reactor
        self._all_closed: Deferred[None] | None = None

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._channels)

    def getContentFile(self, length: int | None) -> BytesIO:
        """In memory whatever the length: a temporary file costs more than it saves below the limit."""
        return BytesIO()

    def log(self, request: Any) -> None:
        """Nothing: an exchange writes its own line, and an access log would repeat it without the outcome."""

    # -- what a connection tells ----------------------------------------------------------------------------

    def opened(self, channel: ProxyChannel) -> None:
        self._channels[channel] = None
        if len(self._channels) - len(self._closing) <= self._max_connections:
            return
        idle = self._to_be_closed_before(channel)
        many_were_told = len(self._closing) >= self._max_connections
        self._closing.add(idle)
        if many_were_told:
            # As many again are closing already, and their clients may not read.
            cast(ITCPTransport, idle.transport).abortConnection()
        elif idle is not channel:
            idle.loseConnection()
        else:
            channel.refuse(_TOO_MANY)

    def _to_be_closed_before(self, channel: ProxyChannel) -> ProxyChannel:
        """The one of all that one more can spare first; itself where there is none."""
        others = [each for each in self._channels if each is not channel and each not in self._closing]
        spare = [each for each in others if each.idle] or [each for each in others if each.gives_way]
        return spare[0] if spare else channel

    def became_idle(self, channel: ProxyChannel) -> None:
        self._channels[channel] = self._channels.pop(channel, None)

    def closed(self, channel: ProxyChannel) -> None:
        self._channels.pop(channel, None)
        self._closing.discard(channel)
        if not self._channels and self._all_closed is not None:
            all_closed, self._all_closed = self._all_closed, None
            all_closed.callback(None)

    # -- the end --------------------------------------------------------------------------------------------

    def close_idle(self) -> None:
        """Close the connections without a request, and each of the others once its request is answered."""
        for channel in list(self._channels):
            if channel.idle:
                channel.loseConnection()
            else:
                channel.persistent = False

    async def close_all(self, limit: float) -> None:
        """Close every connection, and return when they are closed. What was written still leaves, and a
        request that is still arriving is told to come back.

        :param limit: seconds after which a connection is aborted whose client does not read it.
        """
        if not self._channels:
            return
        all_closed: Deferred[None] = Deferred()
        self._all_closed = all_closed
        for channel in list(self._channels):
            channel.close(DRAINING)
        abort = self._reactor.callLater(limit, self._abort_all)
        try:
            await all_closed
        finally:
            if abort.active():
                abort.cancel()

    def _abort_all(self) -> None:
        for channel in list(self._channels):
            channel.forceAbortClient()


_TOO_MANY = Failure(
    FailureKind.TOO_MANY_CONNECTIONS,
    "ccmimolink has as many connections as MIMO_PROXY_MAX_CONNECTIONS allows, and all are in use.",
)
