"""The proxy in memory, lived in by many cases one after the other.

Owns what must be true after each case, whatever it was: nothing is held any more, nothing waits in the
reactor, nothing was logged as failed, and no key got out. It must not know what a case does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText, globalLogPublisher
from zope.interface import implementer

from tests.http_wire import Reply, read_reply
from tests.memory_proxy import KEY, MemoryClient, MemoryProxy, UpstreamConnection

IMPATIENT = {
    "MIMO_PROXY_RETRIES": "1",
    "MIMO_PROXY_RETRY_BUDGET_MS": "8000",
    "MIMO_PROXY_MAX_CONCURRENT": "4",
    "MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS": "20000",
    "MIMO_PROXY_IDLE_TIMEOUT_MS": "20000",
    "MIMO_PROXY_SLOW_CLIENT_TIMEOUT_MS": "20000",
    "MIMO_PROXY_REQUEST_TIMEOUT_MS": "20000",
    "MIMO_PROXY_MAX_BODY_BYTES": "200000",
    "MIMO_PROXY_MAX_DECOMPRESSED_BYTES": "300000",
    "MIMO_PROXY_MAX_HEAD_BYTES": "9000",
    "MIMO_PROXY_MAX_EVENT_BYTES": "20000",
    "MIMO_PROXY_MAX_ANSWER_BYTES": "60000",
}
"""Limits that cases run into."""

PATIENCE = 400
"""Seconds of the stand-in clock after which whatever is not over hangs."""

STEP = 4.0


@implementer(ILogObserver)
class Watch:
    """What the log says has failed."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        level = event.get("log_level", LogLevel.info)
        if "log_failure" in event or level in (LogLevel.error, LogLevel.critical):
            failure = event.get("log_failure")
            traceback = failure.getTraceback() if failure is not None else ""
            self.failures.append(f"{eventAsText(event)}\n{traceback}"[-4000:])

    def take(self) -> list[str]:
        taken, self.failures = self.failures, []
        return taken


@contextmanager
def watched() -> Iterator[Watch]:
    """The log, looked at."""
    watch = Watch()
    globalLogPublisher.addObserver(watch)
    try:
        yield watch
    finally:
        globalLogPublisher.removeObserver(watch)


class House:
    """One proxy for many cases.

    :ivar story: what was sent to the proxy and by whom, for the report of a case that failed.
    :ivar stored: ids of responses that were stored.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.proxy = MemoryProxy(IMPATIENT)
        self.story: list[tuple[str, bytes]] = []
        self.stored: list[str] = []

    # -- what happens ---------------------------------------------------------------------------------------

    def connect(self) -> MemoryClient:
        return self.proxy.connect()

    def client_sends(self, client: MemoryClient, parts: Sequence[bytes]) -> None:
        for part in parts:
            self.story.append(("client", part))
            if not client.transport.ended:
                client.send(part)

    def upstream_sends(self, connection: UpstreamConnection, parts: Sequence[bytes], random: Random) -> None:
        for part in parts:
            self.story.append(("upstream", part))
            if not connection.transport.ended:
                connection.send(part)
            if random.random() < 0.5:
                self.proxy.settle()
        self.proxy.settle()

    def unanswered(self) -> list[UpstreamConnection]:
        """The upstream connections with a request on them, each of which is told once."""
        fresh = [each for each in self.proxy.upstream if each.received and not each.transport.ended]
        for each in fresh:
            each.transport.clear()
        return fresh

    def serve(self, answer: Callable[[UpstreamConnection], None]) -> None:
        """Let MiMo answer for as long as it is asked."""
        for _ in range(20):
            self.proxy.settle()
            fresh = self.unanswered()
            if not fresh:
                return
            for each in fresh:
                answer(each)
        raise AssertionError("the upstream is asked again and again")

    def until(self, over: Callable[[], bool], answer: Callable[[UpstreamConnection], None]) -> None:
        """Let time pass until it is over.

        :raises AssertionError: it hangs.
        """
        self.serve(answer)
        waited = 0.0
        while not over():
            assert waited < PATIENCE, "hangs"
            self.proxy.advance(STEP, STEP)
            waited += STEP
            self.serve(answer)

    def live(self, case: Callable[[Random, House], None], random: Random) -> None:
        """One case. One that fails, or that hypothesis breaks off, is brought to its end: a request that was
        merely forgotten would fail when it is collected, and another case would be blamed.
        """
        try:
            case(random, self)
        except BaseException:
            self._clear_out()
            raise

    def _clear_out(self) -> None:
        """Everybody leaves, whatever the state."""
        proxy = self.proxy
        proxy.reactor.deaf = False
        for _ in range(10):
            ends = [client.transport for client in proxy.clients]
            for transport in [*ends, *(connection.transport for connection in proxy.upstream)]:
                if transport.protocol is not None:
                    transport.end()
            proxy.advance(STEP, STEP)

    # -- what must be true ----------------------------------------------------------------------------------

    def leave(self) -> None:
        """The case is over: everybody leaves, and nothing may be left.

        :raises AssertionError: something is.
        """
        proxy = self.proxy
        for client in proxy.clients:
            assert KEY.encode() not in client.transport.value(), "a key was shown to a client"
            client.transport.end()
        proxy.settle()
        proxy.assert_at_rest()
        waited = 0.0
        for connection in proxy.upstream:
            if connection.transport.protocol is not None:
                connection.transport.end()
        proxy.settle()
        while proxy.reactor.getDelayedCalls():
            assert waited < PATIENCE, f"left in the reactor: {proxy.reactor.getDelayedCalls()}"
            proxy.reactor.advance(STEP)
            waited += STEP
        assert proxy.services.lingering == set()
        assert proxy.graph.site.connections == 0
        proxy.clients.clear()
        proxy.upstream.clear()
        for seen in (proxy.reactor.tcpClients, proxy.reactor.connectors):
            seen.clear()
        self.story.clear()
        failures = self._watch.take()
        assert not failures, failures[0]


def replies(client: MemoryClient) -> list[Reply]:
    """All that was answered on a connection.

    :raises AssertionError: it is not HTTP.
    """
    found = []
    data = client.transport.value()
    while data:
        if data.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
            data = data[25:]
            continue
        reply = read_reply(data, closed=client.closed)
        found.append(reply)
        data = reply.rest
    return found
