"""What a base URL is: MiMo's, this machine's, or another's, and where it really leads.

Owns these judgements. It must not connect to anything.

Source: MiMo's hosts (pay-as-you-go and the token plan's regions), and cc switch's ``isFullUrl``, which says
that an address is a whole endpoint.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import inet_aton
from urllib.parse import SplitResult, urlsplit, urlunsplit

MIMO_DOMAIN = "xiaomimimo.com"
PAY_AS_YOU_GO = "https://api.xiaomimimo.com/v1"
TOKEN_PLAN = "https://token-plan-cn.xiaomimimo.com/v1"
_ENDPOINTS = ("/responses", "/chat/completions", "/messages")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
        (parts.hostname or "").encode("idna")  # a label is too long, or there is none between two dots
    except ValueError:
        return None
    return parts if parts.scheme.lower() in ("http", "https") and parts.hostname else None


def host_of(url: str) -> str:
    """The host in lower case, or nothing where the text is no URL of one."""
    parts = _split(url)
    return (parts.hostname or "").rstrip(".") if parts else ""


def is_mimo(url: str) -> bool:
    """Whether the host is MiMo's, in whatever plan or region."""
    host = host_of(url)
    return host == MIMO_DOMAIN or host.endswith(f".{MIMO_DOMAIN}")


def is_loopback(url: str) -> bool:
    """Whether the URL leads to this machine, so that it can be nobody's true upstream."""
    host = host_of(url)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        try:
            address = IPv4Address(inet_aton(host))  # "127.1" and the like, which lead there just as well
        except (OSError, UnicodeError, ValueError):
            return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def same(one: str, other: str) -> bool:
    """Whether two URLs are one address, written differently perhaps."""
    return _canonical(one) == _canonical(other)


def _canonical(url: str) -> object:
    parts = _split(url)
    if parts is None:
        return url
    port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    host = "127.0.0.1" if is_loopback(url) else host_of(url)
    return parts.scheme.lower(), host, port, parts.path.rstrip("/"), parts.query


def upstream_of(base_url: str) -> str:
    """Where chat completions are asked for, without a trailing slash: the base that a route leads to.

    A route may name an endpoint in whole, or MiMo's Anthropic side; both have the chat side beside them.
    """
    parts = _split(base_url)
    if parts is None:
        return base_url
    path = parts.path.rstrip("/")
    for endpoint in _ENDPOINTS:
        path = path.removesuffix(endpoint).rstrip("/")
    if is_mimo(base_url) and (not path or path.split("/")[1] == "anthropic"):
        path = "/v1"
    return urlunsplit((parts.scheme.lower(), parts.netloc.rpartition("@")[2], path, "", ""))


def shown(url: str) -> str:
    """The URL without what may be secret in it: credentials and query."""
    parts = _split(url)
    if parts is None:
        return "(no URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def is_token_plan(url: str) -> bool:
    return is_mimo(url) and host_of(url).startswith("token-plan-")


def fits(key: str, url: str) -> bool:
    """Whether a key is of the plan that a MiMo host serves. Nothing is known of other hosts and keys."""
    if not is_mimo(url):
        return True
    if key.startswith("sk-"):
        return not is_token_plan(url)
    return is_token_plan(url) if key.startswith(("tp-", "ttp-")) else True
