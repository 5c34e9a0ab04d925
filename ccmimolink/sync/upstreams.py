"""The true upstream of a provider, also when its route leads to us already.

Owns the order of the sources. A loopback address is never one of them: that would be us, or another proxy
that may be gone tomorrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.rows import Provider
from ccmimolink.sync.state import Memory, key_digest
from ccmimolink.sync.urls import (
    PAY_AS_YOU_GO,
    TOKEN_PLAN,
    fits,
    host_of,
    is_loopback,
    is_mimo,
    upstream_of,
)


class Hints(Protocol):
    @property
    def upstream(self) -> str | None: ...

    @property
    def base_url(self) -> str | None: ...


def true_upstream(
    provider: Provider, memory: Memory, hints: Hints, backups: Sequence[str]
) -> tuple[str, str]:
    """The upstream, and a doubt about it that the user should hear; empty where there is none.

    :param backups: the addresses in our backups of the live configuration, the newest first.
    :raises SyncError: the user named this machine, or an address is none.
    """
    named = named_upstream(hints)
    if named is not None:
        return named, ""
    url = provider.route.base_url
    if not is_loopback(url):
        if not host_of(url):
            raise SyncError(
                f"The address of the provider {provider.row.name!r} is no http or https URL. Mend it in cc "
                "switch, or give MiMo's with --upstream. Nothing was changed."
            )
        return upstream_of(url), ""
    for name in (provider.row.id, key_digest(provider.key)):
        if name in memory.upstreams:
            return memory.upstreams[name], ""
    return _guessed(provider, hints, backups)


def named_upstream(hints: Hints) -> str | None:
    """What the user said.

    :raises SyncError: it is this machine, or no URL.
    """
    if hints.upstream is None:
        return None
    if not host_of(hints.upstream):
        raise SyncError("--upstream is no http or https URL. Nothing was changed.")
    if is_loopback(hints.upstream):
        raise SyncError("--upstream leads to this machine, and not to MiMo. Nothing was changed.")
    return upstream_of(hints.upstream)


def _guessed(provider: Provider, hints: Hints, backups: Sequence[str]) -> tuple[str, str]:
    """The row leads to us and nothing is remembered: what else is there tells, or the key's plan."""
    key = provider.key
    if key.startswith("sk-"):
        return by_key(key)
    listed, kept = _fitting(key, provider.row.endpoints), _fitting(key, backups)
    for url in listed:
        # The list alone may be the preset's, and its region not the user's.
        if url in kept:
            return url, ""
    if hints.base_url is not None and not is_loopback(hints.base_url):
        return upstream_of(hints.base_url), ""
    for url in (*listed, *kept):
        return url, _doubt(url, *(other for other in (*listed, *kept) if other != url))
    return by_key(key)


def _fitting(key: str, urls: Sequence[str]) -> list[str]:
    """Those of MiMo's that serve the key's plan, each once."""
    return list(dict.fromkeys(upstream_of(url) for url in urls if is_mimo(url) and fits(key, url)))


def by_key(key: str) -> tuple[str, str]:
    """The upstream that a key's plan has, and the doubt that remains."""
    if key.startswith("sk-"):
        return PAY_AS_YOU_GO, ""
    return TOKEN_PLAN, _doubt(TOKEN_PLAN)


def _doubt(upstream: str, *others: str) -> str:
    instead = f", or {' or '.join(dict.fromkeys(others))}" if others else ""
    return (
        f"The upstream is taken to be {upstream}, since nothing is remembered{instead}. If the key is of "
        "another region, run ccmimolink-sync --upstream URL."
    )
