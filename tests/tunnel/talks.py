"""Both kinds of talks with a proxy, as bytes: what the proxy says, and what it is told.

Owns the bytes, written down from the RFCs and not made by the code under test. It opens no connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ccmimolink.tunnel.choice import ProxyServer
from ccmimolink.tunnel.connect import ConnectNegotiation
from ccmimolink.tunnel.negotiation import Negotiation
from ccmimolink.tunnel.socks import SocksNegotiation

NAME, PORT = "mimo.test", 443
PASSWORD = "fake-password-of-nobody"
CREDENTIALS: dict[str, Any] = {"user": b"someone", "password": PASSWORD.encode()}

CONNECTED = b"HTTP/1.1 200 Connection established\r\nProxy-Agent: scripted\r\n\r\n"
NO_CREDENTIALS, WITH_CREDENTIALS = b"\x05\x00", b"\x05\x02"
TO_NAME = b"\x05\x01\x00\x03\x09mimo.test\x01\xbb"
FREE = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38"


@dataclass(frozen=True)
class Talk:
    """One talk that ends well.

    :ivar said: what the proxy says in all.
    :ivar told: what it is told in all.
    """

    name: str
    server: ProxyServer
    make: Callable[[ProxyServer, str, int], Negotiation]
    said: bytes
    told: bytes

    def begun(self) -> Negotiation:
        negotiation = self.make(self.server, NAME, PORT)
        self.told.index(negotiation.begin())
        return negotiation


HTTP_SERVER = ProxyServer("HTTPS_PROXY", "http", "127.0.0.1", 3128)
SOCKS_SERVER = ProxyServer("ALL_PROXY", "socks5h", "127.0.0.1", 1080)

CONNECT = Talk(
    "CONNECT",
    HTTP_SERVER,
    ConnectNegotiation,
    said=CONNECTED,
    told=b"CONNECT mimo.test:443 HTTP/1.1\r\nHost: mimo.test:443\r\n\r\n",
)
CONNECT_WITH_CREDENTIALS = replace(
    CONNECT,
    name="CONNECT with user and password",
    server=replace(HTTP_SERVER, **CREDENTIALS),
    told=b"CONNECT mimo.test:443 HTTP/1.1\r\nHost: mimo.test:443\r\n"
    b"Proxy-Authorization: Basic c29tZW9uZTpmYWtlLXBhc3N3b3JkLW9mLW5vYm9keQ==\r\n\r\n",
)
SOCKS = Talk(
    "SOCKS5", SOCKS_SERVER, SocksNegotiation, said=NO_CREDENTIALS + FREE, told=b"\x05\x01\x00" + TO_NAME
)
SOCKS_WITH_CREDENTIALS = replace(
    SOCKS,
    name="SOCKS5 with user and password",
    server=replace(SOCKS_SERVER, **CREDENTIALS),
    said=WITH_CREDENTIALS + b"\x01\x00" + FREE,
    told=b"\x05\x02\x00\x02" + b"\x01\x07someone\x17fake-password-of-nobody" + TO_NAME,
)
TALKS = (CONNECT, CONNECT_WITH_CREDENTIALS, SOCKS, SOCKS_WITH_CREDENTIALS)
