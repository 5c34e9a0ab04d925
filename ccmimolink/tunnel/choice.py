"""Which proxy leads to a URL, if any does.

Owns the reading of the variables that say so, and the decision. Pure: it must not connect to anything, and
must not read the environment. What it cannot understand it refuses with the rest of a sentence that begins
with the variable's name, as :mod:`ccmimolink.setting_values` does; a proxy's value is never repeated there,
since it may hold a password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes, urlsplit

_VISIBLE_ASCII = re.compile(r"[!-~]+")
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The kinds of proxies, each with its port where none is given."""

_ALIASES = {"socks": "socks5h"}
"""What desktops write for a SOCKS proxy of whatever version. Browsers take it so."""

_EXAMPLE = "Give something like http://127.0.0.1:3128, with user:password@ before the host if need be."
_LONGEST_CREDENTIAL = 255
"""Bytes of a user name or a password that SOCKS can carry (RFC 1929)."""

_IP = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """A proxy, as a variable names it.

    :ivar variable: where a person would change it.
    :ivar scheme: ``http``, ``https``, ``socks5`` or ``socks5h``.
    :ivar host: in lower case; an IPv6 address without brackets.
    """

    variable: str
    scheme: str
    host: str
    port: int
    user: bytes = field(default=b"", repr=False)
    password: bytes = field(default=b"", repr=False)

    @property
    def has_credentials(self) -> bool:
        return bool(self.user or self.password)

    @property
    def place(self) -> str:
        """Host and port, to be shown."""
        return netloc(self.host, self.port)


def netloc(host: str, port: int) -> str:
    """Host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def proxy_server(variable: str) -> Callable[[str], ProxyServer | None]:
    """The parser of a variable's text; an empty one names no proxy."""

    def parse(text: str) -> ProxyServer | None:
        return _server(variable, text) if text else None

    return parse


def _server(variable: str, text: str) -> ProxyServer:
    if not _VISIBLE_ASCII.fullmatch(text):  # urlsplit would pass over tabs and line ends
        raise ValueError(f"holds a blank or a character outside ASCII (the value is not shown). {_EXAMPLE}")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
        host.encode("idna")  # a label is too long, or there is none between two dots
    except ValueError:
        raise ValueError(
            "is not the URL of a proxy (the value is not shown; in a password, @ : / ? and # are to be "
            f"written as %40 %3A %2F %3F and %23). {_EXAMPLE}"
        ) from None
    scheme = _ALIASES.get(parts.scheme, parts.scheme)
    if scheme not in _PORTS:
        raise ValueError(
            "names a kind of proxy that cannot be used. Give http://, https://, socks5:// or socks5h://."
        )
    if not host or port == 0:
        raise ValueError(f"names no host, or port 0. {_EXAMPLE}")
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError(
            f"has something behind host and port; a file that chooses proxies is not read. {_EXAMPLE}"
        )
    user, password = (unquote_to_bytes(part or "") for part in (parts.username, parts.password))
    _check_credentials(scheme, user, password)
    return ProxyServer(variable, scheme, host, port or _PORTS[scheme], user, password)


def _check_credentials(scheme: str, user: bytes, password: bytes) -> None:
    if scheme.startswith("socks"):
        if max(len(user), len(password)) > _LONGEST_CREDENTIAL:
            raise ValueError(
                f"has a user or a password of more than {_LONGEST_CREDENTIAL} bytes. Shorten it."
            )
    elif b":" in user:
        raise ValueError(
            "has a user with ':' in its name, which HTTP cannot tell from the password. Take another."
        )


@dataclass(frozen=True, slots=True)
class NoProxy:
    """What is reached directly.

    :ivar hosts: names with a port, or None for any; each stands for itself and for all below it.
    :ivar networks: networks with a port, or None for any; an address is a network of one.
    """

    everything: bool = False
    hosts: tuple[tuple[str, int | None], ...] = ()
    networks: tuple[tuple[_Network, int | None], ...] = ()

    def holds(self, host: str, port: int) -> bool:
        """:param host: a name or an address without brackets."""
        if self.everything:
            return True
        addresses = _addresses(host)
        if addresses:
            return any(
                of in (None, port) and any(address in network for address in addresses)
                for network, of in self.networks
            )
        name = _plain(host)
        return any(
            of in (None, port) and (name == suffix or name.endswith(f".{suffix}"))
            for suffix, of in self.hosts
        )


def no_proxy(text: str) -> NoProxy:
    """The parser of ``NO_PROXY``: names, addresses and networks, separated by commas or blanks."""
    everything = False
    hosts: list[tuple[str, int | None]] = []
    networks: list[tuple[_Network, int | None]] = []
    for entry in re.split(r"[,\s]+", text):
        if entry == "*":
            everything = True
            continue
        what, port = _entry(entry)
        network = _network(what)
        if network is not None:
            networks.append((network, port))
        elif entry:
            hosts.append((_host(what, entry), port))
    return NoProxy(everything, tuple(hosts), tuple(networks))


def _host(what: str, entry: str) -> str:
    """:raises ValueError: it could never be the name of a host."""
    name = _plain(what.removeprefix("*"))
    if not name or "/" in name or ":" in name or "*" in name:
        raise ValueError(
            f"has an entry that is no name, address or network: {_shown(entry)}. Give something like "
            "corp.example or 10.0.0.0/8, without http:// and without a path, or * alone."
        )
    return name


def _entry(entry: str) -> tuple[str, int | None]:
    """What an entry names, and its port. An IPv6 address with a port stands in brackets."""
    found = re.fullmatch(
        r"\[(?P<in_brackets>[^\]]*)\](?::(?P<its>\d+))?|(?P<bare>[^:]*):(?P<port>\d+)", entry
    )
    if found is None:
        return entry, None
    what, port = found["in_brackets"] or found["bare"] or "", found["its"] or found["port"]
    if port is not None and not 0 < int(port[:6]) < 65536:
        raise ValueError(f"has an entry with a port that is none: {_shown(entry)}. Give one from 1 to 65535.")
    return what, int(port) if port else None


def _shown(entry: str) -> str:
    """An entry for a complaint. One with an ``@`` is a proxy's URL in the wrong place, perhaps."""
    return "(not shown, it may hold a password)" if "@" in entry else repr(entry[:60])


def _network(text: str) -> _Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _addresses(host: str) -> tuple[_IP, ...]:
    """The address that a host is, if it is one, and what IPv6 says of one of IPv4."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ()
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (address,) if mapped is None else (address, mapped)


def _plain(name: str) -> str:
    """A name in the form in which names are compared."""
    name = name.strip(".").lower()
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def is_loopback(host: str) -> bool:
    """Whether a name or an address without brackets is this machine, for each machine."""
    if addresses := _addresses(host):
        return any(address.is_loopback for address in addresses)
    name = _plain(host)
    return name == "localhost" or name.endswith(".localhost")


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that are set. Without any, everything is reached directly."""

    https: ProxyServer | None = None
    http: ProxyServer | None = None
    fallback: ProxyServer | None = None
    excepted: NoProxy = NoProxy()

    def leading_to(self, scheme: str, host: str, port: int) -> ProxyServer | None:
        """The proxy for a server, or None if it is reached directly.

        :param scheme: ``http`` or ``https``.
        :param host: a name or an address without brackets.
        """
        server = (self.https if scheme == "https" else self.http) or self.fallback
        if server is None or is_loopback(host) or self.excepted.holds(host, port):
            return None
        return server

    def told(self, url: str) -> str:
        """What the log says behind the address of an upstream: which proxy leads there."""
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        server = self.leading_to(parts.scheme, parts.hostname or "", port)
        return "" if server is None else f", through the proxy {server.place} ({server.variable})"
