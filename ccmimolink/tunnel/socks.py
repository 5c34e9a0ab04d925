"""The talk with a SOCKS proxy of version 5 (RFC 1928), with user and password (RFC 1929) or without.

Owns the bytes of both sides. Sans-I/O: however the proxy's are cut, no more of them is taken than belongs to
the talk, which is bounded by its form.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from ccmimolink.tunnel.choice import ProxyServer
from ccmimolink.tunnel.negotiation import (
    TunnelFailed,
    cannot_reach,
    credentials_refused,
    not_allowed,
    not_understood,
)

_VERSION, _OF_CREDENTIALS = 5, 1
_NONE, _USER_AND_PASSWORD, _NO_METHOD = 0, 2, 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_ADDRESS_LENGTHS = {_IPV4: 4, _IPV6: 16}
_PORT_LENGTH, _LONGEST_NAME = 2, 255

_FREE, _NOT_ALLOWED = 0, 2
_REPLIES = {
    1: "general failure",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "kind of address not supported",
}

_Step = Callable[[bytes], "tuple[int, bytes, _Step | None] | None"]
"""Reads a message: gives its length, the answer to it and the next step, or None while it is not whole."""


class SocksNegotiation:
    """:param host: of the upstream; an address without brackets, or a name for the proxy to resolve."""

    def __init__(self, server: ProxyServer, host: str, port: int) -> None:
        self._server, self._host, self._port = server, host, port
        self._came = b""
        self._step: _Step | None = self._method
        self.surplus: bytes | None = None

    def begin(self) -> bytes:
        methods = (_NONE, _USER_AND_PASSWORD) if self._server.has_credentials else (_NONE,)
        return bytes((_VERSION, len(methods), *methods))

    def receive(self, data: bytes) -> bytes:
        self._came += data
        answers = []
        while self._step is not None and (read := self._step(self._came)) is not None:
            length, answer, self._step = read
            self._came = self._came[length:]
            answers.append(answer)
        if self._step is None:
            self.surplus = self._came
        return b"".join(answers)

    def _method(self, came: bytes) -> tuple[int, bytes, _Step | None] | None:
        self._check_version(came, _VERSION)
        if len(came) < 2:
            return None
        method = came[1]
        if method == _NONE:
            return 2, self._request(), self._reply
        server = self._server
        if method == _USER_AND_PASSWORD and server.has_credentials:
            credentials = b"".join(bytes((len(part),)) + part for part in (server.user, server.password))
            return 2, bytes((_OF_CREDENTIALS,)) + credentials, self._credentials_judged
        if method == _NO_METHOD:
            raise credentials_refused(server, "no method of SOCKS fits")
        raise self._not_understood()

    def _credentials_judged(self, came: bytes) -> tuple[int, bytes, _Step | None] | None:
        self._check_version(came, _OF_CREDENTIALS)
        if len(came) < 2:
            return None
        if came[1]:
            raise credentials_refused(self._server, "by SOCKS")
        return 2, self._request(), self._reply

    def _request(self) -> bytes:
        try:
            address = ipaddress.ip_address(self._host)
        except ValueError:
            name = self._host.encode("ascii")
            if len(name) > _LONGEST_NAME:
                raise cannot_reach(self._server, "the host name is too long for SOCKS") from None
            where = bytes((_NAME, len(name))) + name
        else:
            where = bytes((_IPV4 if address.version == 4 else _IPV6,)) + address.packed
        return bytes((_VERSION, _CONNECT, 0)) + where + self._port.to_bytes(_PORT_LENGTH, "big")

    def _reply(self, came: bytes) -> tuple[int, bytes, _Step | None] | None:
        self._check_version(came, _VERSION)
        if len(came) < 2:
            return None
        # A refusal may come without the address behind it.
        if came[1] != _FREE:
            raise self._refused(came[1])
        if len(came) < 5:
            return None
        length = came[4] + 1 if came[3] == _NAME else _ADDRESS_LENGTHS.get(came[3])
        if length is None:
            raise self._not_understood()
        end = 4 + length + _PORT_LENGTH
        return (end, b"", None) if len(came) >= end else None

    def _refused(self, code: int) -> TunnelFailed:
        if code == _NOT_ALLOWED:
            return not_allowed(self._server, "by SOCKS")
        if code in _REPLIES:
            return cannot_reach(self._server, _REPLIES[code])
        return self._not_understood()

    def _check_version(self, came: bytes, version: int) -> None:
        if came and came[0] != version:
            raise self._not_understood()

    def _not_understood(self) -> TunnelFailed:
        return not_understood(self._server, "a SOCKS5")
