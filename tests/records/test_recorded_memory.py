"""What is held of requests until they are written."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, execute
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from ccmimolink.dump.dumps import WAITING, Dumps
from ccmimolink.dump.sides import RecordedRequest, RecordingAgent
from ccmimolink.dump_directory import DumpDirectory
from ccmimolink.web.channel import RequestLimits
from ccmimolink.web.site import ProxySite
from tests.http_wire import request
from tests.memory_proxy import MemoryReactor


@implementer(IAgent)
class Upstream:
    """Answers when the test wants it to, with a body that the test sends."""

    def request(self, *_: Any) -> Deferred[Any]:
        self.asked: Deferred[Any] = Deferred()
        return self.asked

    version, code, phrase, headers = (b"HTTP", 1, 1), 200, b"OK", Headers()

    def deliverBody(self, protocol: Protocol) -> None:
        self.body: Any = protocol
        protocol.makeConnection(StringTransport())


class Answering(Resource):
    """Answers by path: as an exchange does, or with a stream that never ends."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.upstream = Upstream()

    def render(self, request: Request) -> int:
        if request.path == b"/exchange":
            request.responseHeaders.setRawHeaders(b"x-request-id", [b"req_1"])
            request.write(b"a" * 500)
            request.finish()
        elif request.path == b"/models":
            asked = RecordingAgent(self.upstream).request(b"GET", b"http://mimo.test/v1/models")
            asked.addCallback(lambda response: response.deliverBody(Protocol()))
            request.notifyFinish().addErrback(lambda _: None)
        else:
            request.notifyFinish().addErrback(lambda _: None)
            self.viewer = request
        return NOT_DONE_YET


class Place:
    """A site that dumps with little memory."""

    def __init__(self, directory: Path, memory: int, in_thread: Any = None) -> None:
        self.directory, self.root, self.reactor = directory, Answering(), MemoryReactor()
        dumps = Dumps(
            DumpDirectory(directory, 1_000_000),
            now=lambda: 0.0,
            monotonic=self.reactor.seconds,
            in_thread=in_thread or self._at_once,
            memory=memory,
        )
        self.site = ProxySite(
            self.root,
            limits=RequestLimits(timeout=60, head=10_000, body=10_000, bodies=10_000),
            max_connections=9,
            reactor=self.reactor,
            refusal=lambda _: None,
            request_factory=partial(RecordedRequest, dumps),
        )

    def _at_once(self, work: Any) -> Deferred[None]:
        done: Deferred[None] = execute(work)
        return done

    def ask(self, path: str) -> None:
        channel: Any = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50_000))
        transport = StringTransport()
        channel.makeConnection(transport)
        channel.dataReceived(request("GET", path))

    def about(self) -> dict[str, Any]:
        (dump,) = self.directory.iterdir()
        found: dict[str, Any] = json.loads((dump / "about.json").read_text())
        return found


def test_what_there_is_no_memory_for_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path, 400)
    place.ask("/exchange")
    assert "500 bytes were not kept" in place.about()["left_out"]["client-answer.http"]


def test_a_look_at_the_proxy_takes_none_however_long_it_lasts(tmp_path: Path) -> None:
    place = Place(tmp_path, 600)
    place.ask("/viewer")
    for _ in range(10):
        place.root.viewer.write(b"b" * 100)
    place.ask("/exchange")
    assert place.about()["left_out"] == {}


def test_memory_is_given_back_with_what_was_written(tmp_path: Path) -> None:
    place = Place(tmp_path / "first", 600)
    place.ask("/exchange")
    (dump,) = (tmp_path / "first").iterdir()
    dump.rename(tmp_path / "taken")
    place.ask("/exchange")
    assert place.about()["left_out"] == {}


def test_what_mimo_says_to_a_look_takes_none(tmp_path: Path) -> None:
    place = Place(tmp_path, 600)
    place.ask("/models")
    place.root.upstream.asked.callback(place.root.upstream)
    place.root.upstream.body.dataReceived(b"m" * 500)
    place.root.upstream.body.connectionLost(Failure(ConnectionDone()))
    place.ask("/exchange")
    assert place.about()["left_out"] == {}


def test_a_disk_that_cannot_keep_up_has_requests_left_out(tmp_path: Path) -> None:
    begun: list[Deferred[None]] = []

    def begin(_: object) -> Deferred[None]:
        begun.append(Deferred())
        return begun[-1]

    place = Place(tmp_path, 10**9, begin)
    for _ in range(WAITING + 5):
        place.ask("/exchange")
    written = 0
    while written < len(begun):
        written += 1
        begun[written - 1].callback(None)
    # The one that was being written, and those that waited.
    assert written == 1 + WAITING
    place.ask("/exchange")
    assert len(begun) == written + 1
