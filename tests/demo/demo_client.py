"""The simulated MiMo without a socket: raw HTTP in, raw HTTP out, a clock that stands until it is moved."""

# mypy: allow-untyped-calls
# Twisted's web and testing modules are only partly annotated.

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.server import Site

from ccmimolink.demo.resource import make_root
from ccmimolink.demo.validate import DEFAULT_RULES, Rules

KEY = {"api-key": "sk-fake-demo"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.body.removeprefix(b"data:"))["error"]
        return error

    def events(self) -> list[Any]:
        """The payloads of a stream, ``[DONE]`` left as it is."""
        payloads = [event.removeprefix("data: ") for event in self.body.decode().split("\n\n")]
        assert payloads.pop() == ""
        return [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]

    def deltas(self) -> list[dict[str, Any]]:
        return [c["delta"] for e in self.events() if e != "[DONE]" for c in e["choices"]]

    def text(self, field: str = "content") -> str:
        return "".join(delta.get(field) or "" for delta in self.deltas())


class Exchange:
    """One HTTP/1.0 request on a connection of its own."""

    def __init__(self, site: Site, head: str, body: bytes) -> None:
        self.transport = StringTransport()
        protocol = site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        assert protocol is not None
        self._protocol = protocol
        self._protocol.makeConnection(self.transport)
        self._protocol.dataReceived(head.encode() + body)

    def pause(self) -> None:
        self._channel.pauseProducing()

    def resume(self) -> None:
        self._channel.resumeProducing()

    def disconnect(self, reason: Failure) -> None:
        self._protocol.connectionLost(reason)

    @property
    def _channel(self) -> Any:
        """What a real transport would pause and resume."""
        return self.transport.producer

    @property
    def finished(self) -> bool:
        return self.transport.disconnecting

    @property
    def reply(self) -> Reply:
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return Reply(int(status.split()[1]), headers, body)


class Mimo:
    def __init__(self, delta_delay: float = 0.0, rules: Rules = DEFAULT_RULES) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self._site = Site(make_root(self.clock, delta_delay, rules, self.clock.seconds), reactor=self.clock)

    def open(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Exchange:
        fields = {"content-length": str(len(body))} | (KEY if headers is None else headers)
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return Exchange(self._site, f"{method} {path} HTTP/1.0\r\n{lines}\r\n", body)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        return self.open("GET", path, headers=headers).reply

    def stream(self, **request: Any) -> Exchange:
        return self.open("POST", "/v1/chat/completions", json.dumps(body_of(stream=True, **request)).encode())

    def post(self, body: Any = None, headers: dict[str, str] | None = None, **request: Any) -> Reply:
        payload = body if isinstance(body, bytes) else json.dumps(body_of(**request)).encode()
        return self.open("POST", "/v1/chat/completions", payload, headers).reply


def body_of(**request: Any) -> dict[str, Any]:
    return {"model": "mimo-v2.5", "messages": [{"role": "user", "content": "hello"}]} | request
