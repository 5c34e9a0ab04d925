"""The attacker's web server, and the tap in front of the proxy that sees what a browser sends there.

Owns the pages that attack, their reports, and the bytes between browser and proxy. It must not judge them.
"""

# mypy: allow-untyped-calls
# Twisted's web and application modules are only partly annotated.

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

HERE = Path(__file__).parent
REBOUND = b"/attacker"
"""A path of the tap's own: the page that a name gives out before it is made to resolve to loopback."""


def page(label: str, targets: list[str], home: str, *, nest: bool = False) -> str:
    """The page that attacks.

    :param nest: whether frames without an origin of their own attack as well.
    """
    settings = json.dumps({"label": label, "targets": targets, "home": home, "nest": nest})
    return (
        f"<!doctype html><title>attack</title><body><script>ATTACK = {settings}</script>"
        f'<script src="{home}/attack.js"></script>'
    )


class Attacker(Resource):
    """Serves pages, scripts and redirects under any host name, and takes the reports.

    :ivar pages: what is served under ``/page``.
    :ivar reports: what the pages told of their attempts.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.page = ""
        self.reports: list[dict[str, Any]] = []
        self._port: Any = None

    async def listen(self, reactor: Any) -> int:
        # Without an idle limit no connection leaves a timer behind.
        site: Any = Site(self, timeout=None, reactor=reactor)
        site.noisy = False
        self._port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site)
        number: int = self._port.getHost().port
        return number

    async def stop(self) -> None:
        await self._port.stopListening()

    def render(self, request: Request) -> bytes:
        address = urlsplit(request.uri.decode("latin-1"))
        asked = dict(parse_qsl(address.query))
        match address.path:
            case "/page":
                return _html(request, self.page)
            case "/attack.js" | "/service-worker.js":
                # Frames without an origin, and workers of theirs, are other origins to this one too.
                request.setHeader(b"access-control-allow-origin", b"*")
                request.setHeader(b"content-type", b"text/javascript")
                return (HERE / address.path[1:]).read_bytes()
            case "/to":
                request.setResponseCode(int(asked["status"]))
                request.setHeader(b"location", asked["url"].encode())
                request.setHeader(b"access-control-allow-origin", b"*")
                return b""
            case "/reporting":
                return self._reporting(request, f"{asked['target']}/v1/responses", asked["by"])
            case "/report":
                assert request.content is not None
                report = json.loads(request.content.read())
                self.reports.append(report)
                return b""
        request.setResponseCode(404)
        return b""

    def _reporting(self, request: Request, to: str, by: str) -> bytes:
        """A page that breaks a rule of its own and has the browser report it, in one of both ways."""
        rule = f"default-src 'none'; report-{by} {to if by == 'uri' else 'main'}"
        request.setHeader("content-security-policy", rule)
        if by == "to":
            group = {"group": "main", "max_age": 60, "endpoints": [{"url": to}]}
            request.setHeader("reporting-endpoints", f'main="{to}", default="{to}"')
            request.setHeader("report-to", json.dumps(group))
            request.setHeader("nel", json.dumps({"report_to": "main", "max_age": 60, "success_fraction": 1}))
        return _html(request, "<!doctype html><body><img src='/picture'><script>1</script>")


def _html(request: Request, text: str) -> bytes:
    request.setHeader(b"content-type", b"text/html; charset=utf-8")
    return text.encode()


@dataclass(frozen=True)
class Seen:
    """The head of a request that a browser sent to the proxy."""

    method: str
    path: str
    headers: dict[str, str]


_HEAD = re.compile(rb"(?m)^([A-Z]+) (/\S*) HTTP/1\.1\r\n((?:[^\r\n]+\r\n)*)\r\n")
_STATUS = re.compile(rb"(?m)^HTTP/1\.1 (\d{3}) ")


@dataclass(eq=False)
class Tap(Factory):
    """Stands on a port of its own and passes on all that comes to the proxy, and back.

    :ivar rebound: the page under :data:`REBOUND`; all other paths are the proxy's.
    """

    reactor: Any
    proxy_port: int
    rebound: str = ""
    connections: list[TapConnection] = field(default_factory=list)
    noisy = False
    _port: Any = None

    def buildProtocol(self, addr: object) -> TapConnection:
        self.connections.append(TapConnection(self))
        return self.connections[-1]

    async def listen(self) -> int:
        self._port = await TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1").listen(self)
        number: int = self._port.getHost().port
        return number

    async def stop(self) -> None:
        await self._port.stopListening()
        for connection in self.connections:
            connection.end()

    def requests(self) -> list[Seen]:
        """All requests so far, those for the tap's own page left out."""
        return [seen for connection in self.connections for seen in connection.requests()]

    def exchanges(self) -> list[tuple[Seen, int]]:
        """The requests that were answered, each with its status."""
        return [
            pair
            for connection in self.connections
            for pair in zip(connection.requests(), connection.statuses(), strict=False)
        ]


class TapConnection(Protocol):
    """One connection of a browser.

    :ivar asked: what the browser sent to the proxy.
    :ivar answered: what came back.
    """

    transport: Any

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._onward: _Onward | None = None
        self._waiting = b""
        self.asked = self.answered = b""
        self.lost = False

    def requests(self) -> list[Seen]:
        found = []
        for method, path, lines in _HEAD.findall(self.asked):
            fields = (line.partition(": ") for line in lines.decode("latin-1").split("\r\n") if line)
            headers = {name.lower(): value for name, _, value in fields}
            found.append(Seen(method.decode(), path.decode("latin-1"), headers))
        return found

    def statuses(self) -> list[int]:
        return [int(each) for each in _STATUS.findall(self.answered)]

    def connectionMade(self) -> None:
        endpoint = TCP4ClientEndpoint(self._tap.reactor, "127.0.0.1", self._tap.proxy_port)
        connecting = connectProtocol(endpoint, _Onward(self))
        connecting.addCallbacks(self._connected, lambda _reason: self.end())

    def _connected(self, onward: _Onward) -> None:
        self._onward = onward
        if self.lost:
            self.end()
        onward.transport.write(self._waiting)

    def dataReceived(self, data: bytes) -> None:
        if data.startswith(b"GET " + REBOUND):
            body = self._tap.rebound.encode()
            head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: "
            self.transport.write(head + b"%d\r\n\r\n" % len(body) + body)
            self.transport.loseConnection()
            return
        self.asked += data
        if self._onward is None:
            self._waiting += data
        else:
            self._onward.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True
        if self._onward is not None:
            self._onward.transport.abortConnection()

    def end(self) -> None:
        """End both sides."""
        self.transport.abortConnection()
        if self._onward is not None:
            self._onward.transport.abortConnection()


class _Onward(Protocol):
    """The way on to the proxy."""

    transport: Any

    def __init__(self, browser: TapConnection) -> None:
        self._browser = browser

    def dataReceived(self, data: bytes) -> None:
        self._browser.answered += data
        self._browser.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._browser.transport.loseConnection()
