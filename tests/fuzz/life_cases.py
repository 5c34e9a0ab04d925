"""Cases of several clients at once, who come, leave, stop to read and read again, while the upstream answers,
stalls, breaks and refuses, in any order.

Owns the order of what happens. What is asked is plain; what is answered comes from the other kinds.
"""

from __future__ import annotations

from random import Random

from tests.fuzz.house import House, replies
from tests.fuzz.mutation import pieces
from tests.fuzz.request_cases import ANSWERS, described
from tests.fuzz.upstream_cases import BODIES, upstream_answer
from tests.http_wire import CODEX, request
from tests.memory_proxy import MemoryClient, UpstreamConnection


class _Life:
    """What is going on in one case.

    :ivar cut: who did not read for so long that the proxy has hung up.
    """

    def __init__(self, random: Random, house: House) -> None:
        self.random, self.house = random, house
        self.here: list[MemoryClient] = []
        self.paused: list[MemoryClient] = []
        self.cut: list[MemoryClient] = []
        self.scripts: list[tuple[UpstreamConnection, list[bytes]]] = []

    def step(self) -> None:
        step = self.random.choice(
            (
                self.somebody_comes,
                self.somebody_comes,
                self.somebody_leaves,
                self.somebody_stops_reading,
                self.somebody_reads_again,
                self.mimo_says_more,
                self.mimo_says_more,
                self.mimo_says_more,
                self.mimo_hangs_up,
                self.mimo_cannot_be_reached,
                self.time_passes,
            )
        )
        step()
        if self.random.random() < 0.7:
            self.house.proxy.settle()
        self.look()

    def look(self) -> None:
        """Give each request that came to MiMo its answer, to be sent bit by bit."""
        for connection in self.house.unanswered():
            good = self.random.random() < 0.6
            data = self.random.choice(list(ANSWERS.values())) if good else upstream_answer(self.random)
            self.scripts.append((connection, list(pieces(self.random, data))))

    def somebody_comes(self) -> None:
        client = self.house.connect()
        headers = CODEX if self.random.random() < 0.5 else {}
        data = request("POST", "/v1/responses", self.random.choice(BODIES), headers)
        self.house.client_sends(client, pieces(self.random, data))
        self.here.append(client)

    def somebody_leaves(self) -> None:
        if self.here:
            client = self.here.pop(self.random.randrange(len(self.here)))
            client.leave()

    def somebody_stops_reading(self) -> None:
        readers = [each for each in self.here if each.transport.producer is not None]
        if readers:
            client = self.random.choice(readers)
            client.stop_reading()
            self.paused.append(client)

    def somebody_reads_again(self) -> None:
        if self.paused:
            client = self.paused.pop()
            if client.closed:
                self.cut.append(client)
            elif client.transport.producer is not None:
                client.read_again()

    def mimo_says_more(self) -> None:
        if self.scripts:
            connection, parts = self.random.choice(self.scripts)
            if parts and not connection.transport.ended:
                part = parts.pop(0)
                self.house.story.append(("upstream", part))
                connection.send(part)

    def mimo_hangs_up(self) -> None:
        if self.scripts and self.random.random() < 0.3:
            connection, _ = self.random.choice(self.scripts)
            self.random.choice((connection.close, connection.reset))()

    def mimo_cannot_be_reached(self) -> None:
        if self.random.random() < 0.3:
            self.house.proxy.reactor.refusals = self.random.choice((1, 2))
        elif self.random.random() < 0.3:
            self.house.proxy.reactor.deaf = not self.house.proxy.reactor.deaf

    def time_passes(self) -> None:
        self.house.proxy.advance(self.random.choice((0.01, 0.5, 3.0, 16.0, 25.0)), 1.0)

    def finish(self) -> None:
        """From here on MiMo says all that it has to say, and nobody leaves."""
        reactor = self.house.proxy.reactor
        reactor.deaf, reactor.refusals = False, 0

        def give(connection: UpstreamConnection) -> None:
            self.house.upstream_sends(connection, [self.random.choice(list(ANSWERS.values()))], self.random)

        for connection, parts in self.scripts:
            self.house.upstream_sends(connection, parts, self.random)
        self.house.until(lambda: all(client.closed or _is_answered(client) for client in self.here), give)


def run_life(random: Random, house: House) -> None:
    """Several requests that get in each other's way.

    :raises AssertionError: one who stayed got no whole answer, or something is left.
    """
    life = _Life(random, house)
    for _ in range(random.randrange(4, 40)):
        life.step()
    stopped = [*life.paused, *life.cut]
    life.finish()
    for client in life.here:
        (reply,) = replies(client) or (None,)
        cut = client in stopped and client.closed
        if reply is None or not reply.complete:
            # Who reads nothing for too long is left without the end.
            assert cut, f"no whole answer: {reply}"
            continue
        assert reply.status != 500, reply.body
        described().check("POST", "/v1/responses", reply)
        if reply.headers["content-type"] == "text/event-stream" and not cut:
            reply.last()
    house.leave()


def _is_answered(client: MemoryClient) -> bool:
    return bool(client.transport.value()) and all(reply.complete for reply in replies(client))
