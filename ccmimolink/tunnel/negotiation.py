"""What a client and a proxy say to each other before there is a way through.

Owns the shape of such a talk, and the words for what can go wrong with a proxy. They name no host, and no
credentials. It must not know a connection.
"""

from __future__ import annotations

from typing import Protocol

from ccmimolink.core.upstream_errors import ADDRESS
from ccmimolink.tunnel.choice import ProxyServer


class TunnelFailed(Exception):
    """There is no way through the proxy. Nothing of a request has left. Its text is written to be read."""


class NameNotResolved(TunnelFailed):
    """A name that was to be looked up on this machine is not known there."""


class Negotiation(Protocol):
    """One talk. Sans-I/O.

    :ivar surplus: once the way is free, the first bytes that came through it; None before.
    """

    surplus: bytes | None

    def begin(self) -> bytes:
        """What the client says first."""
        ...

    def receive(self, data: bytes) -> bytes:
        """What the client says to these bytes of the proxy's, if anything.

        :raises TunnelFailed: the proxy refuses, or is none.
        """
        ...


def unreachable(server: ProxyServer) -> TunnelFailed:
    return TunnelFailed(
        f"The proxy of {server.variable} cannot be reached. Check the network and {_changed(server)}."
    )


def not_secure(server: ProxyServer) -> TunnelFailed:
    return TunnelFailed(
        f"No secure connection to the proxy of {server.variable}: TLS failed. Check the clock, "
        f"MIMO_PROXY_CA_FILE, and whether {server.variable} is to begin with http:// instead."
    )


def too_late(server: ProxyServer, limit: float) -> TunnelFailed:
    return TunnelFailed(
        f"The proxy of {server.variable} opened no way to MiMo within {limit:g} s "
        f"(MIMO_PROXY_CONNECT_TIMEOUT_MS). Check the network and {_changed(server)}."
    )


def ended_early(server: ProxyServer) -> TunnelFailed:
    return TunnelFailed(
        f"The proxy of {server.variable} ended the connection before there was a way to MiMo. "
        f"Check {_changed(server)}."
    )


def not_understood(server: ProxyServer, kind: str) -> TunnelFailed:
    return TunnelFailed(
        f"What {server.variable} names does not answer as {kind} proxy does. "
        "Check scheme, host and port in it."
    )


def credentials_refused(server: ProxyServer, code: str) -> TunnelFailed:
    if server.has_credentials:
        return TunnelFailed(
            f"The proxy refused user and password ({code}). Correct user:password in {server.variable}."
        )
    return TunnelFailed(
        f"The proxy wants user and password ({code}). Set user:password in {server.variable}."
    )


def not_allowed(server: ProxyServer, code: str) -> TunnelFailed:
    return TunnelFailed(
        f"The proxy does not allow a connection to MiMo ({code}). Allow it there, or change "
        f"{_changed(server)}."
    )


def cannot_reach(server: ProxyServer, code: str) -> TunnelFailed:
    return TunnelFailed(
        f"The proxy of {server.variable} cannot reach MiMo ({code}). Check its network and {ADDRESS}."
    )


def not_resolved(server: ProxyServer) -> NameNotResolved:
    return NameNotResolved(
        f"MiMo's host name cannot be resolved on this machine. Check {ADDRESS}, or write socks5h:// in "
        f"{server.variable}: then the proxy resolves it."
    )


def _changed(server: ProxyServer) -> str:
    """What a person would change to take another way."""
    return f"{server.variable} (NO_PROXY excepts hosts from it)"
