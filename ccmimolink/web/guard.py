"""Who may speak to the proxy at all.

Owns the checks that keep web pages and other machines out: a page in the user's browser must not be able to
spend the user's key, neither by a cross-site request nor by a host name that it makes resolve to loopback.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from twisted.web.http_headers import Headers

from ccmimolink.core.errors import Failure, FailureKind


class Guard:
    """The checks of one listener.

    :param token: what clients must send as ``Authorization: Bearer``; empty on loopback, where the Host and
        Origin checks stand in for it.
    """

    def __init__(self, token: str = "") -> None:
        self._token = token.encode()

    def check(self, headers: Headers) -> Failure | None:
        """The reason to refuse the request, or None."""
        origin = headers.getRawHeaders(b"origin")
        if origin and not _is_loopback(_host_name(origin[-1].decode("latin-1").partition("//")[2])):
            return _forbidden("Requests from web pages are not served.")
        if self._token:
            return None if self._knows_token(headers) else _forbidden("The bearer token is missing or wrong.")
        hosts = headers.getRawHeaders(b"host") or []
        if len(hosts) != 1 or not _is_loopback(_host_name(hosts[0].decode("latin-1"))):
            return _forbidden("The Host header must name this machine: 127.0.0.1, localhost or [::1].")
        return None

    def _knows_token(self, headers: Headers) -> bool:
        values = headers.getRawHeaders(b"authorization") or [b""]
        return hmac.compare_digest(values[-1].strip(), b"Bearer " + self._token)


def _forbidden(message: str) -> Failure:
    return Failure(FailureKind.FORBIDDEN, message)


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_loopback(name: str | None) -> bool:
    if name is None:
        return False
    if name.rstrip(".") == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
