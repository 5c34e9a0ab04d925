"""What is written promptly arrives whole and in order, and does leave promptly."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.internet.testing import StringTransport

from ccmimolink.prompt_write import flush, write_promptly
from tests.scripted_upstream import Wire, until

LARGE = 3_000_000
"""More than a socket takes at once."""


class Ends:
    """Two ends of a connection.

    :ivar turns: how often the near end asked the reactor to tell when it can be written to.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.near, self.far = Wire(), Wire()
        self.turns = 0

    async def connect(self, server: Any, client_of: Callable[[Any], Any]) -> None:
        factory = Factory.forProtocol(lambda: self.near)
        factory.noisy = False
        port = await server.listen(factory)
        others = Factory.forProtocol(lambda: self.far)
        others.noisy = False
        await client_of(port).connect(others)
        await self.until(lambda: self.near.connected)
        await port.stopListening()
        ask = self.near.transport.startWriting

        def counting() -> None:
            self.turns += 1
            ask()

        self.near.transport.startWriting = counting

    async def until(self, condition: Callable[[], Any]) -> None:
        await until(self._reactor, condition)

    async def turn(self) -> None:
        await deferLater(self._reactor, 0)

    async def close(self) -> None:
        self.near.transport.abortConnection()
        await self.until(lambda: self.far.lost and self.near.lost)


def tcp(reactor: Any, _path: Path) -> tuple[Any, Callable[[Any], Any]]:
    server = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    return server, lambda port: TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)


def unix(reactor: Any, path: Path) -> tuple[Any, Callable[[Any], Any]]:
    address = str(path / "socket")
    return UNIXServerEndpoint(reactor, address), lambda _port: UNIXClientEndpoint(reactor, address)


@pytest.fixture(params=[tcp, unix])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ends]:
    from twisted.internet import reactor

    found = Ends(reactor)
    pytest_twisted.blockon(Deferred.fromCoroutine(found.connect(*request.param(reactor, tmp_path))))
    yield found
    pytest_twisted.blockon(Deferred.fromCoroutine(found.close()))


@pytest_twisted.ensureDeferred
async def test_what_a_socket_takes_leaves_without_a_turn_of_the_reactor(ends: Ends) -> None:
    """This fails where Twisted keeps its buffers in another way, and the shortcut is none any more."""
    for number in range(5):
        write_promptly(ends.near.transport, b"%d" % number)
    await ends.until(lambda: ends.far.received == b"01234")
    assert ends.turns == 0


@pytest_twisted.ensureDeferred
async def test_it_waits_behind_what_waits_already(ends: Ends) -> None:
    ends.near.transport.write(b"first, ")
    write_promptly(ends.near.transport, b"second")
    await ends.until(lambda: len(ends.far.received) == 13)
    assert ends.far.received == b"first, second"


@pytest_twisted.ensureDeferred
async def test_what_a_socket_does_not_take_is_not_lost(ends: Ends) -> None:
    parts = [b"%d" % (number % 10) * LARGE for number in range(3)]
    for part in parts:
        write_promptly(ends.near.transport, part)
    await ends.until(lambda: len(ends.far.received) == 3 * LARGE)
    assert ends.far.received == b"".join(parts)


@pytest_twisted.ensureDeferred
async def test_a_producer_is_paused_and_resumed_as_with_any_write(ends: Ends) -> None:
    told: list[str] = []

    class Producer:
        def pauseProducing(self) -> None:
            told.append("pause")

        def resumeProducing(self) -> None:
            told.append("resume")

        def stopProducing(self) -> None:
            told.append("stop")

    ends.far.transport.pauseProducing()
    ends.near.transport.registerProducer(Producer(), True)
    while not told:
        write_promptly(ends.near.transport, bytes(LARGE))
    assert told == ["pause"]
    ends.far.transport.resumeProducing()
    await ends.until(lambda: "resume" in told)
    ends.near.transport.unregisterProducer()


@pytest_twisted.ensureDeferred
async def test_a_connection_that_closes_still_sends_what_was_written(ends: Ends) -> None:
    write_promptly(ends.near.transport, bytes(LARGE))
    ends.near.transport.loseConnection()
    write_promptly(ends.near.transport, b"and more")
    await ends.until(lambda: ends.far.lost)
    assert ends.far.received in (bytes(LARGE), bytes(LARGE) + b"and more")


@pytest_twisted.ensureDeferred
async def test_a_client_that_is_gone_ends_the_connection_once(ends: Ends) -> None:
    ends.far.transport.abortConnection()
    await ends.until(lambda: ends.far.lost)
    while not ends.near.lost:
        write_promptly(ends.near.transport, b"x")
        await ends.turn()
    write_promptly(ends.near.transport, b"x")


@pytest_twisted.ensureDeferred
async def test_what_was_written_in_parts_leaves_together_when_it_is_flushed(ends: Ends) -> None:
    ends.near.transport.write(b"head, ")
    ends.near.transport.writeSequence([b"be", b"gin"])
    flush(ends.near.transport)
    write_promptly(ends.near.transport, b"ning")
    assert ends.turns == 2, "the writes themselves"
    await ends.until(lambda: ends.far.received == b"head, beginning")


@pytest.mark.parametrize("close", ["loseConnection", "loseWriteConnection"])
@pytest_twisted.ensureDeferred
async def test_a_flush_does_not_keep_a_connection_from_closing(ends: Ends, close: str) -> None:
    ends.near.transport.write(b"last")
    getattr(ends.near.transport, close)()
    flush(ends.near.transport)
    await ends.until(lambda: ends.far.lost)
    assert ends.far.received == b"last"


def test_another_transport_is_written_to_as_ever() -> None:
    transport = StringTransport()
    write_promptly(transport, b"x")
    assert transport.value() == b"x"
