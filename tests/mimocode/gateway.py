"""A simulated GonkaGate over HTTPS, on loopback: strict where the real one is, and recorded.

Owns the server. What it answers is :mod:`tests.mimocode.gateway_api`'s, unless a test has scripted it.

In process, on pytest's reactor, it is a :class:`Gateway`. As a program of its own it is ``python -m
tests.mimocode.gateway --port PORT --cert FILE --key FILE --record FILE``: it says ``listening on PORT`` once
it does, writes each request as a line of JSON, and ends with SIGTERM.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.task import deferLater
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from twisted.web.server import Request as WebRequest
from twisted.web.server import Site

from tests.mimocode.gateway_api import KEY, Answer, Request, Rules
from tests.mimocode.gateway_tls import HOST, Pair, Shown, authority


class Gateway:
    """
    :param rules: what is answered where nothing is scripted.
    :param note: told of each request as soon as it has come.
    :ivar requests: all that came, in order.
    """

    def __init__(
        self, reactor: Any, rules: Rules | None = None, note: Callable[[Request], object] | None = None
    ) -> None:
        self.requests: list[Request] = []
        self._reactor, self._rules, self._note = reactor, rules or Rules(), note
        self._scripted: dict[str, deque[Answer]] = defaultdict(deque)
        self._connections: WrappingFactory[Any] = WrappingFactory(_Site(self))
        self._sending = 0
        self._port: Any = None

    def script(self, *answers: Answer, path: str = "/v1/models") -> None:
        """The answers to the next requests to a path; whoever comes later is answered by the rules."""
        self._scripted[path].extend(answers)

    async def listen(self, tls: Pair | None = None, port: int = 0) -> int:
        """Take connections on loopback; the port is returned.

        :param tls: the certificate that is shown; without one, a good one for the address.
        """
        shown = Shown(tls or authority().issue(HOST))
        self._port = await SSL4ServerEndpoint(self._reactor, port, shown, interface=HOST).listen(
            self._connections
        )
        listening: int = self._port.getHost().port
        return listening

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections.protocols)

    async def close(self) -> None:
        """Take no more connections, and break off those that there are."""
        if self._port is not None:
            await self._port.stopListening()
        for connection in list(self._connections.protocols):
            connection.transport.abortConnection()
        while self.connections or self._sending:
            await deferLater(self._reactor, 0.002)

    def respond(self, web: Any) -> None:
        """Record a request and answer it."""
        request = _recorded(web)
        self.requests.append(request)
        if self._note is not None:
            self._note(request)
        queue = self._scripted[request.path]
        answer = queue.popleft() if queue else self._rules.answer(request)
        Deferred.fromCoroutine(self._send(answer, web))

    async def _send(self, answer: Answer, web: Any) -> None:
        self._sending += 1
        try:
            await _Sending(self._reactor, web, len(self.requests)).send(answer)
        finally:
            self._sending -= 1


class _Sending:
    """An answer on its way. It ends with the connection, whatever is left of it."""

    def __init__(self, reactor: Any, web: Any, number: int) -> None:
        self._reactor, self._web, self._number = reactor, web, number
        self._lost: list[Failure] = []
        web.notifyFinish().addErrback(self._lost.append)

    async def send(self, answer: Answer) -> None:
        web = self._web
        await self._wait(answer.delay)
        if self._lost:
            return
        if answer.raw is not None:
            web.channel.transport.write(answer.raw)
        else:
            self._head(answer)
            for index, part in enumerate(answer.parts()):
                await self._wait(answer.pause if index else 0)
                if self._lost:
                    return
                web.write(part)
        if answer.then == "reset" and answer.raw != b"":
            # What was written gets there before.
            await self._wait(0.02)
        if not self._lost:
            self._finish(answer)

    def _head(self, answer: Answer) -> None:
        web = self._web
        web.setResponseCode(answer.status)
        web.responseHeaders.removeHeader(b"content-type")
        web.setHeader(b"x-request-id", f"req-{self._number}".encode())
        for name, value in answer.headers:
            web.setHeader(name.encode("ascii"), value.encode("latin-1"))
        length = len(answer.body) if answer.announced is None else answer.announced
        if length >= 0:
            web.setHeader(b"content-length", str(length).encode())
        web.write(b"")

    def _finish(self, answer: Answer) -> None:
        web = self._web
        if answer.then == "reset":
            web.channel.transport.abortConnection()
        elif answer.then == "end" and answer.raw is None:
            web.finish()
        elif answer.then == "end":
            web.channel.loseConnection()

    async def _wait(self, seconds: float) -> None:
        """In steps, so that nothing is left in the reactor for long once the client has left."""
        until = self._reactor.seconds() + seconds
        while not self._lost and (left := until - self._reactor.seconds()) > 0:
            await deferLater(self._reactor, min(left, 0.01))


class _Request(WebRequest):
    channel: Any

    def process(self) -> None:
        self.channel.site.gateway.respond(self)


class _Site(Site):
    def __init__(self, gateway: Gateway) -> None:
        super().__init__(None, requestFactory=_Request)
        self.gateway = gateway

    def log(self, request: Any) -> None:
        """Nobody reads it."""


def _recorded(web: Any) -> Request:
    headers = tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, values in web.requestHeaders.getAllRawHeaders()
        for value in values
    )
    return Request(web.method.decode("latin-1"), web.uri.decode("latin-1"), headers, web.content.read())


def written(record: Path) -> tuple[Request, ...]:
    """What the program has recorded so far."""
    lines = record.read_text().splitlines() if record.exists() else []
    return tuple(map(Request.from_json, lines))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cert", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True, help="of the certificate")
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--models-file", type=Path, help="the entries of the catalog, as a JSON list")
    parser.add_argument("--answers-file", type=Path, help="paths with their scripted answers, as JSON")
    parser.add_argument("--accept", action="append", default=[], metavar="KEY", help="besides the usual one")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    from twisted.internet import reactor

    given = _options().parse_args(arguments)
    rules = Rules(keys=frozenset({KEY, *given.accept}))
    if given.models_file is not None:
        rules = replace(rules, models=tuple(json.loads(given.models_file.read_text())))

    def note(request: Request) -> None:
        with given.record.open("a") as lines:
            lines.write(request.to_json() + "\n")

    gateway = Gateway(reactor, rules, note)
    if given.answers_file is not None:
        for path, answers in json.loads(given.answers_file.read_text()).items():
            gateway.script(*map(Answer.from_json, answers), path=path)
    tls = Pair(given.cert.read_bytes(), given.key.read_bytes())

    def listening(port: int) -> None:
        print(f"listening on {port}", flush=True)

    def failed(reason: Failure) -> None:
        print(reason.getErrorMessage(), file=sys.stderr, flush=True)
        reactor.stop()

    def start() -> None:
        Deferred.fromCoroutine(gateway.listen(tls, given.port)).addCallbacks(listening, failed)

    reactor.callWhenRunning(start)
    reactor.run()


if __name__ == "__main__":
    main()
