"""The talk with an HTTP proxy: ``CONNECT``, and the head of its answer (RFC 9110, 9.3.6).

Owns the request, and what an answer means by its status. Sans-I/O. It must not show an answer's fields and
words: they are the proxy's, and say nothing that the status does not.
"""

from __future__ import annotations

import re
from base64 import b64encode

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from ccmimolink.tunnel.choice import ProxyServer, netloc
from ccmimolink.tunnel.negotiation import (
    TunnelFailed,
    cannot_reach,
    credentials_refused,
    not_allowed,
    not_understood,
)

MAX_ANSWER = 16 * 1024
"""Bytes up to the end of the head that answers, interim answers included."""

_END = re.compile(rb"\r?\n\r?\n")
_OF_CREDENTIALS = (401, 407)
"""The former is for servers, but tinyproxy answers a wrong password so; a server cannot answer yet."""


class ConnectNegotiation:
    """:param host: of the upstream; a name, or an address without brackets."""

    def __init__(self, server: ProxyServer, host: str, port: int) -> None:
        self._server, self._target = server, netloc(host, port)
        self._came = bytearray()
        self._read = 0
        self.surplus: bytes | None = None

    def begin(self) -> bytes:
        lines = [f"CONNECT {self._target} HTTP/1.1", f"Host: {self._target}"]
        server = self._server
        if server.has_credentials:
            credentials = b64encode(server.user + b":" + server.password).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {credentials}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def receive(self, data: bytes) -> bytes:
        came = self._came
        looked_at = max(0, len(came) - 3)
        came += data
        while (end := _END.search(came, looked_at)) is not None:
            self._read += end.end()
            if self._read > MAX_ANSWER:
                break
            status = self._status(bytes(came[: end.end()]))
            del came[: end.end()]
            looked_at = 0
            if status >= 200:
                self._judge(status)
                self.surplus = bytes(came)
                return b""
        # What makes the way free may bring any number of bytes along.
        if self._read + len(came) > MAX_ANSWER:
            raise self._not_understood()
        return b""

    def _status(self, head: bytes) -> int:
        parser = HttpResponseParser(self)
        parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_chunked_length=True, lenient_optional_cr_before_lf=True
        )
        self._is_head = False
        try:
            parser.feed_data(head)
        except (HttpParserError, HttpParserUpgrade):
            raise self._not_understood() from None
        status: int = parser.get_status_code()
        if not self._is_head or status < 100:
            raise self._not_understood()
        return status

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._is_head = True

    def _judge(self, status: int) -> None:
        if status < 300:
            return
        if status in _OF_CREDENTIALS:
            raise credentials_refused(self._server, str(status))
        if status >= 500:
            raise cannot_reach(self._server, str(status))
        raise not_allowed(self._server, str(status))

    def _not_understood(self) -> TunnelFailed:
        return not_understood(self._server, "an HTTP")
