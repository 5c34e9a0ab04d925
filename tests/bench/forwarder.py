"""A forwarder that reads nothing of what it forwards: what Twisted costs. ``forwarder.py PORT UPSTREAM``.

Owns the floor that the figures of our proxy are held against: each read is written to the other side at once,
in the same way as the proxy does it.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.protocol import ClientFactory, Factory, Protocol

from ccmimolink.prompt_write import write_promptly


class _Upstream(Protocol):
    transport: Any

    def __init__(self, client: _Client) -> None:
        self._client = client

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self._client.connected_to(self)

    def dataReceived(self, data: bytes) -> None:
        write_promptly(self._client.transport, data)


class _Client(Protocol):
    transport: Any

    def __init__(self, reactor: Any, upstream: int) -> None:
        self._reactor, self._port = reactor, upstream
        self._upstream: _Upstream | None = None
        self._early: list[bytes] = []

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        factory = ClientFactory.forProtocol(lambda: _Upstream(self))
        factory.noisy = False
        self._reactor.connectTCP("127.0.0.1", self._port, factory)

    def connected_to(self, upstream: _Upstream) -> None:
        self._upstream = upstream
        upstream.transport.write(b"".join(self._early))

    def dataReceived(self, data: bytes) -> None:
        if self._upstream is None:
            self._early.append(data)
        else:
            write_promptly(self._upstream.transport, data)

    def connectionLost(self, reason: object = None) -> None:
        if self._upstream is not None:
            self._upstream.transport.loseConnection()


def main() -> None:
    from twisted.internet import reactor

    listening: Any = reactor
    port, upstream = map(int, sys.argv[1:])
    factory = Factory.forProtocol(lambda: _Client(reactor, upstream))
    factory.noisy = False
    listening.listenTCP(port, factory, interface="127.0.0.1")
    listening.run()


if __name__ == "__main__":
    main()
