"""The upstream of a soak as a program: ``python -m tests.soak.upstream PORT SEED [--faulty]``.

Owns the plan of each connection. What a fault is stands in :mod:`tests.soak.faults`.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import argparse
import random
import re
from typing import Any

from twisted.internet.defer import Deferred

from tests.faults.script import Close, Reset, Script, Send, Stall
from tests.faults.upstream import FaultyUpstream, Plan, Received
from tests.http_wire import answer
from tests.soak.faults import any_of_them, whole
from tests.soak.words import TOKEN

_TOKEN = re.compile(TOKEN.pattern.encode())


class SoakUpstream(FaultyUpstream):
    """Forgets what is over, so that it may run for hours."""

    def buildProtocol(self, addr: object) -> Any:
        self.connections[:] = [connection for connection in self.connections if not connection.lost]
        self.requests.clear()
        return super().buildProtocol(addr)


class Plans:
    """:param faulty: whether anything may go wrong."""

    def __init__(self, seed: int, *, faulty: bool) -> None:
        self._rng, self._faulty = random.Random(seed), faulty

    def plan(self, _number: int) -> Plan:
        rng, chance = self._rng, self._rng.random()
        if self._faulty and chance < 0.02:
            return Plan(at_connect=(rng.choice((Reset(), Close())),))
        if self._faulty and chance < 0.05:
            return Plan(at_byte=(rng.randrange(1, 500), (rng.choice((Reset(), Close(), Stall())),)))
        return Plan(answer=self._answer)

    def _answer(self, received: Received) -> Script:
        found = _TOKEN.search(received.body)
        if found is None:
            return (Send(answer(404)),)
        make = any_of_them if self._faulty else whole
        return make(self._rng, found.group().decode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--faulty", action="store_true")
    options = parser.parse_args()
    from twisted.internet import reactor

    upstream = SoakUpstream(reactor, Plans(options.seed, faulty=options.faulty).plan)
    Deferred.fromCoroutine(upstream.listen(options.port))
    reactor.run()


if __name__ == "__main__":
    main()
