"""Who may speak to the proxy at all.

Owns the checks that keep web pages and other machines out: a page in the user's browser must not be able to
spend the user's key, neither by a cross-site request nor by a host name that it makes resolve to loopback.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

from twisted.web.http_headers import Headers

from ccmimolink.core.errors import Failure, FailureKind
from ccmimolink.model_choice import CONTROL_HEADER, CONTROL_PATH
from ccmimolink.web.bodies import codings, unknown_coding

_NOT_KNOWN = b"/ "
"""Stands for the target while a body arrives. No target holds a blank."""


class Guard:
    """The checks of one listener.

    :param token: what clients must send as ``Authorization: Bearer``; empty for none.
    :param control: what our own command sends in its place, and for its own endpoint always; empty where that
        endpoint does not exist.
    :param local: whether only this machine can reach the listener. Elsewhere it goes by names of its own, and
        a token stands in for the check of the ``Host``.
    """

    def __init__(self, token: str = "", *, local: bool = True, control: str = "") -> None:
        self._token, self._local, self._control = token.encode(), local, control.encode()

    def check(self, headers: Headers, target: bytes = _NOT_KNOWN) -> Failure | None:
        """The reason to refuse the request, or None.

        :param target: the request target as it was sent, if it is known yet. Other forms than a path name a
            host as well, or ask to be connected with one.
        """
        if _comes_from_a_page(headers, may_be_opened=_path(target) in _OPENED):
            return _forbidden("Requests from web pages are not served.")
        hosts = headers.getRawHeaders(b"host") or []
        if self._local and (len(hosts) != 1 or not _means_this_machine(hosts[0])):
            return _forbidden("The Host header must name this machine: 127.0.0.1, localhost or [::1].")
        if not target.startswith(b"/"):
            return NO_PATH
        if self._token and not self._knows_token(headers) and not self._is_command(headers, target):
            return _forbidden("The bearer token (MIMO_PROXY_TOKEN) is missing or wrong.")
        return None

    def check_control(self, headers: Headers) -> Failure | None:
        """The reason to refuse our own command's endpoint, or None.

        No page of any origin gets there, and of this machine's programs only those of whom the file with the
        token is.
        """
        names = [name.lower() for name, _ in headers.getAllRawHeaders()]
        if any(name in _SENT_FOR_PAGES or name.startswith(b"sec-fetch-") for name in names):
            return _forbidden("Requests from web pages are not served.")
        hosts = headers.getRawHeaders(b"host") or []
        if len(hosts) != 1 or not _means_this_machine(hosts[0]):
            return _forbidden("The Host header must name this machine: 127.0.0.1, localhost or [::1].")
        if not self._knows_control(headers):
            return _forbidden("The control token is missing or wrong. ccmimolink-model knows where it is.")
        return None

    def _is_command(self, headers: Headers, target: bytes) -> bool:
        """Our command need not know the clients' token. While a body arrives, its path is not known yet."""
        return _path(target) in _OF_COMMAND and self._knows_control(headers)

    def _knows_control(self, headers: Headers) -> bool:
        values = headers.getRawHeaders(CONTROL_HEADER.encode()) or []
        if not self._control or len(values) != 1:
            return False
        return hmac.compare_digest(values[0].strip(), self._control)

    def _knows_token(self, headers: Headers) -> bool:
        """In a time that tells nothing of where a wrong token differs."""
        values = headers.getRawHeaders(b"authorization") or [b""]
        scheme, _, token = values[-1].strip().partition(b" ")
        same = hmac.compare_digest(token.strip(), self._token)
        return same and len(values) == 1 and scheme.lower() == b"bearer"


_OPENED = frozenset({b"/", b"/health", b"/metrics", b"/openapi.json"})
"""What a person may open in a browser by its address: it asks nobody."""


def _path(target: bytes) -> bytes:
    return target.partition(b"?")[0]


_OF_COMMAND = frozenset({_NOT_KNOWN, CONTROL_PATH.encode()})

_SENT_FOR_PAGES = (b"sec-fetch-site", b"origin", b"referer")


def _comes_from_a_page(headers: Headers, *, may_be_opened: bool) -> bool:
    """Whether a page that is not ours made a browser send the request.

    A page on another port of this machine is another origin too. Of pictures and links a browser sends no
    ``Origin``; those are known by ``Sec-Fetch-Site``. That says ``none`` where a person typed the address,
    but also where an address that was typed led here by a redirect.
    """
    if not any(map(headers.hasHeader, _SENT_FOR_PAGES)):
        return False
    modes = headers.getRawHeaders(b"sec-fetch-mode") or [b"navigate"]
    # Programs that are built on a browser's network stack ask nobody's leave, and navigate nowhere.
    is_typed = any(mode.strip().lower() == b"navigate" for mode in modes)
    known = (b"same-origin",) if is_typed and not may_be_opened else (b"same-origin", b"none")
    sites = headers.getRawHeaders(b"sec-fetch-site") or []
    if any(site.strip().lower() not in known for site in sites):
        return True
    own = [b"http://" + host.lower() for host in headers.getRawHeaders(b"host") or []]
    if any(origin.lower() not in own for origin in headers.getRawHeaders(b"origin") or []):
        return True
    # Older browsers say no more than where they come from.
    referers = headers.getRawHeaders(b"referer") or []
    return any(b"/".join(referer.lower().split(b"/", 3)[:3]) not in own for referer in referers)


_NO_TEXT = re.compile(rb"[^\t\x20-\x7e]")


def unreadable_type(headers: Headers) -> Failure | None:
    """Why not even the type of a body is read, or None."""
    kinds = headers.getRawHeaders(b"content-type") or []
    if any(_NO_TEXT.search(kind) for kind in kinds):
        return Failure(FailureKind.UNSUPPORTED_MEDIA, "The content-type holds characters that are no text.")
    return None


def unsuitable_body(headers: Headers) -> Failure | None:
    """Why a body is not read, judged by its headers: every endpoint that takes one takes JSON.

    This too keeps web pages out: a browser sends forms and text/plain across sites without asking.
    """
    kinds = headers.getRawHeaders(b"content-type") or [b""]
    if len(kinds) != 1 or kinds[0].split(b";")[0].strip().lower() != b"application/json":
        return Failure(FailureKind.UNSUPPORTED_MEDIA, "The content-type must be application/json.")
    return unknown_coding(codings(headers))


def _forbidden(message: str) -> Failure:
    return Failure(FailureKind.FORBIDDEN, message)


NO_PATH = _forbidden("This is no forward proxy: send the path alone, such as /v1/responses.")
"""For a request target of another form, which names a host, or nothing (``OPTIONS *``)."""

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\[\]@/?#\\\s]*?)(?::[0-9]{0,5})?")
"""A host and its port, as it stands in ``Host`` and behind the scheme of an ``Origin``."""


@lru_cache(16)
def _means_this_machine(host: bytes) -> bool:
    """It is asked twice for each request, and nearly always of the same host."""
    return _is_loopback(_host_name(host.decode("latin-1")))


def _host_name(host: str) -> str | None:
    if not _HOST.fullmatch(host):
        return None
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
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # A browser does not take ::ffff:127.0.0.1 for this machine, and leaves out what the guard goes by.
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
