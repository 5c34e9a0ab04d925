"""A connection through a proxy.

Owns the talk on the wire, its limit in time, and the handing over once the way is free. It must not know what
travels there: TLS to the upstream is the business of whoever wraps this endpoint.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError, UnknownHostError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from ccmimolink.tunnel.choice import ProxyServer
from ccmimolink.tunnel.connect import ConnectNegotiation
from ccmimolink.tunnel.negotiation import (
    Negotiation,
    TunnelFailed,
    ended_early,
    not_resolved,
    not_secure,
    too_late,
    unreachable,
)
from ccmimolink.tunnel.socks import SocksNegotiation


@implementer(IStreamClientEndpoint)
class TunnelEndpoint:
    """A server behind a proxy.

    :param policy: whom an ``https`` proxy is to be vouched for by.
    :param host: of the server; a name, or an address without brackets.
    :param limit: seconds until the way is free: for reaching the proxy and for all that it is to do.
    """

    def __init__(
        self, reactor: Any, policy: IPolicyForHTTPS, server: ProxyServer, host: str, port: int, limit: float
    ) -> None:
        self._reactor, self._server, self._limit = reactor, server, limit
        self._host, self._port = host, port
        to_proxy: Any = HostnameEndpoint(reactor, server.host, server.port, timeout=limit)
        if server.scheme == "https":
            creator = policy.creatorForNetloc(server.host.encode("ascii"), server.port)
            to_proxy = wrapClientTLS(creator, to_proxy)
        self._to_proxy = to_proxy

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        :raises TunnelFailed: there is no way through.
        """
        made = Deferred.fromCoroutine(self._connect(protocolFactory))
        return made.addTimeout(
            self._limit, self._reactor, lambda _, limit: Failure(too_late(self._server, limit))
        )

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        tunnel = _Tunnel(self._server, await self._negotiation(), factory)
        once = Factory.forProtocol(lambda: tunnel)
        once.noisy = False
        try:
            await self._to_proxy.connect(once)
        except (ConnectError, ConnectTimeout, DNSLookupError, UnknownHostError) as error:
            raise unreachable(self._server) from error
        return await tunnel.made

    async def _negotiation(self) -> Negotiation:
        server, host = self._server, self._host
        if not server.scheme.startswith("socks"):
            return ConnectNegotiation(server, host, self._port)
        if server.scheme == "socks5":
            try:
                host = await _address_of(self._reactor, host, self._port)
            except DNSLookupError as error:
                raise not_resolved(server) from error
        return SocksNegotiation(server, host, self._port)


@implementer(IHandshakeListener)
class _Tunnel(Protocol):
    """A connection to a proxy, and then what is at its other end.

    :ivar made: fires with the protocol that took over. Cancelling drops the connection.
    """

    transport: Any

    def __init__(self, server: ProxyServer, negotiation: Negotiation, factory: IProtocolFactory) -> None:
        self._server, self._negotiation, self._factory = server, negotiation, factory
        self._inner: IProtocol | None = None
        self._is_secure = server.scheme != "https"
        self.made: Deferred[IProtocol] = Deferred(lambda _: self.transport.abortConnection())

    def connectionMade(self) -> None:
        self.transport.write(self._negotiation.begin())

    def handshakeCompleted(self) -> None:
        self._is_secure = True

    def dataReceived(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.dataReceived(data)
        else:
            self._talk(data)

    def _talk(self, data: bytes) -> None:
        negotiation = self._negotiation
        try:
            answer = negotiation.receive(data)
        except TunnelFailed:
            self._fail(Failure())
            return
        if answer:
            self.transport.write(answer)
        if negotiation.surplus is not None:
            self._hand_over(negotiation.surplus)

    def _hand_over(self, surplus: bytes) -> None:
        try:
            inner = self._factory.buildProtocol(self.transport.getPeer())
            assert inner is not None, "a client's factory has a protocol for each connection"
        except Exception:  # whoever asked is told, as by any other endpoint
            self._fail(Failure())
            return
        self._inner = inner
        inner.makeConnection(self.transport)
        self.made.callback(inner)
        if surplus:
            inner.dataReceived(surplus)

    def _fail(self, reason: Failure) -> None:
        self.transport.abortConnection()
        self.made.errback(reason)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif not self.made.called:
            failed = ended_early if self._is_secure else not_secure
            self.made.errback(failed(self._server))


@implementer(IResolutionReceiver)
class _Addresses:
    """What a name is found to be."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: list[IPv4Address | IPv6Address] = []
        # Nobody can end a look-up. What it finds after all is of no use then.
        self.chosen: Deferred[str] = Deferred(lambda _: None)

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """There is nothing to do."""

    def addressResolved(self, address: IAddress) -> None:
        if isinstance(address, (IPv4Address, IPv6Address)):
            self._found.append(address)

    def resolutionComplete(self) -> None:
        if self.chosen.called:
            return
        if not self._found:
            self.chosen.errback(DNSLookupError(f"no address of {self._name}"))
            return
        # One is tried: with IPv4 every proxy can do something.
        first = min(self._found, key=lambda address: isinstance(address, IPv6Address))
        self.chosen.callback(first.host)


def _address_of(reactor: Any, name: str, port: int) -> Deferred[str]:
    """The address of a name; an address is its own."""
    addresses = _Addresses(name)
    reactor.nameResolver.resolveHostName(addresses, name, port)
    return addresses.chosen
