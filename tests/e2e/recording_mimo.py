"""A program: the simulated MiMo, on a port of its own, that writes down what it is asked.

Run as ``python -m tests.e2e.recording_mimo PORT FILE [RETIRED MODEL…]``. Each request for a completion
becomes a line of JSON in the file as soon as it has come: when that was (monotonic seconds), its body, its
key, and how many requests are being answered, this one included. The keys in the lines of the file beside it,
``FILE.rejected``, are rejected as a key is that its owner has revoked.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from twisted.web.server import Request, Site

from ccmimolink.demo.resource import make_root
from ccmimolink.demo.validate import Rules

_DELTA_DELAY = 0.01
_STAND_IN = "PROXY_MANAGED"
"""What the simulated MiMo takes for no key."""


class RecordingRequest(Request):
    """Writes its body down, then is answered. It counts as answered with the last event of its stream."""

    record: Path
    in_flight: ClassVar[set[RecordingRequest]] = set()

    def process(self) -> None:
        content = self.content
        assert content is not None
        body = content.read()
        content.seek(0)
        if self.method == b"POST":
            self.in_flight.add(self)
            self.notifyFinish().addBoth(lambda _reason: self.in_flight.discard(self))
            key = (self.getHeader("authorization") or "").removeprefix("Bearer ")
            line = {
                "at": time.monotonic(),
                "in_flight": len(self.in_flight),
                "body": json.loads(body),
                # One that is not a test's own would be somebody's.
                "key": key if "fake" in key else "(not a fake key)",
            }
            with self.record.open("a") as lines:
                lines.write(json.dumps(line) + "\n")
            if self._is_rejected(key):
                self.requestHeaders.setRawHeaders("authorization", [f"Bearer {_STAND_IN}"])
        super().process()

    def _is_rejected(self, key: str) -> bool:
        rejected = rejected_beside(self.record)
        return rejected.exists() and key in rejected.read_text().splitlines()

    def write(self, data: bytes) -> None:
        super().write(data)
        if data.endswith(b"data: [DONE]\n\n"):
            self.in_flight.discard(self)


def rejected_beside(record: Path) -> Path:
    return record.with_name(f"{record.name}.rejected")


def main(port: str, record: str, *retired: str) -> None:
    from twisted.internet import reactor

    RecordingRequest.record = Path(record)
    root = make_root(reactor, _DELTA_DELAY, Rules(retired=frozenset(retired)))
    site: Any = Site(root, requestFactory=RecordingRequest, reactor=reactor)
    reactor.listenTCP(int(port), site, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
