"""Which key goes upstream.

Owns the order in which keys are looked for and the list of what must never leave. It must not keep or log
a key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from twisted.web.http_headers import Headers

from ccmimolink.core.errors import Failure, FailureKind, Profile, RequestError
from ccmimolink.route import Route, Target

_PLACEHOLDERS = frozenset({"local-mimo-proxy", "PROXY_MANAGED"})
"""What other programs write where no key is meant to be."""

_FOREIGN = ("eyJ", "sk-proj-", "sk-svcacct-", "sk-ant-")
"""Beginnings of login tokens and of other providers' keys, which a client may send along by mistake."""

_SENDABLE = re.compile(r"[\x21-\x7e]+")

_REMEDY = (
    "Enter it in cc switch and run ccmimolink-sync, or set MIMO_API_KEY for ccmimolink, or the header "
    "X-Mimo-Api-Key in the client's provider settings."
)

NO_KEY = f"No MiMo API key came with the request. {_REMEDY}"


class KeyResolver:
    """Finds the key of a request.

    :param fallback_key: ``MIMO_API_KEY``.
    :param token: what clients of a listener beyond loopback send as their bearer; it is no MiMo key, wherever
        it stands.
    """

    def __init__(self, fallback_key: str, *, token: str = "") -> None:
        self._fallback_key, self._token = fallback_key, token.encode()

    def resolve(self, headers: Headers, profile: Profile, route: Route) -> Target:
        """The first usable key, with the upstream that it is for.

        :raises RequestError: there is none; the message says where to put one.
        """
        reason = ""
        for key in self._candidates(headers, profile, route):
            if key and route.key and route.was_written(key):
                # The client only repeats what a takeover gave it; the user may have entered another since.
                key = route.key
            objection = self.objection(key, route)
            if objection is None:
                return Target(route.base_url, key)
            reason = reason or objection
        raise RequestError(Failure(FailureKind.KEY_MISSING, reason or NO_KEY))

    def _candidates(self, headers: Headers, profile: Profile, route: Route) -> Iterator[str]:
        bearer = self._bearer(headers)
        yield from (_header(headers, b"x-mimo-api-key"), _header(headers, b"api-key"))
        if profile is Profile.GENERIC:
            yield bearer
        yield route.key
        yield self._fallback_key
        yield bearer

    def _bearer(self, headers: Headers) -> str:
        scheme, _, value = _header(headers, b"authorization").partition(" ")
        return value.strip() if scheme.lower() == "bearer" else ""

    def objection(self, key: str, route: Route) -> str | None:
        """Why the key must not go upstream, and what to do; empty where there is no key to speak of."""
        if (
            not key
            or key in _PLACEHOLDERS
            or (self._token and hmac.compare_digest(key.encode(), self._token))
        ):
            return ""
        if key.startswith(_FOREIGN) or not _SENDABLE.fullmatch(key):
            return f"The key that was sent is another service's login, and was not passed on. {_REMEDY}"
        host = urlsplit(route.base_url).hostname or ""
        is_token_plan = host.startswith("token-plan-") and host.endswith(".xiaomimimo.com")
        if key.startswith("sk-") and is_token_plan:
            return (
                f"The key is a pay-as-you-go key (sk-…), but {route.origin} is a token-plan host. "
                f"Set {route.origin} to https://api.xiaomimimo.com/v1, or use a token-plan key (tp-…)."
            )
        if key.startswith(("tp-", "ttp-")) and not is_token_plan:
            return (
                f"The key is a token-plan key (tp-…), but {route.origin} is not a token-plan host. Set "
                f"{route.origin} to the host of its region, such as https://token-plan-cn.xiaomimimo.com/v1."
            )
        return None


def _header(headers: Headers, name: bytes) -> str:
    values = headers.getRawHeaders(name)
    return values[-1].decode("latin-1").strip() if values else ""


def account_of(key: str) -> str:
    """A name for the key's account that does not tell the key, to keep apart what is not the same user's."""
    return hashlib.sha256(b"ccmimolink account\0" + key.encode()).hexdigest()
